"""Controls that a setting names: those of a method, or of a control set's file."""

from __future__ import annotations

import difflib
import re
from weakref import WeakKeyDictionary

from explorer.controls import control_set as control_sets
from explorer.controls.base import WEIGHTS, Control
from explorer.controls.control_set import ControlSet
from explorer.discovery.request import Request, names_in
from explorer.errors import ControlError
from explorer.files import set_file
from explorer.generators.base import Generator, Progress
from explorer.scene.cards import SettingCard
from explorer.scene.defaults import default_controls

CONTROL_SETTINGS = (
    SettingCard(
        name="controls",
        title="Controls from",
        default="",
        kind="controls",
        empty="none: attributes alone are variables",
        help="A method, such as pca or pca:20 (its first 20), or a control set's file: its controls are variables "
        "as well.",
    ),
    SettingCard(
        name="control",
        title="Control",
        default="",
        empty="all of these",
        help="Which of them, several with a comma between; 'tilt=PC 2' calls the variable tilt.",
    ),
)
SETS_KEPT = 4
_FOUND: WeakKeyDictionary[Generator, dict[tuple[str, int], ControlSet]] = WeakKeyDictionary()
"""Generator → method as it is named, and seed → what it bound: another graph is request of the same controls."""
_COUNTED = re.compile(r"([^:]+):(\d{1,4})")


def is_file(text: str) -> bool:
    """Whether ``text``, the setting ``controls``, is a file rather than a method."""
    return set_file(text.strip()).suffix == ".safetensors"


def named_controls(request: Request, generator: Generator, progress: Progress) -> dict[str, Control]:
    """Variable → the control that the settings ``controls`` and ``control`` bind it to; none where both are empty.
    Raises :class:`ControlError` where there is no such method, file or control, or one cannot be bound."""
    text, names = request.text("controls").strip(), names_in(request.text("control"))
    if not text:
        if names:
            raise ControlError(f"'control' names {names[0]}, and 'controls' no method or file that it is of.")
        return {}
    chosen = _chosen(text, request, generator, progress)
    known = {control.card.name: control for control in chosen.controls}
    bound: dict[str, Control] = {}
    for variable, name in map(_pair, names or known):
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean '{close[0]}'?" if close else f"it has {', '.join(known)}."
            raise ControlError(f"{chosen.title} has no control '{name}'; {hint}")
        if variable in bound:
            raise ControlError(f"Two controls are called '{variable}'; name one otherwise, such as other={name}.")
        if refusal := _refusal(known[name]):
            raise ControlError(f"'{name}' {refusal}, so no variable can be bound to it; choose another control.")
        bound[variable] = known[name]
    spaces = {control.card.space: name for name, control in bound.items()}
    if len(spaces) > 1:
        listed = ", ".join(f"'{name}' moves {space}" for space, name in spaces.items())
        raise ControlError(f"Variables are bound to controls of one space, and {listed}; choose some of one space.")
    return bound


def _chosen(text: str, request: Request, generator: Generator, progress: Progress) -> ControlSet:
    """The set that ``text`` names, which fits the model."""
    # Not at the head: the registry imports every method.
    from explorer.discovery import registry

    if is_file(text):
        opened = control_sets.load(set_file(text))
        opened.check(generator.card)
        return opened
    counted = _COUNTED.fullmatch(text)
    name = counted[1] if counted else text
    method = registry.method(name.strip())
    if method.card.name == request.method.name:
        raise ControlError(f"The controls of {method.card.title} set variables themselves; choose another method.")
    known = _FOUND.setdefault(generator, {})
    chosen = known.pop((text, request.seed)) if (text, request.seed) in known else None
    if chosen is None:
        k = int(counted[2]) if counted else default_controls(generator.card, method.card.name).k
        chosen = method.discover(generator, k, request.seed, progress=progress)
    known[text, request.seed] = chosen
    for oldest in list(known)[:-SETS_KEPT]:
        known.pop(oldest, None)
    return chosen


def _pair(text: str) -> tuple[str, str]:
    """Variable and control of ``VAR=NAME``, or of ``NAME``, which both are called."""
    variable, sign, name = text.partition("=")
    return (variable.strip(), name.strip()) if sign and variable.strip() else (text, text)


def _refusal(control: Control) -> str:
    """Why no variable can be bound to ``control``, as what follows its name; empty where one can."""
    if control_sets.causal(control) is not None:
        return "is about variables itself"
    if control.card.space == WEIGHTS:
        return "changes the network, and no point"
    if control.card.space == "h":
        return "adds to what a sampler computes, where no picture stands anywhere"
    if control.offset is not None and not bool(control.offset.any()):
        return "leads nowhere"
    return "" if control.card.cases is None else "has cases and no amounts"
