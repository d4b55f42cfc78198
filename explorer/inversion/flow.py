"""A rectified flow backwards: the noise at the other end of the line through a picture.

Each step is first taken by a midpoint rule of second order (:func:`explorer.numerics.rectified_flow.way_back`; Wang et
al., Taming rectified flow for inversion and editing, 2024, use one of that order as well), then corrected to the
sampler's own step by a fixed point.
"""

from __future__ import annotations

from typing import ClassVar

from explorer.inversion.backwards import backwards
from explorer.inversion.base import Attempt
from explorer.scene.cards import ModelCard
from explorer.scene.inversion import InversionOptions

REFINEMENTS = 5


class Flow:
    """For models whose pictures are drawn along a flow."""

    name: ClassVar[str] = "flow"
    title: ClassVar[str] = "the flow run backwards"
    description: ClassVar[str] = "Follows the flow from the picture to noise, by refined steps of second order."
    place: ClassVar[int] = 1

    def refusal(self, model: ModelCard) -> str:
        return "" if "flow" in model.capabilities else f"'{model.name}' draws its pictures along no flow."

    def steps(self, model: ModelCard) -> int:
        return model.full_steps

    def run(self, attempt: Attempt, options: InversionOptions) -> None:
        backwards(attempt, options, (0, REFINEMENTS))


INVERSION = Flow()
