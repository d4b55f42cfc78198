"""The badges of a counterfactual: asked for, shown while nothing changes, stopped, refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import quiet
from pytestqt.qtbot import QtBot
from quiet import controller_on
from test_causes_dock import controls, with_choices

from explorer.scene import editing
from explorer.scene.picture_check import Effectiveness, PictureCheck
from explorer.service import replies, requests
from explorer.ui.causes.badges import BadgeRow
from explorer.ui.causes.text import with_settings
from explorer.ui.causes.words import Words
from explorer.ui.state.controller import Controller

pytestmark = pytest.mark.gui
LIGHT = Effectiveness(variable="light", target=110.0, reading=110.2, error=0.01, ceiling=0.02, chance=1.35)
CHECK = PictureCheck(
    fingerprint="f00d", composition=46.24, others=17.02, reversal=49.59, without_way_back=16.78, effectiveness=(LIGHT,)
)


class Bench:
    """A row of badges on a controller whose client remembers what it is asked."""

    def __init__(self, qtbot: QtBot) -> None:
        self.controller, self.client = controller_on(methods=("causes",))
        self.row = BadgeRow(self.controller)
        self.words = Words(self.row)
        qtbot.addWidget(self.words)
        self.words.show()

    @property
    def asked(self) -> list[requests.CheckPicture]:
        return [one for one in self.client.sent if isinstance(one, requests.CheckPicture)]

    def texts(self) -> tuple[str, ...]:
        row = self.row
        return tuple(label.text() for label in (row.composition, row.reversal, row.effectiveness) if label.isVisible())

    def answer(self, check: PictureCheck = CHECK) -> None:
        last = self.asked[-1]
        self.client.reply(replies.PictureChecked(request_id=last.request_id, model=last.model, report=check))


@pytest.fixture
def bench(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    monkeypatch.setattr(quiet, "controls", with_choices)
    return Bench(qtbot)


def test_badges_are_asked_for_and_stay_while_nothing_changes(bench: Bench) -> None:
    controller: Controller = bench.controller
    controller.move_control(0, "light", 110.0)
    assert bench.texts() == ()
    assert bench.row.button.isVisible()
    bench.row.button.click()
    (asked,) = bench.asked
    assert [edit.control for edit in asked.question.edits] == ["light"]
    assert not bench.row.button.isVisible()
    bench.answer()
    assert bench.texts() == (
        "Composition 46.2 dB (chance 17.0 dB)",
        "Reversal 49.6 dB (no way back 16.8 dB)",
        "Off by: light 0.01 σ (reader 0.02, undone 1.35)",
    )
    assert "read as 110.2" in bench.row.effectiveness.toolTip()
    controller.move_control(0, "rung", 2.0)  # another question about the same picture and the same do()
    assert len(bench.texts()) == 3
    controller.move_control(0, "light", 90.0)
    assert bench.texts() == ()
    assert bench.row.button.isVisible()
    controller.undo()
    assert len(bench.texts()) == 3
    assert len(bench.asked) == 1


def test_a_picture_can_be_checked_as_soon_as_another_graph_is_fitted(bench: Bench) -> None:
    controller, client = bench.controller, bench.client
    client.answers_models = False  # it takes its time
    fitted = with_settings(controller.scene.panes[0].controls, {"graph": '{"light": ["angle"]}'})
    controller.apply(editing.with_same_controls(controller.scene, 0, fitted), "Draw an arrow")
    assert not bench.row.button.isEnabled()
    (search,) = [one for one in client.sent if isinstance(one, requests.FindControls) and one.controls == fitted]
    client.reply(
        replies.ControlsFound(
            request_id=search.request_id, model=search.model, controls=fitted, card=with_choices(fitted)
        )
    )
    assert bench.row.button.isEnabled()
    bench.row.button.click()
    assert bench.asked[-1].question.controls == fitted


def test_without_do_there_is_composition_alone(bench: Bench) -> None:
    bench.row.button.click()
    bench.answer(PictureCheck(fingerprint="f00d", composition=float("inf"), others=17.02))
    assert bench.texts() == (
        "Composition equal (chance 17.0 dB)",
        "Set a variable to see reversibility and effectiveness.",
    )


def test_a_check_is_stopped_and_what_cannot_be_is_said(bench: Bench) -> None:
    bench.row.button.click()
    number = bench.asked[-1].request_id
    assert bench.row.progress.isVisible()
    bench.row.progress.cancel.click()
    assert any(isinstance(one, requests.Cancel) and one.request_id == number for one in bench.client.sent)
    bench.client.reply(replies.Stopped(request_id=number))
    assert bench.row.button.isVisible()
    bench.row.button.click()
    sentence = "Counterfactuals take a model that encodes pictures."
    bench.client.reply(replies.Refused(request_id=bench.asked[-1].request_id, sentence=sentence))
    assert bench.row.problem.text() == sentence
    assert bench.row.button.isVisible()
    assert bench.texts() == ()


def test_controls_that_choose_nothing_are_asked_about_as_well(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "controls", controls)
    bench = Bench(qtbot)
    bench.controller.move_control(0, "light", 60.0)
    bench.row.button.click()
    assert bench.asked[-1].question.edits[0].value == 60.0
