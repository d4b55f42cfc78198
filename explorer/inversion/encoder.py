"""The model's own encoder: one pass."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from explorer.inversion.base import Attempt
from explorer.scene.cards import ModelCard
from explorer.scene.inversion import InversionOptions


class Encoder:
    """Of a VAE, the mean of q(z|x); of a causal model what it reads, and the noise that is left."""

    name: ClassVar[str] = "encoder"
    title: ClassVar[str] = "the model's encoder"
    description: ClassVar[str] = "One pass through the network that the model was trained with to read pictures."
    place: ClassVar[int] = 0

    def refusal(self, model: ModelCard) -> str:
        if "encode" in model.capabilities and not {"ddim", "flow"} & set(model.capabilities):
            return ""
        return f"'{model.name}' has no encoder."

    def steps(self, model: ModelCard) -> int:
        return 0

    def run(self, attempt: Attempt, options: InversionOptions) -> None:
        encoding: Any = attempt.generator
        attempt.report(0.0)
        with torch.no_grad():
            latent = encoding.encode(attempt.target)
        attempt.offer(latent)
        attempt.report(1.0)


INVERSION = Encoder()
