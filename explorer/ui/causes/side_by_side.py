"""Panes beside each other that differ in what they show of a do(), or in the graph that it follows."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from explorer.scene import editing
from explorer.scene.causal_graph import CausalGraph
from explorer.scene.model import PaneView
from explorer.scene.views import EFFECTS
from explorer.ui.actions.action_rows import ActionRow
from explorer.ui.actions.actions import ActionTable
from explorer.ui.causes import text
from explorer.ui.state.controller import Controller

OF_DO: tuple[PaneView, ...] = ("unmoved", "image", "difference", "truth")
NAME = "Another graph"
LONGEST_NAME = 40  # letters of a pane's name in the title of the dock

# fmt: off
ROWS = (
    ActionRow("another_graph", "Compare with another graph", "View", needs_model=True,
        tool_tip="A second pane of the same picture whose graph can be drawn otherwise; one slider moves both"),
    ActionRow("views_of_do", "Views of do() side by side", "View", needs_model=True,
        tool_tip="Four panes of the same do(): factual, counterfactual, difference, truth"),
    ActionRow("effects_of_do", "Effects of do() side by side", "View", needs_model=True,
        tool_tip="Three panes: signed maps of what do() changes of the picture, in all, by itself and by its effects"),
)
# fmt: on

WITHOUT_GRAPH: tuple[PaneView, ...] = ("unmoved", "truth")
"""Views of a pane that are the same under any graph."""


class SideBySide(QObject):
    """The actions that put panes of one do() beside each other."""

    graph_wanted = Signal()  # the selected pane has a graph that is to be drawn otherwise

    def __init__(self, controller: Controller, actions: ActionTable, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        actions.bind("another_graph", self.another_graph)
        actions.bind("views_of_do", self.views_of_do)
        actions.bind("effects_of_do", self.effects_of_do)

    def another_graph(self) -> None:
        """A copy of the selected pane after it, selected, whose graph is ready to be edited."""
        controller, scene = self._controller, self._controller.scene
        index = scene.selected
        if not self._sets_variables():
            return
        if scene.panes[index].controls.path:
            controller.say(text.OF_A_FILE, "refusal")
            return
        taken = {pane.name for pane in scene.panes}
        names = (NAME, *(f"{NAME} {number}" for number in range(2, len(taken) + 3)))
        view = scene.panes[index].view
        pane = replace(
            scene.panes[index],
            name=next(name for name in names if name not in taken),
            view="image" if view in WITHOUT_GRAPH else view,
        )
        made = replace(editing.insert_pane(scene, index + 1, pane), linked=True)
        controller.apply(made, "Compare with another graph")
        self.graph_wanted.emit()

    def views_of_do(self) -> None:
        """The selected pane as four."""
        self._show(OF_DO, "Show four views of do()")

    def effects_of_do(self) -> None:
        """The selected pane as three maps."""
        self._show(EFFECTS, "Show effects of do()")

    def _show(self, views: Sequence[PaneView], title: str) -> None:
        scene = self._controller.scene
        if self._sets_variables():
            self._controller.apply(editing.with_views(scene, scene.selected, views), title)

    def _sets_variables(self) -> bool:
        """Whether the sliders of the selected pane set variables; where they do not, the window says it."""
        sets = self._controller.sets_variables(self._controller.scene.selected)
        if not sets:
            self._controller.say(text.NO_CAUSES, "refusal")
        return sets


def pane_text(names: Sequence[str], selected: int) -> str:
    """Which pane the dock is about. ``names``: of all panes."""
    if len(names) < 2:
        return "Causes"
    name = names[selected]
    short = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1].rstrip()}…"
    return f"Causes · pane {selected + 1} of {len(names)}: {short}"


def graphs_text(names: Sequence[str], graphs: Sequence[CausalGraph | None], selected: int) -> str:
    """What the graph of the ``selected`` pane has that those of the others have not, and lacks; empty where all are
    the same, or nothing is known. ``names`` and ``graphs`` of all panes, None where there is none."""
    own = graphs[selected]
    panes: dict[str, list[int]] = {}  # what is to be said → of which
    for index, graph in enumerate(graphs):
        if own is None or graph is None or index == selected:
            continue
        more = ", ".join(_arrow(edge) for edge in own.edges if edge not in graph.edges)
        less = ", ".join(_arrow(edge) for edge in graph.edges if edge not in own.edges)
        parts = (f"with {more}" if more else "", f"without {less}" if less else "")
        panes.setdefault(", ".join(filter(None, parts)), []).append(index)
    return " ".join(f"Unlike {_called(names, members)}: {parts}." for parts, members in panes.items() if parts)


def _arrow(edge: tuple[str, str]) -> str:
    return f"{edge[0]} → {edge[1]}"


def _called(names: Sequence[str], panes: Sequence[int]) -> str:
    """``pane 1 (Causes)``, or ``panes 1, 3 (Causes)``."""
    called = ", ".join(dict.fromkeys(names[pane] for pane in panes))
    return f"pane{'s' if len(panes) > 1 else ''} {', '.join(str(pane + 1) for pane in panes)} ({called})"
