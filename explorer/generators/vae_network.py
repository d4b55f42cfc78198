"""The convolutional VAE that ships: strided convolutions down to 4×4, two linear layers, and the mirror image."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from explorer.generators.convolutions import TrunkConfig, decoder_trunk, encoder_trunk, initialise, output_layer


class VaeConfig(TrunkConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``config.json`` of a VAE."""

    family: str = "vae"


class VaeNetwork(nn.Module):
    """q(z|x) and p(x|z) over pictures in [0, 1]."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder_trunk(config)
        self.mean = nn.Linear(config.hidden, config.latents)
        self.log_variance = nn.Linear(config.hidden, config.latents)
        self.decoder = decoder_trunk(config, config.latents)
        self.output = output_layer(config)
        initialise(self, self.output)
        with torch.no_grad():  # begin near variance 1
            self.mean.weight.mul_(0.7)
            self.log_variance.weight.mul_(0.1)

    def encode(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, each (B, latents), of (B, C, size, size) pictures in [0, 1]."""
        hidden = self.encoder(pictures)
        return self.mean(hidden), self.log_variance(hidden)

    def logits(self, z: Tensor) -> Tensor:
        """(B, C, size, size) logits of (B, latents): what the Bernoulli likelihood is written in."""
        logits: Tensor = self.output(self.decoder(z))
        return logits

    def decode(self, z: Tensor) -> Tensor:
        """(B, C, size, size) pictures in [0, 1] of (B, latents)."""
        return torch.sigmoid(self.logits(z))
