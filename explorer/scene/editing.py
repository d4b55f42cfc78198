"""Changes to a scene, as functions from scene to scene. The window's controller and the command line share them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from explorer.scene.marks import grown_marks
from explorer.scene.model import (
    AmountTrack,
    Condition,
    ControlSetRef,
    Edit,
    ModelRef,
    Origin,
    Pane,
    PaneView,
    Scene,
    Seed,
    StepWindow,
    Timeline,
)

replace = msgspec.structs.replace

SEED_COUNT = 2**32
TRUNCATION_MAX = 1.5


def edit_of(pane: Pane, control: str) -> Edit:
    """How ``control`` is moved in ``pane``; by an amount of 0 when it is not."""
    return next((edit for edit in pane.edits if edit.control == control), Edit(control))


def with_edit(pane: Pane, edit: Edit) -> Pane:
    """``pane`` with ``edit`` in place of what it did with that control, in the steps of before where it names none."""
    edit = replace(edit, window=edit.window or edit_of(pane, edit.control).window)
    return replace(pane, edits=(*(other for other in pane.edits if other.control != edit.control), edit))


def with_window(pane: Pane, control: str, window: StepWindow | None) -> Pane:
    """``pane`` in which ``control`` acts in the steps of ``window`` alone; None: in all."""
    others = (other for other in pane.edits if other.control != control)
    return replace(pane, edits=(*others, replace(edit_of(pane, control), window=window)))


def with_pane(scene: Scene, index: int, pane: Pane) -> Scene:
    """``scene`` with pane number ``index`` replaced."""
    return replace(scene, panes=(*scene.panes[:index], pane, *scene.panes[index + 1 :]))


def with_edits(scene: Scene, edit_of_pane: Mapping[int, Edit]) -> Scene:
    """``scene`` with one edit in each listed pane (pane index → edit)."""
    panes = tuple(
        with_edit(pane, edit_of_pane[index]) if index in edit_of_pane else pane
        for index, pane in enumerate(scene.panes)
    )
    return replace(scene, panes=panes)


def insert_pane(scene: Scene, index: int, pane: Pane) -> Scene:
    """``scene`` with ``pane`` at ``index`` and selected; the timeline's tracks follow their panes. A table of panes
    gets a column of it, every row from its own origin."""
    if is_table(scene):
        row, before = divmod(max(index - 1, 0), scene.columns)
        at, width = before + (index > 0), scene.columns + 1
        starts = range(0, len(scene.panes), scene.columns)
        new = {start + at: replace(pane, origin=scene.panes[start].origin) for start in starts}
        selected = row * width + at
    else:
        # One pane more would push every later picture out of its column.
        new, width, selected = {index: pane}, 0, index
    panes: list[Pane] = []
    place: dict[int, int] = {}
    for old in range(len(scene.panes) + 1):
        if old in new:
            panes.append(new[old])
        if old < len(scene.panes):
            place[old] = len(panes)
            panes.append(scene.panes[old])
    tracks = tuple(replace(track, pane=place[track.pane]) for track in scene.timeline.amounts if track.pane in place)
    return replace(scene, panes=tuple(panes), selected=selected, columns=width, timeline=_timeline(scene, tracks))


def side_by_side(scene: Scene, sets: Sequence[ControlSetRef], seeds: Sequence[int] = ()) -> Scene:
    """``scene`` with a pane for each of ``sets`` side by side, and a row of them for each of ``seeds`` (none: one row
    that starts where the selected pane did). Sliders are linked and stand at zero; the timeline's tracks go with the
    panes.
    """
    rows: list[Seed | None] = [Seed(seed) for seed in seeds] or [None]
    panes = tuple(Pane(controls=one, origin=origin) for origin in rows for one in sets)
    made = replace(
        scene,
        model=scene.model_of(),
        panes=panes,
        selected=0,
        linked=True,
        columns=len(sets),
        timeline=_timeline(scene, ()),
    )
    made = replace(made, condition=scene.condition_of())
    return made if seeds else replace(made, origin=scene.origin_of())


def remove_pane(scene: Scene, index: int) -> Scene:
    """``scene`` without pane ``index`` (the last pane stays) and without its tracks; of a table of panes, without its
    whole column."""
    rows = _rows(scene)
    if rows is None:
        kept, columns = [pane for pane in range(len(scene.panes)) if pane != index], 0
    else:
        kept = [pane for pane in range(len(scene.panes)) if (pane - index) % scene.columns]
        columns = scene.columns - 1
    return _with_panes(scene, kept, columns) if kept else scene


def move_pane(scene: Scene, index: int, step: int) -> Scene:
    """``scene`` with pane ``index`` and its neighbour ``step`` (-1 left, 1 right) in each other's place; in a table of
    panes, their columns. At the edge nothing moves."""
    order = list(range(len(scene.panes)))
    rows = _rows(scene)
    width = scene.columns if rows is not None else len(order)
    column = index % width
    if not 0 <= column + step < width:
        return scene
    for start in range(0, len(order), width):
        here, there = start + column, start + column + step
        order[here], order[there] = order[there], order[here]
    return _with_panes(scene, order, scene.columns)


def is_table(scene: Scene) -> bool:
    """Whether the panes are a table in which a column shows one control set and a row starts from one origin, so that
    each can be named once, at the edge."""
    if _rows(scene) is None:
        return False
    sets = [(pane.model, pane.controls, pane.name) for pane in scene.panes]
    origins = [pane.origin for pane in scene.panes]
    return all(
        sets[index] == sets[index % scene.columns] and origins[index] == origins[index - index % scene.columns]
        for index in range(len(scene.panes))
    )


def column_of(scene: Scene, index: int) -> tuple[int, ...]:
    """The panes that show one control set with pane ``index``: its column in a table of panes, else itself alone."""
    if not is_table(scene):
        return (index,)
    return tuple(range(index % scene.columns, len(scene.panes), scene.columns))


def _rows(scene: Scene) -> int | None:
    """How many full rows a table of panes has; None where the panes are no table."""
    if scene.columns < 2 or len(scene.panes) % scene.columns:
        return None
    return len(scene.panes) // scene.columns


def _with_panes(scene: Scene, order: Sequence[int], columns: int) -> Scene:
    """``scene`` with its panes ``order``, in that order; the selected one stays selected, or its place is."""
    place = {old: new for new, old in enumerate(order)}
    tracks = tuple(replace(track, pane=place[track.pane]) for track in scene.timeline.amounts if track.pane in place)
    selected = place.get(scene.selected)
    if selected is None:
        selected = min(sum(old < scene.selected for old in order), len(order) - 1)
    return replace(
        scene,
        panes=tuple(scene.panes[old] for old in order),
        selected=selected,
        columns=columns if columns > 1 else 0,
        timeline=_timeline(scene, tracks),
    )


def with_controls(scene: Scene, index: int, controls: ControlSetRef, grows: bool = False) -> Scene:
    """``scene`` with another control set in pane ``index``, in a table of panes in its whole column; edits and tracks
    of the old set's names go with it.

    Where only the number of controls grows, and ``grows`` says that the old ones are still there, everything stays;
    without it, controls of the same names are others.
    """
    old = scene.panes[index].controls
    if old == controls:
        return scene
    column = column_of(scene, index)
    grown = grows and controls == replace(old, k=controls.k) and controls.k > old.k
    tracks = tuple(track for track in scene.timeline.amounts if grown or track.pane not in column)
    for each in column:
        pane = replace(scene.panes[each], controls=controls)
        scene = with_pane(scene, each, pane if grown else replace(pane, edits=(), name=""))
    scene = replace(scene, timeline=_timeline(scene, tracks))
    return grown_marks(scene, old, controls.k) if grown else scene


def with_same_controls(scene: Scene, index: int, controls: ControlSetRef) -> Scene:
    """``scene`` with the control set of pane ``index``, and of its column, named anew where the controls stay what they
    are to the user: edits and tracks stay."""
    for each in column_of(scene, index):
        scene = with_pane(scene, each, replace(scene.panes[each], controls=controls))
    return scene


def without_moves(scene: Scene, index: int, names: Collection[str]) -> Scene:
    """``scene`` where pane ``index``, and its column, move none of the controls called ``names``, which are gone."""
    if not names:
        return scene
    for each in column_of(scene, index):
        pane = scene.panes[each]
        scene = with_pane(scene, each, replace(pane, edits=tuple(e for e in pane.edits if e.control not in names)))
    column = column_of(scene, index)
    tracks = tuple(t for t in scene.timeline.amounts if t.pane not in column or t.control not in names)
    return replace(scene, timeline=_timeline(scene, tracks))


def row_of(scene: Scene, index: int) -> tuple[int, ...]:
    """The panes that start where pane ``index`` does, if that has an origin of its own: its row in a table of panes,
    else itself alone. Without one it is empty: all such panes start where the scene does."""
    if scene.panes[index].origin is None:
        return ()
    if not is_table(scene):
        return (index,)
    start = index - index % scene.columns
    return tuple(range(start, start + scene.columns))


def with_origin(scene: Scene, index: int, origin: Origin) -> Scene:
    """``scene`` with pane ``index`` starting from ``origin``, and with it the panes of its row; where it has no origin
    of its own, the scene."""
    row = row_of(scene, index)
    for each in row:
        scene = with_pane(scene, each, replace(scene.panes[each], origin=origin))
    return scene if row else replace(scene, origin=origin)


def with_condition(scene: Scene, index: int, condition: Condition) -> Scene:
    """``scene`` with the model of pane ``index`` told to draw ``condition``: where the pane has none of its own, in all
    panes that have none."""
    if scene.panes[index].condition is None:
        return replace(scene, condition=condition)
    return with_pane(scene, index, replace(scene.panes[index], condition=condition))


def with_name(scene: Scene, index: int, name: str) -> Scene:
    """``scene`` with pane ``index``, in a table of panes its whole column, called ``name``."""
    for each in column_of(scene, index):
        scene = with_pane(scene, each, replace(scene.panes[each], name=name))
    return scene


def with_view(scene: Scene, index: int, view: PaneView) -> Scene:
    """``scene`` with pane ``index`` showing another view of its picture."""
    return with_pane(scene, index, replace(scene.panes[index], view=view))


def with_views(scene: Scene, index: int, views: Sequence[PaneView]) -> Scene:
    """``scene`` with pane ``index`` showing the first of ``views``, after it copies that show the others. Sliders are
    linked."""
    scene = replace(with_view(scene, index, views[0]), selected=index, linked=True)
    for view in views[1:]:
        scene = insert_pane(scene, scene.selected + 1, replace(scene.panes[scene.selected], view=view))
    return replace(scene, selected=scene.selected - len(views) + 1)


def with_model(scene: Scene, model: ModelRef, controls: ControlSetRef) -> Scene:
    """``scene`` on another generator: one pane with ``controls``; bookmarks, a seed and prompts stay, classes, edits
    and tracks go."""
    origin = scene.origin_of()
    return Scene(
        model=model,
        # Numbers of the old model's space mean nothing to another one.
        origin=origin if isinstance(origin, Seed) else Scene(model=model).origin,
        truncation_psi=scene.truncation_psi,
        panes=(Pane(controls=controls),),
        linked=scene.linked,
        bookmarks=scene.bookmarks,
        marks=scene.marks,
        condition=replace(scene.condition_of(), classes=()),
    )


def without_edits(scene: Scene) -> Scene:
    """``scene`` with every control of every pane at 0."""
    return replace(scene, panes=tuple(replace(pane, edits=()) for pane in scene.panes))


def _timeline(scene: Scene, tracks: tuple[AmountTrack, ...]) -> Timeline:
    return scene.timeline if tracks == scene.timeline.amounts else replace(scene.timeline, amounts=tracks)
