"""The controller: one changed signal, one step of undo for a drag, linked amounts, quality while dragging."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from pytestqt.qtbot import QtBot
from quiet import CARD, NAMES, QuietClient, controller_on, controls, pictures

from explorer.scene.cards import FamilyVerdict
from explorer.scene.editing import edit_of, row_of, side_by_side, with_model, with_origin
from explorer.scene.model import ControlSetRef, ModelRef, Pane, Quality, Scene, Seed, StoredLatent
from explorer.service.replies import ControlsFound, EngineLost, ModelOpened, Ready, Refused, ViewFailed
from explorer.service.requests import FindControls, OpenModel
from explorer.ui.state.controller import Controller
from explorer.ui.state.notice import Notice

pytestmark = pytest.mark.gui
AMOUNTS = st.sampled_from([-1.5, 0.0, 0.5, 2.0])


def amounts(scene: Scene, control: str) -> list[float]:
    return [edit_of(pane, control).amount for pane in scene.panes]


def test_a_drag_is_one_step_of_undo(qtbot: QtBot) -> None:
    controller, _ = controller_on()
    start = controller.scene
    for step in range(1, 20):
        controller.move_control(0, "hue", step / 10, dragging=True)
    controller.move_control(0, "hue", 1.95, dragging=False)
    assert controller.undo_stack.count() == 1
    controller.undo()
    assert controller.scene == start
    controller.redo()
    assert edit_of(controller.scene.panes[0], "hue").amount == 1.95


def test_two_drags_of_one_slider_are_two_steps(qtbot: QtBot) -> None:
    controller, _ = controller_on()
    for end in (0.5, 1.5):
        controller.move_control(0, "hue", end / 2, dragging=True)
        controller.move_control(0, "hue", end, dragging=False)
    assert controller.undo_stack.count() == 2
    controller.undo()
    assert edit_of(controller.scene.panes[0], "hue").amount == 0.5


def test_a_release_where_the_drag_already_stood_ends_it(qtbot: QtBot) -> None:
    controller, _ = controller_on()
    controller.move_control(0, "hue", 1.0, dragging=True)
    controller.move_control(0, "hue", 1.0, dragging=False)
    controller.move_control(0, "hue", 2.0, dragging=True)
    controller.move_control(0, "hue", 2.0, dragging=False)
    assert controller.undo_stack.count() == 2


def test_quality_is_interactive_while_dragging_and_full_after_the_release(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.shown.clear()
    controller.move_control(0, "hue", 1.0, dragging=True)
    controller.move_control(0, "hue", 1.0, dragging=False)
    assert [view.quality for _, view in client.shown] == [Quality(steps=CARD.interactive_steps), Quality()]


def qualities(client: QuietClient) -> list[Quality]:
    seen = [view.quality for _, view in client.shown]
    client.shown.clear()
    return seen


def test_a_hand_that_rests_has_the_finished_picture_and_drafts_again_when_it_moves(qtbot: QtBot) -> None:
    controller, client = controller_on()
    controller.drafts._rest.setInterval(0)
    draft = Quality(steps=CARD.interactive_steps)
    qualities(client)
    controller.move_control(0, "hue", 1.0, dragging=True)
    assert qualities(client) == [draft]
    qtbot.waitUntil(lambda: bool(client.shown))
    assert qualities(client) == [Quality()]
    controller.move_control(0, "hue", 1.2, dragging=True)
    assert qualities(client) == [draft]
    controller.move_control(0, "hue", 1.2, dragging=False)
    assert qualities(client) == [Quality()]
    assert controller.undo_stack.count() == 1  # resting does not end the drag
    qtbot.wait(20)
    assert qualities(client) == []


def test_a_trembling_hand_that_changes_nothing_asks_for_nothing(qtbot: QtBot) -> None:
    controller, client = controller_on()
    controller.drafts._rest.setInterval(0)
    controller.move_control(0, "hue", 1.0, dragging=True)
    qtbot.waitUntil(lambda: client.shown[-1][1].quality == Quality())
    client.draw()
    qualities(client)
    controller.move_control(0, "hue", 1.0, dragging=True)
    qtbot.wait(20)
    controller.move_control(0, "hue", 1.0, dragging=False)
    assert qualities(client) == []


def test_steps_of_drafts_and_of_finished_pictures_are_the_users(qtbot: QtBot) -> None:
    controller, client = controller_on()
    qualities(client)
    controller.set_steps(20)
    controller.set_draft_steps(8)
    controller.move_control(0, "hue", 1.0, dragging=True)
    controller.move_control(0, "hue", 1.0, dragging=False)
    assert qualities(client) == [Quality(steps=20), Quality(steps=8), Quality(steps=20)]
    controller.set_steps(6)
    qualities(client)
    controller.move_control(0, "hue", 2.0, dragging=True)
    assert qualities(client) == [Quality(steps=6)]  # a draft never takes more
    controller.move_control(0, "hue", 2.0, dragging=False)
    controller.set_steps(CARD.full_steps)
    assert controller.scene.quality == Quality()  # the model's own number, as it was
    controller.undo()
    assert controller.scene.quality == Quality(steps=6)


def test_linked_sliders_move_the_same_name_or_the_same_index(qtbot: QtBot) -> None:
    controller, _ = controller_on(3, ("latent_axes", "random", "latent_axes"))
    controller.move_control(0, "hue", 1.2)
    assert amounts(controller.scene, "hue") == [1.2, 0.0, 1.2]
    assert amounts(controller.scene, "random hue") == [0.0, 1.2, 0.0]
    controller.set_linked(False)
    controller.move_control(2, "hue", -0.5)
    assert amounts(controller.scene, "hue") == [1.2, 0.0, -0.5]


def test_undo_brings_back_everything_and_redo_takes_it_again(qtbot: QtBot) -> None:
    controller, _ = controller_on()
    scenes = [controller.scene]
    for change in (
        lambda: controller.set_seed(9),
        lambda: controller.set_truncation(0.4),
        lambda: controller.move_control(0, "size", 1.0),
        controller.add_pane,
        lambda: controller.set_view(1, "difference"),
        lambda: controller.set_method(1, ControlSetRef(method="random")),
        controller.duplicate_pane,
        lambda: controller.remove_pane(0),
        controller.reset_all,
        lambda: controller.set_linked(False),
        controller.new_scene,
    ):
        change()
        if controller.scene != scenes[-1]:
            scenes.append(controller.scene)
    seen = [controller.scene]
    while controller.undo_stack.canUndo():
        controller.undo()
        seen.append(controller.scene)
    assert seen == scenes[::-1]
    while controller.undo_stack.canRedo():
        controller.redo()
    assert controller.scene == scenes[-1]


def test_changed_says_old_and_new_and_only_for_a_change(qtbot: QtBot) -> None:
    controller, _ = controller_on()
    said: list[tuple[Scene, Scene]] = []
    controller.changed.connect(lambda old, new: said.append((old, new)))
    before = controller.scene
    controller.set_seed(5)
    controller.set_seed(5)
    assert said == [(before, controller.scene)]


def test_selecting_a_pane_is_not_a_step(qtbot: QtBot) -> None:
    controller, _ = controller_on(2)
    controller.select_pane(1)
    assert controller.scene.selected == 1
    assert not controller.undo_stack.canUndo()


def test_seeds_wrap_around_at_both_ends(qtbot: QtBot) -> None:
    controller, _ = controller_on()
    controller.set_seed(-1)
    assert controller.scene.origin == Seed(2**32 - 1)
    controller.step_seed(1)
    assert controller.scene.origin == Seed(0)


def origins(scene: Scene) -> list[int]:
    return [scene.origin_of(pane).seed for pane in range(len(scene.panes))]


def test_every_way_to_change_the_seed_changes_the_row_that_is_selected(qtbot: QtBot) -> None:
    controller, client = controller_on()
    sets = [controller.scene.panes[0].controls, ControlSetRef(method="random")]
    controller.load(side_by_side(controller.scene, sets, (10, 20, 30)))
    client.draw()
    assert origins(controller.scene) == [10, 10, 20, 20, 30, 30]
    controller.select_pane(3)
    client.shown.clear()
    controller.step_seed(1)
    assert origins(controller.scene) == [10, 10, 21, 21, 30, 30]
    assert [view.start.origin for _, view in client.shown] == [Seed(21), Seed(21)]
    controller.step_seed(-2)
    controller.set_seed(7)
    assert origins(controller.scene) == [10, 10, 7, 7, 30, 30]
    controller.randomise()
    assert origins(controller.scene)[:2] == [10, 10]
    assert origins(controller.scene)[2] == controller.seen_origin().seed
    controller.undo()
    controller.undo()
    controller.undo()
    controller.undo()
    assert origins(controller.scene) == [10, 10, 20, 20, 30, 30]


@given(st.integers(1, 4), st.integers(1, 3), st.lists(st.none() | st.integers(0, 9), min_size=3, max_size=3), st.data())
def test_an_origin_is_that_of_the_pane_and_of_those_that_share_it(
    columns: int, rows: int, seeds: list[int | None], data: st.DataObject
) -> None:
    panes = tuple(
        Pane(controls=ControlSetRef(method=f"m{column}"), origin=None if seeds[row] is None else Seed(seeds[row]))
        for row in range(rows)
        for column in range(columns)
    )
    scene = Scene(model=ModelRef(path="toy"), panes=panes, columns=columns if columns > 1 else 0)
    index = data.draw(st.integers(0, len(panes) - 1))
    made = with_origin(scene, index, Seed(77))
    assert made.origin_of(index) == Seed(77)
    for other, pane in enumerate(panes):
        follows = pane.origin is None if panes[index].origin is None else other in row_of(scene, index)
        assert made.origin_of(other) == (Seed(77) if follows else scene.origin_of(other))
    assert made == replace(scene, origin=made.origin, panes=made.panes)


def test_where_there_is_no_next_seed_the_user_is_told(qtbot: QtBot) -> None:
    controller, _ = controller_on()
    said: list[str] = []
    controller.noticed.connect(lambda notice: said.append(notice.sentence))
    controller.set_origin(StoredLatent("z", (4,), bytes(16)), "Stored")
    controller.step_seed(1)
    assert said == [
        "This picture starts from a stored point, which has no next seed; type a seed, or press R for a new one."
    ]
    controller.set_seed(4)
    controller.step_seed(1)
    assert controller.scene.origin == Seed(5)
    assert len(said) == 1


def test_the_next_seed_is_that_after_the_one_that_is_seen(qtbot: QtBot) -> None:
    controller, _ = controller_on()
    controller.set_preview(replace(controller.scene, origin=Seed(40)))
    controller.step_seed(1)
    assert controller.scene.origin == Seed(41)


def test_what_comes_after_a_grid_starts_where_the_selected_row_did(qtbot: QtBot) -> None:
    controller, _ = controller_on()
    sets = [controller.scene.panes[0].controls, ControlSetRef(method="random")]
    grid = replace(side_by_side(controller.scene, sets, (10, 20)), selected=2)
    assert origins(side_by_side(grid, sets)) == [20, 20]
    assert origins(with_model(grid, ModelRef(path="other"), sets[0])) == [20]


def test_a_refused_model_leaves_the_scene_and_says_why(qtbot: QtBot) -> None:
    controller, client = controller_on()
    said: list[Notice] = []
    controller.noticed.connect(said.append)
    scene = controller.scene
    client.answers_models = False
    controller.open_model("foreign.bin")
    asked = next(request for request in reversed(client.sent) if isinstance(request, OpenModel))
    reasons = (FamilyVerdict(family="vae", title="VAE", reason="it has no decoder"),)
    client.reply(Refused(request_id=asked.request_id, sentence="'foreign.bin' is no model.", reasons=reasons))
    assert controller.scene == scene
    assert [notice.sentence for notice in said] == ["'foreign.bin' is no model."]
    assert said[0].reasons == reasons
    assert not controller.is_opening()


def test_opening_a_model_starts_a_scene_on_it_that_can_be_undone(qtbot: QtBot) -> None:
    controller, _ = controller_on(2)
    before = controller.scene
    controller.open_model("other")
    assert controller.scene.model == ModelRef(path="other", fingerprint=CARD.fingerprint)
    assert [pane.controls.method for pane in controller.scene.panes] == [CARD.methods[0]]
    controller.undo()
    assert controller.scene == before


def test_a_window_begins_with_the_example_of_its_model_and_later_models_keep_the_seed(qtbot: QtBot) -> None:
    clients: list[QuietClient] = []

    def connect(on_reply: Callable[[object], None]) -> QuietClient:
        clients.append(QuietClient(on_reply))
        clients[0].card = replace(CARD, example_seed=7)
        return clients[0]

    controller = Controller(connect)
    clients[0].reply(Ready(version=1, pid=1, device="cpu", precision="float32"))
    controller.open_model(CARD.name)
    assert controller.scene.origin == Seed(7)
    assert not controller.undo_stack.canUndo()
    controller.set_seed(11)
    controller.open_model("other")
    assert (controller.scene.model.path, controller.scene.origin) == ("other", Seed(11))


def test_a_lost_engine_is_asked_again_for_what_it_had_not_answered(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.answers_models = False
    controller.set_method(0, ControlSetRef(method="random"))
    first = next(request for request in reversed(client.sent) if isinstance(request, FindControls))
    client.reply(EngineLost(sentence="The engine stopped.", restarting=True))
    assert controller.engine is None
    # What the client says of the dead engine's questions comes after, under the old numbers.
    client.reply(Refused(request_id=first.request_id, sentence="The engine stopped.", kind="internal"))
    client.reply(Ready(version=1, pid=2, device="cpu", precision="float32"))
    again = next(request for request in reversed(client.sent) if isinstance(request, FindControls))
    assert again.request_id != first.request_id
    assert (again.model, again.controls) == (first.model, first.controls)
    assert not controller.catalogue.problem(again.model, again.controls)


def test_pictures_never_go_back_to_an_older_state(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.draw()
    first = controller.feed.picture(0)
    assert first is not None
    assert first.image is not None
    for seed in (4, 5):
        controller.set_seed(seed)
    client.draw()
    newest = first.image.pixel(0, 0)
    client.discarded.clear()
    client.send_old_frame(first.view_id)
    assert first.image.pixel(0, 0) == newest
    assert len(client.discarded) == 1


def test_panes_keep_their_pictures_when_others_come_and_go(qtbot: QtBot) -> None:
    controller, client = controller_on(3, ("latent_axes", "random", "latent_axes"))
    client.draw()
    last = controller.feed.picture(2)
    controller.remove_pane(1)
    assert controller.feed.picture(1) is last
    controller.add_pane()
    assert len(controller.feed) == 3


def test_a_preview_is_shown_but_is_not_the_scene(qtbot: QtBot) -> None:
    controller, client = controller_on()
    scene = controller.scene
    other = controller.scene.__class__(model=scene.model, panes=scene.panes, origin=Seed(77))
    controller.set_preview(other)
    assert controller.shown_scene == other
    assert controller.scene == scene
    assert client.shown[-1][1].start.origin == Seed(77)
    controller.set_preview(None)
    assert client.shown[-1][1].start.origin == scene.origin


def test_a_single_picture_comes_with_its_token(qtbot: QtBot) -> None:
    controller, client = controller_on()
    came: list[tuple[int, object]] = []
    controller.feed.picture_ready.connect(lambda token, image: came.append((token, image)))
    token = controller.feed.request_picture(client.shown[-1][1])
    client.draw()
    assert [number for number, _ in came] == [token]


def test_the_model_asked_for_last_wins_whatever_loads_first(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.answers_models = False
    said: list[str] = []
    controller.opening.changed.connect(said.append)
    for name in ("slow", "wanted"):
        controller.open_model(name)
    first, last = [request for request in client.sent if isinstance(request, OpenModel)][-2:]
    own = replace(CARD, shipped=False)
    client.reply(ModelOpened(request_id=last.request_id, card=own))
    client.reply(ModelOpened(request_id=first.request_id, card=own))
    assert controller.scene.model.path == "wanted"
    assert said == ["slow", "wanted", ""]


def test_a_model_that_takes_the_engine_along_is_not_asked_for_again(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.answers_models = False
    said: list[Notice] = []
    controller.noticed.connect(said.append)
    scene = controller.scene
    controller.open_model("huge")
    before = len(client.sent)
    client.reply(EngineLost(sentence="The engine stopped.", restarting=True))
    assert not [request for request in client.sent[before:] if isinstance(request, OpenModel)]
    assert "huge" in said[0].sentence
    assert controller.scene == scene
    assert not controller.is_opening()


def test_the_time_of_a_restart_is_no_speed_of_pictures(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.draw()
    controller.feed.note_paint(0, 1.0)
    before = len(controller.feed.samples)
    controller.set_seed(8)
    client.reply(EngineLost(sentence="The engine stopped.", restarting=True))
    client.draw()
    controller.feed.note_paint(0, 1.0)
    assert len(controller.feed.samples) == before


def test_the_time_of_a_start_is_no_speed_of_pictures(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.draw()
    controller.feed.note_paint(0, 1.0)
    before = len(controller.feed.samples)
    controller.set_seed(8)
    client.reply(Ready(version=1, pid=1, device="cpu", precision="float32"))
    client.draw()
    controller.feed.note_paint(0, 1.0)
    assert len(controller.feed.samples) == before
    controller.set_seed(9)
    client.draw()
    controller.feed.note_paint(0, 1.0)
    assert len(controller.feed.samples) == before + 1


def test_going_back_before_the_answer_came_asks_again(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.draw()
    client.shown.clear()
    controller.set_seed(8)
    controller.undo()
    assert [view.start.origin for _, view in client.shown] == [Seed(8), Seed(3)]
    client.draw()
    client.shown.clear()
    controller.set_truncation(controller.scene.truncation_psi)
    assert client.shown == []


def test_a_linked_pane_begins_with_the_amounts_of_its_neighbour(qtbot: QtBot) -> None:
    controller, _ = controller_on()
    controller.move_control(0, "hue", 1.5)
    before = controller.scene
    controller.add_pane()
    assert amounts(controller.scene, "random hue") == [0.0, 1.5]
    controller.undo()
    assert controller.scene == before
    controller.set_linked(False)
    controller.add_pane()
    assert controller.scene.panes[1].edits == ()


def answer(client: QuietClient, method: str) -> None:
    """The search for the controls of ``method`` that was asked for last ends."""
    asked = next(
        one for one in reversed(client.sent) if isinstance(one, FindControls) and one.controls.method == method
    )
    card = controls(asked.controls)
    client.reply(ControlsFound(request_id=asked.request_id, model=asked.model, controls=asked.controls, card=card))


def test_amounts_are_taken_over_when_the_controls_come_late(qtbot: QtBot) -> None:
    controller, client = controller_on()
    controller.move_control(0, "hue", 1.5)
    before = controller.scene
    client.answers_models = False
    controller.add_pane()
    assert controller.scene.panes[1].edits == ()
    controller.set_seed(9)
    answer(client, "random")
    assert amounts(controller.scene, "random hue") == [0.0, 1.5]
    controller.undo()  # the seed
    assert amounts(controller.scene, "random hue") == [0.0, 1.5]
    controller.undo()  # the pane, and what it took over
    assert controller.scene == before
    controller.redo()
    assert amounts(controller.scene, "random hue") == [0.0, 1.5]


def grid_that_searches(*methods: str) -> tuple[Controller, QuietClient]:
    """Latent axes beside ``methods`` whose controls are still looked for."""
    controller, client = controller_on()
    client.answers_models = False
    sets = [controller.scene.panes[0].controls, *(ControlSetRef(method=method) for method in methods)]
    controller.load(side_by_side(controller.scene, sets))
    return controller, client


def test_columns_that_search_take_over_what_was_moved_meanwhile(qtbot: QtBot) -> None:
    controller, client = grid_that_searches("random", "sefa")
    controller.move_control(0, "hue", 0.4, dragging=True)
    controller.move_control(0, "hue", 1.5)
    controller.move_control(0, "size", -1.0)
    controller.set_seed(9)
    controller.move_control(0, "size", 2.0)
    assert amounts(controller.scene, "hue") == [1.5, 0.0, 0.0]
    answer(client, "sefa")
    assert amounts(controller.scene, "sefa hue") == [0.0, 0.0, 1.5]
    assert amounts(controller.scene, "sefa size") == [0.0, 0.0, 2.0]
    answer(client, "random")
    assert amounts(controller.scene, "random size") == [0.0, 2.0, 0.0]
    # Taking over belongs to the steps that moved: undo takes every pane back together.
    seen = [amounts(controller.scene, "random size")[1]]
    while controller.undo_stack.canUndo():
        controller.undo()
        seen.append(amounts(controller.scene, "random size")[1])
        for first, second in (("hue", "random hue"), ("size", "random size")):
            assert edit_of(controller.scene.panes[0], first).amount == edit_of(controller.scene.panes[1], second).amount
    assert seen == [2.0, -1.0, -1.0, 0.0, 0.0]
    assert all(pane.edits == () for pane in controller.scene.panes)


def test_what_comes_while_steps_are_undone_is_there_when_they_are_done_again(qtbot: QtBot) -> None:
    controller, client = grid_that_searches("random")
    controller.move_control(0, "hue", 1.5)
    controller.undo()
    answer(client, "random")
    assert controller.scene.panes[1].edits == ()
    controller.redo()
    assert amounts(controller.scene, "random hue") == [0.0, 1.5]


def test_a_column_takes_over_nothing_that_was_not_linked(qtbot: QtBot) -> None:
    controller, client = grid_that_searches("random")
    controller.move_control(0, "size", 1.0)
    controller.set_linked(False)
    controller.move_control(0, "hue", 1.5)
    answer(client, "random")
    assert amounts(controller.scene, "random hue") == [0.0, 0.0]
    assert amounts(controller.scene, "random size") == [0.0, 1.0]


def test_a_column_takes_over_a_reset_too(qtbot: QtBot) -> None:
    controller, client = grid_that_searches("random")
    controller.move_control(0, "size", 1.0)
    controller.reset_all()
    controller.move_control(0, "hue", 0.5)
    answer(client, "random")
    assert amounts(controller.scene, "random size") == [0.0, 0.0]
    assert amounts(controller.scene, "random hue") == [0.0, 0.5]
    controller.undo()
    controller.undo()
    assert amounts(controller.scene, "random size") == [0.0, 1.0]


def test_a_file_is_another_one_once_a_column_has_taken_over(qtbot: QtBot) -> None:
    controller, client = grid_that_searches("random")
    controller.move_control(0, "size", 1.0)
    controller.undo_stack.setClean()
    answer(client, "random")
    assert not controller.undo_stack.isClean()


MOVES = st.lists(
    st.tuples(st.sampled_from(["move", "move", "undo", "redo", "seed", "reset", "unlink"]), st.integers(0, 3), AMOUNTS),
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(moves=[("move", 0, -1.5), ("move", 0, 0.0), ("move", 1, -1.5), ("move", 0, -1.5)], late=4)
@given(moves=MOVES, late=st.integers(0, 12))
def test_when_a_search_ends_makes_no_difference(qtbot: QtBot, moves: list[tuple[str, int, float]], late: int) -> None:
    """Whatever the hand does in the leading pane, the history is that of a grid that had known everything at once."""
    histories = []
    for moment in (0, late):
        controller, client = grid_that_searches("random", "sefa")
        for number, (what, which, amount) in enumerate(moves):
            if number == moment:
                answer(client, "random")
                answer(client, "sefa")
            if what == "move":
                # A slider that is let go where it stood is no step while nothing follows it.
                if edit_of(controller.scene.panes[0], NAMES[which]).amount != amount:
                    controller.move_control(0, NAMES[which], amount)
            elif what == "seed":
                controller.set_seed(which)
            elif what == "reset":
                controller.reset_all()
            elif what == "unlink":
                controller.set_linked(not controller.scene.linked)
            else:
                getattr(controller, what)()
        if moment >= len(moves):
            answer(client, "random")
            answer(client, "sefa")
        histories.append((controller.scene, controller.undo_stack.index(), controller.undo_stack.steps()))
        controller.close()
    scenes = [(scene, index, [(step.before, step.after) for step in steps]) for scene, index, steps in histories]
    assert scenes[0] == scenes[1]


def test_pictures_larger_than_the_ring_are_asked_for_again_once_there_is_room(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.answers_models = False
    client.shown.clear()
    scene = controller.scene
    large = scene.__class__(model=ModelRef(path="large"), panes=scene.panes)
    controller.load(large)
    asked = next(request for request in reversed(client.sent) if isinstance(request, OpenModel))
    card = replace(CARD, path="large", output=pictures(1024, 1024))
    picture = controller.feed.pictures()[0]
    client.reply(ViewFailed(view_id=picture.view_id, revision=900, sentence="The picture is too large."))
    assert picture.error
    client.reply(ModelOpened(request_id=asked.request_id, card=card))
    assert client.reserved == 1024 * 1024 * 4
    assert [view.model.path for _, view in client.shown] == ["large", "large"]


def test_what_could_not_be_drawn_while_its_controls_were_looked_for_is_drawn_when_they_are_there(qtbot: QtBot) -> None:
    controller, client = controller_on()
    controller.move_control(0, "hue", 1.5)
    client.answers_models = False
    controller.set_method(0, ControlSetRef(method="random_orthogonal", k=3))
    asked = next(request for request in reversed(client.sent) if isinstance(request, FindControls))
    picture = controller.feed.pictures()[0]
    client.reply(ViewFailed(view_id=picture.view_id, revision=900, sentence="Still being looked for."))
    client.shown.clear()
    client.reply(
        ControlsFound(
            request_id=asked.request_id, model=asked.model, controls=asked.controls, card=controls(asked.controls)
        )
    )
    assert [view.controls for _, view in client.shown] == [asked.controls]


@pytest.mark.parametrize("change", ["add", "remove", "undo"])
def test_whoever_hears_of_another_number_of_panes_sees_as_many(qtbot: QtBot, change: str) -> None:
    """While the timeline shows a state of its own, that is one of the panes of before."""
    controller, _ = controller_on(panes=2)
    if change == "undo":
        controller.duplicate_pane()
    controller.set_preview(replace(controller.scene, truncation_psi=0.5))
    seen: list[tuple[int, int]] = []
    controller.changed.connect(lambda old, new: seen.append((len(new.panes), len(controller.shown_scene.panes))))
    {"add": controller.add_pane, "remove": controller.remove_pane, "undo": controller.undo}[change]()
    count = {"add": 3, "remove": 1, "undo": 2}[change]
    assert seen == [(count, count)]
    assert [controller.pane_title(pane) for pane in range(count)]
