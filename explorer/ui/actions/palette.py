"""The command palette: type a few letters, press Enter. Lists what it is given: actions, models, methods, controls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QGraphicsDropShadowEffect,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from explorer.ui.actions.fuzzy import rank
from explorer.ui.look import theme

WIDTH = 560
ROWS = 12
_ENTRY = int(Qt.ItemDataRole.UserRole)
_MATCHED = _ENTRY + 1


@dataclass(frozen=True)
class PaletteEntry:
    """One line: what it says, of which kind it is, the shortcut that does the same, and what it does."""

    text: str
    run: Callable[[], object]
    kind: str = ""
    shortcut: str = ""


class _Row(QStyledItemDelegate):
    """Draws the text with its matched letters in bold, the kind and the shortcut in grey at the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(0, QFontMetrics(option.font).height() + 12)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        entry: PaletteEntry = index.data(_ENTRY)
        matched: tuple[int, ...] = index.data(_MATCHED)
        palette: QPalette = option.palette
        area: QRect = option.rect
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        if chosen:
            painter.fillRect(area, palette.color(QPalette.ColorRole.Highlight))
        plain = palette.color(QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Text)
        dim = QColor(plain)
        dim.setAlphaF(0.62)
        area = area.adjusted(12, 0, -12, 0)
        font = QFont(option.font)
        metrics = QFontMetrics(font)

        right = "   ".join(part for part in (entry.kind, entry.shortcut) if part)
        painter.setFont(font)
        painter.setPen(dim)
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, right)

        room = area.width() - metrics.horizontalAdvance(right) - 16
        text = metrics.elidedText(entry.text, Qt.TextElideMode.ElideRight, room)
        bold = QFont(font)
        bold.setBold(True)
        x = area.left()
        painter.setPen(plain)
        baseline = area.top() + (area.height() + metrics.ascent() - metrics.descent()) // 2
        for start, end, is_match in _runs(text, frozenset(matched)):
            painter.setFont(bold if is_match else font)
            painter.drawText(x, baseline, text[start:end])
            x += QFontMetrics(painter.font()).horizontalAdvance(text[start:end])
        painter.restore()


def _runs(text: str, matched: frozenset[int]) -> list[tuple[int, int, bool]]:
    """``text`` cut into stretches of matched and of other letters."""
    runs: list[tuple[int, int, bool]] = []
    for position in range(len(text)):
        hit = position in matched
        if runs and runs[-1][2] == hit:
            runs[-1] = (runs[-1][0], position + 1, hit)
        else:
            runs.append((position, position + 1, hit))
    return runs


class CommandPalette(QFrame):
    """Lies over ``window`` while it is open. ``collect`` is asked for the entries each time: they are never stale."""

    def __init__(self, window: QWidget, collect: Callable[[], Sequence[PaletteEntry]]) -> None:
        super().__init__(window)
        self._over = window
        self.setObjectName("palette")
        shadow = QGraphicsDropShadowEffect(self)
        shadow.setBlurRadius(28)
        shadow.setOffset(0, 6)
        shadow.setColor(QColor(0, 0, 0, 110))
        self.setGraphicsEffect(shadow)
        self._collect = collect
        self._entries: Sequence[PaletteEntry] = ()
        self._before: QWidget | None = None  # had the focus, and gets it back

        self.field = QLineEdit(self)
        self.field.setPlaceholderText("Type what you want to do: an action, a model, a method, a control…")
        self.field.setAccessibleName("Command")
        self.field.textChanged.connect(self._filter)
        self.field.installEventFilter(self)
        self.list = QListWidget(self)
        self.list.setItemDelegate(_Row(self.list))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(self._run_item)
        self.nothing = QLabel("Nothing matches. Fewer letters find more.", self)
        self.nothing.setContentsMargins(12, 8, 12, 8)
        self.nothing.setForegroundRole(QPalette.ColorRole.PlaceholderText)

        self._layout = layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        layout.addWidget(self.field)
        layout.addWidget(self.list)
        layout.addWidget(self.nothing)
        window.installEventFilter(self)
        self.hide()

    def open(self, text: str = "") -> None:
        """Show it, with the entries of this moment; opening it again closes it."""
        if self.isVisible():
            self.close_again()
            return
        self._before = self.window().focusWidget()
        self._entries = tuple(self._collect())
        self.field.setText(text)
        self._filter(text)
        self._place()
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def close_again(self) -> None:
        """Hide it and give the focus back."""
        if not self.isVisible():
            return
        had_focus = self.field.hasFocus()
        self.hide()
        self._entries = ()
        self.list.clear()
        if had_focus and self._before is not None:
            self._before.setFocus(Qt.FocusReason.OtherFocusReason)
        self._before = None

    def paintEvent(self, event: QPaintEvent) -> None:
        colors = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.color(colors.line))
        painter.setBrush(theme.color(colors.panel))
        painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 8, 8)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.field and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._key(event)
        if watched is self.field and event.type() == QEvent.Type.FocusOut and self.isVisible():
            self.close_again()
        elif watched is self._over and event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return False

    def _key(self, event: QKeyEvent) -> bool:
        key = Qt.Key(event.key())
        moves = {
            Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: ROWS - 1, Qt.Key.Key_PageUp: 1 - ROWS,
        }  # fmt: skip
        if key in moves and self.list.count():
            row = self.list.currentRow() + moves[key]
            # One step past an end comes out at the other; a page stops there.
            row = row % self.list.count() if abs(moves[key]) == 1 else min(max(row, 0), self.list.count() - 1)
            self.list.setCurrentRow(row)
            return True
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            item = self.list.currentItem()
            if item is not None:
                self._run_item(item)
            return True
        if key == Qt.Key.Key_Escape:
            self.close_again()
            return True
        return False

    def _run_item(self, item: QListWidgetItem) -> None:
        entry: PaletteEntry = item.data(_ENTRY)
        self.close_again()  # before the action, which may open something itself
        entry.run()

    def _filter(self, text: str) -> None:
        self.list.clear()
        for index, matched in rank(text, [entry.text for entry in self._entries]):
            item = QListWidgetItem(self._entries[index].text)
            item.setData(_ENTRY, self._entries[index])
            item.setData(_MATCHED, matched)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self.nothing.setVisible(not self.list.count())
        self.list.setVisible(bool(self.list.count()))
        self._place()

    def _place(self) -> None:
        over = self._over
        width = min(WIDTH, over.width() - 24)
        row = self.list.sizeHintForRow(0) if self.list.count() else 0
        self.list.setFixedHeight(min(ROWS, self.list.count(), max(1, (over.height() - 120) // max(row, 1))) * row + 2)
        self._layout.activate()
        self.setGeometry((over.width() - width) // 2, 56, width, self.sizeHint().height())
