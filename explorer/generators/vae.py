"""Our own convolutional VAEs: a folder with ``config.json``, ``model.safetensors`` and, if it likes, ``card.json``."""

from __future__ import annotations

import torch

from explorer.generators.autoencoder_family import AutoencoderFamily
from explorer.generators.base import Generator
from explorer.generators.vae_generator import CAPABILITIES, VaeGenerator
from explorer.generators.vae_network import VaeConfig, VaeNetwork
from explorer.scene.cards import ModelCard, SpaceCard


class VaeFamily(AutoencoderFamily[VaeConfig, VaeNetwork]):
    """Finds and loads them."""

    name = "vae"
    title = "VAEs"
    short_title = "VAE"
    noun = "a VAE"
    capabilities = CAPABILITIES

    def config_type(self) -> type[VaeConfig]:
        return VaeConfig

    def specimen_config(self) -> VaeConfig:
        return VaeConfig()

    def network(self, config: VaeConfig) -> VaeNetwork:
        return VaeNetwork(config)

    def spaces(self, config: VaeConfig) -> dict[str, SpaceCard]:
        return {"z": SpaceCard(shape=(config.latents,), prior="normal")}

    def generator(self, card: ModelCard, network: VaeNetwork, device: torch.device) -> Generator:
        return VaeGenerator(card, network, device)


FAMILY = VaeFamily()
