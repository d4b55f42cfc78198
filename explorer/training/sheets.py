"""Sample sheets: a grid of pictures in one PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from explorer.files import atomic_path


def save_sheet(pictures: Tensor, path: Path, columns: int, gap: int = 2) -> None:
    """Write (n, C, H, W) pictures in [-1, 1] row by row as one PNG, ``gap`` white pixels apart."""
    count, channels, height, width = pictures.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), 255, np.uint8)
    levels = ((pictures.detach().cpu().float().clamp(-1, 1) + 1.0) * 127.5).round().byte()
    for index, picture in enumerate(levels.permute(0, 2, 3, 1).numpy()):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    with atomic_path(path) as temporary:
        Image.fromarray(sheet[..., 0] if channels == 1 else sheet).save(temporary, "PNG", optimize=True)
