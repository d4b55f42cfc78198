"""The paths of controls against closed forms: rotations, shears, lines at another speed, frames frozen at the start."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import ClassVar, Self

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_calibration import WIDTH, Linear, axis
from torch import Tensor
from toys import ToyGenerator

from explorer.comparison.paths import IN_TURN, Paths, walked
from explorer.controls.base import Control, PointControl
from explorer.controls.linear import LinearControl
from explorer.controls.local_basis import LocalBasisControl
from explorer.controls.scaled import scaled
from explorer.controls.weights import WeightsControl
from explorer.generators.base import Latent
from explorer.generators.registry import load
from explorer.scene.cards import ControlCard
from explorer.scene.model import Scalar

ALPHA = 0.7


@dataclass(frozen=True, eq=False)
class Own(PointControl):
    """What the tests' controls share: they are of the linear generator and are never written."""

    kind: ClassVar[str] = "own"

    card: ControlCard

    @property
    def shape(self) -> tuple[int, ...]:
        return (WIDTH,)

    def tensors(self) -> dict[str, Tensor]:
        return {}

    def parameters(self) -> dict[str, Scalar]:
        return {}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        return cls(card)


@dataclass(frozen=True, eq=False)
class Turn(Own):
    """A rotation in the plane of two axes, by the amount as an angle."""

    plane: tuple[int, int] = (0, 1)

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        i, j = self.plane
        moved = latent.clone()
        moved[:, i] = amount.cos() * latent[:, i] - amount.sin() * latent[:, j]
        moved[:, j] = amount.sin() * latent[:, i] + amount.cos() * latent[:, j]
        return moved


@dataclass(frozen=True, eq=False)
class Shear(Own):
    """z_i + amount · z_j."""

    plane: tuple[int, int] = (0, 1)

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        i, j = self.plane
        moved = latent.clone()
        moved[:, i] = latent[:, i] + amount * latent[:, j]
        return moved


@dataclass(frozen=True, eq=False)
class Power(Own):
    """z + sign(a) |a|^power · way: a straight line whose speed is 0 at amount 0, as where a field begins at rest."""

    power: int = 3
    way: Tensor = torch.eye(WIDTH)[0]

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        far = amount.sign() * amount.abs() ** self.power
        return latent + far[:, None] * self.way.to(latent)


@dataclass(frozen=True, eq=False)
class Frozen(Own):
    """z + a J z, J a quarter turn of the first two axes: a straight line along the frame of where it starts."""

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        moved = latent.clone()
        moved[:, 0] = latent[:, 0] - amount * latent[:, 1]
        moved[:, 1] = latent[:, 1] + amount * latent[:, 0]
        return moved


@dataclass(frozen=True, eq=False)
class There(Own):
    """z + |a| e_0: both signs go the same way."""

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        return latent + amount.abs()[:, None] * torch.eye(WIDTH)[0].to(latent)


class Circles(Linear):
    """Its one factor turns the first two numbers; the truth is the tangent of the circle through the point."""

    def __init__(self) -> None:
        super().__init__()
        self.card = msgspec.structs.replace(self.card, capabilities=("true_directions",))

    def true_directions(self, latent: Latent | None = None) -> Tensor:
        z = torch.ones(1, WIDTH) if latent is None else latent.tensors["z"]
        way = torch.zeros(len(z), 1, WIDTH)
        way[:, 0, 0], way[:, 0, 1] = -z[:, 1], z[:, 0]
        way = way / way.norm(dim=2, keepdim=True)
        return way[0] if latent is None else way


def card(name: str = "own") -> ControlCard:
    return ControlCard(name=name, space="z")


def follow(
    *controls: Control, generator: Linear | ToyGenerator | None = None, alphas: Sequence[float] | None = None
) -> tuple[Paths, Tensor]:
    """The paths at five points, and these points in float64."""
    generator = generator or Linear()
    points = generator.sample(range(5))
    pairs = np.array(list(combinations(range(len(controls)), 2)), np.int64).reshape(-1, 2)
    found = walked(generator, points, controls, np.array(alphas or [ALPHA] * len(controls)), pairs)
    return found, points.tensors["z"].double()


def test_straight_lines_are_all_zeros_and_nothing_is_divided_by_nothing() -> None:
    still = LinearControl(card("still"), torch.zeros(WIDTH))
    found, _ = follow(axis(0), axis(1, 3.0), still, axis(2), alphas=[0.5, 0.2, 1.0, math.nan])
    assert found.truth is None
    np.testing.assert_array_equal(found.bends[:, :2], 0.0)
    np.testing.assert_array_equal(found.returns[:, :2], 0.0)
    for array in (found.bends, found.returns):
        assert np.isnan(array[:, 2:]).all(), "what goes nowhere, and what has no effect, has no path"
    # Pairs: (0, 1) commute; of those with the direction that goes nowhere the other's length is enough.
    np.testing.assert_array_equal(found.orders[:3, 0], 0.0)
    np.testing.assert_array_equal(found.orders[:3, 1], 0.0)
    assert np.isnan(found.orders[:, [2, 4, 5]]).all(), "a direction without effect is in no pair"


@settings(max_examples=20, deadline=None)
@given(st.floats(0.05, 3.0))
def test_a_rotation_bends_as_an_arc_does_and_comes_back(angle: float) -> None:
    found, _ = follow(Turn(card()), alphas=[angle])
    np.testing.assert_allclose(found.bends[:, 0], 1 - math.sin(angle) / angle, atol=2e-4 * angle**2)
    np.testing.assert_array_equal(found.returns[:, 0], 0.0)


def test_rotations_about_two_axes_in_either_order() -> None:
    found, z = follow(Turn(card("a")), Turn(card("b"), (1, 2)), alphas=[0.4, 0.9])

    def matrix(angle: float, i: int, j: int) -> Tensor:
        turn = torch.eye(WIDTH, dtype=torch.float64)
        turn[i, i] = turn[j, j] = math.cos(angle)
        turn[j, i], turn[i, j] = math.sin(angle), -math.sin(angle)
        return turn

    one, two = matrix(0.4, 0, 1), matrix(0.9, 1, 2)
    gap = (z @ (one @ two - two @ one).T).norm(dim=1)
    ways = 0.4 * z[:, :2].norm(dim=1), 0.9 * z[:, 1:3].norm(dim=1)
    expected = gap / ((ways[0] + ways[1]) / 2)
    np.testing.assert_allclose(found.orders[:3, 0], expected[:3], rtol=1e-3)


def test_shears_and_their_commutator() -> None:
    """[1 a; 0 1] and [1 0; b 1]: the two orders differ by diag(ab, -ab)."""
    a, b = 0.3, 0.8
    found, z = follow(Shear(card("up")), Shear(card("down"), (1, 0)), alphas=[a, b])
    gap = a * b * z[:, :2].norm(dim=1)
    expected = gap / ((a * z[:, 1].abs() + b * z[:, 0].abs()) / 2)
    np.testing.assert_allclose(found.orders[:3, 0], expected[:3], rtol=1e-9)
    np.testing.assert_array_equal(found.bends, 0.0)
    np.testing.assert_array_equal(found.returns, 0.0)
    same, _ = follow(Shear(card("up")), Shear(card("other"), (2, 1)))
    np.testing.assert_array_equal(same.orders[:3], 0.0)


def test_a_frame_frozen_at_the_start_misses_it_on_the_way_back() -> None:
    """(1 - a J)(1 + a J) z = z - a² J² z: a² of the radius away, after a way of a times the radius."""
    found, _ = follow(Frozen(card()))
    np.testing.assert_allclose(found.returns[:, 0], ALPHA, rtol=1e-9)
    np.testing.assert_array_equal(found.bends[:, 0], 0.0)


def test_a_control_that_only_goes_on() -> None:
    found, _ = follow(There(card()))
    np.testing.assert_allclose(found.bends[:, 0], 1.0, atol=1e-12, err_msg="both ends are one point")
    np.testing.assert_allclose(found.returns[:, 0], 2.0, rtol=1e-9)


def test_a_local_basis_by_its_own_moves() -> None:
    source = torch.Generator().manual_seed(3)
    weights = tuple(torch.randn(WIDTH, WIDTH, generator=source) for _ in range(2))
    biases = tuple(torch.randn(WIDTH, generator=source) for _ in range(2))
    controls = [
        LocalBasisControl(card(f"basis {i}"), weights, biases, torch.ones(WIDTH), i, scale=1.0, step=0.25)
        for i in range(2)
    ]
    found, z = follow(*controls)
    step = torch.full((1,), ALPHA, dtype=torch.float64)
    fine = np.linspace(-ALPHA, ALPHA, 4001)
    for row in range(2):
        start = z[row : row + 1]
        path = controls[0].move(start.expand(len(fine), -1), torch.from_numpy(fine))
        arc = float(path.diff(dim=0).norm(dim=1).sum())
        assert found.bends[row, 0] == pytest.approx(1 - float((path[-1] - path[0]).norm()) / arc, abs=2e-3)
        misses = [float((controls[0].move(controls[0].move(start, by), -by) - start).norm()) for by in (step, -step)]
        assert found.returns[row, 0] == pytest.approx(sum(misses) / arc, rel=2e-2)
        assert sum(misses) > 1e-3
        there = [controls[j].move(controls[i].move(start, step), step) for i, j in ((0, 1), (1, 0))]
        half = torch.from_numpy(fine[len(fine) // 2 :])
        ways = [one.move(start.expand(len(half), -1), half).diff(dim=0).norm(dim=1).sum() for one in controls]
        expected = float((there[0] - there[1]).norm()) / (float(ways[0] + ways[1]) / 2)
        assert found.orders[row, 0] == pytest.approx(expected, rel=2e-2)


# --- path cosine -----------------------------------------------------------------------------------------------------


def test_where_truth_is_straight_it_is_the_cosine_of_the_directions() -> None:
    """What the matched cosine of before took, at the base code, of lines and of what starts at speed 0 along them."""
    generator = load("known-distinct", torch.device("cpu"))
    truth = generator.true_directions().double()  # type: ignore[attr-defined]
    ways = torch.randn(3, truth.shape[1], generator=torch.Generator().manual_seed(0))
    lines: list[Control] = [LinearControl(card(f"d{i}"), way) for i, way in enumerate(ways)]
    cosines = (ways.double() / ways.double().norm(dim=1, keepdim=True) @ truth.T).abs()
    points = generator.sample(range(4))
    slow = [_Slow(card(f"s{i}"), power=power, way=ways[0]) for i, power in enumerate((2, 3))]
    found = walked(generator, points, [*lines, *slow], np.full(5, 0.4), np.empty((0, 2), np.int64))
    assert found.truth is not None
    expected = torch.cat([cosines, cosines[:1], cosines[:1]])
    np.testing.assert_allclose(found.truth, expected.expand(4, -1, -1), atol=1e-3)


class _Slow(Power):
    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.way),)


def test_a_line_across_circles_in_closed_form() -> None:
    """Mean of |y| / √(x² + y²) over x: |y| (asinh(x₁ / |y|) - asinh(x₀ / |y|)) / (x₁ - x₀)."""
    cubic = Power(card("cubic"), way=torch.eye(WIDTH)[0] / ALPHA**2)  # as far as the line, at another speed
    found, z = follow(axis(0), cubic, Turn(card("turn")), generator=Circles())
    assert found.truth is not None
    x, y = z[:, 0], z[:, 1].abs()
    expected = y * (((x + ALPHA) / y).asinh() - ((x - ALPHA) / y).asinh()) / (2 * ALPHA)
    np.testing.assert_allclose(found.truth[:, 0, 0], expected, atol=2e-3)
    np.testing.assert_allclose(found.truth[:, 1, 0], expected, atol=2e-2, err_msg="weighted by the speed")
    np.testing.assert_allclose(found.truth[:, 2, 0], 1.0, atol=1e-6)
    at_base = (y / (x**2 + y**2).sqrt()).numpy()
    assert np.abs(found.truth[:, 0, 0] - at_base).max() > 0.05, "it is not the cosine at the base code"


def test_what_goes_nowhere_has_no_cosine() -> None:
    found, _ = follow(axis(0), LinearControl(card(), torch.zeros(WIDTH)), axis(1), generator=Circles(),
                      alphas=[1.0, 1.0, math.nan])  # fmt: skip
    assert found.truth is not None
    assert np.isfinite(found.truth[:, 0]).all()
    assert np.isnan(found.truth[:, 1:]).all()


@settings(max_examples=15, deadline=None)
@given(st.floats(0.1, 1.5), st.floats(0.2, 5.0), st.booleans())
def test_unit_and_sign_of_a_control_do_not_matter(alpha: float, factor: float, turned: bool) -> None:
    controls: list[Control] = [Turn(card("turn")), Frozen(card("frozen")), axis(0)]
    other = [scaled(one, -factor if turned else factor) for one in controls]
    first, _ = follow(*controls, generator=Circles(), alphas=[alpha] * 3)
    again, _ = follow(*other, generator=Circles(), alphas=[alpha / factor] * 3)
    for name in ("truth", "bends", "returns"):
        np.testing.assert_allclose(getattr(again, name), getattr(first, name), atol=1e-9, err_msg=name)


# --- spaces, weights, joint moves -------------------------------------------------------------------------------------


def test_only_pairs_within_one_space_have_an_order() -> None:
    z, w, other = (
        LinearControl(ControlCard(name=name, space=space), torch.eye(10)[place])
        for name, space, place in (("a", "z", 0), ("b", "w", 1), ("c", "w", 2))
    )
    found, _ = follow(z, w, other, generator=ToyGenerator())
    np.testing.assert_array_equal(found.bends, 0.0)
    assert np.isnan(found.orders[:, :2]).all()
    np.testing.assert_array_equal(found.orders[:3, 2], 0.0)


def test_changes_of_weights_have_no_path() -> None:
    change = WeightsControl(ControlCard(name="w", space="weights"), {"layer": torch.ones(2)})
    found, _ = follow(change, axis(0), generator=Circles())
    assert found.truth is None
    assert np.isnan(found.bends[:, 0]).all()
    assert np.isnan(found.orders).all()


def test_the_paths_of_many_numbers_are_walked_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from explorer.comparison import paths

    controls = [Turn(card("a")), Frozen(card("b"))]
    whole, _ = follow(*controls, generator=Circles())
    monkeypatch.setattr(paths, "MOST_NUMBERS", 1)
    parts, _ = follow(*controls, generator=Circles())
    for name in ("truth", "bends", "returns", "orders"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name), name)


def test_joint_controls_are_tried_in_turn_and_it_is_said() -> None:
    class Joined(Turn):
        group = "turns"

        def move_together(self, latent: Tensor, moves: object) -> Tensor:
            ((control, number, *_),) = moves  # type: ignore[misc, attr-defined]
            return Turn.moved(control, latent, number)

    joined = [Joined(card("a")), Joined(card("b"), (1, 2))]
    plain = [replace(Turn(one.card), plane=one.plane) for one in joined]
    np.testing.assert_array_equal(follow(*joined)[0].orders, follow(*plain)[0].orders)
    assert follow(scaled(joined[0], 2.0), plain[1])[0].notes["order_dependence"] == IN_TURN
    assert set(follow(*plain)[0].notes.values()) == {""}


def test_few_base_codes_are_enough_where_no_truth_asks_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    from explorer.comparison import paths

    controls = [Turn(card("a")), Frozen(card("b"))]
    known, unknown = (follow(*controls, generator=one)[0] for one in (Circles(), Linear()))
    monkeypatch.setattr(paths, "WALKED_BASES", 3)
    monkeypatch.setattr(paths, "ORDERED_BASES", 2)
    for whole, generator, walked_bases in ((known, Circles(), 5), (unknown, Linear(), 3)):
        few, _ = follow(*controls, generator=generator)
        for name, count in (("bends", walked_bases), ("returns", 3), ("orders", 2)):
            np.testing.assert_array_equal(getattr(few, name)[:count], getattr(whole, name)[:count], name)
            assert np.isnan(getattr(few, name)[count:]).all(), name
        if whole.truth is not None:
            np.testing.assert_array_equal(few.truth, whole.truth)
        assert few.notes == {
            "nonlinearity": "at 3 base codes" if walked_bases == 3 else "",
            "round_trip": "at 3 base codes",
            "order_dependence": "pairs at 2 base codes",
        }
