"""How far the counterfactual of the picture may be trusted: three badges, each beside what chance gives."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from explorer.scene.edit_text import minus
from explorer.scene.picture_check import Effectiveness, PictureCheck
from explorer.ui.causes.checking import Checking
from explorer.ui.jobs.progress_line import ProgressLine
from explorer.ui.look.widgets import ElidedLabel
from explorer.ui.state.controller import Controller

COMPOSITION_TIP = (
    "Composition: the picture before anything is set, read by the model and drawn again, beside itself.\n"
    "The more decibels, the more alike. In brackets pictures of other seeds: what chance gives."
)
REVERSAL_TIP = (
    "Reversibility: the counterfactual, read by the model, set back and drawn, beside the picture before.\n"
    "In brackets the counterfactual itself: no way back. It reads and draws as often as composition does."
)
EFFECTIVENESS_TIP = (
    "Effectiveness: how far what the model reads of the counterfactual is from what was set, in standard deviations.\n"
    "In brackets: of the picture before, how far the reading is from its own value (as good as the reader is), and how "
    "far from what was set (nothing done)."
)


class BadgeRow(QWidget):
    """Asked for by a ``button``, which stands elsewhere; shown for as long as the picture and what is set stay the
    same, and gone where there is nothing to say."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller, self.checking = controller, Checking(controller, self)
        self.button = QPushButton("Check this picture")
        self.button.setToolTip(
            "Composition, reversibility and effectiveness of this counterfactual, by the model's own reading"
        )
        self.composition, self.reversal, self.effectiveness = QLabel(), QLabel(), ElidedLabel()
        self.composition.setToolTip(COMPOSITION_TIP)
        self.reversal.setToolTip(REVERSAL_TIP)
        self.progress = ProgressLine("Stop checking the picture")
        self.problem = ElidedLabel()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        for label in (self.composition, self.reversal):
            layout.addWidget(label)
        layout.addWidget(self.effectiveness, 2)
        layout.addWidget(self.problem, 2)
        layout.addWidget(self.progress, 1)
        layout.addStretch(0)
        self.button.clicked.connect(self._ask)
        self.progress.cancelled.connect(lambda: self.checking.cancel(self._controller.scene.model_of()))
        self.checking.changed.connect(self.refresh)
        controller.shown.connect(self.refresh)
        controller.changed.connect(self.refresh)
        controller.catalogue.controls_found.connect(self.refresh)  # of a graph that has just been fitted
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show what is known of the picture that is shown."""
        model, question = self._controller.scene.model_of(), self.checking.question()
        under_way = self.checking.under_way(model)
        check = self.checking.check(model, question)
        problem = self.checking.problem(model) if under_way is None else ""
        self.button.setVisible(check is None and under_way is None and self.checking.applies())
        self.button.setEnabled(question is not None)
        self.progress.show_progress((under_way.share, under_way.remaining) if under_way else None)
        self.problem.setText(problem if check is None else "")
        self.problem.setToolTip(self.problem.text())
        self.problem.setVisible(bool(self.problem.text()))
        for label, text in zip((self.composition, self.reversal, self.effectiveness), _texts(check), strict=True):
            label.setText(text)
            label.setVisible(bool(text))
        self.setVisible(check is not None or under_way is not None or bool(problem))
        told = [_told(one) for one in check.effectiveness] if check is not None else []
        self.effectiveness.setToolTip("\n".join([EFFECTIVENESS_TIP, *told]))

    def _ask(self) -> None:
        if (question := self.checking.question()) is not None:
            self.checking.ask(self._controller.scene.model_of(), question)


def _texts(check: PictureCheck | None) -> tuple[str, str, str]:
    """What the badges say; nothing where it is not known."""
    if check is None:
        return "", "", ""
    composition = f"Composition {_decibels(check.composition)} (chance {_decibels(check.others)})"
    if check.reversal is None or check.without_way_back is None:
        return composition, "", "Set a variable to see reversibility and effectiveness."
    reversal = f"Reversal {_decibels(check.reversal)} (no way back {_decibels(check.without_way_back)})"
    told = ", ".join(
        f"{one.variable} {one.error:.2f} σ (reader {one.ceiling:.2f}, undone {one.chance:.2f})"
        for one in check.effectiveness
    )
    return composition, reversal, f"Off by: {told}"


def _told(one: Effectiveness) -> str:
    return minus(f"{one.variable}: set to {one.target:.4g}, read as {one.reading:.4g}")


def _decibels(value: float) -> str:
    return "equal" if value == float("inf") else minus(f"{value:.1f} dB")
