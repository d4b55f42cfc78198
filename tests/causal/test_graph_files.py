"""Graph files: round trips by law, the texts of other programs, and what is hostile, damaged or not understood."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import msgspec
import pytest
from every_graph import graph_of
from hypothesis import given
from hypothesis import strategies as st

from explorer.causal.formats.base import MOST_ARROWS, MOST_BYTES, MOST_VARIABLES, GraphFile
from explorer.causal.formats.registry import (
    decoded,
    encoded,
    formats,
    left_out,
    left_out_sentence,
    read_graph,
    write_graph,
)
from explorer.errors import CausalError, ExportError
from explorer.scene.causal_graph import CausalGraph, Variable, VariableKind

NAMES = st.one_of(
    st.sampled_from(
        ["node", "graph", "a b", 'q"uote', "back\\slash", "ü→", "-1", "x.1", "dag", "bb", "{", "end\\", "#"]
    ),
    st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=8),
)
ROLES = ("exposure", "outcome", "adjusted", "selected")


@st.composite
def variables(draw: st.DrawFn, name: str, place: int) -> Variable:
    kind: VariableKind = draw(st.sampled_from(["number", "cyclic", "binary", "category"]))
    labels = {"binary": ("no", "yes"), "category": ("a", "b", "c")}.get(kind, ())
    low = draw(st.one_of(st.none(), st.floats(-10, 10))) if kind == "number" else 0.0 if kind == "cyclic" else None
    high = None if low is None else low + 7.25
    at = draw(st.one_of(st.none(), st.just((place * 1.25, draw(st.integers(-40, 40)) / 8))))
    return Variable(
        name=name, kind=kind, low=low, high=high, unit=draw(st.sampled_from(["", "°"])), labels=labels, at=at
    )


@st.composite
def files(draw: st.DrawFn) -> GraphFile:
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    causal = draw(st.permutations(names))
    pairs = [(a, b) for place, a in enumerate(causal) for b in causal[place + 1 :]]
    some = st.lists(st.sampled_from(pairs), unique=True) if pairs else st.just([])
    graph = CausalGraph(
        variables=tuple(draw(variables(name, place)) for place, name in enumerate(names)),
        edges=tuple(draw(some)),
        confounded=tuple(draw(some)),
        suggested=tuple(draw(some)),
    )
    roles = tuple((name, role) for name in names for role in ROLES if draw(st.integers(0, 4)) == 0)
    return GraphFile(graph=graph, roles=roles)


@given(files())
def test_our_own_files_keep_everything(file: GraphFile) -> None:
    assert left_out(file, "graph") == ()
    assert decoded(encoded(file, "graph"), "g.graph.json") == file


@given(files(), st.sampled_from(["dot", "dagitty", "parents"]))
def test_other_formats_keep_what_they_say_that_they_keep(file: GraphFile, name: str) -> None:
    keeps = formats()[name].keeps
    back = decoded(encoded(file, name), "file")
    graph = file.graph
    kept = CausalGraph(
        variables=tuple(Variable(name=v.name, at=v.at if "places" in keeps else None) for v in graph.variables),
        edges=graph.edges,
        confounded=graph.confounded if "confounded" in keeps else (),
    )
    assert back.graph == kept
    assert back.roles == (file.roles if "roles" in keeps else ())
    assert (left_out(file, name) == ()) == (back.graph == graph and back.roles == file.roles)
    assert (left_out_sentence(file, name) == "") == (left_out(file, name) == ())


@pytest.mark.parametrize(
    ("text", "edges", "confounded"),
    [
        ('{"intensity": ["thickness"], "thickness": []}', "thickness>intensity", ""),
        ('{"dataset": "morpho", "causal_graph": {"i": ["t"], "t": []}, "attribute_size": {"t": 1}}', "t>i", ""),
        ('\ufeff {"y": ["x"]}', "x>y", ""),
        ("digraph G { a -> b -> c; a -> {c d} [color=red]; }", "a>b b>c a>c a>d", ""),
        (
            'strict digraph{rankdir=LR; node [shape=box]; a; subgraph cluster_0 {label="A" a->b} b:n->c:s}',
            "a>b b>c",
            "",
        ),
        ("// of mine\n# cpp\ndigraph { /* a->z */ a -> b [dir=back] a -> c [dir=both, style=dashed] }", "b>a", "a-c"),
        ("digraph { edge [dir=both] a -> b }", "", "a-b"),
        ('digraph { "a b" -> "c\\"d" }', 'a b>c"d', ""),
        ("dag { x -> m -> y  x <-> y  m <- {a b} }", "x>m m>y a>m b>m", "x-y"),
        ('dag{\nbb="0,0,1,1"\nx [exposure,pos="-1.2,0.3"]\ny [outcome,pos="0.9,0.3"]\nx -> y\n}\n', "x>y", ""),
        ("dag { {a b} -> {c d}; e }", "a>c a>d b>c b>d", ""),
        ("dag { a->b<-c->d<->e }", "a>b c>b c>d", "d-e"),
        ("DAG test { u [latent] a->u u->x u->y s<->u }", "a>x a>y", "x-y s-x s-y"),
    ],
)
def test_texts_of_other_programs(text: str, edges: str, confounded: str) -> None:
    graph = decoded(text.encode(), "file").graph
    assert {f"{a}>{b}" for a, b in graph.edges} == set(edges.split(" ") if "a b" not in edges else [edges]) - {""}
    assert {frozenset(pair) for pair in graph.confounded} == {frozenset(word.split("-")) for word in confounded.split()}


def test_roles_are_kept_and_latent_variables_are_said() -> None:
    file = decoded(b"dag { x [exposure] y [o] u [unobserved] z [adjusted] s [selected] u->x u->y z->x x->y y->s }", "f")
    assert file.roles == (("x", "exposure"), ("y", "outcome"), ("z", "adjusted"), ("s", "selected"))
    assert "Latent in the file: 'u'" in file.notes[0]
    assert "selected by 's'" in file.notes[1]
    assert decoded(encoded(file, "dagitty"), "f").roles == file.roles


def test_lines_without_a_direction_are_suggestions_where_the_file_means_that() -> None:
    file = decoded(b"pdag { a -- b  b -> c }", "f")
    assert (file.graph.edges, set(file.graph.suggested)) == ((("b", "c"),), {("a", "b"), ("b", "a")})
    assert file.notes == ("Lines without a direction are suggested arrows, both ways.",)


def test_places_of_other_programs_are_made_large_enough() -> None:
    small = decoded(b'dag { x [pos="0,0"] y [pos="0.1,0"] z [pos="0,0.3"] x->y }', "f").graph
    at = {v.name: v.at for v in small.variables}
    assert at["y"] == pytest.approx((1.1, 0.0))
    assert at["z"] == pytest.approx((0.0, 3.3))
    same = decoded(b'dag { x [pos="0,0"] y [pos="0,0"] }', "f").graph
    assert [v.at for v in same.variables] == [None, None]
    points = decoded(b'digraph { a [pos="72,144"]; b [pos="3,-1!"]; c [pos="1,e"] }', "f").graph
    assert [v.at for v in points.variables] == [(1.0, -2.0), (3.0, 1.0), None]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no graph file that is known here"),
        ("x -> y", "no graph file that is known here"),
        ("\x7fELF\x00\x01", "no graph file that is known here"),
        ("digraph { a -> ", "line 1: its end is missing"),
        ("digraph {\n a -> b\n", "line 3: '}' is missing"),
        ("digraph { a -> b } c", "something follows after the last brace"),
        ("digraph {\n\n a => b }", "line 3: '> b }' is not understood"),
        ("digraph { a -> b -> a }", "circle: a → b → a"),
        ("digraph { a -> a }", "'a' cannot be its own cause"),
        ("graph { a -- b }", "joined without a direction"),
        ("digraph { a -> b [dir=none] }", "joined without a direction"),
        ("digraph { node -> b }", "no variable can be called 'node'"),
        ("digraph { a -> b [label=<b>] }", "is not understood"),
        ('digraph { "' + "n" * 300 + '" }', "cannot be the name of a variable"),
        ('digraph { "" -> a }', "'' cannot be the name of a variable"),
        ("digraph " + "{" * 10_000, "nested too deeply"),
        ("dag { a @-> b }", "'a @-> b' has no direction"),
        ("mag { a -> b }", "it is a 'mag'"),
        ("dag { a -- b }", "has no direction"),
        (
            "dag { " + " ".join(f"v{i}" for i in range(MOST_VARIABLES + 1)) + "}",
            f"more than {MOST_VARIABLES} variables",
        ),
        (
            "dag { "
            + "{%s} -> {%s} " * 2 % ((" ".join(f"v{i}" for i in range(249)), " ".join(f"w{i}" for i in range(249))) * 2)
            + "}",
            f"more than {MOST_ARROWS} arrows",
        ),
        ("{", "its JSON is damaged at line 1"),
        ("{}", "it names no variables"),
        ('{"a": ["b"], "a": ["c"]}', "'a' stands there twice"),
        ('{"a": "b"}', "something else than a list"),
        ('{"a": [1]}', "something else than a list"),
        ('{"a": ["b"], "b": ["a"]}', "circle"),
        ('{"causal_graph": []}', "it names no variables"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
        ('{"a": [' + "9" * 5000 + "]}", "something else than a list|a number that is too long"),
        (json.dumps({f"v{i}": [] for i in range(600)}), "it has 600 variables"),
        ('{"format": "latent-explorer-graph"}', "'version' must be"),
        ('{"format": "latent-explorer-graph", "version": 2}', "written by a newer"),
        ('{"format": "latent-explorer-graph", "version": 1, "nodes": []}', "no field 'nodes' in a graph"),
        (
            '{"format": "latent-explorer-graph", "version": 1, "variables": [{"nam": 1}]}',
            "no field 'nam' in a variable",
        ),
        ('{"format": "latent-explorer-graph", "version": 1, "variables": [{"name": 1}]}', "expected 'str'"),
        ('{"format": "latent-explorer-graph", "version": 1, "variables": 7}', "expected 'array'"),
        ('{"format": "latent-explorer-graph", "version": 1, "edges": [["a", "b"]]}', "no variable 'a'"),
        ('{"format": "latent-explorer-graph", "version": 1, "roles": [["a", "exposure"]]}', "no variable 'a'"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(CausalError, match=sentence) as error:
        decoded(text.encode(), "mine.txt")
    assert str(error.value).startswith("'mine.txt'")
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400
    assert not re.search(r": [A-Z][a-z ]", str(error.value))  # a sentence within a sentence has no capital


@given(
    st.binary(max_size=40),
    st.sampled_from([b"", b"digraph {", b"dag { a -> b ", b'{"a": [', b'{"format": "latent-explorer-graph",']),
    st.sampled_from([b"", b"}", b"]}"]),
)
def test_no_text_does_anything_but_refuse_where_it_holds_no_graph(middle: bytes, start: bytes, end: bytes) -> None:
    try:
        graph = decoded(start + middle + end, "f").graph
    except CausalError:
        return
    assert decoded(encoded(GraphFile(graph=graph), "graph"), "f").graph == graph


def test_files_are_read_and_written(tmp_path: Path) -> None:
    file = GraphFile(graph=graph_of("a>b b-c"))
    path = tmp_path / "deep" / "g.dagitty"
    write_graph(path, file, "dagitty")
    assert read_graph(path) == file
    with pytest.raises(CausalError, match=r"'.*none.dot' cannot be read \(No such file"):
        read_graph(tmp_path / "none.dot")
    with pytest.raises(CausalError, match=r"cannot be read \(Is a directory\); choose a graph file"):
        read_graph(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(CausalError, match=r"pipe' cannot be read .it is no regular file"):
            read_graph(tmp_path / "pipe")
    (tmp_path / "big.dot").write_bytes(b" " * (MOST_BYTES + 1))
    with pytest.raises(CausalError, match=r"'big\.dot' is larger than 4 MB"):
        read_graph(tmp_path / "big.dot")
    (tmp_path / "latin.dot").write_bytes("digraph { é }".encode("latin-1"))
    with pytest.raises(CausalError, match=r"'latin\.dot' is not encoded in UTF-8"):
        read_graph(tmp_path / "latin.dot")
    (tmp_path / "wide.dot").write_bytes("digraph { é -> ü }".encode("utf-16"))
    assert read_graph(tmp_path / "wide.dot").graph.edges == (("é", "ü"),)
    with pytest.raises(ExportError):
        write_graph(tmp_path / ("n" * 300), file, "dot")
    with pytest.raises(CausalError, match="no graph format 'gml'; there are: dagitty, dot, graph, parents"):
        encoded(file, "gml")


def test_what_a_format_leaves_out_is_said() -> None:
    graph = graph_of("a>b b-c")
    graph = graph.changed("a", Variable(name="a", kind="binary", at=(0.0, 0.0)))
    graph = msgspec.structs.replace(graph, suggested=(("a", "c"),))
    assert left_out(GraphFile(graph=graph), "dot") == ("kinds", "suggested")
    assert left_out_sentence(GraphFile(graph=graph), "parents") == (
        "JSON of the causes of each variable does not keep kinds, ranges, units and labels of variables, where the "
        "nodes are drawn, hidden common causes, arrows that are only suggested."
    )
