"""What scenes before version 3 left unsaid: what the program of that time took for it, written down. A default that
changes, or a rule that is held more strictly, must not change what an old file shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]

DEFAULTS: dict[str, tuple[tuple[str, str], ...]] = {"jacobian": (("estimate", "probes"),)}
"""Method → settings whose default was another one then."""

TOGETHER = frozenset({"latentclr", "random", "random_orthogonal", "voynov"})
"""Methods whose controls are others when more are asked for, though names were kept as if they stayed."""


def spelt_out(document: Document) -> Document:
    """The document of a scene of version 2 with the defaults of then written into every control set, and names of
    controls of :data:`TOGETHER` kept for the number of controls that a pane shows, where one does. ``document`` is
    changed, and left as it is wherever it is damaged: that is found when it is read."""
    for reference in _references(document):
        settings = reference.get("settings", [])
        if not isinstance(settings, list):
            continue
        told = {one[0] for one in settings if isinstance(one, list) and one}
        missing = [list(one) for one in DEFAULTS.get(str(reference.get("method")), ()) if one[0] not in told]
        if missing:
            reference["settings"] = [*missing, *settings]
    shown = [pane["controls"] for pane in _parts(document, "panes") if isinstance(pane.get("controls"), dict)]
    for mark in _parts(document, "marks"):
        marked = mark.get("controls")
        if isinstance(marked, dict) and marked.get("method") in TOGETHER:
            sizes = [one.get("k", 10) for one in shown if _source(one) == _source(marked)]
            if sizes:
                mark["count"] = sizes[0]
    return document


def _references(value: object) -> Iterator[Document]:
    """Every control set that is named anywhere in ``value``."""
    if isinstance(value, list):
        for one in value:
            yield from _references(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name in ("controls", "like") and isinstance(one, dict):
                yield one
            yield from _references(one)


def _parts(document: Document, name: str) -> list[Document]:
    found = document.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _source(reference: Document) -> tuple[object, ...]:
    """What a set was found by, whatever was made of it since."""
    return (
        reference.get("method", ""),
        reference.get("seed", 0),
        reference.get("settings") or [],
        reference.get("path", ""),
        reference.get("digest", ""),
    )
