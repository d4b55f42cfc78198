"""Control sets derived from others: units, order, signs and conditions, against what is known of toys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from toys import ToyGenerator

from explorer.comparison.calibration import POINTS, POINTS_SEED
from explorer.comparison.derive import RANGE, conditional, derive
from explorer.controls.base import Control, Move
from explorer.controls.codebook import CodebookControl
from explorer.controls.control_set import ControlSet, load, save
from explorer.controls.linear import LinearControl
from explorer.controls.scaled import ScaledControl, scaled
from explorer.discovery.registry import method
from explorer.discovery.sampling import drawn_latents
from explorer.errors import Cancelled, ControlError
from explorer.generators.editing import edited
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ControlCard
from explorer.scene.edit_text import EFFECT_UNIT, NO_EFFECT
from explorer.scene.model import ControlSetRef, Quality

TOY = ToyGenerator()
EFFECT = ControlSetRef(method="sefa", k=4, units="effect", tau=0.05)


def no_other(ref: ControlSetRef) -> ControlSet:
    raise AssertionError(f"{ref} was not asked for")


def found(k: int = 4) -> ControlSet:
    return method("sefa").discover(TOY, k)


def with_controls(controls: Sequence[Control], title: str = "Own") -> ControlSet:
    return replace(found(1), controls=tuple(controls), title=title)


def reached(control: Control, amount: float) -> float:
    """How far the picture changes, at the points of the calibration and with both signs."""
    points = next(drawn_latents(TOY, POINTS, POINTS_SEED, POINTS))
    base = TOY.render(points, Quality())
    both = [
        IMAGE.distance(
            TOY.render(edited(TOY, points, [Move(control, torch.full((POINTS,), sign * amount))]), Quality()), base
        )
        for sign in (1, -1)
    ]
    return float(torch.cat(both).mean())


def test_an_amount_of_one_changes_pictures_by_tau() -> None:
    codes = CodebookControl(
        ControlCard(name="codes", space="w", unit="codes", low=-9, high=9), torch.linspace(-6, 6, 99), axis=0, width=10
    )
    native = with_controls([*found().controls, codes])
    made = derive(native, EFFECT, TOY, no_other)
    assert [one.card.name for one in made.controls] == [one.card.name for one in native.controls]
    assert "τ = 0.05 of its range" in made.note
    for one, old in zip(made.controls, native.controls, strict=True):
        assert reached(one, 1.0) == pytest.approx(0.05, rel=0.02)
        assert (one.card.unit, one.card.low, one.card.high) == (EFFECT_UNIT, -RANGE, RANGE)
        assert one.card.details[-1].startswith("1 τ = ")
        # The unit that is said is the one that is used.
        said = float(one.card.details[-1].split()[3])
        assert reached(old, said) == pytest.approx(0.05, rel=0.02)
    assert isinstance(made.controls[-1], ScaledControl)
    assert isinstance(made.controls[0], LinearControl)


def test_a_control_without_effect_keeps_its_unit_and_says_so() -> None:
    dead = LinearControl(ControlCard(name="dead", space="z", details=("drawn",)), torch.zeros(10))
    (made,) = derive(with_controls([dead]), EFFECT, TOY, no_other).controls
    assert (made.card.unit, made.card.low) == ("σ", -3.0)
    assert made.card.details == ("drawn", NO_EFFECT)


def test_the_order_and_the_signs_of_a_shuffled_copy_come_back() -> None:
    native = found(6)
    order, signs = [3, 0, 5, 1, 4, 2], [1.0, -1.0, -1.0, 1.0, 1.0, -1.0]
    stranger = LinearControl(ControlCard(name="stranger", space="w"), torch.zeros(10))
    shuffled = [
        scaled(native.controls[index], sign * 2.0, name=f"{index}") for index, sign in zip(order, signs, strict=True)
    ]
    ref = ControlSetRef(path="own", like=ControlSetRef(method="sefa", k=6))
    asked: list[ControlSetRef] = []

    def other(wanted: ControlSetRef) -> ControlSet:
        asked.append(wanted)
        return native

    made = derive(with_controls([stranger, *shuffled]), ref, TOY, other)
    assert asked == [ref.like]
    assert [one.card.name for one in made.controls] == ["0", "1", "2", "3", "4", "5", "stranger"]
    for one, original in zip(made.controls, native.controls, strict=False):
        assert isinstance(one, LinearControl)
        assert isinstance(original, LinearControl)
        cosine = torch.nn.functional.cosine_similarity(one.direction, original.direction, dim=0)
        assert float(cosine) == pytest.approx(1.0, abs=1e-5)
        assert f"most like '{original.card.name}' of SeFa: cosine 1.00" in one.card.details[-1]
    said = {one.card.name for one in made.controls if one.card.details and one.card.details[-1].endswith("round")}
    assert said == {str(index) for index, sign in zip(order, signs, strict=True) if sign < 0}


def test_units_and_order_together_are_those_of_each() -> None:
    like = msgspec.structs.replace(EFFECT, k=3)
    native = derive(found(3), like, TOY, no_other)
    turned = with_controls([scaled(one, -0.5) for one in reversed(found(3).controls)])
    both = derive(turned, msgspec.structs.replace(EFFECT, like=like), TOY, lambda ref: native)
    for one, original in zip(both.controls, native.controls, strict=True):
        assert one.card.unit == EFFECT_UNIT
        np.testing.assert_allclose(one.direction, original.direction, rtol=2e-2, atol=1e-4)  # type: ignore[attr-defined]


@pytest.mark.parametrize("layers", [None, (1, 2)])
def test_conditional_directions_are_orthogonal_and_as_long_as_before(layers: tuple[int, int] | None) -> None:
    space = "w_plus" if layers else "w"
    source = torch.Generator().manual_seed(3)
    native = with_controls(
        [
            LinearControl(ControlCard(name=f"d{i}", space=space, layers=layers), torch.randn(10, generator=source))
            for i in range(5)
        ]
    )
    ref = ControlSetRef(path="own", without=("d1", "d3"))
    made = derive(native, ref, TOY, no_other)
    directions = {one.card.name: one.direction.double() for one in made.controls}  # type: ignore[attr-defined]
    before = {one.card.name: one.direction.double() for one in native.controls}  # type: ignore[attr-defined]
    for held in ("d1", "d3"):
        assert torch.equal(directions[held], before[held])
        for name in ("d0", "d2", "d4"):
            cosine = directions[held] @ directions[name] / directions[held].norm() / directions[name].norm()
            assert abs(float(cosine)) < 1e-6
    # Against a second computation: the residual of a regression on the two.
    basis = torch.stack([before["d1"], before["d3"]]).T
    for name in ("d0", "d2", "d4"):
        left = before[name] - basis @ torch.linalg.lstsq(basis, before[name]).solution
        torch.testing.assert_close(directions[name], left * before[name].norm() / left.norm(), rtol=1e-5, atol=1e-5)
    card = made.controls[0].card
    assert card.layers == layers
    assert card.details[-1].startswith("orthogonal to d1, d3: ")
    assert made.note.endswith("Orthogonal to d1, d3.")


def test_directions_of_other_layers_are_made_orthogonal_in_the_whole_space() -> None:
    source = torch.Generator().manual_seed(4)
    held = LinearControl(ControlCard(name="held", space="w_plus", layers=(0, 1)), torch.randn(10, generator=source))
    other = LinearControl(ControlCard(name="other", space="w_plus", layers=(1, 3)), torch.randn(10, generator=source))
    _, made = derive(with_controls([held, other]), ControlSetRef(path="own", without=("held",)), TOY, no_other).controls
    zero, one = torch.zeros(1, 4, 10), torch.ones(1)
    assert abs(float((held.move(zero, one) * made.move(zero, one)).sum())) < 1e-5
    assert made.card.layers is None
    assert float(made.move(zero, one)[0, 0].norm()) > 1e-3  # it moves the first layer, too, to make up for the second


def test_what_cannot_be_made_orthogonal_is_said() -> None:
    first = LinearControl(ControlCard(name="first", space="w"), torch.eye(10)[0])
    same = LinearControl(ControlCard(name="same", space="w"), -2 * torch.eye(10)[0])
    codes = CodebookControl(ControlCard(name="codes", space="w"), torch.tensor([0.0, 1.0]), axis=0, width=10)
    early = LinearControl(ControlCard(name="early", space="z"), torch.eye(10)[1])
    ref = ControlSetRef(path="own", without=("first",))
    for other, sentence in (
        (codes, "'codes' is no straight direction"),
        (early, "'early' lies in z, but 'first' in w"),
    ):
        with pytest.raises(ControlError, match=sentence):
            derive(with_controls([first, other]), ref, TOY, no_other)
    with pytest.raises(ControlError, match="no control 'smile'"):
        derive(with_controls([first]), ControlSetRef(path="own", without=("smile",)), TOY, no_other)
    _, nothing = derive(with_controls([first, same]), ref, TOY, no_other).controls
    assert nothing.card.details == ("lies within first: nothing of it is left",)
    latent = torch.ones(1, 10)
    assert torch.equal(nothing.move(latent, torch.tensor([3.0])), latent)


def test_what_was_derived_is_kept_in_a_file(tmp_path: Path) -> None:
    codes = CodebookControl(
        ControlCard(name="codes", space="w", low=-9, high=9), torch.linspace(-6, 6, 99), axis=0, width=10
    )
    made = derive(with_controls([*found(2).controls, codes]), EFFECT, TOY, no_other)
    save(made, tmp_path / "own.safetensors")
    again = load(tmp_path / "own.safetensors")
    assert again.card == made.card
    latent = torch.randn(2, 10)
    for one, other in zip(made.controls, again.controls, strict=True):
        assert torch.equal(one.move(latent, torch.tensor([1.5, -0.5])), other.move(latent, torch.tensor([1.5, -0.5])))


def test_deriving_can_be_cancelled_and_reports_to_its_end() -> None:
    shares: list[float] = []
    ref = msgspec.structs.replace(EFFECT, like=ControlSetRef(method="sefa", k=3))
    derive(found(3), ref, TOY, lambda wanted: found(3), shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0

    def stop(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        derive(found(3), EFFECT, TOY, no_other, stop)


def _axes(*rows: Sequence[float]) -> ControlSet:
    controls = [
        LinearControl(ControlCard(name=f"c{index}", space="w"), torch.tensor([*row, *[0.0] * (10 - len(row))]))
        for index, row in enumerate(rows)
    ]
    return with_controls(controls)


def test_two_conditions_that_are_one_direction_take_away_one() -> None:
    """What rounding leaves between them is no direction."""
    third = 1 / 3
    alike = _axes([third, third, 0.0], [3 * third * 0.1, 3 * third * 0.1, 1e-12], [1.0, 2.0, 2.0])
    one, both = (conditional(alike, names, TOY).control("c2") for names in (("c0",), ("c0", "c1")))
    assert isinstance(one, LinearControl)
    assert isinstance(both, LinearControl)
    torch.testing.assert_close(both.direction, one.direction)
    assert float(both.direction[2]) > 2  # nothing of it was taken


def test_what_rounding_leaves_of_a_direction_is_nothing() -> None:
    within = _axes(
        [0.3, 0.4, 0.5], [0.1, 0.7, 0.2], [0.3 * 0.7 + 0.1 * 0.3, 0.4 * 0.7 + 0.7 * 0.3, 0.5 * 0.7 + 0.2 * 0.3]
    )
    gone = conditional(within, ("c0", "c1"), TOY).control("c2")
    assert isinstance(gone, LinearControl)
    assert not gone.direction.any()
    assert gone.card.details[-1] == "lies within c0, c1: nothing of it is left"
