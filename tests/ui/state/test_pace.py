"""Figures of speed say what is so: of the models that are shown, of pictures that come, in parts that add up."""

from __future__ import annotations

import statistics

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot
from quiet import controller_on, frame

from explorer.bench import report
from explorer.scene import editing
from explorer.scene.model import ModelRef
from explorer.ui.state.pace import Pace, Sample, apportioned, percentile
from explorer.ui.window import status_line

MILLISECONDS = st.floats(0, 1e4)


@given(st.lists(MILLISECONDS, min_size=2, max_size=50))
def test_percentiles_are_the_inclusive_quantiles(values: list[float]) -> None:
    quantiles = statistics.quantiles(values, n=20, method="inclusive")
    for number, expected in enumerate(quantiles, start=1):
        assert percentile(values, number / 20) == pytest.approx(expected, abs=1e-6)


def test_percentile_of_nothing() -> None:
    assert percentile([], 0.5) == 0.0


def test_the_window_and_the_bench_mean_the_same_by_a_percentile() -> None:
    assert status_line.percentile is report.percentile is percentile


@given(st.lists(MILLISECONDS, min_size=1, max_size=8))
def test_rounded_parts_add_up_to_the_rounded_whole(parts: list[float]) -> None:
    shown = apportioned(parts)
    assert round(sum(shown) * 10) == round(sum(parts) * 10)
    assert all(abs(a - b) < 0.1 + 1e-9 for a, b in zip(shown, parts, strict=True))


@given(MILLISECONDS, st.lists(MILLISECONDS, min_size=6, max_size=6))
def test_the_parts_of_a_picture_s_way_add_up(rest: float, parts: list[float]) -> None:
    sample = Sample(rest + sum(parts), *parts)
    assert sample.rest == pytest.approx(rest, abs=1e-6)


# --- pictures a second ------------------------------------------------------------------------------------------------


class Clock:
    """Time that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def painted(gaps: list[float], under_way: bool = False, panes: int = 1) -> tuple[Pace, Clock]:
    """Every pane painted at the end of each gap."""
    clock = Clock()
    pace = Pace(clock)
    for gap in [0.0, *gaps]:
        clock.now += gap
        for pane in range(panes):
            pace.painted(pane, under_way)
            clock.now += 0.005 * (panes > 1)  # the paint of one pane takes its time
    return pace, clock


def test_pictures_a_second_while_they_come_and_none_at_rest() -> None:
    pace, clock = painted([0.04] * 20)
    assert pace.frames_per_second() == pytest.approx(25)
    clock.now += 0.3
    assert pace.frames_per_second() == pytest.approx(25)
    clock.now += 0.2  # the hand rests
    assert pace.frames_per_second() == 0.0


def test_a_pause_of_the_hand_is_no_slow_picture() -> None:
    pace, _ = painted([0.04] * 20 + [5.0] + [0.1] * 10)
    assert pace.frames_per_second() == pytest.approx(10)


def test_a_slow_engine_is_no_rest() -> None:
    pace, clock = painted([2.0] * 6, under_way=True)
    clock.now += 1.5
    assert pace.frames_per_second() == pytest.approx(0.5)


def test_panes_that_are_painted_together_are_one_picture() -> None:
    pace, _ = painted([0.08] * 20, panes=4)
    assert pace.frames_per_second() == pytest.approx(10)


def test_few_pictures_say_nothing() -> None:
    pace, _ = painted([0.04] * 3)
    assert pace.frames_per_second() == 0.0


# --- of what they are -------------------------------------------------------------------------------------------------


def test_another_model_begins_without_the_times_of_the_last(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.draw()
    controller.feed.note_paint(0, 1.0)
    assert len(controller.feed.samples) == 1
    controller.set_seed(8)  # asked of the last model, and late
    late = client.due()
    other = ModelRef(path="other", fingerprint="0f")
    controller.apply(msgspec.structs.replace(controller.scene, model=other), "Open other")
    assert len(controller.feed.samples) == 0
    for view_id, revision in late.items():
        client.reply(frame(view_id, revision))
    controller.feed.note_paint(0, 1.0)
    assert len(controller.feed.samples) == 0
    client.draw()
    controller.feed.note_paint(0, 1.0)
    assert len(controller.feed.samples) == 1


def test_another_pane_begins_anew(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.draw()
    controller.feed.note_paint(0, 1.0)
    controller.apply(editing.insert_pane(controller.scene, 1, controller.scene.panes[0]), "Add pane")
    assert len(controller.feed.samples) == 0


def test_what_the_engine_draws_beside_a_picture_is_a_part_of_its_way(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.draw(forward_ms=3.0, convert_ms=1.0, engine_ms=9.0)
    controller.feed.note_paint(0, 1.0)
    sample = controller.feed.samples[-1]
    assert (sample.forward, sample.convert, sample.beside) == (3.0, 1.0, 5.0)
