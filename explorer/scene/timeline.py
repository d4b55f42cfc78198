"""The timeline: a video is a function from time to scenes; keyframes are edited by functions from scene to scene."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Literal, TypeVar

from msgspec.structs import replace

from explorer.errors import SceneError
from explorer.scene.curves import catmull_rom_weights, pchip, piecewise_linear
from explorer.scene.editing import with_edit
from explorer.scene.model import (
    AmountKey,
    AmountTrack,
    Blend,
    Edit,
    Holds,
    Interpolation,
    Origin,
    OriginKey,
    OriginTrack,
    Scene,
    Seed,
    StoredLatent,
    Timeline,
)

ORIGIN = -1
"""Stands for the origin's track where a function takes the number of an amount track."""

Key = TypeVar("Key", bound=AmountKey | OriginKey)


# --- the scene at a time ---------------------------------------------------------------------------------------------


def at(scene: Scene, time: float) -> Scene:
    """The scene at ``time`` seconds: edits set by the amount tracks, the origin by the origin track.

    On a key the value is the key's own, exactly; before the first and after the last key it stands still.
    """
    timeline = scene.timeline
    panes = list(scene.panes)
    for track in timeline.amounts:
        if track.keys:
            panes[track.pane] = with_edit(panes[track.pane], edit_at(track, time))
    origin = scene.origin
    if timeline.origin.keys:
        origin = origin_at(timeline.origin, time, timeline.loop == "loop")
    return replace(scene, panes=tuple(panes), origin=origin)


def edit_at(track: AmountTrack, time: float) -> Edit:
    """What ``track`` (one key at least) does at ``time`` seconds."""
    return Edit.of(track.control, amount_at(track, time), track.holds)


def amount_at(track: AmountTrack, time: float) -> float:
    """The amount, or value, of ``track`` (one key at least) at ``time`` seconds; always between the two keys around
    it."""
    keys = track.keys
    index = _before(keys, time)
    if index < 0:
        return keys[0].amount
    if keys[index].time == time or index == len(keys) - 1:
        return keys[index].amount
    # A curve depends on two keys on either side and no others: a track may have very many.
    near = keys[max(0, index - 1) : index + 3]
    times, amounts = [key.time for key in near], [key.amount for key in near]
    linear = piecewise_linear(times, amounts, time)
    value = linear if track.interpolation == "lerp" else pchip(times, amounts, time)
    # Rounding must not carry a curve past a key; and a slope too steep for a float leaves the straight line.
    low, high = sorted((keys[index].amount, keys[index + 1].amount))
    return min(high, max(low, value if math.isfinite(value) else linear))


def origin_at(track: OriginTrack, time: float, closed: bool = False) -> Origin:
    """Where ``track`` (one key at least) stands at ``time`` seconds: a key's own origin, or a mixture of some.

    ``closed``: the timeline loops; a smooth path whose last origin is its first then has no corner at the seam.
    """
    times = [key.time for key in track.keys]
    points = [key.origin for key in track.keys]
    index = _before(track.keys, time)
    if index < 0:
        return points[0]
    if times[index] == time or index == len(times) - 1:
        return points[index]
    if track.interpolation == "smooth":
        indices, weights = catmull_rom_weights(times, time, closed and points[0] == points[-1])
        return _mixture([points[i] for i in indices], weights, "smooth")
    share = (time - times[index]) / (times[index + 1] - times[index])
    return _mixture(points[index : index + 2], (1 - share, share), track.interpolation)


def _mixture(points: Sequence[Seed | StoredLatent], weights: Sequence[float], interpolation: Interpolation) -> Origin:
    return (
        points[0]
        if all(point == points[0] for point in points)
        else Blend(tuple(points), tuple(weights), interpolation)
    )


def _before(keys: Sequence[AmountKey | OriginKey], time: float) -> int:
    """The index of the last of ``keys``, in order of time, that is not after ``time``; -1 where there is none."""
    return bisect_right(keys, time, key=attrgetter("time")) - 1


def frame_times(timeline: Timeline) -> tuple[float, ...]:
    """The time in seconds of every frame of the video, evenly spaced as closely as ``fps`` allows.

    With n = duration · fps steps one way: ``once`` has n + 1 frames and ends exactly at the duration; ``loop`` has n,
    because the next one would be the first again; ``ping_pong`` has 2n: there and back, neither end shown twice.
    """
    steps = max(1, round(timeline.duration * timeline.fps))
    if steps == timeline.duration * timeline.fps:
        forward = [index / timeline.fps for index in range(steps)]
    else:
        forward = [timeline.duration * index / steps for index in range(steps)]
    if timeline.loop == "loop":
        return tuple(forward)
    there = (*forward, timeline.duration)
    return there if timeline.loop == "once" else there + there[-2:0:-1]


# --- editing ---------------------------------------------------------------------------------------------------------


def track_number(timeline: Timeline, pane: int, control: str) -> int | None:
    """The number of the amount track of ``control`` in ``pane``; None where it does not move."""
    for number, track in enumerate(timeline.amounts):
        if (track.pane, track.control) == (pane, control):
            return number
    return None


def set_amount_key(scene: Scene, pane: int, control: str, time: float, amount: float, holds: Holds = "amount") -> Scene:
    """A keyframe of ``amount`` at ``time``: replaces one within half a frame, or begins a track, of values where that
    is what ``holds`` says. A track keeps what it was begun with: raises :class:`SceneError` for the other."""
    timeline = scene.timeline
    number = track_number(timeline, pane, control)
    key = AmountKey(_in_timeline(timeline, time), amount)
    if number is None:
        if not 0 <= pane < len(scene.panes):
            raise SceneError(f"There is no pane {pane}; the scene has panes 0 to {len(scene.panes) - 1}.")
        return _with_timeline(
            scene,
            replace(
                timeline,
                amounts=(*timeline.amounts, AmountTrack(pane=pane, control=control, keys=(key,), holds=holds)),
            ),
        )
    if timeline.amounts[number].holds != holds:
        raise SceneError(
            f"The track of '{control}' holds {timeline.amounts[number].holds}s, so it cannot have a key of "
            f"{'an amount' if holds == 'amount' else 'a value'}; remove the track first."
        )
    return _with_track(scene, number, lambda track: replace(track, keys=_inserted(track.keys, key, timeline.fps)))


def set_origin_key(scene: Scene, time: float, origin: Origin) -> Scene:
    """A keyframe of ``origin`` at ``time``, replacing one within half a frame. A mixture raises :class:`SceneError`."""
    if isinstance(origin, Blend):
        raise SceneError("A keyframe holds a seed or a stored point, not a mixture; choose a seed or a bookmark.")
    timeline = scene.timeline
    keys = _inserted(timeline.origin.keys, OriginKey(_in_timeline(timeline, time), origin), timeline.fps)
    return _with_timeline(scene, replace(timeline, origin=replace(timeline.origin, keys=keys)))


def with_origin_path(scene: Scene, points: Sequence[StoredLatent]) -> Scene:
    """``scene`` as a film that goes through ``points`` (two or more) one after the other, at an even pace and straight
    from each to the next, and that stands at the first one. The timeline is made longer where it has too few frames;
    keyframes of sliders stay."""
    timeline = scene.timeline
    steps = len(points) - 1
    duration = max(timeline.duration, steps / timeline.fps)
    keys = tuple(OriginKey(duration * (index / steps), point) for index, point in enumerate(points))
    origin = OriginTrack(keys=keys, interpolation="lerp")
    film = replace(scene, origin=points[0], timeline=replace(timeline, duration=duration, origin=origin))
    return replace(film, panes=tuple(replace(pane, origin=None) for pane in film.panes))


def move_key(scene: Scene, track: int, index: int, time: float, amount: float | None = None) -> Scene:
    """Key ``index`` of amount track ``track`` (or :data:`ORIGIN`) moved to ``time``, and to ``amount`` if given.

    A key stays one frame away from its neighbours and inside the timeline, so its index does not change under a drag.
    """
    timeline = scene.timeline
    if track == ORIGIN:
        points = list(timeline.origin.keys)
        points[index] = OriginKey(_between_neighbours(timeline, points, index, time), points[index].origin)
        return _with_timeline(scene, replace(timeline, origin=replace(timeline.origin, keys=tuple(points))))
    keys = list(timeline.amounts[track].keys)
    moved = _between_neighbours(timeline, keys, index, time)
    keys[index] = AmountKey(moved, keys[index].amount if amount is None else amount)
    return _with_track(scene, track, lambda old: replace(old, keys=tuple(keys)))


def remove_key(scene: Scene, track: int, index: int) -> Scene:
    """Without key ``index`` of amount track ``track`` (or :data:`ORIGIN`); a track that loses its last key goes too."""
    timeline = scene.timeline
    if track == ORIGIN:
        kept = timeline.origin.keys[:index] + timeline.origin.keys[index + 1 :]
        return _with_timeline(scene, replace(timeline, origin=replace(timeline.origin, keys=kept)))
    if len(timeline.amounts[track].keys) == 1:
        return remove_track(scene, track)
    return _with_track(scene, track, lambda old: replace(old, keys=old.keys[:index] + old.keys[index + 1 :]))


def remove_track(scene: Scene, track: int) -> Scene:
    """Without amount track ``track``, or without the keys of the :data:`ORIGIN`."""
    timeline = scene.timeline
    if track == ORIGIN:
        return _with_timeline(scene, replace(timeline, origin=replace(timeline.origin, keys=())))
    return _with_timeline(scene, replace(timeline, amounts=timeline.amounts[:track] + timeline.amounts[track + 1 :]))


def set_interpolation(scene: Scene, track: int, interpolation: Interpolation) -> Scene:
    """How track ``track`` moves between its keys. For amounts, ``slerp`` raises :class:`SceneError`."""
    timeline = scene.timeline
    if track == ORIGIN:
        return _with_timeline(scene, replace(timeline, origin=replace(timeline.origin, interpolation=interpolation)))
    if interpolation == "slerp":
        raise SceneError("An amount moves by 'lerp' or 'smooth'; 'slerp' is for points of the latent space.")
    return _with_track(scene, track, lambda old: replace(old, interpolation=interpolation))


def set_timing(
    scene: Scene,
    duration: float | None = None,
    fps: int | None = None,
    loop: Literal["once", "loop", "ping_pong"] | None = None,
) -> Scene:
    """The timeline with another ``duration`` (seconds, one way), ``fps`` or ``loop``; keys keep their times."""
    old = scene.timeline
    return _with_timeline(
        scene,
        replace(
            old,
            duration=old.duration if duration is None else duration,
            fps=old.fps if fps is None else fps,
            loop=old.loop if loop is None else loop,
        ),
    )


def _with_timeline(scene: Scene, timeline: Timeline) -> Scene:
    return replace(scene, timeline=timeline)


def _with_track(scene: Scene, number: int, change: Callable[[AmountTrack], AmountTrack]) -> Scene:
    amounts = scene.timeline.amounts
    changed = change(amounts[number])
    return _with_timeline(scene, replace(scene.timeline, amounts=(*amounts[:number], changed, *amounts[number + 1 :])))


def _in_timeline(timeline: Timeline, time: float) -> float:
    return min(timeline.duration, max(0.0, time))


def _inserted(keys: tuple[Key, ...], key: Key, fps: int) -> tuple[Key, ...]:
    others = [other for other in keys if abs(_time(other) - _time(key)) >= 0.5 / fps]
    return tuple(sorted([*others, key], key=_time))


def _time(key: AmountKey | OriginKey) -> float:
    return key.time


def _between_neighbours(
    timeline: Timeline, keys: Sequence[AmountKey] | Sequence[OriginKey], index: int, time: float
) -> float:
    frame = 1 / timeline.fps
    low = keys[index - 1].time + frame if index > 0 else 0.0
    last = keys[index + 1].time - frame if index + 1 < len(keys) else timeline.duration
    high = min(timeline.duration, last)
    return keys[index].time if low > high else min(high, max(low, time))
