"""VAEs put together of layers that a checkpoint's tensors tell, and what only a look at their pictures tells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from explorer.numerics.distances import decibels

Order = Literal["halves", "interleaved"]
"""How the encoder's last layer holds means and log-variances: first all of the one, or in turns."""
Activation = Literal["sigmoid", "tanh", "none"]
"""What follows the decoder's last layer: pictures lie in 0 to 1, with ``tanh`` in -1 to 1."""

LOOKED_AT = 64
"""Prior points of a look at a network."""
BETTER = 4.0
"""So many times as large an error tells the wrong order of two: means of the wrong one say nothing of half of z."""
LOGITS = 0.01
"""A larger share of values outside of pictures' range tells that they are logits."""


@dataclass(frozen=True)
class Looks:
    """What a look at a network tells. ``decibels``: between pictures of prior points and themselves, encoded and drawn
    again; ``other_decibels``: with the means read in the other order, None where there is only one; ``chance``: between
    the pictures and their mean."""

    decibels: float
    other_decibels: float | None
    chance: float


class LayeredVae(nn.Module):
    """Encodes pictures in [0, 1] as means and log-variances, and decodes codes. ``heads``: None where the encoder ends
    in one layer that holds both in ``order``, else the layer of the means and that of the log-variances."""

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        heads: tuple[nn.Module, nn.Module] | None = None,
        order: Order = "halves",
        activation: Activation = "none",
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.heads = None if heads is None else nn.ModuleList(heads)
        self.order, self.activation = order, activation

    def encode(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, each (B, latents), of pictures (B, C, H, W) in [0, 1]."""
        features = self.encoder(pictures * 2 - 1 if self.activation == "tanh" else pictures)
        if self.heads is not None:
            return self.heads[0](features), self.heads[1](features)
        if self.order == "interleaved":
            pairs = features.unflatten(1, (-1, 2))
            return pairs[..., 0], pairs[..., 1]
        mean, log_variance = features.chunk(2, dim=1)
        return mean, log_variance

    def decode(self, z: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1] of codes (B, latents)."""
        values: Tensor = self.decoder(z)
        if self.activation == "sigmoid":
            return torch.sigmoid(values)
        return (torch.tanh(values) + 1) / 2 if self.activation == "tanh" else values.clamp(0, 1)


@torch.no_grad()
def guessed_activation(network: LayeredVae, latents: int) -> Activation:
    """``none`` where the decoder's own values are pictures in [0, 1], else ``sigmoid``: they are logits then."""
    values = network.decoder(_prior(latents))
    outside = ((values < -0.25) | (values > 1.25)).float().mean()
    return "sigmoid" if float(outside) > LOGITS else "none"


@torch.no_grad()
def look(network: LayeredVae, latents: int) -> Looks:
    """Draw prior points, encode the pictures, draw them again. The network keeps its order."""
    pictures = network.decode(_prior(latents))
    chance = decibels(float((pictures - pictures.mean(0)).square().mean()))
    own = decibels(_round_trip(network, pictures))
    if network.heads is not None or latents < 2:
        return Looks(own, None, chance)
    order = network.order
    network.order = other_order(order)
    try:
        return Looks(own, decibels(_round_trip(network, pictures)), chance)
    finally:
        network.order = order


def is_other_order(looks: Looks) -> bool:
    """Whether pictures say that means and log-variances are held in the other order: it gives them back, and so much
    better. A network that gives back nothing in either says nothing."""
    if looks.other_decibels is None:
        return False
    return looks.other_decibels - max(looks.decibels, looks.chance) > 10 * math.log10(BETTER)


def other_order(order: Order) -> Order:
    """The one of the two that ``order`` is not."""
    return "halves" if order == "interleaved" else "interleaved"


def _round_trip(network: LayeredVae, pictures: Tensor) -> float:
    """The mean squared error of ``pictures``, encoded and drawn again."""
    return float((network.decode(network.encode(pictures)[0]) - pictures).square().mean())


def _prior(latents: int) -> Tensor:
    return torch.randn(LOOKED_AT, latents, generator=torch.Generator().manual_seed(0))
