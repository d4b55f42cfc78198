"""The row of models that read text, and the sampler of diffusion models."""

from __future__ import annotations

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from quiet import CARD, controller_on

from explorer.scene.model import Condition, Quality
from explorer.ui.state.controller import Controller
from explorer.ui.window.prompt_row import PromptRow
from explorer.ui.window.steps_field import StepsField

pytestmark = pytest.mark.gui
READS = msgspec.structs.replace(
    CARD, capabilities=("steps", "prompt"), guidance=7.5, samplers=("pndm", "ddim", "unipc"), sampler="PNDM"
)


@pytest.fixture
def shown(qtbot: QtBot) -> tuple[Controller, PromptRow]:
    controller, _ = controller_on(card=READS)
    row = PromptRow(controller)
    qtbot.addWidget(row)
    row.show()
    row.activateWindow()
    return controller, row


def enter(row: PromptRow, text: str) -> None:
    """As a hand does, in the line that has the focus."""
    line = row.focusWidget()
    assert line is not None
    QTest.keyClicks(line, text)
    QTest.keyClick(line, Qt.Key.Key_Return)


def test_a_prompt_is_taken_on_enter_and_is_one_step_of_undo(shown: tuple[Controller, PromptRow]) -> None:
    controller, row = shown
    before = controller.scene
    row.prompt.setFocus()
    QTest.keyClicks(row.prompt, "a red cat")
    assert controller.scene == before
    QTest.keyClick(row.prompt, Qt.Key.Key_Return)
    assert controller.scene.condition == Condition(prompt="a red cat")
    controller.undo()
    assert controller.scene == before
    assert row.prompt.text() == ""
    controller.redo()
    assert row.prompt.text() == "a red cat"


def test_the_other_texts_and_guidance_stay(shown: tuple[Controller, PromptRow]) -> None:
    controller, row = shown
    controller.set_condition(Condition(prompt="a cat", negative_prompt="blue", classes=((1, 1.0),)), "Prompt")
    assert (row.prompt.text(), row.negative.text(), row.guidance.value()) == ("a cat", "blue", 7.5)
    row.guidance.setValue(3.0)
    assert controller.scene.condition.guidance == 3.0
    row.negative.setText("grey")
    row.negative.editingFinished.emit()
    assert controller.scene.condition == Condition(
        prompt="a cat", negative_prompt="grey", guidance=3.0, classes=((1, 1.0),)
    )
    row.guidance.setValue(7.5)  # the model's own is kept as such
    assert controller.scene.condition.guidance is None


def test_escape_brings_the_text_of_the_scene_back(shown: tuple[Controller, PromptRow]) -> None:
    controller, row = shown
    controller.set_condition(Condition(prompt="a cat"), "Prompt")
    row.prompt.setFocus()
    QTest.keyClicks(row.prompt, " that sleeps")
    QTest.keyClick(row.prompt, Qt.Key.Key_Escape)
    assert row.prompt.text() == "a cat"
    assert controller.scene.condition.prompt == "a cat"


def test_what_is_being_typed_stays_while_something_else_changes(shown: tuple[Controller, PromptRow]) -> None:
    controller, row = shown
    row.prompt.setFocus()
    QTest.keyClicks(row.prompt, "a red")
    controller.set_steps(20)
    assert row.prompt.text() == "a red"


def test_the_row_is_hidden_for_models_that_read_no_text(qtbot: QtBot) -> None:
    controller, _ = controller_on()
    row = PromptRow(controller)
    qtbot.addWidget(row)
    assert row.isHidden()


def test_a_sampler_is_chosen_and_the_models_own_is_kept_as_such(shown: tuple[Controller, PromptRow]) -> None:
    controller, row = shown
    box = row.steps.sampler
    assert [box.itemText(index) for index in range(box.count())] == ["PNDM", "DDIM", "UniPC"]
    assert box.currentText() == "PNDM"
    box.setCurrentIndex(2)
    box.activated.emit(2)
    assert controller.scene.quality == Quality(sampler="unipc")
    controller.undo()
    assert box.currentText() == "PNDM"
    box.activated.emit(0)
    assert controller.scene.quality == Quality()


def test_models_of_one_sampler_show_no_choice(qtbot: QtBot) -> None:
    controller, _ = controller_on()
    field = StepsField(controller)
    qtbot.addWidget(field)
    assert field.show_values()
    assert field.sampler.isHidden()
