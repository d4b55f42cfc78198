"""Sizes of pictures, in pixels: (height, width). No torch here, so that the window can compute what an export gives."""

from __future__ import annotations


def at_height(size: tuple[int, int], height: int) -> tuple[int, int]:
    """``size`` in its own proportion at ``height`` pixels (0: as it is)."""
    if height in (0, size[0]):
        return size
    return height, max(1, round(size[1] * height / size[0]))


def within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """``size`` in its own proportion, made smaller where its longer side exceeds ``side`` pixels."""
    share = min(1.0, side / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))
