"""The program's own graph files: JSON that keeps all there is, variables with their kinds and ranges."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from explorer.causal.formats.base import PARTS, GraphFile, checked_graph
from explorer.causal.formats.json_text import json_object, looks_like_json
from explorer.errors import CausalError
from explorer.scene.causal_graph import CausalGraph, Variable

NAME = "latent-explorer-graph"
VERSION = 1


class OwnJson:
    name: ClassVar[str] = "graph"
    title: ClassVar[str] = "Latent Explorer's JSON"
    suffixes: ClassVar[tuple[str, ...]] = (".graph.json",)
    keeps: ClassVar[frozenset[str]] = frozenset(PARTS)

    def recognises(self, text: str) -> bool:
        return looks_like_json(text) and f'"{NAME}"' in text

    def read(self, text: str) -> GraphFile:
        document = json_object(text) or {}
        if document.pop("format", None) != NAME:
            raise CausalError(f"its field 'format' is not '{NAME}'")
        version = document.pop("version", None)
        if type(version) is not int or version < 1:
            raise CausalError("its field 'version' must be a positive whole number")
        if version > VERSION:
            raise CausalError(f"it was written by a newer Latent Explorer (format {version}); update the program")
        _check_fields(document, {*CausalGraph.__struct_fields__, "roles"}, "a graph")
        variables = document.get("variables")
        for variable in variables if isinstance(variables, list) else ():
            if isinstance(variable, dict):
                _check_fields(variable, set(Variable.__struct_fields__), "a variable")
        try:
            roles = msgspec.convert(document.pop("roles", ()), tuple[tuple[str, str], ...])
            parts = msgspec.convert(document, _Parts)
        except msgspec.ValidationError as error:
            raise CausalError(str(error).replace("`", "'").replace("$", "the graph")) from error
        graph = checked_graph(parts.variables, parts.edges, parts.confounded, parts.suggested)
        for name, _ in roles:
            graph.variable(name)
        return GraphFile(graph=graph, roles=roles)

    def write(self, file: GraphFile) -> str:
        document: dict[str, Any] = {"format": NAME, "version": VERSION, **msgspec.to_builtins(file.graph)}
        if file.roles:
            document["roles"] = file.roles
        return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


class _Parts(msgspec.Struct):
    """As :class:`CausalGraph`, which is made when it is known how large it is."""

    variables: tuple[Variable, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()
    confounded: tuple[tuple[str, str], ...] = ()
    suggested: tuple[tuple[str, str], ...] = ()


def _check_fields(document: dict[str, Any], fields: set[str], of: str) -> None:
    if unknown := sorted(document.keys() - fields):
        raise CausalError(f"there is no field '{unknown[0][:50]}' in {of}")


FORMAT = OwnJson()
