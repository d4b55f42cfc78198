"""From the client's reader thread to the window's thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from explorer.scene.measures import MeasureOptions, MeasureReport
from explorer.scene.model import ModelRef, View
from explorer.service.replies import Frame
from explorer.service.requests import Request


class EngineClient(Protocol):
    """What the window uses of :class:`explorer.service.client.ServiceClient`."""

    def start(self) -> None: ...

    def close(self) -> None: ...

    def send(self, request: Request) -> None: ...

    def next_request_id(self) -> int: ...

    def measure(self, model: ModelRef, options: MeasureOptions) -> int:
        """Ask for the measures of ``model``; returns the number that progress and the report carry."""

    def export_reports(self, reports: tuple[MeasureReport, ...], path: str) -> int:
        """Ask for a table of ``reports`` in a file; returns the number of its answer."""

    def show_all(self, views: Mapping[int, View]) -> dict[int, int]:
        """Ask for pictures, view id → view; returns the revisions of their frames. Newer ones replace older ones."""

    def forget(self, view_id: int) -> None: ...

    def pixels(self, frame: Frame) -> bytes:
        """A copy of the frame's BGRX rows; frees its slot."""

    def discard(self, frame: Frame) -> None:
        """Free the slot of a frame that is not wanted."""

    def reserve(self, slot_bytes: int) -> None:
        """Make room for frames of ``slot_bytes``."""

    def restart(self) -> None: ...


Connect = Callable[[Callable[[object], None]], EngineClient]
"""Makes a client that calls back with every reply, on a thread of its own."""


class EngineBridge(QObject):
    """Owns the client; ``replied`` carries every reply, and is received on the window's thread."""

    replied = Signal(object)

    def __init__(self, connect: Connect, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._open = True
        self.client = connect(self._deliver)

    def close(self) -> None:
        """Stop the client; replies that are still under way are dropped."""
        self._open = False
        self.client.close()

    def _deliver(self, reply: object) -> None:
        if self._open:
            self.replied.emit(reply)
