"""What a path is that no family opens, in one sentence."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import explorer.file_kinds as package
from explorer.file_kinds.base import FileKind
from explorer.file_kinds.look import Look
from explorer.plugins import declared


@cache
def kinds() -> dict[str, FileKind]:
    """Module → kind, in the order in which they are asked."""
    return dict(sorted(declared(package, "KIND"), key=lambda entry: entry[1].general))


def sentence(path: Path) -> str:
    """What the existing ``path`` is and what to do with it; empty where no kind knows it."""
    look = Look(path)
    told = next((told for kind in kinds().values() if (told := kind.told(look))), "")
    return f"'{path.name}' {told}" if told else ""
