"""Random orthogonal directions: what chance finds, and what every method is measured against."""

from __future__ import annotations

import math
from collections.abc import Mapping

from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery.request import CheckedMethod, Request
from explorer.discovery.sampling import typical_deviation
from explorer.errors import ControlError
from explorer.generators.base import Generator
from explorer.numerics.linalg import random_orthonormal
from explorer.scene.cards import ControlCard, MethodCard, ModelCard, SettingCard
from explorer.scene.model import Scalar

SAMPLES, PICTURES = 2000, 64
"""Points, or pictures for the bottleneck of a diffusion model, from which a space without a prior is measured."""


class RandomOrthogonal(CheckedMethod):
    """A frame drawn uniformly (Haar) in one space; one unit is one typical standard deviation of that space."""

    card = MethodCard(
        name="random_orthogonal",
        title="Random directions",
        spaces=("z", "w", "w_plus", "style", "x_T", "h"),
        trained=False,
        paper="",
        aliases=("random",),
        role="chance",
        description="Orthogonal directions drawn at random: the level of chance for every other method.",
        settings=(
            SettingCard(
                name="space",
                title="Space",
                default="",
                help="Where the directions lie; empty: where the other methods look for theirs.",
            ),
        ),
    )

    def refusal(self, model: ModelCard) -> str:
        """Empty: chance is at home everywhere."""
        return ""

    def place(self, model: ModelCard) -> int:
        """Last: it is what the others are held against."""
        return 100

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        space = str(settings["space"]) or super().where(model, settings)
        if space not in model.spaces:
            raise ControlError(f"'{model.name}' has no space '{space}'; it has {', '.join(model.spaces)}.")
        return space

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """``k`` orthogonal directions of equal length (1 ≤ k ≤ dimensions of the space)."""
        k, seed, model, space = asked.k, asked.seed, asked.model, asked.space
        shape = model.spaces[space].shape
        if space == "h" and "bottleneck" not in model.capabilities:
            raise ControlError(
                f"'{model.name}' does not show what its h holds, so a step in it has no size; choose x_T."
            )
        # In w_plus a random direction is one vector for all layers, as the edits of the literature are.
        flat = shape[-1:] if model.spaces[space].layers else shape
        pool, count = "w" if space == "w_plus" else space, PICTURES if space == "h" else SAMPLES
        deviation = typical_deviation(generator, pool, count, seed, asked.watch)
        frame = random_orthonormal(k, math.prod(flat), seed)
        reach = _reach(flat)
        controls = tuple(
            LinearControl(
                ControlCard(
                    name=f"random {index + 1}",
                    space=space,
                    low=-reach,
                    high=reach,
                    details=(f"1 σ = {deviation:.3g}, the typical deviation of an axis of {space}",),
                ),
                (row * deviation).float().reshape(flat),
            )
            for index, row in enumerate(frame)
        )
        asked.watch(1.0)
        evaluations = PICTURES if space == "h" else 0
        return asked.found(controls, evaluations, "Chance level: what directions without any method do.")


def _reach(shape: tuple[int, ...]) -> float:
    """How many deviations a slider spans each way.

    In a space of d axes a normal point lies √d deviations from the mean. Three of them along one random direction of
    noise or of a feature map (d in the thousands) cannot be seen, so there the slider spans half that distance.
    """
    return 3.0 if len(shape) == 1 else max(3.0, float(round(math.sqrt(math.prod(shape)) / 2)))


METHOD = RandomOrthogonal()
