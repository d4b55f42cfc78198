"""The table of methods: a column a measure, sortable; what is no better than chance is grey, the best is bold."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QFont, QPalette
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from explorer.scene.compare_text import heading, role_text
from explorer.scene.comparison import Column, CompareReport, MethodResult
from explorer.ui.comparison import text

METHOD = Qt.ItemDataRole.UserRole
KEY = Qt.ItemDataRole.UserRole + 1
NAME = 0


class _Row(QTreeWidgetItem):
    """Sorted by numbers; a row without one stands last, whichever way the column is sorted."""

    def __lt__(self, other: QTreeWidgetItem) -> bool:
        tree = self.treeWidget()
        column = tree.sortColumn() if tree is not None else NAME
        if column == NAME:
            return self.text(NAME).casefold() < other.text(NAME).casefold()
        mine, theirs = self.data(column, KEY), other.data(column, KEY)
        if mine is None or theirs is None:
            rising = tree is None or tree.header().sortIndicatorOrder() == Qt.SortOrder.AscendingOrder
            return (mine is not None) == rising if (mine is None) != (theirs is None) else False
        return bool(mine < theirs)


class ComparisonTable(QTreeWidget):
    """One row a method; ``picked`` carries the name of the method that was chosen."""

    picked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._report: CompareReport | None = None
        self._columns: tuple[Column, ...] = ()
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setUniformRowHeights(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setAccessibleName("Methods")
        header = self.header()
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)  # in the order of the report, until a title is clicked
        self.setSortingEnabled(True)
        header.setSectionsMovable(True)
        header.setStretchLastSection(False)
        header.setSortIndicatorClearable(True)
        self.setMinimumWidth(360)
        self.currentItemChanged.connect(self._on_current)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._report is not None:
            self.show_report(self._report)  # rows keep the colours that they were made in

    def show_report(self, report: CompareReport) -> None:
        """Fill the rows. Columns without a number in any row are left out."""
        chosen = self.method()
        self._report = report
        measured = [
            column
            for column in report.columns
            if any(
                row.columns.get(column.name) and row.columns[column.name].value is not None for row in report.methods
            )
        ]
        self._columns = (*measured, *(one for one in text.COSTS if one.name not in {c.name for c in measured}))
        sorting = self.sortColumn(), self.header().sortIndicatorOrder()
        self.setSortingEnabled(False)
        self.clear()
        # In two lines, so that a measure is no wider than its numbers need.
        self.setHeaderLabels(["Method", *map(_in_two_lines, self._columns)])
        for index, column in enumerate(self._columns, 1):
            self.headerItem().setToolTip(index, "\n".join([column.title, *text.column_lines(column)]))
            self.headerItem().setTextAlignment(index, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        best = {column.name: text.best(report, column) for column in self._columns}
        # What the numbers are read against stands on top, until a title is clicked: chance and the ceiling.
        rows = sorted(report.methods, key=lambda row: row.role == "method")
        for row in rows:
            item = self._add(row, best)
            if row.method == chosen:
                self.setCurrentItem(item)
        self.setSortingEnabled(True)
        self.header().setSortIndicator(*sorting)
        self.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        if self.currentItem() is None:
            roles = [row.role for row in rows]
            first = self.topLevelItem(roles.index("method") if "method" in roles else 0)
            if first is not None:
                self.setCurrentItem(first)

    def method(self) -> str:
        """The name of the chosen method, or an empty string."""
        item = self.currentItem()
        return str(item.data(NAME, METHOD)) if item else ""

    def rows(self) -> list[list[str]]:
        """What is read, row by row as they are sorted now."""
        items = [self.topLevelItem(index) for index in range(self.topLevelItemCount())]
        return [[item.text(column) for column in range(self.columnCount())] for item in items if item is not None]

    def _add(self, row: MethodResult, best: dict[str, set[str]]) -> QTreeWidgetItem:
        item = _Row(self)
        role = role_text(row)
        item.setText(NAME, f"{row.title}  ·  {role}" if role else row.title)
        item.setData(NAME, METHOD, row.method)
        item.setToolTip(NAME, text.row_tip(row))
        quiet = self.palette().brush(QPalette.ColorRole.PlaceholderText)
        if row.role != "method":
            font = QFont(self.font())
            font.setItalic(True)
            item.setFont(NAME, font)
            for index in range(len(self._columns) + 1):
                item.setBackground(index, self.palette().brush(QPalette.ColorRole.AlternateBase))
        if row.problem:
            item.setForeground(NAME, quiet)
        for index, column in enumerate(self._columns, 1):
            item.setText(index, text.cell(column, row))
            item.setData(index, KEY, text.sort_key(column, row))
            item.setToolTip(index, text.cell_tip(column, row))
            item.setTextAlignment(index, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if text.is_weak(column, row):
                item.setForeground(index, quiet)
            if row.method in best[column.name]:
                font = QFont(self.font())
                font.setBold(True)
                item.setFont(index, font)
        return item

    def _on_current(self, *_: object) -> None:
        if self.method():
            self.picked.emit(self.method())


def _in_two_lines(column: Column) -> str:
    """The column's heading, its first word above the others where it has several."""
    return heading(column).replace(" ", "\n", 1) if " " in column.title else heading(column)
