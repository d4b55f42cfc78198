"""Arrows that the observed rows suggest: asked for, and accepted or refused one by one."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from explorer.causal.suggested import TITLES, is_installed
from explorer.scene.causal_graph import Edge
from explorer.ui.causes import side_text
from explorer.ui.jobs.progress_line import ProgressLine
from explorer.ui.look.pages import scrolled
from explorer.ui.look.widgets import WrappedLabel, link_button


class SuggestionCard(QWidget):
    """``wanted``: arrows are to be looked for; ``accepted`` and ``refused``: one of them."""

    wanted = Signal()
    cancelled = Signal()
    accepted = Signal(str, str)
    refused = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.arrows: tuple[Edge, ...] = ()
        self.method = QComboBox()
        self.method.setAccessibleName("Method")
        for key, title in TITLES.items():
            self.method.addItem(title, key)
        self.button = QPushButton("Suggest arrows")
        self.progress = ProgressLine("Stop looking for arrows")
        self.note = WrappedLabel(side_text.SUGGESTING)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(0)
        self.is_ready = is_installed()
        if not self.is_ready:
            self.note.setText(side_text.NOT_INSTALLED)
        self.button.setEnabled(self.is_ready)
        self.method.setEnabled(self.is_ready)
        row = QHBoxLayout()
        row.addWidget(self.method)
        row.addWidget(self.button)
        row.addWidget(self.progress, 1)
        row.addStretch(1)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.note)
        column.addLayout(self._rows)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(8, 8, 8, 4)
        outer.addLayout(row)
        outer.addWidget(scrolled(inside), 1)
        self.button.clicked.connect(self.wanted)
        self.progress.cancelled.connect(self.cancelled)

    @property
    def chosen_method(self) -> str:
        """Its name in requests."""
        return str(self.method.currentData())

    def show_state(self, arrows: tuple[Edge, ...], note: str, progress: tuple[float, float] | None) -> None:
        """The suggested ``arrows``, each with its two buttons; ``note``: how they came about, or why there are none."""
        self.progress.show_progress(progress)
        self.button.setVisible(progress is None)
        if self.is_ready:
            self.note.setText(note or side_text.SUGGESTING)
        if arrows == self.arrows:
            return
        self.arrows = arrows
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for arrow in arrows:
            self._rows.addWidget(self._row(arrow))

    def _row(self, arrow: Edge) -> QWidget:
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QLabel(" → ".join(arrow)), 1)
        accept = link_button("Accept", "Draw it: mechanisms are fitted anew")
        refuse = link_button("Refuse", "Take it away; it is not suggested again")
        accept.clicked.connect(lambda: self.accepted.emit(*arrow))
        refuse.clicked.connect(lambda: self.refused.emit(*arrow))
        row.addWidget(accept)
        row.addWidget(refuse)
        return made
