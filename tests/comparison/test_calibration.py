"""The calibrated step, against closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from toys import ToyDiffusion, ToyGenerator

from explorer.comparison.calibration import FARTHEST, TOLERANCE, alphas
from explorer.controls.base import Control, Move
from explorer.controls.codebook import CodebookControl
from explorer.controls.linear import LinearControl
from explorer.discovery.registry import method
from explorer.errors import Cancelled
from explorer.generators.base import Latent
from explorer.generators.editing import edited
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ControlCard, ModelCard, SpaceCard
from explorer.scene.model import Quality

WIDTH = 6


class Linear:
    """x = M z: a change of α d changes the picture by α ‖M d‖ / √pixels, whatever z is."""

    def __init__(self) -> None:
        self.device = torch.device("cpu")
        self.matrix = torch.randn(16, WIDTH, generator=torch.Generator().manual_seed(0)) / 8
        self.matrix[:, -1] = 0  # the last axis does nothing
        self.rendered: list[int] = []
        spaces = {"z": SpaceCard(shape=(WIDTH,), prior="normal")}
        self.card = ModelCard(
            name="linear", family="toy", path="", output=IMAGE.card((1, 4, 4)), spaces=spaces, fingerprint="1" * 64
        )

    def sample(self, seeds: list[int], truncation_psi: float = 1.0) -> Latent:
        return Latent(
            {"z": torch.stack([torch.randn(WIDTH, generator=torch.Generator().manual_seed(s)) for s in seeds])}
        )

    def advance(self, latent: Latent, space: str) -> Latent:
        return latent

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        self.rendered.append(latent.batch)
        return (latent.tensors["z"] @ self.matrix.T).reshape(-1, 1, 4, 4)


def axis(index: int, scale: float = 1.0) -> LinearControl:
    direction = torch.zeros(WIDTH)
    direction[index] = scale
    return LinearControl(ControlCard(name=f"z{index}", space="z"), direction)


def test_linear_generator_in_closed_form() -> None:
    generator, tau = Linear(), 0.05
    controls = [axis(0), axis(0, -1.0), axis(0, 0.01), axis(1, 30.0), axis(WIDTH - 1)]
    found = alphas(generator, controls, generator.sample(range(5)), tau, Quality())
    closed = [2 * tau * 4 / float((generator.matrix @ one.direction).norm()) for one in controls[:-1]]
    assert closed[2] > FARTHEST * 3, "this one needs more than it may move"
    assert found[2] is None
    assert found[4] is None
    for index in (0, 1, 3):
        assert found[index] == pytest.approx(closed[index], rel=2 * TOLERANCE)
    assert found[0] == pytest.approx(found[1], rel=1e-9), "a control turned round has the same step"


def test_all_controls_are_drawn_together() -> None:
    generator = Linear()
    alphas(generator, [axis(index) for index in range(5)], generator.sample(range(6)), 0.05, Quality())
    assert generator.rendered[0] == 6
    assert generator.rendered[1] == 5 * 6 * 2, "five controls, six points, both signs in one batch"


@pytest.mark.parametrize("toy", [ToyGenerator(), ToyDiffusion()], ids=["gan", "diffusion"])
def test_the_picture_changes_by_tau(toy: ToyGenerator | ToyDiffusion) -> None:
    """On curved generators, in several spaces at once: what is found is checked by drawing it."""
    controls: list[Control] = []
    for name in ("random", "pca"):
        controls += method(name).discover(toy, 3, 0).controls
    seen: list[float] = []
    bases = toy.sample(range(8))
    found = alphas(toy, controls, bases, 0.03, Quality(), seen.append)
    base = toy.render(bases, Quality())
    for control, alpha in zip(controls, found, strict=True):
        assert alpha is not None
        moved = [
            IMAGE.distance(
                toy.render(edited(toy, bases, [Move(control, torch.full((8,), sign * alpha))]), Quality()), base
            )
            for sign in (1, -1)
        ]
        assert float(torch.cat(moved).mean()) == pytest.approx(0.03, rel=2 * TOLERANCE)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_a_jump_ends_at_its_far_side() -> None:
    """Where no amount gives exactly tau, the smallest that gives at least as much."""

    class Step(Linear):
        def render(self, latent: Latent, quality: Quality) -> Tensor:
            return (latent.tensors["z"][:, :1] > 0.37).float().reshape(-1, 1, 1, 1).expand(-1, 1, 4, 4)

    found = alphas(Step(), [axis(0)], Latent({"z": torch.zeros(3, WIDTH)}), 0.05, Quality())
    assert found[0] == pytest.approx(0.37, rel=1e-4)


class Wave(Linear):
    """x = sin z₀ everywhere: from z = 0 a change of α changes the picture by |sin α| / 2, to and fro."""

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        self.rendered.append(latent.batch)
        self.farthest = max(getattr(self, "farthest", 0.0), float(latent.tensors["z"].abs().max()))
        return latent.tensors["z"][:, :1].sin().reshape(-1, 1, 1, 1).expand(-1, 1, 4, 4)


@pytest.mark.parametrize("tau", [0.2, 0.3, 0.4, 0.45])
def test_of_several_amounts_the_smallest_is_found(tau: float) -> None:
    found = alphas(Wave(), [axis(0)], Latent({"z": torch.zeros(2, WIDTH)}), tau, Quality())
    assert found[0] == pytest.approx(math.asin(2 * tau), rel=0.02)


@pytest.mark.parametrize("reach", [0.05, 3.0, 20.0])
def test_no_amount_beyond_the_farthest_is_tried(reach: float) -> None:
    generator = Wave()
    direction = torch.zeros(WIDTH)
    direction[0] = 1e-3 / reach
    card = ControlCard(name="weak", space="z", low=-reach, high=reach / 2)
    weak = LinearControl(card, direction)
    assert alphas(generator, [weak], Latent({"z": torch.zeros(2, WIDTH)}), 0.1, Quality()) == [None]
    assert generator.farthest == pytest.approx(FARTHEST * 1e-3)  # it ends there, and it gets there


def test_a_codebook_that_ends_too_soon_has_no_effect() -> None:
    generator = Linear()
    card = ControlCard(name="code", space="z")
    short = CodebookControl(card, torch.tensor([0.0, 1e-4]), axis=0, width=WIDTH)
    assert alphas(generator, [short], Latent({"z": torch.zeros(2, WIDTH)}), 0.2, Quality()) == [None]


def test_pictures_that_are_no_numbers_have_no_step() -> None:
    class Broken(Linear):
        def render(self, latent: Latent, quality: Quality) -> Tensor:
            return super().render(latent, quality) * math.nan

    assert alphas(Broken(), [axis(0)], Latent({"z": torch.zeros(2, WIDTH)}), 0.1, Quality()) == [None]


@pytest.mark.parametrize("tau", [0.0, 1.0, -0.1])
def test_tau_between_0_and_1(tau: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        alphas(Linear(), [axis(0)], Latent({"z": torch.zeros(2, WIDTH)}), tau, Quality())


def test_cancelled() -> None:
    def stop(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        alphas(Linear(), [axis(0)], Latent({"z": torch.zeros(2, WIDTH)}), 0.1, Quality(), stop)
