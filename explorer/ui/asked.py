"""A long question to the engine that is under way: which, about what, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from explorer.service.protocol import JobProgress
from explorer.ui.catalogue import ModelKey

Options = TypeVar("Options")


@dataclass(frozen=True)
class Asked(Generic[Options]):
    """``number``: of the request. ``share`` 0..1; ``remaining`` seconds, negative while unknown; ``title``: what the
    engine says it is at."""

    number: int
    model: ModelKey
    options: Options
    share: float = 0.0
    remaining: float = -1.0
    title: str = ""

    def heard(self, progress: JobProgress) -> Asked[Options]:
        """The same, as far as ``progress`` says it is."""
        return replace(self, share=progress.share, remaining=progress.remaining, title=progress.title)
