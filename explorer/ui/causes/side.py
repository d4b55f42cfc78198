"""Beside the graph, a page each: the chosen variable, the graph against the rows, an effect, suggested arrows."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QTabWidget, QWidget

from explorer.scene.causal_graph import CausalGraph, Edge
from explorer.service.replies import ArrowsSuggested, EffectFound
from explorer.service.requests import FindEffect, SuggestArrows
from explorer.ui.causes import side_text
from explorer.ui.causes.asking import Checks, Descriptions, bare, without_layout
from explorer.ui.causes.editing import GraphEditing
from explorer.ui.causes.effect_card import EffectCard
from explorer.ui.causes.independence_table import IndependenceTable
from explorer.ui.causes.mechanism_card import MechanismCard
from explorer.ui.causes.suggestion_card import SuggestionCard
from explorer.ui.look.pages import scrolled
from explorer.ui.state.controller import Controller
from explorer.ui.state.one_job import OneJob


class CausesSide(QTabWidget):
    """``marked``: a pair is pointed at (empty names: none)."""

    marked = Signal(str, str)

    def __init__(
        self, controller: Controller, editing: GraphEditing, descriptions: Descriptions, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._controller, self._editing, self._descriptions = controller, editing, descriptions
        self._shown: tuple[object, ...] = ()
        self._asked: tuple[object, ...] = ()  # model and graph that the answers are about
        self.mechanism, self.table = MechanismCard(), IndependenceTable()
        self.effect, self.suggestions = EffectCard(), SuggestionCard()
        self.checks = Checks(controller, editing.graph, self)
        self.estimate: OneJob[EffectFound] = OneJob(controller.jobs, controller.replies, EffectFound, self)
        self.search: OneJob[ArrowsSuggested] = OneJob(controller.jobs, controller.replies, ArrowsSuggested, self)
        for page, title, tip in (
            (scrolled(self.mechanism), "Variable", "How the chosen variable comes about, and how well that fits"),
            (self.table, "Check", "The independences that the graph implies, against the observed rows"),
            (self.effect, "Effect", "Whether an effect is identified, and how large it is by the observed rows"),
            (self.suggestions, "Suggest", "Arrows that the observed rows suggest"),
        ):
            self.setTabToolTip(self.addTab(page, title), tip)
        self.setDocumentMode(True)
        self.setMinimumWidth(280)
        self.setMaximumWidth(460)
        self.currentChanged.connect(self._turned)
        self.mechanism.kind_chosen.connect(editing.set_kind)
        self.table.picked.connect(self.marked)
        self.effect.changed.connect(self.estimate.clear)
        self.effect.wanted.connect(self._estimate)
        self.effect.cancelled.connect(self.estimate.cancel)
        self.suggestions.wanted.connect(self._search)
        self.suggestions.cancelled.connect(self.search.cancel)
        self.suggestions.accepted.connect(editing.accept)
        self.suggestions.refused.connect(editing.refuse)
        self.checks.changed.connect(self._show_check)
        self.estimate.changed.connect(self._show_effect)
        self.search.changed.connect(self._searched)

    def show_graph(self, graph: CausalGraph, chosen: str, line: Edge | None) -> None:
        """What is drawn; ``chosen``: the variable; ``line``: the arrow, whose effect is then asked about."""
        report, settings = self._descriptions.report, self._editing.controls.settings
        scene = self._controller.scene
        awaited = self._descriptions.awaited
        shown = (scene.model_of(scene.selected), graph, chosen, line, report, settings, awaited)
        if shown == self._shown:  # a drag asks for every picture
            return
        self._shown = shown
        asked = (scene.model_of(scene.selected), bare(graph))
        if asked[0] != (self._asked or asked)[0]:
            self._editing.forget_suggestions()
        if asked != self._asked:
            self._asked = asked
            self.estimate.clear()
        is_fitted = bool(dict(settings).get("graph") or dict(settings).get("mechanisms"))
        is_fitted = is_fitted or (report is not None and report.is_held_out)
        self.mechanism.show_variable(chosen, graph, report, self._editing.kinds(), is_fitted, awaited)
        self.effect.show_graph(bare(graph), report.distributions if report is not None else {})
        if line is not None:
            self.effect.choose(*line)
        self._show_check()
        self._show_suggestions()

    def refresh(self) -> None:
        """Ask for what the page that is seen needs."""
        if self.isVisible() and self.currentWidget() is self.table:
            self.checks.refresh()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "table"):
            self.table.paint_anew()

    # --- inside ---

    def _turned(self, _: int) -> None:
        if self.currentWidget() is not self.table:
            self.table.choose_none()
        self.refresh()

    def _show_check(self) -> None:
        self.table.show_check(self.checks.check, self.checks.problem or side_text.CHECKING)

    def _estimate(self) -> None:
        scene, graph = self._controller.scene, self._editing.graph()
        if graph is None:
            return
        cause, effect = self.effect.pair
        request = partial(
            FindEffect,
            model=scene.model_of(scene.selected),
            graph=bare(graph),
            cause=cause,
            effect=effect,
            values=self.effect.values,
            controls=without_layout(self._editing.controls),
        )
        self.estimate.start(f"Effect of {cause} on {effect}", request)

    def _show_effect(self) -> None:
        estimate = self.estimate
        answer = estimate.answer.answer if estimate.answer is not None else None
        self.effect.show_answer(answer, estimate.problem, estimate.progress)

    def _search(self) -> None:
        scene, graph = self._controller.scene, self._editing.graph()
        if graph is None:
            return
        request = partial(
            SuggestArrows,
            model=scene.model_of(scene.selected),
            graph=bare(graph),
            method=self.suggestions.chosen_method,
            forbidden=self._editing.refused,
            controls=without_layout(self._editing.controls),
        )
        self.search.start("Suggest arrows", request)

    def _searched(self) -> None:
        if self.search.answer is not None:
            self._editing.suggest(self.search.answer.suggestion.graph.suggested)
        self._show_suggestions()

    def _show_suggestions(self) -> None:
        graph, answer = self._editing.graph(), self.search.answer
        arrows = graph.suggested if graph is not None else ()
        note = answer.suggestion.note if answer is not None else ""
        self.suggestions.show_state(arrows, self.search.problem or note, self.search.progress)
