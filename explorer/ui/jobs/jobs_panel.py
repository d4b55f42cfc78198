"""The jobs panel: long work with progress, time left, and a way to stop it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QScrollArea, QVBoxLayout, QWidget

from explorer.ui.look.dock_panel import DockPanel
from explorer.ui.look.widgets import ElidedLabel, SectionTitle, WrappedLabel, link_button
from explorer.ui.state.controller import Controller
from explorer.ui.state.job_list import Job


def duration(seconds: float) -> str:
    """``42 s``, ``3 min 5 s``, ``2 h 10 min``; empty while unknown (negative)."""
    if seconds < 0:
        return ""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class JobRow(QWidget):
    """One job."""

    def __init__(self, job: Job, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._job = job
        self._controller = controller
        self.title = ElidedLabel()
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.state = ElidedLabel()
        self.state.setForegroundRole(self.palette().ColorRole.PlaceholderText)
        self.button = link_button("Cancel")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 3, 10, 3)
        layout.setSpacing(12)
        layout.addWidget(self.title, 4)
        layout.addWidget(self.bar, 4)
        layout.addWidget(self.state, 4)
        layout.addWidget(self.button)
        kept = self.button.sizePolicy()
        kept.setRetainSizeWhenHidden(True)  # the columns of all rows stand below one another
        self.button.setSizePolicy(kept)
        self.button.setMinimumWidth(self.button.fontMetrics().horizontalAdvance("Show file") + 12)
        self.button.clicked.connect(self._act)
        self.show_job(job)

    def show_job(self, job: Job) -> None:
        """Bring the row in line with ``job``."""
        self._job = job
        self.title.setText(job.title)
        self.title.setToolTip(job.path or job.title)
        self.bar.setValue(round(job.share * 1000))
        policy = self.bar.sizePolicy()
        policy.setRetainSizeWhenHidden(job.state != "failed")  # a failure needs the room for its sentence
        self.bar.setSizePolicy(policy)
        self.bar.setVisible(job.state == "running")
        left = duration(job.remaining)
        text = {
            "running": f"{job.share:.0%}" + (f", {left} left" if left else ""),
            "done": "Done",
            "stopped": job.sentence or ("Cancelled; nothing was left behind" if job.path else "Cancelled"),
            "failed": job.sentence,
        }[job.state]
        self.state.setText(text)
        self.state.setToolTip(text)
        self.button.setText("Cancel" if job.state == "running" else "Show file")
        self.button.setVisible(job.state == "running" or (job.state == "done" and bool(job.path)))

    def _act(self) -> None:
        if self._job.state == "running":
            self._controller.jobs.cancel(self._job.request_id)
        else:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(self._job.path).parent)))


class JobsPanel(DockPanel):
    """All jobs of the session."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._rows: dict[int, JobRow] = {}
        self._had_jobs = False
        self.clear = link_button("Clear finished")
        self.empty = WrappedLabel("Nothing is running. Exports and searches for controls are listed here.")
        self.empty.setForegroundRole(self.palette().ColorRole.PlaceholderText)
        self.empty.setContentsMargins(10, 4, 10, 4)
        inner = QWidget()
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self.empty)
        self._column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.title = SectionTitle("Jobs", self.clear)
        layout.addWidget(self.title)
        layout.addWidget(scroll, 1)
        self.clear.clicked.connect(controller.jobs.clear_finished)
        controller.jobs.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Bring the rows in line with the list."""
        jobs = {job.request_id: job for job in self._controller.jobs.jobs()}
        for number in [number for number in self._rows if number not in jobs]:
            row = self._rows.pop(number)
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        for number, job in jobs.items():
            if number in self._rows:
                self._rows[number].show_job(job)
            else:
                self._rows[number] = JobRow(job, self._controller)
                self._column.insertWidget(0, self._rows[number])
        self.empty.setVisible(not jobs)
        self.clear.setVisible(any(job.state != "running" for job in jobs.values()))
        if jobs and not self._had_jobs:
            self._had_jobs = True
            self.arrived.emit()
        running = len(self._controller.jobs.running())
        self.setWindowTitle(f"Jobs ({running})" if running else "Jobs")
