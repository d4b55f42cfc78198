"""A comparison of methods as one web page that needs nothing else: table, contract, strips, matrices."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from html import escape

from PIL import Image

from explorer import __version__
from explorer.export.compare_page import MATRICES, largest_effect
from explorer.export.compare_strips import STEPS, Strip
from explorer.export.compose import Frame
from explorer.export.page_parts import shade
from explorer.scene.compare_text import (
    COSTS,
    amount_text,
    conditions,
    cost_text,
    effect_text,
    heading,
    interval,
    remarks,
    role_text,
    shown_columns,
    standing,
)
from explorer.scene.comparison import CompareReport, MethodResult
from explorer.scene.measure_text import DASH, figure

_STYLE = """
:root { color-scheme: light dark; --ink: #18181b; --paper: #fff; --faint: #71717a; --rule: #d4d4d8; --tint: #f4f4f5 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e4e7; --paper: #18181b; --faint: #a1a1aa; --rule: #3f3f46; --tint: #27272a }
}
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
p, li, dd { max-width: 75ch }
.faint, small, caption { color: var(--faint) }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--rule); text-align: right; vertical-align: top }
th[scope=row], td.text { text-align: left; font-weight: normal }
thead th { border-bottom: 2px solid var(--ink); white-space: nowrap }
td small, th small { display: block; white-space: nowrap }
tr.chance, td.chance { color: var(--faint) }
th button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer }
th[aria-sort] button { text-decoration: underline }
table.heat { display: inline-table; margin: 0 2rem 1rem 0 } table.heat td { padding: .15rem .4rem }
table.heat caption { text-align: left } .strips td { text-align: left } .strips img { display: block }
"""

_SCRIPT = """
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") === "descending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = (row) => row.cells[column] ? row.cells[column].dataset.value ?? "" : "";
    const order = (a, b) => {
      const x = key(a), y = key(b);
      if (x === "" || y === "") return (x === "") - (y === "");
      const found = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
      return up ? found : -found;
    };
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(order));
  }));
}
"""


def html_page(report: CompareReport, strips: Sequence[Sequence[Strip | None]] = ()) -> str:
    """The page. ``strips``: the common rows, a strip for each method."""
    title = escape(f"Directions of {report.name}, compared")
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        # The browser itself refuses to fetch anything.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">",
        f'<meta name="generator" content="Latent Explorer {__version__}">',
        f"<title>{title}</title><style>{_STYLE}</style></head><body>",
        f'<h1>{title}</h1><p class="faint">{escape(conditions(report))}</p>',
        *_table(report),
        *_contract(report),
        *_meanings(report),
        *(_strips(report, strips) if strips else ()),
        *_matrices(report),
        f"<script>{_SCRIPT}</script></body></html>",
    ]
    return "\n".join(parts) + "\n"


def index_page(names: Sequence[str]) -> str:
    """A page that leads to the report of each of several models, in folders of their ``names``."""
    items = "\n".join(f'<li><a href="{escape(name, quote=True)}/index.html">{escape(name)}</a></li>' for name in names)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Directions, compared</title>'
        f"<style>{_STYLE}</style></head><body><h1>Directions, compared</h1>\n<ul>\n{items}\n</ul></body></html>\n"
    )


def _table(report: CompareReport) -> Iterator[str]:
    columns, heads = shown_columns(report), [("Method", "")]
    heads += [(heading(column), f"{column.meaning} {column.paper}".strip()) for column in columns]
    heads += [(title, "") for title in COSTS.values()]
    yield '<div class="scroll"><table class="sortable"><thead><tr>'
    for title, tip in heads:
        said = f' title="{escape(tip, quote=True)}"' if tip else ""
        yield f'<th scope="col"{said}><button type="button">{escape(title)}</button></th>'
    yield "</tr></thead><tbody>"
    for result in report.methods:
        yield f'<tr class="{result.role}">{_named(result)}'
        if result.problem:
            yield f'<td class="text" colspan="{len(heads) - 1}">{escape(result.problem)}</td></tr>'
            continue
        for column in columns:
            value = result.columns.get(column.name)
            if value is None:
                yield "<td></td>"
                continue
            said = standing(column, value)
            mark = ' class="chance"' if said else ""
            tip = "; ".join(
                one
                for one in (said, value.note, f"chance {figure(value.null)}" if value.null is not None else "")
                if one
            )
            tip = f' title="{escape(tip, quote=True)}"' if tip else ""
            number = "" if value.value is None else repr(value.value)
            below = f"<small>{escape(interval(value))}</small>" if interval(value) else ""
            yield f'<td data-value="{number}"{mark}{tip}>{figure(value.value)}{below}</td>'
        for name in COSTS:
            yield f'<td data-value="{float(getattr(result, name))!r}">{cost_text(result, name)}</td>'
        yield "</tr>"
    yield "</tbody></table></div>"
    yield (
        '<p class="faint">In brackets: bootstrap 95 % intervals. Grey: the interval holds what random directions '
        "score, or is worse. A heading sorts.</p>"
    )


def _named(result: MethodResult) -> str:
    role = f"<small>{role_text(result)}</small>" if role_text(result) else ""
    return f'<th scope="row" data-value="{escape(result.title, quote=True)}">{escape(result.title)}{role}</th>'


def _contract(report: CompareReport) -> Iterator[str]:
    yield '<h2>Under which conditions</h2><ul id="contract">'
    yield from (f"<li>{escape(sentence)}</li>" for sentence in report.contract)
    yield "</ul>"
    said = remarks(report)
    if said:
        yield "<h2>Remarks</h2><ul>"
        yield from (f"<li>{escape(sentence)}</li>" for sentence in said)
        yield "</ul>"


def _meanings(report: CompareReport) -> Iterator[str]:
    yield "<h2>What the columns say</h2><dl>"
    for column in report.columns:
        paper = f' <span class="faint">{escape(column.paper)}</span>' if column.paper else ""
        yield f"<dt>{escape(heading(column))}</dt><dd>{escape(column.meaning)}{paper}</dd>"
    yield "</dl>"


def _strips(report: CompareReport, rows: Sequence[Sequence[Strip | None]]) -> Iterator[str]:
    steps = ", ".join(f"{share:g}".replace("-", "−") for share in STEPS)
    yield (
        "<h2>Side by side</h2><p>The same base code in every strip, moved by "
        f"{steps} calibrated units of one direction. A row holds the directions whose effects on the attributes are "
        "most alike, turned to agree.</p>"
    )
    yield '<div class="scroll"><table class="strips"><thead><tr>'
    yield from (f'<th scope="col">{escape(result.title)}</th>' for result in report.methods)
    yield "</tr></thead><tbody>"
    for row in rows:
        yield "<tr>"
        for strip in row:
            yield f"<td>{_strip(strip, report.attributes)}</td>" if strip is not None else "<td></td>"
        yield "</tr>"
    yield "</tbody></table></div>"


def _strip(strip: Strip, attributes: tuple[str, ...]) -> str:
    one = strip.direction
    turned = " (turned)" if one.sign < 0 else ""
    caption = f"<small>{escape(one.name)}{turned} · {escape(amount_text(one))}</small>"
    if effects := effect_text(one, attributes):
        caption += f"<small>{escape(effects)}</small>"
    if strip.picture is None:
        return caption
    said = escape(f"{strip.result.title}, {one.name}", quote=True)
    return f'<img alt="{said}" src="{_data(strip.picture)}">{caption}'


def _data(picture: Frame) -> str:
    raw = io.BytesIO()
    Image.fromarray(picture).save(raw, format="PNG", compress_level=9)
    return f"data:image/png;base64,{base64.b64encode(raw.getvalue()).decode()}"


def _matrices(report: CompareReport) -> Iterator[str]:
    if not report.attributes:
        return
    full = largest_effect(report)
    yield "<h2>Which direction changes what</h2>"
    yield (
        "<p>Left: the mean change of each attribute between −α and α, in its deviations. Right: how much the "
        "coordinate along the direction tells of the attribute over the model's own samples.</p>"
    )
    for result in report.methods:
        if result.directions:
            yield f"<h3>{escape(result.title)}</h3>"
            for field, title in MATRICES.items():
                yield from _matrix(report, result, field, title, full if field == "effects" else 1.0)


def _matrix(report: CompareReport, result: MethodResult, field: str, title: str, full: float) -> Iterator[str]:
    yield f'<table class="heat"><caption>{escape(title)}</caption><thead><tr><th></th>'
    yield from (f'<th scope="col">{escape(name)}</th>' for name in report.attributes)
    yield "</tr></thead><tbody>"
    for one in result.directions:
        yield f'<tr><th scope="row">{escape(one.name)}</th>'
        for value in getattr(one, field):
            if value is None:
                yield f'<td class="faint" title="not defined">{DASH}</td>'
                continue
            red, green, blue = shade(value, full)
            ink = "#fff" if full > 0 and value / full > 0.5 else "#18181b"
            yield f'<td style="background:rgb({red},{green},{blue});color:{ink}">{value:.2f}</td>'
        yield "</tr>"
    yield "</tbody></table>"
