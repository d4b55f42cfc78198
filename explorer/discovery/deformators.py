"""The deformators of Voynov & Babenko: maps A from (direction k, amount ε) to a shift of the latent."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from explorer.controls.deformation import Deformation
from explorer.discovery.initial import initialised
from explorer.numerics.linalg import random_orthonormal
from explorer.numerics.randomness import seeded

KINDS = ("ortho", "linear", "proj", "fc")


class Deformator(Protocol):
    """A map A that is trained; the amounts are in units of the latent's deviation."""

    def __call__(self, which: Tensor, amounts: Tensor) -> Tensor:
        """A(ε e_k) - A(0), (B, width), for the directions ``which`` (B,) and ``amounts`` (B,)."""


class Columns(nn.Module):
    """The deformators that are matrices (width, k): A(ε e_k) = ε · column k.

    ``ortho``: the first columns of exp(L - Lᵀ), so they are orthonormal. ``linear``: any matrix; the bias of the
    published one is the same for all amounts and drops out of A(ε e_k) - A(0). ``proj``: columns of unit length, which
    is what scaling A(ε e_k) to the length of ε e_k makes of a matrix.
    """

    def __init__(self, kind: str, k: int, width: int, seed: int) -> None:
        super().__init__()
        self.kind, self.k = kind, k
        if kind == "ortho":
            # The eigenvalues of L - Lᵀ then lie within ±2i: far from the axes, and where its exponential still learns.
            begin = torch.randn(width, width, generator=seeded(seed, 0, 1)) / math.sqrt(2 * width)
        else:
            begin = random_orthonormal(k, width, seed).T.float().contiguous()
        self.matrix = nn.Parameter(begin)

    def columns(self) -> Tensor:
        """(width, k)."""
        if self.kind == "ortho":
            turned: Tensor = torch.linalg.matrix_exp(self.matrix - self.matrix.T)
            return turned[:, : self.k]
        return functional.normalize(self.matrix, dim=0) if self.kind == "proj" else self.matrix

    def forward(self, which: Tensor, amounts: Tensor) -> Tensor:
        return self.columns().T[which] * amounts[:, None]


class Bent(nn.Module):
    """The deformator ``fc``: :class:`Deformation` after a first layer, with the input added at the end.

    No batch normalisation: with it, a shift would depend on the shifts beside which it was trained.
    """

    def __init__(self, k: int, width: int, hidden: int) -> None:
        super().__init__()
        self.width = width
        self.first = nn.Linear(k, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.third = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, width, bias=False)

    def deformation(self) -> Deformation:
        """What follows the first layer."""
        one, none = torch.ones_like(self.first.bias), torch.zeros_like(self.first.bias)
        return Deformation(
            (self.second.weight, self.third.weight, self.last.weight),
            (self.second.bias, self.third.bias),
            (one, one, one),
            (none, none, none),
        )

    def forward(self, which: Tensor, amounts: Tensor) -> Tensor:
        shape = self.deformation()
        first = self.first.weight.T[which] * amounts[:, None] + self.first.bias
        return shape(first) - shape(self.first.bias) + functional.one_hot(which, self.width) * amounts[:, None]


def deformator(kind: str, k: int, width: int, hidden: int, seed: int, device: torch.device) -> Columns | Bent:
    """One of :data:`KINDS` for ``k`` directions of a space of ``width``, as it begins; ``hidden`` units if ``fc``."""
    if kind == "fc":
        return initialised(lambda: Bent(k, width, hidden), seed, 1, device)
    return Columns(kind, k, width, seed).to(device)
