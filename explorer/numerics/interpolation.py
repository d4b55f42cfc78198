"""Between latents: lerp, slerp and smooth mixtures, batched, exact at their ends, safe for every input."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# Below this sine two unit vectors count as parallel or opposite; float32 latents never come this close by chance.
_COLLINEAR = 1e-9


def lerp(start: Tensor, end: Tensor, t: Tensor | float) -> Tensor:
    """(1 - t) start + t end for (B, *shape) latents, t a number or (B,); bit for bit ``start`` at 0, ``end`` at 1."""
    share = _column(t, start)
    return _exact_ends(start, end, share, _wide(start) * (1 - share) + _wide(end) * share)


def slerp(start: Tensor, end: Tensor, t: Tensor | float) -> Tensor:
    """The great circle from ``start`` to ``end`` (B, *shape) at t, a number or (B,); norms are interpolated linearly.

    The direction turns at constant speed (Shoemake 1985) over all of a point's numbers at once. Parallel points give
    `lerp`; for opposite points one fixed great circle is chosen; next to a zero vector the direction is the other's.
    Points at t = 0 and t = 1 come back bit for bit.
    """
    share = _column(t, start).flatten(1)
    a, b = _wide(start).flatten(1), _wide(end).flatten(1)
    norm_a, norm_b = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    u = torch.where(norm_a > 0, a / _nonzero(norm_a), b / _nonzero(norm_b))
    v = torch.where(norm_b > 0, b / _nonzero(norm_b), u)
    # v = cos(angle) u + sin(angle) p with p a unit vector orthogonal to u: no division by a vanishing sine.
    p = v - (u * v).sum(1, keepdim=True) * u
    sine = p.norm(dim=1, keepdim=True)
    p = torch.where(sine > _COLLINEAR, p / _nonzero(sine), _orthogonal(u))
    angle = 2 * torch.atan2((u - v).norm(dim=1, keepdim=True), (u + v).norm(dim=1, keepdim=True))
    norm = norm_a * (1 - share) + norm_b * share
    point = norm * (torch.cos(share * angle) * u + torch.sin(share * angle) * p)
    return _exact_ends(start, end, share.reshape(_column(t, start).shape), point.reshape(start.shape))


def smooth(points: Tensor, weights: Tensor | Sequence[float]) -> Tensor:
    """Σ wᵢ pᵢ for ``points`` (N, B, *shape) and ``weights`` (N,) that sum to 1, scaled to the norm exp(Σ wᵢ log |pᵢ|).

    A plain mixture of normal draws is too short, and its picture too average; the weighted geometric mean of the
    norms keeps it in the shell where the generator was trained. A weight of 1 gives that point exactly. A mixture
    with a point of norm 0, or that cancels out, is left unscaled. Weights for curves:
    :func:`explorer.scene.curves.catmull_rom_weights`.
    """
    wide = _wide(points)
    share = weights.to(wide) if isinstance(weights, Tensor) else wide.new_tensor(weights)
    mixture = (share.reshape(-1, *([1] * (points.dim() - 1))) * wide).sum(0)
    norms = wide.flatten(2).norm(dim=2)  # (N, B)
    length = mixture.flatten(1).norm(dim=1)  # (B,)
    defined = (norms > 0).all(0) & (length > 0)
    ratio = torch.where(defined, norms / _nonzero(length), torch.ones_like(norms))
    scale = (share[:, None] * ratio.log()).sum(0).exp()
    return (mixture * scale.reshape(-1, *([1] * (mixture.dim() - 1)))).to(points.dtype)


def _wide(tensor: Tensor) -> Tensor:
    """``tensor`` in float64, so that rounding stays below what float32 latents can hold (Apple's devices have no
    float64).
    """
    return tensor if tensor.device.type == "mps" else tensor.double()


def _nonzero(norm: Tensor) -> Tensor:
    """``norm`` with 1 in place of 0, to divide by."""
    return torch.where(norm > 0, norm, torch.ones_like(norm))


def _column(t: Tensor | float, like: Tensor) -> Tensor:
    """``t`` as (B, 1, …, 1), ready to be multiplied with ``like`` (B, *shape)."""
    share = _wide(t.to(like.device)) if isinstance(t, Tensor) else _wide(like).new_tensor(t)
    return share.expand(like.shape[0]).reshape(-1, *([1] * (like.dim() - 1)))


def _exact_ends(start: Tensor, end: Tensor, share: Tensor, between: Tensor) -> Tensor:
    return torch.where(share == 0, start, torch.where(share == 1, end, between.to(start.dtype)))


def _orthogonal(u: Tensor) -> Tensor:
    """(B, d) unit vectors orthogonal to ``u`` (B, d), the same for the same ``u``; zero where d is 1."""
    smallest = u.abs().argmin(dim=1, keepdim=True)
    axis = torch.zeros_like(u).scatter(1, smallest, 1.0)
    p = axis - (u * axis).sum(1, keepdim=True) * u
    length = p.norm(dim=1, keepdim=True)
    return torch.where(length > _COLLINEAR, p / _nonzero(length), torch.zeros_like(p))
