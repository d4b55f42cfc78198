"""What the Causes dock asks the engine beside what do() makes of a picture: of the variables, once a model and a set;
of the graph that is drawn, while somebody looks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from PySide6.QtCore import QObject

from explorer.causal.model_report import CausesReport, GraphCheck
from explorer.scene.causal_graph import CausalGraph
from explorer.scene.model import ControlSetRef
from explorer.service.replies import CausesDescribed, GraphChecked
from explorer.service.requests import CheckGraph, DescribeCauses
from explorer.ui.causes import side_text, text
from explorer.ui.state.controller import Controller
from explorer.ui.state.newest import UNNUMBERED, Newest


class Descriptions(Newest[DescribeCauses, CausesDescribed]):
    """Of the set of the selected pane; while another one is fitted, what was known of the model stays."""

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(controller, CausesDescribed, parent)
        self._controller = controller

    @property
    def report(self) -> CausesReport | None:
        """The answer, if it is about the model of the selected pane."""
        scene = self._controller.scene
        if self.answer is None or self.answered is None or self.answered.model != scene.model_of(scene.selected):
            return None
        return self.answer.report

    @property
    def awaited(self) -> str:
        """Why :attr:`report` is not about the mechanisms of now, or will not be; empty where it is."""
        if self.answered is not None and self.answered == self.question():
            return ""
        scene = self._controller.scene
        why = self._controller.catalogue.problem(scene.model_of(scene.selected), scene.panes[scene.selected].controls)
        return why or self.problem or side_text.AWAITED

    def applies(self) -> bool:
        return self._controller.outcomes.applies()

    def question(self) -> DescribeCauses | None:
        scene = self._controller.scene
        if self._controller.controls_card() is None:
            return None
        controls = without_layout(scene.panes[scene.selected].controls)
        return DescribeCauses(request_id=UNNUMBERED, model=scene.model_of(scene.selected), controls=controls)

    def forget(self, *_: object) -> None:
        _forget(self)


class Checks(Newest[CheckGraph, GraphChecked]):
    """Of the graph that ``drawn`` says; None: there is none."""

    def __init__(
        self, controller: Controller, drawn: Callable[[], CausalGraph | None], parent: QObject | None = None
    ) -> None:
        super().__init__(controller, GraphChecked, parent)
        self._controller = controller
        self._drawn = drawn

    @property
    def check(self) -> GraphCheck | None:
        """The answer, if it is about the graph that is drawn now."""
        current = self.answered is not None and self.answered == self.question()
        return self.answer.check if self.answer is not None and current else None

    def question(self) -> CheckGraph | None:
        graph, scene = self._drawn(), self._controller.scene
        if graph is None:
            return None
        controls = without_layout(scene.panes[scene.selected].controls)
        return CheckGraph(
            request_id=UNNUMBERED, model=scene.model_of(scene.selected), graph=bare(graph), controls=controls
        )

    def forget(self, *_: object) -> None:
        _forget(self)


def _forget(asking: Newest[Any, Any]) -> None:
    """A set was found: what is known of a question stays true, and nothing is asked before somebody looks, for it
    takes seconds."""
    if asking.answered is None or asking.question() != asking.answered:
        asking._latest = None


def without_layout(controls: ControlSetRef) -> ControlSetRef:
    """``controls`` wherever the nodes of its graph stand, on which no answer depends."""
    return text.with_settings(controls, {"layout": ""})


def bare(graph: CausalGraph) -> CausalGraph:
    """``graph`` without places and suggestions, of which no question depends."""
    variables = tuple(msgspec.structs.replace(variable, at=None) for variable in graph.variables)
    return msgspec.structs.replace(graph, variables=variables, suggested=())
