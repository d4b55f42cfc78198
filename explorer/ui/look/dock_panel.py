"""What lies in a dock: how it asks to be seen, and what it is called."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget


class DockPanel(QWidget):
    """The dock follows its panel: its signals, and its window title where it sets one."""

    wanted = Signal()  # the user has asked for it: it comes to the front
    arrived = Signal()  # it has something to show: it is there again if it was closed, but not in front of others

    title: QWidget | None = None
    """What stands in the dock's title bar, by which it is dragged; None: it has its tab alone."""
