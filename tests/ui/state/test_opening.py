"""Opening: cancelled, overtaken, refused; for the scene, for one pane, beside one."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from pytestqt.qtbot import QtBot
from quiet import CARD, MODEL, QuietClient, controller_on, controls, pictures

from explorer.errors import ExplorerError
from explorer.scene.cards import ControlCard, ModelCard, SpaceCard
from explorer.scene.editing import edit_of
from explorer.scene.model import ModelRef, StoredLatent
from explorer.scene.two_models import Place
from explorer.service.replies import ControlsFound, JobProgress, ModelOpened, Refused, Stopped
from explorer.service.requests import Cancel, FindControls, OpenModel
from explorer.ui.state.controller import Controller
from explorer.ui.state.notice import Notice

pytestmark = pytest.mark.gui
OTHER = replace(CARD, name="other", shipped=False, spaces={"z": SpaceCard(shape=(2,), prior="normal")})


def asked(client: QuietClient) -> OpenModel:
    return next(request for request in reversed(client.sent) if isinstance(request, OpenModel))


def opened(client: QuietClient, card: ModelCard) -> None:
    client.reply(ModelOpened(request_id=asked(client).request_id, card=card))


def cancelled(client: QuietClient) -> list[int]:
    return [request.request_id for request in client.sent if isinstance(request, Cancel)]


def heard(controller: Controller) -> list[Notice]:
    notices: list[Notice] = []
    controller.noticed.connect(notices.append)
    return notices


def test_cancelling_leaves_everything_and_says_so(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.answers_models = False
    before, notices = controller.scene, heard(controller)
    names: list[str] = []
    controller.opening.changed.connect(names.append)
    controller.open_model("/models/large.pkl")
    controller.opening.cancel()
    assert cancelled(client) == [asked(client).request_id]
    assert names == ["large.pkl", ""]
    client.reply(Stopped(request_id=asked(client).request_id))
    assert controller.scene == before
    assert [(notice.kind, "large.pkl" in notice.sentence) for notice in notices] == [("info", True)]
    controller.open_model("/models/large.pkl")  # and it can be asked for again
    opened(client, replace(CARD, name="large.pkl", shipped=False))
    assert controller.scene.model.path == "/models/large.pkl"


def test_a_model_that_was_loaded_all_the_same_is_not_shown(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.answers_models = False
    before = controller.scene
    controller.open_model("slow")
    controller.opening.cancel()
    opened(client, replace(CARD, name="slow"))
    assert controller.scene == before


def test_what_is_asked_for_later_ends_what_is_loading(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.answers_models = False
    notices = heard(controller)
    controller.open_model("first")
    first = asked(client).request_id
    controller.open_model("second")
    assert cancelled(client) == [first]
    client.reply(Stopped(request_id=first))
    assert controller.is_opening()
    opened(client, replace(CARD, name="second", shipped=False))
    assert controller.scene.model.path == "second"
    assert notices == []


def test_a_model_that_a_pane_waits_for_is_not_given_up(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.answers_models = False
    controller.load(replace(controller.scene, model=ModelRef(path="of a scene")), "Open")
    controller.open_model("of a scene")
    controller.open_model("another")
    assert cancelled(client) == []


def test_it_tells_how_far_the_loading_is(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.answers_models = False
    shares: list[float] = []
    controller.opening.progressed.connect(shares.append)
    controller.open_model("large")
    number = asked(client).request_id
    client.reply(JobProgress(request_id=number, title="Opening large", share=0.25, remaining=3.0))
    client.reply(JobProgress(request_id=number + 1000, title="something else", share=0.9, remaining=3.0))
    assert shares == [0.25]
    assert controller.opening.share == 0.25
    opened(client, CARD)
    assert controller.opening.share == 0.0
    client.reply(JobProgress(request_id=number, title="Opening large", share=1.0, remaining=0.0))
    assert shares == [0.25]


def test_a_checkpoint_beside_moves_with_the_pane_that_it_is_compared_with(qtbot: QtBot) -> None:
    controller, client = controller_on()
    controller.move_control(0, "hue", 1.0)
    client.card = replace(CARD, name="epoch-9", shipped=False)
    controller.open_model("/runs/epoch-9.pt", place="beside")
    assert [controller.scene.model_of(pane).path for pane in (0, 1)] == ["toy", "/runs/epoch-9.pt"]
    assert [controller.pane_title(pane) for pane in (0, 1)] == ["toy · Latent axes", "epoch-9 · Latent axes"]
    controller.move_control(1, "hue", -0.5)
    assert [edit_of(pane, "hue").amount for pane in controller.scene.panes] == [-0.5, -0.5]
    controller.set_seed(12)
    assert {view.start.origin.seed for _, view in client.shown[-2:]} == {12}  # type: ignore[union-attr]
    controller.undo()
    controller.undo()
    controller.undo()
    assert controller.scene.model_of() == MODEL
    assert len(controller.scene.panes) == 1


def answer(client: QuietClient, *names: str) -> None:
    """The control set that was asked for last is found: controls of these ``names``."""
    question = next(request for request in reversed(client.sent) if isinstance(request, FindControls))
    listed = tuple(ControlCard(name=name, space="z", unit="", low=-3, high=3) for name in names)
    card = replace(controls(question.controls), controls=listed)
    client.reply(
        ControlsFound(request_id=question.request_id, model=question.model, controls=question.controls, card=card)
    )


def moves_of(controller: Controller) -> list[dict[str, float]]:
    return [{edit.control: edit.amount or 0.0 for edit in pane.edits} for pane in controller.scene.panes]


@pytest.mark.parametrize("place", ["pane", "beside"])
def test_moves_that_the_other_model_has_no_control_for_go_when_its_set_is_known(qtbot: QtBot, place: Place) -> None:
    """Names of axes that are turned, or of the most informative ones, are others on another model."""
    controller, client = controller_on()
    controller.set_linked(False)
    controller.move_control(0, "hue", 1.0)
    controller.move_control(0, "size", 2.0)
    before = controller.scene
    client.card = replace(CARD, name="epoch-9", shipped=False)
    client.answers_models = False
    controller.open_model("/runs/epoch-9.pt", place=place)
    opened(client, client.card)
    assert moves_of(controller)[-1] == {"hue": 1.0, "size": 2.0}  # not known yet
    answer(client, "hue", "z4")
    assert moves_of(controller)[-1] == {"hue": 1.0}
    controller.undo()
    assert controller.scene == before
    controller.redo()
    assert moves_of(controller)[-1] == {"hue": 1.0}
    controller.undo()
    controller.open_model("/runs/epoch-9.pt", place=place)  # known now
    assert moves_of(controller)[-1] == {"hue": 1.0}


def test_a_model_that_is_not_alike_moves_by_itself(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.card = OTHER
    controller.open_model("/other.pt", place="beside")
    controller.move_control(1, "hue", 1.0)
    assert [edit_of(pane, "hue").amount for pane in controller.scene.panes] == [0.0, 1.0]


def test_the_panels_follow_the_model_of_the_selected_pane(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.card = OTHER
    controller.open_model("/other.pt", place="beside")
    assert controller.model_card() == controller.catalogue.model(ModelRef(path="/other.pt"))
    controller.select_pane(0)
    card = controller.model_card()
    assert card is not None
    assert card.name == "toy"


def test_a_refused_model_of_a_pane_leaves_the_pane(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.answers_models = False
    before = controller.scene
    controller.open_model("broken.pt", place="pane")
    client.reply(Refused(request_id=asked(client).request_id, sentence="'broken.pt' is truncated."))
    assert controller.scene == before


def test_a_stored_point_stays_with_the_models_that_know_it(qtbot: QtBot) -> None:
    controller, client = controller_on()
    stored = StoredLatent("z", (4,), bytes(16))
    controller.set_origin(stored, "Point")
    client.card = OTHER
    controller.open_model("/other.pt", place="beside")
    assert controller.scene.origin_of(0) == stored
    assert controller.scene.origin_of(1) != stored


def test_pictures_for_which_there_is_no_memory_are_said(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    controller, client = controller_on()
    client.answers_models = False
    notices, large = heard(controller), replace(CARD, name="large", shipped=False, output=pictures(4096, 4096))

    def full(slot_bytes: int) -> None:
        raise ExplorerError("There is no memory for pictures.")

    with monkeypatch.context() as earlier:
        earlier.setattr(client, "reserve", full)
        controller.open_model("/models/large")
        opened(client, large)
    assert [(notice.kind, notice.sentence) for notice in notices] == [("error", "There is no memory for pictures.")]
    assert controller.scene.model.path == "/models/large"
    controller.open_model("/models/large.2")  # there may be room by now
    opened(client, large)
    assert client.reserved == 4096 * 4096 * 4
