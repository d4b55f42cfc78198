"""Whether two samples depend on each other in any way, straight or not."""

from __future__ import annotations

import torch
from torch import Tensor


def distance_correlation(a: Tensor, b: Tensor, permutations: int, source: torch.Generator) -> tuple[float, float]:
    """The distance correlation of the paired rows ``a`` (n, p) and ``b`` (n, q), n ≥ 2: 0..1, and 0 in the limit just
    where they are independent (Székely, Rizzo and Bakirov 2007); and the share p of so many random orders of ``b``,
    the one at hand included, that have as much. Takes n² numbers; (0, 1) where one of them is constant."""
    first, second = _centred(torch.cdist(a, a)), _centred(torch.cdist(b, b))
    size = (first.square().sum() * second.square().sum()).sqrt()
    if not float(size) > 0:
        return 0.0, 1.0
    here = float((first * second).sum())
    above = 1
    for _ in range(permutations):
        order = torch.randperm(len(b), generator=source)
        above += float((first * second[order][:, order]).sum()) >= here
    return max(here / float(size), 0.0) ** 0.5, above / (permutations + 1)


def _centred(distances: Tensor) -> Tensor:
    rows, columns = distances.mean(dim=0, keepdim=True), distances.mean(dim=1, keepdim=True)
    return distances - rows - columns + distances.mean()
