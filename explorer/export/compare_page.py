"""A comparison of methods on one PDF page: the table, the contract, and what each direction does to each attribute."""

from __future__ import annotations

from explorer.export.compare_tables import json_text
from explorer.export.page_parts import GREY, INK, LETTERS, LINE, ROW, RULE, flush, heat_map, map_column
from explorer.export.pdf import Colour, PdfPage, text_width
from explorer.scene.compare_text import (
    COSTS,
    conditions,
    cost_text,
    heading,
    interval,
    remarks,
    role_text,
    shown_columns,
    standing,
)
from explorer.scene.comparison import CompareReport, Figure, MethodResult
from explorer.scene.measure_text import figure

ATTACHMENT = "compare.json"
MATRICES = {"effects": "Effect on each attribute, in its deviations", "information": "I(attribute; coordinate) / H"}
"""The matrices of a method: the field of its directions → what the heat map is called."""

_MARGIN = 36.0
_SMALL = 7.0
_GAP = 14.0  # between two columns of the table, and between two heat maps


def page(report: CompareReport) -> bytes:
    """The file. It is as large as what is on it; the report is attached as JSON, with all its digits."""
    lines = [*report.contract, *remarks(report)]
    widths = _widths(report)
    names = _MARGIN + max(text_width(_title(result), LETTERS) for result in report.methods) + _GAP
    right = names + sum(widths)
    top = _MARGIN + 2 * LETTERS + 2 * LINE
    table = top + (1 + 2 * len(report.methods)) * LINE + LINE
    maps = [result for result in report.methods if result.directions]
    heat = table + (len(lines) + 1) * LINE
    width = max(
        right,
        _MARGIN + text_width(conditions(report), LETTERS),
        *(_MARGIN + text_width(line, LETTERS) for line in lines),
        *(_map_width(report, result) for result in maps),
    )
    sheet = PdfPage(width + _MARGIN, heat + sum(_map_height(result) for result in maps) + _MARGIN)
    sheet.text(f"Directions of {report.name}", _MARGIN, _MARGIN + LETTERS, 1.4 * LETTERS, INK)
    sheet.text(conditions(report), _MARGIN, _MARGIN + 2 * LETTERS + LINE / 2, LETTERS, GREY)
    _draw_table(sheet, report, names, widths, top)
    for index, line in enumerate(lines):
        sheet.text(line, _MARGIN, table + index * LINE, LETTERS, GREY)
    full = largest_effect(report)
    for result in maps:
        _draw_maps(sheet, report, result, heat, full)
        heat += _map_height(result)
    return sheet.document(f"Directions of {report.name}, compared", ATTACHMENT, json_text(report).encode())


def largest_effect(report: CompareReport) -> float:
    """The largest effect of any direction on any attribute: the full colour of the heat maps. 1 where there is none."""
    return max((one or 0.0 for result in report.methods for way in result.directions for one in way.effects), default=1)


def _title(result: MethodResult) -> str:
    role = role_text(result)
    return f"{result.title} ({role})" if role else result.title


def _widths(report: CompareReport) -> list[float]:
    """Of the columns of the table, measures first, then what the search took."""
    found = []
    for column in shown_columns(report):
        cells = [result.columns[column.name] for result in report.methods if column.name in result.columns]
        texts = [text_width(heading(column), LETTERS), *(text_width(figure(one.value), LETTERS) for one in cells)]
        found.append(max(*texts, *(text_width(interval(one), _SMALL) for one in cells), 0.0) + _GAP)
    for name, title in COSTS.items():
        texts = [text_width(cost_text(result, name), LETTERS) for result in report.methods]
        found.append(max(text_width(title, LETTERS), *texts) + _GAP)
    return found


def _draw_table(sheet: PdfPage, report: CompareReport, left: float, widths: list[float], top: float) -> None:
    ends = [left + sum(widths[: index + 1]) for index in range(len(widths))]
    columns = shown_columns(report)
    titles = [*(heading(column) for column in columns), *COSTS.values()]
    for title, end in zip(titles, ends, strict=True):
        flush(sheet, title, end, top, INK)
    sheet.rectangle(_MARGIN, top + 0.4 * LINE, left + sum(widths) - _MARGIN, 0.5, INK)
    for index, result in enumerate(report.methods):
        baseline = top + (1.4 + 2 * index) * LINE
        aside = result.role != "method"
        sheet.text(_title(result), _MARGIN, baseline, LETTERS, GREY if aside else INK)
        if result.problem:
            sheet.text("no numbers; see below", left, baseline, LETTERS, GREY)
        else:
            for column, end in zip(columns, ends, strict=False):
                if value := result.columns.get(column.name):
                    grey = result.role == "chance" or bool(standing(column, value))
                    _draw_figure(sheet, value, end, baseline, GREY if grey else INK)
            for name, end in zip(COSTS, ends[len(columns) :], strict=True):
                flush(sheet, cost_text(result, name), end, baseline, INK)
        sheet.rectangle(_MARGIN, baseline + 1.1 * LINE, left + sum(widths) - _MARGIN, 0.25, RULE)


def _draw_figure(sheet: PdfPage, value: Figure, end: float, baseline: float, colour: Colour) -> None:
    flush(sheet, figure(value.value), end, baseline, colour)
    flush(sheet, interval(value), end, baseline + 0.75 * LINE, GREY, _SMALL)


def _draw_maps(sheet: PdfPage, report: CompareReport, result: MethodResult, top: float, full: float) -> None:
    """What the method's directions do to each attribute, and beside it what their coordinates tell of each."""
    sheet.text(_title(result), _MARGIN, top + LETTERS, LETTERS, INK)
    columns = [(name, INK if varies else GREY) for name, varies in zip(report.attributes, report.varying, strict=True)]
    rows = [one.name for one in result.directions]
    left = _MARGIN
    for field, title in MATRICES.items():
        values = [getattr(one, field) for one in result.directions]
        if not columns or not all(len(row) == len(columns) for row in values):
            continue
        sheet.text(title, left, top + LETTERS + LINE, LETTERS, GREY)
        first = left + _names(result)
        heat_map(sheet, rows, columns, values, left, first, top + 3 * LINE, full if field == "effects" else 1.0)
        beside = max(first + map_column(report.attributes) * len(columns), left + text_width(title, LETTERS))
        left = beside + 2 * _GAP


def _names(result: MethodResult) -> float:
    return max(text_width(one.name, LETTERS) for one in result.directions) + _GAP


def _map_width(report: CompareReport, result: MethodResult) -> float:
    if not report.attributes:
        return _MARGIN
    one = _names(result) + map_column(report.attributes) * len(report.attributes)
    return _MARGIN + 2 * max(one, *(text_width(title, LETTERS) for title in MATRICES.values())) + 2 * _GAP


def _map_height(result: MethodResult) -> float:
    return 4 * LINE + ROW * len(result.directions)
