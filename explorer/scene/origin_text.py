"""Where a picture starts from, in words."""

from __future__ import annotations

from explorer.scene.model import Blend, Origin, Seed


def origin_text(origin: Origin) -> str:
    """``seed 7``, ``between seeds 7 and 9``, ``mixture of 3 points`` or ``stored point``."""
    if isinstance(origin, Seed):
        return f"seed {origin.seed}"
    if not isinstance(origin, Blend):
        return "stored point"
    seeds = [point.seed for point in origin.origins if isinstance(point, Seed)]
    if len(seeds) == len(origin.origins) == 2:
        return f"between seeds {seeds[0]} and {seeds[1]}"
    return f"mixture of {len(origin.origins)} points"
