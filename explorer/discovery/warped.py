"""WarpedGANSpace: curved paths along the gradients of bumps, which a second network can tell apart."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet
from explorer.discovery.flow_controls import field_control
from explorer.discovery.request import CheckedMethod, Request
from explorer.discovery.sampling import Place, place_of
from explorer.discovery.shifts import SAMPLES, check_several, refusal_of
from explorer.discovery.told_apart import AMOUNT_WEIGHT, BATCH, Known, told_apart
from explorer.errors import ControlError
from explorer.fields.rbf import RbfField, rbf_fields, rbf_gradient
from explorer.generators.base import Generator
from explorer.numerics.randomness import seeded
from explorer.scene.cards import MethodCard, ModelCard, SettingCard

NEAREST, FARTHEST = 1.0, 4.0
"""Radii, in σ, of the spheres on which supports begin: those of the first field on the first, of the last just within
the second."""


class Bumps(nn.Module):
    """K fields as one network: gradients of N pairs of bumps at s and -s, of the weights 1 and -1, around the centre of
    ``place`` and in units of its deviation. They begin as published: pairs in random directions, those of field k on a
    sphere of its own, γ = 1 / d."""

    def __init__(self, k: int, pairs: int, place: Place, widths: bool, seed: int) -> None:
        """``widths``: the γ of every field is learned as well."""
        super().__init__()
        width = len(place.centre)
        radii = NEAREST + (FARTHEST - NEAREST) * torch.arange(k) / k
        drawn = functional.normalize(torch.randn(k, pairs, width, generator=seeded(seed, 0, 1)), dim=2)
        half = radii[:, None, None] * drawn
        self.supports = nn.Parameter(torch.stack([half, -half], 2).reshape(k, 2 * pairs, width))
        self.log_gamma = nn.Parameter(torch.full((k, 1), -math.log(width)), requires_grad=widths)
        self.alphas: Tensor
        self.centre: Tensor
        self.register_buffer("alphas", torch.tensor([1.0, -1.0]).repeat(k, pairs), persistent=False)
        self.register_buffer("centre", place.centre, persistent=False)
        self.sigma = place.sigma

    def forward(self, z: Tensor, which: Tensor) -> Tensor:
        """(B, d) the unit vectors of the fields ``which`` (B,) at the points ``z`` (B, d); 0 where there is none."""
        x = (z - self.centre) / self.sigma
        gradient = rbf_gradient(x, self.supports[which], self.alphas[which], self.log_gamma[which].exp())
        largest = gradient.detach().abs().amax(1, keepdim=True)
        return functional.normalize(gradient / torch.where(largest > 0, largest, 1.0), dim=1)

    def fields(self) -> list[RbfField]:
        """As they are now, in the units of the space."""
        supports = self.supports.detach() * self.sigma + self.centre
        return rbf_fields(supports, self.alphas, self.log_gamma.detach().exp() / self.sigma**2)


def drawn_lengths(count: int, least: float, most: float, source: torch.Generator) -> Tensor:
    """(count,) uniform on ±[``least``, ``most``], half of them of either sign in the mean. The released program draws
    the numbers of a pool with their own size as weight, so that 69 % are positive."""
    lengths = least + (most - least) * torch.rand(count, generator=source)
    return torch.where(torch.rand(count, generator=source) < 0.5, -lengths, lengths)


def paths(asked: Request, bumps: Bumps, known: Known) -> list[Control]:
    """The paths of the moment."""
    found: list[Control] = []
    for index, field in enumerate(bumps.fields()):
        figure, lines = known(index)
        name = f"Warped {index + 1}"
        told = (*lines, f"γ = {field.gamma * bumps.sigma**2:.3g} / σ²; {len(field.alphas)} bumps")
        found.append(field_control(asked, name, field, bumps.sigma, figure=figure, details=told, unit_speed=True))
    return found


class Warped(CheckedMethod):
    """Fields of bumps and the network that recognises their steps, trained together."""

    card = MethodCard(
        name="warped",
        title="WarpedGANSpace",
        spaces=("z", "w"),
        trained=True,
        expensive=True,
        paper="Tzelepis, Tzimiropoulos & Patras, WarpedGANSpace: Finding Non-linear RBF Paths in GAN Latent Space, "
        "ICCV 2021",
        description="Curved paths along gradients of bumps, whose steps a second network can tell apart.",
        settings=(
            SettingCard(
                name="pairs",
                title="Pairs of bumps",
                default=32,
                low=1,
                high=2048,
                help="Of each path, at opposite places. 128 to 512 in the paper.",
            ),
            SettingCard(
                name="steps",
                title="Steps",
                default=400,
                low=1,
                high=1_000_000,
                help="Of the training. 400 are a quick look, 10 s of one core with known-curved and a minute with "
                "faces-stylegan2; a full run of 6000 takes 15 minutes there. The paper takes 120 000 to 150 000.",
            ),
            BATCH,
            SettingCard(
                name="rate",
                title="Learning rate",
                default=0.002,
                low=1e-6,
                high=1.0,
                help="Of Adam. The paper trains at 0.0001; a short search needs more.",
            ),
            SettingCard(
                name="least",
                title="Least shift",
                default=0.5,
                low=0.0,
                high=100.0,
                help="Steps are at least this many typical deviations of the space long; 0.1 to 0.25 in the paper.",
            ),
            SettingCard(
                name="shift",
                title="Largest shift",
                default=2.0,
                low=0.01,
                high=100.0,
                help="And at most this many, either way; 0.2 to 0.35 in the paper, which takes longer to learn.",
            ),
            AMOUNT_WEIGHT,
            SettingCard(
                name="widths",
                title="Learn widths",
                default=True,
                help="How wide the bumps of a path are is learned too; else they stay at γ = 1 / d.",
            ),
        ),
    )

    def refusal(self, model: ModelCard) -> str:
        return refusal_of(self.card.title, model)

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """``k`` paths; one unit is a way as long as the typical deviation of an axis; with the note of
        :meth:`explorer.discovery.told_apart.ToldApart.search`."""
        check_several(asked)
        least, most, seed, space = asked.real("least"), asked.real("shift"), asked.seed, asked.space
        if least > most:
            raise ControlError(f"'least' is {least:g}, which is more than 'shift', {most:g}; make it smaller.")
        place = place_of(generator, space, SAMPLES, seed)
        bumps = Bumps(asked.k, asked.number("pairs"), place, bool(asked.settings["widths"]), seed)
        bumps.to(generator.device)

        def moved(z: Tensor, which: Tensor, amounts: Tensor) -> Tensor:
            shifted: Tensor = z + bumps.sigma * amounts[:, None] * bumps(z, which)
            return shifted

        def drawn(count: int, source: torch.Generator) -> Tensor:
            return drawn_lengths(count, least, most, source)

        search = told_apart(asked, generator, bumps, moved, drawn)
        return search.search(lambda known: paths(asked, bumps, known))


METHOD = Warped()
