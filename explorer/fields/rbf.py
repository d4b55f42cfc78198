"""The gradient of a sum of Gaussian bumps, as that of WarpedGANSpace."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.scene.cards import FieldNature
from explorer.scene.model import Scalar

ROUNDING = 2.0
"""A sum this many times its terms' rounding, or less, is 0: what is left of it has no direction."""


@dataclass(frozen=True, eq=False)
class RbfField:
    """v = ∇f of f(z) = Σ α_i exp(-γ ‖z - s_i‖²). Tzelepis, Tzimiropoulos & Patras, "WarpedGANSpace: Finding Non-linear
    RBF Paths in GAN Latent Space", ICCV 2021, equations 1 and 2.

    ``supports`` s (n, d), ``alphas`` α (n,), ``gamma`` γ > 0. Followed at unit speed as published, and by itself at the
    speed that it has; see :func:`rbf_gradient` for how it is far from the supports.
    """

    kind: ClassVar[str] = "rbf"
    smooth: ClassVar[bool] = True

    supports: Tensor
    alphas: Tensor
    gamma: float

    def __post_init__(self) -> None:
        """Raises ValueError for shapes that do not fit, a γ that is none, and weights that are all 0."""
        if self.supports.ndim != 2 or self.alphas.shape != self.supports.shape[:1]:
            raise ValueError(f"supports {tuple(self.supports.shape)} with weights {tuple(self.alphas.shape)}")
        if not 0 < self.gamma < math.inf:
            raise ValueError(f"gamma {self.gamma}")
        if not bool(self.alphas.any()):
            raise ValueError("weights that are all 0")

    @property
    def width(self) -> int:
        return self.supports.shape[1]

    @property
    def nature(self) -> FieldNature:
        return "gradient"

    @property
    def times(self) -> None:
        return None

    def velocity(self, z: Tensor, time: Tensor) -> Tensor:
        return rbf_gradient(z, self.supports, self.alphas, self._gamma())

    def potential(self, z: Tensor, time: Tensor) -> Tensor:
        squares = torch.stack([(row - self.supports).square().sum(1) for row in z])
        return (self.alphas * torch.exp(-self.gamma * squares)).sum(1)

    def tensors(self) -> dict[str, Tensor]:
        return {"supports": self.supports, "alphas": self.alphas}

    def parameters(self) -> dict[str, Scalar]:
        return {"gamma": self.gamma}

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        return cls(tensors["supports"], tensors["alphas"], float(parameters["gamma"]))

    def _gamma(self) -> Tensor:
        return torch.tensor(self.gamma, dtype=self.supports.dtype, device=self.supports.device)


def rbf_gradient(z: Tensor, supports: Tensor, alphas: Tensor, gamma: Tensor) -> Tensor:
    """(B, d) the gradient of Σ α_i exp(-γ ‖z - s_i‖²) at the points ``z`` (B, d), for ``supports`` ([B,] n, d),
    ``alphas`` ([B,] n) and ``gamma`` ([B, 1]); differentiable.

    The exponents are taken relative to the largest of them, without ‖z‖², which they share: so the direction is right
    where every bump has vanished. The length is never below the root of the smallest number of the precision times the
    direction's sum; exactly 0 where nothing but rounding is left of that sum.
    """
    places = (supports @ z[:, :, None])[..., 0]  # (B, n) z·s
    squares = supports.square().sum(-1)
    exponents = gamma * (2 * places - squares)  # -γ ‖z - s‖² + γ ‖z‖²
    largest = exponents.detach().masked_fill(alphas == 0, -math.inf).amax(1, keepdim=True)
    weights = alphas * torch.exp((exponents - largest).clamp_max(0.0))
    total = weights.sum(1, keepdim=True)
    way = (weights[:, None] @ supports)[:, 0] - total * z
    limits = torch.finfo(z.dtype)
    terms = (weights.abs() * (squares.sqrt() + z.norm(dim=1, keepdim=True))).sum(1, keepdim=True)
    rounded = way.norm(dim=1, keepdim=True) <= ROUNDING * limits.eps * terms
    factor = torch.exp((largest - gamma * z.square().sum(1, keepdim=True)).clamp_min(math.log(limits.tiny) / 2))
    gradient: Tensor = 2 * gamma * factor * way.masked_fill(rounded, 0.0)
    return gradient


def rbf_fields(support_sets: Tensor, alphas: Tensor, gammas: Tensor) -> list[RbfField]:
    """The K fields of ``support_sets`` (K, n d) or (K, n, d), ``alphas`` (K, n) and ``gammas`` (K,) or (K, 1): copies,
    on the CPU. Raises ValueError for what does not fit."""
    if support_sets.ndim < 2 or alphas.ndim != 2 or len(alphas) != len(support_sets) or len(gammas) != len(alphas):
        raise ValueError(f"supports {tuple(support_sets.shape)} with weights {tuple(alphas.shape)}")
    count, n = alphas.shape
    if n == 0 or support_sets[0].numel() % n:
        raise ValueError(f"{support_sets[0].numel()} numbers for {n} supports")
    own = support_sets.detach().cpu().reshape(count, n, -1)
    return [
        RbfField(supports.clone(), weights.clone(), float(gamma))
        for supports, weights, gamma in zip(own, alphas.detach().cpu(), gammas.detach().cpu().reshape(-1), strict=True)
    ]


FIELD = RbfField
