"""Hostile files of every kind are opened or refused in one sentence, soon, in little memory, and do nothing else."""

from __future__ import annotations

import sys

import pytest

from tests.hostile.entries import entries
from tests.hostile.harness import run

CASES = 500
"""Of the 10,000 that ``python -m tests.hostile`` opens."""
STRIDE = 7
"""Between the numbers of two cases: seven has nothing in common with how many valid files a kind has, nor with two."""


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_hostile_files_do_no_harm() -> None:
    each = CASES // len(entries()) + 1
    numbers = {name: list(range(0, STRIDE * each, STRIDE)) for name in entries()}
    rows = run(numbers)
    assert [(name, *fault) for name, row in rows.items() for fault in row.faults] == []
    assert sum(row.cases for row in rows.values()) >= CASES
    opened = sum(row.outcomes["opened"] for row in rows.values())
    assert CASES / 10 < opened < CASES * 2 / 3  # they are broken, and not beyond recognition
