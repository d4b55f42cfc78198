"""Changes of the graph that is drawn in the selected pane, each one step of undo; it is a setting of the method."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from PySide6.QtCore import QObject, Signal

from explorer.causal.formats.registry import graph_of, short_text
from explorer.causal.kinds_text import kinds_of, kinds_text
from explorer.errors import CausalError
from explorer.scene import editing
from explorer.scene.causal_graph import CausalGraph, Edge, Variable
from explorer.scene.causes import BINDING, Bindings, bindings_of
from explorer.scene.model import ControlSetRef
from explorer.ui.causes import text
from explorer.ui.causes.asking import Descriptions
from explorer.ui.state.controller import Controller

Places = dict[str, tuple[float, float]]


class GraphEditing(QObject):
    """``shown``: where the nodes stand now. Suggested arrows are kept here, for they count for nothing: ``suggested``,
    and ``refused`` those that were refused, of the model ``suggested_for``."""

    unchanged = Signal()  # a change was refused: what a hand has moved stands where it stood
    suggestions_changed = Signal()

    def __init__(
        self, controller: Controller, descriptions: Descriptions, shown: Callable[[], Places], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._controller, self._descriptions, self._shown = controller, descriptions, shown
        self.suggested: tuple[Edge, ...] = ()
        self.refused: tuple[Edge, ...] = ()

    @property
    def controls(self) -> ControlSetRef:
        """The set of the selected pane."""
        scene = self._controller.scene
        return scene.panes[scene.selected].controls

    def own(self) -> CausalGraph | None:
        """The graph that comes with the model, with all its variables; None while that is not known."""
        report, outcome = self._descriptions.report, self._controller.outcomes.outcome
        return report.own if report is not None else outcome.graph if outcome is not None else None

    def graph(self) -> CausalGraph | None:
        """What was drawn last, also while its mechanisms are fitted, with what is suggested; the last that was followed
        where a hand has written what cannot be read. None where nothing is known."""
        outcome, own = self._controller.outcomes.outcome, self.own()
        if outcome is None or own is None:
            return None
        card, setting = self._controller.controls_card(), str(dict(self.controls.settings).get("graph", ""))
        if card is not None and card.graph is not None:
            return with_suggested(card.graph, self.suggested)
        try:
            graph = graph_of(own if setting else outcome.graph, setting)
        except CausalError:
            graph = outcome.graph
        return with_suggested(graph, self.suggested)

    def left_out(self) -> tuple[str, ...]:
        """Variables of the model that the graph does not have."""
        own, graph = self.own(), self.graph()
        return tuple(name for name in own.names if name not in graph.names) if own and graph else ()

    @property
    def binds(self) -> bool:
        """Whether variables may be bound to controls."""
        return self.controls.method == BINDING and not self.controls.path

    # --- changes ---

    def draw(self, cause: str, effect: str) -> None:
        """An arrow more, unless it would close a circle."""
        self._changed(lambda graph: graph.with_edge(cause, effect), f"Draw {cause} → {effect}")

    def remove(self, cause: str, effect: str) -> None:
        """An arrow less."""
        self._changed(lambda graph: graph.without_edge(cause, effect), f"Take away {cause} → {effect}")

    def tie(self, first: str, last: str) -> None:
        """A hidden common cause more."""
        self._changed(lambda graph: graph.with_confounded(first, last), f"Draw {first} ↔ {last}")

    def untie(self, first: str, last: str) -> None:
        """A hidden common cause less."""
        self._changed(lambda graph: graph.without_confounded(first, last), f"Take away {first} ↔ {last}")

    def add(self, name: str) -> None:
        """A variable of the model that was left out, without an arrow, in the order of the model's variables."""
        own = self.own()
        if own is None:
            return

        def added(graph: CausalGraph) -> CausalGraph:
            names = {*graph.names, own.variable(name).name}
            variables = tuple(variable for variable in own.variables if variable.name in names)
            return msgspec.structs.replace(graph, variables=variables)

        self._changed(added, f"Add {name} to the graph")

    def bind(self, bindings: Bindings) -> None:
        """Controls that are variables, in place of those that were; the graph has them without an arrow."""
        if self.controls.path:
            self._controller.say(text.OF_A_FILE, "refusal")
            return
        scene, graph = self._controller.scene, self.graph()
        names = {variable for variable, _ in bindings.variables}
        gone = {variable for variable, _ in bindings_of(self.controls).variables} - names
        settings = {"controls": bindings.source, "control": bindings.setting}
        if graph is not None and dict(self.controls.settings).get("graph"):
            for name in gone & set(graph.names):
                graph = graph.without_variable(name)
            new = tuple(Variable(name=name) for name in sorted(names - set(graph.names)))
            graph = msgspec.structs.replace(graph, variables=(*graph.variables, *new), suggested=())
            settings["graph"] = short_text(graph)
        changed = editing.with_same_controls(scene, scene.selected, text.with_settings(self.controls, settings))
        changed = editing.without_moves(changed, scene.selected, gone)
        self._controller.apply(changed, f"Bind {', '.join(sorted(names))}" if names else "Bind no controls")

    def leave_out(self, name: str) -> None:
        """A variable less, and its arrows; the picture keeps it as it is."""
        graph = self.graph()
        if graph is not None and len(graph.names) == 1:
            self._controller.say(f"'{name}' is the last variable of the graph; it stays.", "refusal")
            return
        self._changed(lambda graph: graph.without_variable(name), f"Leave {name} out of the graph")

    def take(self, graph: CausalGraph, title: str) -> None:
        """Another graph about variables of the model, such as that of a file; nodes stand where it says."""
        places = {variable.name: variable.at for variable in graph.variables if variable.at is not None}
        layout = text.layout_setting(places) if len(places) == len(graph.variables) else ""
        self._suggest((*self.suggested, *graph.suggested))
        self._apply(graph, title, layout)

    def own_again(self) -> None:
        """The model's own graph, and its own mechanisms."""
        self.change("Take the model's own graph", graph="", mechanisms="")

    def lay_out(self) -> None:
        """Nodes stand where the layout puts them."""
        self.change("Lay out the graph", layout="")

    def place(self, name: str, across: float, down: float) -> None:
        """A node stands there, and the others where they do."""
        places = {**self._shown(), name: (across, down)}
        self.change(f"Move {name} in the graph", layout=text.layout_setting(places))

    def set_kind(self, name: str, kind: str) -> None:
        """The mechanism of ``name`` is of that kind; empty: of the kind that fits best."""
        kinds = {**self.kinds(), name: kind}
        chosen = kinds_text({each: value for each, value in kinds.items() if value})
        self.change(f"Mechanism of {name}: {kind.replace('_', ' ') or 'as it fits'}", mechanisms=chosen)

    def kinds(self) -> dict[str, str]:
        """The kinds of mechanisms that were chosen; none where a hand has written something else."""
        try:
            return kinds_of(str(dict(self.controls.settings).get("mechanisms", "")))
        except CausalError:
            return {}

    # --- suggestions ---

    def suggest(self, arrows: tuple[Edge, ...]) -> None:
        """These are suggested, in place of others."""
        self._suggest(tuple(pair for pair in arrows if pair not in self.refused))

    def accept(self, cause: str, effect: str) -> None:
        """A suggested arrow is drawn."""
        self.draw(cause, effect)
        self._suggest(tuple(pair for pair in self.suggested if set(pair) != {cause, effect}))

    def refuse(self, cause: str, effect: str) -> None:
        """A suggested arrow is gone, and is not suggested again."""
        self.refused = (*self.refused, (cause, effect))
        self._suggest(tuple(pair for pair in self.suggested if pair != (cause, effect)))

    def forget_suggestions(self) -> None:
        """They are of another model."""
        self.refused = ()
        self._suggest(())

    def _suggest(self, arrows: tuple[Edge, ...]) -> None:
        if arrows != self.suggested:
            self.suggested = tuple(dict.fromkeys(arrows))
            self.suggestions_changed.emit()

    # --- inside ---

    def _changed(self, change: Callable[[CausalGraph], CausalGraph], title: str) -> None:
        graph = self.graph()
        if graph is None:
            return
        try:
            changed = change(msgspec.structs.replace(graph, suggested=()))
        except CausalError as error:
            self._controller.say(str(error), "refusal")
            return
        places = {name: at for name, at in self._shown().items() if name in changed.names}
        self._apply(changed, title, text.layout_setting(places))

    def _apply(self, graph: CausalGraph, title: str, layout: str) -> None:
        kinds = {name: kind for name, kind in self.kinds().items() if name in graph.names}
        self.change(title, graph=short_text(graph), layout=layout, mechanisms=kinds_text(kinds))

    def change(self, title: str, **settings: str) -> None:
        """One step of undo: the graph, its mechanisms, or where its nodes stand; what is set stays set, if it is still
        a variable."""
        scene = self._controller.scene
        if self.controls.path:
            self._controller.say(text.OF_A_FILE, "refusal")
            self.unchanged.emit()
            return
        controls, own = text.with_settings(self.controls, settings), self.own()
        changed = editing.with_same_controls(scene, scene.selected, controls)
        if own is not None and "graph" in settings:
            graph = graph_of(own, settings["graph"])
            gone = frozenset(own.names) - frozenset(graph.names)
            outcome = self._controller.outcomes.outcome
            told = outcome.variables if outcome is not None else ()
            noises = frozenset(one.noise_control for one in told if one.name in gone)
            changed = editing.without_moves(changed, scene.selected, gone | noises)
        self._controller.apply(changed, title)


def with_suggested(graph: CausalGraph, arrows: tuple[Edge, ...]) -> CausalGraph:
    """``graph`` with those of the suggested ``arrows`` that it can still take."""
    taken = {frozenset(pair) for pair in graph.edges}
    fitting = tuple(
        (cause, effect)
        for cause, effect in arrows
        if {cause, effect} <= set(graph.names)
        and frozenset((cause, effect)) not in taken
        and cause not in graph.descendants([effect])
    )
    return msgspec.structs.replace(graph, suggested=fitting)
