"""How unusual a picture is, as the window asks and says it: of finished pictures, where somebody wants to know."""

from __future__ import annotations

import msgspec
import pytest
from pytestqt.qtbot import QtBot
from quiet import CARD, QuietClient, controller_on

from explorer.scene.model import ModelRef
from explorer.scene.unsteadiness import Unsteadiness
from explorer.service import replies, requests
from explorer.ui.canvas.canvas import Canvas
from explorer.ui.state.controller import Controller
from explorer.ui.window.status_line import StatusLine

pytestmark = pytest.mark.gui
DIFFUSION = msgspec.structs.replace(CARD, capabilities=("steps", "renoise"))


class Desk:
    """A canvas and a status line over a diffusion model."""

    def __init__(self, qtbot: QtBot, panes: int = 1, card: object = DIFFUSION) -> None:
        self.controller: Controller
        self.client: QuietClient
        self.controller, self.client = controller_on(panes, card=card)  # type: ignore[arg-type]
        self.canvas, self.line = Canvas(self.controller), StatusLine(self.controller)
        for widget in (self.canvas, self.line):
            qtbot.addWidget(widget)
            widget.resize(900, 300)
            widget.show()
        self.client.draw()

    def asked(self) -> list[requests.FindUnsteadiness]:
        return [one for one in self.client.sent if isinstance(one, requests.FindUnsteadiness)]

    def answer(self, below: int, pictures: int = 200) -> None:
        found = Unsteadiness(variance=0.5, offset=0.1, below=below, pictures=pictures)
        self.client.reply(replies.UnsteadinessFound(request_id=self.asked()[-1].request_id, unsteadiness=found))

    def note(self) -> tuple[str, ...]:
        note = self.canvas.captions.note(0)
        return () if note is None else tuple(note.texts)

    @property
    def text(self) -> str:
        return self.line.unsteady.text()


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    return Desk(qtbot)


def test_nothing_is_asked_until_somebody_wants_to_know(desk: Desk) -> None:
    assert not desk.asked()
    assert desk.line.unsteady.isHidden()
    desk.controller.unsteady.watch(True)
    (asked,) = desk.asked()
    assert asked.view == desk.controller.feed.pictures()[0].view
    assert desk.text == ""
    desk.answer(86)
    assert desk.text == "usual: above 43 % of this model's own pictures"
    assert not desk.line.unsteady.isHidden()
    assert desk.note() == ()
    desk.controller.unsteady.watch(False)
    assert desk.line.unsteady.isHidden()
    desk.controller.set_seed(8)
    desk.client.draw()
    assert len(desk.asked()) == 1


def test_an_unusual_picture_says_so_in_its_caption(desk: Desk) -> None:
    desk.controller.unsteady.watch(True)
    desk.answer(195)
    assert desk.text == "unusual: above 97 % of this model's own pictures"
    assert desk.note() == (desk.text, "unusual: above 97 %", "unusual")
    note = desk.canvas.captions.note(0)
    assert note is not None
    assert not note.passes
    desk.controller.set_seed(8)
    assert desk.note() == (desk.text, "unusual: above 97 %", "unusual")  # the picture on the screen is the old one yet
    desk.client.draw()
    assert desk.note() == ()
    assert desk.text == ""


def test_only_what_rests_and_has_come_is_asked_about(desk: Desk) -> None:
    desk.controller.unsteady.watch(True)
    desk.answer(100)
    desk.controller.move_control(0, "hue", 1.0, dragging=True)
    desk.client.draw()  # a draft
    assert len(desk.asked()) == 1
    assert desk.text == ""
    desk.controller.move_control(0, "hue", 1.0)
    assert len(desk.asked()) == 1  # it is drawn first
    desk.client.draw()
    assert len(desk.asked()) == 2
    assert [edit.number for edit in desk.asked()[-1].view.edits] == [1.0]
    # One question is under way at most, and the newest counts.
    for seed in (11, 12):
        desk.controller.set_seed(seed)
        desk.client.draw()
    assert len(desk.asked()) == 2
    desk.answer(199)
    assert len(desk.asked()) == 3
    assert desk.note() == ()  # that was of another picture
    desk.answer(199)
    assert desk.note()


def test_however_it_is_shown_it_is_the_same_picture(desk: Desk) -> None:
    desk.controller.unsteady.watch(True)
    desk.answer(100)
    desk.controller.set_view(0, "before_after")
    desk.client.draw()
    assert len(desk.asked()) == 1
    assert desk.text == "usual: above 50 % of this model's own pictures"


def test_the_first_time_it_says_how_far_it_is_and_can_be_cancelled(desk: Desk) -> None:
    said: list[str] = []
    desk.controller.noticed.connect(lambda notice: said.append(notice.sentence))
    desk.controller.unsteady.watch(True)
    number = desk.asked()[-1].request_id
    desk.client.reply(
        replies.JobProgress(request_id=number, title="Finding what is usual of toy", share=0.25, remaining=9)
    )
    assert desk.text == "learning what is usual… 25%"
    desk.client.reply(replies.Stopped(request_id=number))
    assert not desk.controller.unsteady.watching
    assert desk.line.unsteady.isHidden()
    assert "it goes on there" in said[-1]
    desk.controller.unsteady.watch(True)
    assert len(desk.asked()) == 2


def test_who_turns_it_off_and_on_again_is_answered(desk: Desk) -> None:
    desk.controller.unsteady.watch(True)
    number = desk.asked()[-1].request_id
    desk.controller.unsteady.watch(False)
    assert desk.client.sent[-1] == requests.Cancel(request_id=number)
    desk.controller.unsteady.watch(True)
    desk.client.reply(replies.Stopped(request_id=number))
    assert desk.controller.unsteady.watching
    assert len(desk.asked()) == 2


def test_a_refusal_is_said_and_another_picture_asks_again(desk: Desk) -> None:
    desk.controller.unsteady.watch(True)
    sentence = "The device ran out of memory."
    desk.client.reply(replies.Refused(request_id=desk.asked()[-1].request_id, sentence=sentence, kind="input"))
    assert desk.text == "not judged"
    assert desk.line.unsteady.toolTip() == sentence
    desk.controller.set_seed(8)
    desk.client.draw()
    desk.answer(100)
    assert desk.text.startswith("usual")
    assert desk.line.unsteady.toolTip() != sentence


def test_other_models_are_not_asked_about(qtbot: QtBot) -> None:
    desk = Desk(qtbot, card=CARD)
    assert not desk.controller.unsteady.can_watch
    desk.controller.unsteady.watch(True)
    desk.controller.set_seed(8)
    desk.client.draw()
    assert not desk.asked()
    assert desk.line.unsteady.isHidden()


def test_it_is_of_the_selected_pane(qtbot: QtBot) -> None:
    desk = Desk(qtbot, panes=2)
    desk.controller.set_linked(False)
    desk.controller.move_control(1, "hue", 2.0)
    desk.client.draw()
    desk.controller.unsteady.watch(True)
    desk.answer(100)
    desk.controller.select_pane(1)
    assert len(desk.asked()) == 2
    desk.answer(200)
    assert desk.text == "unusual: above all 200 of this model's own pictures"
    assert desk.canvas.captions.note(0) is None
    note = desk.canvas.captions.note(1)
    assert note is not None
    assert note.texts[1] == "unusual: above all"


def test_a_scene_of_another_model_forgets(desk: Desk) -> None:
    desk.controller.unsteady.watch(True)
    desk.answer(195)
    other = msgspec.structs.replace(desk.controller.scene, model=ModelRef(path="other", fingerprint="0f"))
    desk.controller.apply(other, "Open other")
    desk.client.draw()
    assert desk.note() == ()
