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


def overlap(one: StepWindow, other: StepWindow) -> StepWindow | None:
    """The steps that lie in both; None where there are none."""
    high, low = min(one.high, other.high), max(one.low, other.low)
    return StepWindow(high, low) if low < high else None


def around(shares: Sequence[float]) -> list[StepWindow]:
    """A window around each of the levels of noise ``shares`` (0..1, falling), from one midway to the next, the first
    from pure noise on and the last to the picture: so every step of any sampler belongs to the level nearest to it."""
    if any(later >= earlier for earlier, later in itertools.pairwise(shares)):
        raise ValueError(f"levels of noise that do not fall: {shares}")
    middles = [(earlier + later) / 2 for earlier, later in itertools.pairwise(shares)]
    return list(itertools.starmap(StepWindow, itertools.pairwise([1.0, *middles, 0.0])))


def _holds(window: StepWindow, stretch: StepWindow) -> bool:
    return window.low <= stretch.low and stretch.high <= window.high
