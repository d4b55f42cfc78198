"""The dialog of a refusal offers what the file is good for, and the window does it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot
from quiet import QuietClient, controller_on

from explorer.scene.cards import FamilyVerdict, FileUse
from explorer.scene.model import ModelRef
from explorer.service.requests import DescribeFile, OpenModel
from explorer.ui.files.files import Files
from explorer.ui.files.refusal_dialog import USES, RefusalDialog
from explorer.ui.state.controller import Controller
from explorer.ui.state.settings import Settings

pytestmark = pytest.mark.gui
REASONS = (
    FamilyVerdict(family="vae", title="VAE", reason="It has no decoder."),
    FamilyVerdict(family="", title="theirs", reason="It cannot be imported."),
)


class Desk:
    """A dialog that was asked about one file, and the files behind it."""

    def __init__(self, qtbot: QtBot, use: FileUse | None, controller: Controller | None = None) -> None:
        made, self.client = controller_on()
        self.controller = controller or made
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.files = Files(self.controller, Settings(), self.window)
        self.dialog = RefusalDialog(
            self.controller, ModelRef(path="odd"), "'odd' is no model.", REASONS, self.window, use
        )
        self.dialog.used.connect(self.files.use)

    def press(self) -> None:
        assert self.dialog.use is not None
        self.dialog.use.click()


def test_a_file_that_is_good_for_nothing_has_no_button_and_a_failed_plugin_is_not_offered(qtbot: QtBot) -> None:
    desk = Desk(qtbot, None)
    assert desk.dialog.use is None
    assert [button.objectName() for button in desk.dialog.buttons] == ["vae"]


def test_reasons_of_many_families_fit_a_small_screen(qtbot: QtBot) -> None:
    many = tuple(FamilyVerdict(family=f"f{n}", title=f"family {n}", reason="It is not this. " * 6) for n in range(40))
    window = QMainWindow()
    qtbot.addWidget(window)
    dialog = RefusalDialog(controller_on()[0], ModelRef(path="odd"), "'odd' is no model.", many, window)
    assert dialog.sizeHint().height() < 650


def test_a_direction_is_imported(qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "age.npy"
    path.write_bytes(b"x")
    desk = Desk(qtbot, FileUse(kind="controls", path=str(path)))
    desk.press()
    described = [one for one in desk.client.sent if isinstance(one, DescribeFile)]
    assert [(one.path, one.may_be_model) for one in described] == [(str(path), False)]


def test_a_part_opens_the_whole(qtbot: QtBot, tmp_path: Path) -> None:
    desk = Desk(qtbot, FileUse(kind="model", path=str(tmp_path)))
    desk.press()
    assert [one.model.path for one in desk.client.sent if isinstance(one, OpenModel)][-1] == str(tmp_path)


def test_a_scene_is_opened(qtbot: QtBot, tmp_path: Path) -> None:
    desk = Desk(qtbot, FileUse(kind="scene", path=str(tmp_path / "a.scene.json")))
    assert desk.files.save_scene_to(tmp_path / "a.scene.json")
    scene = desk.controller.scene
    desk.controller.set_seed(99)
    desk.press()
    assert desk.controller.scene == scene


def test_a_classifier_reads_attributes(qtbot: QtBot) -> None:
    desk = Desk(qtbot, FileUse(kind="attributes", path="/c.onnx"))
    with qtbot.waitSignal(desk.files.attributes_wanted, timeout=1000) as heard:
        desk.press()
    assert heard.args == ["/c.onnx"]


@pytest.mark.parametrize("kind", USES)
def test_what_needs_a_model_waits_for_one(qtbot: QtBot, kind: str) -> None:
    bare = Controller(QuietClient)
    desk = Desk(qtbot, FileUse(kind=kind, path="/x"), bare)  # type: ignore[arg-type]
    assert desk.dialog.use is not None
    assert desk.dialog.use.isEnabled() == (kind in ("scene", "model"))
