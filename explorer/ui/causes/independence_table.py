"""The independences that the drawn graph implies, against the observed rows."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QBrush
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from explorer.causal.independences import IndependenceTest, Verdict, p_text
from explorer.causal.model_report import GraphCheck
from explorer.scene.number_text import number_text
from explorer.ui.look import theme
from explorer.ui.look.widgets import WrappedLabel

HEADS = ("Independent", "Partial correlation", "p", "")
TIPS = (
    "What the graph says: the first and the second are independent, given those after the bar",
    "With its 95 % interval; it sees linear dependence only",
    "Rejects with many rows what is small: look at the size",
    "holds: the interval lies within ±0.1; broken: beyond; open: the rows do not tell",
)


class IndependenceTable(QWidget):
    """``picked``: the pair of the chosen row, or empty names for none."""

    picked = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tests: tuple[IndependenceTest, ...] = ()
        self.tree = QTreeWidget()
        self.tree.setHeaderLabels(list(HEADS))
        self.tree.setRootIsDecorated(False)
        self.tree.setUniformRowHeights(True)
        self.tree.setAllColumnsShowFocus(True)
        self.tree.setAccessibleName("Implied independences")
        for column, tip in enumerate(TIPS):
            self.tree.headerItem().setToolTip(column, tip)
        header = self.tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2, 3):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.summary = WrappedLabel()
        self.summary.setContentsMargins(8, 2, 8, 6)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tree, 1)
        layout.addWidget(self.summary)
        self.tree.currentItemChanged.connect(self._pick)

    def show_check(self, check: GraphCheck | None, otherwise: str) -> None:
        """The rows of the table; ``otherwise``: what is said where there are none yet."""
        self.summary.setText(check.summary if check is not None else otherwise)
        tests = check.tests if check is not None else ()
        if tests == self.tests:
            return
        self.tests = tests
        self.tree.clear()
        for test in tests:
            self.tree.addTopLevelItem(_item(test))

    def choose_none(self) -> None:
        """No pair is pointed at."""
        self.tree.clearSelection()
        self.tree.setCurrentIndex(QModelIndex())

    def paint_anew(self) -> None:
        """The theme is another."""
        for row, test in enumerate(self.tests):
            _colour(self.tree.topLevelItem(row), test.verdict)

    def _pick(self, item: QTreeWidgetItem | None) -> None:
        place = self.tree.indexOfTopLevelItem(item) if item is not None else -1
        claim = self.tests[place].independence if 0 <= place < len(self.tests) else None
        self.picked.emit(claim.first if claim else "", claim.last if claim else "")


def _item(test: IndependenceTest) -> QTreeWidgetItem:
    size = f"{number_text(test.correlation, 2)} ({number_text(test.low, 2)} to {number_text(test.high, 2)})"
    item = QTreeWidgetItem([test.independence.text, size, p_text(test.p), test.verdict])
    item.setToolTip(0, test.independence.text)
    for column in (1, 2):
        item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    _colour(item, test.verdict)
    return item


def _colour(item: QTreeWidgetItem | None, verdict: Verdict) -> None:
    colors = theme.current()
    if item is not None:
        color = {"holds": colors.green, "broken": colors.red, "open": colors.amber}[verdict]
        item.setForeground(3, QBrush(theme.color(color)))
