"""Steps and windows: which steps an edit acts in, and the window that says so."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from explorer.scene.model import StepWindow
from explorer.scene.trajectory import evenly, steps_in, window_of

levels = st.sets(st.integers(0, 1000), min_size=1, max_size=60).map(
    lambda steps: tuple(step / 1000 for step in sorted(steps, reverse=True))
)


@given(st.integers(1, 300), st.integers(0, 40))
def test_steps_are_chosen_evenly_each_in_the_middle_of_its_part(count: int, most: int) -> None:
    chosen = evenly(count, most)
    parts = min(count, most) if most else count
    assert len(chosen) == len(set(chosen)) == parts
    for part, step in enumerate(chosen):
        middle = (part + 0.5) / parts * count
        assert step <= middle + 1e-9
        assert middle <= step + 1 + 1e-9
    if parts > 1:
        gaps = {later - earlier for earlier, later in itertools.pairwise(chosen)}
        assert max(gaps) - min(gaps) <= 1


@given(levels, st.data())
def test_a_window_holds_the_steps_that_it_is_made_of_and_no_others(
    noises: tuple[float, ...], data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, len(noises) - 1))
    past = data.draw(st.integers(first + 1, len(noises)))
    window = window_of(first, past, noises)
    assert steps_in(window, noises) == (first, past)
    assert (window is None) == (past - first == len(noises))
    if window is not None:
        assert [window.holds(noise) for noise in noises] == [first <= index < past for index in range(len(noises))]
        assert 0.0 <= window.low < window.high <= 1.0


@given(levels, st.integers(-5, 80), st.integers(-5, 80))
def test_whatever_a_hand_asks_for_there_is_a_step_in_it(noises: tuple[float, ...], first: int, past: int) -> None:
    begin, end = steps_in(window_of(first, past, noises), noises)
    assert 0 <= begin < end <= len(noises)


def test_a_window_between_two_steps_begins_where_they_meet() -> None:
    noises = (0.9, 0.6, 0.3, 0.0)
    assert steps_in(StepWindow(0.55, 0.4), noises) == (2, 2)
    assert steps_in(StepWindow(0.99, 0.95), noises) == (0, 0)
    assert window_of(1, 3, noises) == StepWindow(0.75, 0.15)
