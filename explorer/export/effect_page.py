"""An effect scan as a figure: the matrix of causes and outcomes, and each dose–response curve with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from explorer.export.page_parts import (
    FALLING,
    FULL,
    GREY,
    INK,
    LETTERS,
    LINE,
    ROW,
    RULE,
    Sheet,
    fitting,
    flush,
    heat_map,
    map_column,
)
from explorer.export.pdf import Colour, text_width
from explorer.scene.effect_text import RULES, chance_text, conditions, figure, heading, shaded, strongest
from explorer.scene.effects import Cause, Effect, EffectReport
from explorer.scene.number_text import number_text

MARGIN = 36.0
PANEL, TALL, GAP = 96.0, 66.0, 14.0  # a curve's plot, and what lies between two
SMALL = 6.5
ROOM = 9.0  # above and below a curve, for the ends of its scale
OUTSIDE: Colour = (238, 236, 230)
BANDS: dict[bool, Colour] = {True: (196, 208, 228), False: (226, 226, 230)}
"""Of the interval around a curve: of an effect that is told from none, and of one that is not."""


class Drawing(Sheet, Protocol):
    """A sheet that becomes a file."""

    def document(self, title: str, attachment_name: str, attachment: bytes) -> bytes:
        """The file's bytes."""


def size_of(report: EffectReport) -> tuple[float, float]:
    """(width, height) in points of the drawing of ``report``: as large as what is on it."""
    left = _left(report)
    matrix = left + map_column([one.name for one in report.outcomes]) * len(report.outcomes)
    plots = left + (PANEL + GAP) * len(report.outcomes)
    told = max(text_width(one, LETTERS) for one in (*report.contract, conditions(report)))
    height = _curves_top(report) + (TALL + GAP) * len(report.causes) + LINE * (len(report.contract) + 2)
    return max(matrix, plots, MARGIN + told) + MARGIN, height + MARGIN


def draw(sheet: Sheet, report: EffectReport) -> None:
    """Draw ``report`` on ``sheet``, which is as large as :func:`size_of` says."""
    left = _left(report)
    names = [one.name for one in report.outcomes]
    sheet.text(f"Effects on {report.name}", MARGIN, MARGIN + LETTERS, 1.4 * LETTERS, INK)
    sheet.text(conditions(report), MARGIN, MARGIN + 2 * LETTERS + LINE / 2, LETTERS, GREY)
    top = MARGIN + 3 * LETTERS + 3 * LINE
    rule = RULES[report.options.multiplicity]
    said = f"Effect in deviations of each outcome; without colour: not told from none (q by {rule})"
    sheet.text(said, MARGIN, top - 1.6 * LINE, LETTERS, GREY)
    rows = [[report.effect(k, j) for j in range(len(names))] for k in range(len(report.causes))]
    values = [[one.standardised for one in row] for row in rows]
    faint = [[not one.is_clear for one in row] for row in rows]
    causes = [one.name for one in report.causes]
    heat_map(sheet, causes, [(name, INK) for name in names], values, MARGIN, left, top, strongest(report), faint)
    top = _curves_top(report)
    sheet.text("Mean change from the reference, with its interval", MARGIN, top - 1.6 * LINE, LETTERS, GREY)
    for j, outcome in enumerate(report.outcomes):
        sheet.text(fitting(heading(outcome), PANEL), left + (PANEL + GAP) * j, top - 4, LETTERS, INK)
    for k, cause in enumerate(report.causes):
        place = top + (TALL + GAP) * k
        sheet.text(fitting(cause.name, left - MARGIN - 2), MARGIN, place + TALL / 2, LETTERS, INK)
        for j, effect in enumerate(rows[k]):
            reach = _reach([row[j] for row in rows])
            _curve(sheet, cause, effect, left + (PANEL + GAP) * j, place, reach)
    foot = top + (TALL + GAP) * len(report.causes) + LINE
    for index, sentence in enumerate(report.contract):
        sheet.text(sentence, MARGIN, foot + LINE * index, LETTERS, GREY)


def _left(report: EffectReport) -> float:
    return MARGIN + max(text_width(one.name, LETTERS) for one in report.causes) + GAP


def _curves_top(report: EffectReport) -> float:
    return MARGIN + 3 * LETTERS + 3 * LINE + ROW * len(report.causes) + 4 * LINE


def _reach(effects: Sequence[Effect]) -> tuple[float, float]:
    """The lowest and highest number of the curves of one outcome, the same scale for all causes."""
    numbers = [one for effect in effects for part in (effect.curve_low, effect.curve_high) for one in part]
    read = [one for one in numbers if one is not None]
    low, high = min(read, default=0.0), max(read, default=0.0)
    return (low, high) if high > low else (low - 1.0, high + 1.0)


def _curve(sheet: Sheet, cause: Cause, effect: Effect, left: float, top: float, reach: tuple[float, float]) -> None:
    first, last = cause.levels[0], cause.levels[-1]
    low, high = reach

    def x(level: float) -> float:
        return left + PANEL * (level - first) / (last - first)

    def y(change: float) -> float:
        return top + ROOM + (TALL - 2 * ROOM) * (high - change) / (high - low)

    for start, end in shaded(cause, effect):
        sheet.rectangle(x(start), top, x(end) - x(start), TALL, OUTSIDE)
    for end in (cause.start, cause.end):
        sheet.path([(x(end), top), (x(end), top + TALL)], 0.4, RULE)
    sheet.path([(left, y(0.0)), (left + PANEL, y(0.0))], 0.4, RULE)
    rows = zip(cause.levels, effect.curve, effect.curve_low, effect.curve_high, strict=True)
    read = [(at, middle, below, above) for at, middle, below, above in rows if None not in (middle, below, above)]
    if len(read) > 1:
        upper = [(x(at), y(above or 0.0)) for at, _, _, above in read]
        lower = [(x(at), y(below or 0.0)) for at, _, below, _ in reversed(read)]
        sheet.area([*upper, *lower], BANDS[effect.is_clear])
        colour = GREY if not effect.is_clear else FULL if (effect.effect or 0.0) >= 0 else FALLING
        sheet.path([(x(at), y(middle or 0.0)) for at, middle, _, _ in read], 1.2, colour)
    sheet.text(figure(high), left + 1, top + SMALL, SMALL, GREY)
    sheet.text(figure(low), left + 1, top + TALL - 1, SMALL, GREY)
    flush(sheet, chance_text(effect.q), left + PANEL - 1, top + SMALL, GREY, SMALL)
    sheet.text(number_text(first).replace("-", "−"), left, top + TALL + SMALL, SMALL, GREY)
    flush(sheet, number_text(last), left + PANEL, top + TALL + SMALL, GREY, SMALL)
