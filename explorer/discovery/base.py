"""The discovery method: finds controls on a generator. And what a search tells while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from explorer.controls.control_set import ControlSet
from explorer.generators.base import Generator, Progress
from explorer.scene.cards import MethodCard, ModelCard
from explorer.scene.model import Scalar

PREVIEW_EVERY = 2.0  # seconds: a preview moves sliders under the user's hand, and costs a control set


class Method(Protocol):
    """One way to find controls; one file in this folder, found by its module-level ``METHOD``."""

    @property
    def card(self) -> MethodCard:
        """Name, title, spaces it works on, settings, the paper. ``families`` is filled in by the registry."""

    def refusal(self, model: ModelCard) -> str:
        """Why this method does not fit ``model`` in one sentence, or an empty string when it does."""

    def discover(
        self,
        generator: Generator,
        k: int,
        seed: int = 0,
        settings: Mapping[str, Scalar] | None = None,
        progress: Progress | None = None,
    ) -> ControlSet:
        """Find ``k`` controls (1 ≤ k ≤ width of the space). Repeatable for a seed. Raises
        :class:`explorer.errors.ControlError`.

        ``progress`` may be a :class:`Watch`, which also takes previews and keeps checkpoints.
        """


class Watch:
    """Somebody who watches a search: hears its progress, sees what it has found so far, keeps its unfinished state.

    Calling it is a :data:`Progress`. ``preview`` takes control sets found so far; ``checkpoint`` is the file in which
    an interrupted search goes on from where it was (None: it begins anew); it is removed when the search has ended.
    """

    def __init__(
        self,
        progress: Progress | None = None,
        preview: Callable[[ControlSet], None] | None = None,
        checkpoint: Path | None = None,
    ) -> None:
        self._progress = progress
        self._preview = preview
        self._shown = time.monotonic()
        self.checkpoint = checkpoint

    def __call__(self, share: float) -> None:
        if self._progress is not None:
            self._progress(share)

    def preview(self, found: Callable[[], ControlSet]) -> None:
        """Show what ``found`` makes, if anybody looks and the last one was shown :data:`PREVIEW_EVERY` ago."""
        if self._preview is not None and time.monotonic() - self._shown >= PREVIEW_EVERY:
            self._preview(found())
            self._shown = time.monotonic()

    def part(self, low: float, high: float) -> Watch:
        """The watch of a part of the search: its shares 0 to 1 are ``low`` to ``high`` of the whole."""
        return _Part(self, low, high)


class _Part(Watch):
    def __init__(self, whole: Watch, low: float, high: float) -> None:
        super().__init__(checkpoint=whole.checkpoint)
        self._whole, self._low, self._high = whole, low, high

    def __call__(self, share: float) -> None:
        self._whole(self._low + (self._high - self._low) * share)

    def preview(self, found: Callable[[], ControlSet]) -> None:
        self._whole.preview(found)
