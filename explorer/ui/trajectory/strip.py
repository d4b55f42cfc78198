"""The pictures that a sampler predicts, side by side over its steps, and over them the window of one slider."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from explorer.scene.trajectory import Trajectory
from explorer.scene.trajectory_text import percent
from explorer.ui.look import theme
from explorer.ui.trajectory.handle import WIDTH, Handle

GAP = 6  # pixels between two pictures
LEAST, LARGEST = 36, 112  # pixels of a picture's height
EDGE = WIDTH // 2 + 1  # beside the steps, so that a handle at their end is seen whole
OUTSIDE = 0.6  # how much is seen of the pictures of steps in which the slider does not act
OLDER = 0.3  # and of those of an older state


class Strip(QWidget):
    """Shows a trajectory and a window of steps that it is given, and says what the hand wants; it changes nothing."""

    window_chosen = Signal(int, int, bool)  # first step, the one past the last, whether the drag goes on
    end_moved = Signal(object)  # the handle that keys move, or reach

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._trajectory: Trajectory | None = None
        self._images: dict[int, QImage] = {}
        self._steps: tuple[int, int] | None = None
        self._wanted: tuple[int, int] | None = None  # while a hand holds a handle
        self._is_older = False
        self.first, self.last = Handle("First step", self), Handle("Last step", self)
        for handle, is_last in ((self.first, False), (self.last, True)):
            handle.dragged.connect(self._dragged_last if is_last else self._dragged_first)
            handle.stepped.connect(self._stepped_last if is_last else self._stepped_first)
            handle.jumped.connect(self._jumped_last if is_last else self._jumped_first)
            handle.released.connect(self._released)
            handle.reached.connect(self._reached)
        self._arrange()

    # --- what it shows ---

    def show_trajectory(self, trajectory: Trajectory | None) -> None:
        """Show the pictures of ``trajectory``."""
        if trajectory is not self._trajectory:
            self._trajectory = trajectory
            self._images = {} if trajectory is None else _images(trajectory)
            self._arrange()

    def show_window(self, steps: tuple[int, int] | None) -> None:
        """Show that a slider acts in the steps first .. past - 1; None: there is no slider, and no handles."""
        self._steps = steps
        self._arrange()

    def show_older(self, is_older: bool) -> None:
        """Whether the pictures are of an older state than the canvas."""
        if is_older != self._is_older:
            self._is_older = is_older
            self.update()

    @property
    def count(self) -> int:
        """Of steps."""
        return len(self._trajectory.noises) if self._trajectory is not None else 0

    def picture_size(self) -> QSize:
        """Of one small picture, in this height."""
        height = min(max(self.height() - self._text_height() - 4, LEAST), LARGEST)
        seen = self._trajectory
        return QSize(max(1, round(height * seen.width / seen.height)) if seen is not None else height, height)

    def fitting(self, width: int) -> int:
        """How many pictures fit side by side into ``width`` pixels."""
        return max(2, (width - 2 * EDGE) // (self.picture_size().width() + GAP))

    def full_width(self) -> int:
        """Pixels that all pictures need side by side."""
        return self.count * (self.picture_size().width() + GAP) + 2 * EDGE

    def edge(self, index: float) -> float:
        """Where step ``index`` begins, in pixels."""
        return EDGE + index * (self.width() - 2 * EDGE) / max(1, self.count)

    def minimumSizeHint(self) -> QSize:
        return QSize(2 * (LEAST + GAP) + 2 * EDGE, LEAST + self._text_height() + 4)

    def sizeHint(self) -> QSize:
        return QSize(640, LARGEST + self._text_height() + 4)

    # --- painting ---

    def paintEvent(self, event: QPaintEvent) -> None:
        seen, colors, size = self._trajectory, theme.current(), self.picture_size()
        if seen is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        begin, end = self._steps or (0, self.count)
        if self._steps is not None and end > begin:
            band = QRectF(self.edge(begin), 0, self.edge(end) - self.edge(begin), size.height() + 4)
            painter.fillRect(band, theme.color(colors.accent, 0.22))
        for middle, index in self._chosen():
            left = middle - size.width() / 2
            acts = begin <= index < end
            painter.setOpacity(OLDER if self._is_older else 1.0 if acts else OUTSIDE)
            painter.drawImage(QRectF(left, 2, size.width(), size.height()), self._images[index])
            painter.setOpacity(1.0)
            painter.setPen(theme.color(colors.text if acts and not self._is_older else colors.muted))
            room = QRectF(left - GAP / 2, size.height() + 5, size.width() + GAP, self._text_height())
            lines = f"{index + 1}\n{percent(seen.noises[index])}"
            painter.drawText(room, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, lines)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _chosen(self) -> list[tuple[float, int]]:
        """Middles of pictures, in pixels, and their steps: all that there are, or where they have no room every second
        one, or third. Each stands in the middle of its part of all steps, which is within its own step."""
        there = sorted(self._images)
        every = -(-len(there) // self.fitting(self.width()))
        parts = range((every - 1) // 2, len(there), max(1, every))
        return [(self.edge((part + 0.5) / len(there) * self.count), there[part]) for part in parts]

    def _text_height(self) -> int:
        return 2 * self.fontMetrics().lineSpacing() + 2

    def _arrange(self) -> None:
        """The handles, where the window is."""
        steps = self._steps if self.count else None
        for handle in (self.first, self.last):
            handle.setVisible(steps is not None)
        if steps is not None:
            height = self.picture_size().height() + 4
            self.first.place(self.edge(steps[0]), height)
            self.last.place(self.edge(steps[1]), height)
        self.update()

    # --- what the hand does ---

    def _step_at(self, x: float) -> int:
        return round((x - EDGE) / max(1.0, self.width() - 2 * EDGE) * self.count)

    def _dragged_first(self, x: float) -> None:
        self._choose(first=self._step_at(x), goes_on=True)

    def _dragged_last(self, x: float) -> None:
        self._choose(past=self._step_at(x), goes_on=True)

    def _stepped_first(self, steps: int) -> None:
        self._choose(first=self._now()[0] + steps, goes_on=True)

    def _stepped_last(self, steps: int) -> None:
        self._choose(past=self._now()[1] + steps, goes_on=True)

    def _jumped_first(self, to_the_end: bool) -> None:
        self._choose(first=self._now()[1] - 1 if to_the_end else 0, goes_on=False)

    def _jumped_last(self, to_the_end: bool) -> None:
        self._choose(past=self.count if to_the_end else self._now()[0] + 1, goes_on=False)

    def _now(self) -> tuple[int, int]:
        return self._wanted or self._steps or (0, self.count)

    def _choose(self, first: int | None = None, past: int | None = None, goes_on: bool = False) -> None:
        """Move one end; the other stays, and there is always a step between them."""
        begin, end = self._now()
        if first is not None:
            begin = min(max(first, 0), max(end, 1) - 1)
        if past is not None:
            end = max(min(past, self.count), begin + 1)
        chosen = begin, max(end, begin + 1)
        if chosen != self._now():
            self._wanted = chosen if goes_on else None
            self.window_chosen.emit(*chosen, goes_on)
            self._reached()

    def _reached(self) -> None:
        for handle in (self.first, self.last):
            if handle.hasFocus() and not handle.is_held:
                self.end_moved.emit(handle)

    def _released(self) -> None:
        if self._wanted is not None:
            chosen, self._wanted = self._wanted, None
            self.window_chosen.emit(*chosen, False)


def _images(trajectory: Trajectory) -> dict[int, QImage]:
    """Step → its picture."""
    size = trajectory.width, trajectory.height
    return {
        step: QImage(rows, *size, 3 * trajectory.width, QImage.Format.Format_RGB888).copy()
        for step, rows in zip(trajectory.shown, trajectory.pictures, strict=True)
    }
