"""What a set that comes late takes over: the numbers that its controls can hold, and no others."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from explorer.scene.cards import ControlCard
from explorer.scene.editing import with_edit, with_pane
from explorer.scene.following import EVERY, Follower
from explorer.scene.linking import LinkKey
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Pane, Scene

LEAD = (
    ControlCard(name="smile", space="z", low=-2, high=2),
    ControlCard(name="age", space="z", low=0, high=90, shows="value"),
)
SET = ControlSetRef(method="late")
START = Scene(model=ModelRef(path="toy"), panes=(Pane(), Pane(controls=SET)))


def late(*shows: str) -> tuple[ControlCard, ...]:
    """Amounts go by their place, values by what they are of."""
    return tuple(
        ControlCard(name="age" if one == "value" else f"late {index}", space="z", low=-2, high=2, shows=one)
        for index, one in enumerate(shows)
    )


def follower(controls: tuple[ControlCard, ...], edits: dict[LinkKey, Edit] | None = None) -> Follower:
    def panes_of(scene: Scene) -> list[int]:
        return [index for index, pane in enumerate(scene.panes) if pane.controls == SET]

    return Follower(
        controls, panes_of, lambda scene, pane: () if scene.panes[pane].controls == SET else LEAD, edits or {}
    )


def moved(scene: Scene, *edits: Edit) -> Scene:
    pane = scene.panes[0]
    for edit in edits:
        pane = with_edit(pane, edit)
    return with_pane(scene, 0, pane)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("shows", [("amount", "value"), ("value", "amount"), ("amount",), ()])
def test_a_control_follows_what_it_can_hold(shows: tuple[str, ...], known: bool) -> None:
    after = moved(START, Edit("smile", 1.5), Edit("age", value=30.0))
    first = follower(late(*shows) if known else ())
    first.follow(START, after, 0)
    # What was led while nothing was known of the set, an earlier session's, is held against the set in the end, too.
    made = follower(late(*shows), first.edits).applied(after)
    expected = {Edit("late 0", 1.5)} if shows[:1] == ("amount",) else set()
    expected |= {Edit("age", value=30.0)} if "value" in shows else set()
    assert set(made.panes[1].edits) == expected
    assert made.panes[0] == after.panes[0]


def test_what_is_set_free_is_free_in_the_set_that_follows() -> None:
    before = moved(START, Edit("age", value=30.0))
    both = follower(late("amount", "value"))
    both.follow(START, before, 0)
    held = both.applied(before)
    both.follow(before, START, 0)
    assert both.applied(with_pane(START, 1, held.panes[1])).panes[1].edits == ()


def test_a_step_that_sets_everything_ends_what_was_led() -> None:
    one = follower(late("amount", "value"))
    one.follow(START, moved(START, Edit("smile", 1.0)), 0)
    one.follow(START, replace(START, truncation_psi=0.5), EVERY)
    assert one.edits == {}
