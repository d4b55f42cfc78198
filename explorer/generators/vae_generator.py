"""What all VAEs share once their network is loaded: one space z with a standard normal prior, an encoder, a decoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from explorer.errors import ModelError
from explorer.generators.base import Latent, standard_normal
from explorer.scene.cards import ModelCard
from explorer.scene.model import Quality

CAPABILITIES = ("truncation", "encode", "posterior")


class Codec(Protocol):
    """A network over pictures in [0, 1]."""

    def encode(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, each (B, latents), of (B, C, H, W)."""

    def decode(self, z: Tensor) -> Tensor:
        """(B, C, H, W) of (B, latents)."""


class VaeGenerator:
    """A loaded VAE. Always float32: these networks are so small that half precision gains nothing."""

    def __init__(self, card: ModelCard, network: nn.Module, codec: Codec, device: torch.device) -> None:
        self.card = card
        self.device = device
        network.eval().requires_grad_(False).to(device)
        self._codec = codec

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        """Prior points z = psi · N(0, I), one a seed. Truncation is applied here, so that an edit keeps its length."""
        shape = self.card.spaces["z"].shape
        return Latent({"z": (standard_normal(seeds, shape) * truncation_psi).to(self.device)})

    def advance(self, latent: Latent, space: str) -> Latent:
        """``latent`` itself: there is one space. Raises KeyError for any other than ``z``."""
        if space != "z":
            raise KeyError(space)
        return latent

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        """(B, C, H, W) in [-1, 1]: the decoder's mean; any quality is full quality. Differentiable in z."""
        pictures = self._codec.decode(latent.tensors["z"].to(self.device, torch.float32))
        return pictures * 2.0 - 1.0

    def encode(self, outputs: Tensor) -> Latent:
        """The mean of q(z|x) of pictures (B, C, H, W) in [-1, 1]."""
        return Latent({"z": self.posterior(outputs)[0]})

    def posterior(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, each (B, latents), of q(z|x) for pictures (B, C, H, W) in [-1, 1]."""
        return self._codec.encode(unit_pictures(self.card, outputs, self.device))


def unit_pictures(card: ModelCard, outputs: Tensor, device: torch.device) -> Tensor:
    """Pictures (B, C, H, W) in [-1, 1] as float32 in [0, 1] on ``device``, for an encoder. Raises
    :class:`ModelError` unless they have the size that ``card`` says."""
    wanted = (card.channels, *card.size)
    if tuple(outputs.shape[1:]) != wanted:
        raise ModelError(
            f"'{card.name}' encodes pictures of shape {wanted} (channels, height, width), "
            f"not {tuple(outputs.shape[1:])}; resize them first."
        )
    return (outputs.to(device, torch.float32) + 1.0) / 2.0
