"""A StyleGAN's w, one for all layers (Karras et al., Analyzing and improving the image quality of StyleGAN, CVPR 2020,
sec. 5)."""

from __future__ import annotations

from typing import ClassVar

from explorer.inversion.base import Attempt
from explorer.inversion.descent import STEPS, descend
from explorer.scene.cards import ModelCard
from explorer.scene.inversion import InversionOptions


class W:
    """Stays nearer to what the model draws than w_plus does, and so lends itself better to edits."""

    name: ClassVar[str] = "w"
    title: ClassVar[str] = "optimisation in w"
    description: ClassVar[str] = (
        "Follows the gradient with one w for all layers: not as near as w_plus, but edits look more like the model's."
    )
    place: ClassVar[int] = 3

    def refusal(self, model: ModelCard) -> str:
        if "w" not in model.spaces:
            return f"'{model.name}' has no space w."
        return model.without_gradients("Optimisation in w")

    def steps(self, model: ModelCard) -> int:
        return STEPS

    def run(self, attempt: Attempt, options: InversionOptions) -> None:
        descend(attempt, options, "w", starts=1)


INVERSION = W()
