"""LatentCLR: directions whose effects on a generator's features are alike everywhere and unlike one another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from explorer.controls.base import Control
from explorer.controls.conditional import ConditionalControl
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery.contrastive import CONVENTIONS, contrastive_loss, likeness
from explorer.discovery.request import CheckedMethod, Request
from explorer.discovery.sampling import typical_deviation
from explorer.discovery.shifts import SAMPLES, check_several, points, refusal_of
from explorer.discovery.trained import learn
from explorer.generators.base import Generator, Latent
from explorer.numerics.linalg import fix_signs, random_orthonormal
from explorer.numerics.randomness import seeded
from explorer.outputs.registry import output_of
from explorer.scene.cards import ControlCard, MethodCard, ModelCard, SettingCard
from explorer.scene.model import Quality

HELD_OUT = 32
"""Points at which the effects of all directions are compared at the end."""

DIRECTIONS = ("global", "linear", "nonlinear")
DEPTH = 3  # layers of a nonlinear direction


class Featured(Protocol):
    """What a generator with the capability ``features`` adds."""

    def features(self, latent: Latent, size: int) -> Tensor:
        """(B, C, s, s): what the layer of s ≤ ``size`` pixels computes, without drawing the rest; differentiable."""


class Directions(nn.Module):
    """k maps from a latent to a direction: constants, affine maps, or networks of :data:`DEPTH` layers; all at once.

    ``weights`` (k, out, in) and ``biases`` (k, out) of each layer read z / σ, so that they begin alike in any space.
    """

    def __init__(self, kind: str, k: int, width: int, sigma: float, seed: int) -> None:
        super().__init__()
        self.sigma = sigma
        source = seeded(seed, 0, 1)
        layers = {"global": 0, "linear": 1, "nonlinear": DEPTH}[kind]
        bound = 1 / math.sqrt(width)
        # Small last weights: every kind begins with k directions that differ, and hardly turn from point to point.
        bounds = [bound] * (layers - 1) + [bound / 5] * (layers > 0)
        self.weights = nn.ParameterList(
            (torch.rand(k, width, width, generator=source) * 2 - 1) * limit for limit in bounds
        )
        hidden = [(torch.rand(k, width, generator=source) * 2 - 1) * bound for _ in range(layers - 1)]
        self.biases = nn.ParameterList([*hidden, random_orthonormal(k, width, seed).float()])

    def forward(self, z: Tensor) -> Tensor:
        """Unit vectors (k, B, width) at the points ``z`` (B, width)."""
        if not len(self.weights):
            return functional.normalize(self.biases[0], dim=1)[:, None].expand(-1, len(z), -1)
        x = (z / self.sigma).expand(self.biases[0].shape[0], -1, -1)
        for index, weight in enumerate(self.weights):
            x = torch.baddbmm(self.biases[index][:, None], functional.relu(x) if index else x, weight.transpose(1, 2))
        return functional.normalize(x, dim=2)

    def control(self, card: ControlCard, index: int, frozen: bool) -> Control:
        """Direction ``index`` as it is now; one σ is an amount of 1."""
        if not len(self.weights):
            direction = fix_signs(functional.normalize(self.biases[0].detach()[index : index + 1], dim=1))[0]
            return LinearControl(card, (direction * self.sigma).cpu().clone())
        weights = [weight.detach()[index].cpu().clone() for weight in self.weights]
        weights[0] /= self.sigma
        biases = tuple(bias.detach()[index].cpu().clone() for bias in self.biases)
        return ConditionalControl(card, tuple(weights), biases, self.sigma, frozen)


@dataclass(frozen=True)
class _Search:
    """One search: the directions and the generator whose features they change."""

    asked: Request
    generator: Generator
    maps: Directions

    def effects(self, count: int, source: torch.Generator) -> Tensor:
        """(k, count, F) unit vectors: what each direction changes in the features, at ``count`` points."""
        z = points(self.generator, self.asked.space, count, source)
        with torch.no_grad():
            before = self.features(z)
        moved = z + self.asked.real("shift") * self.maps.sigma * self.maps(z)
        after = self.features(moved.flatten(0, 1)).reshape(self.asked.k, count, -1)
        return functional.normalize(after - before, dim=2)

    def features(self, z: Tensor) -> Tensor:
        """(B, F): a layer's activations, or, where the generator shows none, its pictures in that size."""
        latent, size = Latent({self.asked.space: z}), self.asked.number("layer")
        if "features" in self.asked.model.capabilities:
            return cast("Featured", self.generator).features(latent, size).flatten(1)
        return output_of(self.asked.model).thumbnails(self.generator.render(latent, Quality()), size).flatten(1)

    def loss(self, step: int, source: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        value, right = contrastive_loss(
            self.effects(self.asked.number("batch"), source),
            self.asked.real("temperature"),
            self.asked.text("convention"),
        )
        return value, {"loss": float(value.detach()), "accuracy": float(right.float().mean())}

    @torch.no_grad()
    def examined(self) -> tuple[Tensor, float]:
        """:func:`likeness` at fresh points."""
        source, batch = seeded(self.asked.seed, 0, 2), self.asked.number("batch")
        return likeness(torch.cat([self.effects(batch, source) for _ in range(-(-HELD_OUT // batch))], 1))

    def controls(self, alike: Tensor | None = None, unlike: float = 0.0) -> list[Control]:
        """The directions of the moment, with what is known of them."""
        asked, frozen = self.asked, not bool(self.asked.settings["followed"])
        unit = f"1 σ = {self.maps.sigma:.3g}, the typical deviation of an axis of {asked.space}"
        found = []
        for index in range(asked.k):
            details: tuple[str, ...] = (unit,)
            if alike is not None:
                own = float(alike[index])
                details = (f"effects at two points: |cosine| {own:.2f}; of two directions: {unlike:.2f}", *details)
            card = ControlCard(
                name=f"LatentCLR {index + 1}",
                space=asked.space,
                figure="" if alike is None else f"{float(alike[index]):.2f}",
                details=details,
            )
            found.append(self.maps.control(card, index, frozen))
        return found


class LatentClr(CheckedMethod):
    """Contrastive learning of directions on a generator's own features; no second network."""

    card = MethodCard(
        name="latentclr",
        title="LatentCLR",
        spaces=("z", "w"),
        trained=True,
        expensive=True,
        paper="Yüksel, Simsar, Er & Yanardag, LatentCLR: A Contrastive Learning Approach for Unsupervised Discovery of "
        "Interpretable Directions, ICCV 2021",
        description="Directions whose effects on the features are alike everywhere, and unlike those of the others.",
        settings=(
            SettingCard(
                name="directions",
                title="Directions",
                default="global",
                choices=DIRECTIONS,
                help="global: the same everywhere; linear, nonlinear: an affine map or a network of the latent.",
            ),
            SettingCard(
                name="followed",
                title="Follow",
                default=False,
                help="A direction that depends on the latent is asked again along the way; otherwise it is kept, a "
                "straight line, as published.",
            ),
            SettingCard(name="steps", title="Steps", default=400, low=1, high=1_000_000, help="Steps of the training."),
            SettingCard(
                name="batch",
                title="Batch",
                default=6,
                low=2,
                high=256,
                help="Points a step, each of which is shifted along every direction.",
            ),
            SettingCard(
                name="rate",
                title="Learning rate",
                default=0.01,
                low=1e-6,
                high=1.0,
                help="Of Adam. The paper trains 10 000 steps at 0.001; a short search needs more.",
            ),
            SettingCard(
                name="decay", title="Weight decay", default=0.001, low=0.0, high=1.0, help="Of Adam, as published."
            ),
            SettingCard(
                name="shift",
                title="Shift",
                default=3.0,
                low=0.01,
                high=100.0,
                help="How far points are shifted, in σ, the typical deviation of the space.",
            ),
            SettingCard(
                name="temperature",
                title="Temperature",
                default=0.5,
                low=0.01,
                high=100.0,
                help="How sharply alike and unlike are told apart.",
            ),
            SettingCard(
                name="convention",
                title="Temperature acts",
                default=CONVENTIONS[0],
                choices=CONVENTIONS,
                help="The authors' program multiplies the similarity by the temperature; their paper divides by it.",
            ),
            SettingCard(
                name="layer",
                title="Layer",
                default=16,
                low=1,
                high=1024,
                help="Size in pixels of the layer whose activations are compared. A generator that shows no "
                "activations (VAE, MLP) is compared by its pictures, averaged down to this size.",
            ),
        ),
    )

    def refusal(self, model: ModelCard) -> str:
        return refusal_of(self.card.title, model)

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """``k`` directions (at most the width of the space); one unit is the typical deviation of an axis.

        The note tells how alike the effects of one direction are at fresh points, and those of two directions.
        """
        k, seed = asked.k, asked.seed
        check_several(asked)
        width = asked.model.spaces[asked.space].shape[0]
        sigma = typical_deviation(generator, asked.space, SAMPLES, seed)
        maps = Directions(asked.text("directions"), k, width, sigma, seed).to(generator.device)
        search = _Search(asked, generator, maps)
        optimiser = torch.optim.Adam(maps.parameters(), lr=asked.real("rate"), weight_decay=asked.real("decay"))
        steps, batch = asked.number("steps"), asked.number("batch")
        end = learn(asked, (maps,), optimiser, search.loss, steps, search.controls)
        alike, unlike = search.examined()
        where = "features" if "features" in asked.model.capabilities else "pictures"
        note = (
            f"At fresh points, effects of one direction on the {where} have a mean |cosine| of "
            f"{float(alike.mean()):.2f}, those of two directions {unlike:.2f}, after {end.steps} steps."
        )
        drawn = (steps + -(-HELD_OUT // batch)) * batch * (k + 1)
        return asked.found(search.controls(alike, unlike), drawn, " ".join(filter(None, (end.note, note))))


METHOD = LatentClr()
