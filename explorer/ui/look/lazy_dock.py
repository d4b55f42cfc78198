"""A dock whose panel is made when it is first seen, so that the start of the window does not wait for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Generic, TypeVar

from PySide6.QtCore import QTimer
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from explorer.ui.look.dock_panel import DockPanel

Panel = TypeVar("Panel", bound=QWidget)


class LazyDock(DockPanel, Generic[Panel]):
    """A subclass binds the actions, and says how the panel behind them is made."""

    def __init__(self, make: Callable[[], Panel], parent: QWidget | None = None) -> None:
        """``make``: imports and makes the panel, up to date."""
        super().__init__(parent)
        self._make = make
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)

    @cached_property
    def panel(self) -> Panel:
        """The panel."""
        made = self._make()
        self._layout.addWidget(made)
        made.show()
        return made

    @property
    def is_made(self) -> bool:
        """Whether the panel was seen, or asked for, already."""
        return "panel" in self.__dict__

    def paintEvent(self, event: QPaintEvent) -> None:
        # Not when it is shown: the window shows every dock for a moment before it puts one behind the other.
        if not self.is_made:
            QTimer.singleShot(0, self, self._first_seen)
        super().paintEvent(event)

    def _first_seen(self) -> None:
        self.panel.update()
