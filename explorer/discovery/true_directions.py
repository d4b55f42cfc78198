"""The directions that a generator with known factors has itself: the ceiling of a comparison on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch

from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery.request import CheckedMethod, Request
from explorer.generators.base import Generator, KnownTruth
from explorer.numerics.linalg import random_orthonormal
from explorer.scene.cards import ControlCard, MethodCard, ModelCard
from explorer.scene.model import Scalar

CAPABILITY = "true_directions"


class TrueDirections(CheckedMethod):
    """The way of each factor; one unit is one unit of the first space. More controls than there are factors are filled
    up with random directions orthogonal to the true ones at the middle of the prior.
    """

    card = MethodCard(
        name="true_directions",
        title="True directions",
        spaces=("z",),
        trained=False,
        paper="",
        description="What a generator with known factors says of itself: no search, and the best there is.",
        supervised=True,
        role="truth",
        grows=True,
    )

    def refusal(self, model: ModelCard) -> str:
        """A sentence unless the factors of ``model`` are known."""
        if CAPABILITY in model.capabilities:
            return ""
        return f"The true directions of '{model.name}' are not known; only generators with known factors say theirs."

    def place(self, model: ModelCard) -> int:
        """After all that look for directions: these need no search."""
        return 95

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        return next(iter(model.spaces))

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """The first ``k`` true directions (1 ≤ k ≤ width); ``seed`` chooses those that fill up."""
        k = asked.k
        known = cast("KnownTruth", generator)
        controls: list[Control] = list(known.true_controls()[:k])
        missing = k - len(controls)
        controls += filling(asked, generator, missing)
        asked.watch(1.0)
        note = f"The generator has {k - missing} factors; the other {missing} directions are random." if missing else ""
        return asked.found(controls, note=note)


def filling(asked: Request, generator: Generator, count: int) -> list[Control]:
    """``count`` random controls orthogonal to the true ones at the middle of the prior, drawn with the request's seed;
    none where there are enough."""
    if not count:
        return []
    truth = cast("KnownTruth", generator).true_directions().detach().cpu().double()
    cards = [ControlCard(name=f"no factor {index + 1}", space=asked.space) for index in range(count)]
    return [
        LinearControl(card, row.float()) for card, row in zip(cards, _beside(truth, count, asked.seed), strict=True)
    ]


def _beside(truth: torch.Tensor, count: int, seed: int) -> torch.Tensor:
    """(count, D) orthonormal rows orthogonal to the rows of ``truth`` (J, D), drawn with ``seed``."""
    width = truth.shape[1]
    drawn = random_orthonormal(width, width, seed).double()
    frame: torch.Tensor = torch.linalg.qr(torch.cat([truth, drawn]).T).Q.T
    return frame[len(truth) : len(truth) + count]


METHOD = TrueDirections()
