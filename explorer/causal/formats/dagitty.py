"""DAGitty text: ``dag { x [exposure, pos="0,1"]  x -> y  a <-> b }``, as dagitty.net and its packages write it.

A latent variable is one that nobody measures: the graph is read without it, and what it causes has a hidden common
cause. Roles count for nothing here, and are written again.
"""

from __future__ import annotations

from typing import ClassVar

from explorer.causal.formats.base import GraphFile, checked_graph
from explorer.causal.formats.brace_text import kind_of, number, point, quoted, read_braces
from explorer.causal.layout import spread
from explorer.causal.separation import projected
from explorer.errors import CausalError
from explorer.scene.causal_graph import Variable

_ROLES = {
    "exposure": ("exposure", "source", "e"),
    "outcome": ("outcome", "target", "o"),
    "adjusted": ("adjusted", "a"),
    "selected": ("selected", "s"),
    "latent": ("latent", "l", "unobserved", "u"),
}


class Dagitty:
    name: ClassVar[str] = "dagitty"
    title: ClassVar[str] = "DAGitty text"
    suffixes: ClassVar[tuple[str, ...]] = (".dagitty", ".txt")
    keeps: ClassVar[frozenset[str]] = frozenset({"places", "confounded", "roles"})

    def recognises(self, text: str) -> bool:
        return kind_of(text) in ("dag", "pdag", "mag", "pag")

    def read(self, text: str) -> GraphFile:
        sketch = read_braces(text)
        if sketch.kind not in ("dag", "pdag"):
            raise CausalError(f"it is a '{sketch.kind}', whose marks say what is known of many graphs; write a 'dag'")
        edges, confounded, suggested = [], [], []
        for first, sign, last, _ in sketch.arrows:
            if sign == "->":
                edges.append((first, last))
            elif sign == "<-":
                edges.append((last, first))
            elif sign == "<->":
                confounded.append((first, last))
            elif sign == "--" and sketch.kind == "pdag":
                suggested += [(first, last), (last, first)]
            else:
                raise CausalError(f"'{first[:50]} {sign} {last[:50]}' has no direction; write ->, <- or <->")
        variables = [Variable(name=name, at=point(of.get("pos", ""))) for name, of in sketch.nodes.items()]
        graph = spread(checked_graph(variables, edges, confounded, suggested))
        roles = [
            (name, role)
            for name, of in sketch.nodes.items()
            for role, words in _ROLES.items()
            if any(word in of for word in words)
        ]
        latent = [name for name, role in roles if role == "latent"]
        others = tuple((name, role) for name, role in roles if name not in latent)
        return GraphFile(graph=projected(graph, latent), roles=others, notes=_notes(latent, others, bool(suggested)))

    def write(self, file: GraphFile) -> str:
        graph = file.graph
        lines = ["dag {"]
        for variable in graph.variables:
            at = variable.at
            words = [role for name, role in file.roles if name == variable.name and role in _ROLES]
            words += [f'pos="{number(at[0])},{number(at[1])}"'] if at is not None else []
            lines.append(quoted(variable.name) + (f" [{','.join(words)}]" if words else ""))
        lines += [f"{quoted(cause)} -> {quoted(effect)}" for cause, effect in graph.edges]
        lines += [f"{quoted(a)} <-> {quoted(b)}" for a, b in graph.confounded]
        return "\n".join([*lines, "}", ""])


def _notes(latent: list[str], roles: tuple[tuple[str, str], ...], has_suggested: bool) -> tuple[str, ...]:
    notes = []
    if latent:
        listed = ", ".join(f"'{name}'" for name in latent)
        notes.append(f"Latent in the file: {listed}; what they cause shares a hidden cause here.")
    if selected := [name for name, role in roles if role == "selected"]:
        listed = ", ".join(f"'{name}'" for name in selected)
        notes.append(
            f"The file says that its rows were selected by {listed}; the graph here does not account for that."
        )
    if has_suggested:
        notes.append("Lines without a direction are suggested arrows, both ways.")
    return tuple(notes)


FORMAT = Dagitty()
