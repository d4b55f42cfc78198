"""Small widgets that several panels share: section titles, link buttons, a seed box, elided labels."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QPainter, QPaintEvent, QResizeEvent, QValidator
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from explorer.scene.edit_text import minus
from explorer.ui.look import theme


def link_button(text: str, tool_tip: str = "", parent: QWidget | None = None) -> QToolButton:
    """A button that looks like a link, for the one action of a section."""
    button = QToolButton(parent)
    button.setProperty("link", True)
    button.setText(text)
    button.setToolTip(tool_tip)
    button.setCursor(Qt.CursorShape.PointingHandCursor)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def action_button(action: QAction, with_icon: bool = True, primary: bool = False) -> QToolButton:
    """A tool bar button for an action of the table."""
    button = QToolButton()
    button.setDefaultAction(action)
    button.setProperty("primary", primary)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setToolButtonStyle(
        Qt.ToolButtonStyle.ToolButtonTextBesideIcon if with_icon else Qt.ToolButtonStyle.ToolButtonTextOnly
    )
    return button


class SectionTitle(QWidget):
    """The title of a panel: small capitals at the left, its one action at the right."""

    def __init__(self, text: str, action: QWidget | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 6, 8, 4)
        self._label = QLabel(text)
        self._label.setFont(theme.caption_font(self.font()))
        self._label.setForegroundRole(self.palette().ColorRole.PlaceholderText)
        layout.addWidget(self._label)
        layout.addStretch(1)
        if action is not None:
            layout.addWidget(action)

    def sizeHint(self) -> QSize:
        return super().sizeHint().expandedTo(QSize(0, 32))


class Segments(QWidget):
    """One of a few choices, side by side; arrow keys go from one to the next."""

    chosen = Signal(str)  # the key, when the user changed it

    def __init__(self, choices: Mapping[str, str], tool_tip: str = "", parent: QWidget | None = None) -> None:
        """``choices``: key → what its button says."""
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.buttons: dict[str, QToolButton] = {}
        for key, text in choices.items():
            button = QToolButton()
            button.setText(text)
            button.setCheckable(True)
            button.setAutoExclusive(True)
            button.setProperty("segment", True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setToolTip(tool_tip)
            button.setChecked(not self.buttons)
            button.clicked.connect(self._on_clicked)
            self.buttons[key] = button
            layout.addWidget(button)
        self._value = next(iter(choices))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @property
    def value(self) -> str:
        """The key of the choice."""
        return self._value

    def set_value(self, key: str) -> None:
        """Choose ``key`` without a signal."""
        self._value = key
        self.buttons[key].setChecked(True)

    def _on_clicked(self) -> None:
        value = next(key for key, button in self.buttons.items() if button.isChecked())
        if value != self._value:
            self._value = value
            self.chosen.emit(value)


class ElidedLabel(QLabel):
    """A label that shortens its text with … instead of asking for more room; the tool tip has the whole text."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(24)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), self.alignment() | Qt.AlignmentFlag.AlignVCenter, text)


class NumberBox(QDoubleSpinBox):
    """A number field that leaves undo and redo to the window, unless something is being typed into it. It writes the
    minus sign as captions do, and takes a hyphen for one."""

    def textFromValue(self, value: float) -> str:
        return minus(super().textFromValue(value or 0.0))  # no −0.00

    def valueFromText(self, text: str) -> float:
        return super().valueFromText(text.replace("−", "-"))

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        state, _, position = super().validate(text.replace("−", "-"), position)
        return state, text, position

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            wanted = event.matches(QKeySequence.StandardKey.Undo) or event.matches(QKeySequence.StandardKey.Redo)
            if wanted and not self.lineEdit().isModified():
                event.ignore()
                return False
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.lineEdit().setModified(False)


class SeedBox(NumberBox):
    """A whole number in 0 .. 2**32 - 1. (QSpinBox ends at 2**31 - 1.)"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDecimals(0)
        self.setRange(0, 2**32 - 1)
        self.setKeyboardTracking(False)
        self.setGroupSeparatorShown(False)
        self.setAccelerated(True)

    @property
    def seed(self) -> int:
        return int(self.value())

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        # The base class would accept a decimal separator here and there; a seed is digits only.
        if text and not (text.isascii() and text.isdigit()):
            return (QValidator.State.Invalid, text, position)
        return super().validate(text, position)

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance("4294967295") + 44, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance("000000") + 44, super().minimumSizeHint().height())


class WrappedLabel(QLabel):
    """A label of several lines whose height follows its width inside layouts."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.setMinimumHeight(max(0, self.heightForWidth(self.width())))  # -1 for an empty text
