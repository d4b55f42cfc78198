"""What a path is that no family opens, in one sentence."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import explorer.file_kinds as package
from explorer.errors import sentence as one_sentence
from explorer.file_kinds.base import FileKind, Useful
from explorer.file_kinds.look import Look
from explorer.plugins import declared
from explorer.scene.cards import FileUse


@cache
def kinds() -> dict[str, FileKind]:
    """Module → kind, in the order in which they are asked."""
    return dict(sorted(declared(package, "KIND"), key=lambda entry: entry[1].general))


def sentence(path: Path) -> str:
    """What the existing ``path`` is and what to do with it; empty where no kind knows it."""
    told = _told(Look(path))[1]
    return one_sentence(f"'{path.name}' {told}") if told else ""


def use(path: Path) -> FileUse | None:
    """What the existing ``path``, of which :func:`sentence` tells, can be used for; None where that is nothing."""
    look = Look(path)
    kind, _ = _told(look)
    return kind.use(look) if isinstance(kind, Useful) else None


def _told(look: Look) -> tuple[FileKind | None, str]:
    """The first kind that knows it, and what it tells."""
    return next(((kind, told) for kind in kinds().values() if (told := kind.told(look))), (None, ""))
