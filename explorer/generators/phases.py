"""Edits that act in some steps of a sampler alone: windows of steps, and in which of them which moves are made."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from explorer.scene.model import StepWindow


def apart(windows: Iterable[StepWindow]) -> list[StepWindow]:
    """The stretches, from noise to picture, within which the same of ``windows`` hold, at least one of them: each lies
    in every one of ``windows`` whole or not at all, and no two overlap."""
    known = set(windows)
    edges = sorted({edge for window in known for edge in (window.high, window.low)}, reverse=True)
    stretches = itertools.starmap(StepWindow, itertools.pairwise(edges))
    return [stretch for stretch in stretches if any(_holds(window, stretch) for window in known)]


class Windowed(Protocol):
    """What may act in some steps alone."""

    @property
    def window(self) -> StepWindow | None:
        """Those steps; None: all."""


Edit = TypeVar("Edit", bound=Windowed)


def acting(edits: Sequence[Edit], stretch: StepWindow) -> list[Edit]:
    """Those of ``edits`` that are made in ``stretch``, one of :func:`apart`."""
    return [edit for edit in edits if edit.window is None or _holds(edit.window, stretch)]


def _holds(window: StepWindow, stretch: StepWindow) -> bool:
    return window.low <= stretch.low and stretch.high <= window.high
