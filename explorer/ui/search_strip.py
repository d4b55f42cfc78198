"""What stands above the sliders while a method is searching: how far it is, how long it takes, a way to stop it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from explorer.ui.job_list import Job
from explorer.ui.jobs_panel import duration
from explorer.ui.widgets import ElidedLabel, link_button


class SearchStrip(QWidget):
    """Shows one search; hidden while there is none."""

    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = ElidedLabel()
        self.text.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.cancel = link_button("Cancel", "Stop the search; asked for again, it goes on from here")
        above = QHBoxLayout()
        above.setContentsMargins(0, 0, 0, 0)
        above.addWidget(self.text, 1)
        above.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 2, 8, 4)
        layout.setSpacing(3)
        layout.addLayout(above)
        layout.addWidget(self.bar)
        self.cancel.clicked.connect(self.cancelled)
        self.setVisible(False)

    def show_search(self, title: str, job: Job | None) -> None:
        """``title`` is at work; ``job``: how far it is, if that is known."""
        said = job.title if job is not None and job.title.startswith("Waiting") else "Searching…"
        if job is not None and job.share > 0:
            left = duration(job.remaining)
            said = f"{said} {job.share:.0%}{f', {left} left' if left else ''}"
        self.text.setText(said)  # which method it is stands above, in the list of methods
        self.text.setToolTip(f"{title}: {said}")
        self.bar.setValue(round(1000 * job.share) if job is not None else 0)
        self.setVisible(True)
