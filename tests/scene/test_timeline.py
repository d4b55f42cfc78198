"""The timeline: exact on its keys, no overshoot, symmetric, closed; and its editing."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from explorer.errors import SceneError
from explorer.scene import timeline as tl
from explorer.scene.curves import pchip, piecewise_linear
from explorer.scene.editing import edit_of
from explorer.scene.model import (
    AmountKey,
    AmountTrack,
    Blend,
    Edit,
    ModelRef,
    OriginKey,
    OriginTrack,
    Pane,
    Scene,
    Seed,
    StoredLatent,
    Timeline,
)
from explorer.scene.validate import validate_scene

SCENE = Scene(model=ModelRef(path="m"), panes=(Pane(edits=(Edit("kept", 2.0), Edit("a", 9.0))), Pane()))
finite = st.floats(allow_nan=False, allow_infinity=False)
amount_keys = st.dictionaries(st.floats(0, 100), finite, min_size=1, max_size=6).map(
    lambda made: tuple(AmountKey(time, amount) for time, amount in sorted(made.items()))
)
tracks = st.builds(
    AmountTrack,
    pane=st.just(1),
    control=st.just("a"),
    keys=amount_keys,
    interpolation=st.sampled_from(["lerp", "smooth"]),
)


def with_tracks(*amounts: AmountTrack, **fields: object) -> Scene:
    return replace(SCENE, timeline=Timeline(amounts=amounts, **fields))


@settings(max_examples=200, deadline=None)
@given(tracks)
def test_at_a_key_the_amount_is_the_keys_own_exactly(track: AmountTrack) -> None:
    for key in track.keys:
        assert edit_of(tl.at(with_tracks(track), key.time).panes[1], "a").amount == key.amount


@settings(max_examples=300, deadline=None)
@given(tracks, st.floats(-10, 110))
def test_an_amount_never_overshoots_the_keys_around_it(track: AmountTrack, time: float) -> None:
    amount = tl.amount_at(track, time)
    before = [key.amount for key in track.keys if key.time <= time] or [track.keys[0].amount]
    after = [key.amount for key in track.keys if key.time > time] or [track.keys[-1].amount]
    assert min(before[-1], after[0]) <= amount <= max(before[-1], after[0])


@given(tracks, st.floats(-10, 110))
def test_the_keys_around_a_time_give_the_curve_of_all_to_the_last_bit(track: AmountTrack, time: float) -> None:
    """So that a track of very many keys is no slower, and what was exported before is drawn again as it was."""
    times, amounts = [key.time for key in track.keys], [key.amount for key in track.keys]
    whole = (piecewise_linear if track.interpolation == "lerp" else pchip)(times, amounts, time)
    index = sum(one <= time for one in times) - 1
    if 0 <= index < len(times) - 1:
        low, high = sorted(amounts[index : index + 2])
        linear = piecewise_linear(times, amounts, time)
        whole = min(high, max(low, whole if math.isfinite(whole) else linear))
    assert tl.amount_at(track, time) == whole


def test_linear_amounts_are_linear() -> None:
    track = AmountTrack(pane=1, control="a", keys=(AmountKey(1, 0), AmountKey(3, 4)), interpolation="lerp")
    assert [tl.amount_at(track, time) for time in (0, 1, 1.5, 2, 3, 9)] == [0, 0, 1, 2, 4, 4]


def test_smooth_amounts_are_the_cubic_of_fritsch_and_carlson() -> None:
    from scipy.interpolate import PchipInterpolator  # an independent implementation

    times, amounts = [0.0, 0.5, 2.0, 3.0, 4.5], [0.0, 2.0, 2.5, -1.0, -1.5]
    track = AmountTrack(pane=0, control="a", keys=tuple(map(AmountKey, times, amounts)))
    theirs = PchipInterpolator(times, amounts)
    for step in range(46):
        assert tl.amount_at(track, step / 10) == pytest.approx(float(theirs(step / 10)), abs=1e-12)


def test_only_what_has_a_track_moves() -> None:
    track = AmountTrack(pane=0, control="a", keys=(AmountKey(0, 1), AmountKey(1, 5)), interpolation="lerp")
    scene = with_tracks(track)
    moved = tl.at(scene, 0.5)
    assert moved.panes[0].edits == (Edit("a", 3.0), Edit("kept", 2.0))
    assert replace(moved, panes=scene.panes) == scene
    assert tl.at(SCENE, 1.0) == SCENE


points = st.integers(0, 5).map(Seed) | st.just(StoredLatent("z", (1,), bytes(4)))
origin_keys = st.dictionaries(st.floats(0, 100), points, min_size=1, max_size=6).map(
    lambda made: tuple(OriginKey(time, origin) for time, origin in sorted(made.items()))
)
origin_tracks = st.builds(OriginTrack, keys=origin_keys, interpolation=st.sampled_from(["lerp", "slerp", "smooth"]))


@settings(max_examples=200, deadline=None)
@given(origin_tracks, st.sampled_from(["once", "loop", "ping_pong"]))
def test_at_a_key_the_origin_is_the_keys_own(track: OriginTrack, loop: str) -> None:
    scene = replace(SCENE, timeline=Timeline(origin=track, loop=loop))
    for key in track.keys:
        assert tl.at(scene, key.time).origin == key.origin


@settings(max_examples=200, deadline=None)
@given(origin_tracks, st.floats(-10, 110), st.booleans())
def test_every_origin_on_the_way_is_valid(track: OriginTrack, time: float, closed: bool) -> None:
    scene = replace(SCENE, origin=tl.origin_at(track, time, closed))
    validate_scene(scene)
    if isinstance(scene.origin, Blend):
        assert math.fsum(scene.origin.weights) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("interpolation", ["lerp", "slerp"])
def test_between_two_seeds_the_weight_is_the_share_of_time(interpolation: Literal["lerp", "slerp"]) -> None:
    track = OriginTrack(keys=(OriginKey(1, Seed(7)), OriginKey(3, Seed(8))), interpolation=interpolation)
    assert tl.origin_at(track, 1.5) == Blend((Seed(7), Seed(8)), (0.75, 0.25), interpolation)
    assert tl.origin_at(track, 0) == Seed(7)
    assert tl.origin_at(track, 4) == Seed(8)


def test_between_equal_seeds_nothing_moves() -> None:
    track = OriginTrack(keys=(OriginKey(0, Seed(7)), OriginKey(1, Seed(7))))
    assert tl.origin_at(track, 0.5) == Seed(7)


def test_a_closed_smooth_path_uses_the_points_across_the_seam() -> None:
    keys = tuple(OriginKey(time, Seed(seed)) for time, seed in enumerate((1, 2, 3, 1)))
    track = OriginTrack(keys=keys, interpolation="smooth")
    opened, closed = tl.origin_at(track, 0.5), tl.origin_at(track, 0.5, closed=True)
    assert isinstance(opened, Blend)
    assert isinstance(closed, Blend)
    # Catmull-Rom at the middle of evenly spaced keys: (-1, 9, 9, -1) / 16; the point before the first is the third.
    mixed: dict[object, float] = {}
    for point, weight in zip(closed.origins, closed.weights, strict=True):
        mixed[point] = mixed.get(point, 0) + weight
    assert mixed == pytest.approx({Seed(1): 9 / 16, Seed(2): 9 / 16, Seed(3): -2 / 16})
    assert Seed(1) in opened.origins


# --- frames ----------------------------------------------------------------------------------------------------------

rates = st.integers(1, 240)
durations = st.floats(0.01, 20)


@settings(max_examples=200, deadline=None)
@given(durations, rates)
def test_frames_ascend_evenly_and_end_as_documented(duration: float, fps: int) -> None:
    once, loop, ping_pong = (
        tl.frame_times(Timeline(duration=duration, fps=fps, loop=loop)) for loop in ("once", "loop", "ping_pong")
    )
    assert once[0] == 0
    assert once[-1] == duration
    gaps = [b - a for a, b in itertools.pairwise(once)]
    assert all(gap == pytest.approx(duration / len(gaps)) for gap in gaps)
    assert loop == once[:-1]  # the frame after the last is the first again
    assert ping_pong == once + once[-2:0:-1]
    assert ping_pong[1:] == ping_pong[:0:-1]  # the same forwards and backwards, around the first frame
    assert ping_pong.count(0) == ping_pong.count(duration) == 1


@given(st.integers(1, 500), rates)
def test_whole_frames_stand_at_multiples_of_the_frame_time(frames: int, fps: int) -> None:
    if Fraction(frames, fps) * fps == frames / fps * fps:
        times = tl.frame_times(Timeline(duration=frames / fps, fps=fps, loop="once"))
        assert times == tuple(index / fps for index in range(frames + 1))


def test_the_seconds_of_a_video_are_those_of_the_timeline() -> None:
    assert len(tl.frame_times(Timeline(duration=4, fps=24, loop="ping_pong"))) == 192
    assert len(tl.frame_times(Timeline(duration=4, fps=24, loop="loop"))) == 96
    assert tl.frame_times(Timeline(duration=0.001, fps=24, loop="once")) == (0.0, 0.001)


def test_a_loop_whose_keys_close_shows_its_first_scene_again() -> None:
    keys = (AmountKey(0, 1), AmountKey(1, -2), AmountKey(2, 1))
    scene = with_tracks(AmountTrack(pane=0, control="a", keys=keys), duration=2.0, loop="loop")
    scene = replace(
        scene,
        timeline=replace(
            scene.timeline, origin=OriginTrack(keys=tuple(OriginKey(t, Seed(s)) for t, s in ((0, 1), (1, 5), (2, 1))))
        ),
    )
    assert tl.at(scene, 2.0) == tl.at(scene, 0.0)


# --- editing ---------------------------------------------------------------------------------------------------------


def test_a_first_key_begins_a_track_and_a_second_joins_it_in_order() -> None:
    scene = tl.set_amount_key(tl.set_amount_key(SCENE, 1, "a", 2.0, 5.0), 1, "a", 1.0, 3.0)
    assert scene.timeline.amounts == (
        AmountTrack(pane=1, control="a", keys=(AmountKey(1.0, 3.0), AmountKey(2.0, 5.0))),
    )
    assert tl.track_number(scene.timeline, 1, "a") == 0
    assert tl.track_number(scene.timeline, 0, "a") is None
    assert SCENE.timeline.amounts == ()


def test_a_key_replaces_one_within_half_a_frame() -> None:
    scene = tl.set_amount_key(SCENE, 0, "a", 1.0, 3.0)
    assert tl.set_amount_key(scene, 0, "a", 1.0 + 0.4 / 24, 4.0).timeline.amounts[0].keys == (
        AmountKey(1.0 + 0.4 / 24, 4.0),
    )
    assert len(tl.set_amount_key(scene, 0, "a", 1.0 + 0.6 / 24, 4.0).timeline.amounts[0].keys) == 2


def test_keys_stay_inside_the_timeline() -> None:
    scene = tl.set_amount_key(tl.set_amount_key(SCENE, 0, "a", 99.0, 1.0), 0, "a", -1.0, 2.0)
    assert scene.timeline.amounts[0].keys == (AmountKey(0.0, 2.0), AmountKey(4.0, 1.0))


def test_a_pane_that_is_not_there_is_refused() -> None:
    with pytest.raises(SceneError, match="no pane 2"):
        tl.set_amount_key(SCENE, 2, "a", 0.0, 1.0)


def test_a_moved_key_keeps_its_place_among_its_neighbours() -> None:
    scene = SCENE
    for time in (1.0, 2.0, 3.0):
        scene = tl.set_amount_key(scene, 0, "a", time, time)
    frame = 1 / 24

    def times(changed: Scene) -> list[float]:
        return [key.time for key in changed.timeline.amounts[0].keys]

    assert times(tl.move_key(scene, 0, 1, 2.5)) == [1.0, 2.5, 3.0]
    assert times(tl.move_key(scene, 0, 1, 9.0)) == [1.0, 3.0 - frame, 3.0]
    assert times(tl.move_key(scene, 0, 1, 0.0)) == [1.0, 1.0 + frame, 3.0]
    assert times(tl.move_key(scene, 0, 2, 9.0)) == [1.0, 2.0, 4.0]
    assert times(tl.move_key(scene, 0, 0, 0.25)) == [0.25, 2.0, 3.0]
    assert times(tl.move_key(scene, 0, 0, -1.0)) == [0.0, 2.0, 3.0]
    assert times(tl.move_key(scene, 0, 0, 9.0)) == [2.0 - frame, 2.0, 3.0]
    assert tl.move_key(scene, 0, 1, 2.5, 7.0).timeline.amounts[0].keys[1] == AmountKey(2.5, 7.0)
    assert tl.move_key(scene, 0, 1, 2.5).timeline.amounts[0].keys[1].amount == 2.0


def test_origin_keys_are_set_moved_and_removed() -> None:
    scene = tl.set_origin_key(tl.set_origin_key(SCENE, 0.0, Seed(1)), 4.0, Seed(2))
    scene = tl.move_key(scene, tl.ORIGIN, 1, 3.0)
    assert scene.timeline.origin.keys == (OriginKey(0.0, Seed(1)), OriginKey(3.0, Seed(2)))
    assert tl.remove_key(scene, tl.ORIGIN, 0).timeline.origin.keys == (OriginKey(3.0, Seed(2)),)
    assert tl.remove_track(scene, tl.ORIGIN).timeline.origin.keys == ()
    assert tl.set_interpolation(scene, tl.ORIGIN, "smooth").timeline.origin.interpolation == "smooth"


def test_a_mixture_is_no_keyframe() -> None:
    with pytest.raises(SceneError, match="not a mixture"):
        tl.set_origin_key(SCENE, 0.0, Blend((Seed(1), Seed(2)), (0.5, 0.5)))


def test_a_track_goes_with_its_last_key() -> None:
    scene = tl.set_amount_key(tl.set_amount_key(SCENE, 0, "a", 1.0, 1.0), 1, "a", 1.0, 1.0)
    assert [track.pane for track in tl.remove_key(scene, 0, 0).timeline.amounts] == [1]
    scene = tl.set_amount_key(scene, 0, "a", 2.0, 1.0)
    assert tl.remove_key(scene, 0, 0).timeline.amounts[0].keys == (AmountKey(2.0, 1.0),)


def test_interpolation_and_timing_are_changed() -> None:
    scene = tl.set_amount_key(SCENE, 0, "a", 1.0, 1.0)
    assert tl.set_interpolation(scene, 0, "lerp").timeline.amounts[0].interpolation == "lerp"
    with pytest.raises(SceneError, match="slerp"):
        tl.set_interpolation(scene, 0, "slerp")
    changed = tl.set_timing(scene, duration=2.0, loop="once")
    assert changed.timeline == replace(scene.timeline, duration=2.0, loop="once")


edits = st.lists(
    st.tuples(
        st.sampled_from(["set", "move", "remove", "origin", "move_origin"]),
        st.integers(0, 9),
        st.floats(-1, 6),
        st.floats(-1000, 1000),
    ),
    max_size=20,
)


@settings(max_examples=100, deadline=None)
@given(edits)
def test_every_sequence_of_edits_leaves_a_valid_scene(steps: list[tuple[str, int, float, float]]) -> None:
    scene = SCENE
    for kind, number, time, amount in steps:
        line = scene.timeline
        if kind == "set":
            scene = tl.set_amount_key(scene, number % 2, "ab"[number // 5], time, amount)
        elif kind == "origin":
            scene = tl.set_origin_key(scene, time, Seed(number))
        elif kind == "move_origin" and line.origin.keys:
            scene = tl.move_key(scene, tl.ORIGIN, number % len(line.origin.keys), time)
        elif line.amounts:
            track = number % len(line.amounts)
            index = number % len(line.amounts[track].keys)
            if kind == "move":
                scene = tl.move_key(scene, track, index, time, amount)
            elif kind == "remove":
                scene = tl.remove_key(scene, track, index)
    validate_scene(scene)


@given(st.integers(2, 300), st.floats(0.1, 20), st.integers(1, 60))
def test_a_film_through_points_stands_on_each_of_them_at_an_even_pace(count: int, duration: float, fps: int) -> None:
    points = [StoredLatent("z", (1,), bytes([0, index % 256, index // 256, 0])) for index in range(count)]
    before = replace(
        with_tracks(AmountTrack(pane=1, control="a", keys=(AmountKey(0.0, 1.0),)), duration=duration, fps=fps),
        panes=(replace(SCENE.panes[0], origin=Seed(9)), SCENE.panes[1]),
    )
    film = tl.with_origin_path(before, points)
    validate_scene(film)
    times = [key.time for key in film.timeline.origin.keys]
    assert [tl.at(film, time).origin_of(0) for time in times] == points
    assert (times[0], times[-1]) == (0.0, film.timeline.duration)
    assert film.origin == points[0]
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert max(steps) == pytest.approx(min(steps))
    assert min(steps) >= (1 - 1e-9) / fps or film.timeline.duration == duration
    assert film.timeline.duration >= duration
    assert film.timeline.amounts == before.timeline.amounts
