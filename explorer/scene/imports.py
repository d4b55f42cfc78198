"""What a file of another program holds, and what only its user knows of it. Plain values, no torch."""

from __future__ import annotations

from typing import Literal

import msgspec

from explorer.scene.cards import SettingCard

Holds = Literal["controls", "path"]
"""Controls of a model, or the points of a path from one start, which are keyframes of a film."""

SPACE, LAYERS = "space", "layers"
"""The questions that every format has: in which space of the model, and, in w, on which layers."""


class ImportCard(msgspec.Struct, frozen=True, kw_only=True):
    """A file that another program wrote, as far as one model can use it. ``title``: of its format; ``text``: how much
    of what it holds, such as ``16 controls of width 64``; ``unknown``: what it leaves open, a sentence each.

    ``questions`` stand at what the file says, or what is usual. One whose default is none of its choices has to be
    answered.
    """

    title: str
    text: str
    holds: Holds = "controls"
    questions: tuple[SettingCard, ...] = ()
    unknown: tuple[str, ...] = ()


def is_open(question: SettingCard) -> bool:
    """Whether ``question`` has no answer unless somebody gives one."""
    return bool(question.choices) and question.default not in question.choices
