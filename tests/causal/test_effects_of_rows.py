"""Effects that rows tell: against coefficients that are known, against other computations, and how sure they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from explorer.causal import adjustment
from explorer.causal.adjustment import MOST_ROWS, effects_of_rows
from explorer.causal.answering import answered
from explorer.causal.effect_answer import EffectAnswer
from explorer.causal.identification import identify
from explorer.causal.regression import RICHNESS, Design, slopes
from explorer.errors import CausalError
from explorer.scene.causal_graph import CausalGraph, Edge, Variable

Floats = NDArray[np.float64]
ROWS = 2000


def graph(*edges: Edge, confounded: tuple[Edge, ...] = (), **kinds: Variable) -> CausalGraph:
    names = dict.fromkeys(name for edge in (*edges, *confounded) for name in edge)
    variables = tuple(kinds.get(name, Variable(name=name)) for name in names)
    return CausalGraph(variables=variables, edges=edges, confounded=confounded)


def confounded_rows(seed: int = 0, count: int = ROWS) -> dict[str, Floats]:
    """z → x → m → y, z → m, z → y, x → y: per unit of x, y gains 2 by m and loses 1 directly."""
    draw = np.random.default_rng(seed)
    z = draw.normal(size=count)
    x = 0.8 * z + draw.normal(size=count)
    m = 2 * x + 0.5 * z + draw.normal(size=count)
    y = m - x + 3 * z + draw.normal(size=count)
    return {"z": z, "x": x, "m": m, "y": y}


CONFOUNDED = graph(("z", "x"), ("z", "m"), ("z", "y"), ("x", "m"), ("x", "y"), ("m", "y"))


def holds(answer: EffectAnswer, total: float, direct: float | None = None, indirect: float | None = None) -> None:
    """Within 1.6 of half an interval of 95 %: three standard errors."""
    (outcome,) = answer.outcomes
    for estimate, truth in ((outcome.total, total), (outcome.direct, direct), (outcome.indirect, indirect)):
        if truth is None:
            assert estimate is None
        else:
            assert estimate is not None
            assert abs(estimate.value - truth) < 1.6 * (estimate.high - estimate.low) / 2


def test_what_is_confounded_is_adjusted_for_and_taken_apart() -> None:
    rows = confounded_rows()
    answer = answered(CONFOUNDED, rows, "x", "y", (-1.0, 1.0))
    assert (answer.way, answer.adjust, answer.between) == ("back-door", (("z",),), ("m",))
    holds(answer, 2 * (2 - 1), 2 * -1, 2 * 2)
    (outcome,) = answer.outcomes
    assert outcome.total.high - outcome.total.low < 1.0
    seen = np.polyfit(rows["x"], rows["y"], 1)[0] * 2  # what seeing says is far away from it
    assert abs(seen - 2.0) > 1.0
    assert not outcome.total.low < seen < outcome.total.high


def test_what_passes_through_a_mediator_is_told_though_the_cause_is_confounded() -> None:
    draw = np.random.default_rng(1)
    u = draw.normal(size=ROWS)
    x = u + draw.normal(size=ROWS)
    m = 1.5 * x + draw.normal(size=ROWS)
    y = 2 * m + 3 * u + draw.normal(size=ROWS)
    there = graph(("x", "m"), ("m", "y"), confounded=(("x", "y"),))
    answer = answered(there, {"x": x, "m": m, "y": y}, "x", "y", (-1.0, 1.0))
    assert (answer.way, answer.through, answer.adjust) == ("front-door", (("m",),), ())
    holds(answer, 2 * 1.5 * 2)
    assert np.polyfit(x, y, 1)[0] * 2 > answer.outcomes[0].total.high  # seeing


def test_curved_effects_are_followed_and_not_drawn_straight() -> None:
    draw = np.random.default_rng(2)
    z = draw.normal(size=ROWS)
    x = 0.5 * z + draw.normal(size=ROWS)
    y = x**2 + z * x + 2 * z**2 + 0.3 * draw.normal(size=ROWS)
    answer = answered(graph(("z", "x"), ("z", "y"), ("x", "y")), {"z": z, "x": x, "y": y}, "x", "y", (0.0, 1.5))
    holds(answer, 1.5**2 + 1.5 * z.mean())


def test_a_binary_effect_is_a_probability_and_a_category_has_one_a_level() -> None:
    draw = np.random.default_rng(3)
    x = (draw.random(ROWS) < 0.5).astype(float)
    hue = np.where(draw.random(ROWS) < 0.2 + 0.5 * x, 2.0, (draw.random(ROWS) < 0.5).astype(float))
    there = graph(
        ("x", "hue"), x=Variable(name="x", kind="binary"),
        hue=Variable(name="hue", kind="category", labels=("red", "green", "blue")),
    )  # fmt: skip
    answer = answered(there, {"x": x, "hue": hue}, "x", "hue", (0.0, 1.0))
    assert [outcome.level for outcome in answer.outcomes] == ["red", "green", "blue"]
    for level, outcome in enumerate(answer.outcomes):  # of levels alone, the regression is a difference of shares
        share = [(hue[x == value] == level).mean() for value in (0, 1)]
        assert outcome.total.value == pytest.approx(share[1] - share[0], abs=1e-6)
        assert answer.low[1][level] == answer.high[1][level] == pytest.approx(share[1], abs=1e-9)
    assert sum(outcome.total.value for outcome in answer.outcomes) == pytest.approx(0.0, abs=1e-7)


def test_an_effect_that_is_not_identified_has_no_number_but_bounds_where_there_are_levels() -> None:
    draw = np.random.default_rng(4)
    x, y = ((draw.random(ROWS) < 0.5).astype(float) for _ in range(2))
    two = {"x": Variable(name="x", kind="binary"), "y": Variable(name="y", kind="binary")}
    tied = graph(("x", "y"), confounded=(("x", "y"),), **two)
    answer = answered(tied, {"x": x, "y": y}, "x", "y", (0.0, 1.0))
    assert answer.way == "none"
    assert answer.outcomes == ()
    assert "measure what 'x' and 'y' have in common" in answer.sentence
    assert answer.level_way == "natural bounds"
    for level in (0, 1):
        seen = ((x == 1) & (y == level)).mean()
        assert answer.low[1][level] == pytest.approx(seen)
        assert answer.high[1][level] == pytest.approx(seen + (x == 0).mean())
    numbers = answered(graph(("x", "y"), confounded=(("x", "y"),)), {"x": x, "y": y}, "x", "y", (0.0, 1.0))
    assert (numbers.outcomes, numbers.low) == ((), ())


def test_direct_effects_are_not_told_where_a_hidden_cause_ties_the_mediator() -> None:
    rows = confounded_rows()
    tied = CONFOUNDED.with_confounded("m", "y")
    answer = answered(tied, rows, "x", "y", (-1.0, 1.0))
    assert answer.outcomes[0].direct is None
    assert answer.note == "'m' and 'y' share a hidden cause, so what of the effect is direct is not told."
    holds(answer, 2.0)


def test_nothing_is_estimated_where_nothing_is_caused_or_the_effect_goes_round() -> None:
    rows = confounded_rows(count=100)
    assert answered(CONFOUNDED, rows, "y", "x", (0.0, 1.0)).outcomes == ()
    around = CONFOUNDED.changed("y", Variable(name="y", kind="cyclic", low=-50, high=50))
    answer = answered(around, rows, "x", "y", (0.0, 1.0))
    assert answer.outcomes == ()
    assert answer.note == "'y' is cyclic and has no mean; an effect on it is told by moving the picture."
    with pytest.raises(CausalError, match="no effect on itself"):
        answered(CONFOUNDED, rows, "x", "x", (0.0, 1.0))
    bounded = CONFOUNDED.changed("x", Variable(name="x", low=-9, high=9))
    with pytest.raises(CausalError, match="'x' cannot be 10; it goes from -9 to 9"):
        answered(bounded, rows, "x", "y", (0.0, 10.0))


def test_intervals_hold_the_truth_about_as_often_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adjustment, "BOOTSTRAPS", 60)
    answer = identify(CONFOUNDED, "x", "y")
    inside = 0
    for seed in range(100):
        (outcome,) = effects_of_rows(CONFOUNDED, confounded_rows(seed, 300), answer, (-1.0, 1.0), seed)
        inside += outcome.total.low <= 2.0 <= outcome.total.high
    assert 88 <= inside <= 100


def test_the_same_seed_gives_the_same_numbers_and_many_rows_are_thinned() -> None:
    rows = confounded_rows(count=MOST_ROWS + 500)
    answer = identify(CONFOUNDED, "x", "y")
    first = effects_of_rows(CONFOUNDED, rows, answer, (0.0, 1.0), 3)
    assert first == effects_of_rows(CONFOUNDED, rows, answer, (0.0, 1.0), 3)
    assert first != effects_of_rows(CONFOUNDED, rows, answer, (0.0, 1.0), 4)


def test_values_that_nobody_has_seen_are_warned_of() -> None:
    rows = confounded_rows()
    assert answered(CONFOUNDED, rows, "x", "y", (-0.5, 0.5)).warnings == ()
    far = answered(CONFOUNDED, rows, "x", "y", (0.0, 6.0)).warnings
    assert len(far) == 1
    assert far[0].startswith("Beside the z of ")
    assert far[0].endswith("x = 6.00 was hardly observed; there the estimate goes beyond the rows.")
    grid = {name: column.round(1) if name == "x" else column for name, column in rows.items()}
    assert answered(CONFOUNDED, grid, "x", "y", (-0.55, 0.55)).warnings == ()  # between two values that were observed
    tight = dict(rows, x=0.8 * rows["z"] + 0.01 * rows["x"])  # within x's range, and beside no z but its own
    narrow = answered(CONFOUNDED, tight, "x", "y", (float(tight["x"].min()), float(tight["x"].max()))).warnings
    assert len(narrow) == 2


@given(st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_least_squares_counts_a_row_as_often_as_its_weight_says(seed: int, richness: int) -> None:
    draw = np.random.default_rng(seed)
    x, z, y = draw.normal(size=40), draw.normal(size=(40, 2)), draw.normal(size=(40, 1))
    others = [Variable(name="a"), Variable(name="b")]
    design = Design.of(Variable(name="x"), x, others, z)
    design = Design(
        design.cause, design.others, design.cause_encoding, design.others_encoding, *RICHNESS[max(richness, 2)]
    )
    columns, counts = design.columns(x, z), draw.integers(1, 4, size=40)
    repeated = np.repeat(np.arange(40), counts)
    expected = np.linalg.lstsq(columns[repeated], y[repeated], rcond=None)[0]
    assert slopes(columns, y, counts.astype(float)) == pytest.approx(expected, rel=1e-4, abs=1e-4)
