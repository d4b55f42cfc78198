"""A soft coloured disc on a grey ground, drawn from five factors and read back in closed form."""

from __future__ import annotations

import math

import torch
from torch import Tensor

FACTORS = ("x", "y", "radius", "hue", "background")
SOFTNESS = 0.05  # of the disc's edge; the picture reaches from -1 to 1
GREY, CHROMA = 0.5, 0.45  # of the disc, in shares of white
REACH = 0.35  # how far from the middle the disc's centre may be
RADIUS, RADIUS_SPREAD = 0.42, 0.16
BACKGROUND, BACKGROUND_SPREAD = 0.5, 0.4
LEAST_AREA = 0.01  # a disc covering less of the picture (which has an area of 4) is none
LEAST_GROUND = 0.05  # a ground of less than this share of the picture is none


def factors_of(codes: Tensor) -> Tensor:
    """(B, 5) what is drawn of any real numbers (B, 5): x and y of the centre in ±0.35, the radius in 0.42 ± 0.16, the
    hue in turns, which goes round, the grey of the ground in 0.5 ± 0.4."""
    x, y, radius, hue, background = codes.unbind(1)
    return torch.stack(
        [
            REACH * torch.tanh(x),
            REACH * torch.tanh(y),
            RADIUS + RADIUS_SPREAD * torch.tanh(radius),
            hue,
            BACKGROUND + BACKGROUND_SPREAD * torch.tanh(background),
        ],
        1,
    )


def draw(factors: Tensor, size: int) -> Tensor:
    """(B, 3, size, size) pictures in [-1, 1] of ``factors`` (B, 5); differentiable."""
    x, y, radius, hue, background = (column[:, None, None] for column in factors.unbind(1))
    down, right = _grid(size, size, factors)
    distance = ((right - x).square() + (down - y).square() + 1e-12).sqrt()
    disc = torch.sigmoid((radius - distance) / SOFTNESS)
    channels = [GREY + CHROMA * torch.cos(2 * math.pi * (hue - channel / 3)) for channel in range(3)]
    shares = torch.stack([disc * colour + (1 - disc) * background for colour in channels], 1)
    return 2 * shares - 1


def measure(pictures: Tensor) -> Tensor:
    """(B, 5) float64 the factors of ``pictures`` (B, 3, H, W) in [-1, 1], in closed form; NaN where there is no disc or
    no ground.

    The ground is grey, so the colour of a pixel is the disc's share in it: its mean place is the centre, its sum the
    area π (r² + π² s² / 3) of a disc with the edge sigmoid((r - d) / s), up to e^(-r / s).
    """
    shares = (pictures.double() + 1) / 2
    height, width = shares.shape[-2:]
    grey = shares.mean(1)
    turn = torch.polar(torch.ones(3, dtype=torch.float64), 2 * math.pi * torch.arange(3).double() / 3)
    chroma = ((shares - grey[:, None]) * turn.to(shares.device)[:, None, None]).sum(1)
    disc = chroma.abs() / (1.5 * CHROMA)
    whole = disc.sum((1, 2))
    area = whole * 4 / (height * width)
    down, right = _grid(height, width, shares)
    x, y = (disc * right).sum((1, 2)) / whole, (disc * down).sum((1, 2)) / whole
    radius = (area / math.pi - (math.pi * SOFTNESS) ** 2 / 3).clamp_min(0).sqrt()
    hue = torch.remainder(torch.angle(chroma.sum((1, 2))) / (2 * math.pi), 1.0)
    ground = (1 - disc).sum((1, 2))
    background = (grey - GREY * disc).sum((1, 2)) / ground
    seen = area > LEAST_AREA
    found = torch.stack([torch.where(seen, column, math.nan) for column in (x, y, radius, hue)], 1)
    shown = ground > LEAST_GROUND * height * width
    return torch.cat([found, torch.where(shown, background, math.nan)[:, None]], 1)


def _grid(height: int, width: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """(height, width) of y and of x at the middles of the pixels, -1 to 1 from edge to edge."""
    rows = (torch.arange(height, dtype=like.dtype, device=like.device) + 0.5) * (2 / height) - 1
    columns = (torch.arange(width, dtype=like.dtype, device=like.device) + 0.5) * (2 / width) - 1
    return rows[:, None].expand(height, width), columns[None].expand(height, width)
