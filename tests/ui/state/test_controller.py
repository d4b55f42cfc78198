"""The controller: one changed signal, one step of undo for a drag, linked amounts, quality while dragging."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from pytestqt.qtbot import QtBot
from quiet import CARD, QuietClient, controller_on, controls

from explorer.scene.editing import amount_of
from explorer.scene.model import ControlSetRef, ModelRef, Quality, Scene, Seed
from explorer.service.protocol import (
    ControlsFound,
    EngineLost,
    FindControls,
    ModelOpened,
    OpenModel,
    Ready,
    Refused,
    ViewFailed,
)
from explorer.ui.state.controller import Controller
from explorer.ui.state.notice import Notice

pytestmark = pytest.mark.gui


def amounts(scene: Scene, control: str) -> list[float]:
    return [amount_of(pane, control) for pane in scene.panes]


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
    assert amount_of(controller.scene.panes[0], "hue") == 1.95


def test_two_drags_of_one_slider_are_two_steps(qtbot: QtBot) -> None:
    controller, _ = controller_on()
    for end in (0.5, 1.5):
        controller.move_control(0, "hue", end / 2, dragging=True)
        controller.move_control(0, "hue", end, dragging=False)
    assert controller.undo_stack.count() == 2
    controller.undo()
    assert amount_of(controller.scene.panes[0], "hue") == 0.5


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


def test_a_refused_model_leaves_the_scene_and_says_why(qtbot: QtBot) -> None:
    controller, client = controller_on()
    said: list[Notice] = []
    controller.noticed.connect(said.append)
    scene = controller.scene
    client.answers_models = False
    controller.open_model("foreign.bin")
    asked = next(request for request in reversed(client.sent) if isinstance(request, OpenModel))
    reasons = (("vae", "it has no decoder"),)
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
    assert client.shown[-1][1].origin == Seed(77)
    controller.set_preview(None)
    assert client.shown[-1][1].origin == scene.origin


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
    client.reply(ModelOpened(request_id=last.request_id, card=CARD))
    client.reply(ModelOpened(request_id=first.request_id, card=CARD))
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


def test_going_back_before_the_answer_came_asks_again(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.draw()
    client.shown.clear()
    controller.set_seed(8)
    controller.undo()
    assert [view.origin for _, view in client.shown] == [Seed(8), Seed(3)]
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


def test_amounts_are_taken_over_when_the_controls_come_late(qtbot: QtBot) -> None:
    controller, client = controller_on()
    controller.move_control(0, "hue", 1.5)
    before = controller.scene
    client.answers_models = False
    controller.add_pane()
    assert controller.scene.panes[1].edits == ()
    asked = next(request for request in reversed(client.sent) if isinstance(request, FindControls))
    answer = ControlsFound(
        request_id=asked.request_id, model=asked.model, controls=asked.controls, card=controls(asked.controls)
    )
    client.reply(answer)
    assert amounts(controller.scene, "random hue") == [0.0, 1.5]
    controller.undo()
    assert controller.scene == before


def test_amounts_that_come_after_another_change_are_left_alone(qtbot: QtBot) -> None:
    controller, client = controller_on()
    controller.move_control(0, "hue", 1.5)
    client.answers_models = False
    controller.add_pane()
    controller.set_seed(9)
    asked = next(request for request in reversed(client.sent) if isinstance(request, FindControls))
    answer = ControlsFound(
        request_id=asked.request_id, model=asked.model, controls=asked.controls, card=controls(asked.controls)
    )
    client.reply(answer)
    assert controller.scene.panes[1].edits == ()


def test_pictures_larger_than_the_ring_are_asked_for_again_once_there_is_room(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.answers_models = False
    client.shown.clear()
    scene = controller.scene
    large = scene.__class__(model=ModelRef(path="large"), panes=scene.panes)
    controller.load(large)
    asked = next(request for request in reversed(client.sent) if isinstance(request, OpenModel))
    card = replace(CARD, path="large", size=(1024, 1024))
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
