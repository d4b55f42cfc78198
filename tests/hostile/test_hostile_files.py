"""Hostile files of every kind are opened or refused in one sentence, soon, in little memory, and do nothing else."""

from __future__ import annotations

import sys

import pytest

from tests.hostile.entries import entries
from tests.hostile.harness import run

CASES = 140
"""Of the 10,000 that ``python -m tests.hostile`` opens."""
CLEAN = (
    "predictor", "picture", "graph in dagitty", "graph in dot", "graph in graph", "graph in parents", "causal model",
)  # fmt: skip
"""Kinds of which no faults are known."""


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_hostile_files_do_no_harm() -> None:
    names = [name for name in entries() if name in CLEAN]
    each = CASES // len(names)
    numbers = {name: list(range(0, 7 * each, 7)) for name in names}  # of all seeds, constructed ones as many as others
    rows = run(numbers)
    assert [(name, *fault) for name, row in rows.items() for fault in row.faults] == []
    assert sum(row.cases for row in rows.values()) >= CASES
    opened = sum(row.outcomes["opened"] for row in rows.values())
    assert CASES / 10 < opened < CASES * 2 / 3  # they are broken, and not beyond recognition
