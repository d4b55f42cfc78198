"""The z of a generator that has no other space, under its normal prior (Creswell & Bharath, Inverting the generator of
a generative adversarial network, 2018)."""

from __future__ import annotations

from typing import ClassVar

from explorer.inversion.base import Attempt
from explorer.inversion.descent import STEPS, descend
from explorer.scene.cards import ModelCard
from explorer.scene.inversion import InversionOptions

STARTS = 4


class Z:
    """From several starts, because the way from z to pictures has many hollows."""

    name: ClassVar[str] = "z"
    title: ClassVar[str] = "optimisation in z"
    description: ClassVar[str] = "Follows the gradient from several drawn points, and keeps to where the prior draws."
    place: ClassVar[int] = 4

    def refusal(self, model: ModelCard) -> str:
        space = model.spaces.get("z")
        if space is None or space.prior != "normal" or len(model.spaces) > 1:
            return f"'{model.name}' has no z alone with a normal prior."
        return model.without_gradients("Optimisation in z")

    def steps(self, model: ModelCard) -> int:
        return STEPS

    def run(self, attempt: Attempt, options: InversionOptions) -> None:
        descend(attempt, options, "z", starts=STARTS)


INVERSION = Z()
