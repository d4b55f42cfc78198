"""The bounded cache against a model of it, a list in the order of use; memory that goes back to the machine."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.memory import BoundedCache

STEPS = st.lists(st.tuples(st.sampled_from(["get", "put", "drop"]), st.integers(0, 5), st.integers(0, 5)), max_size=60)


@given(st.integers(1, 8), STEPS)
def test_what_was_used_least_recently_goes_first(limit: int, steps: list[tuple[str, int, int]]) -> None:
    """Of values that are as large as their second number."""
    cache: BoundedCache[int, tuple[int, int]] = BoundedCache(limit, lambda value: value[1])
    used: list[tuple[int, tuple[int, int]]] = []  # key and value, the most recently used last
    looks = hits = 0
    for number, (what, key, size) in enumerate(steps):
        value = next((value for other, value in used if other == key), None)
        others = [entry for entry in used if entry[0] != key]
        if what == "get":
            looks, hits = looks + 1, hits + (value is not None)
            assert cache.get(key) == value
            used = others if value is None else [*others, (key, value)]
        elif what == "drop":
            cache.drop(key)
            used = others
        else:
            cache.put(key, (number, size))
            used = [*others, (key, (number, size))] if size <= limit else others
            while sum(size for _, (_, size) in used) > limit:
                used.pop(0)
        assert cache.items() == used
        assert (len(cache), cache.size) == (len(used), sum(size for _, (_, size) in used))
    assert (cache.hits, cache.hits + cache.misses) == (hits, looks)


def test_looking_at_a_value_keeps_it() -> None:
    cache: BoundedCache[str, int] = BoundedCache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="only there memory is given back")
def test_memory_that_is_free_again_goes_back_to_the_machine() -> None:
    """In a process of its own: blocks below the size that is mapped by itself, of which the last keeps all in place."""
    program = """
import psutil
from explorer.memory import give_back

size = lambda: psutil.Process().memory_info().rss >> 20
blocks = [bytearray(60_000) for _ in range(4_000)]
filled, last = size(), blocks[-1]
del blocks
freed = size()
give_back()
print(filled, freed, size())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    filled, freed, after = map(int, done.stdout.split())
    assert filled - freed < 100
    assert filled - after > 150
