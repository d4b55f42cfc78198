"""Panes that come, go and change places: the tracks stay with their panes, and something that exists is selected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from explorer.errors import SceneError
from explorer.scene import editing
from explorer.scene.model import (
    AmountKey,
    AmountTrack,
    ControlSetRef,
    Edit,
    ModelRef,
    Pane,
    Scene,
    Seed,
    StoredLatent,
    Timeline,
)
from explorer.scene.validate import validate_scene

PCA, SEFA = ControlSetRef(method="pca", k=3), ControlSetRef(method="sefa")


def plain(count: int, selected: int = 0) -> Scene:
    """Panes p0, p1, …, each with a track whose control has its pane's name."""
    panes = tuple(Pane(name=f"p{number}", controls=PCA) for number in range(count))
    keys = (AmountKey(0.0, 1.0),)
    tracks = tuple(AmountTrack(pane=number, control=f"p{number}", keys=keys) for number in range(count))
    return Scene(model=ModelRef(path="toy"), panes=panes, selected=selected, timeline=Timeline(amounts=tracks))


def table(rows: int, columns: int) -> Scene:
    """A row for each seed, a column for each control set; tracks as in :func:`plain`, named by row and column."""
    made = plain(rows * columns)
    sets = [ControlSetRef(method="pca", seed=column) for column in range(columns)]
    panes = [
        replace(pane, name="", controls=sets[number % columns], origin=Seed(number // columns))
        for number, pane in enumerate(made.panes)
    ]
    return replace(made, panes=tuple(panes), columns=columns)


def check(scene: Scene) -> None:
    validate_scene(scene)
    for track in scene.timeline.amounts:
        assert scene.panes[track.pane].name == track.control


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["insert", "remove", "left", "right", "select"]), st.integers(0, 99)), max_size=12
)


@given(st.integers(1, 5), OPERATIONS)
def test_tracks_stay_with_their_panes_and_the_selected_pane_stays_selected(
    count: int, operations: list[tuple[str, int]]
) -> None:
    scene, added = plain(count), 0
    for what, number in operations:
        before, index = scene, number % len(scene.panes)
        chosen = scene.panes[scene.selected].name
        match what:
            case "select":
                scene = replace(scene, selected=index)
            case "insert":
                added += 1
                scene = editing.insert_pane(scene, number % (len(scene.panes) + 1), Pane(name=f"new {added}"))
                assert scene.panes[scene.selected].name == f"new {added}"
                assert [pane for pane in scene.panes if pane.name != f"new {added}"] == list(before.panes)
            case "remove":
                scene = editing.remove_pane(scene, index)
                if len(before.panes) > 1:
                    assert scene.panes == before.panes[:index] + before.panes[index + 1 :]
                    assert {track.control for track in before.timeline.amounts} - {
                        track.control for track in scene.timeline.amounts
                    } <= {before.panes[index].name}
                    if index != before.selected:
                        assert scene.panes[scene.selected].name == chosen
                else:
                    assert scene == before  # the last pane stays
            case _:
                step = -1 if what == "left" else 1
                scene = editing.move_pane(scene, index, step)
                if 0 <= index + step < len(scene.panes):
                    assert scene.panes[index + step] == before.panes[index]
                    assert editing.move_pane(scene, index + step, -step) == before
                    assert scene.panes[scene.selected].name == chosen
                else:
                    assert scene == before
        check(scene)


@pytest.mark.parametrize("selected", range(3))
def test_where_the_selected_pane_goes_its_place_is_selected(selected: int) -> None:
    left = editing.remove_pane(plain(3, selected), selected)
    assert left.panes[left.selected].name == ["p1", "p2", "p1"][selected]


@given(st.integers(1, 4), st.integers(2, 4), st.data())
def test_a_table_gains_and_loses_whole_columns(rows: int, columns: int, data: st.DataObject) -> None:
    scene = table(rows, columns)
    assert editing.is_table(scene)
    index = data.draw(st.integers(0, len(scene.panes) - 1))
    assert editing.column_of(scene, index) == tuple(range(index % columns, rows * columns, columns))
    assert [number // columns for number in editing.row_of(scene, index)] == [index // columns] * columns
    wider = editing.insert_pane(scene, index + 1, Pane(name="new", controls=SEFA))
    assert (wider.columns, len(wider.panes)) == (columns + 1, rows * (columns + 1))
    assert editing.is_table(wider)
    assert wider.panes[wider.selected].controls == SEFA
    assert [pane.origin for pane in wider.panes if pane.controls == SEFA] == [Seed(row) for row in range(rows)]
    back = editing.remove_pane(wider, wider.selected)
    assert (back.panes, back.columns, back.timeline) == (scene.panes, scene.columns, scene.timeline)
    validate_scene(back)


@pytest.mark.parametrize("grows", [True, False])
def test_moves_stay_only_with_a_set_that_grows(grows: bool) -> None:
    scene = plain(2)
    moved = editing.with_pane(scene, 0, replace(scene.panes[0], edits=(Edit("p0", 1.0),)))
    more = editing.with_controls(moved, 0, replace(PCA, k=6), grows)
    assert bool(more.panes[0].edits) == grows
    assert [track.pane for track in more.timeline.amounts] == ([0, 1] if grows else [1])
    # Another seed, or fewer controls, are others whatever the method says.
    for other in (replace(PCA, k=2), replace(PCA, k=6, seed=1), SEFA):
        changed = editing.with_controls(moved, 0, other, grows)
        assert (changed.panes[0].edits, changed.panes[0].name) == ((), "")
        assert [track.pane for track in changed.timeline.amounts] == [1]
    assert editing.with_controls(moved, 0, PCA, grows) == moved


def test_another_model_keeps_a_seed_and_no_numbers_of_the_old_space() -> None:
    stored = StoredLatent("z", (1,), b"\0\0\0\0")
    for origin, stays in ((Seed(7), True), (stored, False)):
        scene = replace(plain(2), origin=origin, truncation_psi=0.5, linked=False)
        other = editing.with_model(scene, ModelRef(path="other"), SEFA)
        assert (other.origin == origin) == stays
        assert (other.truncation_psi, other.linked, other.timeline.amounts) == (0.5, False, ())
        assert other.panes == (Pane(controls=SEFA),)


def test_a_scene_has_no_more_panes_than_are_drawn() -> None:
    with pytest.raises(SceneError, match="holds 257 panes, and at most 256"):
        validate_scene(Scene(model=ModelRef(path="toy"), panes=(Pane(),) * 257))
