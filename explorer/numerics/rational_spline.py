"""Monotone rational-quadratic splines (Gregory and Delbourgo 1982; Durkan et al., "Neural spline flows", 2019): smooth
rising functions whose inverses are in closed form.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

LEAST = 1e-3
"""Width, height and slope that no piece goes below."""


class Knots(NamedTuple):
    """Where a spline of each row passes: ``x`` and ``y`` (B, K + 1), rising, with ``slopes`` (B, K + 1) there. Beyond
    the outer ones it goes on as a straight line."""

    x: Tensor
    y: Tensor
    slopes: Tensor


def parameter_count(pieces: int) -> int:
    """How many numbers :func:`knots` takes a row."""
    return 3 * pieces + 1


def knots(parameters: Tensor, reach: float) -> Knots:
    """Knots of any numbers ``parameters`` (B, 3 K + 1), from -``reach`` to ``reach`` in both; the identity where all
    are 0."""
    pieces = (parameters.shape[1] - 1) // 3
    widths, heights, slopes = torch.split(parameters, [pieces, pieces, pieces + 1], dim=1)
    one = torch.tensor(1.0 - LEAST, dtype=parameters.dtype, device=parameters.device).expm1().log()
    return Knots(_edges(widths, reach), _edges(heights, reach), LEAST + functional.softplus(slopes + one))


def forward(x: Tensor, at: Knots) -> tuple[Tensor, Tensor]:
    """(B,) the spline of each row at ``x`` (B,), and the logarithm of its slope there."""
    piece = _piece(x, at.x)
    width, height = at.x.diff(dim=1).gather(1, piece)[:, 0], at.y.diff(dim=1).gather(1, piece)[:, 0]
    x0, y0, left, right = _ends(at, piece)
    mean = height / width
    share = ((x - x0) / width).clamp(0.0, 1.0)
    y, log_slope = _rational(share, y0, height, mean, left, right)
    below, above = (x - at.x[:, 0]).clamp(max=0.0), (x - at.x[:, -1]).clamp(min=0.0)
    return y + below * at.slopes[:, 0] + above * at.slopes[:, -1], log_slope


def inverse(y: Tensor, at: Knots) -> tuple[Tensor, Tensor]:
    """(B,) where the spline of each row is ``y`` (B,), and the logarithm of its slope there: of :func:`forward`."""
    piece = _piece(y, at.y)
    width, height = at.x.diff(dim=1).gather(1, piece)[:, 0], at.y.diff(dim=1).gather(1, piece)[:, 0]
    x0, y0, left, right = _ends(at, piece)
    mean = height / width
    rise = (y - y0).clamp(min=torch.zeros_like(height), max=height)
    bend = left + right - 2 * mean
    a, b, c = height * (mean - left) + rise * bend, height * left - rise * bend, -mean * rise
    share = 2 * c / (-b - (b**2 - 4 * a * c).clamp(min=0.0).sqrt())
    _, log_slope = _rational(share, y0, height, mean, left, right)
    below = (y - at.y[:, 0]).clamp(max=0.0) / at.slopes[:, 0]
    above = (y - at.y[:, -1]).clamp(min=0.0) / at.slopes[:, -1]
    return x0 + share * width + below + above, log_slope


def _edges(sizes: Tensor, reach: float) -> Tensor:
    pieces = sizes.shape[1]
    shares = LEAST + (1 - LEAST * pieces) * functional.softmax(sizes, dim=1)
    inner = -reach + 2 * reach * shares.cumsum(dim=1)[:, :-1]
    end = inner.new_full((len(inner), 1), reach)
    return torch.cat([-end, inner, end], dim=1)


def _piece(number: Tensor, edges: Tensor) -> Tensor:
    """(B, 1) in which piece each number lies."""
    return (number[:, None] >= edges[:, 1:-1]).sum(dim=1, keepdim=True)


def _ends(at: Knots, piece: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Each (B,): where the piece begins, in x and y, and the slopes at its two ends."""
    x0, y0, left = (each.gather(1, piece)[:, 0] for each in (at.x, at.y, at.slopes))
    return x0, y0, left, at.slopes.gather(1, piece + 1)[:, 0]


def _rational(
    share: Tensor, y0: Tensor, height: Tensor, mean: Tensor, left: Tensor, right: Tensor
) -> tuple[Tensor, Tensor]:
    """The value and the logarithm of the slope after this ``share`` (B,), 0..1, of a piece."""
    rest = 1 - share
    below = mean + (left + right - 2 * mean) * share * rest
    y = y0 + height * (mean * share**2 + left * share * rest) / below
    slope = mean**2 * (right * share**2 + 2 * mean * share * rest + left * rest**2)
    return y, slope.log() - 2 * below.log()
