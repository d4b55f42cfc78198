"""A StyleGAN's styles, layer by layer (Abdal et al., Image2StyleGAN, ICCV 2019)."""

from __future__ import annotations

from typing import ClassVar

from explorer.inversion.base import Attempt
from explorer.inversion.descent import STEPS, descend
from explorer.scene.cards import ModelCard
from explorer.scene.inversion import InversionOptions


class WPlus:
    """Each layer has a w of its own, so that pictures are met that no single w gives."""

    name: ClassVar[str] = "w_plus"
    title: ClassVar[str] = "optimisation in w_plus"
    description: ClassVar[str] = (
        "Follows the gradient with a w for every layer: comes nearest to pictures that are not the model's own."
    )
    place: ClassVar[int] = 2

    def refusal(self, model: ModelCard) -> str:
        if "w_plus" not in model.spaces:
            return f"'{model.name}' has no space w_plus."
        return model.without_gradients("Optimisation in w_plus")

    def steps(self, model: ModelCard) -> int:
        return STEPS

    def run(self, attempt: Attempt, options: InversionOptions) -> None:
        descend(attempt, options, "w_plus", starts=1)


INVERSION = WPlus()
