"""How nodes get smaller where a graph would not fit, before they lie on each other."""

from __future__ import annotations

from itertools import combinations

import pytest
from PySide6.QtCore import QSize

from explorer.causal.layout import layout
from explorer.scene.causal_graph import CausalGraph, Variable
from explorer.ui.causes.fit import Fit, fitted
from explorer.ui.causes.node import FLAT, LOW, TALL, WIDTH

EDGES = tuple((f"v{cause}", f"v{effect}") for cause, effect in ((0, 15), (1, 16), (2, 17), (3, 18), (4, 19)))
MANY = CausalGraph(variables=tuple(Variable(name=f"v{number}") for number in range(20)), edges=EDGES)
FEW = CausalGraph(variables=MANY.variables[:2])


def _apart(fit: Fit, graph: CausalGraph) -> bool:
    return all(
        abs(x - other_x) * fit.across >= fit.width or abs(y - other_y) * fit.down >= fit.height
        for (x, y), (other_x, other_y) in combinations(layout(graph).values(), 2)
    )


@pytest.mark.parametrize("size", [QSize(985, 170), QSize(700, 172), QSize(985, 230)])  # windows of 1440 and 1024 pixels
def test_twenty_variables_lie_apart(size: QSize) -> None:
    fit = fitted(layout(MANY).values(), size, is_tall=False)
    assert _apart(fit, MANY)
    assert fit.width > 100


def test_nodes_are_no_smaller_than_they_have_to_be() -> None:
    few = layout(FEW).values()
    assert (fitted(few, QSize(700, 200), is_tall=True).height, fitted(few, QSize(700, 200), True).width) == (
        TALL,
        WIDTH,
    )
    assert fitted(few, QSize(700, 200), is_tall=False).height == LOW
    assert fitted(few, QSize(700, 60), is_tall=True).height == LOW
    assert fitted(few, QSize(700, 40), is_tall=True).height == FLAT
    assert fitted(layout(MANY).values(), QSize(2000, 500), is_tall=False).height == LOW
    assert fitted([(0.0, 0.0), (0.5, 0.0)], QSize(700, 200), is_tall=True).width == WIDTH  # a hand has put them so


def test_nodes_get_lower_before_the_arrows_between_them_vanish() -> None:
    rows = [(0.0, 0.0), (0.0, 1.25)]
    low, high = (fitted(rows, QSize(700, height), is_tall=False) for height in (120, 140))
    assert (low.height, high.height) == (FLAT, LOW)
    assert 1.25 * low.down - low.height >= 12
    assert 1.25 * high.down - high.height >= 12
