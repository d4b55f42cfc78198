"""Graph files in and out: which format a text is, what it holds, and what a format leaves out when it writes."""

from __future__ import annotations

import json
from functools import cache, partial
from pathlib import Path

import msgspec

import explorer.causal.formats as package
from explorer.causal.formats.base import MOST_BYTES, PARTS, GraphFile, GraphFormat, Part
from explorer.causal.naming import about
from explorer.errors import CausalError, ExplorerError, ModelError, clause, instead
from explorer.files import atomic_write, text_of
from explorer.plugins import declared
from explorer.reading import HashedFile, foreign, read_file, whole
from explorer.scene.causal_graph import CausalGraph, Variable


@cache
def formats() -> dict[str, GraphFormat]:
    """Name → format, sorted by name."""
    kinds: dict[str, GraphFormat] = {kind.name: kind for _, kind in declared(package, "FORMAT")}
    return dict(sorted(kinds.items()))


def read_graph(path: Path) -> GraphFile:
    """The graph in the file at ``path``, of whatever format its text is. Raises :class:`CausalError`."""
    try:
        data = read_file(path, partial(_bounded, path.name))
    except OSError as error:
        raise CausalError(f"'{path}' cannot be read ({error.strerror or error}); choose a graph file.") from error
    except ModelError as error:  # somebody writes it meanwhile
        raise CausalError(str(error)) from error
    return decoded(data, path.name)


def _bounded(name: str, file: HashedFile) -> bytes:
    _check_size(file.size, name)
    return whole(file)


def _check_size(size: int, name: str) -> None:
    if size > MOST_BYTES:
        raise CausalError(f"'{name}' is larger than {MOST_BYTES >> 20} MB; a graph file is smaller than that.")


def decoded(data: bytes, name: str) -> GraphFile:
    """The graph in the bytes of the file called ``name``. Raises :class:`CausalError`, whose sentence has the name."""
    _check_size(len(data), name)
    try:
        text = text_of(data, name)
    except ExplorerError as error:
        raise CausalError(str(error)) from error
    with foreign(Path(name), "a graph file", CausalError):
        kind = next((kind for kind in formats().values() if kind.recognises(text)), None)
        if kind is None:
            titles = ", ".join(kind.title for kind in formats().values())
            raise CausalError(f"'{name}' is no graph file that is known here ({titles}).")
        try:
            return kind.read(text)
        except CausalError as error:
            raise CausalError(f"'{name}' cannot be read as {kind.title}: {clause(error)}.") from error


def graph_of(own: CausalGraph, text: str) -> CausalGraph:
    """The graph that ``text`` describes, about variables of the graph ``own``, which says what they are; ``own`` where
    the text is empty. Raises :class:`CausalError` for what cannot be read, and for other variables."""
    if not text.strip():
        return own
    return about(decoded(text.encode(errors="replace"), "the graph").graph, own)


def short_text(graph: CausalGraph) -> str:
    """``graph`` as :func:`graph_of` reads it, in few words: its arrows and its hidden common causes, for settings."""
    if not graph.confounded:
        return json.dumps({name: list(graph.parents(name)) for name in graph.names}, ensure_ascii=False)
    bare = tuple(msgspec.structs.replace(variable, at=None) for variable in graph.variables)
    text = formats()["dagitty"].write(GraphFile(graph=msgspec.structs.replace(graph, variables=bare)))
    return " ; ".join(text.split("\n")[1:-2]).join(("dag { ", " }"))


def format_of(path: Path) -> str:
    """The name of the format that the suffix of ``path`` says. Raises :class:`CausalError` naming those there are."""
    suffixes = {suffix: kind.name for kind in formats().values() for suffix in kind.suffixes}
    fitting = [suffix for suffix in suffixes if path.name.lower().endswith(suffix)]
    if not fitting:
        raise CausalError(f"'{path.name}' ends in none of {', '.join(suffixes)}, by which a graph's format is told.")
    return suffixes[max(fitting, key=len)]


def encoded(file: GraphFile, format_name: str) -> bytes:
    """``file`` in the format called ``format_name``. Raises :class:`CausalError`."""
    if format_name not in formats():
        raise CausalError(f"There is no graph format '{format_name}'; {instead(format_name, formats())}")
    text = formats()[format_name].write(file)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise CausalError(f"The graph holds a name that cannot be written as text: {error.object!r}.") from error


def write_graph(path: Path, file: GraphFile, format_name: str) -> None:
    """Write ``file`` to ``path``. Raises :class:`CausalError` and :class:`explorer.errors.ExportError`."""
    atomic_write(path, encoded(file, format_name))


def left_out(file: GraphFile, format_name: str) -> tuple[Part, ...]:
    """What ``file`` has that the format does not keep: keys of :data:`explorer.causal.formats.base.PARTS`."""
    has = {
        "kinds": any(v != Variable(name=v.name, at=v.at) for v in file.graph.variables),
        "places": any(v.at is not None for v in file.graph.variables),
        "confounded": bool(file.graph.confounded),
        "suggested": bool(file.graph.suggested),
        "roles": bool(file.roles),
    }
    return tuple(part for part in PARTS if has[part] and part not in formats()[format_name].keeps)


def left_out_sentence(file: GraphFile, format_name: str) -> str:
    """The same for the user; empty where nothing is left out."""
    parts = [PARTS[part] for part in left_out(file, format_name)]
    return f"{formats()[format_name].title} does not keep {', '.join(parts)}." if parts else ""
