"""Asking where a file is to be written: the same for tables, control sets and labels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from explorer.ui.state.settings import Settings


def ask_save_path(parent: QWidget, settings: Settings, title: str, name: str, formats: Mapping[str, str]) -> str:
    """The path that the user chose, with the suffix of one of ``formats`` (title → suffix, the first is proposed), or
    an empty string. ``name`` is proposed, without what a file name cannot hold; the folder is remembered.
    """
    proposed = re.sub(r"[^\w.+-]+", "-", name).strip("-.")
    filters = ";;".join(f"{kind} (*.{suffix})" for kind, suffix in formats.items())
    first = next(iter(formats.values()))
    start = str(Path(settings.export_folder or Path.home()) / f"{proposed}.{first}")
    path, chosen = QFileDialog.getSaveFileName(parent, title, start, filters)
    if not path:
        return ""
    path = _ended(path, next((suffix for kind, suffix in formats.items() if chosen.startswith(kind)), first), formats)
    settings.export_folder = str(Path(path).parent)
    return path


def _ended(path: str, suffix: str, formats: Mapping[str, str]) -> str:
    """``path`` with the ``suffix`` of the format that was chosen, unless it has one of ``formats`` that was typed; one
    that is the end of a longer one which was chosen is completed to it."""
    last = Path(path).suffix
    if any(path.lower().endswith(f".{other}") for other in formats.values() if "." in other):
        return path
    if last and suffix.endswith(last.lower()):
        return f"{path.removesuffix(last)}.{suffix}"
    return path if last.lower().removeprefix(".") in formats.values() else f"{path}.{suffix}"
