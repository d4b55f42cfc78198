"""What the nearest neighbours say of two samples of a distribution: precision and recall.

Distances are Euclidean and computed in double precision, a block of rows at a time.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_BLOCK = 512


class PrecisionRecall(NamedTuple):
    """Shares in 0..1."""

    precision: float
    recall: float


def radii(points: Tensor, k: int) -> Tensor:
    """(n,) distance of each of ``points`` (n, d) from its k-th nearest other, 1 ≤ k < n.

    Raises ValueError for another k.
    """
    if not 1 <= k < len(points):
        raise ValueError(f"{len(points)} points have no neighbour number {k} each")
    own = points.double()
    # The nearest of all is the point itself.
    parts = [torch.cdist(part, own).kthvalue(k + 1, dim=1).values for part in torch.split(own, _BLOCK)]
    return torch.cat(parts)


def share_inside(points: Tensor, centres: Tensor, radius: Tensor) -> float:
    """Share of ``points`` (n, d) that lie in at least one ball around ``centres`` (m, d) of ``radius`` (m,)."""
    around = centres.double()
    inside = [(torch.cdist(part.double(), around) <= radius).any(dim=1) for part in torch.split(points, _BLOCK)]
    return float(torch.cat(inside).double().mean())


def precision_recall(samples: Tensor, data: Tensor, k: int = 3) -> PrecisionRecall:
    """Kynkäänniemi et al. 2019, equations 1 and 2: precision is the share of ``samples`` (n, d) that lie in the balls
    around ``data`` (m, d) whose radii reach the k-th nearest other datum, recall the same with the two exchanged.

    Of two samples of one distribution neither is 1; with few neighbours or many dimensions far from it.
    """
    return PrecisionRecall(share_inside(samples, data, radii(data, k)), share_inside(data, samples, radii(samples, k)))
