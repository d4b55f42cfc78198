"""What there is to know of a causal model beside its graph: how its variables are distributed, and how well its
mechanisms describe that; and what rows say about a graph. Plain values; no torch.
"""

from __future__ import annotations

import msgspec

from explorer.causal.fit_card import Judgement
from explorer.causal.independences import IndependenceTest
from explorer.scene.causal_graph import CausalGraph
from explorer.scene.causes import Distribution


class MechanismReport(msgspec.Struct, frozen=True, kw_only=True):
    """How ``variable`` comes about. ``kind``: of its mechanism, and its ``title`` in sentences; ``kinds``: (kind,
    title) of those that could describe it; ``judgement``: None where there are no rows to judge by; ``warnings``: a
    clause each."""

    variable: str
    kind: str
    title: str
    kinds: tuple[tuple[str, str], ...] = ()
    judgement: Judgement | None = None
    warnings: tuple[str, ...] = ()


class CausesReport(msgspec.Struct, frozen=True, kw_only=True):
    """Of the model behind a set of do-sliders. ``own``: the graph that comes with the model, with all its variables;
    ``distributions`` of them, over ``rows``; ``mechanisms`` of the graph that the set follows; ``is_held_out``: whether
    these rows taught them nothing; ``note``: why something is missing."""

    own: CausalGraph
    rows: int
    distributions: dict[str, Distribution]
    mechanisms: tuple[MechanismReport, ...]
    is_held_out: bool = False
    note: str = ""

    def mechanism(self, name: str) -> MechanismReport | None:
        """That of the variable ``name``; None where the set does not set it."""
        return next((each for each in self.mechanisms if each.variable == name), None)


class GraphCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What rows say about the independences that ``graph`` implies, and ``summary``, all of it for the user."""

    graph: CausalGraph
    tests: tuple[IndependenceTest, ...]
    summary: str
