"""What a class of paths can express: fields fitted to the true directions of a generator that knows them.

A row of a table that holds such a fit tells "did not find it" from "cannot express it": a method that searches among
curves of that class without labels cannot be expected to do better.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import Tensor

from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet
from explorer.discovery import true_directions
from explorer.discovery.flow_controls import field_control
from explorer.discovery.orthogonality import SearchStart
from explorer.discovery.request import CheckedMethod, Request
from explorer.discovery.ridge_bank import RidgeBank
from explorer.discovery.sampling import typical_deviation
from explorer.discovery.shifts import SAMPLES, points
from explorer.discovery.trained import learn
from explorer.fields.base import VectorField
from explorer.fields.ridges import Ridges, Solenoidal
from explorer.generators.base import Generator, KnownTruth, Latent
from explorer.numerics.randomness import seeded
from explorer.scene.cards import MethodCard, ModelCard, SettingCard
from explorer.scene.model import Scalar

POOL = 4096
"""Prior points at which the truth is asked for."""
BATCH = 256
RATE = 1e-2
HEIGHT = 0.1
"""Of the ridges at the beginning: where all are 0 a gradient of a pure rotation is 0 everywhere, and has no cosine."""
TINY = 1e-12
ROUNDS = 200
STEPS = SettingCard(name="steps", title="Steps", default=600, low=1, high=100_000, help="Of the fit.")
WAVES = SettingCard(
    name="waves", title="Waves", default=128, low=1, high=4096, help="Ridges that all fields are made of."
)


@dataclass(frozen=True)
class Truth:
    """``ways`` (B, J, d): the true directions at the prior points ``points`` (B, d), all in float64 on the CPU."""

    points: Tensor
    ways: Tensor


def drawn_truth(asked: Request, generator: Generator, count: int) -> Truth:
    """The first ``count`` true directions at :data:`POOL` prior points of the request's seed."""
    z = points(generator, asked.space, POOL, seeded(asked.seed, 0, 7))
    ways = cast("KnownTruth", generator).true_directions(Latent({asked.space: z})).detach()
    return Truth(z.cpu().double(), ways[:, :count].cpu().double())


def best_straight(truth: Truth) -> Tensor:
    """(J, d) for each true direction the unit vector of the greatest mean |cos| with it.

    The mean is convex in the vector, so going to the sphere's end of its slope, E[sign(t·c) t], never makes it less;
    from the leading eigenvector of E[t tᵀ] until nothing changes.
    """
    ways = truth.ways.transpose(0, 1)  # (J, B, d)
    along: Tensor = torch.linalg.eigh(ways.mT @ ways).eigenvectors[:, :, -1]
    for _ in range(ROUNDS):
        signs = torch.einsum("jbd,jd->jb", ways, along).sign()
        later = torch.einsum("jb,jbd->jd", signs, ways)
        later = later / later.norm(dim=1, keepdim=True).clamp_min(TINY)
        if torch.equal(later, along):
            break
        along = later
    return along


class Capacity(CheckedMethod):
    """Fits as many controls as there are factors to the true directions at prior points; more are random ones, as
    those of the true directions are."""

    breadth: ClassVar[int]
    """Its place among the classes: 0 the narrowest."""

    def refusal(self, model: ModelCard) -> str:
        """A sentence unless the factors of ``model`` are known."""
        return true_directions.METHOD.refusal(model)

    def place(self, model: ModelCard) -> int:
        """After the truth that they are fitted to, the narrowest class first."""
        return 96 + self.breadth

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        return next(iter(model.spaces))

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """The fits, in the order of the factors and under their names."""
        known = [one.card.name for one in cast("KnownTruth", generator).true_controls()[: asked.k]]
        truth = drawn_truth(asked, generator, len(known))
        controls, note = self.fitted(asked, generator, truth, known)
        filling = true_directions.filling(asked, generator, asked.k - len(known))
        # Every number of the true directions at every point is read.
        return asked.found([*controls, *filling], note=note, labels=truth.ways[..., 0].numel())

    @abstractmethod
    def fitted(
        self, asked: Request, generator: Generator, truth: Truth, names: Sequence[str]
    ) -> tuple[Sequence[Control], str]:
        """The controls ``names``, fitted to ``truth``, and what is to be said of them."""


class FieldCapacity(Capacity):
    """A class of fields: what is allowed of ridges (:mod:`explorer.fields.ridges`). The mean |cos| with the truth is
    maximised, point by point, so how fast a field is does not matter; its paths are followed at unit speed."""

    @abstractmethod
    def allowed(self, ridges: Ridges) -> Ridges | Solenoidal:
        """What of ``ridges``, of several fields, belongs to the class."""

    @abstractmethod
    def field(self, ridges: Ridges) -> VectorField:
        """The field of the class that :meth:`allowed` means, of the ridges of one."""

    def fitted(
        self, asked: Request, generator: Generator, truth: Truth, names: Sequence[str]
    ) -> tuple[Sequence[Control], str]:
        deviation = typical_deviation(generator, asked.space, SAMPLES, asked.seed)
        z, ways = truth.points.float(), truth.ways.transpose(0, 1).float()
        bank = RidgeBank(_linear(truth), asked.number("waves"), deviation, True, asked.seed)
        with torch.no_grad():
            bank.heights.normal_(0.0, HEIGHT, generator=seeded(asked.seed, 0, 8))

        def agreement(rows: Tensor) -> Tensor:
            along = self.allowed(bank.ridges()).velocity(z[rows])
            return ((along * ways[:, rows]).sum(2) / (along.square().sum(2) + TINY).sqrt()).abs().mean(1)

        def loss(step: int, source: torch.Generator) -> tuple[Tensor, dict[str, float]]:
            mean = agreement(torch.randint(0, POOL, (BATCH,), generator=source)).mean()
            return 1 - mean, {"cosine": float(mean.detach())}

        def controls() -> Sequence[Control]:
            with torch.no_grad():
                figures = agreement(torch.arange(POOL)).tolist()
            return [
                field_control(
                    asked,
                    name,
                    self.field(bank.one(index)),
                    deviation,
                    figure=f"{figure:.3f}",
                    details=(f"mean |cos| with the true direction {figure:.3f}",),
                    unit_speed=True,
                )
                for index, (name, figure) in enumerate(zip(names, figures, strict=True))
            ]

        steps = asked.number("steps")
        learned = learn(
            asked,
            [bank],
            torch.optim.Adam(bank.parameters(), RATE),
            loss,
            steps,
            controls,
            schedule=lambda step: 1 - step / steps,
        )
        return controls(), learned.note


def _linear(truth: Truth) -> SearchStart:
    """The affine fields nearest to the truth in the mean square: a way that goes round begins as a rotation."""
    centre = truth.points.mean(0)
    beside = torch.cat([torch.ones(len(truth.points), 1).double(), truth.points - centre], 1)
    found = torch.linalg.lstsq(beside, truth.ways.flatten(1)).solution.reshape(-1, *truth.ways.shape[1:])
    maps = found[1:].transpose(0, 1).float()  # (J, d, d): v = c + x · map
    count, width = maps.shape[:2]
    none = torch.zeros(0, width)
    return SearchStart(
        Ridges(
            centre.float(),
            found[0].float(),
            maps,
            torch.eye(width).repeat(count, 1, 1),
            none,
            none[:, 0],
            none.expand(count, 0, width),
        )
    )


def capacity_card(name: str, title: str, description: str, trained: bool) -> MethodCard:
    """The card of a class of paths."""
    return MethodCard(
        name=name,
        title=title,
        spaces=("z",),
        trained=trained,
        paper="",
        description=description,
        supervised=True,
        role="capacity",
        grows=not trained,  # each straight line is a fit of its own; fields share their waves
        settings=(STEPS, WAVES) if trained else (),
    )
