"""Strips over the canvas that say one sentence each, and can be dismissed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from explorer.ui.actions.actions import ActionTable
from explorer.ui.look import icons, theme
from explorer.ui.look.widgets import link_button
from explorer.ui.state.notice import Notice

STAYS_MS = 7000  # for what needs no answer; others as their kind says
AT_MOST = 3


class Toast(QWidget):
    """One sentence, its action if it has one, and a cross."""

    dismissed = Signal(object)  # itself
    explained = Signal(object)  # its notice, whose reasons are asked for

    def __init__(self, notice: Notice, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.notice = notice
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 8, 8, 8)
        layout.setSpacing(10)
        self.sign = QLabel()
        self.sentence = QLabel(notice.sentence)
        self.sentence.setWordWrap(True)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addWidget(self.sign, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.sentence, 1, Qt.AlignmentFlag.AlignVCenter)
        if notice.action and notice.action in actions:
            button = QToolButton()
            button.setProperty("link", True)
            button.setDefaultAction(actions[notice.action])
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
            button.clicked.connect(self._dismiss)
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        if notice.reasons:
            why = link_button("Why?", "What each kind of model says about this file")
            why.clicked.connect(self._explain)
            layout.addWidget(why, 0, Qt.AlignmentFlag.AlignTop)
        self.cross = QToolButton()
        self.cross.setToolTip("Dismiss")
        self.cross.setAccessibleName("Dismiss")
        self.cross.clicked.connect(self._dismiss)
        layout.addWidget(self.cross, 0, Qt.AlignmentFlag.AlignTop)
        self.setAccessibleName(notice.sentence)
        self.refresh_icons()
        if notice.kind == "info":
            self._timer = QTimer(self)
            self._timer.setSingleShot(True)
            self._timer.timeout.connect(self._dismiss)
            self._timer.start(STAYS_MS)

    def refresh_icons(self) -> None:
        """Draw sign and cross in the colours of now."""
        name = "info" if self.notice.kind == "info" else "warning"
        self.sign.setPixmap(icons.pixmap(name, self._tint(), 18, self.devicePixelRatioF()))
        self.cross.setIcon(icons.icon("close"))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "cross"):
            self.refresh_icons()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color(self._tint()), 1.2))
        painter.setBrush(theme.color(theme.current().panel))
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), 7, 7)

    def _tint(self) -> str:
        colors = theme.current()
        tints = {"info": colors.accent, "refusal": colors.amber, "warning": colors.amber, "error": colors.red}
        return tints[self.notice.kind]

    def _explain(self) -> None:
        self.explained.emit(self.notice)

    def _dismiss(self) -> None:
        self.dismissed.emit(self)


class ToastArea(QWidget):
    """Lies over the top of its parent and is as high as the strips in it; nothing below is moved or blocked."""

    explained = Signal(object)  # the notice whose reasons are asked for

    def __init__(self, over: QWidget, actions: ActionTable) -> None:
        super().__init__(over)
        self._over = over
        self._actions = actions
        self._toasts: list[Toast] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(16, 12, 16, 0)
        self._column.setSpacing(8)
        over.installEventFilter(self)
        if isinstance(over, QStackedWidget):
            over.currentChanged.connect(self.raise_)  # which is put on top of all
        self.hide()

    def say(self, notice: Notice) -> Toast:
        """Show ``notice`` above the others, where there is room for it however low the window is; a sentence that is
        already there is not said twice, one refusal replaces another, and so does one model that was refused."""
        for toast in self._toasts:
            if toast.notice.sentence == notice.sentence:
                return toast
        if notice.kind == "refusal":
            self.forget_refusals()
        if notice.refused is not None:
            self.forget_refused_models()
        toast = Toast(notice, self._actions)
        toast.dismissed.connect(self.dismiss)
        toast.explained.connect(self.explained)
        self._toasts.append(toast)
        self._column.insertWidget(0, toast)
        toast.show()  # now, for a hidden one takes no room in the layout
        while len(self._toasts) > AT_MOST:
            self.dismiss(self._toasts[0])
        self._place()
        return toast

    def forget_refusals(self) -> None:
        """Take away what was refused."""
        for toast in [toast for toast in self._toasts if toast.notice.kind == "refusal"]:
            self.dismiss(toast)

    def forget_refused_models(self) -> None:
        """Take away which model could not be opened: another was tried, or something was made of the file."""
        for toast in [toast for toast in self._toasts if toast.notice.refused is not None]:
            self.dismiss(toast)

    def dismiss(self, toast: Toast) -> None:
        """Take one strip away."""
        if toast in self._toasts:
            self._toasts.remove(toast)
            self._column.removeWidget(toast)
            toast.hide()
            toast.deleteLater()
        self._place()

    def sentences(self) -> list[str]:
        """What is being said now."""
        return [toast.notice.sentence for toast in self._toasts]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self._place()
        return False

    def _place(self) -> None:
        self.setVisible(bool(self._toasts))
        if not self._toasts:
            return
        width = min(self._over.width(), 720)
        self._column.invalidate()
        height = self._column.totalHeightForWidth(width)
        self.setGeometry((self._over.width() - width) // 2, 0, width, height)
        self.raise_()
