"""Where a picture starts from, in words."""

from __future__ import annotations

import textwrap

from explorer.scene.model import Blend, Condition, Origin, Seed, Start, own_picture

SHOWN_CHARACTERS = 60


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
    """``class 7``, ``classes 7 and 9``, ``“a red cat”`` or ``“a red cat” without “blue”, guidance 4``; empty where
    nothing was said. Long texts are cut."""
    numbers = [str(number) for number, _ in condition.classes]
    classes = f"class{'es' if len(numbers) > 1 else ''} {' and '.join(numbers)}" if numbers else ""
    without = f"without {_quoted(condition.negative_prompt)}" if condition.negative_prompt else ""
    texts = " ".join(filter(None, (_quoted(condition.prompt) if condition.prompt else "", without)))
    guidance = "" if condition.guidance is None else f"guidance {condition.guidance:g}"
    return ", ".join(filter(None, (classes, texts, guidance)))


def _quoted(text: str) -> str:
    return f"“{textwrap.shorten(text, SHOWN_CHARACTERS, placeholder='…')}”"


def start_text(start: Start) -> str:
    """``seed 7, class 2``: the origin, and what the model is told to draw."""
    return ", ".join(filter(None, (origin_text(start.origin), condition_text(start.condition))))
