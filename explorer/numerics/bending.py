"""A smooth map of a vector space onto itself that is undone in closed form: two shears that are sines."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Bend:
    """u = bend(z): the second half of z is moved by heights[0] sin(waves[0] · first half), then the first half by
    heights[1] sin(waves[1] · second half): additive couplings (Dinh, Krueger & Bengio 2015), so volumes stay.

    ``waves`` and ``heights`` (2, h, h) for vectors of width 2 h.
    """

    waves: Tensor
    heights: Tensor

    def __post_init__(self) -> None:
        """Raises ValueError for shapes that do not belong together."""
        shape = tuple(self.waves.shape)
        if shape != tuple(self.heights.shape) or len(shape) != 3 or shape[0] != 2 or shape[1] != shape[2]:
            raise ValueError(f"waves {shape} and heights {tuple(self.heights.shape)}")

    @property
    def width(self) -> int:
        return 2 * self.waves.shape[1]

    def forward(self, points: Tensor) -> Tensor:
        """(B, width) of (B, width); differentiable."""
        first, second = points.chunk(2, 1)
        second = second + self._shear(0, first)
        first = first + self._shear(1, second)
        return torch.cat([first, second], 1)

    def inverse(self, points: Tensor) -> Tensor:
        """The points that :meth:`forward` takes to ``points`` (B, width)."""
        first, second = points.chunk(2, 1)
        first = first - self._shear(1, second)
        second = second - self._shear(0, first)
        return torch.cat([first, second], 1)

    def jacobian(self, points: Tensor) -> Tensor:
        """(B, width, width) ∂forward / ∂points at ``points`` (B, width)."""
        first, second = points.chunk(2, 1)
        lower = self._slope(0, first)
        upper = self._slope(1, second + self._shear(0, first))
        one = torch.eye(first.shape[1], dtype=points.dtype, device=points.device).expand_as(lower)
        above = torch.cat([one + upper @ lower, upper], 2)
        return torch.cat([above, torch.cat([lower, one], 2)], 1)

    def _shear(self, which: int, half: Tensor) -> Tensor:
        waves, heights = self.waves[which].to(half), self.heights[which].to(half)
        return _times(heights, torch.sin(_times(waves, half)))

    def _slope(self, which: int, half: Tensor) -> Tensor:
        waves, heights = self.waves[which].to(half), self.heights[which].to(half)
        return heights * torch.cos(_times(waves, half))[:, None] @ waves


def _times(matrix: Tensor, rows: Tensor) -> Tensor:
    """matrix · row for every row of (B, h); a row's numbers do not depend on the others, as in a matrix product."""
    return (rows[:, None] * matrix).sum(2)
