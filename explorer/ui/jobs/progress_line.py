"""How far a piece of work is, in the header of a panel: a bar, the share and what is left, a way to stop it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from explorer.ui.jobs.jobs_panel import duration
from explorer.ui.look.widgets import ElidedLabel, link_button

LEAST_BAR = 40  # pixels


class ProgressLine(QWidget):
    """Hidden while nothing is under way."""

    cancelled = Signal()

    def __init__(self, stopping: str, parent: QWidget | None = None) -> None:
        """``stopping``: what the tool tip says of stopping."""
        super().__init__(parent)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.bar.setMinimumWidth(LEAST_BAR)
        self.bar.setMaximumWidth(120)
        self.left = ElidedLabel()
        self.left.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.cancel = link_button("Cancel", stopping)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.bar, 1)
        layout.addWidget(self.left, 2)
        layout.addWidget(self.cancel)
        self.cancel.clicked.connect(self.cancelled)
        self.setVisible(False)

    def show_progress(self, progress: tuple[float, float] | None, title: str = "") -> None:
        """The share 0..1 and the seconds left (negative: unknown) of what is under way, which ``title`` names; None
        when nothing is."""
        self.setVisible(progress is not None)
        if progress is None:
            return
        share, remaining = progress
        self.bar.setValue(round(share * 1000))
        left = duration(remaining)
        said = ", ".join(part for part in (title, f"{share:.0%}", f"{left} left" if left else "") if part)
        self.left.setText(said)
        self.left.setToolTip(said)
