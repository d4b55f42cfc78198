"""What the user is told in a strip over the canvas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Notice:
    """One sentence. ``action`` names an action of the table that is offered beside it; ``details`` are its tool tip."""

    sentence: str
    kind: Literal["info", "warning", "error"] = "info"
    action: str = ""
    details: tuple[str, ...] = ()
