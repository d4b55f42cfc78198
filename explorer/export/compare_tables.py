"""A comparison of methods as files: JSON whose shape scripts rely on, CSV with every number, LaTeX for a paper."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import msgspec

from explorer import __version__
from explorer.export.latex import comment, digits, escaped, in_math
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
from explorer.scene.comparison import Column, CompareReport, Figure, MethodResult
from explorer.scene.measure_text import figure

CSV_COLUMNS = (
    "model", "fingerprint", "method", "role", "direction", "row", "attribute", "measure", "value", "low", "high",
    "null", "better", "note",
)  # fmt: skip
"""The columns of the CSV table. ``row``: which the direction shares with those of other methods."""


def document(report: CompareReport) -> dict[str, Any]:
    """The report as plain values for JSON: ``model``, ``k``, and ``methods``, which maps each method, by the name that
    it was asked for by, to its ``columns`` (measure → ``value``, ``low``, ``high``, ``null``), ``evaluations`` and
    ``seconds``; beside these all that the report says.
    """
    plain: dict[str, Any] = msgspec.to_builtins(report)
    return {
        "model": report.name,
        "k": report.options.k,
        "path": report.model.path,
        "fingerprint": report.model.fingerprint,
        **{name: plain[name] for name in ("space", "options", "attributes", "varying", "columns", "contract")},
        "methods": {row["asked"] or row["method"]: row for row in plain["methods"]},
        "seconds": report.seconds,
    }


def json_text(report: CompareReport) -> str:
    """:func:`document` as text."""
    return msgspec.json.format(msgspec.json.encode(document(report)), indent=2).decode()


def csv_table(report: CompareReport) -> str:
    """One row a number, with all its digits: each measure of each method, what its search took, and for the first seed
    every direction's ``alpha``, and its ``effect``, ``signed_effect`` and ``information`` for each attribute. A method
    that failed is one row with a note.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
    table.writeheader()
    for result in report.methods:
        common = {
            "model": report.name,
            "fingerprint": report.model.fingerprint,
            "method": result.method,
            "role": result.role,
        }
        for row in _numbers(report, result):
            table.writerow(common | row)
    return text.getvalue()


def _numbers(report: CompareReport, result: MethodResult) -> Iterator[dict[str, object]]:
    if result.problem:
        yield {"measure": "problem", "note": result.problem}
        return
    better = {column.name: column.better for column in report.columns}
    for name, value in result.columns.items():
        yield {
            "measure": name,
            "value": digits(value.value),
            "low": digits(value.low),
            "high": digits(value.high),
            "null": digits(value.null),
            "better": better.get(name, ""),
            "note": value.note,
        }
    for name in COSTS:
        yield {"measure": name, "value": digits(getattr(result, name)), "better": "lower"}
    for direction in result.directions:
        here: dict[str, object] = {"direction": direction.name, "row": "" if direction.match < 0 else direction.match}
        yield here | {"measure": "alpha", "value": digits(direction.alpha)}
        parts = {"effect": direction.effects, "signed_effect": direction.signed, "information": direction.information}
        for measure, values in parts.items():
            for attribute, number in zip(report.attributes, values, strict=False):
                yield here | {"measure": measure, "attribute": attribute, "value": digits(number)}


def latex_table(report: CompareReport) -> str:
    """A plain ``tabular``: a row for each method, its intervals below it; numbers at chance in grey (where ``xcolor``
    or ``color`` is loaded). The contract and the problems stand in comments. Needs no package.
    """
    costs, columns = list(COSTS.values()), shown_columns(report)
    lines = [
        f"% Written by Latent Explorer {__version__}. In brackets: bootstrap 95 % intervals. Grey: the interval holds",
        "% what random directions score, or is worse.",
        r"\providecommand{\atchance}[1]{{\ifdefined\color\color[gray]{0.5}\fi #1}}",
        r"\providecommand{\interval}[1]{{\scriptsize #1}}",
        r"\begin{tabular}{l" + "r" * (len(columns) + len(costs)) + "}",
        r"\hline",
        " & ".join(["Method", *(escaped(heading(column)) for column in columns), *costs]) + r" \\",
        r"\hline",
    ]
    for result in report.methods:
        title = escaped(result.title) + (rf" \textit{{({role_text(result)})}}" if role_text(result) else "")
        if result.problem:
            width = len(columns) + len(costs)
            lines.append(rf"{title} & \multicolumn{{{width}}}{{l}}{{n/a}} \\")
            continue
        found = [(column, result.columns.get(column.name)) for column in columns]
        taken = [cost_text(result, name) for name in COSTS]
        lines.append(" & ".join([title, *(_cell(*one) for one in found), *taken]) + r" \\")
        if any(value is not None and interval(value) for _, value in found):
            below = [_interval(value) for _, value in found]
            lines.append(" & ".join(["", *below, *[""] * len(taken)]) + r" \\")
    lines += [r"\hline", r"\end{tabular}", comment(f"{report.name}: {conditions(report)}")]
    lines += [comment(sentence) for sentence in report.contract]
    lines += [comment(f"{column.title}: {column.meaning} {column.paper}") for column in report.columns]
    lines += [comment(said) for said in remarks(report)]
    return "\n".join(lines) + "\n"


def _cell(column: Column, value: Figure | None) -> str:
    if value is None:
        return ""
    text = in_math(figure(value.value))
    return rf"\atchance{{{text}}}" if standing(column, value) else text


def _interval(value: Figure | None) -> str:
    text = interval(value) if value is not None else ""
    # Braces, because a line of a tabular that begins with [ would be read as a length.
    return rf"\interval{{{text.replace('−', '-')}}}" if text else ""
