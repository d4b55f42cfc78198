"""The header of the measures: on which world, how many pictures, which latents; measure, progress, export."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QAction, QPalette
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QToolButton, QWidget

from explorer.scene.cards import ModelCard
from explorer.scene.measures import COUNTERFACTUALS, MeasureOptions
from explorer.ui.controls.panel import SELECTIONS
from explorer.ui.jobs.progress_line import ProgressLine
from explorer.ui.look.numbers import WholeField
from explorer.ui.look.widgets import ElidedLabel, Segments, action_button, field_caption, link_button

FEWEST, MOST = 500, 200_000  # below, every measure is refused
LATENTS = "Which latents the measures are taken on, by their badges"
WITHOUT_BADGES = "The model has no posterior variance, so none of its latents is active or passive"
HEIGHT = 38  # whatever stands in it


class MeasuresHeader(QWidget):
    """What is wanted, and how it goes."""

    changed = Signal()  # something else is wanted
    selection_changed = Signal()  # and it is to be measured at once
    cancelled = Signal()

    def __init__(self, measure: QAction, export: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.world = QComboBox()
        self.world.setToolTip("The world whose pictures are encoded: its factors are known")
        self.world.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.world.setMinimumWidth(70)
        self.world.setAccessibleName("World")
        self.n = WholeField(FEWEST, MOST, step=1000)
        self.n.setValue(MeasureOptions().n)
        self.n.setAccessibleName("Pictures")
        self.n.setToolTip("How many pictures are encoded; below 5000 chance swamps several measures")
        self.selection = Segments(SELECTIONS, LATENTS)
        self.quick = _toggle("Quick", "Leave out measures that take minutes (DCI)")
        self.causal = _toggle(
            "Causal",
            "Draw the factors as the world's causal model does, instead of each alone and evenly. Then every picture "
            "is a possible one, but a latent that holds a cause also tells of the effect, which most measures count "
            "against the model.",
        )
        self.counterfactuals = _toggle(
            "Counterfactuals",
            "Measure these instead: pictures that the model imagines under do(), against those that its world knows to "
            "be true. It takes minutes.",
        )
        self.button = action_button(measure, with_icon=False, primary=True)
        self.progress = ProgressLine("Stop measuring; what is shown stays")
        self.state = ElidedLabel()
        self.state.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.export = link_button("")
        self.export.setDefaultAction(export)
        self.export.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 0, 8, 0)
        self.setFixedHeight(HEIGHT)
        layout.setSpacing(8)
        fields: tuple[tuple[str, QWidget], ...] = (("World", self.world), ("n", self.n))
        for text, field in fields:
            layout.addWidget(field_caption(text))
            layout.addWidget(field)
        for widget in (self.counterfactuals, self.selection, self.causal, self.quick, self.button):
            layout.addWidget(widget)
        layout.addWidget(self.progress, 2)
        layout.addWidget(self.state, 1)
        layout.addWidget(self.export)
        self.world.activated.connect(self._on_changed)
        self.n.valueChanged.connect(self._on_changed)
        self.quick.toggled.connect(self._on_changed)
        self.causal.toggled.connect(self._on_changed)
        self.counterfactuals.toggled.connect(self._on_counterfactuals)
        self.selection.chosen.connect(self._on_selection)
        self.progress.cancelled.connect(self.cancelled)
        self.show_progress(None)

    def wanted(self) -> MeasureOptions:
        """The fields as options."""
        if self.counterfactuals.isChecked():
            return MeasureOptions(world=self.world.currentData() or "", n=self.n.value(), measures=(COUNTERFACTUALS,))
        selection = self.selection.value
        return MeasureOptions(
            world=self.world.currentData() or "",
            n=self.n.value(),
            sampling="causal" if self.causal.isChecked() else "independent",
            quick=self.quick.isChecked(),
            selection="active" if selection == "active" else "non-passive" if selection == "non-passive" else "all",
        )

    def show_model(self, card: ModelCard | None) -> None:
        """Offer the worlds that fit the model, its own first, and the choice of latents where badges can be had."""
        worlds = card.worlds if card else ()
        if [self.world.itemData(index) for index in range(self.world.count())] != list(worlds or ("",)):
            self.world.clear()
            for name in worlds or ("",):
                self.world.addItem(name or "none fits", name)
        self.world.setEnabled(len(worlds) > 1)
        has_badges = card is not None and "posterior" in card.capabilities
        self.selection.setEnabled(has_badges)
        for button in self.selection.buttons.values():
            button.setToolTip(LATENTS if has_badges or card is None else WITHOUT_BADGES)
        if not has_badges:
            self.selection.set_value("all")
        imagines = card is not None and {"encode", "causes"} <= set(card.capabilities)
        self.counterfactuals.setVisible(imagines)
        if not imagines:
            self._set_counterfactuals(False)
        has_codes = card is not None and card.has_codes
        self.causal.setEnabled(has_codes)
        if not has_codes:
            with QSignalBlocker(self.causal):
                self.causal.setChecked(False)

    def show_options(self, options: MeasureOptions) -> None:
        """Fill the fields without a signal."""
        index = self.world.findData(options.world)
        if index >= 0:
            self.world.setCurrentIndex(index)
        with QSignalBlocker(self.n), QSignalBlocker(self.quick), QSignalBlocker(self.causal):
            self.n.setValue(options.n)
            self.causal.setChecked(options.sampling == "causal")
            self.quick.setChecked(options.quick)
        self.selection.set_value(options.selection)
        self._set_counterfactuals(options.measures == (COUNTERFACTUALS,))

    def _set_counterfactuals(self, chosen: bool) -> None:
        with QSignalBlocker(self.counterfactuals):
            self.counterfactuals.setChecked(chosen)
        for widget in (self.selection, self.causal, self.quick):  # about codes
            widget.setVisible(not chosen)

    def _on_counterfactuals(self, chosen: bool) -> None:
        self._set_counterfactuals(chosen)
        self._on_changed()

    def show_progress(self, progress: tuple[float, float] | None) -> None:
        """The share 0..1 and the seconds left (negative: unknown) of what is under way; None when nothing is."""
        self.button.setVisible(progress is None)
        self.progress.show_progress(progress)

    def say(self, text: str, kind: str = "") -> None:
        """What is shown and how it was made; ``kind``: ``notice`` or ``error`` for what asks for attention."""
        roles = {"notice": QPalette.ColorRole.Link, "error": QPalette.ColorRole.BrightText}
        self.state.setForegroundRole(roles.get(kind, QPalette.ColorRole.PlaceholderText))
        self.state.setText(text)
        self.state.setToolTip(text)

    def _on_changed(self, *_: object) -> None:
        self.changed.emit()

    def _on_selection(self) -> None:
        self.selection_changed.emit()


def _toggle(text: str, tip: str) -> QToolButton:
    """A button that stays down."""
    button = QToolButton()
    button.setText(text)
    button.setCheckable(True)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setProperty("segment", True)
    button.setToolTip(tip)
    return button
