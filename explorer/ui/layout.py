"""Where the panels are when nobody has moved them."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
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
HEIGHTS = {"models": 330, "bookmarks": 270, "timeline": 170}
TABLE_HEIGHT = 290  # a table of measures and a heat map can be read from here on
LABEL_HEIGHT = 330  # a sample is large enough to be judged


def dock(window: QMainWindow, name: str, panel: QWidget, title: QWidget | None) -> QDockWidget:
    """``panel`` in a dock whose title bar (the handle for dragging) is its own ``title``, or nothing but the tab."""
    made = QDockWidget(name.capitalize(), window)
    made.setObjectName(f"dock_{name}")
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


def reveal(window: QMainWindow, dock: QDockWidget, height: int) -> None:
    """Bring ``dock`` to the front of its tabs, at least ``height`` pixels high."""
    dock.show()
    dock.raise_()
    if not dock.isFloating() and dock.height() < height:
        window.resizeDocks([dock], [height], Qt.Orientation.Vertical)
