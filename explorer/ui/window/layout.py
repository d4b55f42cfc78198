"""The docks of the window, made from the rows of a table, and where they are when nobody has moved them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDockWidget, QMainWindow, QMenu, QWidget

from explorer.ui.actions.action_rows import ActionRow
from explorer.ui.actions.actions import ActionTable
from explorer.ui.look.dock_panel import DockPanel
from explorer.ui.state.controller import Controller
from explorer.ui.state.settings import Settings

Panel = TypeVar("Panel", bound=DockPanel)
BOTTOM = Qt.DockWidgetArea.BottomDockWidgetArea
FIRST_SIZE = (1440, 900)
FRAME = (16, 48)  # what borders and title bars take, at most; the window knows only when it is shown


@dataclass(frozen=True)
class Parts:
    """What panels are made of."""

    controller: Controller
    actions: ActionTable
    settings: Settings


@dataclass(frozen=True)
class DockRow:
    """One dock. The order of the rows is that of the docks in their area, and of the menu; those at the bottom are tabs
    of one place, and the first of these is in front.

    ``make`` imports nothing heavy (:class:`explorer.ui.look.lazy_dock.LazyDock` waits until it is seen). ``action``:
    key of the action that brings it to the front, for one that does no more than that; ``actions``: rows of the action
    table that come with it. ``width`` and ``height`` are the default, in pixels, ``least_width`` is kept however narrow
    the window is, and ``readable`` is the height that it is given when it comes to the front (0: what there is).
    ``is_due``: whether the default layout shows it; without, it does.
    """

    name: str
    area: Qt.DockWidgetArea
    make: Callable[[Parts], DockPanel]
    title: str = ""
    action: str = ""
    actions: tuple[ActionRow, ...] = ()
    width: int = 0
    height: int = 0
    least_width: int = 0
    readable: int = 0
    is_due: Callable[[Parts], bool] | None = None


class Dock(QDockWidget):
    """One dock, whose title bar (the handle for dragging) is its panel's own, or nothing but the tab."""

    def __init__(self, window: QMainWindow, row: DockRow, panel: DockPanel) -> None:
        super().__init__(row.title or row.name.capitalize(), window)
        self.row = row
        self._window = window
        self.setObjectName(f"dock_{row.name}")
        panel.setMinimumWidth(row.least_width)
        self.setWidget(panel)
        self.setTitleBarWidget(panel.title or QWidget())
        panel.wanted.connect(self.reveal)
        panel.arrived.connect(self.show)
        panel.windowTitleChanged.connect(self.setWindowTitle)

    def reveal(self) -> None:
        """Bring the dock to the front of its tabs, high enough to be read."""
        self.show()
        self.raise_()
        if not self.isFloating() and self.height() < self.row.readable:
            self._window.resizeDocks([self], [self.row.readable], Qt.Orientation.Vertical)


class Docks(QObject):
    """The docks of ``window`` by name, in the order of their rows."""

    def __init__(self, window: QMainWindow, rows: Sequence[DockRow], parts: Parts) -> None:
        super().__init__(window)
        self._window = window
        self._parts = parts
        self._docks: dict[str, Dock] = {}
        for row in rows:
            dock = self._docks[row.name] = Dock(window, row, row.make(parts))
            window.addDockWidget(row.area, dock)
            if row.action:
                parts.actions.bind(row.action, dock.reveal)
        KeptWidths(window, [dock for dock in self._docks.values() if dock.row.width])

    def __getitem__(self, name: str) -> Dock:
        return self._docks[name]

    def values(self) -> list[Dock]:
        """All docks."""
        return list(self._docks.values())

    @property
    def key(self) -> str:
        """Which docks there are: a layout that was kept with others does not fit."""
        return " ".join(self._docks)

    def panel(self, kind: type[Panel]) -> Panel:
        """The one panel of this ``kind``."""
        (panel,) = (dock.widget() for dock in self._docks.values() if isinstance(dock.widget(), kind))
        assert isinstance(panel, kind)
        return panel

    def toggles(self) -> list[QAction]:
        """Show or hide each dock."""
        return [dock.toggleViewAction() for dock in self._docks.values()]

    def menu(self) -> QMenu:
        """The menu of all docks."""
        menu = QMenu("Panels", self._window)
        menu.addActions(self.toggles())
        return menu

    def reset(self) -> None:
        """Every dock where it belongs, in the default sizes."""
        for dock in self._docks.values():
            dock.setFloating(False)
            self._window.addDockWidget(dock.row.area, dock)
            dock.setVisible(dock.row.is_due is None or dock.row.is_due(self._parts))
        tabs = [dock for dock in self._docks.values() if dock.row.area == BOTTOM]
        for before, after in pairwise(tabs):
            self._window.tabifyDockWidget(before, after)
        for front in tabs[:1]:
            front.raise_()
        for direction, sizes in (
            (Qt.Orientation.Horizontal, {dock: dock.row.width for dock in self._docks.values() if dock.row.width}),
            (Qt.Orientation.Vertical, {dock: dock.row.height for dock in self._docks.values() if dock.row.height}),
        ):
            self._window.resizeDocks(list(sizes), list(sizes.values()), direction)


def first_size(available: QSize) -> QSize:
    """How large the first window is on a screen where so much is ``available``: its frame fits too."""
    return QSize(*FIRST_SIZE).boundedTo(available - QSize(*FRAME))


class KeptWidths(QObject):
    """Gives the side panels back the width that they had before the window was made narrow: Qt takes it from them, and
    gives all of what comes back to the canvas."""

    def __init__(self, window: QMainWindow, docks: Sequence[QDockWidget]) -> None:
        super().__init__(window)
        self._window = window
        self._docks = docks
        self._wanted: dict[QDockWidget, int] = {}
        self._settled = window.width()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._settle)
        for watched in (window, *self._docks):
            watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            if watched is self._window:
                self._timer.start(0)
            elif isinstance(watched, QDockWidget) and self._window.width() == self._settled:
                self._wanted[watched] = watched.width()  # by the user's hand, or by a reset: the window stayed as it is
        return False

    def _settle(self) -> None:
        narrowed = [
            dock
            for dock in self._docks
            if dock.isVisible() and not dock.isFloating() and dock.width() < self._wanted.get(dock, 0)
        ]
        if narrowed and self._window.width() >= self._settled:
            self._window.resizeDocks(narrowed, [self._wanted[dock] for dock in narrowed], Qt.Orientation.Horizontal)
        self._settled = self._window.width()
        for dock in self._docks:
            self._wanted.setdefault(dock, dock.width())  # as the window came
