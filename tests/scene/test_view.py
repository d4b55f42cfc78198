"""Views: equal pictures are equal values, so that nothing is drawn twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from explorer.scene.model import ControlSetRef, Edit, ModelRef, Pane, Scene, view_of

AMOUNTS = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.sampled_from([0.0, -0.0, 1.0, -2.5]))


@given(AMOUNTS)
def test_an_edit_of_amount_zero_is_no_part_of_a_view(amounts: dict[str, float]) -> None:
    pane = Pane(controls=ControlSetRef(method="pca"), edits=tuple(Edit(*item) for item in amounts.items()))
    moved = replace(pane, edits=tuple(edit for edit in pane.edits if edit.amount))
    scenes = [Scene(model=ModelRef(path="toy"), panes=(each,)) for each in (pane, moved)]
    assert view_of(scenes[0], 0) == view_of(scenes[1], 0)
    assert {edit.control for edit in view_of(scenes[0], 0).edits} == {name for name in amounts if amounts[name]}


def test_where_the_divider_stands_is_no_part_of_a_view_without_one() -> None:
    scene = Scene(model=ModelRef(path="toy"), panes=(Pane(split=0.3), Pane(split=0.3, view="before_after")))
    assert [view_of(scene, pane).split for pane in (0, 1)] == [0.5, 0.3]
