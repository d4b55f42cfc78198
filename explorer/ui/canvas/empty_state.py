"""What the canvas says before there is a picture: what to do first, or what it waits for."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QToolButton, QVBoxLayout, QWidget

from explorer.ui.actions.actions import ActionTable
from explorer.ui.look import icons, theme
from explorer.ui.look.widgets import WrappedLabel, action_button, link_button, literal
from explorer.ui.state.known_models import KnownModel


class EmptyState(QWidget):
    """A picture's place without a picture."""

    chosen = Signal(str)  # the path of a model that was opened before

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
        self.recent = QVBoxLayout()
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(240, 8)
        self.stop = action_button(actions["stop_opening"], with_icon=False)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addStretch(1)
        middle = QHBoxLayout()  # the sentence takes what width there is, up to its most
        middle.addStretch(1)
        middle.addWidget(self.sentence, 1000)
        middle.addStretch(1)
        for widget in (self.logo, self.title, middle, self.bar, self.stop, self.button, self.folder, self.recent):
            if isinstance(widget, QHBoxLayout | QVBoxLayout):
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
        self._wait(False)

    def wait(self, title: str, sentence: str) -> None:
        """Something is on its way."""
        self.title.setText(title)
        self.sentence.setText(sentence)
        self._wait(True)

    def show_share(self, share: float) -> None:
        """How much of the model is loaded, 0..1."""
        self.bar.setValue(round(share * 1000))

    def hide_share(self) -> None:
        """What is waited for cannot be cancelled, and says nothing of how far it is."""
        for widget in (self.bar, self.stop):
            widget.hide()

    def offer(self, models: list[KnownModel]) -> None:
        """Offer to open ``models`` again; one that is missing stands there greyed, with the reason."""
        for old in self.recent_buttons():
            self.recent.removeWidget(old)
            old.hide()
            old.deleteLater()
        for model in models:
            button = link_button(literal(model.name), model.tip)
            button.setEnabled(not model.problem)
            button.setProperty("path", model.path)
            button.clicked.connect(self._on_recent)
            self.recent.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
            button.setVisible(self.button.isVisibleTo(self))

    def recent_buttons(self) -> list[QToolButton]:
        """The models that are offered again."""
        items = [self.recent.itemAt(index) for index in range(self.recent.count())]
        widgets = [item.widget() for item in items if item is not None]
        return [widget for widget in widgets if isinstance(widget, QToolButton)]

    def _wait(self, waits: bool) -> None:
        for widget in (self.bar, self.stop):
            widget.setVisible(waits)
        for button in (self.button, self.folder, *self.recent_buttons()):
            button.setVisible(not waits)

    def _on_recent(self) -> None:
        sender = self.sender()
        if sender is not None:
            self.chosen.emit(sender.property("path"))

    def refresh_icons(self) -> None:
        """Draw the logo in the colours of now."""
        self.logo.setPixmap(icons.pixmap("logo", theme.current().accent, 56, self.devicePixelRatioF()))
