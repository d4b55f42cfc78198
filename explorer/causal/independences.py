"""The independences that a causal graph implies, and what a table says about them: values that the window can show. No
torch; :mod:`explorer.causal.partial_correlations` makes the figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations, islice
from statistics import NormalDist
from typing import Literal

import msgspec

from explorer.causal.separation import separators
from explorer.scene.causal_graph import CausalGraph
from explorer.scene.number_text import number_text

NEGLIGIBLE = 0.1
"""A partial correlation below this is called small (Cohen 1988)."""

LEVEL = 0.05
"""Of the tests; intervals hold 1 - ``LEVEL``."""

MOST_IMPLIED = 1000
MOST_SETS = 10
"""Of the sets that separate a pair, among which the smallest is taken."""

Verdict = Literal["holds", "open", "broken"]


class Independence(msgspec.Struct, frozen=True):
    """``first`` and ``last`` are independent given ``fixed``."""

    first: str
    last: str
    fixed: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """``x ⟂ y | z``."""
        return f"{self.first} ⟂ {self.last}" + (f" | {', '.join(self.fixed)}" if self.fixed else "")


class IndependenceTest(msgspec.Struct, frozen=True, kw_only=True):
    """A partial correlation with its interval and p, over ``rows``. It sees linear dependence only; of a variable that
    is several numbers (cyclic, category) it is the strongest, its interval and p corrected for how many were looked at.
    NaN, with p 1 and an interval of all, where what is held leaves nothing of a variable.
    """

    independence: Independence
    correlation: float
    low: float
    high: float
    p: float
    rows: int

    @property
    def verdict(self) -> Verdict:
        """By size: ``holds``, all in the interval is small; ``broken``, nothing is; ``open``, the rows do not tell."""
        if max(abs(self.low), abs(self.high)) <= NEGLIGIBLE:
            return "holds"
        return "broken" if self.low > NEGLIGIBLE or self.high < -NEGLIGIBLE else "open"


def implied(graph: CausalGraph, most: int = MOST_IMPLIED) -> tuple[Independence, ...]:
    """One for each pair of variables that something separates, given a smallest such set; the first ``most``."""
    joined = {frozenset(pair) for pair in (*graph.edges, *graph.confounded)}
    apart = (pair for pair in combinations(graph.names, 2) if frozenset(pair) not in joined)
    claims = (_claim(graph, *pair) for pair in apart)
    return tuple(islice((claim for claim in claims if claim is not None), most))


def _claim(graph: CausalGraph, first: str, last: str) -> Independence | None:
    sets = list(islice(separators(graph, first, last), MOST_SETS))
    if not sets:  # joined through hidden causes that cannot be told apart from one of their own
        return None
    smallest = min(sets, key=len)
    return Independence(first, last, tuple(name for name in graph.names if name in smallest))


def detectable(rows: int) -> float:
    """The smallest correlation that ``rows`` rows reject at :data:`LEVEL`."""
    return math.tanh(NormalDist().inv_cdf(1 - LEVEL / 2) / math.sqrt(max(rows - 3, 1)))


def p_text(p: float) -> str:
    """``0.034``, ``< 0.001``."""
    return "< 0.001" if p < 0.001 else number_text(p, 3)


def summary(tests: Sequence[IndependenceTest]) -> str:
    """What the tests say about the graph, for the user, with what p says and what it does not."""
    if not tests:
        return "The graph implies no independence, so no table can contradict it."
    rows = tests[0].rows
    rejected = sum(test.p < LEVEL for test in tests)
    text = (
        f"{_counted(rejected, len(tests))} rejected at p < {LEVEL:g}; with {rows} rows p rejects a partial correlation "
        f"of {number_text(detectable(rows), 3)}, so look at the sizes. "
    )
    broken = sorted((test for test in tests if test.verdict == "broken"), key=lambda test: -abs(test.correlation))
    if not broken:
        undecided = sum(test.verdict == "open" for test in tests)
        return text + (
            f"None is clearly above {NEGLIGIBLE:g}"
            + (f"; {undecided} could be." if undecided else ": what the graph leaves out is small.")
        )
    worst = broken[0]
    size = (
        f"One is above {NEGLIGIBLE:g}:" if len(broken) == 1 else f"{len(broken)} are above {NEGLIGIBLE:g}, most of all"
    )
    return text + (
        f"{size} {worst.independence.text} ({number_text(worst.correlation, 2)}; {number_text(worst.low, 2)} to "
        f"{number_text(worst.high, 2)}): an arrow or a hidden cause is missing there."
    )


def _counted(count: int, total: int) -> str:
    if total == 1:
        return "The one implied independence is" + ("" if count else " not")
    return f"Of {total} implied independences {count} {'is' if count == 1 else 'are'}"
