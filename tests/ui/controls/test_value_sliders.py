"""Sliders that show values: where the picture stands, where it is sent, and how it is set free again."""

from __future__ import annotations

from typing import TypeVar

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot
from quiet import MODEL, controller_on

from explorer.scene.cards import ControlCard, ControlLaws, ControlPlace, ControlSetCard
from explorer.scene.causal_graph import CausalGraph, Variable
from explorer.scene.causes import Outcome, VariableOutcome
from explorer.scene.edit_text import edit_text
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Pane, Scene, Seed
from explorer.scene.order import OTHER_ORDER
from explorer.service.replies import ControlsFound, OutcomeFound, PlacesFound
from explorer.service.requests import FindControls, FindOutcome, FindPlaces
from explorer.ui.actions.actions import ActionTable
from explorer.ui.controls.panel import ControlsPanel
from explorer.ui.controls.row import ControlRow

pytestmark = pytest.mark.gui
REF = ControlSetRef(method="causes")
ANGLE = ControlCard(name="angle", space="z", unit="°", low=-40.0, high=40.0, shows="value")
LIGHT = ControlCard(name="light", space="z", unit="°", low=0.0, high=90.0, shows="value")
PLACES = {
    "angle": ControlPlace(value=-12.345678, low=-40.0, high=40.0),
    "light": ControlPlace(value=60.0, low=0.0, high=90.0),
}
Sent = TypeVar("Sent")


class Desk:
    """A panel on one pane, whose set holds two sliders of values."""

    def __init__(self, qtbot: QtBot) -> None:
        self.controller, self.client = controller_on(1)
        self.client.answers_models = False
        window = self.window = QMainWindow()
        qtbot.addWidget(window)
        table = ActionTable(window)
        for key in ("reset_all", "linked", "method_settings"):
            table.bind(key, window.update)
        self.panel = ControlsPanel(self.controller, table)
        window.setCentralWidget(self.panel)
        window.show()
        self.controller.set_method(0, REF)
        self.answer(ANGLE, LIGHT)
        self.client.reply(PlacesFound(request_id=self.last(FindPlaces).request_id, places=PLACES))

    def last(self, kind: type[Sent]) -> Sent:
        return next(request for request in reversed(self.client.sent) if isinstance(request, kind))

    def answer(self, *cards: ControlCard) -> None:
        found = ControlSetCard(method="causes", title="Causes", space="z", fingerprint="f00d", controls=cards)
        number = self.last(FindControls).request_id
        self.client.reply(ControlsFound(request_id=number, model=MODEL, controls=REF, card=found))

    @property
    def row(self) -> ControlRow:
        return self.panel.rows()[0]

    @property
    def edits(self) -> tuple[Edit, ...]:
        return self.controller.scene.panes[0].edits


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    return Desk(qtbot)


def test_a_slider_that_nothing_moves_stands_where_the_picture_does(desk: Desk) -> None:
    assert desk.row.slider.value == desk.row.box.value() == -12.345678
    assert desk.edits == ()
    assert desk.row.box.lineEdit().text() == "−12.35"
    assert "Value in °" in desk.row.name.toolTip()
    assert "back to where the picture stands" in desk.row.slider.toolTip()


def test_what_is_typed_is_the_value(desk: Desk) -> None:
    desk.row.box.setFocus()
    desk.row.box.selectAll()
    QTest.keyClicks(desk.row.box, "25.5")
    QTest.keyClick(desk.row.box, Qt.Key.Key_Return)
    assert desk.edits == (Edit("angle", value=25.5),)
    assert desk.row.slider.value == 25.5
    assert desk.controller.undo_stack.undoText() == "angle = 25.5°"
    assert edit_text(desk.controller.scene, REF, desk.edits[0], ANGLE) == "angle = 25.5°"
    # 0 is a value as any other.
    desk.controller.move_control(0, "angle", 0.0)
    assert desk.edits == (Edit("angle", value=0.0),)


@pytest.mark.parametrize("way", ["double click", "home", "emptied"])
def test_it_is_set_free_again(desk: Desk, way: str) -> None:
    desk.controller.move_control(0, "angle", 25.5)
    if way == "double click":
        QTest.mouseDClick(desk.row.slider, Qt.MouseButton.LeftButton)
    elif way == "home":
        QTest.keyClick(desk.row.slider, Qt.Key.Key_Home)
    else:
        desk.row.box.setFocus()
        desk.row.box.selectAll()
        QTest.keyClick(desk.row.box, Qt.Key.Key_Delete)
        QTest.keyClick(desk.row.box, Qt.Key.Key_Return)
    assert desk.edits == ()
    assert desk.row.slider.value == -12.345678


def outcome(**values: float) -> Outcome:
    names = ("angle", "light")
    graph = CausalGraph(variables=tuple(Variable(name=name) for name in names), edges=(("angle", "light"),))
    before = {name: PLACES[name].value for name in names}
    return Outcome(
        graph=graph,
        variables=tuple(
            VariableOutcome(name=name, factual=before[name], value=value, low=value, high=value)
            for name, value in {**before, **values}.items()
        ),
    )


def test_an_effect_stands_where_its_causes_have_put_it_and_comes_back_with_them(desk: Desk) -> None:
    light = desk.panel.rows()[1]
    desk.controller.move_control(0, "angle", 25.5)
    request = desk.last(FindOutcome)
    assert request.edits == (Edit("angle", value=25.5),)
    desk.client.reply(OutcomeFound(request_id=request.request_id, outcome=outcome(angle=25.5, light=77.25)))
    assert light.slider.value == light.box.value() == 77.25
    assert desk.edits == (Edit("angle", value=25.5),)
    QTest.mouseDClick(light.slider, Qt.MouseButton.LeftButton)  # it is free already, and stays where it is
    assert light.slider.value == light.box.value() == 77.25
    desk.controller.move_control(0, "angle", PLACES["angle"].value)
    assert desk.edits == ()
    assert light.slider.value == light.box.value() == 60.0


def test_another_start_has_other_values_and_leaves_what_is_set(desk: Desk) -> None:
    desk.controller.move_control(0, "light", 75.0)
    desk.controller.set_seed(4)
    asked = desk.last(FindPlaces)
    assert asked.start.origin == Seed(4)
    places = {"angle": ControlPlace(value=3.0, low=-40, high=40), "light": ControlPlace(value=10.0, low=0, high=90)}
    desk.client.reply(PlacesFound(request_id=asked.request_id, places=places))
    assert desk.row.slider.value == 3.0
    assert desk.panel.rows()[1].slider.value == 75.0
    assert desk.edits == (Edit("light", value=75.0),)


def test_linked_sliders_move_together_where_they_mean_the_same(desk: Desk) -> None:
    desk.controller.duplicate_pane()
    desk.controller.move_control(0, "angle", 5.0)
    assert [pane.edits for pane in desk.controller.scene.panes] == [(Edit("angle", value=5.0),)] * 2
    # An amount of something else is no value.
    desk.controller.set_method(1, ControlSetRef(method="other"))
    card = ControlSetCard(
        method="other",
        title="Other",
        space="z",
        fingerprint="f00d",
        controls=(ControlCard(name="PC 1", space="z"), ControlCard(name="PC 2", space="z")),
    )
    number = desk.last(FindControls).request_id
    desk.client.reply(ControlsFound(request_id=number, model=MODEL, controls=ControlSetRef(method="other"), card=card))
    desk.controller.move_control(0, "angle", 6.0)
    assert [pane.edits for pane in desk.controller.scene.panes] == [(Edit("angle", value=6.0),), ()]


def test_what_a_card_says_of_its_moves_stands_in_the_tip(desk: Desk) -> None:
    desk.controller.set_method(0, ControlSetRef(method="flows"))
    laws = ControlLaws(composes=False, timed=True, negative="anti-field")
    card = ControlSetCard(
        method="flows",
        title="Flows",
        space="z",
        fingerprint="f00d",
        controls=(ControlCard(name="u", space="z", laws=laws), ControlCard(name="v", space="z")),
    )
    number = desk.last(FindControls).request_id
    desk.client.reply(ControlsFound(request_id=number, model=MODEL, controls=ControlSetRef(method="flows"), card=card))
    first, second = (row.name.toolTip() for row in desk.panel.rows())
    assert "Depends on time" in first
    assert "Below 0: along the field turned round" in first
    assert "Below 0" not in second
    assert "time" not in second


def test_an_opened_scene_that_was_drawn_in_another_order_is_told_of_once(desk: Desk) -> None:
    notices: list[str] = []
    desk.controller.noticed.connect(lambda notice: notices.append(notice.sentence))
    ref = ControlSetRef(method="frames")
    scene = Scene(model=ModelRef(path="toy", fingerprint="f00d"), panes=(Pane(controls=ref),))
    laws = ControlLaws(composes=False, commutes=False)
    cards = tuple(ControlCard(name=name, space="z", laws=laws) for name in ("a", "b"))
    card = ControlSetCard(method="frames", title="Frames", space="z", fingerprint="f00d", controls=cards)
    for touched, expected in (((("a", "b"),), []), ((("b", "a"),), [OTHER_ORDER])):
        desk.controller.load(scene)
        desk.controller.drawn_order.opened(scene, touched)
        number = desk.last(FindControls).request_id
        desk.client.reply(ControlsFound(request_id=number, model=MODEL, controls=ref, card=card))
        assert notices == expected


@pytest.mark.parametrize(
    ("low", "high", "text", "tip"),
    [
        (70.0, 82.0, "70–82", "Not unique: 70 to 82 with 90 %. The picture does not tell it; the middle is drawn."),
        (-70.251, -62.349, "open", "Not unique: -70.3 to -62.3 with 90 %. The picture does not tell it; the middle is "
         "drawn."),
        (77.0, 77.0001, "≈ 77", "77 with 90 %: the picture does not tell it for sure."),
    ],
)  # fmt: skip
def test_an_effect_that_is_not_unique_has_no_plain_number(
    desk: Desk, low: float, high: float, text: str, tip: str
) -> None:
    light = desk.panel.rows()[1]
    desk.controller.move_control(0, "angle", 25.5)
    told = outcome(angle=25.5, light=77.0)
    variables = (told.variables[0], replace(told.variables[1], low=low, high=high, is_open=True))
    number = desk.last(FindOutcome).request_id
    desk.client.reply(OutcomeFound(request_id=number, outcome=replace(told, variables=variables)))
    assert light.box.text() == text
    assert light.box.toolTip() == tip
    assert light.slider._interval == (low, high)
    assert desk.edits == (Edit("angle", value=25.5),)  # nobody has set it
    light.box.setFocus()
    light.box.selectAll()
    QTest.keyClicks(light.box, "81")
    QTest.keyClick(light.box, Qt.Key.Key_Return)
    assert desk.edits == (Edit("angle", value=25.5), Edit("light", value=81.0))
    assert (light.box.text(), light.box.toolTip(), light.slider._interval) == ("81.00", "", None)
