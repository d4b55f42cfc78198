"""The settings of a method, and control sets of one's own."""

from __future__ import annotations

from typing import TypeVar

import msgspec
import pytest
import quiet
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFocusEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QMainWindow,
    QPushButton,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot
from quiet import CARD, MODEL, controller_on

from explorer.scene.cards import ControlSetCard, MethodCard, SettingCard
from explorer.scene.marks import with_mark
from explorer.scene.model import ChosenControl, ControlSetRef, Mark
from explorer.service.requests import SaveControls
from explorer.ui.actions.actions import ActionTable
from explorer.ui.canvas.canvas import Canvas
from explorer.ui.controls.method_dialog import MethodDialog
from explorer.ui.controls.method_settings import MethodSettings
from explorer.ui.controls.own_sets import OwnSets
from explorer.ui.look.numbers import DecimalField, WholeField
from explorer.ui.look.setting_fields import HELP
from explorer.ui.look.widgets import Scrolled
from explorer.ui.state.settings import Settings

pytestmark = pytest.mark.gui
METHOD = MethodCard(
    name="voynov",
    title="Voynov",
    spaces=(),
    trained=True,
    paper="Voynov & Babenko 2020",
    description="Directions that can be told apart.",
    expensive=True,
    settings=(
        SettingCard(name="steps", title="Steps", default=300, low=1, high=100_000, help="How long it learns."),
        SettingCard(name="rate", title="Learning rate", default=0.0001, low=0.0, high=1.0),
        SettingCard(name="deformator", title="Deformator", default="ortho", choices=("ortho", "linear", "fc")),
        SettingCard(name="sorted", title="Sorted", default=True),
        SettingCard(name="space", title="Space", default="", kind="space"),
        SettingCard(name="attributes", title="Attributes", default="", kind="attributes"),
    ),
)
W = TypeVar("W", bound=QWidget)
CHOSEN = ControlSetRef(method="voynov", k=3, seed=5, settings=(("steps", 50), ("deformator", "fc")))


@pytest.fixture
def dialog(qtbot: QtBot) -> MethodDialog:
    made = MethodDialog(METHOD, CARD, CHOSEN)
    qtbot.addWidget(made)
    return made


def _field(dialog: MethodDialog, name: str, kind: type[W]) -> W:
    field = dialog.settings.fields[name]
    assert isinstance(field, kind)
    return field


def test_the_fields_show_what_the_set_was_found_with(dialog: MethodDialog) -> None:
    assert _field(dialog, "steps", WholeField).value() == 50
    assert _field(dialog, "rate", DecimalField).value() == 0.0001
    assert _field(dialog, "deformator", QComboBox).currentText() == "fc"
    assert _field(dialog, "sorted", QCheckBox).isChecked()
    assert dialog.settings.fields["steps"].toolTip() == "How long it learns."
    assert dialog.controls() == CHOSEN


def test_a_field_says_what_it_means_when_it_is_used(dialog: MethodDialog) -> None:
    told = (("steps", "Steps: How long it learns."), ("rate", HELP))  # without a help of its own it has no other's
    for name, expected in told:
        QApplication.sendEvent(dialog.settings.fields[name], QFocusEvent(QEvent.Type.FocusIn))
        assert dialog.settings.help.text() == expected
    for field, title in ((dialog.k, "Controls"), (dialog.seed, "Seed"), (dialog.units.buttons["arc"], "Units")):
        QApplication.sendEvent(field, QFocusEvent(QEvent.Type.FocusIn))
        assert dialog.settings.help.text().startswith(f"{title}: ")
    assert _field(dialog, "rate", DecimalField).text() == "0.0001"
    _field(dialog, "rate", DecimalField).setValue(0.5)
    assert _field(dialog, "rate", DecimalField).text() == "0.5"


def test_only_what_differs_from_the_method_is_written_down(dialog: MethodDialog) -> None:
    _field(dialog, "steps", WholeField).setValue(300)
    _field(dialog, "deformator", QComboBox).setCurrentText("linear")
    _field(dialog, "sorted", QCheckBox).setChecked(False)
    _field(dialog, "space", QComboBox).setCurrentText("z")
    dialog.settings.fields["attributes"].findChild(QLineEdit).setText(" faces ")  # type: ignore[union-attr]
    dialog.units.buttons["effect"].click()
    dialog.k.setValue(4)
    assert dialog.controls() == ControlSetRef(
        method="voynov",
        k=4,
        seed=5,
        settings=(("deformator", "linear"), ("sorted", False), ("space", "z"), ("attributes", "faces")),
        units="effect",
    )


def test_units_along_the_path_are_shown_and_kept(dialog: MethodDialog) -> None:
    dialog.units.buttons["arc"].click()
    assert dialog.controls().units == "arc"


def test_numbers_stay_within_their_limits(dialog: MethodDialog) -> None:
    steps = _field(dialog, "steps", WholeField)
    steps.selectAll()
    QTest.keyClicks(steps, "0")
    dialog.accept()
    assert dialog.result() != dialog.DialogCode.Accepted
    assert steps.sentence == "0 is out of range; it must be between 1 and 100000. It is still 50."
    assert steps.value() == 50
    QTest.keyClick(steps, Qt.Key.Key_Escape)
    dialog.accept()
    assert dialog.result() == dialog.DialogCode.Accepted
    assert dialog.k.maximum() == 4


def test_starred_controls_of_several_methods_become_one_set(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    controller, client = controller_on(2, ("latent_axes", "random"))
    window = QMainWindow()
    qtbot.addWidget(window)
    actions = ActionTable(window)
    sets = OwnSets(controller, actions, Settings(), window)
    assert not actions["save_starred"].isEnabled()
    axes, chance = (pane.controls for pane in controller.scene.panes)
    scene = with_mark(controller.scene, Mark(controls=axes, control="hue", name="skin", starred=True))
    scene = with_mark(scene, Mark(controls=chance, control="random size", starred=True))
    scene = with_mark(scene, Mark(controls=ControlSetRef(method="unknown"), control="x", starred=True))
    controller.apply(scene, "Star")
    wanted = (
        ChosenControl(controls=axes, control="hue", name="skin", starred=True),
        ChosenControl(controls=chance, control="random size", starred=True),
    )
    assert sets.starred() == wanted
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("/sets/mine", "Control set (*.safetensors)"))
    actions["save_starred"].trigger()
    asked = client.sent[-1]
    assert isinstance(asked, SaveControls)
    assert (asked.path, asked.chosen, asked.title) == ("/sets/mine.safetensors", wanted, "mine")


def test_a_panes_set_is_saved_under_the_names_that_were_given(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    controller, client = controller_on()
    window = QMainWindow()
    qtbot.addWidget(window)
    actions = ActionTable(window)
    OwnSets(controller, actions, Settings(), window)
    axes = controller.scene.panes[0].controls
    scene = with_mark(controller.scene, Mark(controls=axes, control="hue", name="skin"))
    controller.apply(with_mark(scene, Mark(controls=axes, control="size", hidden=True)), "Name")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("/sets/axes.npz", ""))
    actions["save_controls"].trigger()
    asked = client.sent[-1]
    assert isinstance(asked, SaveControls)
    assert [(one.control, one.name) for one in asked.chosen] == [("azimuth", ""), ("hue", "skin"), ("shape", "")]
    assert asked.model.path == MODEL.path
    assert msgspec.structs.astuple(asked.chosen[0].controls) == msgspec.structs.astuple(axes)


def test_settings_say_why_there_are_none_yet(qtbot: QtBot) -> None:
    controller, _ = controller_on()
    window = QMainWindow()
    qtbot.addWidget(window)
    canvas = Canvas(controller)
    qtbot.addWidget(canvas)
    settings = MethodSettings(controller, ActionTable(window), canvas, window)
    said: list[str] = []
    controller.noticed.connect(lambda notice: said.append(notice.sentence))
    known = dict(controller.catalogue.methods)
    controller.catalogue.methods = {}
    settings.ask()
    controller.catalogue.methods = known or {METHOD.name: METHOD}
    controller.set_method(0, ControlSetRef(method="of_a_plugin"))
    settings.ask()
    controller.set_method(0, ControlSetRef(path="/sets/mine.safetensors"))
    settings.ask()
    assert ["as soon as it is open" in said[0], "'Of a plugin'" in said[1], "come from a file" in said[2]] == [True] * 3


@pytest.mark.parametrize(
    ("path", "chosen", "written"),
    [
        ("/sets/age", "Adapter, kohya's keys (*.kohya.safetensors)", "/sets/age.kohya.safetensors"),
        (
            "/sets/age.safetensors",
            "Adapter, diffusers' keys (*.diffusers.safetensors)",
            "/sets/age.diffusers.safetensors",
        ),
        ("/sets/age.kohya.safetensors", "Control set (*.safetensors)", "/sets/age.kohya.safetensors"),
        ("/sets/age.safetensors", "Control set (*.safetensors)", "/sets/age.safetensors"),
        ("/sets/age.v2", "Control set (*.safetensors)", "/sets/age.v2.safetensors"),
    ],
)
def test_a_change_of_weights_may_be_saved_as_an_adapter(
    path: str, chosen: str, written: str, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And directions are no format of it; the end of a name is that of the format that was chosen."""
    offered, plain = list[str](), quiet.controls

    def of_weights(asked: ControlSetRef) -> ControlSetCard:
        card = plain(asked)
        return msgspec.structs.replace(
            card, controls=tuple(msgspec.structs.replace(one, space="weights") for one in card.controls)
        )

    monkeypatch.setattr(quiet, "controls", of_weights)
    controller, client = controller_on()
    window = QMainWindow()
    qtbot.addWidget(window)
    actions = ActionTable(window)
    OwnSets(controller, actions, Settings(), window)

    def ask(*given: str) -> tuple[str, str]:
        offered.append(given[-1])
        return path, chosen

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    actions["save_controls"].trigger()
    asked = client.sent[-1]
    assert isinstance(asked, SaveControls)
    assert asked.path == written
    assert "*.kohya.safetensors" in offered[0]
    assert "npz" not in offered[0]


def test_a_folder_is_chosen_among_folders(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    setting = SettingCard(name="folder", title="Picture pairs", default="", kind="folder")
    made = MethodDialog(msgspec.structs.replace(METHOD, settings=(setting,)), CARD, ControlSetRef(method="voynov", k=1))
    qtbot.addWidget(made)
    field = made.settings.fields["folder"]
    (browse,) = field.findChildren(QToolButton)
    for chosen, expected in (("/pairs/age", "/pairs/age"), ("", "/pairs/age")):  # the second time it is cancelled
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, chosen=chosen: chosen)
        browse.click()
        assert dict(made.controls().settings) == {"folder": expected}


def test_a_dialog_of_many_settings_fits_the_screen(qtbot: QtBot) -> None:
    """Its buttons are in sight, and the fields scroll to the one that is used."""
    many = tuple(SettingCard(name=f"s{number}", title=f"Setting {number}", default="") for number in range(60))
    made = MethodDialog(msgspec.structs.replace(METHOD, settings=many), CARD, ControlSetRef(method="voynov", k=1))
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    room = made.screen().availableGeometry().height()
    assert made.height() < room
    buttons = [one for one in made.findChildren(QPushButton) if one.text() == "Find controls"]
    assert buttons[0].mapTo(made, buttons[0].rect().bottomLeft()).y() < made.height()
    last = made.settings.fields["s59"]
    made.settings.fields["s58"].setFocus()
    QTest.keyClick(made.settings.fields["s58"], Qt.Key.Key_Tab)
    qtbot.waitUntil(lambda: not last.visibleRegion().isEmpty())


def test_a_dialog_scrolls_only_where_it_has_to(dialog: MethodDialog, qtbot: QtBot) -> None:
    """Also where it is higher than the two thirds of a screen that Qt would give it."""
    some = tuple(SettingCard(name=f"s{number}", title=f"Setting {number}", default="") for number in range(20))
    higher = MethodDialog(msgspec.structs.replace(METHOD, settings=some), CARD, ControlSetRef(method="voynov", k=1))
    qtbot.addWidget(higher)
    assert 0.67 < higher.height() / higher.screen().availableGeometry().height() < 0.95
    for shown in (dialog, higher):
        shown.show()
        qtbot.waitExposed(shown)
        (area,) = shown.findChildren(Scrolled)
        assert area.verticalScrollBar().maximum() == 0
