"""The status line: whether the engine is up, and the truth about speed and memory."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from PySide6.QtCore import QPoint, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QStatusBar, QVBoxLayout, QWidget

from explorer.service.replies import EngineLost, Ready
from explorer.ui.look import theme
from explorer.ui.look.widgets import ElidedLabel, WrappedLabel, link_button
from explorer.ui.state.controller import Controller
from explorer.ui.state.pace import P95_FROM, Sample, apportioned, percentile

REFRESH_MS = 500
PARTS = (
    ("waited", "Waited for the engine", "the engine was busy with an earlier picture"),
    ("forward", "Forward pass", "the generator itself"),
    ("convert", "Convert", "to 8 bit on the device, and off it"),
    ("beside", "Beside it", "moving the point, and what the engine drew at the same time"),
    ("copy", "Copy", "out of shared memory"),
    ("paint", "Paint", "scaling and drawing in the window"),
    ("rest", "The rest", "messages between the processes, and the window's own work"),
)

UNSTEADY = (
    "The finished picture is noised a little, eight times, and cleaned by the model again. How differently\n"
    "it does so is compared with pictures that it drew by itself, with the same sampler and steps.\n"
    "High where a picture lies between what the model knows; whether a picture is right it does not say."
)


class Dot(QWidget):
    """Green: ready. Amber: on its way. Red: stopped."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = "starting"
        self.setFixedSize(QSize(14, 14))

    def set_state(self, state: str) -> None:
        """``ready``, ``starting`` or ``stopped``."""
        self._state = state
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        colors = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        tint = {"ready": colors.green, "stopped": colors.red}.get(self._state, colors.amber)
        painter.setBrush(theme.color(tint))
        painter.drawEllipse(3, 3, 8, 8)


class WhySlow(QFrame):
    """A popover with the parts of the way from the hand to the screen: means, which add up as medians do not."""

    def __init__(self, samples: Sequence[Sample], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 12)
        if not samples:
            layout.addWidget(QLabel("No picture yet: move a slider, then look again."))
            return
        means = [statistics.fmean(getattr(sample, key) for sample in samples) for key, _, _ in PARTS]
        shown = apportioned(means)
        again = sum(sample.forward == 0 for sample in samples)
        title = QLabel(
            f"Event → screen: {sum(shown):.1f} ms, mean of {_pictures(len(samples))}"
            + (f", {again} of them drawn before" if again else "")
        )
        title.setFont(theme.caption_font(self.font()))
        layout.addWidget(title)
        table = QGridLayout()
        table.setHorizontalSpacing(14)
        largest = PARTS[means.index(max(means))][0]
        for row, (key, name, meaning) in enumerate(PARTS):
            label = QLabel(name)
            value = QLabel(f"{shown[row]:.1f} ms")
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            hint = QLabel(meaning)
            hint.setForegroundRole(self.palette().ColorRole.PlaceholderText)
            if key == largest:
                bold = label.font()
                bold.setBold(True)
                label.setFont(bold)
                value.setFont(bold)
            for column, widget in enumerate((label, value, hint)):
                table.addWidget(widget, row, column)
        layout.addLayout(table)
        note = WrappedLabel(_advice(largest))
        note.setForegroundRole(self.palette().ColorRole.PlaceholderText)
        layout.addWidget(note)


def _advice(largest: str) -> str:
    return {
        "waited": "The generator is slower than the hand: states in between were skipped, the newest is shown.",
        "forward": "Most of the time goes into the generator. Fewer panes, fewer steps or a faster device help.",
        "convert": "Most of the time goes into leaving the device; a smaller picture helps.",
        "beside": "Most of the time goes into what the engine does beside this picture: other panes, mostly.",
        "copy": "Most of the time goes into copying; a smaller picture helps.",
        "paint": "Most of the time goes into drawing; a smaller window, or View › Show pixels, helps.",
        "rest": "Most of the time goes into neither; other programs may be using the processor.",
    }[largest]


class StatusLine(QStatusBar):
    """Figures of the last pictures, refreshed twice a second while something changes."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._own_memory = 0
        self.setSizeGripEnabled(False)
        self.setContentsMargins(0, 0, 10, 0)
        self.dot = Dot()
        self.state = QLabel("engine starting…")
        self._opening = ""  # the name of the model that is being loaded
        self.stop = link_button("Cancel", "Give up the model that is being loaded; everything stays as it is")
        self.stop.clicked.connect(controller.opening.cancel)
        self.stop.hide()
        self.figures = ElidedLabel()
        self.figures.setToolTip(
            "Pictures a second while they come · median and 95th percentile from the event to the painted picture · "
            "median forward pass of those that were not drawn before"
        )
        self.unsteady = QLabel()
        self.unsteady.setToolTip(UNSTEADY)
        self.unsteady.hide()
        self.why = link_button("Why slow?", "Where the time goes, part by part")
        self.machine = QLabel()
        self.machine.setToolTip("Device and precision · memory of the window and of the engine process")
        muted = self.palette().ColorRole.PlaceholderText
        self.figures.setForegroundRole(muted)
        self.machine.setForegroundRole(muted)
        left = QWidget()
        layout = QHBoxLayout(left)
        layout.setContentsMargins(8, 0, 0, 0)
        layout.setSpacing(6)
        for widget in (self.dot, self.state, self.stop, self.unsteady):
            layout.addWidget(widget)
        layout.addWidget(self.figures, 1)
        self.addWidget(left, 1)
        self.addPermanentWidget(self.why)
        self.addPermanentWidget(self.machine)
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        self._timer.start()
        self.why.clicked.connect(self._explain)
        controller.engine_ready.connect(self._on_ready)
        controller.engine_lost.connect(self._on_lost)
        controller.engine_starting.connect(self._on_starting)
        controller.opening.changed.connect(self._on_opening)
        controller.opening.progressed.connect(self._on_progress)
        controller.changed.connect(self._on_changed)
        controller.unsteady.changed.connect(self._on_unsteady)

    def refresh(self) -> None:
        """Show the figures of now."""
        if not self.isVisible():
            return
        self._set(self.figures, "   ".join(self._figures()))
        self._set(self.machine, self._machine())

    def _figures(self) -> list[str]:
        """What is true of the pictures of now; nothing before the first of these models."""
        feed = self._controller.feed
        samples = feed.pace.newest()
        if not samples:
            return []
        totals = [sample.total for sample in samples]
        slowest = f" (p95 {percentile(totals, 0.95):.0f})" if len(samples) >= P95_FROM else ""
        parts = [f"event → screen {percentile(totals, 0.5):.1f} ms{slowest}"]
        if rate := feed.pace.frames_per_second():
            parts.insert(0, f"{rate:.0f} fps" if rate >= 10 else f"{rate:.1f} fps")
        if rendered := [sample.forward for sample in samples if sample.forward > 0]:
            parts.append(f"render {percentile(rendered, 0.5):.1f} ms")
        if len(feed) > 1:
            batch = max((picture.frame.batch for picture in feed.pictures() if picture.frame), default=0)
            parts.append(f"{len(feed)} panes" + (f", batch {batch}" if batch else ""))
        parts.append(f"last {_pictures(len(samples))}")
        return parts

    def _machine(self) -> str:
        engine = self._controller.engine
        frames = [picture.frame for picture in self._controller.feed.pictures() if picture.frame]
        parts = [f"{engine.device} · {engine.precision}"] if engine else []
        memory = f"window {_bytes(own_memory())}"
        if frames and engine:
            newest = max(frames, key=lambda frame: frame.revision)
            memory += f", engine {_bytes(newest.engine_memory)}"
            if newest.device_memory:
                memory += f", device {_bytes(newest.device_memory)}"
        return " · ".join([*parts, memory])

    def _set(self, label: QLabel, text: str) -> None:
        # Setting the same text would still lay the bar out again.
        if label.text() != text:
            label.setText(text)

    def _explain(self) -> None:
        popover = WhySlow(self._controller.feed.pace.newest(), self)
        popover.adjustSize()
        corner = self.why.mapToGlobal(QPoint(self.why.width(), 0))
        popover.move(corner - QPoint(popover.width(), popover.height() + 6))
        popover.show()

    def _on_changed(self, *_: object) -> None:
        if not self._controller.feed.samples:
            self.refresh()  # what was true of another model goes at once

    def _on_ready(self, ready: Ready) -> None:
        self._on_opening(self._opening)
        self.refresh()

    def _on_opening(self, name: str) -> None:
        if self._controller.engine is not None:
            self.dot.set_state("starting" if name else "ready")
            self.state.setText(f"opening {name}…" if name else "engine ready")
        self._opening = name
        self.stop.setVisible(bool(name))

    def _on_unsteady(self) -> None:
        text = self._controller.unsteady.text
        self._set(self.unsteady, text)
        self.unsteady.setVisible(bool(text))
        self.unsteady.setToolTip(self._controller.unsteady.problem or UNSTEADY)

    def _on_progress(self, share: float) -> None:
        if self._opening:
            self._set(self.state, f"opening {self._opening}… {share:.0%}")

    def _on_lost(self, lost: EngineLost) -> None:
        if lost.restarting:
            self._on_starting()
            return
        self.dot.set_state("stopped")
        self.state.setText("engine stopped")

    def _on_starting(self) -> None:
        self.dot.set_state("starting")
        self.state.setText("engine restarting…")


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"


def own_memory() -> int:
    """Resident bytes of the window's process."""
    import psutil  # here, so that the window does not wait for it

    return int(psutil.Process().memory_info().rss)


def _bytes(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
