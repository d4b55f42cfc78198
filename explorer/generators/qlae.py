"""Quantised latent autoencoders: every latent takes one of a few learned values (Hsu et al., NeurIPS 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from explorer.errors import ModelError
from explorer.generators.autoencoder_family import AutoencoderFamily
from explorer.generators.base import Generator, Latent
from explorer.generators.qlae_network import QlaeConfig, QlaeNetwork
from explorer.generators.vae_generator import unit_pictures
from explorer.scene.cards import ModelCard, SpaceCard
from explorer.scene.model import Quality


class QlaeGenerator:
    """A loaded QLAE. The decoder takes any point of z; those that data have lie on the codebook. Always float32."""

    def __init__(self, card: ModelCard, network: QlaeNetwork, device: torch.device) -> None:
        self.card = card
        self.device = device
        self._network = network.eval().requires_grad_(False).to(device)
        codebook, usage = network.codebook.cpu(), network.usage.cpu().double()
        if bool((codebook.diff(dim=1) < 0).any()):
            raise ModelError(f"The codebook of '{card.name}' does not ascend; the file is damaged.")
        if bool((usage < 0).any()) or bool(((usage.sum(dim=1) - 1.0).abs() > 1e-3).any()):
            raise ModelError(f"The usage of the codes of '{card.name}' does not sum to one; the file is damaged.")
        self.codebook: Tensor = codebook
        self.usage: Tensor = usage

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        """One point a seed: every latent takes each of its values as often as the data do, independently of the others.
        There is no truncation."""
        return Latent({"z": self._network.draw(seeds, self.usage)})

    def advance(self, latent: Latent, space: str) -> Latent:
        """``latent`` itself: there is one space. Raises KeyError for any other than ``z``."""
        if space != "z":
            raise KeyError(space)
        return latent

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        """(B, C, H, W) in [-1, 1]: the decoder's mean; any quality is full quality. Differentiable in z."""
        pictures = self._network.decode(latent.tensors["z"].to(self.device, torch.float32))
        return pictures * 2.0 - 1.0

    def encode(self, outputs: Tensor) -> Latent:
        """The quantised code of pictures (B, C, H, W) in [-1, 1]."""
        return Latent({"z": self._network.encode(unit_pictures(self.card, outputs, self.device))})


class QlaeFamily(AutoencoderFamily[QlaeConfig, QlaeNetwork]):
    """Finds and loads them."""

    name = "qlae"
    title = "QLAEs"
    noun = "a QLAE"
    capabilities = ("encode", "codebook")

    def config_type(self) -> type[QlaeConfig]:
        return QlaeConfig

    def network(self, config: QlaeConfig) -> QlaeNetwork:
        return QlaeNetwork(config)

    def spaces(self, config: QlaeConfig) -> dict[str, SpaceCard]:
        return {"z": SpaceCard(shape=(config.latents,))}

    def generator(self, card: ModelCard, network: QlaeNetwork, device: torch.device) -> Generator:
        return QlaeGenerator(card, network, device)


FAMILY = QlaeFamily()
