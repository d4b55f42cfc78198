"""Who is told what the engine says: whoever understands a reply registers for it, and nobody else knows of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtCore import QObject

Kind = TypeVar("Kind")


class Replies(QObject):
    """Hands every reply to all that registered for its kind, in the order in which they did.

    `Ready` and `EngineLost` are replies as well: that is how a part hears that the engine is there, or gone. Whoever
    waits for the answer to a question looks at its number, for the others hear of it too.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._handlers: list[tuple[type[Any], Callable[[Any], object]]] = []

    def on(self, kind: type[Kind], handler: Callable[[Kind], object]) -> None:
        """Call ``handler`` with every reply that is a ``kind``."""
        self._handlers.append((kind, handler))

    def deliver(self, reply: object) -> None:
        """``reply`` has come."""
        for kind, handler in tuple(self._handlers):
            if isinstance(reply, kind):
                handler(reply)
