"""Playing: by the clock, on frames, honouring once, loop and ping-pong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from explorer.scene.model import Timeline
from explorer.scene.timeline import frame_times
from explorer.ui.timeline.player import Player, position

pytestmark = pytest.mark.gui


@pytest.mark.parametrize("duration", [2.0, 1.37])
@pytest.mark.parametrize("loop", ["once", "loop", "ping_pong"])
def test_playing_passes_exactly_the_frames_of_the_video(loop: str, duration: float) -> None:
    timeline = Timeline(duration=duration, fps=12, loop=loop)  # type: ignore[arg-type]
    times = frame_times(timeline)
    apart = times[1] - times[0]
    assert tuple(position(timeline, (number + 0.01) * apart)[0] for number in range(len(times))) == times


@given(st.floats(0, 1000), st.floats(0.1, 30), st.integers(1, 60), st.sampled_from(["once", "loop", "ping_pong"]))
def test_the_playhead_stays_inside(elapsed: float, duration: float, fps: int, loop: str) -> None:
    timeline = Timeline(duration=duration, fps=fps, loop=loop)  # type: ignore[arg-type]
    where, over = position(timeline, elapsed)
    assert 0 <= where <= duration
    if loop == "once" and elapsed < 0.999 * duration:
        assert not over
    if loop == "once" and elapsed >= duration:
        assert over
        assert where == duration


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_late_tick_drops_frames_and_keeps_time(qtbot: QtBot) -> None:
    clock = Clock()
    player = Player(clock=clock)
    seen: list[float] = []
    player.moved.connect(seen.append)
    player.play(Timeline(duration=4.0, fps=24, loop="ping_pong"), 0.5)
    clock.now += 0.01
    player.tick()  # the same frame is not shown twice
    assert seen == [0.5]
    clock.now += 2.0
    player.tick()
    assert seen == [0.5, 2.5]
    clock.now += 2.5  # turned around at 4
    player.tick()
    assert seen[-1] == pytest.approx(3.0, abs=1 / 24)
    player.stop()


def test_once_stops_at_the_end_and_starts_again_from_the_beginning(qtbot: QtBot) -> None:
    clock = Clock()
    player = Player(clock=clock)
    seen: list[float] = []
    states: list[bool] = []
    player.moved.connect(seen.append)
    player.playing_changed.connect(states.append)
    timeline = Timeline(duration=1.0, fps=10, loop="once")
    player.play(timeline, 0.0)
    clock.now += 5.0
    player.tick()
    assert seen == [0.0, 1.0]
    assert states == [True, False]
    player.play(timeline, 1.0)
    assert seen[-1] == 0.0
    player.stop()


def test_an_edit_while_playing_neither_stops_nor_jumps(qtbot: QtBot) -> None:
    clock = Clock()
    player = Player(clock=clock)
    seen: list[float] = []
    player.moved.connect(seen.append)
    player.play(Timeline(duration=4.0, fps=10, loop="once"), 0.0)
    clock.now += 1.0
    player.tick()
    player.follow(Timeline(duration=4.0, fps=20, loop="once"))
    clock.now += 0.55
    player.tick()
    assert player.playing
    assert seen == [0.0, 1.0, 1.55]
    player.seek(3.0)
    clock.now += 0.5
    player.tick()
    assert seen[-1] == 3.5
    player.stop()
