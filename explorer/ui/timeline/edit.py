"""What the timeline's gestures mean, as functions from scene to scene. No Qt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from explorer.scene import timeline as keys
from explorer.scene.editing import edit_of, with_edit, with_pane
from explorer.scene.model import Blend, Edit, Holds, Interpolation, Origin, OriginTrack, Scene, Seed, Timeline
from explorer.scene.timeline import ORIGIN
from explorer.scene.validate import AMOUNT_LIMIT, check_amount, check_seed
from explorer.ui.timeline.rows import TimelineRow


def is_moving(timeline: Timeline) -> bool:
    """Whether the timeline has any keyframe."""
    return bool(timeline.amounts or timeline.origin.keys)


def key_times(timeline: Timeline) -> list[float]:
    """The times of all keyframes within the duration, ascending, each once."""
    times = {key.time for track in timeline.amounts for key in track.keys}
    times.update(key.time for key in timeline.origin.keys)
    return sorted(time for time in times if time <= timeline.duration)


Touched = AbstractSet[tuple[int, str]]
"""(pane, control) of sliders that the hand has set since the playhead came to where it is; SEED for the seed."""

SEED = (ORIGIN, "")

MOST_MOMENTS = 4000
"""Of a timeline, that are looked through; of one with more frames only the keyframes are."""


def moved_controls(before: Scene, after: Scene) -> set[tuple[int, str]]:
    """(pane, control) of every edit in which two scenes differ; nothing where they have other panes."""
    if len(before.panes) != len(after.panes) or before.model != after.model:
        return set()
    return {
        (number, edit.control)
        for number, (old, new) in enumerate(zip(before.panes, after.panes, strict=True))
        for edit in (*old.edits, *new.edits)
        if edit_of(old, edit.control) != edit_of(new, edit.control)
    }


def overlaid(scene: Scene, time: float, baseline: Scene, touched: Touched = frozenset()) -> Scene:
    """What is seen at ``time``, where the playhead stands since the scene was ``baseline``.

    The timeline decides, except for sliders and seeds that the hand has moved since: those are seen as they stand.
    """
    shown = keys.at(scene, time)
    for number, name in moved_controls(baseline, scene) | touched:
        if 0 <= number < len(scene.panes):
            shown = with_pane(shown, number, with_edit(shown.panes[number], edit_of(scene.panes[number], name)))
    by_hand = scene.origin != baseline.origin or SEED in touched
    return replace(shown, origin=scene.origin) if by_hand else shown


def moment_of(scene: Scene) -> float | None:
    """The first time, of a keyframe or a frame, at which the timeline shows the scene as it stands; None where it does
    at none of the first :data:`MOST_MOMENTS`."""
    timeline = scene.timeline
    if not is_moving(timeline):
        return None
    frames = keys.frame_times(replace(timeline, loop="once")) if timeline.duration * timeline.fps < MOST_MOMENTS else ()
    for time in sorted({*key_times(timeline), *frames})[:MOST_MOMENTS]:
        shown = keys.at(scene, time)
        if shown.origin == scene.origin and not moved_controls(shown, scene):
            return time
    return None


Factual = Mapping[tuple[int, str], float]
"""(pane, control) of sliders of values → the value that stands where nothing is set, as far as that is known."""


def captured(
    scene: Scene, shown: Scene, time: float, earlier: tuple[float, Origin] | None, factual: Factual | None = None
) -> Scene:
    """``scene`` with a keyframe at ``time`` of what is ``shown``, a picture with these ``factual`` values.

    Sliders that are off zero or have a track get a key. A slider that moves for the first time stood at 0 at the
    keyframes around, so it gets keys of 0 there; one of values, at its factual value, where the start is the same. One
    that was set free gets a key of that value, too. The seed gets one where it has a track, where nothing else could be
    kept, or where it is another than at the keyframe before (``earlier``: time and origin), which then gets one too.
    """
    made = scene
    around = _around(key_times(scene.timeline), time)
    factual = factual or {}
    kept = False
    for number, pane in enumerate(shown.panes):
        names = [edit.control for edit in pane.edits]
        names += [track.control for track in scene.timeline.amounts if track.pane == number]
        for name in dict.fromkeys(names):
            edit = edit_of(pane, name)
            track = keys.track_number(scene.timeline, number, name)
            is_of_values = track is not None and scene.timeline.amounts[track].holds == "value"
            if is_of_values and edit.is_nothing:
                if (number, name) not in factual:
                    continue  # it was set free at this time, and where it stands then is not known
                edit = Edit(name, value=factual[number, name])
            stood = 0.0 if edit.holds == "amount" else factual.get((number, name))
            for other in around:
                same_start = edit.holds == "amount" or keys.at(scene, other).origin == shown.origin
                if track is None and stood is not None and same_start:
                    made = keys.set_amount_key(made, number, name, other, stood, edit.holds)
            made = keys.set_amount_key(made, number, name, time, edit.number, edit.holds)
            kept = True
    if all(pane.origin is not None for pane in scene.panes):
        return made  # no pane starts where the scene does
    if scene.timeline.origin.keys or not kept:
        return made if isinstance(shown.origin, Blend) else keys.set_origin_key(made, time, shown.origin)
    if earlier is not None and earlier[1] != shown.origin and earlier[0] != time:
        for moment, origin in (earlier, (time, shown.origin)):
            if not isinstance(origin, Blend):
                made = keys.set_origin_key(made, moment, origin)
    return made


def with_key_moved(scene: Scene, row: TimelineRow, index: int, time: float, amount: float) -> Scene:
    """``scene`` with one diamond of ``row`` elsewhere, in every track that the row stands for."""
    amount = min(AMOUNT_LIMIT, max(-AMOUNT_LIMIT, amount))
    for track in row.tracks:
        scene = keys.move_key(scene, track, index, time, None if row.is_origin else amount)
    return scene


def with_key_added(scene: Scene, row: TimelineRow, time: float) -> Scene:
    """``scene`` with a diamond on the curve of ``row`` at ``time``; the picture of no moment changes much by it.

    The origin's track gets the scene's own seed, because a mixture cannot be kept.
    """
    for track in row.tracks:
        if track == ORIGIN:
            here = scene.origin
            nearest = min(scene.timeline.origin.keys, key=lambda key: abs(key.time - time)).origin
            scene = keys.set_origin_key(scene, time, nearest if isinstance(here, Blend) else here)
        else:
            old = scene.timeline.amounts[track]
            scene = keys.set_amount_key(scene, old.pane, old.control, time, keys.amount_at(old, time), old.holds)
    return scene


def with_key_removed(scene: Scene, row: TimelineRow, index: int) -> Scene:
    """``scene`` without one diamond of ``row``."""
    for track in sorted(row.tracks, reverse=True):  # a track that goes takes its number along
        scene = keys.remove_key(scene, track, index)
    return scene


def with_row_removed(scene: Scene, row: TimelineRow) -> Scene:
    """``scene`` without the tracks of ``row``."""
    for track in sorted(row.tracks, reverse=True):
        scene = keys.remove_track(scene, track)
    return scene


def with_key_typed(scene: Scene, row: TimelineRow, index: int, number: float) -> Scene:
    """``scene`` with the amount, or the seed, that was typed. Raises :class:`SceneError` where it is out of range."""
    if row.is_origin:
        check_seed(int(number))
        return keys.set_origin_key(scene, row.times[index], Seed(int(number)))
    check_amount(number)
    return with_key_moved(scene, row, index, row.times[index], number)


def with_interpolation(scene: Scene, tracks: Iterable[int], interpolation: Interpolation) -> Scene:
    """``scene`` with these tracks moving another way between their keys."""
    for track in tracks:
        scene = keys.set_interpolation(scene, track, interpolation)
    return scene


def cleared(scene: Scene) -> Scene:
    """``scene`` without any keyframe; duration, frame rate and loop stay."""
    return replace(scene, timeline=replace(scene.timeline, amounts=(), origin=OriginTrack()))


def traversal(scene: Scene, pane_controls: dict[int, str], low: float, high: float, holds: Holds = "amount") -> Scene:
    """``scene`` whose timeline moves one control of each listed pane from ``low`` to ``high``, there and back."""
    made = cleared(scene)
    made = keys.set_timing(made, loop="ping_pong")
    for pane, control in pane_controls.items():
        made = keys.set_amount_key(made, pane, control, 0.0, low, holds)
        made = keys.set_amount_key(made, pane, control, made.timeline.duration, high, holds)
    return made


def _around(times: list[float], time: float) -> list[float]:
    """The nearest of ``times`` before and after ``time``, where there are such."""
    before = [other for other in times if other < time]
    after = [other for other in times if other > time]
    return [*before[-1:], *after[:1]]
