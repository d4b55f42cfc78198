"""The bounded cache against a model of it: a list in the order of use."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from explorer.engine.cache import BoundedCache

STEPS = st.lists(st.tuples(st.sampled_from(["get", "put"]), st.integers(0, 5)), max_size=60)


@given(st.integers(1, 4), STEPS)
def test_what_was_used_least_recently_goes_first(limit: int, steps: list[tuple[str, int]]) -> None:
    cache: BoundedCache[int, int] = BoundedCache(limit)
    used: list[tuple[int, int]] = []  # key and value, the most recently used last
    for number, (what, key) in enumerate(steps):
        entry = next((entry for entry in used if entry[0] == key), None)
        if what == "get":
            assert cache.get(key) == (None if entry is None else entry[1])
        else:
            cache.put(key, number)
            entry, used = (key, number), [other for other in used if other[0] != key] + [(key, -1)]
        if entry is not None:
            used = [*(other for other in used if other[0] != key), entry][-limit:]
        assert len(cache) == len(used)
    for key, value in used:
        assert cache.get(key) == value


def test_looking_at_a_value_keeps_it() -> None:
    cache: BoundedCache[str, int] = BoundedCache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)
