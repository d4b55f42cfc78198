"""Many potentials side by side, trained together: what the methods learn whose controls follow potentials."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from explorer.fields.potential import PotentialField
from explorer.numerics.potential_network import Affine, PotentialNetwork
from explorer.numerics.randomness import seeded


class PotentialBank(nn.Module):
    """k networks :class:`explorer.numerics.potential_network.PotentialNetwork` of one width, as one: each layer's
    ``weights`` (k, outputs, inputs) and ``biases`` (k, outputs). Asking all of them costs few large products of
    matrices.
    """

    def __init__(self, k: int, width: int, bounded: bool, timed: bool, seed: int, stream: int) -> None:
        """``timed``: with layers of time. They begin as torch begins linear layers, from ``seed`` and ``stream``."""
        super().__init__()
        self.bounded = bounded
        source, bound = seeded(seed, 0, stream), 1 / math.sqrt(width)
        outputs = [width, width, 1, *[width, width] * timed]

        def begin(*shape: int) -> Tensor:
            return (torch.rand(shape, generator=source) * 2 - 1) * bound

        self.weights = nn.ParameterList(begin(k, rows, width) for rows in outputs)
        self.biases = nn.ParameterList(begin(k, rows) for rows in outputs)

    def networks(self, which: Tensor | None = None) -> PotentialNetwork:
        """All of them, for points (k, B, d); or, for points (n, B, d), those that ``which`` (n,) names."""
        layers = [
            Affine(weight, bias) if which is None else Affine(weight[which], bias[which])
            for weight, bias in zip(self.weights, self.biases, strict=True)
        ]
        into, fusion, out, *time = layers
        return PotentialNetwork(into, fusion, out, (time[0], time[1]) if time else None, self.bounded)

    def field(self, index: int, sigma: float, times: tuple[float, float] | None) -> PotentialField:
        """Potential ``index`` as it is now, on the CPU, of points that are ``sigma`` times those it was trained on. The
        velocity is then 1 / ``sigma`` of that in training: d/dz for d/dx where z = σ x."""
        one = self.networks(torch.tensor([index], device=self.biases[0].device))

        def own(layer: Affine) -> Affine:
            return Affine(*(tensor[0].detach().cpu().clone() for tensor in layer))

        weight, bias = own(one.into)
        time = None if one.time is None else (own(one.time[0]), own(one.time[1]))
        return PotentialField(
            PotentialNetwork(Affine(weight / sigma, bias), own(one.fusion), own(one.out), time, self.bounded), times
        )
