"""What is said of a control by the change that it makes: the floors, one after the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.metrics.effect_floor import NOTHING, WEAK, Floors, effect_score, verdict
from explorer.scene.measure_text import against_chance

CHANCE = np.linspace(0.01, 0.02, 21)  # its 95th percentile is 0.0195
FLOORS = Floors(rounding=1e-7, chance=CHANCE, draft=0.05, ceiling=0.2)


@pytest.mark.parametrize(
    ("effect", "said"),
    [
        (0.0, "does nothing: no more than rounding"),
        (1e-7, "does nothing: no more than rounding"),
        (1.1e-7, "weak: no more than chance"),
        (0.0195, "weak: no more than chance"),
        (0.0196, "weak: less than between a draft and the finished picture"),
        (0.051, ""),
    ],
)
def test_the_lowest_floor_that_is_not_passed_is_named(effect: float, said: str) -> None:
    assert verdict(effect, FLOORS) == said


def test_without_steps_there_is_no_draft_to_be_held_against() -> None:
    floors = Floors(1e-7, CHANCE, None, 0.2)
    assert verdict(0.0196, floors) == ""
    assert set(effect_score("a", 0.0196, floors, 4, "").baselines) == {"rounding", "another picture"}


def test_a_score_has_its_chance_level_and_its_ceiling_beside_it() -> None:
    score = effect_score("PC 1", 0.0191, FLOORS, 16, "as said")
    assert (score.value, score.null, score.null_high) == (0.0191, pytest.approx(0.015), pytest.approx(0.0195))
    assert score.baselines == {"rounding": 1e-7, "draft": 0.05, "another picture": 0.2}
    assert against_chance(score) == "at chance"
    assert score.note.startswith(WEAK)


@given(st.tuples(st.floats(0, 1), st.floats(0, 1)), st.floats(0, 0.1), st.floats(0, 1))
def test_who_changes_more_is_never_said_to_do_less(effects: tuple[float, float], rounding: float, draft: float) -> None:
    floors = Floors(rounding, CHANCE, draft, 1.0)
    rank = {NOTHING: 0, WEAK: 1, "": 2}
    less, more = (rank[verdict(one, floors).partition(":")[0]] for one in sorted(effects))
    assert less <= more
