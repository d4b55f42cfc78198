"""What the Effects dock says. Plain values, no Qt."""

from __future__ import annotations

from explorer.scene.cards import ModelCard
from explorer.scene.effect_text import conditions
from explorer.scene.effects import EffectOptions, EffectReport
from explorer.scene.model import ControlSetRef

TITLE = "Which latent causes what?"
NO_MODEL = "Open a model, and move its latents to find out."
NO_PICTURES = "Attributes are read from pictures, and this model makes none."
INVITATION = (
    "Scan moves every slider of the selected pane to a range of levels, at the same base codes, and reads what the "
    "pictures show: a matrix of effects with their signs, and of each the curve with its interval."
)
WITHOUT_WORLD = " Name what to read in the field: a world, a classifier (.onnx) or labels (.json)."


def invitation(card: ModelCard | None) -> str:
    """What stands in place of a report that is not there."""
    if card is None:
        return NO_MODEL
    if not card.makes_pictures:
        return NO_PICTURES
    return INVITATION if card.worlds or "true_directions" in card.capabilities else INVITATION + WITHOUT_WORLD


def taken(report: EffectReport, controls: ControlSetRef, options: EffectOptions, title: str) -> tuple[str, bool]:
    """What is shown, and how it was made; and whether the pane (its set ``controls``, called ``title``) or the fields
    (``options``) would have something else scanned."""
    if report.controls != controls:
        return f"Shown: effects of {report.title}. Press Scan for those of {title}.", True
    if report.options != options:
        return f"Shown: {conditions(report)}. Press Scan to take these settings.", True
    return conditions(report), False
