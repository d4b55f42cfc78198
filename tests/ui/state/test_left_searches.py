"""Searches that no pane wants any more: given up after a while, asked again by undo; what was asked for goes on."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot
from quiet import MODEL, QuietClient, controller_on, controls

from explorer.scene.comparison import CompareOptions
from explorer.scene.model import ControlSetRef
from explorer.service.replies import ControlsFound, ControlsPreview, EngineLost, JobProgress, Refused, Stopped
from explorer.service.requests import Cancel, FindControls
from explorer.ui.actions.actions import ActionTable
from explorer.ui.canvas.canvas import Canvas
from explorer.ui.controls.panel import ControlsPanel
from explorer.ui.jobs.jobs_panel import JobsPanel
from explorer.ui.state.controller import Controller

pytestmark = pytest.mark.gui
SLOW, OTHER = ControlSetRef(method="slow"), ControlSetRef(method="other")


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.ui.state.leaving.GRACE", 0.1)


def searching(panes: int = 1) -> tuple[Controller, QuietClient]:
    """A controller whose first pane waits for :data:`SLOW`."""
    controller, client = controller_on(panes)
    client.answers_models = False
    controller.set_method(0, SLOW)
    return controller, client


def asked(client: QuietClient, ref: ControlSetRef = SLOW) -> list[int]:
    return [one.request_id for one in client.sent if isinstance(one, FindControls) and one.controls == ref]


def cancelled(client: QuietClient) -> list[int]:
    return [one.request_id for one in client.sent if isinstance(one, Cancel)]


def test_a_search_that_no_pane_wants_is_given_up_and_undo_asks_again(qtbot: QtBot) -> None:
    controller, client = searching()
    said: list[object] = []
    controller.noticed.connect(said.append)
    (first,) = asked(client)
    card = controls(SLOW)
    client.reply(ControlsPreview(request_id=first, model=MODEL, controls=SLOW, card=card))
    controller.set_method(0, OTHER)
    assert cancelled(client) == []
    qtbot.waitUntil(lambda: cancelled(client) == [first])
    assert controller.catalogue.controls(MODEL, SLOW) is None  # an unfinished search leaves nothing
    controller.undo()
    first, second = asked(client)
    client.reply(Stopped(request_id=first))
    assert not controller.catalogue.problem(MODEL, SLOW)
    assert controller.catalogue.search(MODEL, SLOW) == second
    client.reply(ControlsFound(request_id=second, model=MODEL, controls=SLOW, card=card))
    assert controller.controls_card() == card
    (other,) = asked(client, OTHER)
    qtbot.waitUntil(lambda: cancelled(client) == [first, other])  # what undo has left goes, too
    assert said == []


def test_a_change_of_mind_costs_nothing(qtbot: QtBot) -> None:
    controller, client = searching()
    controller.set_method(0, OTHER)
    controller.undo()
    (other,) = asked(client, OTHER)
    qtbot.waitUntil(lambda: cancelled(client) == [other])
    assert len(asked(client)) == 1
    controller.redo()
    assert len(asked(client, OTHER)) == 2
    qtbot.waitUntil(lambda: cancelled(client) == [other, *asked(client)])


def test_a_search_of_another_pane_goes_on(qtbot: QtBot) -> None:
    controller, client = searching(panes=2)
    controller.set_method(1, SLOW)
    assert len(asked(client)) == 1
    controller.set_method(0, OTHER)
    qtbot.wait(300)
    assert cancelled(client) == []
    controller.remove_pane(1)
    qtbot.waitUntil(lambda: cancelled(client) == asked(client))


def test_what_a_given_up_search_found_all_the_same_is_kept(qtbot: QtBot) -> None:
    controller, client = searching()
    (number,) = asked(client)
    controller.set_method(0, OTHER)
    qtbot.waitUntil(lambda: cancelled(client) == [number])
    client.reply(ControlsFound(request_id=number, model=MODEL, controls=SLOW, card=controls(SLOW)))
    controller.undo()
    assert controller.controls_card() == controls(SLOW)
    assert asked(client) == [number]


def test_a_failure_of_a_given_up_search_is_not_told(qtbot: QtBot) -> None:
    controller, client = searching()
    (number,) = asked(client)
    controller.set_method(0, OTHER)
    qtbot.waitUntil(lambda: cancelled(client) == [number])
    client.reply(Refused(request_id=number, sentence="It failed."))
    assert controller.catalogue.problem(MODEL, SLOW) == ""


def test_what_was_asked_for_as_a_job_goes_on(qtbot: QtBot) -> None:
    controller, client = searching()
    controller.comparing.ask(MODEL, CompareOptions(methods=("slow", "other")), "toy")
    (number,) = asked(client)
    controller.set_method(0, OTHER)
    controller.set_method(0, ControlSetRef(method="third"))
    qtbot.waitUntil(lambda: len(cancelled(client)) == 2)
    assert cancelled(client) == [number, *asked(client, OTHER)]
    assert controller.comparing.under_way(MODEL) is not None


def test_the_next_engine_is_not_asked_for_what_was_left(qtbot: QtBot) -> None:
    controller, client = searching()
    controller.set_method(0, OTHER)
    client.reply(EngineLost(sentence="It stopped.", restarting=True))
    assert len(asked(client)) == 1
    assert len(asked(client, OTHER)) == 2
    qtbot.wait(300)
    assert cancelled(client) == []


def test_the_list_of_jobs_says_why_it_ended(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.ui.state.job_list.WORTH_LISTING", 0.0)
    controller, client = searching()
    panel = JobsPanel(controller)
    qtbot.addWidget(panel)
    (number,) = asked(client)
    client.reply(JobProgress(request_id=number, title="Finding controls", share=0.5, remaining=9))
    controller.set_method(0, OTHER)
    qtbot.waitUntil(lambda: cancelled(client) == [number])
    client.reply(Stopped(request_id=number))
    assert [row.state.text() for row in panel._rows.values()] == ["Stopped: no pane uses it any more"]


def test_a_cancelled_search_takes_its_moves_back_with_its_sliders_and_brings_both_again(qtbot: QtBot) -> None:
    controller, client = searching()
    window = QMainWindow()
    qtbot.addWidget(window)
    table = ActionTable(window)
    for key in ("reset_all", "method_settings", "linked"):
        table.bind(key, controller.reset_all)
    panel = ControlsPanel(controller, table)
    qtbot.addWidget(panel)
    canvas = Canvas(controller)
    qtbot.addWidget(canvas)
    captions: list[str] = []
    (number,) = asked(client)
    card = controls(SLOW)
    client.reply(ControlsPreview(request_id=number, model=MODEL, controls=SLOW, card=card))
    controller.move_control(0, "slow hue", 1.5)
    client.draw()
    moved = controller.feed.picture(0).view
    assert moved.edits
    client.reply(Stopped(request_id=number))
    client.draw()
    # No slider is left: the picture is that of no slider, and nothing says otherwise.
    assert panel.rows() == []
    assert controller.feed.picture(0).view == replace(moved, edits=())
    assert controller.scene.panes[0].edits  # what was set is not thrown away
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "explorer.ui.canvas.pane_paint.paint_caption",
            lambda p, c, title, figure, box, *how: captions.append(f"{title} {figure}"),
        )
        canvas.grab()
    assert captions == ["Slow search cancelled"]
    panel.retry.click()
    again = asked(client)[-1]
    assert again != number
    client.reply(ControlsPreview(request_id=again, model=MODEL, controls=SLOW, card=card))
    client.draw()
    assert controller.feed.picture(0).view == moved
    assert [row.slider.value for row in panel.rows()] == [0.0, 1.5, 0.0, 0.0]


def test_a_search_that_fails_after_it_has_shown_sliders_does_not_leave_a_moved_picture(qtbot: QtBot) -> None:
    controller, client = searching(2)
    (number,) = asked(client)
    client.reply(ControlsPreview(request_id=number, model=MODEL, controls=SLOW, card=controls(SLOW)))
    controller.move_control(0, "slow hue", 1.5)
    client.draw()
    client.shown.clear()
    client.reply(Refused(request_id=number, sentence="The numbers are not finite."))
    # The engine is asked again, and says over the picture why it cannot be drawn; others are left alone.
    assert [view.controls for _, view in client.shown] == [SLOW]
