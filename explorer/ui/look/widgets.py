"""Small widgets that several panels share: section titles, link buttons, segments, elided labels."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from explorer.ui.look import theme


def field_caption(text: str, parent: QWidget | None = None) -> QLabel:
    """What stands beside a field, in the colour of what is no content."""
    label = QLabel(text, parent)
    label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return label


class Scrolled(QScrollArea):
    """``content`` at its own size where there is room, and scrolled up and down where there is not."""

    def __init__(self, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._content = content
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def sizeHint(self) -> QSize:
        """That of the content, and of a scroll bar beside it."""
        own = self._content.sizeHint()
        return QSize(own.width() + self.verticalScrollBar().sizeHint().width(), own.height())

    def minimumSizeHint(self) -> QSize:
        """As wide as the content, and a few rows high."""
        return QSize(self.sizeHint().width(), min(self.sizeHint().height(), 4 * self.fontMetrics().height()))


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


def accept_row(dialog: QDialog, text: str) -> tuple[QDialogButtonBox, QPushButton]:
    """The last row of a dialog, Cancel and a default button that says ``text`` and accepts, and that button."""
    row = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, parent=dialog)
    go = QPushButton(text)
    go.setDefault(True)
    row.addButton(go, QDialogButtonBox.ButtonRole.AcceptRole)
    row.accepted.connect(dialog.accept)
    row.rejected.connect(dialog.reject)
    return row, go


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

    def set_text(self, text: str) -> None:
        """Be called ``text`` from now on."""
        self._label.setText(text)

    def text(self) -> str:
        """What the panel is called."""
        return self._label.text()

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


def literal(text: str) -> str:
    """``text`` as a button, a menu or the title of a dock shows it: '&' is no key of the keyboard."""
    return text.replace("&", "&&")


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


class WrappedLabel(QLabel):
    """A label of several lines whose height follows its width inside layouts; as high as ``least`` lines at least."""

    def __init__(self, text: str = "", parent: QWidget | None = None, least: int = 0) -> None:
        super().__init__(text, parent)
        self._least = least
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setMinimumHeight(0)  # or the text of before would count
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        least = self._least * self.fontMetrics().lineSpacing()
        self.setMinimumHeight(max(least, self.heightForWidth(self.width())))  # -1 for an empty text
