"""A comparison of methods as files: one of the tables, the web page, or a folder with all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from explorer.engine.engine import Engine
from explorer.errors import ExportError
from explorer.export.compare_html import html_page, index_page
from explorer.export.compare_page import page
from explorer.export.compare_strips import strips
from explorer.export.compare_tables import csv_table, json_text, latex_table
from explorer.files import atomic_folder, atomic_write, expanded
from explorer.generators.base import Progress
from explorer.scene.comparison import CompareReport

INDEX = "index.html"
_TABLES: dict[str, Callable[[CompareReport], bytes]] = {
    ".json": lambda report: (json_text(report) + "\n").encode(),
    ".csv": lambda report: csv_table(report).encode(),
    ".tex": lambda report: latex_table(report).encode(),
    ".pdf": page,
}
FILES = {"compare.json": ".json", "table.csv": ".csv", "table.tex": ".tex", "table.pdf": ".pdf", INDEX: ".html"}
"""What is in the folder of a report."""


def check(path: Path, count: int = 1) -> None:
    """Raise :class:`ExportError` where ``count`` reports cannot be written to ``path``, before anything is compared:
    another extension than .html, .pdf, .csv, .tex, .json or none, a file for several, or a folder that holds other
    files."""
    path = expanded(path)
    suffix = path.suffix.lower()
    if suffix and suffix != ".html" and suffix not in _TABLES:
        raise ExportError(f"'{path.name}' is no report; use .html, .pdf, .csv, .tex, .json, or a folder's name.")
    if suffix and count > 1:
        raise ExportError(f"'{path.name}' can hold one model's report; give a folder's name for several models.")
    if not suffix and path.exists() and not (path.is_dir() and _is_report(path)):
        raise ExportError(f"'{path}' exists and holds other files; choose a new folder.")


def write(engine: Engine, reports: Sequence[CompareReport], path: Path, progress: Progress | None = None) -> Path:
    """Write ``reports`` (at least one) to ``path``, whole or not at all, and return it.

    An extension chooses a single file, of one report; without one it becomes a folder with :data:`FILES`, or, for
    several reports, with such a folder for each model. ``progress`` may raise :class:`explorer.errors.Cancelled`.

    Raises :class:`ExportError` as :func:`check` does.
    """
    path = expanded(path)
    check(path, len(reports))
    suffix = path.suffix.lower()
    if suffix:
        atomic_write(path, _file(engine, reports[0], suffix, progress))
        return path
    names = folder_names(reports)
    with atomic_folder(path, _is_report) as folder:
        for index, (report, name) in enumerate(zip(reports, names, strict=True)):
            place = folder if len(reports) == 1 else folder / name
            place.mkdir(exist_ok=True)
            for file, kind in FILES.items():
                (place / file).write_bytes(_file(engine, report, kind, _part(progress, index, len(reports))))
        if len(reports) > 1:
            (folder / INDEX).write_text(index_page(names), encoding="utf-8")
    return path


def folder_names(reports: Sequence[CompareReport]) -> list[str]:
    """The names of the models, made different where two are the same."""
    found: list[str] = []
    for report in reports:
        name, number = report.name, 2
        while name in found:
            name, number = f"{report.name} {number}", number + 1
        found.append(name)
    return found


def _file(engine: Engine, report: CompareReport, suffix: str, progress: Progress | None) -> bytes:
    if suffix == ".html":
        return html_page(report, strips(engine, report, progress=progress)).encode()
    return _TABLES[suffix](report)


def _part(progress: Progress | None, index: int, count: int) -> Progress | None:
    if progress is None:
        return None
    hears = progress
    return lambda share: hears((index + share) / count)


def _is_report(path: Path) -> bool:
    """Whether the folder holds nothing but a report, or reports in folders; an empty one does."""
    return all(one.name in FILES if one.is_file() else _is_leaf(one) for one in path.iterdir())


def _is_leaf(path: Path) -> bool:
    names = {one.name for one in path.iterdir()} if path.is_dir() else set()
    return bool(names) and names <= set(FILES)
