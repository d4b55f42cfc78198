"""How a comparison of methods is written, the same in the window, on the command line and in files. No torch."""

from __future__ import annotations

from typing import Literal

from explorer.scene.comparison import Column, CompareReport, Direction, Figure, MethodResult
from explorer.scene.edit_text import tau_text
from explorer.scene.measure_text import DASH, figure

COSTS = {"labels": "labels", "evaluations": "pictures", "seconds": "seconds"}
"""What one search of a method took: the field of the result → the heading."""


def interval(value: Figure) -> str:
    """The bootstrap interval, ``[0.280, 0.344]``, or nothing."""
    if value.value is None or value.low is None or value.high is None:
        return ""
    return f"[{figure(value.low)}, {figure(value.high)}]"


FREE = "0 by construction, and so it is for random directions"


def is_free(column: Column, value: Figure) -> bool:
    """Whether a number is the best there can be, 0, and that of random directions too, without any spread: as the way
    back along a straight line. It is neither at chance nor a merit."""
    return (
        column.better == "lower"
        and {value.value, value.null, value.low, value.high} <= {0.0, None}
        and (value.value == value.null == 0.0)
    )


def standing(column: Column, value: Figure) -> Literal["", "at chance", "below chance"]:
    """How a number stands to what random directions score: ``at chance`` where its interval holds that, ``below
    chance`` where the whole interval is worse, else empty; also where there is no null or no better side, and for what
    :func:`is_free`.
    """
    if value.value is None or value.null is None or not column.better or is_free(column, value):
        return ""
    low = value.value if value.low is None else value.low
    high = value.value if value.high is None else value.high
    if low <= value.null <= high:
        return "at chance"
    worse = high < value.null if column.better == "higher" else low > value.null
    return "below chance" if worse else ""


def role_text(result: MethodResult) -> str:
    """What is said beside the title of a row: ``chance``, ``ceiling``, or nothing where the title says so itself."""
    return "" if result.role == "method" or result.role in result.title else result.role


def heading(column: Column) -> str:
    """The column's title with an arrow to its better side."""
    return f"{column.title} {'↑' if column.better == 'higher' else '↓'}" if column.better else column.title


def shown_columns(report: CompareReport) -> list[Column]:
    """The columns in which any row has a number."""
    return [
        column
        for column in report.columns
        if any((found := row.columns.get(column.name)) and found.value is not None for row in report.methods)
    ]


def settings_text(result: MethodResult) -> str:
    """The settings that are not the method's own, ``steps 100, batch 16``."""
    return ", ".join(f"{name} {value}" for name, value in result.settings.items())


def conditions(report: CompareReport) -> str:
    """On what the numbers were taken, in one line."""
    asked = report.options
    seeds = ", ".join(map(str, asked.seeds))
    parts = [
        f"{asked.k} directions",
        f"seed{'s' if len(asked.seeds) > 1 else ''} {seeds}",
        f"{asked.bases} base codes",
        f"{asked.observed} observed pictures",
        tau_text(asked.tau, asked.calibration),
    ]
    if asked.nulls:  # older reports do not say
        parts.append(f"chance from {asked.nulls} random frame{'s' if asked.nulls > 1 else ''}")
    if asked.attributes:
        parts.append(f"attributes {asked.attributes}")
    return " · ".join(parts)


def effect_text(direction: Direction, attributes: tuple[str, ...], most: int = 2) -> str:
    """The attributes that the control changes most, ``pose +1.31, smile −0.20``, signs as its row has them."""
    found = [
        (effect, name, (signed or 0.0) * direction.sign)
        for name, effect, signed in zip(attributes, direction.effects, direction.signed, strict=False)
        if effect is not None and effect > 0
    ]
    found.sort(key=lambda one: -one[0])
    return ", ".join(f"{name} {'−' if signed < 0 else '+'}{effect:.2f}" for effect, name, signed in found[:most])


def cost_text(result: MethodResult, name: str) -> str:
    """What the search took, as tables show it: ``name`` is one of :data:`COSTS`."""
    if result.problem:
        return DASH
    value = float(getattr(result, name))
    return f"{value:.1f}" if name == "seconds" else f"{value:.0f}"


def amount_text(direction: Direction, unit: str = "") -> str:
    """How far the control goes to change a picture by tau, ``α = 1.25 σ``, or that nothing does."""
    if direction.alpha is None:
        return "no effect"
    return f"α = {direction.alpha:.3g}{f' {unit}' if unit else ''}"


def matched(report: CompareReport) -> list[list[Direction | None]]:
    """The common rows, each with the direction of every method (None: it has none there), in the order of
    ``report.methods``; the rows that most methods share first, else in their own order."""
    count = 1 + max((one.match for result in report.methods for one in result.directions), default=-1)
    rows: list[list[Direction | None]] = [
        [next((one for one in result.directions if one.match == row), None) for result in report.methods]
        for row in range(count)
    ]
    return sorted(rows, key=lambda row: sum(one is None for one in row))


def remarks(report: CompareReport) -> list[str]:
    """What has to be said of rows: why one has no numbers, settings that are not its own, why a number is missing."""
    said = [f"{result.title}: {result.problem}" for result in report.methods if result.problem]
    said += [f"{result.title}: with {settings_text(result)}." for result in report.methods if result.settings]
    titles = {column.name: column.title for column in report.columns}
    of: dict[tuple[str, str], list[str]] = {}  # (note, columns) -> titles of the rows
    numbered = [result for result in report.methods if not result.problem]
    for result in numbered:
        notes: dict[str, list[str]] = {}
        for name, value in result.columns.items():
            if value.note:
                notes.setdefault(value.note, []).append(titles.get(name, name))
        for note, names in notes.items():
            of.setdefault((note, ", ".join(names)), []).append(result.title)
    for (note, said_of), rows in of.items():
        where = "" if len(rows) == len(numbered) else f"{', '.join(rows)}: "
        said.append(f"{where}{said_of}: {note}.")
    constant = [name for name, varies in zip(report.attributes, report.varying, strict=False) if not varies]
    if constant:
        said.append(f"Never varies over this model's pictures, and has no effect therefore: {', '.join(constant)}.")
    return said
