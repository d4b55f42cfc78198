"""What a denoiser is told beside noise and time: nothing, or classes; what a text says is in
:mod:`explorer.generators.diffusion_text`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from explorer.generators.base import Latent
from explorer.generators.class_labels import LABEL, drawn_labels, first_class, label_of
from explorer.generators.digests import digest_of
from explorer.scene.cards import ModelCard
from explorer.scene.model import Condition


@dataclass(frozen=True)
class Conditioning:
    """What the denoiser is told for every row of a batch. ``inputs``: its arguments by name. With ``guidance`` (B,)
    they have 2 B rows: those of what the pictures are led away from, then those of what they are led to."""

    inputs: dict[str, Any]
    guidance: Tensor | None = None
    digest: bytes = b""

    def predicted(self, unet: Any, x: Tensor, time: Tensor) -> Tensor:
        """The prediction for ``x`` (B, ...); with guidance (Ho and Salimans 2022) in the form of diffusers,
        away + guidance · (to - away)."""
        if self.guidance is None:
            found: Tensor = unet(x, time, **self.inputs, return_dict=False)[0]
            return found.float()
        away, to = unet(torch.cat([x, x]), time, **self.inputs, return_dict=False)[0].float().chunk(2)
        guided: Tensor = away + self.guidance[:, None, None, None] * (to - away)
        return guided


class Conditioner(Protocol):
    """How a point tells the denoiser what to draw."""

    space: str
    """In which it is said; empty: nothing is."""

    def drawn(self, latent: Latent, seeds: Sequence[int]) -> Latent:
        """``latent`` with what the seeds say of it."""

    def conditioned(self, latent: Latent, condition: Condition) -> Latent:
        """``latent`` with what the user says of it."""

    def place(self, latent: Latent) -> Tensor:
        """The point of ``latent`` in that space."""

    def conditioning(self, latent: Latent) -> Conditioning:
        """What the denoiser is told for ``latent``."""


class Unconditional:
    """Nothing is condition."""

    space = ""

    def drawn(self, latent: Latent, seeds: Sequence[int]) -> Latent:
        return latent

    def conditioned(self, latent: Latent, condition: Condition) -> Latent:
        return latent

    def place(self, latent: Latent) -> Tensor:
        raise KeyError(self.space)

    def conditioning(self, latent: Latent) -> Conditioning:
        return Conditioning({})


class BlendedEmbedding(nn.Module):
    """In place of a table of embeddings: takes weights (B, E) of its rows and not numbers of rows."""

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        self.weight = table.weight

    def forward(self, weights: Tensor) -> Tensor:
        return weights @ self.weight


class ClassConditioner:
    """The classes of a U-Net with a table of them. ``null``: which of its rows stands for no class, so that pictures
    can be led away from it; -1: none does."""

    space = LABEL

    def __init__(self, card: ModelCard, unet: Any, null: int, device: torch.device) -> None:
        self._model = card
        self._rows, self._device = unet.class_embedding.num_embeddings, device
        unet.class_embedding = BlendedEmbedding(unet.class_embedding)
        own = [row for row in range(self._rows) if row != null]
        self._own = torch.eye(self._rows, device=device)[own]
        self._null = torch.eye(self._rows, device=device)[null] if null >= 0 else None

    def drawn(self, latent: Latent, seeds: Sequence[int]) -> Latent:
        guidance = None if self._null is None else torch.full((len(seeds),), self._model.guidance, device=self._device)
        return replace(latent, label=drawn_labels(seeds, len(self._own)).to(self._device), guidance=guidance)

    def conditioned(self, latent: Latent, condition: Condition) -> Latent:
        if self._null is not None and condition.guidance is not None:
            latent = replace(latent, guidance=torch.full((latent.batch,), condition.guidance, device=self._device))
        if not condition.classes:
            return latent
        label = label_of(self._model, condition.classes).to(self._device)
        return replace(latent, label=label.repeat(latent.batch, 1))

    def place(self, latent: Latent) -> Tensor:
        label = first_class(latent.batch, len(self._own)) if latent.label is None else latent.label
        return label.to(self._device, torch.float32)

    def conditioning(self, latent: Latent) -> Conditioning:
        label = latent.tensors.get(LABEL, self.place(latent)).to(self._device, torch.float32)
        weights = label @ self._own
        guidance = None if self._null is None else effective(latent.guidance)
        if guidance is None or self._null is None:
            return Conditioning({"class_labels": weights}, None, digest_of(weights))
        both = torch.cat([self._null.expand_as(weights), weights])
        return Conditioning({"class_labels": both}, guidance, digest_of(both) + digest_of(guidance))


def effective(guidance: Tensor | None) -> Tensor | None:
    """``guidance`` (B,) with 1, which changes nothing, in place of less, as diffusers has it; None where that is
    all."""
    if guidance is None or bool((guidance <= 1.0).all()):
        return None
    return guidance.clamp_min(1.0)
