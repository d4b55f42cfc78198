"""Curves that are computed knot by knot and kept."""

from __future__ import annotations

import gc
import threading
import weakref

from explorer.controls import curves
from explorer.controls.curves import CURVES_KEPT, knot


class Owner:
    """Stands for a control: hashed by identity."""

    def __init__(self) -> None:
        self.made: list[int] = []

    def first(self) -> int:
        self.made.append(0)
        return 0

    def following(self, last: int) -> int:
        self.made.append(last + 1)
        return last + 1


def test_a_knot_is_made_once_and_from_the_one_before_it() -> None:
    owner = Owner()
    for number in (3, 1, 0, 5, 5):
        assert knot(owner, "a", number, owner.first, owner.following) == number
    assert owner.made == [0, 1, 2, 3, 4, 5]


def test_curves_of_other_starts_and_other_controls_are_others() -> None:
    one, other = Owner(), Owner()
    for start in ("a", "b"):
        knot(one, start, 1, one.first, one.following)
    knot(other, "a", 1, other.first, other.following)
    assert one.made == [0, 1, 0, 1]
    assert other.made == [0, 1]


def test_the_start_used_least_recently_is_forgotten() -> None:
    owner = Owner()
    for start in range(CURVES_KEPT):
        knot(owner, start, 0, owner.first, owner.following)
    knot(owner, 0, 0, owner.first, owner.following)  # used again, so the next oldest goes
    knot(owner, "new", 0, owner.first, owner.following)
    before = len(owner.made)
    knot(owner, 0, 0, owner.first, owner.following)
    assert len(owner.made) == before
    knot(owner, 1, 0, owner.first, owner.following)
    assert len(owner.made) == before + 1


def test_what_is_kept_of_a_control_goes_with_it() -> None:
    owner = Owner()
    gone = weakref.ref(owner)
    # Functions that do not hold the control, as a curve's knots must not either.
    knot(owner, "a", 2, lambda: 0, lambda last: last + 1)
    gc.collect()  # what others have left behind
    count = len(curves._OF_CONTROLS)
    del owner
    gc.collect()
    assert gone() is None
    assert len(curves._OF_CONTROLS) == count - 1


def test_threads_that_ask_at_once_make_each_knot_once() -> None:
    owner, entered, go = Owner(), threading.Event(), threading.Event()

    def slow(last: int) -> int:
        entered.set()
        assert go.wait(30)
        return owner.following(last)

    reached: list[int] = []
    first = threading.Thread(target=lambda: reached.append(knot(owner, "a", 2, owner.first, slow)))
    second = threading.Thread(target=lambda: reached.append(knot(owner, "a", 2, owner.first, slow)))
    first.start()
    assert entered.wait(30)
    second.start()
    second.join(0.2)  # it waits, whether it has come that far or not
    go.set()
    first.join(30)
    second.join(30)
    assert reached == [2, 2]
    assert owner.made == [0, 1, 2]
