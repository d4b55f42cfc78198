"""JSON that names the causes of each variable, ``{"intensity": ["thickness"], "thickness": []}``, also within the key
``causal_graph`` of a larger file, as the configurations of the counterfactual benchmark have it."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from explorer.causal.formats.base import GraphFile, checked_graph
from explorer.causal.formats.json_text import json_object, looks_like_json
from explorer.causal.formats.own_json import NAME as OWN
from explorer.errors import CausalError
from explorer.scene.causal_graph import Variable

KEY = "causal_graph"


class ParentsJson:
    name: ClassVar[str] = "parents"
    title: ClassVar[str] = "JSON of the causes of each variable"
    suffixes: ClassVar[tuple[str, ...]] = (".json",)
    keeps: ClassVar[frozenset[str]] = frozenset()

    def recognises(self, text: str) -> bool:
        return looks_like_json(text) and f'"{OWN}"' not in text

    def read(self, text: str) -> GraphFile:
        document: Any = json_object(text) or {}
        document = document.get(KEY, document)
        causes = _causes(document)
        names = dict.fromkeys((*causes, *(parent for parents in causes.values() for parent in parents)))
        edges = [(parent, name) for name, parents in causes.items() for parent in parents]
        return GraphFile(graph=checked_graph([Variable(name=name) for name in names], edges))

    def write(self, file: GraphFile) -> str:
        graph = file.graph
        return json.dumps({name: graph.parents(name) for name in graph.names}, indent=2, ensure_ascii=False) + "\n"


def _causes(document: Any) -> dict[str, list[str]]:
    if not isinstance(document, dict) or not document:
        raise CausalError('it names no variables; write {"effect": ["cause"], "cause": []}')
    for name, parents in document.items():
        if not isinstance(parents, list) or not all(isinstance(parent, str) for parent in parents):
            raise CausalError(f"'{name[:50]}' is followed by something else than a list of the names of its causes")
    return document


FORMAT = ParentsJson()
