"""What ``do`` is asked besides values: which question, and of whose noise the picture is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from explorer.cli.numbers import integer, number
from explorer.errors import CausalError, ExplorerError
from explorer.scene.choices import LARGEST, case_of_seed, seed_of
from explorer.scene.model import Edit

if TYPE_CHECKING:
    from explorer.controls.control_set import ControlSet
    from explorer.scene.causal_graph import Variable
    from explorer.scene.causes import Outcome

SEED = "seed:"
PICTURE = "picture"
"""The picture's own noise, where no variable is called so."""


class Rungs(StrEnum):
    """:data:`explorer.scene.causes.Rung`."""

    imagine = "imagine"
    do = "do"
    see = "see"


def check_counts(rung: Rungs, draw: int | None, variables: Collection[str], noises: Collection[str]) -> None:
    """Raises :class:`ExplorerError` for what would count for nothing: a draw of this very picture, and a noise of one
    of ``variables``, which are set, or of a row that is seen."""
    if draw is not None and rung is Rungs.imagine:
        raise ExplorerError(
            "--draw says which of the other pictures that answer do and see, and imagine is about this one; give "
            "--rung do or --rung see, or leave it out."
        )
    for name in noises:
        if name in variables and rung is not Rungs.see:
            raise ExplorerError(f"--noise {name} counts for nothing where --set {name} sets it; leave one of them out.")
        if rung is Rungs.see and name != PICTURE:
            raise ExplorerError(
                f"--noise {name} counts for nothing among rows that are seen, which bring noises of their own; leave "
                "it out, or give --rung do."
            )


def edits(found: ControlSet, rung: Rungs, draw: int, noises: Mapping[str, str]) -> tuple[Edit, ...]:
    """The moves of the controls of ``found`` that choose. Raises :class:`CausalError` for a set that has none, and for
    unknown names, :class:`explorer.errors.ExplorerError` for numbers that are none."""
    from explorer.engine.causes import choosing_controls

    rung_control, noise_controls = choosing_controls(found)
    made = []
    if rung is not Rungs.imagine:
        if not rung_control:
            raise CausalError(f"{found.title} has no control that asks another question; discover it again.")
        made.append(Edit(rung_control, float(draw if rung is Rungs.do else -draw)))
    for name, text in noises.items():
        control = noise_controls.get("" if name == PICTURE and PICTURE not in noise_controls else name)
        if control is None:
            names = ", ".join(name or PICTURE for name in noise_controls) or "none"
            raise CausalError(f"There is no noise of '{name}' to choose; there are {names}.")
        made.append(Edit(control, float(_case(name, text))))
    return tuple(made)


def value_of(variable: Variable, text: str, option: str) -> float:
    """A value of ``variable``, by number or label. Raises :class:`CausalError` for what is no level of its,
    :class:`explorer.errors.ExplorerError` for what is no number."""
    if text in variable.labels:
        return float(variable.labels.index(text))
    try:
        return number(text, option)
    except ExplorerError as error:
        if not variable.labels:
            raise
        levels = ", ".join(variable.labels)
        raise CausalError(f"'{variable.name}' cannot be '{text}'; it is one of {levels}.") from error


def described(outcome: Outcome) -> dict[str, object]:
    """Variable → where its noise is from, of those that are not the picture's own."""
    cases = {PICTURE: outcome.own_noise} | {one.name: one.noise for one in outcome.variables}
    return {name: {"draw": case} if case > 0 else {"seed": seed_of(case)} for name, case in cases.items() if case}


def _case(name: str, text: str) -> int:
    option = f"--noise {name}"
    if text.startswith(SEED):
        return case_of_seed(integer(text.removeprefix(SEED), option, 0, LARGEST - 1))
    return integer(text, option, 1, LARGEST)
