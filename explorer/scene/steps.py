"""Sampler steps of diffusion models: how many a picture takes, and what is said of it. Plain values."""

from __future__ import annotations

from explorer.errors import ExplorerError
from explorer.scene.cards import ModelCard
from explorer.scene.model import Quality


def steps_at_rest(card: ModelCard, quality: Quality) -> int:
    """How many a finished picture of ``quality`` takes; 0 for a model without steps."""
    return min(quality.steps or card.full_steps, card.most_steps or card.full_steps) if card.full_steps else 0


def steps_while_moving(card: ModelCard, quality: Quality, chosen: int = 0) -> int:
    """How many a draft takes while something moves, never more than a finished picture. ``chosen`` by the user; 0: the
    model's own number."""
    return min(chosen or card.interactive_steps, steps_at_rest(card, quality))


def draft_texts(steps: int, at_rest: int) -> tuple[str, ...]:
    """What stands on a draft, the longest first."""
    return f"draft · {steps} of {at_rest} steps", f"draft · {steps} of {at_rest}", "draft"


def steps_text(card: ModelCard, steps: int) -> str:
    """``20 of 50 steps``, for files: nothing where a picture of ``steps`` took as many as the model's card says."""
    if not steps or steps == card.full_steps:
        return ""
    return f"{steps} of {card.full_steps} steps" if steps < card.full_steps else f"{steps} steps"


def require_steps(card: ModelCard, steps: int) -> None:
    """Raise :class:`ExplorerError` where pictures of the model cannot take ``steps`` (0: the model's own number)."""
    if steps and not card.full_steps:
        raise ExplorerError(f"'{card.name}' draws a picture in one go; leave the number of steps out.")
    if steps > (card.most_steps or steps):
        raise ExplorerError(f"'{card.name}' takes 1 to {card.most_steps} steps, not {steps}.")
