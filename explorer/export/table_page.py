"""Measures on one PDF page: the table, and each report's matrix of factors and latents as a heat map."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from explorer.export.page_parts import GREY, INK, LETTERS, LINE, ROW, RULE, fitting, flush, heat_map, map_column
from explorer.export.pdf import PdfPage, text_width
from explorer.scene.measure_text import (
    GROUPS,
    against_chance,
    baseline_names,
    conditions,
    figure,
    labels,
    null_text,
    rows,
)
from explorer.scene.measures import MeasureReport, Score

ATTACHMENT = "measures.json"
_MARGIN = 36.0
_COLUMN = 186.0  # a report's value and chance
_LABEL = 84.0  # beside a heat map


def page(reports: Sequence[MeasureReport]) -> bytes:
    """The file. It is as large as what is on it; the reports are attached as JSON, with all their digits."""
    named = rows(reports)
    groups = [(group, [name for name in named if _score(reports, name).group == group]) for group in GROUPS]
    groups = [(group, names) for group, names in groups if names]
    set_in = [baseline for name in named for baseline in baseline_names(reports, name)]
    left = _MARGIN + max(text_width(title, LETTERS) for title in (*named.values(), *set_in, *GROUPS.values())) + 36
    head = [_MARGIN + 2 * LETTERS + index * LINE for index in range(2 * len(reports))]
    top = _MARGIN + 2 * LETTERS + (1 + len(reports)) * LINE
    table = top + (3 + len(named) + len(set_in) + 1.5 * len(groups)) * LINE
    notes = _notes(reports)
    heat = table + (len(notes) + 1) * LINE
    maps = [report for report in reports if report.nmi]
    height = heat + sum(_map_height(report) for report in maps) + _MARGIN
    texts = [*notes, *(f"{report.model}: {conditions(report)}" for report in reports)]
    width = max(
        left + _COLUMN * len(reports),
        _MARGIN + max(text_width(text, LETTERS) for text in texts),
        *(_MARGIN + _LABEL + map_column(report.latents) * len(report.latents) for report in maps),
        *(_MARGIN + text_width(report.estimator, LETTERS) for report in maps),
    )
    sheet = PdfPage(width + _MARGIN, height)
    sheet.text("Measures", _MARGIN, _MARGIN + LETTERS, 1.4 * LETTERS, INK)
    for report, baseline in zip(reports, head, strict=False):
        sheet.text(f"{report.model}: {conditions(report)}", _MARGIN, baseline + LINE / 2, LETTERS, GREY)
    _draw_table(sheet, reports, named, groups, left, top)
    for index, note in enumerate(notes):
        sheet.text(note, _MARGIN, table + index * LINE, LETTERS, GREY)
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
        sheet.text(fitting(label, _COLUMN - 6), left + _COLUMN * index, top, LETTERS, INK)
        flush(sheet, "value", left + _COLUMN * index + 40, top + LINE, INK)
        sheet.text("chance, 95 %", left + _COLUMN * index + 50, top + LINE, LETTERS, GREY)
    sheet.rectangle(_MARGIN, top + 1.4 * LINE, right - _MARGIN, 0.5, INK)
    baseline = top + 1.4 * LINE
    for group, names in groups:
        baseline += 1.5 * LINE
        sheet.text(GROUPS[group], _MARGIN, baseline, LETTERS, GREY)
        for name in names:
            baseline += LINE
            sheet.text(named[name], _MARGIN + 8, baseline, LETTERS, INK)
            for index, report in enumerate(reports):
                if name in report.metrics:
                    _draw_score(sheet, report.metrics[name], left + _COLUMN * index, baseline)
            for baseline_name in baseline_names(reports, name):
                baseline += LINE
                sheet.text(baseline_name, _MARGIN + 20, baseline, LETTERS, GREY)
                for index, report in enumerate(reports):
                    if name in report.metrics and baseline_name in report.metrics[name].baselines:
                        value = figure(report.metrics[name].baselines[baseline_name])
                        flush(sheet, value, left + _COLUMN * index + 40, baseline, GREY)
        sheet.rectangle(_MARGIN, baseline + 0.4 * LINE, right - _MARGIN, 0.25, RULE)


def _draw_score(sheet: PdfPage, score: Score, left: float, baseline: float) -> None:
    """The value, its decimals under one another; its chance level in grey, and how it stands to that."""
    flush(sheet, figure(score.value), left + 40, baseline, INK)
    if score.null is not None:
        high = "" if score.null_high is None else f"  {figure(score.null_high)}"
        said = against_chance(score)
        sheet.text(f"{null_text(score)}{high}  {said}", left + 50, baseline, LETTERS, GREY)


def _draw_map(sheet: PdfPage, report: MeasureReport, label: str, top: float) -> None:
    sheet.text(f"{label}: I(factor; latent) / H(factor)", _MARGIN, top + LETTERS, LETTERS, INK)
    sheet.text(report.estimator, _MARGIN, top + LETTERS + LINE, LETTERS, GREY)
    top += 3 * LINE
    headings = [(latent, GREY if latent in report.pruned else INK) for latent in report.latents]
    heat_map(sheet, report.factors, headings, report.nmi, _MARGIN, _MARGIN + _LABEL, top)


def _map_height(report: MeasureReport) -> float:
    return 4 * LINE + ROW * len(report.factors)


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
