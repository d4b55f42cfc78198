"""Fields that are an affine map and a sum of ridges: what is divergence-free and what is a gradient can be read off.

v(z) = c + B x + Σ_w m_w (1 - tanh²(V_w·x + b_w)), where x is z less a centre. A ridge whose ``m`` is orthogonal to its
wave ``V`` slides along its own level sets: its divergence, -2 tanh (1 - tanh²) m·V, is 0 exactly. It is the row
divergence of an antisymmetric matrix, ∂_b A_ab with A = (m Vᵀ - V mᵀ) tanh(V·x + b) / |V|². One whose ``m`` is along
its wave is the gradient of a potential, (m·V / |V|²) tanh(V·x + b). Every m is the sum of both, so the split is exact
and in closed form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor


class Ridges(NamedTuple):
    """The tensors of one field, or, with a first dimension more, of several that share their waves.

    ``centre`` (d,); ``constant`` (d,) is c; ``left`` and ``right`` (r, d) make B = leftᵀ right, so that wide spaces
    keep few numbers; ``waves`` (h, d) and ``phases`` (h,); ``heights`` (h, d) are the m.
    """

    centre: Tensor
    constant: Tensor
    left: Tensor
    right: Tensor
    waves: Tensor
    phases: Tensor
    heights: Tensor

    def velocity(self, z: Tensor) -> Tensor:
        """(B, d) at the points ``z`` (B, d); (k, B, d) of k fields."""
        x = z - self.centre
        linear = (x @ self.right.mT) @ self.left
        slopes = 1 - torch.tanh(x @ self.waves.mT + self.phases).square()
        return self.constant.unsqueeze(-2) + linear + slopes @ self.heights

    def gradient(self) -> Ridges:
        """What of it is a gradient: c, the symmetric part of B, and heights along their waves."""
        left, right = torch.cat([self.left, self.right], -2) / 2, torch.cat([self.right, self.left], -2)
        return self._replace(left=left, right=right, heights=along(self.heights, self.waves))

    def rotation(self) -> Ridges:
        """The rest: the antisymmetric part of B, and heights across their waves."""
        left, right = torch.cat([self.left, -self.right], -2) / 2, torch.cat([self.right, self.left], -2)
        heights = self.heights - along(self.heights, self.waves)
        return self._replace(constant=torch.zeros_like(self.constant), left=left, right=right, heights=heights)

    def potential(self, z: Tensor) -> Tensor:
        """(B,) the potential of :meth:`gradient` of one field, at the points ``z`` (B, d)."""
        x = z - self.centre
        linear = x @ self.constant + ((x @ self.left.mT) * (x @ self.right.mT)).sum(-1) / 2
        shares = _shares(self.heights, self.waves)
        return linear + torch.tanh(x @ self.waves.mT + self.phases) @ shares


class Solenoidal(NamedTuple):
    """``ridges`` whose heights are across their waves, less the ``stretch`` (1, 1), or (k, 1, 1), of their B."""

    ridges: Ridges
    stretch: Tensor

    def velocity(self, z: Tensor) -> Tensor:
        """As :meth:`Ridges.velocity`; its divergence is 0."""
        return self.ridges.velocity(z) - self.stretch * (z - self.ridges.centre)


def solenoidal(ridges: Ridges) -> Solenoidal:
    """``ridges`` without what makes volumes grow or shrink: B loses its trace, every m what is along its wave."""
    stretch = (ridges.left * ridges.right).sum((-2, -1), keepdim=True) / ridges.constant.shape[-1]
    return Solenoidal(ridges._replace(heights=ridges.heights - along(ridges.heights, ridges.waves)), stretch)


def along(heights: Tensor, waves: Tensor) -> Tensor:
    """(…, h, d): the part of every height (…, h, d) that is along its wave (h, d); 0 where the wave is 0."""
    return _shares(heights, waves).unsqueeze(-1) * waves


def _shares(heights: Tensor, waves: Tensor) -> Tensor:
    """(…, h): m·V / |V|²."""
    squares = waves.square().sum(-1)
    return (heights * waves).sum(-1) / torch.where(squares > 0, squares, 1.0)


@dataclass(frozen=True, eq=False)
class RidgeField:
    """What the kinds of field made of ridges have in common: the tensors, and that time does not matter."""

    kind: ClassVar[str]
    times: ClassVar[None] = None
    smooth: ClassVar[bool] = True

    ridges: Ridges

    def __post_init__(self) -> None:
        """Raises ValueError for tensors that do not belong together."""
        constant, waves = self.ridges.constant, self.ridges.waves
        width, rank, count = constant.shape[-1:], self.ridges.left.shape[:1], waves.shape[:1]
        shapes = width, width, rank + width, rank + width, count + width, count, count + width
        if constant.dim() != 1 or tuple(one.shape for one in self.ridges) != shapes:
            raise ValueError(", ".join(f"{name} {tuple(one.shape)}" for name, one in self.ridges._asdict().items()))
        if not (constant.is_floating_point() and len({one.dtype for one in self.ridges}) == 1):
            raise ValueError("tensors that are not floating-point numbers of one kind")

    @property
    def width(self) -> int:
        """d, of the points."""
        return self.ridges.constant.shape[0]

    def tensors(self) -> dict[str, Tensor]:
        """By the names of :class:`Ridges`."""
        return self.ridges._asdict()


def named(tensors: Mapping[str, Tensor]) -> Ridges:
    """The ridges that :meth:`RidgeField.tensors` gave. Raises KeyError for what is missing."""
    return Ridges(*(tensors[name] for name in Ridges._fields))
