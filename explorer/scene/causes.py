"""What do(x = v) makes of a picture, in numbers: plain values for the window, the command line and files."""

from __future__ import annotations

import msgspec

from explorer.scene.causal_graph import CausalGraph


class VariableOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One variable of a picture, in its own unit. ``factual``: its value without interventions; ``value``: with them,
    where it is open the middle of what is possible, which lies between ``low`` and ``high`` with 90 %; ``is_set``: by
    do(), so that its causes count no longer."""

    name: str
    factual: float
    value: float
    low: float
    high: float
    is_open: bool = False
    is_set: bool = False


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """All variables of one picture, in the order of the graph, and the graph that says what follows from what."""

    graph: CausalGraph
    variables: tuple[VariableOutcome, ...]

    def variable(self, name: str) -> VariableOutcome:
        """The outcome of ``name``; KeyError where there is none."""
        for variable in self.variables:
            if variable.name == name:
                return variable
        raise KeyError(name)


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """How observed rows of a variable lie between ``low`` and ``high``: the share of them in each of as many bars, all
    as wide, one a level where it has levels. ``usual``: from one value that is not rare to another, such as the 10 %
    and the 90 % quantile; of levels the first and the last."""

    low: float
    high: float
    shares: tuple[float, ...]
    usual: tuple[float, float]
