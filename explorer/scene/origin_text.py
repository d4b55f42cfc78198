"""Where a picture starts from, in words."""

from __future__ import annotations

from explorer.scene.model import Blend, Condition, Origin, Seed, Start, own_picture


def origin_text(origin: Origin) -> str:
    """``seed 7``, ``between seeds 7 and 9``, ``mixture of 3 points``, ``cat.jpg, PSNR 31.2 dB`` or ``stored point``."""
    if isinstance(origin, Seed):
        return f"seed {origin.seed}"
    if (own := own_picture(origin)) is not None:
        return f"{own.name}, PSNR {own.psnr:.1f} dB"
    if not isinstance(origin, Blend):
        return "stored point"
    seeds = [point.seed for point in origin.origins if isinstance(point, Seed)]
    if len(seeds) == len(origin.origins) == 2:
        return f"between seeds {seeds[0]} and {seeds[1]}"
    return f"mixture of {len(origin.origins)} points"


def condition_text(condition: Condition) -> str:
    """``class 7`` or ``classes 7 and 9``; empty where they are those of the seed."""
    numbers = [str(number) for number, _ in condition.classes]
    return f"class{'es' if len(numbers) > 1 else ''} {' and '.join(numbers)}" if numbers else ""


def start_text(start: Start) -> str:
    """``seed 7, class 2``: the origin, and what the model is told to draw."""
    return ", ".join(filter(None, (origin_text(start.origin), condition_text(start.condition))))
