"""Files of other programs in the window: asked about, imported, refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from PySide6.QtWidgets import QComboBox, QDialog, QFileDialog, QLabel, QMainWindow, QWidget
from pytestqt.qtbot import QtBot
from quiet import CARD, QuietClient, controller_on

from explorer.scene.cards import SettingCard
from explorer.scene.imports import ImportCard
from explorer.scene.model import ControlSetRef, ModelRef, StoredLatent
from explorer.service import replies
from explorer.service.replies import PathRead, Refused
from explorer.service.requests import DescribeFile, OpenModel, ReadPath
from explorer.ui.files.files import CONTROLS_FILTER, Files
from explorer.ui.files.import_dialog import ImportDialog
from explorer.ui.look.number_line import NumberLine
from explorer.ui.look.numbers import DecimalField
from explorer.ui.state.controller import Controller
from explorer.ui.state.settings import Settings

pytestmark = pytest.mark.gui
SPACE = SettingCard(name="space", title="Space", default="", choices=("z", "w"), help="Where they were found.")
SCALE = SettingCard(name="eps", title="Step", default=0.2, low=0.0, high=10.0, help="How far one step goes.")
LAYERS = SettingCard(name="layers", title="Layers", default="", kind="layers", empty="all")
HELD = ImportCard(
    title="PDETraversal", text="16 controls of width 4", questions=(SPACE, LAYERS, SCALE), unknown=("Who knows.",)
)
PATHS = ImportCard(title="Latent paths", text="3 paths of width 4", holds="path", questions=(SPACE,))


class Desk:
    def __init__(self, qtbot: QtBot) -> None:
        self.controller, self.client = controller_on()
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.files = Files(self.controller, Settings(), self.window)
        self.said: list[str] = []
        self.controller.noticed.connect(lambda notice: self.said.append(notice.sentence))

    @property
    def shown(self) -> ControlSetRef:
        return self.controller.scene.panes[0].controls


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    return Desk(qtbot)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    (tmp_path / "checkpoint.pt").write_bytes(b"x")
    return tmp_path / "checkpoint.pt"


def _answer(monkeypatch: pytest.MonkeyPatch, space: str | None) -> list[ImportDialog]:
    """From now on somebody chooses ``space`` in every dialog and imports; None: they cancel."""
    seen: list[ImportDialog] = []

    def execute(dialog: ImportDialog) -> int:
        seen.append(dialog)
        if space is None:
            return QDialog.DialogCode.Rejected
        box = dialog.settings.fields["space"]
        assert isinstance(box, QComboBox)
        box.setCurrentText(space)
        dialog.accept()
        return dialog.result()

    monkeypatch.setattr(ImportDialog, "exec", execute)
    return seen


def test_a_dropped_checkpoint_is_asked_about_and_becomes_the_panes_controls(
    desk: Desk, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.client.described = HELD
    _answer(monkeypatch, "w")
    desk.files.open(checkpoint)
    asked = next(one for one in desk.client.sent if isinstance(one, DescribeFile))
    assert (asked.path, asked.may_be_model) == (str(checkpoint), True)
    assert desk.shown.path == str(checkpoint)
    assert desk.shown.settings == (("space", "w"),)
    assert len(desk.shown.digest) == 64
    desk.controller.undo()
    assert desk.shown.method == "latent_axes"


def test_who_cancels_keeps_what_they_had(desk: Desk, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.client.described = HELD
    seen = _answer(monkeypatch, None)
    before = desk.controller.scene
    desk.files.open(checkpoint)
    assert len(seen) == 1
    assert desk.controller.scene == before


def test_what_no_importer_has_is_left_to_the_models(desk: Desk, checkpoint: Path) -> None:
    desk.files.open(checkpoint)
    asked = [one for one in desk.client.sent if isinstance(one, OpenModel)][-1]
    assert asked.model == ModelRef(path=str(checkpoint))


def test_directions_are_no_model_and_without_one_the_user_is_told(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "smile.npy").write_bytes(b"x")
    desk = Desk(qtbot)
    desk.client.send = lambda request: desk.client.sent.append(request)  # type: ignore[method-assign]
    desk.files.open(tmp_path / "smile.npy")
    asked = desk.client.sent[-1]
    assert isinstance(asked, DescribeFile)
    assert not asked.may_be_model
    empty = Controller(QuietClient)
    files = Files(empty, Settings(), desk.window)
    said: list[str] = []
    empty.noticed.connect(lambda notice: said.append(notice.sentence))
    files.open(tmp_path / "smile.npy")
    assert said == ["Open the model that 'smile.npy' belongs to first, then the file itself."]


def test_a_refusal_is_one_sentence_and_belongs_to_the_newest_file(desk: Desk, checkpoint: Path) -> None:
    desk.client.described = None
    desk.client.send = lambda request: desk.client.sent.append(request)  # type: ignore[method-assign]
    desk.files.importing.open(checkpoint)
    old = desk.client.sent[-1]
    desk.files.importing.open(checkpoint)
    new = desk.client.sent[-1]
    assert isinstance(old, DescribeFile)
    assert isinstance(new, DescribeFile)
    assert not new.may_be_model
    desk.client.reply(Refused(request_id=old.request_id, sentence="Old."))
    desk.client.reply(Refused(request_id=new.request_id, sentence="It is of width 5."))
    assert desk.said == ["It is of width 5."]


def test_an_answer_for_a_model_that_is_gone_asks_nobody(
    desk: Desk, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = _answer(monkeypatch, "w")
    desk.client.send = lambda request: desk.client.sent.append(request)  # type: ignore[method-assign]
    desk.files.open(checkpoint)
    number = desk.client.sent[-1].request_id  # type: ignore[union-attr]
    other = msgspec.structs.replace(desk.controller.scene, model=ModelRef(path="other"))
    desk.controller.load(other)
    desk.client.reply(replies.FileDescribed(request_id=number, card=HELD))
    assert seen == []


def test_the_next_engine_is_asked_again(desk: Desk, checkpoint: Path) -> None:
    desk.client.send = lambda request: desk.client.sent.append(request)  # type: ignore[method-assign]
    desk.files.open(checkpoint)
    first = desk.client.sent[-1]
    desk.client.reply(replies.EngineLost(sentence="Gone.", restarting=True))
    again = [one for one in desk.client.sent if isinstance(one, DescribeFile)]
    assert [one.path for one in again] == [str(checkpoint)] * 2
    assert again[1].request_id != first.request_id  # type: ignore[union-attr]


def test_a_path_becomes_the_film(desk: Desk, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> None:
    desk.client.described = PATHS
    _answer(monkeypatch, "z")
    points = tuple(StoredLatent("z", (4,), bytes([0] * 15 + [index])) for index in range(3))
    with qtbot.waitSignal(desk.files.film_opened):
        desk.files.open(checkpoint)
        asked = desk.client.sent[-1]
        assert isinstance(asked, ReadPath)
        assert asked.answers == (("space", "z"),)
        desk.client.reply(PathRead(request_id=asked.request_id, points=points))
    track = desk.controller.scene.timeline.origin
    assert [key.origin for key in track.keys] == list(points)
    assert desk.controller.scene.origin == points[0]
    desk.controller.undo()
    assert desk.controller.scene.timeline.origin.keys == ()


def test_the_dialog_to_open_control_sets_takes_what_others_wrote(
    desk: Desk, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for suffix in (".safetensors", ".npz", ".npy", ".pt", ".pth", ".pkl", ".csv"):
        assert f"*{suffix}" in CONTROLS_FILTER.split(";;")[0]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(checkpoint), ""))
    desk.client.send = lambda request: desk.client.sent.append(request)  # type: ignore[method-assign]
    desk.files.ask_controls()
    asked = desk.client.sent[-1]
    assert isinstance(asked, DescribeFile)
    assert not asked.may_be_model
    desk.files.ask_model()
    assert isinstance(desk.client.sent[-1], OpenModel)


def test_the_question_says_what_is_held_and_waits_for_what_is_open(qtbot: QtBot) -> None:
    dialog = ImportDialog("checkpoint.pt", HELD, CARD)
    qtbot.addWidget(dialog)
    dialog.show()
    texts = " ".join(label.text() for label in dialog.findChildren(QLabel))
    assert "PDETraversal: 16 controls of width 4, for toy." in texts
    assert "Who knows." in texts
    box = dialog.settings.fields["space"]
    assert isinstance(box, QComboBox)
    assert (box.currentIndex(), box.placeholderText()) == (-1, "Choose…")
    dialog.accept()
    assert dialog.isVisible()
    remark = dialog.findChild(QLabel, "remark")
    assert isinstance(remark, QWidget)
    box.setCurrentText("w")
    assert not remark.isVisible()
    layers = dialog.settings.fields["layers"]
    assert isinstance(layers, NumberLine)
    layers.setText("two")
    dialog.accept()
    assert dialog.isVisible()
    layers.setText("1-2")
    step = dialog.settings.fields["eps"]
    assert isinstance(step, DecimalField)
    step.setValue(0.5)
    dialog.accept()
    assert dialog.result() == QDialog.DialogCode.Accepted
    assert dialog.answers() == (("space", "w"), ("layers", "1-2"), ("eps", 0.5))
