"""Which question a picture answers, and which of the pictures that do: the row above the slider of a variable."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from explorer.scene.causes import Outcome
from explorer.ui.look.widgets import Segments

RUNGS = {"imagine": "Imagine", "do": "Do", "see": "See"}
TIPS = {
    "imagine": "What this very picture would have been: its own noises stay, and what is set has its effects",
    "do": "Another picture, in which what is set is set, and all other noise is drawn anew",
    "see": "Another picture, in which the variables happen to have these values: no arrow is cut, and what is seen "
    "tells of its causes as well",
}


class RungRow(QWidget):
    """Signals carry the amount of the control that chooses: 0 to imagine, a draw to do, minus a draw to see."""

    chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._draw = 1
        self.rungs = Segments(RUNGS)
        for rung, button in self.rungs.buttons.items():
            button.setToolTip(TIPS[rung])
            button.setAccessibleName(RUNGS[rung])
        self.again = QPushButton("Another draw")
        self.again.setToolTip("Another of the pictures that answer the question")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.rungs)
        layout.addWidget(self.again)
        self.rungs.chosen.connect(lambda rung: self._choose(rung, self._draw))
        self.again.clicked.connect(lambda: self._choose(self.rungs.value, self._draw + 1))

    def show_outcome(self, outcome: Outcome) -> None:
        """Follow ``outcome``; nothing to choose where no control does."""
        self.setVisible(bool(outcome.rung_control))
        self.rungs.set_value(outcome.rung)
        self._draw = outcome.draw or self._draw
        self.again.setVisible(outcome.rung != "imagine")
        self.again.setText(f"Another draw ({self._draw})")

    def _choose(self, rung: str, draw: int) -> None:
        self.chosen.emit({"imagine": 0.0, "do": float(draw), "see": float(-draw)}[rung])
