"""The landscape of a control, against paths and fields that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from plain_fields import PlainField, rotation, swirl
from toys import ToyGenerator

from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet
from explorer.controls.field import FieldControl
from explorer.controls.following import Flow
from explorer.controls.linear import LinearControl
from explorer.controls.scaled import scaled
from explorer.engine import landscape as module
from explorer.engine.landscape import landscape
from explorer.errors import ControlError, ExplorerError
from explorer.fields.base import VectorField
from explorer.generators.base import Latent
from explorer.scene.cards import ControlCard
from explorer.scene.landscape import FieldOnPlane, Landscape, Plane
from explorer.scene.model import Edit

WIDTH = 6
TOY = ToyGenerator(width=WIDTH)
START = torch.tensor([[1.5, 0.0, 0.3, -0.2, 0.0, 0.7]])


def flow(field: VectorField, name: str = "flow", **more: object) -> FieldControl:
    card = ControlCard(name=name, space="z", low=-3.0, high=3.0)
    return FieldControl(card, field, Flow(**{"scale": 1.0, "step": 0.05, **more}))  # type: ignore[arg-type]


def seen(
    *controls: Control, plane: Plane | None = None, edits: tuple[Edit, ...] = (), time: float | None = None
) -> Landscape:
    found = ControlSet("m", "M", TOY.card.fingerprint, "z", controls)
    name = controls[0].card.name
    return landscape(TOY, found, Latent({"z": START}), edits, name, plane or Plane(), time)


def grid(field: FieldOnPlane, numbers: bytes) -> NDArray[np.float32]:
    return np.frombuffer(numbers, "<f4").reshape(field.size, field.size)


def test_a_circle_has_one_speed_one_curvature_and_a_curl_of_two() -> None:
    drawn = seen(flow(rotation(WIDTH)))
    np.testing.assert_allclose(drawn.speed, 1.5, rtol=2e-3)
    np.testing.assert_allclose(drawn.curvature, 1 / 1.5, rtol=2e-3)
    assert drawn.inside == pytest.approx(1.0, abs=1e-6)
    assert max(drawn.beside) < 1e-5
    # Six radians of a circle: the chord is 2 r sin 3.
    assert drawn.bend == pytest.approx(1 - 2 * math.sin(3) / 6, abs=1e-3)
    assert drawn.field is not None
    np.testing.assert_allclose(
        grid(drawn.field, drawn.field.curl), grid(drawn.field, drawn.field.curl)[5, 5], rtol=1e-3
    )
    assert abs(grid(drawn.field, drawn.field.curl)[5, 5]) == pytest.approx(2.0, rel=1e-3)
    assert drawn.field.potential == b""
    assert not drawn.field.is_gradient
    assert drawn.field.hidden < 1e-6
    # The start is 0 of the plane, and the middle of the circle lies 1.5 from it.
    middle = np.array(drawn.path)[40]
    np.testing.assert_allclose(middle, 0, atol=1e-6)
    left, right, bottom, top = drawn.extent
    assert right - left == pytest.approx(top - bottom)
    assert all(left < x < right and bottom < y < top for x, y in drawn.path)


def test_a_straight_control_has_no_curvature_and_is_its_own_line() -> None:
    way = torch.tensor([0.0, 2.0, 0.0, 0.0, 1.0, 0.0])
    drawn = seen(LinearControl(ControlCard(name="line", space="z", low=-2.0, high=3.0), way))
    np.testing.assert_allclose(drawn.speed, math.sqrt(5), rtol=1e-5)
    assert set(drawn.curvature) == {0.0}
    assert drawn.bend == pytest.approx(0.0, abs=1e-6)
    assert drawn.field is None
    assert "straight" in drawn.vertical
    ends = np.array(drawn.straight)
    np.testing.assert_allclose(np.sort(ends[:, 0]), [-2 * math.sqrt(5), 3 * math.sqrt(5)], rtol=1e-5)
    np.testing.assert_allclose(ends[:, 1], 0, atol=1e-5)
    points = START[0].double() + torch.tensor(drawn.amounts)[:, None] * way
    expected = -points.square().sum(1) / 2 - WIDTH / 2 * math.log(2 * math.pi)
    np.testing.assert_allclose(drawn.log_prior, expected, rtol=1e-5)


def test_a_quadratic_potential_is_drawn_as_it_is_with_its_gradient() -> None:
    """u = |z|² / 4 along all axes: contours are circles round the point that 0 is."""
    bowl = PlainField(torch.eye(WIDTH).double() / 2, torch.zeros(WIDTH).double())
    plane = Plane(kind="controls", other="side")
    side = LinearControl(ControlCard(name="side", space="z"), torch.tensor([0.0, 1.0, 0.0, 0.0, 0.0, 0.0]))
    drawn = seen(flow(bowl), side, plane=plane)
    assert drawn.field is not None
    left, right, bottom, top = drawn.extent
    x, y = np.meshgrid(np.linspace(left, right, drawn.field.size), np.linspace(bottom, top, drawn.field.size))
    # The first axis is the field's own way at the start: outwards, through 0 of the space.
    length = float(START.norm())
    # The second is `side` made orthogonal to it.
    start = START[0].double()
    first = start / start.norm()
    second = torch.zeros(WIDTH).double()
    second[1] = 1.0
    second = second - (second @ first) * first
    second = second / second.norm()
    out = (length + x) ** 2 + (y + float(start @ second)) ** 2
    assert drawn.field.is_gradient
    np.testing.assert_allclose(grid(drawn.field, drawn.field.potential), out / 4, rtol=1e-4)
    np.testing.assert_allclose(grid(drawn.field, drawn.field.across), (length + x) / 2, rtol=1e-4)
    np.testing.assert_allclose(grid(drawn.field, drawn.field.up), (y + float(start @ second)) / 2, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(grid(drawn.field, drawn.field.curl), 0, atol=1e-4)


def test_turned_round_and_in_another_unit_the_field_is_turned_and_the_path_the_same() -> None:
    plain = flow(swirl(1, WIDTH, swing=0.0))
    turned = scaled(plain, -0.5)
    there, back = seen(plain), seen(turned)
    np.testing.assert_allclose(np.array(back.speed)[::-1], np.array(there.speed) / 2, rtol=1e-4)
    assert there.field is not None
    assert back.field is not None
    edge = np.abs(np.array(back.extent)).sum()
    assert edge > 0
    # Its plane may be mirrored; lengths are not. What an amount of 1 adds is half as much in half the unit.
    lengths = [
        np.hypot(grid(one.field, one.field.across), grid(one.field, one.field.up)).mean()
        for one in (there, back)  # type: ignore[union-attr,arg-type]
    ]
    assert lengths[0] / 2 == pytest.approx(lengths[1], rel=1e-3)


def test_numbers_of_the_field_are_of_an_amount_of_1_and_at_unit_speed_its_own() -> None:
    half = seen(flow(rotation(WIDTH), scale=0.5)).field
    assert half is not None
    np.testing.assert_allclose(np.abs(grid(half, half.curl)), 1.0, rtol=1e-3)
    assert not half.unit_speed
    bowl = PlainField(torch.eye(WIDTH).double() / 2, torch.zeros(WIDTH).double())
    drawn = seen(flow(bowl, scale=2.0))
    assert drawn.field is not None
    left, right, bottom, top = drawn.extent
    steps = (top - bottom) / (drawn.field.size - 1), (right - left) / (drawn.field.size - 1)
    up, across = np.gradient(grid(drawn.field, drawn.field.potential).astype(float), *steps)
    inner = np.s_[1:-1, 1:-1]  # where differences are central, and exact for a square
    np.testing.assert_allclose(up[inner], grid(drawn.field, drawn.field.up)[inner], atol=1e-3)
    np.testing.assert_allclose(across[inner], grid(drawn.field, drawn.field.across)[inner], atol=1e-3)
    directed = [seen(flow(rotation(WIDTH), scale=scale, unit_speed=True)).field for scale in (1.0, 0.5)]
    for field in directed:
        assert field is not None
        assert field.unit_speed
        np.testing.assert_allclose(np.abs(grid(field, field.curl)), 2.0, rtol=1e-3)


def test_beside_a_second_flow_all_points_are_computed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    plain = PlainField.velocity

    def counted(self: PlainField, z: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return plain(self, z, time)

    monkeypatch.setattr(PlainField, "velocity", counted)
    way = torch.tensor([0.0, 2.0, 0.0, 0.0, 1.0, 0.0])
    found = (
        scaled(flow(swirl(1, WIDTH), "a"), 0.5), flow(swirl(2, WIDTH), "b"),
        LinearControl(ControlCard(name="line", space="z"), way),
    )  # fmt: skip
    edits = (Edit("b", 1.5), Edit("line", -0.7))
    at_once, few = seen(*found, edits=edits), calls
    monkeypatch.setattr(module, "_at_once", lambda *_: None)
    calls = 0
    alone = seen(*found, edits=edits)
    assert few < calls / 10
    # The planes may be mirrored, and the plane's axes are those of either path.
    np.testing.assert_allclose(np.abs(at_once.path), np.abs(alone.path), atol=1e-4)
    np.testing.assert_allclose(at_once.speed, alone.speed, rtol=1e-3)


def test_steps_that_are_part_of_the_path_are_drawn_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Euler's, of other programs: a path of finer steps would be another one."""
    found = flow(swirl(1, WIDTH), "a", integrator="euler", step=1.0), flow(swirl(2, WIDTH), "b")
    drawn = seen(*found, edits=(Edit("b", 1.0),))
    monkeypatch.setattr(module, "_at_once", lambda *_: None)
    assert drawn == seen(*found, edits=(Edit("b", 1.0),))


def test_a_field_in_time_is_shown_at_the_time_that_is_asked_for_and_says_where_its_path_ends() -> None:
    timed = flow(swirl(1, WIDTH, last=2.0), rate=1.0, negative="anti-field")
    drawn, later = seen(timed), seen(timed, time=1.5)
    assert drawn.field is not None
    assert later.field is not None
    assert (drawn.field.time, later.field.time) == (0.0, 1.5)
    assert drawn.field.across != later.field.across
    assert drawn.path == later.path
    assert seen(timed, time=9.0).field.time == 2.0  # type: ignore[union-attr]
    assert set(drawn.ends) == {"-3", "3"}
    assert "times 0 to 2" in drawn.ends["3"]


def test_the_path_is_that_of_the_picture_with_all_its_other_edits() -> None:
    first, second = flow(swirl(1, WIDTH), "a"), flow(swirl(2, WIDTH), "b")
    alone, mixed = seen(first, second), seen(first, second, edits=(Edit("b", 1.0), Edit("a", 2.0)))
    assert not np.allclose(alone.speed, mixed.speed)
    # Where its own slider stands does not matter: the path is all of its amounts.
    assert mixed == seen(first, second, edits=(Edit("b", 1.0),))


def test_what_has_no_path_is_refused() -> None:
    one = flow(rotation(WIDTH))
    card = ControlCard(name="value", space="z", shows="value")
    with pytest.raises(ControlError, match="shows values"):
        seen(LinearControl(card, torch.ones(WIDTH)))
    single = ToyGenerator(width=1)
    line = LinearControl(ControlCard(name="line", space="z"), torch.ones(1))
    found = ControlSet("m", "M", single.card.fingerprint, "z", (line,))
    with pytest.raises(ControlError, match="needs two"):
        landscape(single, found, Latent({"z": torch.ones(1, 1)}), (), "line", Plane())
    with pytest.raises(ControlError, match="no control 'b'"):
        seen(one, plane=Plane(kind="controls", other="b"))


@pytest.mark.parametrize("stored", ["w", "w_plus"])
def test_from_a_point_of_a_later_space_there_is_no_path(stored: str) -> None:
    """Neither of a control that is computed knot by knot, nor of one that is computed at once."""
    start = TOY.advance(TOY.sample([3], 0.7), stored)
    start = start.holding({stored: start.tensors[stored]})
    for control in (
        flow(rotation(WIDTH), "bent"),
        LinearControl(ControlCard(name="line", space="z"), torch.ones(WIDTH)),
    ):
        found = ControlSet("m", "M", TOY.card.fingerprint, "z", (control,))
        with pytest.raises(ExplorerError, match="starts from a stored point of a later space than 'z'"):
            landscape(TOY, found, start, (), control.card.name, Plane())
