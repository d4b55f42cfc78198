"""The quantised latent autoencoder (QLAE): an autoencoder whose every latent takes one of a few learned values.

Hsu et al., "Disentanglement via Latent Quantization", NeurIPS 2023: a scalar codebook for each dimension.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from explorer.generators.convolutions import TrunkConfig, decoder_trunk, encoder_trunk, initialise, output_layer


class QlaeConfig(TrunkConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``config.json`` of a QLAE. ``codes``: values that each latent may take."""

    family: str = "qlae"
    codes: int = 10

    def problem(self) -> str:
        """What is impossible about these numbers, as the end of a sentence; empty when they are fine."""
        if not 2 <= self.codes <= 1024:
            return "codes must be 2..1024"
        return super().problem()


class Quantised(NamedTuple):
    """What the quantiser makes of continuous codes (B, latents)."""

    codes: Tensor  # (B, latents): values of the codebook, with the gradient of the continuous codes
    indices: Tensor  # (B, latents): which values
    quantisation: Tensor  # mean (sg(z) - q)²: moves the codebook
    commitment: Tensor  # mean (z - sg(q))²: moves the encoder


class QlaeNetwork(nn.Module):
    """Encoder, quantiser and decoder over pictures in [0, 1]. ``codebook`` (latents, codes); ``usage`` (latents,
    codes): the share of the data that takes each value, 0 until measured."""

    usage: Tensor

    def __init__(self, config: QlaeConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder_trunk(config)
        self.code = nn.Linear(config.hidden, config.latents)
        self.decoder = decoder_trunk(config, config.latents)
        self.output = output_layer(config)
        initialise(self, self.output)
        with torch.no_grad():  # begin within the codebook
            self.code.weight.mul_(0.2)
        self.codebook = nn.Parameter(torch.linspace(-0.5, 0.5, config.codes).repeat(config.latents, 1))
        self.register_buffer("usage", torch.zeros(config.latents, config.codes))

    def continuous(self, pictures: Tensor) -> Tensor:
        """(B, latents) codes before quantisation of (B, C, size, size) pictures in [0, 1]."""
        code: Tensor = self.code(self.encoder(pictures))
        return code

    def quantise(self, continuous: Tensor) -> Quantised:
        """The nearest value of every latent's own codebook. The gradient of ``codes`` passes straight through to
        ``continuous``, so that reconstruction never moves the codebook."""
        away = (continuous.detach()[:, :, None] - self.codebook.detach()[None]).abs()
        indices = away.argmin(dim=2)
        nearest = self.codebook.gather(1, indices.T).T
        return Quantised(
            continuous + (nearest - continuous).detach(),
            indices,
            (continuous.detach() - nearest).square().mean(),
            (continuous - nearest.detach()).square().mean(),
        )

    def encode(self, pictures: Tensor) -> Tensor:
        """(B, latents) quantised codes of (B, C, size, size) pictures in [0, 1]."""
        codes = self.quantise(self.continuous(pictures)).indices
        return self.codebook.gather(1, codes.T).T

    def logits(self, codes: Tensor) -> Tensor:
        """(B, C, size, size) logits of (B, latents) codes, on the codebook or off it."""
        logits: Tensor = self.output(self.decoder(codes))
        return logits

    def decode(self, codes: Tensor) -> Tensor:
        """(B, C, size, size) pictures in [0, 1] of (B, latents) codes, on the codebook or off it."""
        return torch.sigmoid(self.logits(codes))

    def draw(self, seeds: Sequence[int], usage: Tensor) -> Tensor:
        """(len(seeds), latents): every latent takes each of its values with its probability in ``usage`` (latents,
        codes), independently of the others; a function of the seed alone, the same on every device."""
        cumulative = usage.cpu().double().cumsum(dim=1)
        rows = []
        for seed in seeds:
            source = torch.Generator("cpu").manual_seed(int(seed))
            level = torch.rand(self.config.latents, 1, generator=source, dtype=torch.float64) * cumulative[:, -1:]
            # To the right: a value that nothing uses is never drawn.
            rows.append(torch.searchsorted(cumulative, level, right=True).clamp(max=self.config.codes - 1)[:, 0])
        indices = torch.stack(rows).to(self.codebook.device)
        return self.codebook.gather(1, indices.T).T
