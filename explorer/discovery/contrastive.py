"""The contrastive loss of LatentCLR: one direction's effects alike everywhere, two directions' effects unlike."""

from __future__ import annotations

import math

import torch
from torch import Tensor

CONVENTIONS = ("as in the program", "as in the paper")
"""The temperature multiplies the similarity, or divides it."""


def contrastive_loss(effects: Tensor, temperature: float, convention: str) -> tuple[Tensor, Tensor]:
    """The loss (), and which effects (k, B) are nearer to those of their own direction than to the others.

    ``effects`` (k, B, F): unit vectors, of k ≥ 2 directions at the same B ≥ 2 points. For each one,
    -log(mean over the other points of its direction / mean over all points of the other directions) of
    exp(τ |⟨f, f'⟩|), averaged. Yüksel et al., ICCV 2021, equation 4, with |cosine| for the cosine and means for the
    sums, as in the authors' program; means change the loss by a constant.
    """
    k, count, width = effects.shape
    scale = temperature if convention == CONVENTIONS[0] else 1 / temperature
    rows = effects.reshape(k * count, width)
    similar = (rows @ rows.T).abs() * scale
    which = torch.arange(k, device=effects.device).repeat_interleave(count)
    same = which[:, None] == which[None]
    itself = torch.eye(k * count, dtype=torch.bool, device=effects.device)
    alike = similar.masked_fill(~same | itself, -math.inf).logsumexp(1) - math.log(count - 1)
    unlike = similar.masked_fill(same, -math.inf).logsumexp(1) - math.log((k - 1) * count)
    return (unlike - alike).mean(), (alike > unlike).reshape(k, count)


def likeness(effects: Tensor) -> tuple[Tensor, float]:
    """(k,) mean |cosine| of each direction's effects at different points, and that of effects of different directions.

    ``effects`` (k, B, F): unit vectors.
    """
    k, count, _ = effects.shape
    similar = torch.einsum("ibf,jcf->ijbc", effects, effects).abs().double()
    own = similar.diagonal(dim1=0, dim2=1).permute(2, 0, 1)  # (k, B, B)
    alike = (own.sum((1, 2)) - own.diagonal(dim1=1, dim2=2).sum(1)) / (count * (count - 1))
    others = (similar.sum() - own.sum()) / (k * (k - 1) * count * count)
    return alike, float(others)
