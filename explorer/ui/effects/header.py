"""The header of the effects: what is read, at how many base codes, how far; scan, progress, export."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QAction, QPalette
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from explorer.scene.effects import EffectOptions
from explorer.ui.jobs.progress_line import ProgressLine
from explorer.ui.look.numbers import DecimalField, WholeField
from explorer.ui.look.widgets import ElidedLabel, Segments, action_button, field_caption, link_button

FEWEST, MOST = 4, 4096
NEAREST, FARTHEST = 0.5, 20.0
HEIGHT = 38  # whatever stands in it
HOLDS = {"": "Move", "value": "Set"}
OTHERS = {"held": "Held", "randomised": "Random"}


class EffectsHeader(QWidget):
    """What is wanted, and how it goes."""

    changed = Signal()  # something else is wanted
    cancelled = Signal()

    def __init__(self, scan: QAction, export: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        usual = EffectOptions()
        self.attributes = QLineEdit()
        self.attributes.setPlaceholderText("the model's own world")
        self.attributes.setToolTip("What is read from pictures: a world, a classifier (.onnx) or labels (.json)")
        self.attributes.setAccessibleName("Attributes")
        self.attributes.setMinimumWidth(90)
        self.attributes.setMaximumWidth(190)
        self.bases = WholeField(FEWEST, MOST, step=16)
        self.bases.setValue(usual.bases)
        self.bases.setAccessibleName("Base codes")
        self.bases.setToolTip("Base codes, the same for every level of every slider; more of them, narrower intervals")
        self.reach = DecimalField(NEAREST, FARTHEST, decimals=1, step=0.5)
        self.reach.setValue(usual.reach)
        self.reach.setAccessibleName("Reach in ranges of a slider")
        self.reach.setToolTip("How far every slider is moved, in its own ranges; what lies outside the data is shaded")
        self.holds = Segments(
            HOLDS,
            "Move: every base code by the same amounts. Set: every base code to the same values, do(x = v), whatever "
            "it had.",
        )
        self.others = Segments(
            OTHERS,
            "Held: all else stays what each base code has. Random: the other sliders of the set are moved at random, "
            "alike at all levels.",
        )
        self.button = action_button(scan, with_icon=False, primary=True)
        self.progress = ProgressLine("Stop scanning; what is shown stays")
        self.state = ElidedLabel()
        self.state.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.export = link_button("")
        self.export.setDefaultAction(export)
        self.export.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self._build()
        self.attributes.editingFinished.connect(self._on_changed)
        self.bases.valueChanged.connect(self._on_changed)
        self.reach.valueChanged.connect(self._on_changed)
        self.holds.chosen.connect(self._on_changed)
        self.others.chosen.connect(self._on_changed)
        self.progress.cancelled.connect(self.cancelled)
        self.show_progress(None)

    def options(self) -> EffectOptions:
        """The fields as options."""
        return EffectOptions(
            attributes=self.attributes.text().strip(),
            bases=self.bases.value(),
            reach=self.reach.value(),
            holds="value" if self.holds.value == "value" else "",
            others="randomised" if self.others.value == "randomised" else "held",
        )

    def show_options(self, options: EffectOptions) -> None:
        """Fill the fields without a signal."""
        self.attributes.setText(options.attributes)
        with QSignalBlocker(self.bases), QSignalBlocker(self.reach):
            self.bases.setValue(options.bases)
            self.reach.setValue(options.reach)
        self.holds.set_value("value" if options.holds == "value" else "")
        self.others.set_value(options.others)

    def show_progress(self, progress: tuple[float, float] | None, title: str = "") -> None:
        """The share 0..1 and the seconds left (negative: unknown) of what is under way; None when nothing is."""
        self.button.setVisible(progress is None)
        self.progress.show_progress(progress, title)

    def say(self, text: str, kind: str = "") -> None:
        """What is shown and how it was made; ``kind``: ``notice`` or ``error`` for what asks for attention."""
        roles = {"notice": QPalette.ColorRole.Link, "error": QPalette.ColorRole.BrightText}
        self.state.setForegroundRole(roles.get(kind, QPalette.ColorRole.PlaceholderText))
        self.state.setText(text)
        self.state.setToolTip(text)

    def _build(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 0, 8, 0)
        layout.setSpacing(8)
        self.setFixedHeight(HEIGHT)
        fields: tuple[tuple[str, QWidget], ...] = (
            ("Read", self.attributes),
            ("n", self.bases),
            ("Range ×", self.reach),
            ("", self.holds),
            ("Others", self.others),
        )
        for text, field in fields:
            if text:
                layout.addWidget(field_caption(text))
            layout.addWidget(field)
        layout.addWidget(self.button)
        layout.addWidget(self.progress, 2)
        layout.addWidget(self.state, 1)
        layout.addWidget(self.export)

    def _on_changed(self, *_: object) -> None:
        self.changed.emit()
