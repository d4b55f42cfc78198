"""The class of a conditional model, chosen in the tool bar."""

from __future__ import annotations

import msgspec
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from quiet import CARD, controller_on

from explorer.scene.model import Blend, Condition, Pane, Seed, StoredLatent
from explorer.ui.state.controller import Controller
from explorer.ui.window.class_field import ClassField

pytestmark = pytest.mark.gui


@pytest.fixture
def shown(qtbot: QtBot) -> tuple[Controller, ClassField]:
    controller, _ = controller_on(card=msgspec.structs.replace(CARD, classes=3))
    field = ClassField(controller)
    qtbot.addWidget(field)
    assert field.show_values()
    return controller, field


def choose(field: ClassField, text: str) -> None:
    """As a user does."""
    index = field.box.findText(text)
    field.box.setCurrentIndex(index)
    field.box.activated.emit(index)
    field.show_values()


def test_a_chosen_class_is_part_of_the_scene_and_one_step_of_undo(shown: tuple[Controller, ClassField]) -> None:
    controller, field = shown
    assert [field.box.itemText(index) for index in range(field.box.count())] == ["by seed", "0", "1", "2"]
    before = controller.scene
    choose(field, "2")
    assert controller.scene.condition == Condition(classes=((2, 1.0),))
    assert controller.scene.start_of().condition.classes == ((2, 1.0),)
    controller.undo()
    assert controller.scene == before
    field.show_values()
    assert field.box.currentText() == "by seed"
    controller.redo()
    choose(field, "by seed")
    assert controller.scene.condition == Condition()


def test_a_prompt_stays_when_a_class_is_chosen(shown: tuple[Controller, ClassField]) -> None:
    controller, field = shown
    controller.set_condition(Condition(prompt="a face", guidance=3.0), "Prompt")
    choose(field, "1")
    assert controller.scene.condition == Condition(prompt="a face", guidance=3.0, classes=((1, 1.0),))


def test_several_classes_are_called_a_blend(shown: tuple[Controller, ClassField]) -> None:
    controller, field = shown
    controller.set_condition(Condition(classes=((0, 0.5), (2, 0.5))), "Classes")
    field.show_values()
    assert field.box.currentText() == "blend"
    choose(field, "blend")
    assert controller.scene.condition.classes == ((0, 0.5), (2, 0.5))
    choose(field, "0")
    assert (field.box.currentText(), field.box.findText("blend")) == ("0", -1)


def test_a_pane_with_a_condition_of_its_own_keeps_to_it(shown: tuple[Controller, ClassField]) -> None:
    controller, field = shown
    own = Pane(controls=controller.scene.panes[0].controls, condition=Condition(classes=((1, 1.0),)))
    scene = msgspec.structs.replace(controller.scene, panes=(*controller.scene.panes, own), selected=1)
    controller.load(scene, "Two")
    field.show_values()
    assert field.box.currentText() == "1"
    choose(field, "2")
    assert [controller.scene.condition_of(pane).classes for pane in (0, 1)] == [(), ((2, 1.0),)]


@pytest.mark.parametrize(
    ("origin", "is_free"),
    [
        (Seed(3), True),
        (StoredLatent("z", (4,), bytes(16)), True),
        (StoredLatent("w", (4,), bytes(16)), False),
        (Blend((Seed(1), StoredLatent("w", (4,), bytes(16))), (0.5, 0.5)), False),
    ],
)
def test_a_point_behind_its_class_has_none_to_choose(
    shown: tuple[Controller, ClassField], origin: Seed | StoredLatent | Blend, is_free: bool
) -> None:
    controller, field = shown
    controller.set_origin(origin, "Elsewhere")
    assert field.show_values()
    assert field.box.isEnabled() == is_free
    assert ("stored point" in field.box.toolTip()) != is_free


def test_models_without_classes_have_no_field(qtbot: QtBot) -> None:
    controller, _ = controller_on()
    field = ClassField(controller)
    qtbot.addWidget(field)
    assert not field.show_values()


def test_no_seed_draws_the_class_of_a_stored_point(shown: tuple[Controller, ClassField]) -> None:
    controller, field = shown

    def start(origin: Seed | StoredLatent) -> str:
        controller.load(msgspec.structs.replace(controller.scene, origin=origin), "Start")
        field.show_values()
        return field.box.currentText()

    seen = []
    for origin in (Seed(3), StoredLatent("z", (4,), bytes(16)), StoredLatent("w", (4,), bytes(16)), Seed(3)):
        seen.append((start(origin), field.box.itemText(0), field.box.model().flags(field.box.model().index(0, 0))))
    selectable = [bool(flags & Qt.ItemFlag.ItemIsEnabled) for *_, flags in seen]
    assert [(text, first) for text, first, _ in seen] == [
        ("by seed", "by seed"), ("0", "by seed"), ("stored", "stored"), ("by seed", "by seed"),
    ]  # fmt: skip
    assert selectable == [True, False, True, True]
    start(StoredLatent("z", (4,), bytes(16)))
    choose(field, "2")
    assert (field.box.currentText(), controller.scene.condition.classes) == ("2", ((2, 1.0),))
