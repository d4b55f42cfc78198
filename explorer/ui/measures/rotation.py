"""The tool that turns two latents against each other: an angle, what it does to the measures, and the pair as
sliders."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QPalette
from PySide6.QtWidgets import QHBoxLayout, QWidget

from explorer.ui.look.numbers import DecimalField
from explorer.ui.look.slider import FloatSlider
from explorer.ui.look.widgets import ElidedLabel, link_button

HINT = "Click two latents to turn them against each other."
USUAL = 45.0  # degrees: where two factors lie along the diagonals


class RotationBar(QWidget):
    """Below the heat map. It says what was asked; whether it is measured is the panel's matter."""

    turned = Signal(float)  # degrees that the hand has settled on; 0: as they were
    best = Signal()  # by the angle that parts the factors most clearly
    ended = Signal()  # no pair any more

    def __init__(self, use: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._asked = 0.0
        self._filling = False
        self.label = ElidedLabel(HINT)
        self.label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.slider = FloatSlider(-90.0, 90.0)
        self.slider.setMinimumWidth(84)
        self.slider.setAccessibleName("Angle of the pair")
        self.slider.setToolTip("Degrees from the first latent towards the second. Let go to measure.")
        self.box = DecimalField(-90.0, 90.0, decimals=1, step=1.0, suffix="°")
        self.box.setAccessibleName("Angle of the pair, typed")
        self.box.setFixedWidth(self.box.fontMetrics().horizontalAdvance("−90.0°") + 34)
        self.usual = link_button(f"{USUAL:g}°", "Turn by 45°: where two factors lie along the diagonals")
        self.seek = link_button("Best", "Turn by the angle that parts the factors most clearly")
        self.use = link_button("")
        self.use.setDefaultAction(use)
        self.use.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.end = link_button("Clear", "Choose other latents")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 0, 4, 0)
        layout.setSpacing(6)
        layout.addWidget(self.label, 1)
        layout.addWidget(self.slider, 3)
        for widget in (self.box, self.usual, self.seek, self.use, self.end):
            layout.addWidget(widget)
        self.slider.moved.connect(self._on_slider)
        self.box.valueChanged.connect(self._on_box)
        self.usual.clicked.connect(self._on_usual)
        self.seek.clicked.connect(self.best)
        self.end.clicked.connect(self.ended)
        self.show_pair((), 0.0)

    @property
    def degrees(self) -> float:
        """The angle that the slider stands at."""
        return self.slider.value

    def show_pair(self, names: tuple[str, ...], degrees: float) -> None:
        """Show the tool for a pair of latents, or say how to choose one."""
        ready = len(names) == 2
        if ready:
            self.label.setText(f"Turn {names[0]} and {names[1]}")
        else:
            self.label.setText(f"{names[0]} and … click a second latent." if names else HINT)
        self.label.setToolTip("" if ready else HINT)
        self.label.setMinimumWidth(self.label.fontMetrics().horizontalAdvance(self.label.text()) + 4 if ready else 24)
        for widget in (self.slider, self.box, self.usual, self.seek, self.use):
            widget.setVisible(ready)
        self.end.setVisible(bool(names))
        self._asked = degrees
        self._fill(degrees)

    def _fill(self, degrees: float) -> None:
        self._filling = True
        self.slider.set_value(degrees)
        self.box.setValue(degrees)
        self._filling = False

    def _on_slider(self, degrees: float, dragging: bool) -> None:
        rounded = round(degrees * 2) / 2
        self._fill(rounded)
        if not dragging:
            self._ask(rounded)

    def _on_box(self, degrees: float) -> None:
        if not self._filling:
            self._fill(degrees)
            self._ask(degrees)

    def _on_usual(self) -> None:
        self._fill(USUAL)
        self._ask(USUAL)

    def _ask(self, degrees: float) -> None:
        if degrees != self._asked:
            self._asked = degrees
            self.turned.emit(degrees)
