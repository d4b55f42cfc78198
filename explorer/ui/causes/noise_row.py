"""Of whose noise a picture is: that of the chosen variable, or the picture's own where none is chosen."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from explorer.scene.causes import Outcome
from explorer.scene.choices import LARGEST, case_of_seed, seed_of
from explorer.ui.look.numbers import WholeField
from explorer.ui.look.widgets import Segments

SOURCES = {"own": "Locked", "drawn": "Drawn anew", "other": "From seed"}
BY_DRAW = "Of this draw"  # in place of "Locked" where the question is about another picture
TIPS = {
    "own": "The noise of this picture, as it was abducted",
    "drawn": "From its law, not from what the picture leaves open; the number is the draw",
    "other": "Abducted from the picture of another seed, by the same mechanisms; begins at the seed of another pane",
}
BY_DRAW_TIP = "Drawn together with all other noise of this answer; Another draw changes it"


class NoiseRow(QWidget):
    """Signals carry the name of the control that chooses, and its amount."""

    chosen = Signal(str, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._control, self._case, self._seed = "", 0, 0
        self.title = QLabel()
        self.sources = Segments(SOURCES)
        for source, button in self.sources.buttons.items():
            button.setToolTip(TIPS[source])
            button.setAccessibleName(f"Noise: {SOURCES[source]}")
        self.number = WholeField(0, LARGEST - 1)
        self.number.setAccessibleName("Draw, or seed, of the noise")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.title, self.sources, self.number):
            layout.addWidget(widget)
        self.sources.chosen.connect(self._choose)
        self.number.valueChanged.connect(lambda value: self._choose(self.sources.value, int(value)))

    def show_outcome(self, outcome: Outcome, variable: str, seed: int) -> None:
        """Follow ``outcome``: the noise of ``variable``, or the picture's own where that is empty. ``seed``: of another
        picture, to begin with."""
        one = outcome.variable(variable) if variable in outcome.graph.names else None
        self._control = one.noise_control if one is not None else outcome.own_control
        self._case = one.noise if one is not None else outcome.own_noise
        self._seed = seed
        self.setVisible(bool(self._control))
        self.title.setText("Noise:" if one is not None else "The picture's own noise:")
        tip = "What no variable tells" if one is None else f"All of {variable} that its causes do not tell"
        counts = one is None or not (one.is_set or outcome.rung == "see")
        if not counts:
            tip += "; it does not count " + ("among rows that are seen" if outcome.rung == "see" else "where it is set")
        self.setToolTip(tip)
        own = self.sources.buttons["own"]
        own.setText(SOURCES["own"] if outcome.rung == "imagine" else BY_DRAW)
        own.setToolTip(TIPS["own"] if outcome.rung == "imagine" else BY_DRAW_TIP)
        own.setAccessibleName(f"Noise: {own.text()}")
        self.sources.setEnabled(counts)
        self.number.setEnabled(counts)
        self.sources.set_value("drawn" if self._case > 0 else "other" if self._case < 0 else "own")
        self.number.setVisible(self._case != 0)
        if not self.number.is_typing:
            was = self.number.blockSignals(True)
            self.number.setRange(1 if self._case > 0 else 0, LARGEST - 1)
            self.number.setValue(seed_of(self._case) if self._case < 0 else self._case)
            self.number.blockSignals(was)

    def _choose(self, source: str, number: int | None = None) -> None:
        cases = {
            "own": 0,
            "drawn": 1 if number is None else number,
            "other": case_of_seed(self._seed if number is None else number),
        }
        if self._control:
            self.chosen.emit(self._control, float(cases[source]))
