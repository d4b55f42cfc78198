"""The colours of a signed difference, and how far they reach. No torch here, so that the window can draw the scale."""

from __future__ import annotations

END = 0.25
"""Shares of the range of the pixels at which the colours end: where a difference view is at its brightest."""

STOPS: tuple[tuple[int, int, int], ...] = (
    (5, 113, 176), (146, 197, 222), (247, 247, 247), (244, 165, 130), (202, 0, 32),
)  # fmt: skip
"""Red, green, blue, at equal distances from darker by :data:`END` to brighter by it (ColorBrewer's RdBu): told apart
whatever the eye, and alike on a dark and on a light ground."""

LOW, HIGH = f"≤ −{END:g}", f"≥ {END:g}"
"""What stands at the ends of the scale."""
MEANING = f"blue: darker, red: brighter, by up to {END:g} of the range of the pixels and beyond"
