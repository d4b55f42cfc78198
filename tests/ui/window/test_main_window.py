"""The whole window on a quiet client: what it shows first, banners, dropped files, saving, closing."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox, QToolButton, QWidget
from pytestqt.qtbot import QtBot
from quiet import CARD, MODEL, QuietClient

from explorer.export.options import ExportKind, ExportOptions
from explorer.export.provenance import FrameDigests, Provenance
from explorer.export.stills import write_png
from explorer.export.video import write_mp4
from explorer.files import state_folder
from explorer.scene.cards import FamilyVerdict, FileUse, ModelCard
from explorer.scene.defaults import FIRST_MODEL
from explorer.scene.editing import edit_of, side_by_side, with_edit
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Quality, Scene, Seed
from explorer.scene.store import encode_scene, load_scene, save_scene
from explorer.scene.timeline import set_amount_key
from explorer.service.replies import EngineLost, EngineSilent, Exported, JobProgress, ModelList, Ready, Refused, Stopped
from explorer.service.requests import Cancel, DrawSamples, FindControls, OpenModel
from explorer.ui.actions.action_rows import ACTIONS
from explorer.ui.actions.actions import ActionTable
from explorer.ui.files.refusal_dialog import RefusalDialog
from explorer.ui.state.controller import Controller
from explorer.ui.state.notice import Notice
from explorer.ui.state.session import Restored, Session
from explorer.ui.state.settings import Settings
from explorer.ui.window.docks import DOCKS, ROW_WIDTH
from explorer.ui.window.main_window import MainWindow
from explorer.ui.window.stage import LEAST_WIDTH
from explorer.ui.window.toast import Toast
from explorer.ui.window.tool_bar import SPREAD_NARROW, SPREAD_WIDTH

pytestmark = pytest.mark.gui
READY = Ready(version=1, pid=1, device="cpu", precision="float32")


class Desk:
    """A window as the program opens it, but for the engine."""

    def __init__(self, models: tuple[ModelCard, ...] | None = (CARD,)) -> None:
        """``models``: that the engine lists at once; None leaves that to the test."""
        self.client: QuietClient
        self._models = models
        self.session = Session()
        self.restored = self.session.begin()
        self.controller = Controller(self._connect)
        self.window = MainWindow(self.controller, Settings(), self.session)
        self.window.show()

    def _connect(self, on_reply: object) -> QuietClient:
        self.client = QuietClient(on_reply)  # type: ignore[arg-type]
        self.client.models = self._models
        return self.client

    def begin(self, scene: Path | None = None, restored: Restored | None = None) -> None:
        self.client.reply(READY)
        self.window.begin(None, scene, restored or self.restored)

    def close(self) -> None:
        self.window.close_unasked()
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def desk(qapp: QApplication) -> Iterator[Desk]:
    made = Desk()
    yield made
    made.close()


def test_the_first_shipped_model_opens_by_itself(desk: Desk) -> None:
    assert desk.window.stage.currentWidget() is desk.window.empty
    desk.begin()
    assert desk.controller.scene.model == ModelRef(path="toy", fingerprint=CARD.fingerprint)
    assert desk.window.stage.currentWidget() is desk.window.canvas
    assert not desk.controller.undo_stack.canUndo()
    assert desk.window.table["compare"].isEnabled()


def test_a_newcomer_sees_the_faces_first(qapp: QApplication) -> None:
    desk = Desk((CARD, msgspec.structs.replace(CARD, name=FIRST_MODEL)))
    desk.begin()
    asked_for = [asked.model.path for asked in desk.client.sent if isinstance(asked, OpenModel)]
    desk.close()
    assert asked_for == [FIRST_MODEL]


def test_a_window_that_was_narrow_gives_its_panels_their_width_back(qtbot: QtBot, desk: Desk) -> None:
    desk.begin()
    desk.window.resize(1440, 900)
    QApplication.processEvents()
    docks = [desk.window.docks[name] for name in ("models", "controls")]
    widths = [dock.width() for dock in docks]
    desk.window.resize(desk.window.minimumSizeHint().width(), 900)
    qtbot.waitUntil(lambda: docks[1].width() < widths[1])
    assert docks[1].width() >= ROW_WIDTH
    desk.window.resize(1440, 900)
    qtbot.waitUntil(lambda: [dock.width() for dock in docks] == widths)
    desk.window.resizeDocks(docks[1:], [widths[1] - 40], Qt.Orientation.Horizontal)  # as a hand does
    desk.window.resize(1460, 900)
    QApplication.processEvents()
    assert docks[1].width() == widths[1] - 40


@pytest.mark.parametrize(
    "answer", [ModelList(request_id=1, models=()), Refused(request_id=1, sentence="The list cannot be read.")]
)
def test_it_waits_until_the_engine_has_said_which_models_there_are(
    qapp: QApplication, answer: ModelList | Refused
) -> None:
    desk = Desk(models=None)
    desk.window.begin(None, None, None)
    waited = [(desk.window.empty.title.text(), desk.window.empty.button.isVisible())]
    desk.client.reply(READY)
    waited.append((desk.window.empty.title.text(), desk.window.empty.button.isVisible()))
    desk.client.reply(answer)
    waited.append((desk.window.empty.title.text(), desk.window.empty.button.isVisible()))
    desk.close()
    assert waited == [("Starting the engine…", False), ("Loading the model…", False), ("Open a model", True)]


def test_a_narrow_tool_bar_keeps_its_actions_and_drops_what_says_least(qapp: QApplication) -> None:
    desk = Desk((msgspec.structs.replace(CARD, capabilities=("truncation",)),))
    desk.client.card = desk.client.models[0]
    desk.begin()
    bar = desk.window.bar
    for dock in desk.window.docks.values():
        dock.hide()
    qapp.processEvents()
    shown = []
    for width in (2000, *sorted(bar._needs, reverse=True)):
        desk.window.resize(width, 700)
        qapp.processEvents()
        assert bar.width() == width
        assert all(button.isVisibleTo(bar) for button in bar._buttons)
        assert bar._more.isHidden()
        shown.append((bar._buttons[0].toolButtonStyle(), bar._captions[1].isVisibleTo(bar), bar.spread.width()))
    with_text, alone = Qt.ToolButtonStyle.ToolButtonTextBesideIcon, Qt.ToolButtonStyle.ToolButtonIconOnly
    assert shown[0] == shown[1] == (with_text, True, SPREAD_WIDTH)
    assert shown[2:4] == [(alone, True, SPREAD_WIDTH), (alone, False, SPREAD_WIDTH)]
    assert shown[4] == (alone, False, SPREAD_NARROW)
    desk.window.resize(min(bar._needs) - 60, 700)
    qapp.processEvents()
    assert bar._more.isVisibleTo(bar)  # what is left over is behind it
    desk.close()


@pytest.mark.parametrize("panel", ["timeline", "label"])
def test_the_window_can_be_as_narrow_as_half_a_screen(qtbot: QtBot, desk: Desk, panel: str) -> None:
    desk.begin()
    desk.window.docks[panel].show()
    desk.window.docks[panel].raise_()
    qtbot.waitUntil(lambda: desk.window.docks[panel].widget().isVisible())
    least = ROW_WIDTH + LEAST_WIDTH + desk.window.docks["bookmarks"].minimumSizeHint().width() + 20
    assert desk.window.minimumSizeHint().width() <= max(least, 760)


def test_the_canvas_has_the_keys_once_the_model_is_open(qtbot: QtBot, desk: Desk) -> None:
    desk.window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is desk.window.empty)
    desk.begin()
    assert QApplication.focusWidget() is desk.window.canvas


def test_who_has_begun_to_type_keeps_the_keys(qtbot: QtBot, desk: Desk) -> None:
    desk.window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is not None)
    desk.window.controls.filter.setFocus()
    desk.begin()
    assert QApplication.focusWidget() is desk.window.controls.filter


def test_actions_that_need_a_picture_wait_for_one(desk: Desk) -> None:
    for row, action in desk.window.table.bound():
        if row.needs_model:
            assert not action.isEnabled(), row.key


def test_every_row_of_the_table_has_a_handler_and_a_place(desk: Desk) -> None:
    rows = (*ACTIONS, *(action for row in DOCKS for action in row.actions))
    assert [row.key for row, _ in desk.window.table.bound()] == [row.key for row in rows]
    menus = desk.window.menuBar().actions()
    listed = {action.objectName() for menu in menus for action in menu.menu().actions()}  # type: ignore[union-attr]
    assert {row.key for row in rows} <= listed
    shortcuts = [row.shortcut for row in rows if row.shortcut]
    assert len(shortcuts) == len(set(shortcuts))


def test_an_unbound_row_is_nowhere(qtbot: QtBot, desk: Desk) -> None:
    table = ActionTable(desk.window)
    table.bind("undo", desk.controller.undo)
    assert [row.key for row, _ in table.bound()] == ["undo"]


def test_the_last_session_comes_back_quietly(desk: Desk) -> None:
    desk.begin(restored=Restored(Scene(model=MODEL, origin=Seed(12)), crashed=False))
    assert desk.controller.scene.origin == Seed(12)
    assert desk.window.toasts.sentences() == []


def test_a_crashed_session_says_so_and_offers_a_new_scene(desk: Desk) -> None:
    desk.begin(restored=Restored(Scene(model=MODEL, origin=Seed(12)), crashed=True))
    assert desk.controller.scene.origin == Seed(12)
    assert "Restored your last session" in desk.window.toasts.sentences()[0]
    button = next(b for b in desk.window.toasts.findChildren(QToolButton) if b.text() == "New scene")
    button.click()
    assert desk.controller.scene.origin == Seed(0)
    assert desk.window.toasts.sentences() == []


def test_a_lost_engine_is_said_until_it_is_back(desk: Desk) -> None:
    desk.begin()
    desk.controller.set_seed(7)
    desk.client.reply(EngineLost(sentence="The engine stopped (killed by signal 9).", restarting=True))
    assert "being restarted" in desk.window.toasts.sentences()[0]
    assert desk.window.status.state.text() == "engine restarting…"
    desk.client.reply(READY)
    assert desk.window.toasts.sentences() == ["The engine is back; nothing was lost."]
    assert desk.window.status.state.text() == "engine ready"
    assert desk.controller.scene.origin == Seed(7)


def test_an_engine_that_stays_down_can_be_restarted(desk: Desk) -> None:
    desk.begin()
    desk.client.reply(EngineLost(sentence="The engine stopped.", restarting=False))
    assert any(b.defaultAction() is desk.window.table["restart_engine"] for b in _buttons(desk))
    assert desk.window.status.state.text() == "engine stopped"
    desk.window.table["restart_engine"].trigger()
    assert desk.window.status.state.text() == "engine restarting…"


def test_a_window_without_a_picture_waits_for_no_engine_that_is_not_coming(qapp: QApplication) -> None:
    desk = Desk(models=None)
    desk.client.answers_models = False
    desk.window.begin("toy", None, None)
    told = [desk.window.empty.title.text()]
    for restarting in (True, False):
        desk.client.reply(EngineLost(sentence="The engine could not start.", restarting=restarting))
        told.append(desk.window.empty.title.text())
    assert not desk.window.empty.bar.isVisible()
    desk.window.table["restart_engine"].trigger()
    told.append(desk.window.empty.title.text())
    desk.client.reply(READY)
    told.append(desk.window.empty.title.text())
    state = desk.window.status.state.text()
    desk.close()
    begins = "Starting the engine…"
    assert told == [begins, begins, "The engine is not running", begins, "Loading the model…"]
    assert state == "opening toy…"


def test_an_engine_that_does_not_start_is_said_until_it_is_there(desk: Desk) -> None:
    desk.client.reply(EngineSilent(sentence="The engine has not started."))
    assert desk.window.toasts.sentences() == ["The engine has not started."]
    assert any(b.defaultAction() is desk.window.table["restart_engine"] for b in _buttons(desk))
    desk.client.reply(READY)
    assert desk.window.toasts.sentences() == ["The engine is back; nothing was lost."]


def _buttons(desk: Desk) -> list[QToolButton]:
    return desk.window.toasts.findChildren(QToolButton)


def test_a_wrong_file_is_one_dismissable_sentence_and_the_model_stays(desk: Desk, tmp_path: Path) -> None:
    desk.begin()
    desk.client.answers_models = False
    foreign = tmp_path / "foreign.pt"
    foreign.write_bytes(b"x")
    scene = desk.controller.scene
    drop(desk, foreign)
    asked = desk.client.sent[-1]
    assert isinstance(asked, OpenModel)
    assert asked.model.path == str(foreign)
    desk.client.reply(Refused(request_id=asked.request_id, sentence="'foreign.pt' is no model."))
    assert desk.window.toasts.sentences() == ["'foreign.pt' is no model."]
    assert desk.controller.scene == scene
    next(b for b in _buttons(desk) if b.toolTip() == "Dismiss").click()
    assert desk.window.toasts.sentences() == []


def test_of_models_that_were_refused_the_last_is_told_until_one_opens(desk: Desk, tmp_path: Path) -> None:
    desk.begin()
    toasts, client = desk.window.toasts, desk.client
    desk.controller.say("The pictures may differ.", "warning")
    for name in ("first.pt", "second.pt"):
        client.answers_models = False
        (tmp_path / name).write_bytes(b"x")
        drop(desk, tmp_path / name)
        client.reply(Refused(request_id=client.sent[-1].request_id, sentence=f"'{name}' is no model."))
    assert toasts.sentences() == ["The pictures may differ.", "'second.pt' is no model."]
    newest, oldest = (next(one for one in toasts.findChildren(Toast) if word in one.sentence.text())
                      for word in ("second", "differ"))  # fmt: skip
    assert newest.y() < oldest.y()  # where the window is low there may be room for one
    client.answers_models = True
    desk.controller.set_seed(5)
    assert len(toasts.sentences()) == 2
    desk.controller.open_model("another")
    assert desk.controller.scene.model.path == "another"
    assert toasts.sentences() == ["The pictures may differ."]


def test_what_was_refused_is_over_when_its_file_is_used_otherwise(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.begin()
    path = tmp_path / "classes.onnx"
    path.write_bytes(b"x")
    used: list[FileUse] = []
    monkeypatch.setattr(desk.window.files, "use", used.append)
    verdict = FamilyVerdict(family="onnx", title="ONNX", reason="It makes no pictures.")
    use = FileUse(kind="attributes", path=str(path))
    refused = ModelRef(path=str(path))
    notice = Notice("It is no generator.", "error", refused=refused, reasons=(verdict,), use=use)
    presses: list[Callable[[RefusalDialog], None]] = [RefusalDialog.reject, lambda dialog: dialog.use.click()]

    def answered(dialog: RefusalDialog) -> int:
        presses.pop(0)(dialog)
        return dialog.result()

    monkeypatch.setattr(RefusalDialog, "exec", answered)
    for left in (1, 0):
        desk.controller.noticed.emit(notice)
        next(button for button in _buttons(desk) if button.text() == "Why?").click()
        assert len(desk.window.toasts.sentences()) == left
    assert [use.path for use in used] == [str(path)]


def drop(desk: Desk, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    action, button, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    desk.window.dropEvent(QDropEvent(QPointF(5, 5), action, data, button, keys))


def test_a_dropped_scene_opens_and_can_be_undone(desk: Desk, tmp_path: Path) -> None:
    desk.begin()
    before = desk.controller.scene
    path = tmp_path / "mine.scene.json"
    save_scene(Scene(model=MODEL, origin=Seed(55)), path)
    drop(desk, path)
    assert desk.controller.scene.origin == Seed(55)
    assert desk.window.windowTitle() == "mine.scene.json[*] — Latent Explorer"
    desk.controller.undo()
    assert desk.controller.scene == before


def carrier(path: Path, scene: Scene, kind: ExportKind) -> Path:
    """An exported file as the program writes it, but for its pictures."""
    picture = np.zeros((16, 16, 3), np.uint8)
    record = Provenance(
        torch="", device="cpu", threads=1, batch=1, generators=(), options=ExportOptions(kind=kind),
        frames=FrameDigests(count=1, height=16, width=16, sha256="", block=1, blocks=("",)),
        scene=msgspec.json.decode(encode_scene(scene)),
    )  # fmt: skip
    if kind == "png":
        write_png(path, picture, record)
    else:
        write_mp4(path, iter([picture]), 24, 18, "", lambda: record)
    return path


@pytest.mark.parametrize("kind", ["mp4", "png", "scene"])
@pytest.mark.parametrize("standing", [2.0, 1.234567])
def test_picture_sliders_and_playhead_agree_when_a_file_with_a_timeline_is_opened(
    desk: Desk, tmp_path: Path, kind: str, standing: float
) -> None:
    desk.begin()
    pane = with_edit(desk.controller.scene.panes[0], Edit("hue", standing))
    scene = msgspec.structs.replace(desk.controller.scene, panes=(pane,))
    for time, amount in ((0.0, -1.0), (4.0, 2.0)):
        scene = set_amount_key(scene, 0, "hue", time, amount)
    path = tmp_path / f"a.{kind}.json"
    if kind == "scene":
        save_scene(scene, path)
    else:
        path = carrier(tmp_path / f"a.{kind}", scene, kind)  # type: ignore[arg-type]
    drop(desk, path)
    timeline, row = desk.window.timeline, next(one for one in desk.window.controls.rows() if one.card.name == "hue")
    seen = edit_of(desk.controller.shown_scene.panes[0], "hue").amount
    assert row.slider.value == pytest.approx(seen)
    if standing == 2.0:
        assert (timeline.playhead, seen) == (4.0, 2.0)
    elif kind == "png":  # it is a picture of no moment, and is seen as it was exported
        assert (timeline.header.time.text(), seen) == ("as set", standing)
    else:
        assert (timeline.header.time.text(), seen) == ("0.00 s", -1.0)


def test_a_damaged_scene_is_one_sentence(desk: Desk, tmp_path: Path) -> None:
    desk.begin()
    path = tmp_path / "broken.scene.json"
    path.write_text("{")
    drop(desk, path)
    assert len(desk.window.toasts.sentences()) == 1
    assert "broken.scene.json" in desk.window.toasts.sentences()[0]


def test_saving_clears_the_mark_of_change(desk: Desk, tmp_path: Path) -> None:
    desk.begin()
    path = tmp_path / "a.scene.json"
    assert desk.window.files.save_scene_to(path)
    desk.controller.set_seed(3)
    assert desk.window.isWindowModified()
    assert desk.window.files.save_scene()
    assert not desk.window.isWindowModified()
    assert load_scene(path) == desk.controller.scene


Button = QMessageBox.StandardButton


def answered(monkeypatch: pytest.MonkeyPatch, answer: Button) -> list[str]:
    """Whatever is asked is answered like this; what was asked."""
    questions: list[str] = []

    def question(parent: QWidget, title: str, text: str, *buttons: Button) -> Button:
        questions.append(text)
        return answer

    monkeypatch.setattr(QMessageBox, "question", question)
    return questions


@pytest.mark.parametrize("answer", [Button.Save, Button.Discard, Button.Cancel])
def test_closing_asks_what_becomes_of_unsaved_changes_to_a_file(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Button
) -> None:
    questions = answered(monkeypatch, answer)
    desk.begin()
    path = tmp_path / "mine.scene.json"
    desk.window.files.save_scene_to(path)
    saved = desk.controller.scene
    desk.controller.set_seed(77)
    desk.window.close()
    assert questions == ["'mine.scene.json' has changes that are not saved."]
    assert desk.window.isVisible() == (answer == Button.Cancel)
    assert load_scene(path).origin == (Seed(77) if answer == Button.Save else saved.origin)
    if answer == Button.Cancel:
        return
    again = Desk()
    again.begin()
    # The scene that comes back is that of the file, and belongs to it.
    assert again.controller.scene == load_scene(path)
    assert again.window.windowTitle() == "mine.scene.json[*] — Latent Explorer"
    assert not again.window.isWindowModified()
    again.controller.set_seed(5)
    assert again.window.files.save_scene()
    assert load_scene(path).origin == Seed(5)
    again.close()


def test_what_cannot_be_saved_is_not_closed(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answered(monkeypatch, Button.Save)
    desk.begin()
    folder = tmp_path / "gone"
    folder.mkdir()
    desk.window.files.save_scene_to(folder / "a.scene.json")
    desk.controller.set_seed(77)
    (folder / "a.scene.json").unlink()
    folder.rmdir()
    folder.write_text("a file now")
    desk.window.close()
    assert desk.window.isVisible()
    assert "cannot be written" in desk.window.toasts.sentences()[0]


@pytest.mark.parametrize("scene", ["unnamed", "saved", "undone"])
def test_closing_asks_nothing_where_nothing_is_lost(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scene: str
) -> None:
    questions = answered(monkeypatch, Button.Cancel)
    desk.begin()
    if scene != "unnamed":
        desk.window.files.save_scene_to(tmp_path / "a.scene.json")
    desk.controller.set_seed(3)
    if scene == "saved":
        desk.window.files.save_scene()
    elif scene == "undone":
        desk.controller.undo()
    desk.window.close()
    assert not desk.window.isVisible()
    assert questions == []


def test_a_signal_asks_nothing_and_what_was_not_saved_comes_back_with_its_file(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = answered(monkeypatch, Button.Cancel)
    desk.begin()
    path = tmp_path / "a.scene.json"
    desk.window.files.save_scene_to(path)
    desk.controller.set_seed(77)
    desk.window.close_unasked()
    assert questions == []
    again = Desk()
    again.begin()
    assert again.controller.scene.origin == Seed(77)
    assert again.controller.document.path == path
    assert again.window.isWindowModified()
    assert load_scene(path).origin != Seed(77)
    again.close()


def test_saving_never_writes_one_scene_into_the_file_of_another(desk: Desk, tmp_path: Path) -> None:
    desk.begin()
    first, second = tmp_path / "first.scene.json", tmp_path / "second.scene.json"
    save_scene(Scene(model=MODEL, origin=Seed(2)), second)
    desk.controller.set_seed(1)
    desk.window.files.save_scene_to(first)
    drop(desk, second)
    assert desk.controller.document.path == second
    desk.controller.undo()
    assert desk.controller.document.path == first
    assert not desk.window.isWindowModified()  # it stands there as it is
    assert desk.window.files.save_scene()
    assert (load_scene(first).origin, load_scene(second).origin) == (Seed(1), Seed(2))
    desk.controller.redo()
    assert desk.window.windowTitle().startswith("second")
    desk.window.table["new_scene"].trigger()
    assert desk.controller.document.path is None
    desk.controller.undo()
    assert desk.controller.document.path == second


def test_a_column_that_searches_takes_over_after_a_restart_too(desk: Desk) -> None:
    desk.begin()
    controller = desk.controller
    desk.client.answers_models = False
    sets = [controller.scene.panes[0].controls, ControlSetRef(method="random")]
    controller.apply(side_by_side(controller.scene, sets), "Compare methods")
    controller.move_control(0, "hue", 1.5)
    controller.move_control(0, "size", 1.0)
    controller.undo()
    desk.window.close()
    again = Desk()
    again.begin()  # the search that is asked for again ends
    assert edit_of(again.controller.scene.panes[1], "random hue").amount == 1.5
    assert edit_of(again.controller.scene.panes[1], "random size").amount == 0.0
    again.close()


@pytest.mark.parametrize(
    "left",
    [
        Restored(Scene(model=MODEL, origin=Seed(12)), Path("mine.scene.json"), modified=True),
        Restored(Scene(model=MODEL, origin=Seed(12)), crashed=True),
        Restored(Scene(model=MODEL, origin=Seed(12)), Path("mine.scene.json")),
        Restored(Scene(model=MODEL, origin=Seed(12))),
    ],
)
def test_a_session_that_is_passed_over_leaves_what_it_had_not_saved(desk: Desk, tmp_path: Path, left: Restored) -> None:
    asked = tmp_path / "asked.scene.json"
    save_scene(Scene(model=MODEL, origin=Seed(55)), asked)
    desk.client.reply(READY)
    for model, scene in ((None, asked), ("toy", None)):
        desk.window.begin(model, scene, left)
        assert desk.controller.scene.origin == Seed(55)
    kept = sorted((state_folder() / "unsaved").glob("*"))
    if left.modified or left.crashed:
        assert len(kept) == 2
        assert load_scene(kept[0]) == left.scene
        assert any(str(kept[0]) in sentence for sentence in desk.window.toasts.sentences())
    else:
        assert kept == []


def test_the_playhead_comes_back_with_the_session(desk: Desk) -> None:
    desk.begin()
    controller, timeline = desk.controller, desk.window.timeline
    controller.move_control(0, "azimuth", -1.0)
    timeline.add_key()
    timeline.go_to(4.0)
    controller.move_control(0, "azimuth", 2.0)
    timeline.add_key()
    timeline.go_to(1.25)
    controller.move_control(0, "azimuth", 0.3)
    seen = controller.shown_scene
    desk.window.close()
    again = Desk()
    again.begin()
    assert again.window.timeline.playhead == 1.25
    assert again.controller.shown_scene == seen
    again.window.timeline.go_to(4.0)
    assert edit_of(again.controller.shown_scene.panes[0], "azimuth").amount == 2.0
    again.close()


def test_a_full_or_forbidden_place_is_one_sentence(desk: Desk, tmp_path: Path) -> None:
    desk.begin()
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert not desk.window.files.save_scene_to(blocked / "a.scene.json")
    assert "cannot be written" in desk.window.toasts.sentences()[0]


def test_what_was_refused_is_over_when_something_else_is_done(desk: Desk) -> None:
    controller, toasts = desk.controller, desk.window.toasts
    controller.say("The pictures may differ.", "warning")
    controller.say("That would make a circle.", "refusal")
    controller.select_pane(0)
    assert toasts.sentences() == ["The pictures may differ.", "That would make a circle."]
    controller.say("It is the last variable.", "refusal")
    assert toasts.sentences() == ["The pictures may differ.", "It is the last variable."]
    controller.set_seed(5)
    assert toasts.sentences() == ["The pictures may differ."]
    controller.say("It is the last variable.", "refusal")
    controller.undo()
    assert toasts.sentences() == ["The pictures may differ."]


def test_toasts_do_not_pile_up_or_repeat(desk: Desk) -> None:
    desk.begin()
    for number in (1, 1, 2, 3, 4):
        desk.controller.say(f"Sentence {number}.", "error")
    assert desk.window.toasts.sentences() == ["Sentence 2.", "Sentence 3.", "Sentence 4."]


def test_jobs_are_listed_and_their_end_is_said(desk: Desk) -> None:
    from explorer.export.options import ExportOptions

    desk.begin()
    number = desk.controller.jobs.start_export(desk.controller.scene, "/films/out.mp4", ExportOptions())
    desk.client.reply(JobProgress(request_id=number, title="Exporting out.mp4", share=0.25, remaining=63))
    row = desk.window.jobs._rows[number]
    assert row.state.text() == "25%, 1 min 3 s left"
    assert desk.window.docks["jobs"].windowTitle() == "Jobs (1)"
    desk.client.reply(Exported(request_id=number, path="/films/out.mp4", seconds=2))
    assert row.state.text() == "Done"
    assert desk.window.toasts.sentences() == ["Exported to /films/out.mp4"]


def test_what_an_export_does_not_carry_is_said(desk: Desk) -> None:
    from explorer.export.options import ExportOptions

    desk.begin()
    number = desk.controller.jobs.start_export(desk.controller.scene, "/films/out.mp4", ExportOptions())
    note = "The file does not carry the model '/models/mine' (fingerprint 12ab…); a replay needs it."
    desk.client.reply(Exported(request_id=number, path="/films/out.mp4", seconds=2, note=note))
    assert desk.window.toasts.sentences() == [f"Exported to /films/out.mp4. {note}"]


def test_an_export_that_the_engine_took_along_is_said(desk: Desk) -> None:
    from explorer.export.options import ExportOptions

    desk.begin()
    desk.controller.jobs.start_export(desk.controller.scene, "/films/out.mp4", ExportOptions())
    desk.client.reply(EngineLost(sentence="The engine stopped.", restarting=True))
    assert any("start it again" in sentence for sentence in desk.window.toasts.sentences())


def _search(desk: Desk, method: str) -> int:
    """Have the first pane search with ``method``; the number of the search."""
    desk.client.answers_models = False
    desk.controller.set_method(0, ControlSetRef(method=method))
    return next(asked.request_id for asked in reversed(desk.client.sent) if isinstance(asked, FindControls))


def test_a_failed_search_is_said_in_one_place(desk: Desk) -> None:
    desk.begin()
    panel = desk.window.controls
    desk.client.reply(Refused(request_id=_search(desk, "first"), sentence="Finding failed."))
    assert panel.message.text() == "Finding failed."
    assert desk.window.toasts.sentences() == []
    desk.client.reply(Stopped(request_id=_search(desk, "second")))
    assert "was cancelled" in panel.message.text()
    assert desk.window.toasts.sentences() == []
    # Where the panel does not show it, a strip does: it is closed, or shows another pane.
    desk.window.docks["controls"].hide()
    desk.client.reply(Refused(request_id=_search(desk, "third"), sentence="The third failed."))
    assert desk.window.toasts.sentences() == ["The third failed."]
    desk.window.docks["controls"].show()
    number = _search(desk, "fourth")
    desk.controller.duplicate_pane()
    desk.controller.set_method(1, ControlSetRef(method="fifth"))
    desk.client.reply(Refused(request_id=number, sentence="The fourth failed."))
    assert desk.controller.scene.selected == 1
    assert desk.window.toasts.sentences() == ["The third failed.", "The fourth failed."]


def test_one_line_says_that_a_search_is_under_way(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.ui.state.job_list.WORTH_LISTING", 0.0)
    desk.begin()
    panel = desk.window.controls
    number = _search(desk, "slow")
    assert panel.message.text() == "Finding controls…"
    assert not panel.searching.isVisible()
    desk.client.reply(JobProgress(request_id=number, title="Waiting: Finding controls: Slow", share=0, remaining=-1))
    assert panel.searching.text.text() == "Waiting for another search…"
    assert not panel.message.isVisible()
    desk.client.reply(JobProgress(request_id=number, title="Finding controls: Slow", share=0.85, remaining=-1))
    assert panel.searching.text.text() == "Searching… 85%"
    assert not panel.message.isVisible()
    desk.client.reply(Stopped(request_id=number))
    assert not panel.searching.isVisible()
    assert "cancelled" in panel.message.text()
    # Another search, which is not listed yet.
    _search(desk, "other")
    assert panel.message.isVisible()
    assert panel.message.text() == "Finding controls…"


def test_every_model_action_survives_being_pressed(desk: Desk) -> None:
    desk.begin()
    desk.client.draw()
    asks = {"open_model", "open_folder", "open_scene", "save_scene", "save_scene_as", "open_controls", "export",
            "shortcuts", "quit", "theme_light", "theme_dark", "theme_system", "side_by_side", "save_controls",
            "save_starred", "method_settings", "rename_pane", "open_labels", "save_labels", "rename_labels",
            "forget_labels", "models_folder", "pane_model", "compare_models", "open_picture"}  # fmt: skip
    for row, action in desk.window.table.bound():
        if row.key not in asks and action.isEnabled():
            action.trigger()
            desk.client.draw()
    assert desk.controller.has_model


def test_what_is_loaded_says_how_far_it_is_and_can_be_given_up(qapp: QApplication) -> None:
    desk = Desk()
    desk.client.answers_models = False
    desk.window.begin("/models/large.pkl", None, None)
    desk.client.reply(READY)  # the engine comes after the question
    number = next(one.request_id for one in reversed(desk.client.sent) if isinstance(one, OpenModel))
    desk.client.reply(JobProgress(request_id=number, title="Opening large.pkl", share=0.4, remaining=2.0))
    desk.controller.catalogue.models_changed.emit()  # whatever else is told meanwhile
    empty, status = desk.window.empty, desk.window.status
    assert (empty.bar.value(), empty.bar.isVisible(), empty.stop.isVisible()) == (400, True, True)
    assert status.state.text() == "opening large.pkl… 40%"
    assert desk.window.table["stop_opening"].isEnabled()
    status.stop.click()
    assert [one.request_id for one in desk.client.sent if isinstance(one, Cancel)] == [number]
    assert not empty.bar.isVisible()
    assert not status.stop.isVisible()
    assert not desk.window.table["stop_opening"].isEnabled()
    assert status.state.text() == "engine ready"
    desk.close()


def test_models_that_were_opened_before_are_offered_in_an_empty_window(qapp: QApplication, tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(b"x")
    settings = Settings()
    for path in (str(tmp_path / "gone.pt"), str(tmp_path / "mine.pt")):
        settings.add_recent_model(path)
    settings.save()
    desk = Desk(models=())
    desk.client.answers_models = False
    desk.begin()
    mine, gone = desk.window.empty.recent_buttons()
    assert (mine.text(), mine.isEnabled(), gone.text(), gone.isEnabled()) == ("mine.pt", True, "gone.pt", False)
    assert "not there any more" in gone.toolTip()
    mine.click()
    assert any(isinstance(one, OpenModel) and one.model.path == str(tmp_path / "mine.pt") for one in desk.client.sent)
    desk.close()


def test_the_layout_is_remembered(desk: Desk) -> None:
    desk.begin()
    desk.window.docks["models"].hide()
    desk.window.close()
    again = Desk()
    assert again.window.docks["models"].isHidden()
    again.window.reset_layout()
    assert not again.window.docks["models"].isHidden()
    again.close()


def test_the_measures_are_made_when_they_are_seen(desk: Desk, qtbot: QtBot) -> None:
    desk.begin()
    QApplication.processEvents()
    assert "panel" not in desk.window.measures.__dict__
    desk.window.table["measures"].trigger()
    qtbot.waitUntil(lambda: "panel" in desk.window.measures.__dict__)
    assert desk.window.measures.panel.isVisible()
    assert desk.window.docks["measures"].height() > 230  # a table of measures needs more than the timeline has


def test_labelling_begins_with_the_name_of_what_is_looked_for(desk: Desk, qtbot: QtBot) -> None:
    desk.begin()
    assert "panel" not in desk.window.labelling.__dict__
    desk.window.table["label_samples"].trigger()
    panel = desk.window.labelling.panel
    qtbot.waitUntil(panel.isVisible)
    assert desk.window.docks["label"].height() > 270  # a sample must be large enough to be judged
    assert desk.window.focusWidget() in (panel.attribute, panel.line)
    assert isinstance(desk.client.sent[-1], DrawSamples)


def test_the_badge_switch_and_snapping_are_remembered(desk: Desk) -> None:
    desk.window.controls.badges.buttons["active"].click()
    desk.window.table["snap"].trigger()
    desk.window.close()
    again = Desk()
    assert again.window.controls.badges.value == "active"
    assert not again.window.table["snap"].isChecked()
    again.window.table["snap"].trigger()
    again.close()
    assert Settings().snap


def test_a_closed_window_is_freed(qapp: QApplication) -> None:
    desk = Desk()
    desk.begin()
    alive = weakref.ref(desk.window)
    desk.close()
    del desk
    gc.collect()
    qapp.processEvents()
    gc.collect()
    assert alive() is None


def test_undo_reaches_the_scene_from_a_number_field(desk: Desk) -> None:
    desk.begin()
    box = desk.window.bar.seed
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "77")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert desk.controller.scene.origin == Seed(77)
    override = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    QApplication.sendEvent(box, override)
    assert not override.isAccepted()
    QTest.keyClicks(box, "8")
    override = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    QApplication.sendEvent(box, override)
    assert override.isAccepted()


def typed(box: QWidget, text: str) -> None:
    box.setFocus()
    QTest.keySequence(box, "Ctrl+A")
    QTest.keyClicks(box, text)
    QTest.keyClick(box, Qt.Key.Key_Return)


def test_the_tool_bar_has_the_steps_of_models_that_take_some(desk: Desk) -> None:
    desk.begin()
    steps = desk.window.bar.steps
    assert steps.isVisibleTo(desk.window.bar)
    assert (steps.at_rest.value(), steps.draft.value()) == (50, 4)
    typed(steps.at_rest, "20")
    typed(steps.draft, "8")
    assert desk.controller.scene.quality == Quality(steps=20)
    assert (desk.controller.drafts.chosen_steps, desk.window.settings.draft_steps) == (8, 8)
    typed(steps.at_rest, "6")
    assert (steps.at_rest.value(), steps.draft.value(), steps.draft.maximum()) == (6, 6, 6)
    assert desk.controller.drafts.chosen_steps == 8  # the choice stays, for where there is room
    desk.controller.undo()
    assert (steps.at_rest.value(), steps.draft.value()) == (20, 8)
    typed(steps.at_rest, "50")
    typed(steps.draft, "4")
    assert desk.controller.scene.quality == Quality()
    assert desk.controller.drafts.chosen_steps == 0


def test_the_tool_bar_has_no_steps_for_models_that_take_none(qapp: QApplication) -> None:
    desk = Desk((msgspec.structs.replace(CARD, full_steps=0, interactive_steps=0, most_steps=0),))
    desk.client.card = desk.client.models[0]
    desk.begin()
    assert not desk.window.bar.steps.isVisibleTo(desk.window.bar)
    desk.close()


def test_a_copied_draft_is_called_one(desk: Desk) -> None:
    desk.begin()
    said: list[str] = []
    desk.controller.noticed.connect(lambda notice: said.append(notice.sentence))
    for dragging in (True, False):
        desk.controller.move_control(0, "hue", 1.0, dragging)
        desk.client.draw()
        desk.window.table["copy_picture"].trigger()
    assert said == [
        "The picture is on the clipboard, a draft in 4 of 50 steps.",
        "The picture is on the clipboard.",
    ]


def test_the_reasons_of_a_refusal_can_be_read_and_overridden(desk: Desk, tmp_path: Path) -> None:
    desk.begin()
    desk.client.answers_models = False
    path = tmp_path / "odd.pt"
    path.write_bytes(b"x")
    desk.window.files.open(path)
    asked = desk.client.sent[-1]
    assert isinstance(asked, OpenModel)
    reasons = (
        FamilyVerdict(family="vae", title="VAE", reason="It has no decoder."),
        FamilyVerdict(family="mlp_gan", title="MLP GAN", reason="Its keys are not those of linear layers."),
    )
    desk.client.reply(Refused(request_id=asked.request_id, sentence="'odd.pt' is no model.", reasons=reasons))
    assert str(path) not in desk.window.settings.recent_models
    assert any(button.text() == "Why?" for button in _buttons(desk))
    dialog = RefusalDialog(desk.controller, asked.model, "'odd.pt' is no model.", reasons, desk.window)
    assert [button.toolTip().split(",")[0] for button in dialog.buttons] == [
        "Read the file as VAE", "Read the file as MLP GAN"
    ]  # fmt: skip
    dialog.buttons[1].click()
    again = desk.client.sent[-1]
    assert isinstance(again, OpenModel)
    assert again.model == ModelRef(path=str(path), family="mlp_gan")
    dialog.deleteLater()


def test_no_model_on_the_command_line_means_the_last_session(desk: Desk) -> None:
    desk.client.reply(READY)
    desk.window.begin("", None, Restored(Scene(model=MODEL, origin=Seed(12)), crashed=False))
    assert desk.controller.scene.origin == Seed(12)
    assert desk.window.toasts.sentences() == []
