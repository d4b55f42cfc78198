"""What the user is told in a strip over the canvas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from explorer.scene.cards import FamilyVerdict
from explorer.scene.model import ModelRef


@dataclass(frozen=True)
class Notice:
    """One sentence. ``action`` names an action of the table that is offered beside it.

    ``reasons`` are those of every family, when the model ``refused`` could not be opened; they are shown on demand.
    """

    sentence: str
    kind: Literal["info", "warning", "error"] = "info"
    action: str = ""
    refused: ModelRef | None = None
    reasons: tuple[FamilyVerdict, ...] = ()
