"""Adapters that are being learned: two narrow matrices for every layer of a U-Net that is chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from explorer.controls.low_rank import LowRank

LAYERS = ("noxattn", "xattn", "selfattn", "full")
"""Which layers are changed, by the names of the published program: all but those that look at the text and those of the
time embedding; those that look at the text alone; those that look at the picture alone; all."""
_BLOCKS, _TIME, _TEXT, _OWN = ("down_blocks.", "mid_block.", "up_blocks."), "time_embedding.", "attn2", "attn1"
_OWN_ATTENTION = ("to_q", "to_k", "to_v", "to_out")  # of models without text, whose attentions have no number


def chosen_layers(weights: Mapping[str, Tensor], layers: str) -> dict[str, Tensor]:
    """Of the ``weights`` of a U-Net, by name, those of linear layers and convolutions that ``layers`` (one of
    :data:`LAYERS`) means."""
    return {
        name: weight
        for name, weight in weights.items()
        if weight.dim() in (2, 4) and name.endswith(".weight") and _is_chosen(name, layers)
    }


def _is_chosen(name: str, layers: str) -> bool:
    within = name.startswith(_BLOCKS)
    if layers == "full":
        return within or name.startswith(_TIME)
    if layers == "xattn":
        return within and _TEXT in name
    if layers == "selfattn":
        return within and _TEXT not in name and (_OWN in name or any(f".{one}." in name for one in _OWN_ATTENTION))
    return within and _TEXT not in name


class AdapterNetwork(nn.Module):
    """W + amount · α / r · up · down for each of ``weights``, by name. As published ``down`` begins at random and
    ``up`` at 0, so that the network begins as it is."""

    def __init__(self, weights: Mapping[str, Tensor], rank: int, alpha: float, source: torch.Generator) -> None:
        super().__init__()
        self.names = tuple(weights)
        self.gain = alpha / rank
        downs, ups = [], []
        for weight in weights.values():
            outputs, inputs, *kernel = weight.shape
            bound = 1 / math.sqrt(inputs * math.prod(kernel))  # Kaiming's for the slope √5, torch's own of such layers
            down = (torch.rand(rank, inputs, *kernel, generator=source) * 2 - 1) * bound
            downs.append(down.to(weight.device))
            ups.append(torch.zeros(outputs, rank, *(1,) * len(kernel), device=weight.device))
        self.down, self.up = nn.ParameterList(downs), nn.ParameterList(ups)

    def factors(self) -> dict[str, LowRank]:
        """Name → the matrices of the moment, with the strength within ``up``; they go on with what is learned."""
        rows = zip(self.names, self.down, self.up, strict=True)
        return {name: LowRank(down, up * self.gain) for name, down, up in rows}

    def changes(self, amount: float) -> dict[str, Tensor]:
        """Name → what ``amount`` adds to that weight; differentiable."""
        return {name: pair.product() * amount for name, pair in self.factors().items()}

    def kept(self) -> dict[str, LowRank]:
        """:meth:`factors` as they are now, on the CPU."""
        return {name: LowRank(*(half.detach().cpu().clone() for half in pair)) for name, pair in self.factors().items()}
