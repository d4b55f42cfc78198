"""What the user is told in a strip over the canvas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from explorer.scene.cards import FamilyVerdict, FileUse
from explorer.scene.model import ModelRef

Kind = Literal["info", "refusal", "warning", "error"]
"""``info`` goes by itself; ``refusal``: what the hand has just tried cannot be, which is over when it does something
else; the others stay until they are dismissed."""


@dataclass(frozen=True)
class Notice:
    """One sentence. ``action`` names an action of the table that is offered beside it.

    ``reasons`` are those of every family, when the model ``refused`` could not be opened; they are shown on demand,
    with the ``use`` that there is for the file instead.
    """

    sentence: str
    kind: Kind = "info"
    action: str = ""
    refused: ModelRef | None = None
    reasons: tuple[FamilyVerdict, ...] = ()
    use: FileUse | None = None
