"""What all autoencoders share once their network is loaded: one space z, an encoder, a decoder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar, cast

import torch
from torch import Tensor, nn

from explorer.controls.base import WeightEdits
from explorer.errors import ModelError
from explorer.generators.base import Generator, Latent
from explorer.generators.normal_prior import OneSpace
from explorer.generators.weights import WeightViews, grouped, named_tensors
from explorer.scene.cards import ModelCard
from explorer.scene.model import Quality


class Codec(Protocol):
    """A network over pictures in [0, 1]."""

    def eval(self) -> nn.Module: ...

    def encode(self, pictures: Tensor) -> Any:
        """Codes (B, latents) of (B, C, H, W); of a VAE, their means and log-variances."""

    def decode(self, z: Tensor) -> Tensor:
        """(B, C, H, W) of (B, latents)."""


Network = TypeVar("Network", bound=Codec)

DRAWING = ("blocks.", "decoder.", "output.")
"""Begins the names of the tensors that pictures are decoded with, in every network of this kind."""


class AutoencoderGenerator(OneSpace, ABC, Generic[Network]):
    """A loaded autoencoder. Always float32: these networks are so small that half precision gains nothing."""

    def __init__(self, card: ModelCard, network: Network, device: torch.device) -> None:
        self.card = card
        self.device = device
        network.eval().requires_grad_(False).to(device)
        self._network = network
        self._views: WeightViews[nn.Module] = WeightViews()

    @abstractmethod
    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        """One point of z a seed."""

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        """(B, C, H, W) in [-1, 1]: the decoder's mean; any quality is full quality. Differentiable in z."""
        pictures = self._network.decode(latent.tensors["z"].to(self.device, torch.float32))
        return pictures * 2.0 - 1.0

    def weight_parts(self) -> dict[str, dict[str, Tensor]]:
        """The decoder, layer by layer; not what only encodes pictures, or says how often which point is drawn."""
        network = cast(nn.Module, self._network)
        own = named_tensors(network, lambda name: name.startswith(DRAWING))
        return grouped(own, lambda name: name.rpartition(".")[0].replace(".", " "))

    def reweighted(self, edits: WeightEdits) -> Generator:
        """This generator after ``edits`` of its weights; it samples the points of before."""

        def build(network: nn.Module) -> Generator:
            return self.around(cast(Network, network))

        return self._views.view(edits, cast(nn.Module, self._network), self.card.name, build)

    def around(self, network: Network) -> Generator:
        """This generator with another network, of the same shape."""
        return type(self)(self.card, network, self.device)

    def encode(self, outputs: Tensor) -> Latent:
        """The point of z of pictures (B, C, H, W) in [-1, 1]. Raises :class:`ModelError` unless they have the size
        that the card says."""
        return Latent({"z": self._encoded(outputs)})

    def _encoded(self, outputs: Tensor) -> Any:
        """What the network's ``encode`` gives for pictures (B, C, H, W) in [-1, 1]."""
        if tuple(outputs.shape[1:]) != self.card.shape:
            raise ModelError(
                f"'{self.card.name}' encodes pictures of shape {self.card.shape} (channels, height, width), "
                f"not {tuple(outputs.shape[1:])}; resize them first."
            )
        return self._network.encode((outputs.to(self.device, torch.float32) + 1.0) / 2.0)
