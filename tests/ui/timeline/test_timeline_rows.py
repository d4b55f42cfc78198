"""What the timeline lists for a scene, and where it stands on the screen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from explorer.scene.cards import ControlCard, ControlSetCard
from explorer.scene.model import ModelRef, Pane, Scene, Seed
from explorer.scene.timeline import amount_at, move_key, set_amount_key, set_origin_key
from explorer.ui.timeline.geometry import TimelineGeometry, snapped, tick_label, tick_step, ticks
from explorer.ui.timeline.paint import reading
from explorer.ui.timeline.rows import curve, rows_of

CARD = ControlSetCard(
    method="latent_axes",
    title="Latent axes",
    space="z",
    fingerprint="",
    controls=(ControlCard(name="azimuth", space="z", low=-2, high=2), ControlCard(name="hue", space="z")),
)


def card_of(_: int) -> ControlSetCard:
    return CARD


def scene(panes: int = 1) -> Scene:
    return Scene(model=ModelRef(path="toy"), panes=tuple(Pane() for _ in range(panes)))


def test_origin_comes_first_and_shows_its_seeds() -> None:
    made = set_amount_key(scene(), 0, "azimuth", 1.0, 1.5)
    made = set_origin_key(set_origin_key(made, 0.0, Seed(42)), 4.0, Seed(7))
    origin, amount = rows_of(made, card_of)
    assert origin.is_origin
    assert origin.texts == ("42", "7")
    assert (amount.label, amount.texts, amount.low, amount.high) == ("azimuth", ("+1.50",), -2, 2)


def test_values_are_read_as_values_and_levels_by_their_names() -> None:
    controls = (
        ControlCard(name="light", space="z", unit="°", low=54.0, high=132.3, shows="value"),
        ControlCard(name="sex", space="z", unit="", low=0.0, high=1.0, shows="value", labels=("female", "male")),
    )
    made = set_amount_key(set_amount_key(scene(), 0, "light", 1.0, 110.0, "value"), 0, "sex", 1.0, 1.0, "value")
    light, sex = rows_of(made, lambda _: replace(CARD, controls=controls))
    assert (light.texts, light.low, light.high) == (("110°",), 54.0, 132.3)
    assert reading(light, 0) == "1.00 s · 110°"
    assert reading(sex, 0) == "1.00 s · male"


def test_the_band_widens_to_what_was_typed() -> None:
    row = rows_of(set_amount_key(scene(), 0, "azimuth", 1.0, -9.0), card_of)[0]
    assert (row.low, row.high) == (-9, 2)


def test_linked_panes_share_a_row_until_their_keys_differ() -> None:
    made = scene(2)
    for pane in (0, 1):
        made = set_amount_key(made, pane, "azimuth", 1.0, 1.0)
    assert [row.tracks for row in rows_of(made, card_of)] == [(0, 1)]
    assert rows_of(made, card_of)[0].detail == "all panes"
    assert [row.tracks for row in rows_of(replace(made, linked=False), card_of)] == [(0,), (1,)]
    moved = move_key(made, 1, 0, 2.0)
    assert [row.tracks for row in rows_of(moved, card_of)] == [(0,), (1,)]
    assert rows_of(moved, card_of)[0].detail == "Latent axes"


def test_the_curve_passes_through_its_keys_and_nowhere_else_than_the_picture() -> None:
    made = scene()
    for time, amount in ((0.5, -1.0), (1.0, 2.0), (3.0, 0.5)):
        made = set_amount_key(made, 0, "azimuth", time, amount)
    track = made.timeline.amounts[0]
    points = dict(curve(track, 4.0))
    assert [points[key.time] for key in track.keys] == [key.amount for key in track.keys]
    assert all(amount == amount_at(track, time) for time, amount in points.items())
    assert max(dict(curve(track, 2.0))) == 2.0


@given(st.floats(0, 60), st.integers(1, 120), st.floats(0.1, 60))
def test_snapped_times_are_frames_or_the_end(time: float, fps: int, duration: float) -> None:
    where = snapped(time, fps, duration)
    assert 0 <= where <= duration
    assert where == duration or where * fps == pytest.approx(round(where * fps), abs=1e-6)


@given(st.integers(1, 120), st.floats(0.1, 60), st.floats(0, 1))
def test_the_end_is_reached_from_less_than_half_a_frame_away_also_between_two_frames(
    fps: int, duration: float, share: float
) -> None:
    assert snapped(duration, fps, duration) == duration
    assert snapped(duration - 0.49 * share / fps, fps, duration) == duration
    # Elsewhere the nearest frame is never half a frame away.
    time = share * max(0.0, duration - 0.51 / fps)
    assert abs(snapped(time, fps, duration) - time) <= 0.5 / fps + 1e-9


@given(st.integers(400, 4000), st.integers(80, 900), st.floats(0.1, 600), st.integers(0, 20), st.floats(0, 1))
def test_pixels_and_times_are_inverse(width: int, height: int, duration: float, rows: int, share: float) -> None:
    geometry = TimelineGeometry(width, height, duration, rows)
    assert geometry.time(geometry.x(share * duration)) == pytest.approx(share * duration, abs=1e-6 * duration)
    for row in range(rows):
        middle = geometry.y(row, 0.0, -1.0, 1.0)
        assert geometry.row_at(middle) == row
        assert geometry.y(row, 1.0, -1.0, 1.0) < middle < geometry.y(row, -1.0, -1.0, 1.0)


@given(st.floats(0.05, 3600), st.integers(100, 3000))
def test_ticks_leave_room_for_their_labels(duration: float, pixels: int) -> None:
    step = tick_step(duration, pixels)
    found = ticks(duration, pixels)
    assert found[0] == 0
    assert found[-1] <= duration * (1 + 1e-9)
    assert step == duration or pixels * step / duration >= 80


def test_tick_labels() -> None:
    assert tick_label(0.4, 0.2) == "0.4s"
    assert tick_label(1.25, 0.05) == "1.25s"
    assert tick_label(125, 5) == "2:05"
