"""The convolutional VAE that ships: strided convolutions down to 4×4, two linear layers, and the mirror image."""

from __future__ import annotations

import math

import msgspec
import torch
from torch import Tensor, nn

SMALLEST = 4  # pixels at which the convolutions end


class VaeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``config.json`` of a VAE. ``widths``: channels after each halving; so ``size`` is 4 · 2**len(widths) pixels."""

    family: str = "vae"
    format: int = 1
    size: int = 64
    channels: int = 3
    latents: int = 10
    widths: tuple[int, ...] = (32, 32, 64, 64)
    hidden: int = 256

    def problem(self) -> str:
        """What is impossible about these numbers, as the end of a sentence; empty when they are fine."""
        if self.format != 1:
            return f"format {self.format} is of a newer program"
        if not 1 <= len(self.widths) <= 8 or self.size != SMALLEST * 2 ** len(self.widths):
            return f"{len(self.widths)} widths do not make {self.size} pixels"
        if not all(1 <= width <= 4096 for width in (*self.widths, self.hidden)):
            return "a width lies outside 1..4096"
        if not 1 <= self.latents <= 4096 or self.channels not in (1, 3):
            return "latents must be 1..4096 and channels 1 or 3"
        return ""


class VaeNetwork(nn.Module):
    """q(z|x) and p(x|z) over pictures in [0, 1]."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        flat = widths[-1] * SMALLEST**2
        down: list[nn.Module] = []
        for before, after in zip((config.channels, *widths[:-1]), widths, strict=True):
            down += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.SiLU()]
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(flat, config.hidden), nn.SiLU())
        self.mean = nn.Linear(config.hidden, config.latents)
        self.log_variance = nn.Linear(config.hidden, config.latents)
        up: list[nn.Module] = []
        for before, after in zip(widths[::-1], (*widths[-2::-1], config.channels), strict=True):
            up += [nn.SiLU(), nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)]
        self.decoder = nn.Sequential(
            nn.Linear(config.latents, config.hidden),
            nn.SiLU(),
            nn.Linear(config.hidden, flat),
            nn.Unflatten(1, (widths[-1], SMALLEST, SMALLEST)),
            *up[:-1],
        )
        self.output = nn.ConvTranspose2d(widths[0], config.channels, 4, stride=2, padding=1)
        self._initialise()

    def _initialise(self) -> None:
        """He initialisation: with torch's default the signal fades over ten layers, and training takes far longer."""
        for layer in self.modules():
            if isinstance(layer, nn.ConvTranspose2d):
                inputs = layer.weight.shape[0] * 4  # of 4×4 taps at stride 2, four meet in one pixel
            elif isinstance(layer, nn.Conv2d | nn.Linear):
                inputs = layer.weight[0].numel()
            else:
                continue
            nn.init.normal_(layer.weight, std=math.sqrt(2.0 / inputs))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        with torch.no_grad():  # begin near variance 1 and grey pictures
            self.mean.weight.mul_(0.7)
            self.log_variance.weight.mul_(0.1)
            self.output.weight.mul_(0.3)

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
