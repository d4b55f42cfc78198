"""Where a picture starts from, in words."""

from __future__ import annotations

import textwrap

from msgspec.structs import replace

from explorer.scene.cards import ModelCard
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


def start_text(start: Start, card: ModelCard | None) -> str:
    """``seed 7, class 2``: the origin, and what the model is told to draw; of what it is told that which the model of
    ``card`` heeds: a scene keeps its prompt while models are shown that read none. None: its card is not known yet."""
    told = start.condition
    if card is not None:
        reads, classes = "prompt" in card.capabilities, told.classes if card.classes else ()
        guidance = told.guidance if reads or card.classes else None
        told = replace(told if reads else Condition(), classes=classes, guidance=guidance)
    return ", ".join(filter(None, (origin_text(start.origin), condition_text(told))))
