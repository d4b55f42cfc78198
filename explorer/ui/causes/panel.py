"""What causes what in the selected pane: the graph, what do() makes of each variable, and the one that is chosen."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from explorer.causal.identification import identify
from explorer.scene.causal_graph import CausalGraph
from explorer.scene.choices import LARGEST
from explorer.scene.edit_text import label_text
from explorer.scene.model import ControlSetRef, Seed
from explorer.ui.causes import side_by_side, text
from explorer.ui.causes.asking import Descriptions
from explorer.ui.causes.badges import BadgeRow
from explorer.ui.causes.bind_dialog import ask_for_bindings
from explorer.ui.causes.editing import GraphEditing
from explorer.ui.causes.graph_bar import GraphBar
from explorer.ui.causes.graph_files import GraphFiles
from explorer.ui.causes.graph_view import GraphView
from explorer.ui.causes.noise_row import NoiseRow
from explorer.ui.causes.rungs import RungRow
from explorer.ui.causes.side import CausesSide
from explorer.ui.causes.words import Words
from explorer.ui.look.numbers import DecimalField
from explorer.ui.look.pages import scrolled
from explorer.ui.look.slider import FloatSlider
from explorer.ui.look.widgets import SectionTitle, WrappedLabel
from explorer.ui.state.controller import Controller
from explorer.ui.state.settings import Settings

LEAST_GRAPH = 106
"""Pixels of the graph that are seen at once: two rows of nodes with the arrows between them."""


class CausesPanel(QWidget):
    """Follows the selected pane and its sliders; asks for nothing while nobody sees it."""

    def __init__(self, controller: Controller, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.outcomes = controller.outcomes
        self.view, self.bar = GraphView(), GraphBar()
        self.descriptions = Descriptions(controller, self)
        self.editing = GraphEditing(controller, self.descriptions, lambda: self.view.places, self)
        self.files = GraphFiles(controller, settings, self.editing, self)
        self.side = CausesSide(controller, self.editing, self.descriptions)
        self.slider, self.field = FloatSlider(0.0, 1.0), DecimalField(0.0, 1.0, decimals=3, rounds=True)
        self.chosen_label = QLabel()
        self.free, self.own, self.tidy = (
            QPushButton("Set free"),
            QPushButton("Model's own graph"),
            QPushButton("Lay out"),
        )
        self.free.setToolTip("The variable comes about by its causes again")
        self.own.setToolTip("Take back what was drawn; the mechanisms are those that come with the model")
        self.tidy.setToolTip("Causes above their effects, no two on top of each other")
        self.rungs, self.noise, self.badges = RungRow(), NoiseRow(), BadgeRow(controller)
        self.words, self.hint = Words(self.badges), WrappedLabel()
        self.title = SectionTitle("Causes")
        self._build()
        connect_graph(self.view, self.bar, self.editing, self.files, controller)
        self.view.picked.connect(self._show)
        self.view.edge_picked.connect(self._show)
        self.side.marked.connect(lambda first, last: self.view.mark((first, last) if first else None))
        self.editing.unchanged.connect(self._show)
        self.editing.suggestions_changed.connect(self._show)
        self.descriptions.changed.connect(self._show)
        self.slider.moved.connect(self._set_value)
        self.field.valueChanged.connect(lambda value: self._set_value(float(value), False))
        self.free.clicked.connect(self._set_free)
        self.rungs.chosen.connect(self._ask)
        self.noise.chosen.connect(self._choose)
        self.own.clicked.connect(self.editing.own_again)
        self.tidy.clicked.connect(self.editing.lay_out)
        self.outcomes.changed.connect(self._show)
        controller.shown.connect(self.refresh)
        controller.changed.connect(self.refresh)
        controller.catalogue.controls_found.connect(self.refresh)
        controller.catalogue.controls_refused.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Ask for what is not known yet."""
        if self.isVisible():
            self.outcomes.refresh()
            self.descriptions.refresh()
            self._show()
            self.side.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.outcomes.detailed = True
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.outcomes.detailed = False

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.words.fit(self.height())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.update()

    # --- inside ---

    def _build(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(10, 0, 10, 0)
        self.slider.setMaximumWidth(260)
        for widget in (self.chosen_label, self.slider, self.field, self.free):
            row.addWidget(widget)
        row.addStretch(1)
        for button in (self.tidy, self.own):
            row.addWidget(button)
        choices = QHBoxLayout()
        choices.setContentsMargins(10, 0, 10, 0)
        choices.setSpacing(16)
        for choice in (self.rungs, self.noise):
            choice.hide()  # until there is something to choose
            choices.addWidget(choice)
        choices.addStretch(1)
        self.hint.setContentsMargins(10, 10, 10, 10)
        graph = QWidget()
        under = QVBoxLayout(graph)
        under.setContentsMargins(0, 0, 0, 0)
        under.setSpacing(4)
        under.addWidget(self.bar)
        area = scrolled(self.view)
        area.setMinimumHeight(LEAST_GRAPH)
        under.addWidget(area, 1)
        under.addLayout(choices)
        under.addLayout(row)
        under.addWidget(self.words)
        parts = QWidget()
        across = QHBoxLayout(parts)
        across.setContentsMargins(0, 0, 0, 0)
        across.addWidget(graph, 7)  # wider than its rows get, so that it keeps its width whatever they say
        across.addWidget(self.side, 3)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.hint)
        self.stack.addWidget(parts)
        self.setAcceptDrops(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.title)
        layout.addWidget(self.stack, 1)

    @property
    def _controls(self) -> ControlSetRef:
        scene = self._controller.scene
        return scene.panes[scene.selected].controls

    def _show(self) -> None:
        outcome = self.outcomes.outcome
        names = self._names()
        self.title.set_text(side_by_side.pane_text(names, self._controller.scene.selected))
        self.stack.setCurrentIndex(0 if outcome is None else 1)
        if outcome is None:
            awaited = self._fault(text.AWAITED) or text.AWAITED
            self.hint.setText(awaited if self.outcomes.applies() else text.NO_CAUSES)
            return
        graph = self.editing.graph() or outcome.graph
        known = {one.name: one for one in outcome.variables if one.name in graph.names}  # others: of the graph before
        held = frozenset(name for name, one in known.items() if one.is_set)
        self.view.show_graph(
            graph,
            text.places_of(graph, self._controls),
            {name: text.node_text(graph.variable(name), one, outcome.rung) for name, one in known.items()},
            frozenset() if outcome.rung == "see" else held,
            frozenset(name for name, one in known.items() if one.is_open),
            held if outcome.rung == "see" else frozenset(),
        )
        report = self.descriptions.report
        self.view.show_variables(report.distributions if report is not None else {}, known)
        self.rungs.show_outcome(outcome)
        edge = self.view.selected_edge
        told = identify(graph, *edge).sentence if edge is not None else text.sentence(outcome)
        beside = side_by_side.graphs_text(names, self._graphs(graph), self._controller.scene.selected)
        sentence = " ".join(filter(None, (self._fault() or told, beside)))
        self.words.say(sentence, text.spreads(outcome, self.view.selected))
        settings = dict(self._controls.settings)
        self.own.setEnabled(bool(settings.get("graph") or settings.get("mechanisms")))
        self.tidy.setEnabled(bool(settings.get("layout")))
        can_take = bool(self.view.selected or self.view.selected_line)
        self.bar.show_graph(graph, self.editing.left_out(), can_take, self.editing.binds)
        self.side.show_graph(graph, self.view.selected, edge)
        self._show_chosen(self.view.selected)

    def _names(self) -> list[str]:
        """What the panes are called, whatever they show."""
        return [self._controller.set_title(index) for index in range(len(self._controller.shown_scene.panes))]

    def _graphs(self, own: CausalGraph) -> list[CausalGraph | None]:
        """Of all panes; ``own``: of the selected one."""
        scene = self._controller.scene
        cards = [self._controller.controls_card(index) for index in range(len(scene.panes))]
        graphs = [card.graph if card is not None else None for card in cards]
        graphs[scene.selected] = own
        return graphs

    def _fault(self, awaited: str = text.FITTING) -> str:
        """Why what is drawn is not followed yet, or cannot be; empty where it is."""
        controller, scene = self._controller, self._controller.scene
        if controller.controls_card() is not None:
            return self.outcomes.problem
        return controller.catalogue.problem(scene.model_of(scene.selected), self._controls) or awaited

    def _show_chosen(self, name: str) -> None:
        """The slider of the chosen variable, which is that of the control panel."""
        outcome, card = self.outcomes.outcome, self._controller.control_card(self._controller.scene.selected, name)
        if outcome is not None:
            self.noise.show_outcome(outcome, name, self._other_seed())
        if outcome is not None and name not in outcome.graph.names:
            outcome = None  # of the graph before
        if outcome is None or card is None:
            for widget in (self.slider, self.field, self.free):
                widget.hide()
            self.chosen_label.setText(text.no_slider(name))
            self.chosen_label.setMinimumWidth(0)
            return
        one = outcome.variable(name)
        held = f"{name}, seen" if outcome.rung == "see" else f"do({name})"
        middle = f"{name}, the middle"
        self.chosen_label.setText(held if one.is_set else middle if one.is_open else name)
        # As wide as it gets, so that a slider does not move away from the hand that begins to drag it.
        self.chosen_label.setMinimumWidth(max(map(self.fontMetrics().horizontalAdvance, (held, middle))) + 2)
        low, high = min(card.low, one.value, one.factual), max(card.high, one.value, one.factual)
        self.slider.set_range(low, high, card.detents, one.factual)
        self.slider.set_value(one.value)
        self.field.setRange(card.low, card.high)
        if not self.field.is_typing:
            was = self.field.blockSignals(True)
            self.field.setValue(min(max(one.value, card.low), card.high))
            if label := label_text(card, one.value):
                self.field.set_blank(label)
            self.field.blockSignals(was)
        self.free.setEnabled(one.is_set)
        for widget in (self.slider, self.field, self.free):
            widget.show()  # beside a name that is as wide as it stays

    def _set_value(self, value: float, dragging: bool = False) -> None:
        if self.view.selected:
            self._controller.move_control(self._controller.scene.selected, self.view.selected, value, dragging)

    def _ask(self, amount: float) -> None:
        if self.outcomes.outcome is not None:
            self._choose(self.outcomes.outcome.rung_control, amount)

    def _choose(self, control: str, amount: float) -> None:
        self._controller.move_control(self._controller.scene.selected, control, amount)

    def _other_seed(self) -> int:
        """Of another picture: that of the next pane that starts from another seed, or the one after this pane's."""
        scene = self._controller.scene
        panes = [*range(scene.selected + 1, len(scene.panes)), *range(scene.selected)]
        own = scene.origin_of(scene.selected)
        seeds = [origin.seed for origin in map(scene.origin_of, panes) if isinstance(origin, Seed) and origin != own]
        return min(seeds[0] if seeds else own.seed + 1 if isinstance(own, Seed) else 0, LARGEST - 1)

    def _set_free(self) -> None:
        outcome = self.outcomes.outcome
        if outcome is not None and self.view.selected:
            place = self._controller.places.known().get(self.view.selected)
            factual = place.value if place is not None else outcome.variable(self.view.selected).factual
            self._set_value(factual)

    # --- dropped files ---

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if len(event.mimeData().urls()) == 1 and event.mimeData().urls()[0].isLocalFile() and self.outcomes.outcome:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = Path(event.mimeData().urls()[0].toLocalFile())
        event.acceptProposedAction()
        QTimer.singleShot(0, self, lambda: self.files.open(path))  # a dialog would hold up whoever it is dragged from


def connect_graph(
    view: GraphView, bar: GraphBar, editing: GraphEditing, files: GraphFiles, controller: Controller
) -> None:
    """What a hand does to the graph becomes a step of undo."""
    view.placed.connect(editing.place)
    view.drawn.connect(editing.draw)
    view.removed.connect(editing.remove)
    view.freed.connect(editing.untie)
    view.accepted.connect(editing.accept)
    view.refused.connect(editing.refuse)
    view.left_out.connect(editing.leave_out)
    bar.typed.connect(lambda arrow: (editing.draw if arrow.kind == "arrow" else editing.tie)(arrow.first, arrow.last))
    bar.faulty.connect(lambda sentence: controller.say(sentence, "refusal"))
    bar.added.connect(editing.add)
    bar.binding.connect(lambda: ask_for_bindings(controller, editing, view))
    bar.removed.connect(view.take_away)
    bar.open.clicked.connect(files.ask)
    bar.save.clicked.connect(lambda: files.save(view.places))
