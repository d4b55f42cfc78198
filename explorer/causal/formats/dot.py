"""DOT, the language of Graphviz: ``digraph { a -> b; }``. A pair with a hidden common cause is an arrow with two heads
(``dir=both``), as in causal programs that draw with Graphviz. Layouts of other programs are taken over.
"""

from __future__ import annotations

from typing import ClassVar

from explorer.causal.formats.base import GraphFile, checked_graph
from explorer.causal.formats.brace_text import Attributes, kind_of, number, point, quoted, read_braces
from explorer.causal.layout import spread
from explorer.errors import CausalError
from explorer.scene.causal_graph import Variable

POINTS = 72
"""Positions are inches where they are pinned (``!``), and points as Graphviz puts them out; up is positive. One inch is
taken as a node's width here."""


class Dot:
    name: ClassVar[str] = "dot"
    title: ClassVar[str] = "DOT"
    suffixes: ClassVar[tuple[str, ...]] = (".dot", ".gv")
    keeps: ClassVar[frozenset[str]] = frozenset({"places", "confounded"})

    def recognises(self, text: str) -> bool:
        return kind_of(text) in ("digraph", "graph")

    def read(self, text: str) -> GraphFile:
        sketch = read_braces(text)
        edges, confounded = [], []
        for first, sign, last, attributes in sketch.arrows:
            heads = attributes.get("dir", "forward").lower()
            if sketch.kind != "digraph" or sign not in ("->",) or heads not in ("forward", "back", "both"):
                raise CausalError(
                    f"'{first[:50]}' and '{last[:50]}' are joined without a direction; write digraph and ->"
                )
            if heads == "both":
                confounded.append((first, last))
            else:
                edges.append((first, last) if heads == "forward" else (last, first))
        variables = [Variable(name=name, at=_place(attributes)) for name, attributes in sketch.nodes.items()]
        return GraphFile(graph=spread(checked_graph(variables, edges, confounded)))

    def write(self, file: GraphFile) -> str:
        graph = file.graph
        lines = ["digraph {"]
        for variable in graph.variables:
            at = variable.at
            place = f' [pos="{number(at[0])},{number(-at[1])}!"]' if at is not None else ""
            lines.append(f"  {quoted(variable.name)}{place};")
        lines += [f"  {quoted(cause)} -> {quoted(effect)};" for cause, effect in graph.edges]
        lines += [f"  {quoted(a)} -> {quoted(b)} [dir=both, style=dashed];" for a, b in graph.confounded]
        return "\n".join([*lines, "}", ""])


def _place(attributes: Attributes) -> tuple[float, float] | None:
    text = attributes.get("pos", "")
    at = point(text)
    if at is None:
        return None
    unit = 1 if text.strip().endswith("!") else POINTS
    return at[0] / unit, -at[1] / unit


FORMAT = Dot()
