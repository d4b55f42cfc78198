"""What the user says about controls, and panes side by side."""

from __future__ import annotations

import msgspec

from explorer.scene import editing, marks
from explorer.scene.cards import ControlCard
from explorer.scene.model import (
    AmountKey,
    AmountTrack,
    ControlSetRef,
    Edit,
    Mark,
    ModelRef,
    Pane,
    Scene,
    Seed,
    Timeline,
)
from explorer.scene.store import decode_scene, encode_scene

replace = msgspec.structs.replace
SEFA = ControlSetRef(method="sefa", k=6, seed=2)
SCENE = Scene(model=ModelRef(path="m"), panes=(Pane(controls=SEFA),))


def test_a_name_stays_when_the_set_is_calibrated_and_matched() -> None:
    for grows in (False, True):
        named = marks.with_mark(SCENE, Mark(controls=SEFA, control="SeFa 1", name="smile"), grows)
        made = replace(SEFA, units="effect", tau=0.1, without=("SeFa 2",), like=ControlSetRef(method="pca"))
        assert marks.shown_name(named, made, "SeFa 1") == "smile"
        assert marks.shown_name(named, made, "SeFa 2") == "SeFa 2"
        assert marks.shown_name(named, replace(SEFA, seed=3), "SeFa 1") == "SeFa 1"
        assert marks.shown_name(named, replace(SEFA, method="pca"), "SeFa 1") == "SeFa 1"


def test_a_name_is_of_one_number_of_controls_unless_the_set_grows() -> None:
    mark = Mark(controls=SEFA, control="SeFa 1", name="smile")
    for k in (4, 12):
        assert marks.shown_name(marks.with_mark(SCENE, mark, grows=True), replace(SEFA, k=k), "SeFa 1") == "smile"
        assert marks.shown_name(marks.with_mark(SCENE, mark), replace(SEFA, k=k), "SeFa 1") == "SeFa 1"
    both = marks.with_mark(marks.with_mark(SCENE, mark), replace(mark, controls=replace(SEFA, k=12), name="pose"))
    assert [marks.shown_name(both, replace(SEFA, k=k), "SeFa 1") for k in (6, 12, 3)] == ["smile", "pose", "SeFa 1"]
    assert decode_scene(encode_scene(both)) == both


def test_names_go_along_as_far_as_a_set_grows() -> None:
    named = marks.with_mark(SCENE, Mark(controls=SEFA, control="SeFa 1", name="smile", starred=True))
    larger = replace(SEFA, k=12)
    grown = editing.with_controls(named, 0, larger, grows=True)
    assert marks.shown_name(grown, larger, "SeFa 1") == marks.shown_name(grown, SEFA, "SeFa 1") == "smile"
    assert marks.mark_of(grown, larger, "SeFa 1").starred
    own = marks.with_mark(named, Mark(controls=larger, control="SeFa 1", name="pose"))  # said before it was grown
    assert marks.shown_name(editing.with_controls(own, 0, larger, grows=True), larger, "SeFa 1") == "pose"
    assert editing.with_controls(named, 0, larger).marks == named.marks


def test_files_without_a_count_name_the_controls_of_any_number() -> None:
    document = msgspec.json.decode(encode_scene(marks.with_mark(SCENE, Mark(controls=SEFA, control="a", name="x"))))
    del document["marks"][0]["count"]
    old = decode_scene(msgspec.json.encode(document))
    assert {marks.shown_name(old, replace(SEFA, k=k), "a") for k in (1, 6, 12)} == {"x"}
    assert len(marks.with_mark(old, Mark(controls=SEFA, control="a", starred=True)).marks) == 1


def test_a_mark_replaces_the_one_before_and_an_empty_one_is_forgotten() -> None:
    once = marks.with_mark(SCENE, Mark(controls=SEFA, control="a", name="x"), grows=True)
    twice = marks.with_mark(once, Mark(controls=replace(SEFA, k=9), control="a", starred=True), grows=True)
    assert [(mark.name, mark.starred) for mark in twice.marks] == [("", True)]
    assert marks.with_mark(twice, Mark(controls=SEFA, control="a")) == SCENE


def test_pinned_controls_come_first_and_hidden_ones_last() -> None:
    cards = tuple(ControlCard(name=name, space="w") for name in "abcd")
    scene = marks.with_mark(SCENE, Mark(controls=SEFA, control="c", pinned=True))
    scene = marks.with_mark(scene, Mark(controls=SEFA, control="a", hidden=True))
    assert [card.name for card in marks.ordered(scene, SEFA, cards)] == ["c", "b", "d", "a"]


def test_methods_side_by_side_over_seeds() -> None:
    pca = replace(SEFA, method="pca")
    track = AmountTrack(pane=0, control="SeFa 1", keys=(AmountKey(0.0, 1.0),))
    moved = replace(
        SCENE,
        panes=(Pane(controls=SEFA, edits=(Edit("SeFa 1", 1.0),)),),
        linked=False,
        timeline=Timeline(amounts=(track,)),
    )
    grid = editing.side_by_side(moved, (SEFA, pca), (4, 5, 6))
    assert grid.columns == 2
    assert [(pane.controls.method, pane.origin) for pane in grid.panes] == [
        (method, Seed(seed)) for seed in (4, 5, 6) for method in ("sefa", "pca")
    ]
    assert grid.linked
    assert not grid.timeline.amounts
    assert not any(pane.edits for pane in grid.panes)
    assert [pane.origin for pane in editing.side_by_side(moved, (SEFA, pca)).panes] == [None, None]


def _table(columns: int, rows: int) -> Scene:
    """Panes called a0, b0, …: the letter is the column's, the number the row's."""
    panes = tuple(Pane(name=f"{chr(97 + column)}{row}") for row in range(rows) for column in range(columns))
    return replace(SCENE, panes=panes, columns=columns if rows > 1 else 0)


def _names(scene: Scene) -> str:
    return " ".join(pane.name for pane in scene.panes)


def test_a_table_of_panes_loses_and_moves_whole_columns() -> None:
    table = replace(_table(3, 2), selected=4)
    assert _names(editing.remove_pane(table, 4)) == "a0 c0 a1 c1"
    assert editing.remove_pane(table, 4).columns == 2
    assert editing.remove_pane(table, 4).panes[editing.remove_pane(table, 4).selected].name == "c1"
    moved = editing.move_pane(table, 4, 1)
    assert _names(moved) == "a0 c0 b0 a1 c1 b1"
    assert moved.panes[moved.selected].name == "b1"
    assert editing.move_pane(moved, moved.selected, -1) == table
    assert editing.move_pane(table, 3, -1) == table
    assert editing.move_pane(table, 2, 1) == table


def test_panes_in_one_row_move_with_their_tracks() -> None:
    track = AmountTrack(pane=0, control="x", keys=(AmountKey(0.0, 1.0),))
    row = replace(_table(3, 1), timeline=Timeline(amounts=(track,)))
    moved = editing.move_pane(row, 0, 1)
    assert _names(moved) == "b0 a0 c0"
    assert [one.pane for one in moved.timeline.amounts] == [1]
    assert editing.remove_pane(moved, 1).timeline.amounts == ()
    assert _names(editing.remove_pane(editing.remove_pane(editing.remove_pane(row, 0), 0), 0)) == "c0"


def _compared() -> Scene:
    """Two methods (columns) from two seeds (rows), a track on the last pane."""
    track = AmountTrack(pane=3, control="x", keys=(AmountKey(0.0, 1.0),))
    grid = editing.side_by_side(SCENE, (SEFA, replace(SEFA, method="pca")), (4, 5))
    return replace(grid, timeline=Timeline(amounts=(track,)))


def _shown(scene: Scene) -> list[tuple[str, int]]:
    return [(pane.controls.method, pane.origin.seed) for pane in scene.panes if isinstance(pane.origin, Seed)]


def test_a_table_has_one_set_a_column_and_one_origin_a_row() -> None:
    grid = _compared()
    assert editing.is_table(grid)
    assert editing.is_table(editing.with_name(grid, 3, "mine"))
    assert not editing.is_table(editing.with_pane(grid, 3, replace(grid.panes[3], origin=Seed(6))))
    assert not editing.is_table(editing.with_pane(grid, 3, replace(grid.panes[3], controls=SEFA)))
    assert not editing.is_table(replace(grid, columns=0))
    assert not editing.is_table(replace(grid, panes=grid.panes[:3]))
    moved = editing.with_pane(grid, 3, replace(grid.panes[3], edits=(Edit("x", 1.0),), view="difference"))
    assert editing.is_table(moved), "what is moved is said below each picture"


def test_a_pane_more_in_a_table_is_a_column_from_every_rows_origin() -> None:
    new = Pane(controls=replace(SEFA, method="axes"), origin=Seed(99))
    wide = editing.insert_pane(replace(_compared(), selected=2), 3, new)
    assert _shown(wide) == [(method, seed) for seed in (4, 5) for method in ("sefa", "axes", "pca")]
    assert (wide.columns, wide.selected) == (3, 4)
    assert [track.pane for track in wide.timeline.amounts] == [5]
    last = editing.insert_pane(_compared(), 4, new)
    assert _shown(last) == [(method, seed) for seed in (4, 5) for method in ("sefa", "pca", "axes")]
    assert last.selected == 5
    assert [track.pane for track in last.timeline.amounts] == [4]


def test_another_set_in_a_table_is_another_column() -> None:
    axes = replace(SEFA, method="axes")
    changed = editing.with_controls(_compared(), 1, axes)
    assert _shown(changed) == [(method, seed) for seed in (4, 5) for method in ("sefa", "axes")]
    assert editing.is_table(changed)
    assert changed.timeline.amounts == ()
    more = replace(_compared().panes[1].controls, k=20)
    grown = editing.with_controls(_compared(), 1, more, grows=True)
    assert [pane.controls.k for pane in grown.panes] == [6, 20, 6, 20]
    assert grown.timeline == _compared().timeline
    others = editing.with_controls(_compared(), 1, more)  # the same names, but not the same controls
    assert [pane.controls.k for pane in others.panes] == [6, 20, 6, 20]
    assert others.timeline.amounts == ()
