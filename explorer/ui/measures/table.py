"""The table of measures: value with a bar, chance level beside it, and the same after a pair was turned."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from explorer.scene.measure_text import GROUPS, figure
from explorer.scene.measures import MeasureReport, Score
from explorer.ui.look import theme
from explorer.ui.measures import text

SCORE = Qt.ItemDataRole.UserRole
MEASURE, BEFORE, AFTER, CHANCE = range(4)
NUMBER_WIDTH = 50
NAME_WIDTH = 150  # of the measures' names, at least, where bars are drawn
LEAST_NAME_WIDTH = 100
ROW_HEIGHT = 22
INDENTATION = 14  # where measures have baselines under them
CHANCE_TITLE = "Chance, 95 %"
CHANCE_HELP = (
    "What the same estimator gives of permuted data: the mean, and the 95th percentile of the draws. Another number "
    "that stands here is named. What else a measure is held against is under it."
)
CHANCE_BEFORE = "\nBefore the turn; the tool tip of the other column has that after it."


class _ValueDelegate(QStyledItemDelegate):
    """The number, and a bar from 0 to 1 where the score is bounded; what chance gives is grey in it."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().paint(painter, option, index)
        score = index.data(SCORE)
        if not isinstance(score, Score):
            return
        colors = theme.current()
        weak = text.is_weak(score) or index.parent().isValid()  # a baseline is not the model's
        rect = QRectF(option.rect)
        painter.save()
        painter.setPen(theme.color(colors.muted if weak else colors.text))
        place = QRectF(rect.left(), rect.top(), NUMBER_WIDTH, rect.height())
        painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, figure(score.value))
        room = rect.right() - place.right() - 16
        if score.value is not None and text.is_bounded(score) and room > 24:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            groove = QRectF(place.right() + 8, rect.center().y() - 2.5, room, 6)
            for share, color in (
                (1.0, theme.color(colors.track, 0.55)),
                (score.value, theme.color(colors.muted if weak else colors.accent, 0.6 if weak else 1.0)),
            ):
                painter.setBrush(color)
                width = groove.width() * min(max(share, 0.0), 1.0)
                painter.drawRoundedRect(QRectF(groove.left(), groove.top(), width, groove.height()), 2, 2)
            if score.null_high is not None:  # where chance ends
                painter.setBrush(theme.color(colors.text, 0.8))
                edge = groove.left() + groove.width() * min(max(score.null_high, 0.0), 1.0)
                painter.drawRect(QRectF(edge - 0.5, groove.top() - 2, 1.2, groove.height() + 4))
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(NUMBER_WIDTH + 60, ROW_HEIGHT)


class MeasuresTable(QTreeWidget):
    """One row a score, in groups."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple[MeasureReport, MeasureReport | None] | None = None
        self.setColumnCount(4)
        self.setUniformRowHeights(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names that begin alike end differently
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setItemDelegate(_ValueDelegate(self))
        self.setAccessibleName("Measures")
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionsMovable(False)
        header.setMinimumSectionSize(40)
        header.setSectionResizeMode(MEASURE, QHeaderView.ResizeMode.Stretch)
        for column in (BEFORE, AFTER, CHANCE):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
        self.setMinimumWidth(300)
        self._share_width()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._shown is not None:
            self.show_reports(*self._shown)  # rows keep the colours that they were made in

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_width()

    def show_reports(self, report: MeasureReport, turned: MeasureReport | None = None) -> None:
        """Fill the rows from ``report``, and a second column of values from ``turned``."""
        current = self.currentItem()
        chosen = current.data(MEASURE, SCORE) if current else None
        self._shown = (report, turned)
        scrolled = self.verticalScrollBar().value()
        opened = self._opened()
        self.clear()
        angle = f"{turned.rotation.degrees:g}°".replace("-", "−") if turned and turned.rotation else ""
        self.setHeaderLabels(["Measure", "Before" if turned else "Value", f"After {angle}".strip(), CHANCE_TITLE])
        self.headerItem().setToolTip(CHANCE, CHANCE_HELP + (CHANCE_BEFORE if turned else ""))
        self.setColumnHidden(AFTER, turned is None)
        opens = any(score.baselines for score in report.metrics.values())
        self.setRootIsDecorated(opens)
        self.setIndentation(INDENTATION if opens else 0)
        self._share_width()
        for group, title in GROUPS.items():
            rows = {name: score for name, score in report.metrics.items() if score.group == group}
            if not rows:
                continue
            self._add_title(title)
            for name, score in rows.items():
                item = self._add_row(name, score, turned.metrics.get(name) if turned else None)
                item.setExpanded(name in opened)
                if name == chosen:
                    self.setCurrentItem(item)
        self.verticalScrollBar().setValue(scrolled)

    def rows(self) -> dict[str, tuple[str, str, str, str]]:
        """What is read in each row: name of the score → the texts of its four columns, as they are painted."""
        found = {}
        for index in range(self.topLevelItemCount()):
            item = self.topLevelItem(index)
            if item is not None and (name := item.data(MEASURE, SCORE)) is not None:
                scores = [item.data(column, SCORE) for column in (BEFORE, AFTER)]
                values = ["" if score is None else figure(score.value) for score in scores]
                found[name] = (item.text(MEASURE), values[0], values[1], item.text(CHANCE))
        return found

    def _share_width(self) -> None:
        """Names before bars: where there is little room, the columns of values hold the number alone, and where there
        is less still, the chance levels are left to the tool tips."""
        wide = self.fontMetrics().horizontalAdvance
        shown = self._shown[0].metrics.values() if self._shown else ()
        chance = max(map(wide, ("0.000, 0.000", CHANCE_TITLE, *map(text.chance_figures, shown)))) + 16
        least = {BEFORE: NUMBER_WIDTH + 14}
        if not self.isColumnHidden(AFTER):
            least[AFTER] = max(NUMBER_WIDTH + 14, wide(self.headerItem().text(AFTER)) + 16)
        width = self.viewport().width()
        self.setColumnHidden(CHANCE, width - chance - sum(least.values()) < LEAST_NAME_WIDTH)
        room = (width - (0 if self.isColumnHidden(CHANCE) else chance) - NAME_WIDTH) // len(least)
        for column, needed in least.items():
            self.header().resizeSection(column, min(124, max(needed, room)))
        self.header().resizeSection(CHANCE, chance)

    def _add_title(self, title: str) -> None:
        item = QTreeWidgetItem(self, [title])
        item.setFirstColumnSpanned(True)
        item.setFlags(Qt.ItemFlag.ItemIsEnabled)
        item.setFont(MEASURE, theme.caption_font(self.font()))
        item.setForeground(MEASURE, self.palette().brush(QPalette.ColorRole.PlaceholderText))

    def _add_row(self, name: str, score: Score, turned: Score | None) -> QTreeWidgetItem:
        item = QTreeWidgetItem(self)
        item.setData(MEASURE, SCORE, name)
        item.setText(MEASURE, f"{score.title or name} {text.ARROWS[score.better]}".strip())
        item.setText(CHANCE, text.chance_figures(score))
        item.setForeground(CHANCE, self.palette().brush(QPalette.ColorRole.PlaceholderText))
        if text.is_weak(score):
            item.setForeground(MEASURE, self.palette().brush(QPalette.ColorRole.PlaceholderText))
        item.setData(BEFORE, SCORE, score)
        for column in (MEASURE, BEFORE, CHANCE):
            item.setToolTip(column, text.tool_tip(name, score))
        item.setData(BEFORE, Qt.ItemDataRole.AccessibleTextRole, figure(score.value))
        if turned is not None:
            item.setData(AFTER, SCORE, turned)
            item.setToolTip(AFTER, text.tool_tip(name, turned))
            item.setData(AFTER, Qt.ItemDataRole.AccessibleTextRole, figure(turned.value))
        for baseline, value in score.baselines.items():
            self._add_baseline(item, score, baseline, value, turned.baselines.get(baseline) if turned else None)
        return item

    def _add_baseline(
        self, item: QTreeWidgetItem, score: Score, name: str, value: float | None, turned: float | None
    ) -> None:
        """One of what a measure is held against, under it."""
        row = QTreeWidgetItem(item, [name])
        row.setForeground(MEASURE, self.palette().brush(QPalette.ColorRole.PlaceholderText))
        row.setToolTip(MEASURE, name)
        for column, number in ((BEFORE, value), (AFTER, turned)):
            row.setData(column, SCORE, Score(value=number, group=score.group))
            row.setData(column, Qt.ItemDataRole.AccessibleTextRole, figure(number))

    def _opened(self) -> set[str]:
        """The measures whose baselines are shown."""
        items = (self.topLevelItem(index) for index in range(self.topLevelItemCount()))
        return {str(item.data(MEASURE, SCORE)) for item in items if item is not None and item.isExpanded()}
