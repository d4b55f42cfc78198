"""What the Comparison dock says: cells, tool tips, the state line. Plain values, no Qt."""

from __future__ import annotations

from explorer.scene.cards import ModelCard
from explorer.scene.compare_text import FREE, conditions, interval, is_free, settings_text, standing
from explorer.scene.comparison import Column, CompareReport, Figure, MethodResult
from explorer.scene.measure_text import DASH, figure

COSTS = (
    Column(name="labels", title="Labels", better="lower", meaning="Values of attributes that one search was told."),
    Column(name="evaluations", title="Pictures", better="lower", meaning="Pictures that one search had drawn."),
    Column(name="seconds", title="Seconds", better="lower", meaning="How long one search took on this machine."),
)
"""Columns of every table, beside its measures: what a search cost."""


def cost(row: MethodResult, name: str) -> float:
    """The number of a column of :data:`COSTS`."""
    return {"labels": float(row.labels), "evaluations": float(row.evaluations), "seconds": row.seconds}[name]


def cell(column: Column, row: MethodResult) -> str:
    """A cell as it is read: two decimals, a dash where there is no number."""
    if column in COSTS:
        if row.problem:
            return DASH
        value = cost(row, column.name)
        return f"{value:.0f}" if column.name != "seconds" else f"{value:.1f}"
    found = row.columns.get(column.name)
    return DASH if found is None or found.value is None else f"{found.value:.2f}".replace("-", "−")


def sort_key(column: Column, row: MethodResult) -> float | None:
    """What a column is sorted by; None where the row has no number."""
    if row.problem:
        return None
    if column in COSTS:
        return cost(row, column.name)
    found = row.columns.get(column.name)
    return found.value if found else None


def is_weak(column: Column, row: MethodResult) -> bool:
    """Whether the number says nothing for the method: random directions score as much, or there is none."""
    found = row.columns.get(column.name)
    return bool(row.problem) or row.role != "method" or (found is not None and bool(standing(column, found)))


def best(report: CompareReport, column: Column) -> set[str]:
    """The methods, chance and ceiling apart, whose number is best and better than chance."""
    if not column.better or column in COSTS:
        return set()
    values = {
        row.method: value
        for row in report.methods
        if not is_weak(column, row)
        and not is_free(column, row.columns[column.name])
        and (value := sort_key(column, row)) is not None
    }
    if not values:
        return set()
    wanted = (max if column.better == "higher" else min)(values.values())
    return {method for method, value in values.items() if value == wanted}


def cell_tip(column: Column, row: MethodResult) -> str:
    """Everything that is known of one cell, a line each."""
    lines = [f"{row.title}: {column.title} {cell(column, row)}"]
    found = row.columns.get(column.name)
    if row.problem:
        lines.append(row.problem)
    elif found is not None:
        lines += _figure_lines(column, found)
    return "\n".join([*lines, "", *column_lines(column)])


def _figure_lines(column: Column, found: Figure) -> list[str]:
    against = standing(column, found)
    return [
        line
        for line in (
            f"95 %: {interval(found)}" if interval(found) else "",
            f"random directions: {figure(found.null)}" if found.null is not None else "",
            f"{against.capitalize()}." if against else "",
            f"{FREE}." if is_free(column, found) else "",
            found.note,
        )
        if line
    ]


def column_lines(column: Column) -> list[str]:
    """What a column means, a line each."""
    better = {"higher": "Higher is better.", "lower": "Lower is better.", "": ""}[column.better]
    return [line for line in (column.meaning, better, column.paper) if line]


def row_tip(row: MethodResult) -> str:
    """A method under the conditions of the table."""
    roles = {
        "chance": "Chance: what directions without any method score.",
        "ceiling": "Ceiling: what directions made from the attributes themselves score.",
        "capacity": "Capacity: what paths of this class reach when they are fitted to the truth itself.",
        "method": "",
    }
    dead = sum(direction.alpha is None for direction in row.directions)
    lines = (
        row.title,
        roles[row.role],
        settings_text(row),
        f"{dead} of {len(row.directions)} directions have no visible effect." if dead else "",
        row.problem,
    )
    return "\n".join(line for line in lines if line)


def taken(report: CompareReport) -> str:
    """Under which conditions, and how long it took, in one line."""
    seconds = f"{report.seconds / 60:.0f} min" if report.seconds >= 90 else f"{report.seconds:.0f} s"
    return f"{conditions(report)} · space {report.space} · {seconds}"


def invitation(card: ModelCard | None) -> tuple[str, str]:
    """Title and sentence of the panel before there is a table."""
    if card is None:
        return "Comparison", "Open a model to compare methods on it."
    return (
        "Which method finds the better directions?",
        f"Every method looks for directions of '{card.name}'; each direction is moved until it changes pictures "
        "equally, and what that does to every attribute is measured, with random directions as chance and directions "
        "made from the attributes as ceiling. Press Compare… and tick the measuring.",
    )
