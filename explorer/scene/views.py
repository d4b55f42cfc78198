"""What a pane may show of a picture, and what these views are called. Plain values."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from explorer.scene.model import PaneView, View


class ViewText(NamedTuple):
    """``title``: in menus and before the name of a pane; ``of_do``: the same where sliders set variables; ``note``:
    over a column of a table, and under an exported picture."""

    title: str
    of_do: str
    note: str = ""


VIEWS: dict[PaneView, ViewText] = {
    "image": ViewText("Picture", "Counterfactual"),
    "unmoved": ViewText("Unmoved picture", "Factual", "unmoved"),
    "original": ViewText("Own picture", "Own picture", "own picture"),
    "before_after": ViewText("Before / after", "Factual / counterfactual", "before | after"),
    "difference": ViewText("Difference", "Difference", "rms difference"),
    "between": ViewText("Difference of panes", "Difference of panes", "rms difference of panes"),
    "truth": ViewText("Truth", "Truth", "truth, drawn by the world"),
    "total_effect": ViewText("Total effect", "Total effect", "total effect"),
    "direct_effect": ViewText("Direct effect", "Direct effect", "direct effect"),
    "indirect_effect": ViewText("Indirect effect", "Indirect effect", "indirect effect"),
}


def title_of_do(view: PaneView, answer: str) -> str:
    """What ``view`` is called where sliders set variables, whose picture is an ``answer`` (Counterfactual,
    Interventional, Observational)."""
    return VIEWS[view].of_do.replace("Counterfactual", answer).replace("counterfactual", answer.lower())


UNEDITED: tuple[PaneView, ...] = ("unmoved", "original")
"""What no control moves."""


def pictured(view: View) -> View:
    """The picture alone that ``view`` shows, beside or against what else it may show it."""
    return msgspec.structs.replace(view, view="unmoved" if view.view in UNEDITED else "image", split=0.5, against=None)


EFFECTS: tuple[PaneView, ...] = ("total_effect", "direct_effect", "indirect_effect")
"""Signed maps of what do() changes of the picture."""

OF_DO: tuple[PaneView, ...] = ("truth", *EFFECTS)
"""What there is only where sliders set variables."""

WITH_RMS: tuple[PaneView, ...] = ("difference", "between", *EFFECTS)
"""What one number sums up: the root mean square of the difference."""
