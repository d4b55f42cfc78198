"""Where the panels are when nobody has moved them."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget

LEFT, RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
BOTTOM = Qt.DockWidgetArea.BottomDockWidgetArea
PLACES = {
    "models": LEFT,
    "bookmarks": LEFT,
    "controls": RIGHT,
    "timeline": BOTTOM,
    "comparison": BOTTOM,
    "label": BOTTOM,
    "measures": BOTTOM,
    "jobs": BOTTOM,
}
WIDTHS = {"models": 220, "controls": 390}
LEAST = {"controls": 320, "canvas": 270}  # a name, a slider and its amount beside each other; a picture
HEIGHTS = {"models": 330, "bookmarks": 270, "timeline": 170}
TABLE_HEIGHT = 290  # a table of measures and a heat map can be read from here on
LABEL_HEIGHT = 330  # a sample is large enough to be judged


def dock(window: QMainWindow, name: str, panel: QWidget, title: QWidget | None) -> QDockWidget:
    """``panel`` in a dock whose title bar (the handle for dragging) is its own ``title``, or nothing but the tab."""
    made = QDockWidget(name.capitalize(), window)
    made.setObjectName(f"dock_{name}")
    panel.setMinimumWidth(LEAST.get(name, 0))
    made.setWidget(panel)
    made.setTitleBarWidget(title or QWidget())
    window.addDockWidget(PLACES[name], made)
    return made


def reset(window: QMainWindow, docks: Mapping[str, QDockWidget], has_jobs: bool) -> None:
    """Every dock where it belongs, in the default sizes. The jobs panel comes by itself with the first job."""
    for name, area in PLACES.items():
        docks[name].setFloating(False)
        window.addDockWidget(area, docks[name])
        docks[name].setVisible(name != "jobs" or has_jobs)
    window.tabifyDockWidget(docks["timeline"], docks["comparison"])
    window.tabifyDockWidget(docks["comparison"], docks["label"])
    window.tabifyDockWidget(docks["label"], docks["measures"])
    window.tabifyDockWidget(docks["measures"], docks["jobs"])
    docks["timeline"].raise_()
    for sizes, direction in ((WIDTHS, Qt.Orientation.Horizontal), (HEIGHTS, Qt.Orientation.Vertical)):
        window.resizeDocks([docks[name] for name in sizes], list(sizes.values()), direction)


class KeptWidths(QObject):
    """Gives the side panels back the width that they had before the window was made narrow: Qt takes it from them, and
    gives all of what comes back to the canvas."""

    def __init__(self, window: QMainWindow, docks: Mapping[str, QDockWidget]) -> None:
        super().__init__(window)
        self._window = window
        self._docks = [docks[name] for name in WIDTHS]
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


def reveal(window: QMainWindow, dock: QDockWidget, height: int) -> None:
    """Bring ``dock`` to the front of its tabs, at least ``height`` pixels high."""
    dock.show()
    dock.raise_()
    if not dock.isFloating() and dock.height() < height:
        window.resizeDocks([dock], [height], Qt.Orientation.Vertical)
