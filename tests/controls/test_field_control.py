"""The control that follows a vector field: against closed forms and independent computations."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_fields import PlainField, ended, flow_from, rotation, swirl
from torch import Tensor

from explorer.controls import control_set
from explorer.controls import field as module
from explorer.controls.base import Joint, Move, Remarking
from explorer.controls.control_set import ControlSet
from explorer.controls.field import FieldAtOnce, FieldControl
from explorer.controls.following import Flow
from explorer.controls.scaled import scaled
from explorer.fields.base import VectorField
from explorer.numerics.integrators import ORDERS, Integrator
from explorer.scene.cards import ControlCard, SpaceCard
from explorer.scene.model import Scalar

AMOUNT = st.floats(-3, 3, width=32)


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "fields", lambda: {"plain": PlainField})


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def control(field: VectorField, name: str = "c", layers: tuple[int, int] | None = None, **flow: object) -> FieldControl:
    return FieldControl(ControlCard(name=name, space="s", layers=layers), field, Flow(**{"scale": 1.0, **flow}))  # type: ignore[arg-type]


def by(amount: float, rows: int = 1) -> Tensor:
    return torch.full((rows,), amount, dtype=torch.float64)


def test_a_rotation_goes_round_and_closes() -> None:
    one = control(rotation(3), step=2 * math.pi / 60)
    z = torch.tensor([[1.0, 0.5, -2.0]], dtype=torch.float64)
    for angle in (0.3, 1.0, math.pi, 2 * math.pi, -2.0):
        turned = torch.tensor(
            [[math.cos(angle) - 0.5 * math.sin(angle), math.sin(angle) + 0.5 * math.cos(angle), -2.0]]
        )
        assert float((one.move(z, by(angle)) - turned).abs().max()) <= 1e-5
    assert float((one.move(z, by(2 * math.pi)) - z).abs().max()) <= 1e-5


@given(st.integers(0, 2**16), AMOUNT, AMOUNT)
@settings(max_examples=40, deadline=None)
def test_one_without_time_composes_and_leads_back(seed: int, a: float, b: float) -> None:
    one, z = control(swirl(seed, swing=0.0)), normal(seed + 2, 2, 4)
    assert one.card.laws.composes
    assert not one.card.laws.timed
    there = one.move(z, by(a, 2))
    torch.testing.assert_close(one.move(there, by(b, 2)), one.move(z, by(a + b, 2)), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(one.move(there, by(-a, 2)), z, rtol=1e-4, atol=1e-4)


@given(st.integers(0, 2**16), st.floats(0, 2), st.floats(0, 2), st.sampled_from([1.0, -1.0]))
@settings(max_examples=40, deadline=None)
def test_one_with_time_goes_on_with_its_time(seed: int, a: float, b: float, sign: float) -> None:
    field, z = swirl(seed, last=9.0), normal(seed + 2, 2, 4)
    one = control(field, rate=1.5, negative="anti-field")
    assert one.card.laws.timed
    assert one.card.laws.negative == "anti-field"
    there, whole = one.move(z, by(sign * a, 2)), one.move(z, by(sign * (a + b), 2))
    torch.testing.assert_close(flow_from(one, there, by(sign * b, 2), sign * a), whole, rtol=1e-4, atol=1e-4)


def test_one_with_time_does_not_compose_as_its_card_says() -> None:
    one, z = control(swirl(1, last=9.0), rate=1.5), normal(2, 1, 4)
    assert not one.card.laws.composes
    there = one.move(one.move(z, by(1.0)), by(1.0))
    assert float((there - one.move(z, by(2.0))).norm()) > 0.05


def test_below_zero_is_the_field_turned_round_or_time_run_back() -> None:
    """v = cos(t) push: the anti-field leads to -sin(t) push, and so does time that runs back, but from another start
    in time they differ."""
    field = PlainField(torch.zeros(2, 2).double(), torch.tensor([1.0, 2.0]).double(), 0.0, 8.0)

    @dataclass(frozen=True, eq=False)
    class Timed(PlainField):
        def velocity(self, z: Tensor, time: Tensor) -> Tensor:
            return time[:, None] * self.push.expand(len(z), -1)

    timed = Timed(field.matrix, field.push, 0.0, 8.0)
    z = torch.zeros(1, 2, dtype=torch.float64)
    turned = control(timed, rate=1.0, start=2.0, negative="anti-field")
    back = control(timed, rate=1.0, start=2.0)
    # ∫ t dt from 2 to 3 is 2.5, from 2 back to 1 it is -1.5.
    torch.testing.assert_close(turned.move(z, by(-1.0)), -2.5 * timed.push[None])
    torch.testing.assert_close(back.move(z, by(-1.0)), -1.5 * timed.push[None])
    torch.testing.assert_close(back.move(z, by(1.0)), 2.5 * timed.push[None])
    assert back.card.laws.negative == "own"
    assert control(timed, rate=1.0).card.laws.negative == "none"


def test_it_ends_where_its_time_ends_and_says_so() -> None:
    one, z = control(swirl(3, last=2.0), rate=1.0, negative="anti-field"), normal(4, 1, 4)
    for amount in (2.5, -7.0):
        end = one.move(z, by(math.copysign(2.0, amount)))
        assert torch.equal(one.move(z, by(amount)), end)
        assert "times 0 to 2" in ended(one, z, amount)
    assert ended(one, z, 1.9) == ""
    forward = control(swirl(3, last=2.0), rate=1.0)
    assert torch.equal(forward.move(z, by(-1.0)), z)
    assert forward.reach == (0.0, 2.0)
    assert isinstance(one, Remarking)


def test_it_ends_where_it_has_no_direction_and_says_so() -> None:
    """At unit speed into the fixed point of v = -z."""
    sink = PlainField(-torch.eye(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64))
    one, z = control(sink, unit_speed=True), torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(one.move(z, by(0.5)), z / 2)
    assert ended(one, z, 0.5) == ""
    last = one.move(z, by(3.0))
    assert bool(last.isfinite().all())
    assert float(last.norm()) <= 0.25
    assert ended(one, z, 3.0) == "has no direction from there"
    nowhere = torch.zeros(1, 2, dtype=torch.float64)
    assert torch.equal(one.move(nowhere, by(1.0)), nowhere)
    assert torch.equal(one.velocity(nowhere), nowhere)


def test_at_unit_speed_it_ends_at_an_extremum_and_does_not_run_to_and_fro() -> None:
    """Into the fixed point of v = -z from where no step lands on it."""
    sink = PlainField(-torch.eye(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64))
    one, z = control(sink, unit_speed=True), torch.tensor([[0.7, 0.43]], dtype=torch.float64)
    radius = float(z.norm())
    assert ended(one, z, radius - 0.2) == ""
    last = one.move(z, by(3.0))
    assert float(last.norm()) <= 0.13
    assert torch.equal(one.move(z, by(1.5)), last)
    assert ended(one, z, 1.5) == "has no direction from there"


@dataclass(frozen=True, eq=False)
class Counted(PlainField):
    """Counts how often it is asked."""

    calls: ClassVar[list[int]] = []

    def velocity(self, z: Tensor, time: Tensor) -> Tensor:
        self.calls.append(len(z))
        return super().velocity(z, time)


def test_a_drag_computes_every_knot_once_and_leads_back_to_the_same_bits() -> None:
    plain = swirl(5)
    one, z = control(Counted(plain.matrix, plain.push)), normal(6, 1, 4).float()
    amounts = [0.1 * number for number in range(30)]
    there = [one.move(z, by(amount)) for amount in amounts]
    Counted.calls.clear()
    back = [one.move(z, by(amount)) for amount in reversed(amounts)]
    assert all(torch.equal(a, b) for a, b in zip(there, reversed(back), strict=True))
    assert len(Counted.calls) <= 4 * len(amounts)  # the last piece of a step each
    fresh = control(plain)
    assert all(torch.equal(fresh.move(z, by(amount)), point) for amount, point in zip(amounts, there, strict=True))


@given(st.integers(0, 2**16), st.lists(AMOUNT, min_size=3, max_size=3), st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_mixture_does_not_depend_on_the_order_and_is_one_flow(seed: int, amounts: list[float], timed: bool) -> None:
    last, rate = (9.0, 1.0) if timed else (0.0, 0.0)
    parts = [control(swirl(seed + 9 * index, last=last), f"c{index}", rate=rate) for index in range(3)]
    z = normal(seed + 5, 2, 4).float()
    numbers = [torch.tensor([amount, 0.0]) for amount in amounts]
    moves = [Move(part, number) for part, number in zip(parts, numbers, strict=True)]
    together = parts[0].move_together(z, moves)
    for order in itertools.permutations(moves):
        assert torch.equal(order[0].control.move_together(z, order), together)  # type: ignore[attr-defined]
    assert torch.equal(together[1], z[1])
    if not timed:  # an independent computation: the exponential of the sum of the maps
        matrix = sum(
            (amount * part.field.matrix for amount, part in zip(amounts, parts, strict=True)), torch.zeros(4, 4)
        )  # type: ignore[attr-defined]
        push = sum((amount * part.field.push for amount, part in zip(amounts, parts, strict=True)), torch.zeros(4))  # type: ignore[attr-defined]
        whole = torch.zeros(5, 5, dtype=torch.float64)
        whole[:4, :4], whole[:4, 4] = matrix, push
        exact = torch.linalg.matrix_exp(whole) @ torch.cat([z[0].double(), torch.ones(1).double()])
        torch.testing.assert_close(together[0].double(), exact[:4], rtol=2e-3, atol=2e-3)


def test_a_mixture_with_time_is_what_many_short_turns_lead_to() -> None:
    parts = [control(swirl(9 * index, last=9.0), f"c{index}", rate=1.0, negative="anti-field") for index in range(2)]
    z, amounts, turns = normal(3, 1, 4), (1.5, -0.8), 4000
    together = parts[0].move_together(z, [Move(part, by(a)) for part, a in zip(parts, amounts, strict=True)])
    for turn in range(turns):
        for part, amount in zip(parts, amounts, strict=True):
            time = torch.full((1,), abs(amount) * (turn + 0.5) / turns, dtype=torch.float64)
            z = z + amount / turns * part.field.velocity(z, time)
    torch.testing.assert_close(together, z, atol=2e-3, rtol=0)


def test_one_that_moves_alone_in_a_mixture_moves_as_it_does_alone() -> None:
    first, second = control(swirl(0), "a"), control(swirl(1), "b")
    z = normal(2, 2, 4).float()
    moves = [Move(second, torch.tensor([0.0, 0.0])), Move(first, torch.tensor([1.3, -0.7]))]
    assert isinstance(first, Joint)
    assert torch.equal(first.move_together(z, moves), first.move(z, torch.tensor([1.3, -0.7])))


@pytest.mark.parametrize("method", list(ORDERS))
def test_the_slope_by_point_and_amount_is_that_of_the_path(method: Integrator) -> None:
    one = control(swirl(7, last=9.0), rate=1.0, integrator=method)
    z, amount = normal(8, 1, 4).requires_grad_(), by(1.3).requires_grad_()
    moved = one.move(z, amount)
    with torch.no_grad():
        assert torch.equal(one.move(z, amount), moved)
    along = normal(9, 4)
    (moved[0] @ along).backward()  # type: ignore[no-untyped-call]
    assert amount.grad is not None
    assert z.grad is not None
    with torch.no_grad():
        slope = (one.move(z, amount + 1e-5) - one.move(z, amount - 1e-5))[0] @ along / 2e-5
        torch.testing.assert_close(amount.grad[0], slope, rtol=1e-5, atol=1e-7)
        for axis in range(4):
            step = torch.zeros(1, 4, dtype=torch.float64)
            step[0, axis] = 1e-5
            slope = (one.move(z + step, amount) - one.move(z - step, amount))[0] @ along / 2e-5
            torch.testing.assert_close(z.grad[0, axis], slope, rtol=1e-5, atol=1e-7)


def test_on_a_sphere_points_stay_at_their_length_and_go_round() -> None:
    """A constant push along the sphere: the angle θ to it obeys θ' = -sin θ / r, so tan(θ/2) falls as e^(-a / r)."""
    push = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    one = control(PlainField(torch.zeros(3, 3).double(), push), sphere=True, step=0.02)
    z = torch.tensor([[2.0, 0.0, 0.0]], dtype=torch.float64)
    for amount in (0.5, 1.5, -1.0):
        there = one.move(z, by(amount))
        assert float(there.norm()) == pytest.approx(2.0, abs=1e-12)
        angle = 2 * math.atan(math.exp(-amount / 2))
        expected = torch.tensor([[math.sin(angle), 0.0, math.cos(angle)]]).double() * 2
        torch.testing.assert_close(there, expected, atol=1e-6, rtol=0)


def test_some_layers_are_moved_by_what_the_field_is_at_the_first_of_them() -> None:
    flat, layered = control(swirl(1)), control(swirl(1), layers=(1, 2))
    with pytest.raises(ValueError, match="of a sphere"):
        control(swirl(1), layers=(1, 2), sphere=True)
    space = SpaceCard(shape=(5, 4), layers=5)
    assert layered.misfit(space) == ""
    assert "width" in flat.misfit(SpaceCard(shape=(3,)))
    assert "layers" in control(swirl(1), layers=(3, 7)).misfit(space)
    w = normal(2, 2, 4)
    stack = w[:, None].expand(-1, 5, -1)
    moved = layered.move(stack, by(1.2, 2))
    assert torch.equal(moved[:, [0, 3, 4]], stack[:, [0, 3, 4]])
    torch.testing.assert_close(moved[:, 1], flat.move(w, by(1.2, 2)))
    torch.testing.assert_close(moved[:, 2], flat.move(w, by(1.2, 2)))
    picture = SpaceCard(shape=(2, 2, 1))
    assert flat.misfit(picture) == ""
    torch.testing.assert_close(flat.move(w.reshape(2, 2, 2, 1), by(1.0, 2)).flatten(1), flat.move(w, by(1.0, 2)))


def test_it_is_kept_in_a_file_and_scaled(tmp_path: Path) -> None:
    one = control(swirl(1, last=4.0), rate=0.5, start=0.25, integrator="heun", negative="anti-field", sphere=True)
    found = ControlSet("m", "M", "f" * 64, "s", (one, scaled(one, -0.5, name="half")))
    control_set.save(found, tmp_path / "set.safetensors")
    again = control_set.load(tmp_path / "set.safetensors")
    z = normal(2, 3, 4).float()
    amounts = torch.tensor([-2.0, 0.3, 6.0])
    for old, new in zip(found.controls, again.controls, strict=True):
        assert torch.equal(old.move(z, amounts), new.move(z, amounts))
        assert old.card == new.card
    field = again.controls[0].card.field
    assert field is not None
    assert field.times == (0.0, 4.0)
    assert field.integrator == "heun"
    assert not field.potential


@pytest.mark.parametrize(
    ("name", "value"),
    [("scale", math.inf), ("step", 0.0), ("rate", -1.0), ("integrator", "rk5"), ("negative", "own"), ("scale", 1)],
)
def test_a_damaged_flow_is_refused(name: str, value: Scalar) -> None:
    one = control(swirl(1))
    parameters: Mapping[str, Scalar] = {**one.parameters(), name: value}
    with pytest.raises(ValueError, match=r"."):
        FieldControl.restore(one.card, one.tensors(), parameters)
    with pytest.raises(ValueError, match="unknown kind"):
        FieldControl.restore(one.card, one.tensors(), {**one.parameters(), "field": "none such"})


def test_the_velocity_is_that_of_the_start() -> None:
    one = control(swirl(1, last=3.0), scale=2.0, rate=1.0, start=1.0)
    z = normal(2, 3, 4)
    expected = 2 * one.field.velocity(z, torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(one.velocity(z), expected)
    slow = replace(one, flow=replace(one.flow, step=1e-3))
    torch.testing.assert_close((slow.move(z, by(1e-4, 3)) - z) / 1e-4, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("speed", [1e-30, 1e30])
def test_at_unit_speed_a_direction_is_followed_however_fast_the_field_is(speed: float) -> None:
    """In float32, where the square of the speed is 0 or infinite."""
    push = torch.tensor([0.6, -0.8]) * speed
    one = control(PlainField(torch.zeros(2, 2), push), unit_speed=True)
    moved = one.move(torch.zeros(1, 2), by(2.0))
    torch.testing.assert_close(moved, torch.tensor([[1.2, -1.6]]))
    assert ended(one, torch.zeros(1, 2), 2.0) == ""


# --- many amounts at once ---------------------------------------------------------------------------------------------


def at_once(moves: list[Move], start: Tensor) -> Tensor:
    """``moves`` made on as many copies of ``start`` (1, *shape) as they have amounts, all at once."""
    many = [Move(FieldAtOnce(one.control.card, one.control.field, one.control.flow), one.number) for one in moves]  # type: ignore[attr-defined]
    return many[0].control.move_together(start.expand(len(moves[0].number), *start.shape[1:]).clone(), many)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "controls",
    [
        (control(swirl(1)),),
        (control(swirl(1), "a"), control(swirl(2), "b", step=0.2)),
        (control(swirl(1, last=2.0), "a", rate=1.0, negative="anti-field"), control(swirl(2), "b")),
        (control(swirl(1, swing=0.0), "a", sphere=True), control(swirl(2), "b", sphere=True)),
        (control(swirl(1), unit_speed=True),),
        (control(swirl(1), "a", layers=(1, 2)), control(swirl(2), "b", layers=(0, 1))),
    ],
    ids=["one", "two", "in time", "on a sphere", "at unit speed", "layers"],
)
def test_many_amounts_at_once_lead_where_each_does(controls: tuple[FieldControl, ...]) -> None:
    layers = controls[0].card.layers is not None
    start = normal(3, 1, 3, 4) if layers else normal(3, 1, 4)
    amounts = torch.linspace(-2.5, 2.5, 7, dtype=torch.float64)
    numbers = [amounts, *[torch.full_like(amounts, 1.5) for _ in controls[1:]]]
    moves = [Move(one, number) for one, number in zip(controls, numbers, strict=True)]
    alone = [
        controls[0].move_together(
            start, [Move(one, number[row : row + 1]) for one, number in zip(controls, numbers, strict=True)]
        )
        for row in range(len(amounts))
    ]
    torch.testing.assert_close(at_once(moves, start), torch.cat(alone), atol=1e-4, rtol=0)


def test_many_amounts_at_once_end_each_for_itself() -> None:
    """1 - x/2 has no direction at 2, so at unit speed paths from 0 end there; others go on."""
    slope = PlainField(-torch.eye(1, dtype=torch.float64) / 2, torch.ones(1, dtype=torch.float64))
    one = control(slope, unit_speed=True, step=0.125)
    amounts = torch.tensor([-3.0, 1.0, 3.0, 0.0], dtype=torch.float64)
    reached = at_once([Move(one, amounts)], torch.zeros(1, 1, dtype=torch.float64))[:, 0]
    assert reached[0] == pytest.approx(-3.0)
    assert reached[1] == pytest.approx(1.0)
    assert reached[2] == pytest.approx(2.0, abs=0.125)
    assert reached[3] == 0.0
