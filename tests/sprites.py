"""Pictures like those of the dSprites data set, drawn from formulas, for checking networks that were trained on it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

SCALES = np.linspace(0.5, 1.0, 6)
ORIENTATIONS = np.linspace(0.0, 2 * np.pi, 40)
POSITIONS = np.linspace(0.0, 1.0, 32)


def sprites(n: int, seed: int) -> tuple[Tensor, np.ndarray]:
    """(n, 1, 64, 64) pictures of 0 and 1, and (n, 5) factors: square, ellipse or heart; scale; angle; x; y."""
    source = np.random.default_rng(seed)
    factors = np.stack(
        [
            source.integers(3, size=n),
            source.choice(SCALES, n),
            source.choice(ORIENTATIONS, n),
            source.choice(POSITIONS, n),
            source.choice(POSITIONS, n),
        ],
        axis=1,
    )
    shape, scale, angle, x, y = factors.T[:, :, None, None]
    rows, columns = np.mgrid[0:64, 0:64].astype(float)
    across, down = (columns - 15.5 - 32 * x) / scale, (rows - 15.5 - 32 * y) / scale
    # Positive angles turn counter-clockwise on the screen, where y points down.
    u = across * np.cos(angle) - down * np.sin(angle)
    v = across * np.sin(angle) + down * np.cos(angle)
    square = np.maximum(np.abs(u), np.abs(v)) <= 19.24 / 2
    ellipse = (u / 12.85) ** 2 + (v / 7.15) ** 2 <= 1
    lobes = np.hypot(np.abs(u) - 4.67, v + 4.16) <= 5.04
    depth = np.clip((v + 4.16) / (8.91 + 4.16), 0, 1)
    taper = (v >= -4.16) & (v <= 8.91) & (np.abs(u) <= 9.47 * (1 - depth**1.29))
    heart = lobes | taper
    drawn = np.where(shape == 0, square, np.where(shape == 1, ellipse, heart))
    return torch.from_numpy(drawn.astype(np.float32))[:, None], factors
