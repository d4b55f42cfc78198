"""Models of levels with their hidden causes written out, whose distributions are summed up cell by cell."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from explorer.scene.causal_graph import CausalGraph

LEVELS, HIDDEN_LEVELS = 2, 3


class DiscreteModel:
    """Variables of ``LEVELS`` levels, each pair that is confounded with a hidden cause of ``HIDDEN_LEVELS``."""

    def __init__(self, graph: CausalGraph) -> None:
        self.graph = graph
        self.hidden = [f"{a}{b}" for a, b in graph.confounded]
        self.axes = [*graph.names, *self.hidden]
        self.sizes = [LEVELS] * len(graph.names) + [HIDDEN_LEVELS] * len(self.hidden)
        self.shapes = [self._shape(name) for name in self.axes]
        self.count = sum(map(prod, self.shapes))
        """How many numbers a model is."""

    def _shape(self, name: str) -> list[int]:
        causes = {name}
        if name not in self.hidden:
            causes |= {
                *self.graph.parents(name),
                *(word for word, pair in zip(self.hidden, self.graph.confounded, strict=True) if name in pair),
            }
        return [size if axis in causes else 1 for axis, size in zip(self.axes, self.sizes, strict=True)]

    def tables(self, numbers: Tensor) -> list[Tensor]:
        """P(variable | its causes), one axis for every variable, hidden ones last."""
        parts = torch.split(numbers, list(map(prod, self.shapes)))
        return [
            torch.softmax(part.reshape(shape), dim=axis)
            for axis, (part, shape) in enumerate(zip(parts, self.shapes, strict=True))
        ]

    def observed(self, numbers: Tensor) -> Tensor:
        """The joint probabilities of the variables."""
        return self._shown(self.tables(numbers))

    def after(self, numbers: Tensor, cause: str, effect: str) -> Tensor:
        """(LEVELS, LEVELS) P(effect | do(cause)), a row for each value of the cause."""
        tables = self.tables(numbers)
        tables[self.axes.index(cause)] = torch.ones_like(tables[self.axes.index(cause)])
        joint = self._shown(tables)
        axes = [self.axes.index(cause), self.axes.index(effect)]
        gone = [axis for axis in range(joint.ndim) if axis not in axes]
        both = joint.sum(dim=gone) if gone else joint
        return both if axes[0] < axes[1] else both.T

    def _shown(self, tables: list[Tensor]) -> Tensor:
        joint = tables[0]
        for table in tables[1:]:
            joint = joint * table
        visible = len(self.graph.names)
        return joint.sum(dim=list(range(visible, joint.ndim))) if self.hidden else joint
