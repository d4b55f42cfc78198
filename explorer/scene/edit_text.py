"""How the amounts of controls are written, the same in the window and in exported frames. No torch."""

from __future__ import annotations

from explorer.scene.cards import ControlCard
from explorer.scene.marks import shown_name
from explorer.scene.model import ControlSetRef, Edit, Scene

EFFECT_UNIT = "τ"
"""What an amount of 1 is called where it changes a picture as much on every slider."""

NO_EFFECT = "no visible effect"
"""What is said of a control that no amount of changes a picture so much; it keeps its own unit."""


def minus(number: str) -> str:
    """``number`` with the minus sign in the place of the hyphen that Python writes: ``−0.19``."""
    return number.replace("-", "−")


def amount_text(amount: float) -> str:
    """``+1.30``, ``−0.40``, ``0.00``."""
    return minus(f"{amount:+.2f}") if round(amount, 2) else "0.00"


def unit_text(controls: ControlSetRef, card: ControlCard | None = None) -> str:
    """What follows an amount of one of ``controls``: `` τ`` in units of equal effect, else nothing, as every control
    has a unit of its own. ``card``: the control's, where it is known; one without effect has no such unit."""
    calibrated = controls.units == "effect" and (card is None or card.unit == EFFECT_UNIT)
    return f" {EFFECT_UNIT}" if calibrated else ""


def edit_text(scene: Scene, controls: ControlSetRef, edit: Edit, card: ControlCard | None = None) -> str:
    """Which control is moved and how far, ``smile −1.00 τ``: by the user's name for it; ``card`` as above."""
    return f"{shown_name(scene, controls, edit.control)} {amount_text(edit.amount)}{unit_text(controls, card)}"


def tau_text(tau: float) -> str:
    """How much an amount of 1 changes a picture in units of equal effect, ``τ = 0.06``: the root mean square over the
    pixels, in shares of their range."""
    return f"{EFFECT_UNIT} = {tau:g}"
