"""The calibrated step along the path: the same as from end to end where pictures change straight on, more where not."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from test_calibration import Linear, Wave, axis
from test_derive import found, no_other
from test_paths import Turn, card
from torch import Tensor
from toys import ToyGenerator

from explorer.comparison.calibration import ARC_STEPS, POINTS, POINTS_SEED, TOLERANCE, alphas, calibrated
from explorer.comparison.derive import derive
from explorer.comparison.evidence import evidence, stage
from explorer.controls.base import Control, Move
from explorer.controls.control_set import ControlSet
from explorer.discovery.registry import method
from explorer.discovery.sampling import drawn_latents
from explorer.generators.base import Generator, Latent
from explorer.generators.editing import edited
from explorer.generators.registry import load
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.model import ControlSetRef, Quality


class Ring(Linear):
    """Pictures on which the first two numbers have orthogonal, equal effects: a turn by θ moves them on a circle."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = torch.linalg.qr(self.matrix[:, :2]).Q @ torch.eye(2, self.matrix.shape[1])

    def radius(self, bases: Latent) -> float:
        """The mean, in shares of the range of a picture."""
        return float(bases.tensors["z"][:, :2].norm(dim=1).mean()) / 4 / 2


def step(generator: Linear, control: Control, tau: float, calibration: str) -> float | None:
    return alphas(generator, [control], generator.sample(range(5)), tau, Quality(), None, calibration)[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("tau", [0.01, 0.1, 0.4])
def test_straight_pictures_have_one_step(tau: float) -> None:
    generator = Linear()
    by_arc = alphas(
        generator, [axis(0), axis(1, 3.0), axis(5)], generator.sample(range(5)), tau, Quality(), None, "arc"
    )
    by_chord = alphas(generator, [axis(0), axis(1, 3.0), axis(5)], generator.sample(range(5)), tau, Quality())
    for arc, chord in zip(by_arc[:2], by_chord[:2], strict=True):
        assert arc == pytest.approx(chord, rel=2 * TOLERANCE)
    assert by_arc[2] is by_chord[2] is None


@pytest.mark.parametrize("share", [0.1, 1.0, 1.9])
def test_on_a_ring_in_closed_form(share: float) -> None:
    """A change of ``share`` radii: the chord of 2 asin(share / 2), the arc of share."""
    generator = Ring()
    tau = share * generator.radius(generator.sample(range(5)))
    assert step(generator, Turn(card()), tau, "chord") == pytest.approx(2 * math.asin(share / 2), rel=0.02)
    assert step(generator, Turn(card()), tau, "arc") == pytest.approx(share, rel=2 * TOLERANCE)


def test_where_the_chord_returns_the_arc_goes_on() -> None:
    generator = Ring()
    for turns in (0.6, 0.9):
        tau = turns * 2 * math.pi * generator.radius(generator.sample(range(5)))
        assert step(generator, Turn(card()), tau, "chord") is None, "no point is farther than the diameter"
        polygon = 2 * ARC_STEPS * math.sin(turns * math.pi / ARC_STEPS)  # what eight chords of that way add up to
        exact = turns * 2 * math.pi
        assert step(generator, Turn(card()), tau, "arc") == pytest.approx(exact * exact / polygon, rel=0.02)


def test_there_and_back_adds_up() -> None:
    """sin z from 0: up by one half of the range, and down by 0.4 of it."""
    origin = Latent({"z": torch.zeros(2, 6)})
    assert alphas(Wave(), [axis(0)], origin, 0.9, Quality()) == [None]
    (reached,) = alphas(Wave(), [axis(0)], origin, 0.9, Quality(), None, "arc")
    assert reached == pytest.approx(math.pi - math.asin(0.2), rel=0.03)


def test_the_changes_along_the_way_add_up_to_tau() -> None:
    """On a curved generator, drawn anew part by part."""
    toy, tau = ToyGenerator(), 0.12
    controls = method("pca").discover(toy, 2, 0).controls
    bases = toy.sample(range(8))
    steps = alphas(toy, controls, bases, tau, Quality(), None, "arc")
    chords = alphas(toy, controls, bases, tau, Quality())
    for control, alpha, chord in zip(controls, steps, chords, strict=True):
        assert alpha is not None
        assert chord is not None
        assert alpha < chord, "the way is longer than the distance"
        total = 0.0
        for sign in (1, -1):
            amounts = [sign * alpha * part / ARC_STEPS for part in range(ARC_STEPS + 1)]
            pictures = [_picture(toy, bases, control, amount) for amount in amounts]
            total += sum(float(IMAGE.distance(b, a).mean()) for a, b in pairwise(pictures))
        assert total / 2 == pytest.approx(tau, rel=2 * TOLERANCE)
    small = [alphas(toy, controls, bases, 0.004, Quality(), None, how) for how in ("chord", "arc")]  # type: ignore[arg-type]
    np.testing.assert_allclose(small[1], small[0], rtol=0.02)  # type: ignore[arg-type]


def _picture(toy: Generator, bases: Latent, control: Control, amount: float) -> Tensor:
    moved = edited(toy, bases, [Move(control, torch.full((bases.batch,), amount))])
    return toy.render(moved, Quality())


def test_a_set_in_units_along_the_path() -> None:
    toy, tau = ToyGenerator(), 0.1
    ref = ControlSetRef(method="sefa", k=4, units="arc", tau=tau)
    made = derive(found(), ref, toy, no_other)
    chord = derive(found(), ControlSetRef(method="sefa", k=4, units="effect", tau=tau), toy, no_other)
    assert made.note.endswith(
        "An amount of 1 leads along changes of a picture that add up to τ = 0.1 of its range "
        "(root mean square, mean of 16 points and both signs)."
    )
    points = next(drawn_latents(toy, POINTS, POINTS_SEED, POINTS))
    for one, other in zip(made.controls, chord.controls, strict=True):
        assert one.card.unit == other.card.unit == "τ"
        changes = []
        for sign in (1, -1):
            way = [_picture(toy, points, one, sign * part / ARC_STEPS) for part in range(ARC_STEPS + 1)]
            changes.append(sum(float(IMAGE.distance(b, a).mean()) for a, b in pairwise(way)))
        assert float(np.mean(changes)) == pytest.approx(tau, rel=2 * TOLERANCE)
    # In the order of itself: its own steps are known, and are not looked for by the chord.
    again = derive(found(), ControlSetRef(method="sefa", k=4, units="arc", tau=tau, like=ref), toy, lambda one: made)
    assert [one.card.name for one in again.controls] == [one.card.name for one in made.controls]
    z = torch.zeros(1, 10)
    for one, same in zip(made.controls, again.controls, strict=True):
        torch.testing.assert_close(one.velocity(z), same.velocity(z))


def test_evidence_is_taken_in_the_steps_of_its_stage() -> None:
    generator = Ring()
    on = stage(generator, None, 4, 64, 0.6)
    turns = ControlSet("mine", "Mine", "1" * 64, "z", (Turn(card("turn")), Turn(card("other"), (0, 1))))
    assert not evidence(on, turns).alive.any(), "no chord is so long"
    along = evidence(replace(on, calibration="arc"), turns)
    assert along.alive.all()
    np.testing.assert_allclose(along.bends, 1 - abs(math.sin(along.alphas[0])) / along.alphas[0], atol=0.02)


def test_the_hue_of_the_known_ring() -> None:
    """Colours on a circle: beyond its far side no hue is farther away, but the way round goes on in proportion."""
    generator = load("known-ring", torch.device("cpu"))
    hue = [one for one in generator.true_controls() if one.card.name == "hue"]  # type: ignore[attr-defined]
    (farther,) = calibrated(generator, hue, 0.3)
    assert farther is None
    ways = [calibrated(generator, hue, tau, None, "arc")[0] for tau in (0.1, 0.2, 0.3)]
    np.testing.assert_allclose(np.array(ways, float) / ways[0], [1.0, 2.0, 3.0], rtol=0.02)  # type: ignore[operator]
