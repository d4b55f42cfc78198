"""What stands above the sliders while a method is searching: how far it is, how long it takes, a way to stop it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from explorer.ui.jobs.jobs_panel import duration
from explorer.ui.look.widgets import ElidedLabel, link_button
from explorer.ui.state.controller import Controller
from explorer.ui.state.job_list import Job


class SearchStrip(QWidget):
    """Shows the search for the selected pane's controls; hidden while there is none."""

    toggled = Signal()  # it has appeared, or gone

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
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
        self.cancel.clicked.connect(self._cancel)
        self.setVisible(False)
        controller.jobs.changed.connect(self.refresh)

    def refresh(self) -> None:
        """Show the search of now, once it is under way for long enough to be listed among the jobs."""
        number = self._number()
        job = next((one for one in self._controller.jobs.running() if one.request_id == number), None)
        if job is not None:
            self._show(job)
        if self.isHidden() == (job is not None):
            self.setVisible(job is not None)
            self.toggled.emit()

    def _number(self) -> int | None:
        """The number of the search for the selected pane's controls."""
        controller = self._controller
        scene = controller.scene
        controls = scene.panes[scene.selected].controls
        return controller.catalogue.search(scene.model_of(), controls) if controller.has_model else None

    def _cancel(self) -> None:
        if (number := self._number()) is not None:
            self._controller.jobs.cancel(number)

    def _show(self, job: Job) -> None:
        scene = self._controller.scene
        title = self._controller.catalogue.method_title(scene.panes[scene.selected].controls.method)
        said = "Waiting for another search…" if job.title.startswith("Waiting") else "Searching…"
        if job.share > 0:
            left = duration(job.remaining)
            said = f"{said} {job.share:.0%}{f', {left} left' if left else ''}"
        self.text.setText(said)  # which method it is stands above, in the list of methods
        self.text.setToolTip(f"{title}: {said}")
        self.bar.setValue(round(1000 * job.share))
