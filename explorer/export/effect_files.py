"""An effect scan as files: CSV with every number, JSON whose shape scripts rely on, a figure as PDF, SVG or PNG."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from explorer.errors import ExportError
from explorer.export.effect_page import Drawing, draw, size_of
from explorer.export.figures import PngDrawing, SvgDrawing
from explorer.export.latex import digits
from explorer.export.pdf import PdfPage
from explorer.files import atomic_write, expanded
from explorer.scene.effects import Cause, Effect, EffectOutcome, EffectReport

ATTACHMENT = "effects.json"
"""What a figure carries the numbers as: attached to a PDF page, in the metadata of an SVG drawing, a text of a PNG."""

COLUMNS = (
    "model", "fingerprint", "cause", "outcome", "unit", "measure", "level", "base", "value", "low", "high", "p", "q",
    "n", "standardised", "secant", "monotonicity", "same_way", "farther", "beyond", "note",
)  # fmt: skip
"""Of the CSV table. ``measure``: ``effect``, or ``change`` from the reference at a ``level``, or ``individual``, the
effect at the base code number ``base``."""


def check(path: Path) -> None:
    """Raise :class:`ExportError` where effects cannot be written with this extension, before anything is scanned."""
    if path.suffix.lower() not in _WRITERS:
        raise ExportError(f"'{path.name}' is no table or figure; use .csv, .json, .pdf, .svg or .png.")


def write(path: Path, report: EffectReport) -> Path:
    """Write ``report`` to ``path``, whole or not at all, and return it; the extension chooses the format. Raises
    :class:`ExportError` for one that there is not."""
    path = expanded(path)
    check(path)
    atomic_write(path, _WRITERS[path.suffix.lower()](report))
    return path


def document(report: EffectReport) -> dict[str, Any]:
    """The report as plain values for JSON: ``effects``, a list of ``cause``, ``outcome``, ``effect``, ``low``,
    ``high`` and ``p``, with all else that is known of each; ``n``, ``level``, ``multiplicity``; beside these what the
    report says of the model, the controls, the options, the causes and the outcomes."""
    plain: dict[str, Any] = msgspec.to_builtins(report)
    first = {name: plain.pop(name) for name in ("effects", "n", "level", "multiplicity")}
    model = plain.pop("model")
    name = plain.pop("name")
    return {**first, "model": name, "path": model["path"], "fingerprint": model["fingerprint"], **plain}


def json_text(report: EffectReport) -> str:
    """:func:`document` as text."""
    return msgspec.json.format(msgspec.json.encode(document(report)), indent=2).decode()


def csv_table(report: EffectReport) -> str:
    """One row a number, with all its digits."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    for k, cause in enumerate(report.causes):
        for j, outcome in enumerate(report.outcomes):
            common = {
                "model": report.name,
                "fingerprint": report.model.fingerprint,
                "cause": cause.name,
                "outcome": outcome.name,
                "unit": outcome.unit,
            }
            for row in _numbers(cause, outcome, report.effect(k, j)):
                table.writerow(common | row)
    return text.getvalue()


def _numbers(cause: Cause, outcome: EffectOutcome, effect: Effect) -> Iterator[dict[str, object]]:
    yield {
        "measure": "effect",
        "value": digits(effect.effect),
        "low": digits(effect.low),
        "high": digits(effect.high),
        "p": digits(effect.p),
        "q": digits(effect.q),
        "n": effect.n,
        "standardised": digits(effect.standardised),
        "secant": digits(effect.secant),
        "monotonicity": digits(effect.monotonicity),
        "same_way": digits(effect.same_way),
        "note": effect.note,
    }
    for index, level in enumerate(cause.levels):
        yield {
            "measure": "change",
            "level": digits(level),
            "value": digits(effect.curve[index]),
            "low": digits(effect.curve_low[index]),
            "high": digits(effect.curve_high[index]),
            "farther": digits(cause.farther[index]) if cause.farther else "",
            "beyond": digits(effect.beyond[index]) if effect.beyond else "",
        }
    for base, own in enumerate(effect.individual):
        yield {"measure": "individual", "base": base, "value": digits(own)}


def _figure(sheet: Callable[[float, float], Drawing]) -> Callable[[EffectReport], bytes]:
    def drawn(report: EffectReport) -> bytes:
        drawing = sheet(*size_of(report))
        draw(drawing, report)
        return drawing.document(f"Effects on {report.name}", ATTACHMENT, json_text(report).encode())

    return drawn


_WRITERS: dict[str, Callable[[EffectReport], bytes]] = {
    ".csv": lambda report: csv_table(report).encode(),
    ".json": lambda report: (json_text(report) + "\n").encode(),
    ".pdf": _figure(PdfPage),
    ".svg": _figure(SvgDrawing),
    ".png": _figure(PngDrawing),
}
