"""Measures as files: CSV with every number, LaTeX to paste into a paper, a PDF page, and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from explorer import __version__
from explorer.errors import ExportError
from explorer.export.latex import comment, digits, escaped, in_math
from explorer.export.table_page import page
from explorer.files import atomic_write, expanded
from explorer.scene.measure_text import (
    CHANCE,
    baseline_names,
    conditions,
    figure,
    labels,
    null_name,
    rotation_text,
    rows,
)
from explorer.scene.measures import MeasureReport, Score

COLUMNS = (
    "model", "fingerprint", "world", "n", "seed", "sampling", "selection", "rotation", "group", "measure", "part",
    "baseline", "value", "null", "null_high", "null_name", "better", "title", "estimator", "note",
)  # fmt: skip


def write(path: Path, reports: Sequence[MeasureReport]) -> Path:
    """Write the table of ``reports`` (at least one) to ``path``, whole or not at all, and return it; the extension
    chooses the format. Raises :class:`ExportError` for an extension that there is not."""
    path = expanded(path)
    check(path)
    atomic_write(path, _WRITERS[path.suffix.lower()](reports))
    return path


def check(path: Path) -> None:
    """Raise :class:`ExportError` where no table has this extension, before anything is measured."""
    if path.suffix.lower() not in _WRITERS:
        raise ExportError(f"'{path.name}' is no table; use .csv, .tex, .pdf or .json.")


def document(reports: Sequence[MeasureReport]) -> str:
    """JSON: the report where there is one, else a list of them."""
    value = reports[0] if len(reports) == 1 else tuple(reports)
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def csv_table(reports: Sequence[MeasureReport]) -> str:
    """One row a number, with all its digits: each measure, what it is held against (``baseline``), the terms behind it
    (``part``), and the matrix of normalised mutual information (measure ``nmi``, part ``factor:latent``)."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    for report in reports:
        common = {
            "model": report.model,
            "fingerprint": report.fingerprint,
            "world": report.world,
            "seed": report.seed,
            "sampling": report.sampling,
            "selection": report.selection,
            "rotation": rotation_text(report.rotation),
        }
        for row in _numbers(report):
            table.writerow(common | row)
    return text.getvalue()


def _numbers(report: MeasureReport) -> Iterator[dict[str, object]]:
    for name, score in report.metrics.items():
        row = {
            "group": score.group,
            "measure": name,
            "better": score.better,
            "title": score.title,
            "estimator": score.estimator,
            "n": score.n,
        }
        yield row | {
            "value": digits(score.value),
            "null": digits(score.null),
            "null_high": digits(score.null_high),
            "null_name": "" if score.null is None else null_name(score),
            "note": score.note,
        }
        for name_of_baseline, value in score.baselines.items():
            yield row | {"baseline": name_of_baseline, "value": digits(value)}
        for part, value in score.parts.items():
            yield row | {"part": part, "value": digits(value)}
    for k, factor in enumerate(report.factors if report.nmi else ()):
        for j, latent in enumerate(report.latents):
            yield {
                "group": "disentanglement",
                "measure": "nmi",
                "part": f"{factor}:{latent}",
                "value": digits(report.nmi[k][j]),
                "null": digits(report.nmi_null[k][j]) if report.nmi_null else "",
                "null_name": CHANCE if report.nmi_null else "",
                "better": "higher",
                "estimator": report.estimator,
                "n": report.n,
            }


def latex_table(reports: Sequence[MeasureReport]) -> str:
    """A plain ``tabular`` of the measures, chance in grey (where ``xcolor`` or ``color`` is loaded), and one of each
    report's matrix. Needs no package."""
    lines = [
        f"% Written by Latent Explorer {__version__}. Chance: the mean and, in brackets, the 95th percentile of the",
        "% same estimator where codes and factors are permuted (of latents alone, where each is permuted on its own;",
        "% of controls, random ones of the same norm).",
        "% Where another number stands beside it, it is named. What is set in is held against the row above. Both are",
        "% grey if xcolor is loaded.",
        r"\providecommand{\chance}[1]{{\ifdefined\color\color[gray]{0.5}\fi #1}}",
        r"\begin{tabular}{l" + "rr" * len(reports) + "}",
        r"\hline",
        " & ".join(["", *(rf"\multicolumn{{2}}{{c}}{{{escaped(label)}}}" for label in labels(reports))]) + r" \\",
        " & ".join(["Measure", *["value & chance"] * len(reports)]) + r" \\",
        r"\hline",
    ]
    for name, title in rows(reports).items():
        cells = [escaped(title)]
        for report in reports:
            score = report.metrics.get(name)
            cells += [in_math(figure(score.value)), _chance(score)] if score else ["", ""]
        lines.append(" & ".join(cells) + r" \\")
        lines += _baselines(reports, name)
    lines += [r"\hline", r"\end{tabular}"]
    for report in reports:
        lines.append(comment(f"{report.model}: {conditions(report)}"))
        for score in report.metrics.values():
            said = "; ".join(part for part in (score.note, score.estimator, score.paper) if part)
            lines.append(comment(f"  {score.title}: {said}"))
    for report in (report for report in reports if report.nmi):
        lines += ["", *_matrix(report)]
    return "\n".join(lines) + "\n"


def _matrix(report: MeasureReport) -> Iterator[str]:
    yield comment(f"I(factor; latent) / H(factor) of {report.model}; {report.estimator}")
    yield r"\begin{tabular}{l" + "r" * len(report.latents) + "}"
    yield r"\hline"
    yield " & ".join(["", *map(escaped, report.latents)]) + r" \\"
    yield r"\hline"
    for factor, row in zip(report.factors, report.nmi, strict=True):
        yield " & ".join([escaped(factor), *(f"{value:.2f}" for value in row)]) + r" \\"
    yield r"\hline"
    yield r"\end{tabular}"


def _baselines(reports: Sequence[MeasureReport], measure: str) -> Iterator[str]:
    """A row for each of what ``measure`` is held against, in grey."""
    for name in baseline_names(reports, measure):
        cells = [rf"\quad \chance{{{escaped(name)}}}"]
        for report in reports:
            score = report.metrics.get(measure)
            told = score is not None and name in score.baselines
            cells += [rf"\chance{{{in_math(figure(score.baselines[name]))}}}" if score and told else "", ""]
        yield " & ".join(cells) + r" \\"


def _chance(score: Score) -> str:
    if score.null is None:
        return ""
    high = "" if score.null_high is None else f" ({in_math(figure(score.null_high))})"
    name = null_name(score)
    return rf"\chance{{{'' if name == CHANCE else f'{escaped(name)} '}{in_math(figure(score.null))}{high}}}"


_WRITERS: dict[str, Callable[[Sequence[MeasureReport]], bytes]] = {
    ".csv": lambda reports: csv_table(reports).encode(),
    ".tex": lambda reports: latex_table(reports).encode(),
    ".json": lambda reports: (document(reports) + "\n").encode(),
    ".pdf": page,
}
