"""A slider along learned values is traversed from the first to the last of them, from wherever the picture starts."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot
from quiet import MODEL, controller_on, controls

from explorer.scene.cards import ControlCard, ControlPlace, ControlSetCard
from explorer.scene.model import ControlSetRef
from explorer.service.replies import ControlsFound, PlacesFound
from explorer.service.requests import FindControls, FindPlaces
from explorer.ui.timeline.panel import LATE, TimelinePanel

pytestmark = pytest.mark.gui


def test_a_codebook_is_traversed_to_its_ends(qtbot: QtBot) -> None:
    controller, client = controller_on(1)
    client.answers_models = False
    ref = ControlSetRef(method="codes")
    controller.set_method(0, ref)
    card = ControlCard(name="z0", space="z", unit="codes", low=-4.0, high=4.0, detents=(-1.0, 0.0, 1.0))
    found = ControlSetCard(method="codes", title="Codes", space="z", fingerprint="f00d", controls=(card,))
    asked = next(one for one in reversed(client.sent) if isinstance(one, FindControls))
    client.reply(ControlsFound(request_id=asked.request_id, model=MODEL, controls=ref, card=found))
    panel = TimelinePanel(controller)
    qtbot.addWidget(panel)
    for stops, amounts in ((None, [-4.0, 4.0]), ((-3.0, -2.0, -1.0, 0.0, 1.0), [-3.0, 1.0])):
        if stops:
            number = next(one for one in reversed(client.sent) if isinstance(one, FindPlaces)).request_id
            place = ControlPlace(value=3.0, low=stops[0], high=stops[-1], stops=stops)
            client.reply(PlacesFound(request_id=number, places={"z0": place}))
        panel.traverse(0, "z0")
        panel.player.stop()
        assert [key.amount for key in controller.scene.timeline.amounts[0].keys] == amounts
        controller.undo()


def test_a_traversal_says_which_panes_it_leaves_out(qtbot: QtBot) -> None:
    controller, client = controller_on(1)
    said: list[str] = []
    controller.noticed.connect(lambda notice: said.append(notice.sentence))
    panel = TimelinePanel(controller)
    qtbot.addWidget(panel)
    client.answers_models = False
    controller.add_pane()
    panel.traverse(0, "hue")
    panel.player.stop()
    assert said == [LATE]
    asked = next(one for one in reversed(client.sent) if isinstance(one, FindControls))
    card = controls(asked.controls)
    client.reply(ControlsFound(request_id=asked.request_id, model=MODEL, controls=asked.controls, card=card))
    panel.traverse(0, "hue")
    panel.player.stop()
    assert said == [LATE]
    assert {track.pane for track in controller.scene.timeline.amounts} == {0, 1}
