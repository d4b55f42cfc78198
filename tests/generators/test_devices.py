"""The processor that pictures are computed on, and the memory that this takes."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="only there memory is given back")
def test_memory_that_is_free_again_goes_back_to_the_machine() -> None:
    """In a process of its own: blocks below the size that is mapped by itself, of which the last keeps all in place."""
    program = """
import psutil
from explorer.generators.devices import give_memory_back

size = lambda: psutil.Process().memory_info().rss >> 20
blocks = [bytearray(60_000) for _ in range(4_000)]
filled, last = size(), blocks[-1]
del blocks
freed = size()
give_memory_back()
print(filled, freed, size())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    filled, freed, after = map(int, done.stdout.split())
    assert filled - freed < 100
    assert filled - after > 150
