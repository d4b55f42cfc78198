"""Why no family opens a file, one line each, and the way to open it as one of them all the same."""

from __future__ import annotations

from functools import partial
from pathlib import PurePath

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from explorer.scene.cards import FamilyVerdict, FileUse
from explorer.scene.model import ModelRef
from explorer.ui.look.pages import scrolled
from explorer.ui.look.widgets import WrappedLabel, link_button, literal
from explorer.ui.state.controller import Controller

WIDTH = 560
MOST_HEIGHT = 380  # of the reasons: more of them are scrolled, so that the dialog fits a small screen
# fmt: off
USES: dict[str, tuple[str, str, bool]] = {
    "scene": ("Open {name} as a scene", "Show what was saved or exported in it", False),
    "controls": ("Use {name} as controls…", "Import it as sliders of the selected pane", True),
    "attributes": ("Read attributes with {name}", "Let it say what the pictures of this model show (Effects)", True),
    "model": ("Open {name} instead", "Open the model that it is a part of, or that lies in it", False),
}
# fmt: on
"""Kind of use → what the button says, what its tip says, and whether it needs a model that is open."""


class RefusalDialog(QDialog):
    """The reasons of every family. A user who knows better may override what the program says."""

    used = Signal(object)  # FileUse: the file is to be used so instead

    def __init__(
        self,
        controller: Controller,
        model: ModelRef,
        sentence: str,
        reasons: tuple[FamilyVerdict, ...],
        parent: QWidget | None = None,
        use: FileUse | None = None,
    ) -> None:
        """``use``: what the file is good for instead."""
        super().__init__(parent)
        self._controller = controller
        self._model = model
        self.setWindowTitle("Why this model does not open")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 18, 22, 14)
        layout.setSpacing(12)
        what = WrappedLabel(sentence)
        what.setMinimumWidth(WIDTH)
        layout.addWidget(what)
        self.use: QPushButton | None = None
        if use is not None:
            text, tip, needs_model = USES[use.kind]
            self.use = QPushButton(literal(text.format(name=PurePath(use.path).name)))
            self.use.setEnabled(controller.has_model or not needs_model)
            self.use.setToolTip(tip if self.use.isEnabled() else "Open a model first")
            self.use.setDefault(True)
            self.use.clicked.connect(partial(self._use_it, use))
            layout.addWidget(self.use, 0, Qt.AlignmentFlag.AlignLeft)
        page = QWidget()
        table = QGridLayout(page)
        table.setContentsMargins(0, 0, 8, 0)
        table.setHorizontalSpacing(14)
        table.setVerticalSpacing(8)
        table.setColumnStretch(1, 1)
        self.buttons: list[QToolButton] = []
        for row, verdict in enumerate(reasons):
            name = QLabel(verdict.title)
            why = WrappedLabel(verdict.reason)
            why.setAlignment(Qt.AlignmentFlag.AlignTop)
            why.setForegroundRole(self.palette().ColorRole.PlaceholderText)
            row_widgets: list[QWidget] = [name, why]
            if verdict.family:
                button = link_button("Open as this", f"Read the file as {verdict.title}, whatever it looks like")
                button.setObjectName(verdict.family)
                button.clicked.connect(self._open_as)
                self.buttons.append(button)
                row_widgets.append(button)
            for column, widget in enumerate(row_widgets):
                table.addWidget(widget, row, column, Qt.AlignmentFlag.AlignTop if column != 1 else Qt.AlignmentFlag(0))
        area = scrolled(page)
        area.setMinimumHeight(min(page.sizeHint().height(), MOST_HEIGHT))
        layout.addWidget(area, 1)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.reject)
        layout.addWidget(close)

    def _use_it(self, use: FileUse) -> None:
        self.accept()
        self.used.emit(use)

    def _open_as(self) -> None:
        sender = self.sender()
        if sender is not None:
            self._controller.open_model(self._model.path, sender.objectName())
        self.accept()
