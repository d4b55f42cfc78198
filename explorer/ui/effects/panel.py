"""The effects of the selected pane's sliders: the matrix of causes and outcomes, and the curve of the chosen cell."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QLabel, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from explorer.scene.effect_text import sentence
from explorer.scene.effects import EffectQuestion, EffectReport
from explorer.scene.model import ModelRef, Scene
from explorer.ui.actions.actions import ActionTable
from explorer.ui.effects import text
from explorer.ui.effects.curve import EffectCurve
from explorer.ui.effects.header import EffectsHeader
from explorer.ui.effects.matrix import EffectMatrix
from explorer.ui.effects.scanning import Scanning
from explorer.ui.look.pages import invitation_page, scrolled, small_print
from explorer.ui.look.widgets import SectionTitle, WrappedLabel
from explorer.ui.state.controller import Controller

CONTRACT_LINES = 3  # that are seen at once; the rest is scrolled to
CAPTION = "Effect in deviations of each outcome; without colour: not told from none"


class EffectsPanel(QWidget):
    """Follows the selected pane; what was scanned is kept by ``scanning``."""

    def __init__(
        self, controller: Controller, scanning: Scanning, actions: ActionTable, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._controller, self._scanning = controller, scanning
        self._model: ModelRef | None = None
        self._drawn: EffectReport | None = None
        self.header = EffectsHeader(actions["scan_effects"], actions["export_effects"])
        self.title, self.invitation = QLabel(text.TITLE), WrappedLabel()
        self.matrix, self.curve = EffectMatrix(), EffectCurve()
        self.sentence, self.contract = WrappedLabel(), WrappedLabel()
        self._build()
        self.header.changed.connect(self.refresh)
        self.header.cancelled.connect(self._cancel)
        self.matrix.picked.connect(self._picked)
        self.curve.moved.connect(self._moved)
        scanning.changed.connect(self.refresh)
        controller.changed.connect(self._on_changed)
        controller.shown.connect(self._show_level)
        controller.catalogue.models_changed.connect(self.refresh)
        controller.catalogue.controls_found.connect(self.refresh)
        self.refresh()

    def model(self) -> ModelRef:
        """The selected pane's model."""
        return self._controller.scene.model_of()

    def scan(self) -> None:
        """Scan the selected pane's set as the header says."""
        controller = self._controller
        card = controller.model_card(controller.scene.selected)
        if card is not None:
            controls = controller.scene.panes[controller.scene.selected].controls
            question = EffectQuestion(controls=controls, options=self.header.options())
            self._scanning.ask(self.model(), question, card.name)

    def read_with(self, attributes: str) -> None:
        """Have the next scan read ``attributes``."""
        self.header.attributes.setText(attributes)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Bring everything in line with the selected pane and what is known of its model."""
        controller, model = self._controller, self.model()
        card = controller.model_card(controller.scene.selected) if controller.has_model else None
        report, under_way = self._scanning.report(model), self._scanning.under_way(model)
        if report is not None and (model != self._model or self._drawn is None):
            self.header.show_options(report.options)
        self._model = model
        self.header.show_progress(
            (under_way.share, under_way.remaining) if under_way else None, under_way.title if under_way else ""
        )
        self._pages.setCurrentIndex(0 if report is None else 1)
        self.invitation.setText(text.invitation(card))
        if report is not self._drawn:
            self._drawn = report
            self.matrix.show_report(report)
            self.contract.setText("\n".join(report.contract) if report else "")
        self._say(report, self._scanning.problem(model))
        self._draw()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "curve"):
            self.curve.paint()

    # --- inside ---

    def _say(self, report: EffectReport | None, problem: str) -> None:
        if problem:
            self.header.say(problem, "error")
        elif report is None:
            self.header.say("")
        else:
            selected = self._controller.scene.selected
            controls = self._controller.scene.panes[selected].controls
            title = self._controller.set_title(selected)
            told, is_other = text.taken(report, controls, self.header.options(), title)
            self.header.say(told, "notice" if is_other else "")

    def _draw(self, *_: object) -> None:
        """The curve of the chosen cell."""
        report = self._drawn
        if report is None or not report.causes or not report.outcomes:
            return
        row, column = self.matrix.chosen
        effect, cause, outcome = report.effect(row, column), report.causes[row], report.outcomes[column]
        self.curve.show_effect(cause, effect, outcome)
        self.sentence.setText(sentence(effect, cause, outcome))
        self._show_level()

    def _picked(self, row: int, column: int) -> None:
        cell = self.matrix.place_of(row, column).toAlignedRect()
        self._area.ensureVisible(cell.center().x(), cell.center().y(), cell.width(), cell.height())
        self._draw()

    def _show_level(self, *_: object) -> None:
        """Where the slider of the chosen cause stands, if it is one of the selected pane."""
        report, scene = self._drawn, self._controller.shown_scene
        if report is None or not report.causes:
            return
        cause = report.causes[self.matrix.chosen[0]]
        pane = scene.panes[scene.selected]
        card = self._controller.control_card(scene.selected, cause.name) if pane.controls == report.controls else None
        if card is None or card.shows != cause.holds:
            self.curve.show_level(None)
            return
        at = next((edit.number for edit in pane.edits if edit.control == cause.name), cause.reference)
        self.curve.show_level(at, (card.low, card.high))

    def _moved(self, level: float, dragging: bool) -> None:
        if self._drawn is not None:
            name = self._drawn.causes[self.matrix.chosen[0]].name
            self._controller.move_control(self._controller.scene.selected, name, level, dragging)

    def _cancel(self) -> None:
        self._scanning.cancel(self.model())

    def _on_changed(self, old: Scene, new: Scene) -> None:
        if old.model_of() != new.model_of() or old.panes[old.selected].controls != new.panes[new.selected].controls:
            self.refresh()

    def _build(self) -> None:
        parts = QSplitter(Qt.Orientation.Horizontal)
        parts.setChildrenCollapsible(False)
        parts.addWidget(self._listed())
        parts.addWidget(self._drawn_part())
        parts.setSizes([560, 560])
        self._pages = QStackedWidget()
        self._pages.addWidget(invitation_page(self.title, self.invitation))
        self._pages.addWidget(parts)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self._pages, 1)

    def _listed(self) -> QWidget:
        """The matrix above the contract."""
        listed = QWidget()
        under = QVBoxLayout(listed)
        under.setContentsMargins(8, 0, 4, 4)
        under.setSpacing(4)
        under.addWidget(SectionTitle(CAPTION))
        self._area = scrolled(self.matrix)
        under.addWidget(self._area, 1)
        under.addWidget(small_print(self.contract, CONTRACT_LINES))
        return listed

    def _drawn_part(self) -> QWidget:
        """The curve above its sentence."""
        part = QWidget()
        column = QVBoxLayout(part)
        column.setContentsMargins(4, 0, 8, 4)
        column.setSpacing(4)
        column.addWidget(self.curve, 1)
        column.addWidget(self.sentence)
        return part
