"""The trunk that our autoencoders share: strided convolutions down to 4×4, a linear layer, and the mirror image."""

from __future__ import annotations

import itertools
import math

import msgspec
import torch
from torch import nn

SMALLEST = 4  # pixels at which the convolutions end
GROUPS = 8  # of channels, each normalised for itself


class TrunkConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every ``config.json`` of an autoencoder says. ``widths``: channels after each halving; so ``size`` is
    4 · 2**len(widths) pixels."""

    family: str
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


def encoder_trunk(config: TrunkConfig) -> nn.Sequential:
    """(B, C, size, size) pictures → (B, hidden) features."""
    widths = config.widths
    down: list[nn.Module] = []
    for before, after in zip((config.channels, *widths[:-1]), widths, strict=True):
        down += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.SiLU()]
    return nn.Sequential(*down, nn.Flatten(), nn.Linear(widths[-1] * SMALLEST**2, config.hidden), nn.SiLU())


def decoder_trunk(config: TrunkConfig, inputs: int) -> nn.Sequential:
    """(B, inputs) codes → (B, widths[0], size / 2, size / 2) features, for :func:`output_layer`."""
    widths = config.widths
    up: list[nn.Module] = []
    for before, after in itertools.pairwise(widths[::-1]):
        up += [nn.SiLU(), nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)]
    return nn.Sequential(
        nn.Linear(inputs, config.hidden),
        nn.SiLU(),
        nn.Linear(config.hidden, widths[-1] * SMALLEST**2),
        nn.Unflatten(1, (widths[-1], SMALLEST, SMALLEST)),
        *up,
        nn.SiLU(),
    )


def output_layer(config: TrunkConfig) -> nn.ConvTranspose2d:
    """(B, widths[0], size / 2, size / 2) features → (B, C, size, size) logits of pictures in [0, 1]."""
    return nn.ConvTranspose2d(config.widths[0], config.channels, 4, stride=2, padding=1)


def normalised_widths(config: TrunkConfig) -> bool:
    """Whether :func:`normalised_decoder` can have the widths of ``config``."""
    return all(width % GROUPS == 0 for width in config.widths)


def normalised_decoder(config: TrunkConfig, inputs: int) -> nn.Sequential:
    """(B, inputs) codes → (B, widths[0], size / 2, size / 2) features, for :func:`shuffled_output`: sharper than
    :func:`decoder_trunk`, at twice the work."""
    widths = config.widths
    up: list[nn.Module] = [nn.GroupNorm(GROUPS, widths[-1]), nn.SiLU()]
    for before, after in itertools.pairwise(widths[::-1]):
        up += [nn.Upsample(scale_factor=2), nn.Conv2d(before, after, 3, padding=1), nn.GroupNorm(GROUPS, after)]
        up += [nn.SiLU()]
    return nn.Sequential(
        nn.Linear(inputs, config.hidden),
        nn.SiLU(),
        nn.Linear(config.hidden, config.hidden),
        nn.SiLU(),
        nn.Linear(config.hidden, widths[-1] * SMALLEST**2),
        nn.Unflatten(1, (widths[-1], SMALLEST, SMALLEST)),
        *up,
    )


def shuffled_output(config: TrunkConfig) -> nn.Sequential:
    """(B, widths[0], size / 2, size / 2) features → (B, C, size, size) logits, four pixels of each place."""
    return nn.Sequential(nn.Conv2d(config.widths[0], 4 * config.channels, 3, padding=1), nn.PixelShuffle(2))


def initialise(network: nn.Module, output: nn.Module) -> None:
    """He initialisation: with torch's default the signal fades over ten layers, and training takes far longer.
    ``output`` begins smaller, near grey pictures. A network without numbers is left so: torch would import its
    compiler for it, which takes a second."""
    if any(parameter.is_meta for parameter in output.parameters()):
        return
    for layer in network.modules():
        if isinstance(layer, nn.ConvTranspose2d):
            inputs = layer.weight.shape[0] * 4  # of 4×4 taps at stride 2, four meet in one pixel
        elif isinstance(layer, nn.Conv2d | nn.Linear):
            inputs = layer.weight[0].numel()
        else:
            continue
        nn.init.normal_(layer.weight, std=math.sqrt(2.0 / inputs))
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    with torch.no_grad():
        for parameter in output.parameters():
            parameter.mul_(0.3)
