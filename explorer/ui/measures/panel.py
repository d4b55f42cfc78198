"""The measures of the selected pane's model: the table, the heat map of latents and factors, the violins."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from explorer.scene.measures import MeasureReport, Rotation
from explorer.scene.model import ModelRef, Scene
from explorer.ui.actions.actions import ActionTable
from explorer.ui.look.pages import invitation_page, scrolled
from explorer.ui.look.widgets import SectionTitle, Segments, WrappedLabel
from explorer.ui.measures import text
from explorer.ui.measures.columns import LatentColumns
from explorer.ui.measures.header import MeasuresHeader
from explorer.ui.measures.heat import HeatMap
from explorer.ui.measures.rotation import RotationBar
from explorer.ui.measures.table import MeasuresTable
from explorer.ui.measures.violins import Violins
from explorer.ui.state.controller import Controller


class MeasuresPanel(QWidget):
    """Follows the selected pane; what was measured is the controller's."""

    def __init__(self, controller: Controller, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._model: ModelRef | None = None
        self._pair: tuple[str, ...] = ()  # names of the latents that are chosen, of the report without a turn
        self._drawn: tuple[MeasureReport | None, MeasureReport | None] = (None, None)
        self.header = MeasuresHeader(actions["measure"], actions["export_measures"])
        self.title, self.sentence = QLabel(), WrappedLabel()
        self.table = MeasuresTable()
        self.heat, self.violins = HeatMap(), Violins()
        self.when = Segments({"before": "Before", "after": "After"}, "Before or after the pair was turned")
        self.rotation = RotationBar(actions["use_rotation"])
        self._build()
        self.header.changed.connect(self.refresh)
        self.header.selection_changed.connect(self._on_selection)
        self.header.cancelled.connect(self._cancel)
        self.heat.picked.connect(self._pick)
        self.violins.picked.connect(self._pick)
        self.when.chosen.connect(self._draw)
        self.rotation.turned.connect(self._turn)
        self.rotation.best.connect(self._turn_best)
        self.rotation.ended.connect(self._unpick)
        controller.changed.connect(self._on_changed)
        controller.measuring.changed.connect(self.refresh)
        controller.catalogue.models_changed.connect(self.refresh)
        self.refresh()

    # --- what actions call ----------------------------------------------------------------------------------------

    def measure(self) -> None:
        """Measure the selected pane's model as the header says."""
        card = self._controller.model_card(self._controller.scene.selected)
        if card is not None and card.worlds:
            self._controller.measuring.ask(self.model(), self.header.wanted(), card.name)

    def turn(self) -> None:
        """Turn the chosen pair by 45°, or say that two latents have to be chosen."""
        if len(self._pair) == 2:
            self.rotation.usual.click()
        else:
            self._controller.say("Click two latents in the heat map, then turn them against each other.")
            self.heat.setFocus()

    def pair(self) -> tuple[str, str, float] | None:
        """The two latents that are chosen and the angle between them and the sliders, or None."""
        return (self._pair[0], self._pair[1], self.rotation.degrees) if len(self._pair) == 2 else None

    def model(self) -> ModelRef:
        """The selected pane's model."""
        return self._controller.scene.model_of()

    # --- what is shown --------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Bring everything in line with the selected pane and what is known of its model."""
        controller, measuring = self._controller, self._controller.measuring
        model = self.model()
        card = controller.model_card(controller.scene.selected) if controller.has_model else None
        report, turned = measuring.report(model), measuring.turned(model)
        self.header.show_model(card)
        recalled = self._drawn[0] is None and report is not None  # or just measured, as the header says
        if model != self._model or recalled:
            self._model = model
            shown = measuring.options(model)
            if shown is not None:
                self.header.show_options(shown)
            self._pair = _pair_of(turned)
        under_way = measuring.under_way(model)
        self.header.show_progress((under_way.share, under_way.remaining) if under_way else None)
        self._say(report, measuring.problem(model))
        self._pages.setCurrentIndex(0 if report is None else 1)
        if report is None:
            title, sentence = text.invitation(card)
            self.title.setText(title)
            self.sentence.setText(sentence)
        if (report, turned) != self._drawn:
            self._drawn = (report, turned)
            self.when.set_value("after" if turned else "before")
            if report is not None:
                self.table.show_reports(report, turned)
            self._pair = tuple(name for name in self._pair if report is not None and name in report.latents)
            self._show_pair()
        self._draw()

    def _say(self, report: MeasureReport | None, problem: str) -> None:
        if problem:
            self.header.say(problem, "error")
        elif report is None:
            self.header.say("")
        else:
            shown = self._controller.measuring.options(self.model())
            stale = shown is not None and text.is_stale(shown, self.header.wanted())
            if stale:
                self.header.say(f"Shown: {text.taken(report)}. Press Measure to take these settings.", "notice")
            else:
                self.header.say(text.taken(report))

    def _draw(self, *_: object) -> None:
        """The heat map and the violins, before or after the turn."""
        report, turned = self._drawn
        self.when.setVisible(turned is not None)
        seen = turned if turned is not None and self.when.value == "after" else report
        for drawing in (self.heat, self.violins):
            if seen is not drawing.report:
                drawing.set_report(seen)
        columns = [report.latents.index(name) for name in self._pair] if report else []
        self.heat.set_chosen(columns)
        self.violins.set_chosen(columns)
        has_codes = report is not None and bool(report.latents)
        for box in (self._heat_box, self._violin_box):
            box.setVisible(has_codes)

    def _show_pair(self) -> None:
        turned = self._drawn[1]
        same = turned is not None and turned.rotation is not None and _pair_of(turned) == self._pair
        self.rotation.show_pair(self._pair, turned.rotation.degrees if same and turned and turned.rotation else 0.0)

    # --- what the user does ---------------------------------------------------------------------------------------

    def _on_selection(self) -> None:
        if self._controller.measuring.report(self.model()) is not None:
            self.measure()  # "recomputes": the numbers follow the switch
        self.refresh()

    def _cancel(self) -> None:
        self._controller.measuring.cancel(self.model())

    def _pick(self, column: int) -> None:
        """Choose the latent of ``column``, or let go of it; a third one replaces the older of two."""
        report = self._drawn[0]
        if report is None:
            return
        name = report.latents[column]
        others = [other for other in self._pair if other != name]
        self._set_pair(others if name in self._pair else [*others, name][-2:])

    def _unpick(self) -> None:
        self._set_pair(())

    def _set_pair(self, pair: Sequence[str]) -> None:
        self._pair = tuple(pair)
        if self._drawn[1] is not None and _pair_of(self._drawn[1]) != self._pair:
            self._controller.measuring.straighten(self.model())  # the turn of another pair
        self._show_pair()
        self._draw()
        self._controller.measuring.changed.emit()  # the actions of a pair follow

    def _turn(self, degrees: float) -> None:
        if degrees == 0:
            self._controller.measuring.straighten(self.model())
        else:
            self._ask_turned(degrees)

    def _turn_best(self) -> None:
        self._ask_turned(0.0, best=True)

    def _ask_turned(self, degrees: float, best: bool = False) -> None:
        measuring, model = self._controller.measuring, self.model()
        shown = measuring.options(model)
        card = self._controller.model_card(self._controller.scene.selected)
        if shown is None or card is None or len(self._pair) != 2:
            return
        rotation = Rotation(first=self._pair[0], second=self._pair[1], degrees=degrees)
        asked = msgspec.structs.replace(shown, rotation=rotation, best_rotation=best)
        measuring.ask(model, asked, card.name)

    def _on_changed(self, old: Scene, new: Scene) -> None:
        if self.model() != self._model:
            self.refresh()

    # --- building -------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self._heat_box = _titled("Factors in latents (NMI)", _scrolled(self.heat), self.when, self.rotation)
        self._violin_box = _titled("Codes", _scrolled(self.violins))
        parts = QSplitter(Qt.Orientation.Horizontal)
        parts.setChildrenCollapsible(False)
        listed = QWidget()
        beside = QHBoxLayout(listed)
        beside.setContentsMargins(8, 0, 4, 0)
        beside.addWidget(self.table)
        for widget in (listed, self._heat_box, self._violin_box):
            parts.addWidget(widget)
        parts.setSizes([480, 520, 420])
        for index, stretch in enumerate((4, 5, 4)):
            parts.setStretchFactor(index, stretch)
        self._pages = QStackedWidget()
        self._pages.addWidget(invitation_page(self.title, self.sentence))
        self._pages.addWidget(parts)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self._pages, 1)


def _pair_of(turned: MeasureReport | None) -> tuple[str, ...]:
    return (turned.rotation.first, turned.rotation.second) if turned and turned.rotation else ()


def _scrolled(drawing: LatentColumns) -> QScrollArea:
    area = scrolled(drawing)
    area.viewport().setAutoFillBackground(False)
    drawing.setAutoFillBackground(False)
    return area


def _titled(title: str, content: QWidget, beside: QWidget | None = None, below: QWidget | None = None) -> QWidget:
    """A part of the panel: its title, something at the title's right, the content, something below."""
    made = QWidget()
    column = QVBoxLayout(made)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(SectionTitle(title, beside))
    column.addWidget(content, 1)
    if below is not None:
        row = QHBoxLayout()
        row.setContentsMargins(6, 2, 6, 4)
        row.addWidget(below)
        column.addLayout(row)
    return made
