"""How the amounts of controls are written, the same in the window and in exported frames. No torch."""

from __future__ import annotations

from explorer.scene.cards import ControlCard, FieldCard
from explorer.scene.choices import case_text
from explorer.scene.marks import shown_name
from explorer.scene.model import Calibration, ControlSetRef, Edit, Holds, Scene, StepWindow

EFFECT_UNIT = "τ"
"""What an amount of 1 is called where it changes a picture as much on every slider."""

UNITS = {
    "native": "The method's own",
    "effect": "Equal visible change",
    "arc": "Equal change along the path",
}
"""What an amount of 1 means, as one chooses it."""

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
    calibrated = controls.calibration is not None and (card is None or card.unit == EFFECT_UNIT)
    return f" {EFFECT_UNIT}" if calibrated else ""


def edit_text(scene: Scene, controls: ControlSetRef, edit: Edit, card: ControlCard | None = None) -> str:
    """Which control is moved and how far, ``smile −1.00 τ``, or to which value, ``angle = −12.5°``: by the user's name
    for it; ``card`` as above."""
    name = shown_name(scene, controls, edit.control)
    number = slider_text(edit.number, edit.holds, card)
    sign = "= " if edit.value is not None else ""
    is_amount = edit.value is None and (card is None or card.cases is None)
    unit = unit_text(controls, card) if is_amount else ""
    return f"{name} {sign}{number}{unit}{window_text(edit.window)}"


def window_text(window: StepWindow | None) -> str:
    """`` in noise 60–20 %``: in which steps of a sampler an edit acts; empty where in all."""
    return "" if window is None else f" in noise {100 * window.high:.3g}–{100 * window.low:.3g} %"


def slider_text(number: float, holds: Holds, card: ControlCard | None = None) -> str:
    """A number of a slider as it is read: a value, what a case is called, or an amount, without a unit. ``card``: the
    control's, where it is known."""
    if holds == "value":
        return value_text(number, card)
    return amount_text(number) if card is None or card.cases is None else case_text(card.cases, number)


def value_text(value: float, card: ControlCard | None = None) -> str:
    """``−12.5°``, ``3 codes``, ``male``: a value in its unit, or what the level next to it is called; ``card``: the
    control's, where it is known."""
    if card is not None and (label := label_text(card, value)):
        return label
    unit = card.unit if card is not None else ""
    return f"{minus(f'{value:.4g}')}{unit if unit in ('', '°', '%') else f' {unit}'}"


def label_text(card: ControlCard, value: float) -> str:
    """What the level next to ``value`` is called; empty where values are no levels with names, or it is none."""
    return card.labels[round(value)] if 0 <= round(value) < len(card.labels) else ""


def tau_text(tau: float, calibration: Calibration | None = "chord") -> str:
    """How much an amount of 1 changes a picture in units of equal effect, ``τ = 0.06``: the root mean square over the
    pixels, in shares of their range; ``τ = 0.06 along the path`` where the changes on the way add up to it."""
    return f"{EFFECT_UNIT} = {tau:g}{' along the path' if calibration == 'arc' else ''}"


def laws_text(card: ControlCard) -> tuple[str, ...]:
    """What is worth knowing of how a control's moves add up, a line each; nothing where they do so plainly."""
    laws = card.laws
    lines = [] if card.field is None else [_field_text(card.field)]
    if laws.timed:
        lines.append("Depends on time: two moves are not one by their sum")
    elif not laws.composes:
        lines.append("Two moves are not one by their sum")
    negative = {
        "anti-field": "Below 0: along the field turned round, which is not the way back",
        "own": "Below 0: a way of its own",
        "none": "Has no amounts below 0",
    }
    if laws.negative in negative:
        lines.append(negative[laws.negative])
    return tuple(lines)


def _field_text(field: FieldCard) -> str:
    """``Follows the gradient of a potential, at times 0 to 9``."""
    natures = {"gradient": "the gradient of a potential", "rotation": "a field without divergence", "both": "a field"}
    times = "" if field.times is None else f", at times {field.times[0]:g} to {field.times[1]:g}"
    return f"Follows {natures[field.nature]}{times}{', at unit speed' if field.unit_speed else ''}"
