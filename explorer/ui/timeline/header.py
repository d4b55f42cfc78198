"""The row above the tracks: play, time, duration, frame rate, repeat, interpolation, and the button for a keyframe."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QEvent, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QToolButton, QWidget

from explorer.scene.model import Timeline
from explorer.scene.validate import FASTEST_FPS, LONGEST_TIMELINE
from explorer.ui.look import icons, theme
from explorer.ui.look.numbers import DecimalField, WholeField

Loop = Literal["once", "loop", "ping_pong"]
Between = Literal["smooth", "lerp"]
LOOPS: tuple[tuple[Loop, str], ...] = (("once", "Once"), ("loop", "Loop"), ("ping_pong", "Ping-pong"))
KINDS: tuple[tuple[Between, str], ...] = (("smooth", "Smooth"), ("lerp", "Straight"))

PARKED = "The picture is as the sliders are set, which is no time of the timeline. Move the playhead to see one."


class TimelineHeader(QWidget):
    """Shows a timeline's timing and says what the user wants of it."""

    play_clicked = Signal()
    key_clicked = Signal()
    duration_changed = Signal(float)
    fps_changed = Signal(int)
    loop_chosen = Signal(str)  # once | loop | ping_pong
    between_chosen = Signal(str)  # smooth | lerp, for every slider

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._playing = False
        self._build()
        self.play.clicked.connect(self.play_clicked)
        self.key.clicked.connect(self.key_clicked)
        self.duration.valueChanged.connect(self.duration_changed.emit)
        self.fps.valueChanged.connect(self.fps_changed.emit)
        self.loop.activated.connect(self._choose_loop)
        self.between.activated.connect(self._choose_between)

    def show_timeline(self, timeline: Timeline) -> None:
        """Bring the fields in line with ``timeline``."""
        with QSignalBlocker(self.duration), QSignalBlocker(self.fps):
            self.duration.setValue(timeline.duration)
            self.fps.setValue(timeline.fps)
        self.loop.setCurrentIndex([loop for loop, _ in LOOPS].index(timeline.loop))
        kinds = {track.interpolation for track in timeline.amounts}
        known = [kind for kind, _ in KINDS]
        self.between.setCurrentIndex(-1 if len(kinds) > 1 else known.index(kinds.pop()) if kinds else 0)
        self.between.setEnabled(bool(timeline.amounts))

    def show_time(self, time: float, parked: bool = False) -> None:
        """Where the playhead stands; ``parked``: the picture is of no time, but as the sliders are set."""
        self.time.setText("as set" if parked else f"{time:.2f} s")
        self.time.setToolTip(PARKED if parked else "Where the playhead stands")

    def show_playing(self, playing: bool) -> None:
        """Offer to pause, or to play."""
        self._playing = playing
        self.play.setIcon(icons.icon("pause" if playing else "play"))
        self.play.setToolTip("Pause  (Space)" if playing else "Play the timeline  (Space)")

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "key"):
            self.key.setIcon(icons.icon("key"))
            self.show_playing(self._playing)

    def _choose_loop(self, index: int) -> None:
        self.loop_chosen.emit(LOOPS[index][0])

    def _choose_between(self, index: int) -> None:
        self.between_chosen.emit(KINDS[index][0])

    def _build(self) -> None:
        title = QLabel("Timeline", self)
        title.setFont(theme.caption_font(title.font()))
        title.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.play = QToolButton(self)
        self.play.setAccessibleName("Play or pause")
        self.time = QLabel(self)
        self.time.setMinimumWidth(self.time.fontMetrics().horizontalAdvance("000.00 s"))
        self.duration = DecimalField(0.1, LONGEST_TIMELINE, decimals=2, step=0.5, suffix=" s", parent=self)
        self.duration.setAccessibleName("Duration")
        self.duration.setToolTip("How long the timeline is, one way. Keyframes keep their times.")
        self.fps = WholeField(1, FASTEST_FPS, suffix=" fps", parent=self)
        self.fps.setAccessibleName("Frames per second")
        self.fps.setToolTip("Frames per second of the video. Playing here keeps time and drops frames if it must.")
        self.loop = QComboBox(self)
        self.loop.addItems([text for _, text in LOOPS])
        self.loop.setAccessibleName("Repeat")
        self.loop.setToolTip("Once: stops at the end. Loop: from the end to the start. Ping-pong: there and back.")
        self.between = QComboBox(self)
        self.between.addItems([text for _, text in KINDS])
        self.between.setPlaceholderText("Mixed")
        self.between.setAccessibleName("Between keyframes")
        self.between.setToolTip(
            "How sliders move between keyframes. Smooth never overshoots a key. Right click a track to set it alone."
        )
        self.key = QToolButton(self)
        self.key.setText("Keyframe")
        self.key.setIcon(icons.icon("key"))
        self.key.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.key.setProperty("link", True)
        self.key.setToolTip("Keep what is seen now as a keyframe at the playhead  (K)")
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 10, 0)
        row.setSpacing(8)
        for widget in (title, self.play, self.time):
            row.addWidget(widget)
        row.addStretch(1)
        for field in (self.duration, self.fps, self.loop, self.between, self.key):
            row.addWidget(field)
        self.show_playing(False)
        self.show_time(0.0)
