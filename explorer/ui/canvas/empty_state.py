"""What the canvas says before there is a picture: what to do first, or what it waits for."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from explorer.ui.actions.actions import ActionTable
from explorer.ui.look import icons, theme
from explorer.ui.look.widgets import WrappedLabel, action_button


class EmptyState(QWidget):
    """A picture's place without a picture."""

    def __init__(self, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAutoFillBackground(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # it keeps the keys for the canvas that takes its place
        self.setBackgroundRole(self.palette().ColorRole.Shadow)
        self.logo = QLabel()
        self.title = QLabel("Open a model")
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 1.5)
        font.setBold(True)
        self.title.setFont(font)
        self.title.setForegroundRole(self.palette().ColorRole.WindowText)
        self.sentence = WrappedLabel()
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.sentence.setForegroundRole(self.palette().ColorRole.PlaceholderText)
        self.sentence.setMinimumWidth(140)
        self.sentence.setMaximumWidth(380)
        self.button = action_button(actions["open_model"], primary=True, with_icon=False)
        self.folder = action_button(actions["open_folder"], with_icon=False)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addStretch(1)
        middle = QHBoxLayout()  # the sentence takes what width there is, up to its most
        middle.addStretch(1)
        middle.addWidget(self.sentence, 1000)
        middle.addStretch(1)
        for widget in (self.logo, self.title, middle, self.button, self.folder):
            if isinstance(widget, QHBoxLayout):
                layout.addLayout(widget)
            else:
                layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(1)
        self.refresh_icons()
        self.invite()

    def invite(self) -> None:
        """There is nothing to wait for: say what to do."""
        self.title.setText("Open a model")
        self.sentence.setText(
            "Drop a checkpoint or a model folder here, or choose one from the list at the left. "
            "GANs, VAEs and diffusion pipelines are recognised by themselves."
        )
        self.button.show()
        self.folder.show()

    def wait(self, title: str, sentence: str) -> None:
        """Something is on its way."""
        self.title.setText(title)
        self.sentence.setText(sentence)
        self.button.hide()
        self.folder.hide()

    def refresh_icons(self) -> None:
        """Draw the logo in the colours of now."""
        self.logo.setPixmap(icons.pixmap("logo", theme.current().accent, 56, self.devicePixelRatioF()))
