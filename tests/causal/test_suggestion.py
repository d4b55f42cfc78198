"""Suggested arrows: by causal-learn where it is installed, its answers read rightly, and everything around it without
it: what is required and forbidden, time, cancelling, faults."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
from every_graph import graph_of

from explorer.causal import suggestion
from explorer.causal.structure_search import arrows_of
from explorer.causal.suggestion import is_installed, suggested
from explorer.errors import Cancelled, CausalError
from explorer.scene.causal_graph import CausalGraph, Variable

needs_causal_learn = pytest.mark.skipif(
    not is_installed(), reason="needs causal-learn (pip install 'latent-explorer[causal]')"
)


def _collider(rows: int = 1500, seed: int = 0) -> dict[str, np.ndarray]:
    """a → c ← b, c → d, all linear: these directions follow from independences."""
    noise = np.random.default_rng(seed).normal(size=(4, rows))
    c = noise[0] + noise[1] + 0.5 * noise[2]
    return {"a": noise[0], "b": noise[1], "c": c, "d": c + 0.5 * noise[3]}


def _bare(*edges: tuple[str, str]) -> CausalGraph:
    return CausalGraph(variables=tuple(Variable(name=name) for name in "abcd"), edges=edges)


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch):
    """A process in place of the one that searches: it runs ``code``."""

    def use(code: str) -> None:
        real = subprocess.Popen
        monkeypatch.setattr(suggestion, "is_installed", lambda: True)
        monkeypatch.setattr(
            suggestion.subprocess, "Popen", lambda command, **pipes: real([sys.executable, "-c", code], **pipes)
        )

    return use


def test_the_marks_of_causal_learn_are_arrows() -> None:
    marks = np.array([[0, 0, -1, 0], [0, 0, -1, 0], [1, 1, 0, -1], [0, 0, -1, 0]])  # a → c ← b, c — d
    assert arrows_of(marks) == [(0, 2), (1, 2), (2, 3), (3, 2)]
    assert arrows_of(np.array([[0, 1], [1, 0]])) == [(0, 1), (1, 0)]
    assert arrows_of(np.zeros((3, 3), dtype=int)) == []


@needs_causal_learn
@pytest.mark.parametrize("method", ["pc", "ges"])
def test_directions_that_follow_from_the_table_are_suggested(method: suggestion.Method) -> None:
    answer = suggested(_bare(), _collider(), method)
    assert set(answer.graph.suggested) == {("a", "c"), ("b", "c"), ("c", "d")}
    assert answer.graph.edges == ()
    assert answer.note.startswith(f"{'PC' if method == 'pc' else 'GES'} on 1500 rows")
    assert suggested(_bare(), _collider(), method) == answer


@needs_causal_learn
def test_kernels_see_what_no_line_sees() -> None:
    a = np.linspace(-1.0, 1.0, 150)
    table = {"a": a, "b": a**2 + 0.05 * np.random.default_rng(1).normal(size=150)}
    graph = CausalGraph(variables=(Variable(name="a"), Variable(name="b")))
    assert suggested(graph, table, "pc").graph.suggested == ()
    assert set(suggested(graph, table, "pc-kci").graph.suggested) == {("a", "b"), ("b", "a")}


@needs_causal_learn
def test_levels_are_counted() -> None:
    random = np.random.default_rng(2)
    a, b = random.integers(0, 2, (2, 2000))
    flip = random.random(2000) < 0.1
    table = {"a": a, "b": b, "c": np.where(flip, 1 - (a | b), a | b)}
    graph = CausalGraph(variables=tuple(Variable(name=name, kind="binary") for name in "abc"))
    for method in ("pc", "ges"):
        assert set(suggested(graph, table, method).graph.suggested) == {("a", "c"), ("b", "c")}


@needs_causal_learn
def test_what_is_agreed_and_what_is_forbidden_is_respected() -> None:
    answer = suggested(_bare(("d", "c")), _collider(), "pc")
    assert answer.graph.edges == (("d", "c"),)
    assert not {("c", "d"), ("d", "c")} & set(answer.graph.suggested)
    for method in ("pc", "ges"):
        assert ("a", "c") not in suggested(_bare(), _collider(), method, forbidden=[("a", "c")]).graph.suggested


def test_nothing_is_suggested_beside_against_or_around_what_is_agreed(answering) -> None:
    answering("import sys; sys.stdin.buffer.read(); print([[0, 1], [1, 0], [2, 0], [0, 2], [3, 1], [1, 3]])")
    answer = suggested(_bare(("a", "b"), ("b", "c")), _collider(), forbidden=[("d", "b")])
    assert answer.graph.suggested == (("a", "c"), ("b", "d")), "not c → a, which closes a circle, nor d → b"
    assert answer.note == (
        "PC on 1500 rows, level 0.05: 2 suggested. Such methods are often wrong; agree only to what you believe."
    )
    free = suggested(_bare(), _collider())
    assert len(free.graph.suggested) == 6
    assert "3 suggested, 3 of them without a direction" in free.note


def test_the_search_ends_in_time_and_when_it_is_cancelled(answering) -> None:
    answering("import time; time.sleep(600)")
    with pytest.raises(CausalError, match=r"did not end within 0\.3 seconds; take fewer variables"):
        suggested(_bare(), _collider(50), seconds=0.3)
    shares: list[float] = []

    def stop(share: float) -> None:
        shares.append(share)
        if len(shares) == 3:
            raise Cancelled

    begun = time.monotonic()
    with pytest.raises(Cancelled):
        suggested(_bare(), _collider(50), progress=stop, seconds=500)
    assert shares == sorted(shares)
    assert time.monotonic() - begun < 300, "the process that slept is not awaited"


def test_a_table_that_is_larger_than_a_pipe_arrives(answering) -> None:
    answering(
        "import sys, time; time.sleep(0.5); data = sys.stdin.buffer.read(); print([[0, 1]] * (len(data) > 300_000))"
    )
    assert suggested(_bare(), _collider(12_000)).graph.suggested == (("a", "b"),)


def test_a_search_that_fails_is_one_sentence(answering) -> None:
    answering("import sys; sys.stdin.buffer.read(); raise ValueError('singular matrix')")
    with pytest.raises(
        CausalError, match=r"could not work with this table \(ValueError: singular matrix\); try another"
    ):
        suggested(_bare(), _collider(50))


def test_without_causal_learn_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggestion, "is_installed", lambda: False)
    with pytest.raises(CausalError, match=r"pip install 'latent-explorer\[causal\]'"):
        suggested(_bare(), _collider(50))


def test_what_cannot_be_searched_is_one_sentence(answering) -> None:
    answering("raise SystemExit(3)")
    mixed = CausalGraph(variables=(Variable(name="k", kind="category", labels=("x", "y", "z")), Variable(name="b")))
    with pytest.raises(CausalError, match="'k' is a category beside numbers"):
        suggested(mixed, {"k": [0, 1, 2], "b": [0.1, 0.2, 0.3]})
    with pytest.raises(CausalError, match="no method 'lingam' for suggestions; there are pc, pc-kci, ges"):
        suggested(_bare(), _collider(50), "lingam")  # type: ignore[arg-type]
    with pytest.raises(CausalError, match="between 0 and 1, not 0"):
        suggested(_bare(), _collider(50), alpha=0.0)
    with pytest.raises(CausalError, match="'a → b' is in the graph and forbidden"):
        suggested(graph_of("a>b"), _collider(50), forbidden=[("a", "b")])
    with pytest.raises(CausalError, match="between 2 to 60 variables, not 1"):
        suggested(CausalGraph(variables=(Variable(name="a"),)), _collider(50))
    with pytest.raises(CausalError, match="4 rows are too few for 4 variables"):
        suggested(_bare(), _collider(4))
    with pytest.raises(CausalError, match="no column 'd'"):
        suggested(_bare(), {name: column for name, column in _collider(50).items() if name != "d"})
    with pytest.raises(CausalError, match=r"could not work with this table \(no reason was given\)"):
        suggested(_bare(), _collider(50))
