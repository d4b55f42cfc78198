"""Measures on one PDF page: the table, and each report's matrix of factors and latents as a heat map."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from explorer.export.pdf import Colour, PdfPage, text_width
from explorer.scene.measure_text import GROUPS, against_chance, conditions, figure, labels, rows
from explorer.scene.measures import MeasureReport, Score

INK: Colour = (24, 24, 27)
GREY: Colour = (135, 135, 142)
RULE: Colour = (200, 200, 205)
FULL: Colour = (20, 60, 120)
"""The colour of a normalised mutual information of 1; 0 is the paper's white."""

ATTACHMENT = "measures.json"
_LETTERS = 9.0  # points
_LINE = 13.0
_MARGIN = 36.0
_COLUMN = 186.0  # a report's value and chance
_ROW = 18.0  # of a heat map
_LABEL = 84.0  # beside a heat map


def page(reports: Sequence[MeasureReport]) -> bytes:
    """The file. It is as large as what is on it; the reports are attached as JSON, with all their digits."""
    named = rows(reports)
    groups = [(group, [name for name in named if _score(reports, name).group == group]) for group in GROUPS]
    groups = [(group, names) for group, names in groups if names]
    left = _MARGIN + max(text_width(title, _LETTERS) for title in (*named.values(), *GROUPS.values())) + 24
    head = [_MARGIN + 2 * _LETTERS + index * _LINE for index in range(2 * len(reports))]
    top = _MARGIN + 2 * _LETTERS + (1 + len(reports)) * _LINE
    table = top + (3 + len(named) + 1.5 * len(groups)) * _LINE
    notes = _notes(reports)
    heat = table + (len(notes) + 1) * _LINE
    maps = [report for report in reports if report.nmi]
    height = heat + sum(_map_height(report) for report in maps) + _MARGIN
    texts = [*notes, *(f"{report.model}: {conditions(report)}" for report in reports)]
    width = max(
        left + _COLUMN * len(reports),
        _MARGIN + max(text_width(text, _LETTERS) for text in texts),
        *(_MARGIN + _LABEL + _cell(report) * len(report.latents) for report in maps),
        *(_MARGIN + text_width(report.estimator, _LETTERS) for report in maps),
    )
    sheet = PdfPage(width + _MARGIN, height)
    sheet.text("Measures", _MARGIN, _MARGIN + _LETTERS, 1.4 * _LETTERS, INK)
    for report, baseline in zip(reports, head, strict=False):
        sheet.text(f"{report.model}: {conditions(report)}", _MARGIN, baseline + _LINE / 2, _LETTERS, GREY)
    _draw_table(sheet, reports, named, groups, left, top)
    for index, note in enumerate(notes):
        sheet.text(note, _MARGIN, table + index * _LINE, _LETTERS, GREY)
    for report, label in zip(reports, labels(reports), strict=True):
        if report.nmi:
            _draw_map(sheet, report, label, heat)
            heat += _map_height(report)
    title = "Measures of " + ", ".join(report.model for report in reports)
    return sheet.document(title, ATTACHMENT, msgspec.json.encode(tuple(reports)))


def _draw_table(
    sheet: PdfPage,
    reports: Sequence[MeasureReport],
    named: dict[str, str],
    groups: Sequence[tuple[str, Sequence[str]]],
    left: float,
    top: float,
) -> None:
    right = left + _COLUMN * len(reports)
    for index, label in enumerate(labels(reports)):
        sheet.text(_fitting(label), left + _COLUMN * index, top, _LETTERS, INK)
        _flush(sheet, "value", left + _COLUMN * index + 40, top + _LINE, INK)
        sheet.text("chance, 95 %", left + _COLUMN * index + 50, top + _LINE, _LETTERS, GREY)
    sheet.rectangle(_MARGIN, top + 1.4 * _LINE, right - _MARGIN, 0.5, INK)
    baseline = top + 1.4 * _LINE
    for group, names in groups:
        baseline += 1.5 * _LINE
        sheet.text(GROUPS[group], _MARGIN, baseline, _LETTERS, GREY)
        for name in names:
            baseline += _LINE
            sheet.text(named[name], _MARGIN + 8, baseline, _LETTERS, INK)
            for index, report in enumerate(reports):
                if name in report.metrics:
                    _draw_score(sheet, report.metrics[name], left + _COLUMN * index, baseline)
        sheet.rectangle(_MARGIN, baseline + 0.4 * _LINE, right - _MARGIN, 0.25, RULE)


def _draw_score(sheet: PdfPage, score: Score, left: float, baseline: float) -> None:
    """The value, its decimals under one another; its chance level in grey, and a dot where it is not above that."""
    _flush(sheet, figure(score.value), left + 40, baseline, INK)
    if score.null is not None:
        high = "" if score.null_high is None else f"  {figure(score.null_high)}"
        said = against_chance(score)
        sheet.text(f"{figure(score.null)}{high}  {said}", left + 50, baseline, _LETTERS, GREY)


def _draw_map(sheet: PdfPage, report: MeasureReport, label: str, top: float) -> None:
    sheet.text(f"{label}: I(factor; latent) / H(factor)", _MARGIN, top + _LETTERS, _LETTERS, INK)
    sheet.text(report.estimator, _MARGIN, top + _LETTERS + _LINE, _LETTERS, GREY)
    top += 3 * _LINE
    wide = _cell(report)
    for j, latent in enumerate(report.latents):
        colour = GREY if latent in report.pruned else INK
        place = _MARGIN + _LABEL + wide * (j + 0.5) - text_width(latent, _LETTERS) / 2
        sheet.text(latent, place, top - 4, _LETTERS, colour)
    for k, factor in enumerate(report.factors):
        middle = top + _ROW * (k + 0.5) + _LETTERS / 3
        sheet.text(factor, _MARGIN, middle, _LETTERS, INK)
        for j, value in enumerate(report.nmi[k]):
            share = min(max(value, 0.0), 1.0)
            red, green, blue = (round(255 + (full - 255) * share) for full in FULL)
            place = _MARGIN + _LABEL + wide * j
            sheet.rectangle(place, top + _ROW * k, wide, _ROW, (red, green, blue))
            text = f"{value:.2f}"
            ink = (255, 255, 255) if share > 0.5 else INK
            sheet.text(text, place + (wide - text_width(text, 7.0)) / 2, middle - 0.5, 7.0, ink)


def _map_height(report: MeasureReport) -> float:
    return 4 * _LINE + _ROW * len(report.factors)


def _cell(report: MeasureReport) -> float:
    """How wide a column of the heat map is: as its widest heading asks for."""
    return max(30.0, *(text_width(latent, _LETTERS) + 10.0 for latent in report.latents))


def _notes(reports: Sequence[MeasureReport]) -> list[str]:
    """Why a number is missing, and which latents were left out; what is true of several is said once."""
    of: dict[str, list[str]] = {}
    for report, label in zip(reports, labels(reports), strict=True):
        said: dict[str, list[str]] = {}
        for name, score in report.metrics.items():
            if score.note:
                said.setdefault(score.note, []).append(score.title or name)
        lines = [f"{', '.join(titles)}: {note}" for note, titles in said.items()]
        if report.pruned:
            lines.append(f"Left out by the measures that prune: {', '.join(report.pruned)}")
        for line in lines:
            of.setdefault(line, []).append(label)
    return [line if len(told) == len(reports) else f"{'; '.join(told)}: {line}" for line, told in of.items()]


def _score(reports: Sequence[MeasureReport], name: str) -> Score:
    return next(report.metrics[name] for report in reports if name in report.metrics)


def _fitting(text: str) -> str:
    """``text``, cut to a report's column."""
    if text_width(text, _LETTERS) <= _COLUMN - 6:
        return text
    while text and text_width(f"{text}…", _LETTERS) > _COLUMN - 6:
        text = text[:-1]
    return f"{text}…"


def _flush(sheet: PdfPage, text: str, right: float, baseline: float, colour: Colour) -> None:
    sheet.text(text, right - text_width(text, _LETTERS), baseline, _LETTERS, colour)
