"""Pictures of one's own in the window: opened, dropped, pasted; searched for; kept as a bookmark that shows both."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QFileDialog
from quiet import CARD, MODEL, QuietClient

from explorer.scene.cards import WayCard
from explorer.scene.inversion import InversionOptions
from explorer.scene.model import OwnPicture, Scene, Seed, StoredLatent, Usual, own_picture
from explorer.scene.store import load_scene, save_scene
from explorer.service.replies import EngineLost, InversionPreview, JobProgress, PictureInverted, Ready, Refused, Stopped
from explorer.service.requests import Cancel, InvertPicture
from explorer.ui.canvas import pane_text
from explorer.ui.files.bookmarks import describe
from explorer.ui.own_pictures.dock import OwnPictureDock
from explorer.ui.own_pictures.panel import HINT, OwnPicturePanel
from explorer.ui.state.controller import Controller
from explorer.ui.state.session import Session
from explorer.ui.state.settings import Settings
from explorer.ui.window.main_window import MainWindow

pytestmark = pytest.mark.gui
WAYS = (
    WayCard(name="w_plus", title="optimisation in w_plus", description="A w for every layer.", steps=500),
    WayCard(name="encoder", title="the model's encoder", description="One pass."),
)


def png(level: int, size: tuple[int, int] = (12, 8)) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, (level, level, level)).save(written, "PNG")
    return written.getvalue()


def inverted(number: int, psnr: float = 31.24, stopped: bool = False, distance: float = 1.0) -> PictureInverted:
    own = OwnPicture(
        name="face.jpg", png=png(90), psnr=psnr, way="optimisation in w_plus",
        reading="'face.jpg' (480×320) was read: cropped to the middle square, reduced to 64×64.", distance=distance,
    )  # fmt: skip
    point = StoredLatent("z", (4,), np.zeros(4, "<f4").tobytes(), own)
    note = "Stopped; the best so far is kept" if stopped else ""
    return PictureInverted(request_id=number, model=MODEL, point=point, picture=png(80), stopped=stopped, note=note)


class Desk:
    """A window as the program opens it, but for the engine."""

    def __init__(self) -> None:
        self.client: QuietClient
        self.controller = Controller(self._connect)
        self.window = MainWindow(self.controller, Settings(), Session())
        self.window.resize(1200, 800)
        self.window.show()
        self.client.reply(Ready(version=1, pid=1, device="cpu", precision="float32"))

    def _connect(self, on_reply: object) -> QuietClient:
        self.client = QuietClient(on_reply)  # type: ignore[arg-type]
        self.client.card = msgspec.structs.replace(CARD, inversions=WAYS)
        self.client.models = (self.client.card,)
        return self.client

    @property
    def dock(self) -> OwnPictureDock:
        return self.window.docks.panel(OwnPictureDock)

    @property
    def panel(self) -> OwnPicturePanel:
        return self.dock.panel

    def asked(self) -> list[InvertPicture]:
        return [request for request in self.client.sent if isinstance(request, InvertPicture)]

    def close(self) -> None:
        self.window.close_unasked()
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def desk(qapp: QApplication) -> Iterator[Desk]:
    made = Desk()
    made.window.begin(None, None, None)
    yield made
    made.close()


def drop(desk: Desk, data: QMimeData) -> bool:
    """Whether the window lets ``data`` in; if so, it is dropped."""
    action, button, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(QPointF(5, 5).toPoint(), action, data, button, keys)
    entering.ignore()
    desk.window.dragEnterEvent(entering)
    if entering.isAccepted():
        desk.window.dropEvent(QDropEvent(QPointF(5, 5), action, data, button, keys))
    return entering.isAccepted()


def files(*paths: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


def test_a_dropped_picture_is_looked_for_and_what_carries_a_scene_is_opened(desk: Desk, tmp_path: Path) -> None:
    for name in ("face.jpg", "plain.png"):
        (tmp_path / name).write_bytes(png(90))
        assert drop(desk, files(tmp_path / name))
        asked = desk.asked()[-1]
        assert (asked.name, asked.path, asked.data, asked.model) == (name, str(tmp_path / name), b"", MODEL)
        assert asked.options == InversionOptions()
    before = len(desk.asked())
    save_scene(Scene(model=MODEL, origin=Seed(55)), tmp_path / "a.scene.json")
    (tmp_path / "carrier.gif").write_bytes((tmp_path / "a.scene.json").read_bytes())
    drop(desk, files(tmp_path / "carrier.gif"))
    assert desk.controller.scene.origin == Seed(55)
    assert len(desk.asked()) == before
    assert not drop(desk, QMimeData())


def test_a_picture_itself_is_dropped_and_pasted_no_larger_than_a_model_needs(desk: Desk) -> None:
    data, image = QMimeData(), QImage(5000, 2500, QImage.Format.Format_RGB32)
    image.fill(0xFF336699)
    data.setImageData(image)
    assert drop(desk, data)
    QGuiApplication.clipboard().setImage(image)
    desk.window.table["paste_picture"].trigger()
    for asked in desk.asked()[-2:]:
        assert (asked.name, asked.path) == ("pasted picture", "")
        with Image.open(io.BytesIO(asked.data)) as sent:
            assert sent.size == (2048, 1024)
            assert sent.convert("RGB").getpixel((5, 5)) == (0x33, 0x66, 0x99)
    count = len(desk.asked())
    QGuiApplication.clipboard().setText("words")
    desk.window.table["paste_picture"].trigger()
    assert len(desk.asked()) == count
    assert desk.window.toasts.sentences() == ["There is no picture on the clipboard; copy one first."]


def test_a_picture_is_opened_by_its_action(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "face.jpg"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *arguments: (str(path), ""))
    desk.window.table["open_picture"].trigger()
    assert desk.asked()[-1].path == str(path)


def test_the_best_so_far_is_shown_and_cancelling_asks_for_it(desk: Desk, tmp_path: Path) -> None:
    panel = desk.panel
    assert panel.told.text() == HINT
    assert not panel.again.isEnabled()
    desk.window.files.open(_written(tmp_path))
    number = desk.asked()[-1].request_id
    desk.client.reply(InversionPreview(request_id=number, original=png(90), reading="It was read."))
    assert "It was read." in panel.told.text()
    for share, psnr in ((0.2, 20.0), (0.6, 25.5)):
        desk.client.reply(JobProgress(request_id=number, title="Finding", share=share, remaining=4.0))
        told = InversionPreview(request_id=number, original=png(90), reading="It was read.", picture=png(70), psnr=psnr)
        desk.client.reply(told)
        assert panel.found.accessibleDescription() == f"best so far, {psnr:.1f} dB (PSNR)"
    assert panel.progress.bar.value() == 600
    (job,) = desk.controller.jobs.running()
    assert job.request_id == number
    panel.progress.cancel.click()
    assert desk.client.sent[-1] == Cancel(request_id=number)
    desk.client.reply(inverted(number, 25.5, stopped=True))
    (job,) = desk.controller.jobs.jobs()
    assert (job.state, job.sentence) == ("stopped", "Stopped; the best so far is kept")
    assert "ended early, and this is the best that it had" in panel.told.text()
    assert [bookmark.name for bookmark in desk.controller.scene.bookmarks] == ["face.jpg, 25.5 dB"]
    assert panel.again.isEnabled()


def _written(folder: Path) -> Path:
    path = folder / "face.jpg"
    path.write_bytes(png(90))
    return path


def test_what_is_found_is_a_bookmark_and_shown_beside_the_picture_in_one_step(desk: Desk, tmp_path: Path) -> None:
    before = desk.controller.scene
    desk.window.files.open(_written(tmp_path))
    desk.client.reply(inverted(desk.asked()[-1].request_id))
    scene = desk.controller.scene
    assert [pane.view for pane in scene.panes] == ["original", "image"]
    assert scene.selected == 1
    assert own_picture(scene.origin) is not None
    assert [desk.controller.pane_title(pane) for pane in (0, 1)] == ["Own picture", "Latent axes"]
    assert [pane_text.start(desk.controller.catalogue, scene, pane) for pane in (0, 1)] == [
        "face.jpg",
        "face.jpg, PSNR 31.2 dB",
    ]
    told = describe(scene.bookmarks[0])
    assert "'face.jpg' (480×320) was read: cropped to the middle square" in told
    assert "Found by optimisation in w_plus: reconstruction 31.2 dB (PSNR)." in told
    assert "1.00 times as far" in told
    save_scene(scene, tmp_path / "own.scene.json")
    assert load_scene(tmp_path / "own.scene.json") == scene
    desk.controller.undo()
    assert desk.controller.scene == before


def test_who_has_gone_on_meanwhile_keeps_what_is_shown(desk: Desk, tmp_path: Path) -> None:
    desk.window.files.open(_written(tmp_path))
    desk.controller.set_seed(77)
    desk.client.reply(inverted(desk.asked()[-1].request_id))
    scene = desk.controller.scene
    assert scene.origin == Seed(77)
    assert len(scene.panes) == 1
    assert scene.bookmarks[0].name == "face.jpg, 31.2 dB"
    (sentence,) = desk.window.toasts.sentences()
    assert sentence.startswith("'face.jpg' is a bookmark now: reconstruction 31.2 dB (PSNR).")
    desk.window.bookmarks.go_to(0)
    assert [pane.view for pane in desk.controller.scene.panes] == ["original", "image"]


def test_the_same_picture_is_looked_for_again_in_another_way(desk: Desk, tmp_path: Path) -> None:
    desk.window.files.open(_written(tmp_path))
    first = desk.asked()[-1]
    desk.client.reply(inverted(first.request_id))
    panel = desk.panel
    assert panel.steps.value() == 500
    panel.steps.setValue(2000)
    panel.again.click()
    assert desk.asked()[-1].options == InversionOptions(way="w_plus", steps=2000)
    second = desk.asked()[-1].request_id
    panel.way.setCurrentIndex(1)
    panel.way.activated.emit(1)
    assert not panel.steps.isEnabled()
    desk.client.reply(inverted(second, 40.0))
    panel.again.click()
    assert desk.asked()[-1].options == InversionOptions(way="encoder")
    assert desk.asked()[-1].path == first.path
    desk.client.reply(inverted(desk.asked()[-1].request_id, 40.0))
    names = [bookmark.name for bookmark in desk.controller.scene.bookmarks]
    assert names == ["face.jpg, 31.2 dB", "face.jpg, 40.0 dB", "face.jpg, 40.0 dB (2)"]


def test_a_newer_picture_takes_the_place_of_an_older_search(desk: Desk, tmp_path: Path) -> None:
    desk.window.files.open(_written(tmp_path))
    old = desk.asked()[-1].request_id
    (tmp_path / "other.jpg").write_bytes(png(20))
    desk.window.files.open(tmp_path / "other.jpg")
    assert Cancel(request_id=old) in desk.client.sent
    desk.client.reply(inverted(old, stopped=True))
    assert desk.controller.scene.bookmarks == ()
    desk.client.reply(inverted(desk.asked()[-1].request_id))
    assert len(desk.controller.scene.bookmarks) == 1


@pytest.mark.parametrize("end", ["refused", "stopped", "lost"])
def test_a_search_of_which_nothing_comes_says_so(desk: Desk, tmp_path: Path, end: str) -> None:
    desk.window.files.open(_written(tmp_path))
    number, before = desk.asked()[-1].request_id, desk.controller.scene
    replies = {
        "refused": (
            Refused(request_id=number, sentence="'face.jpg' cannot be read; choose another picture."),
            "choose",
        ),
        "stopped": (Stopped(request_id=number), "cancelled before it had anything"),
        "lost": (EngineLost(sentence="The engine stopped.", restarting=True), "The engine stopped."),
    }
    reply, told = replies[end]
    desk.client.reply(reply)
    assert told in desk.panel.told.text()
    assert desk.panel.again.isEnabled()
    assert not desk.panel.progress.isVisible()
    assert desk.controller.scene == before


def test_a_point_far_out_is_said_to_be(desk: Desk, tmp_path: Path) -> None:
    desk.window.files.open(_written(tmp_path))
    desk.client.reply(inverted(desk.asked()[-1].request_id, distance=1.98))
    assert "1.98 times as far" in desk.panel.told.text()
    assert "edits may look less like the model's own" in desk.panel.told.text()


def test_a_picture_that_the_model_hardly_draws_is_told_of_beside_what_it_drew(desk: Desk, tmp_path: Path) -> None:
    desk.window.files.open(_written(tmp_path))
    found = inverted(desk.asked()[-1].request_id, 12.2)
    assert found.point.own is not None
    own = msgspec.structs.replace(found.point.own, usual=Usual(least=30.0, pictures=19))
    point = msgspec.structs.replace(found.point, own=own)
    desk.client.reply(msgspec.structs.replace(found, point=point))
    desk.client.draw()
    assert "it is hardly of the model's world" in desk.panel.told.text()
    scene, controller = desk.controller.scene, desk.controller
    assert "it is hardly of the model's world" in describe(scene.bookmarks[0])
    original, drawn = (controller.feed.picture(pane) for pane in (0, 1))
    assert original is not None
    assert drawn is not None
    assert pane_text.marks(controller.catalogue, scene, original) == ()
    assert any("not its world" in text for text in pane_text.marks(controller.catalogue, scene, drawn))


def test_the_view_of_the_own_picture_is_offered_where_there_is_one(desk: Desk, tmp_path: Path) -> None:
    assert not desk.window.table["original"].isEnabled()
    desk.window.files.open(_written(tmp_path))
    desk.client.reply(inverted(desk.asked()[-1].request_id))
    assert desk.window.table["original"].isEnabled()
    desk.controller.step_seed(1)
    assert any("a picture of your own, which has no next seed" in one for one in desk.window.toasts.sentences())


def test_without_a_model_one_is_asked_for(qapp: QApplication, tmp_path: Path) -> None:
    desk = Desk()
    try:
        desk.window.files.open(_written(tmp_path))
        assert desk.asked() == []
        assert desk.window.toasts.sentences()[0].startswith("Open a model first")
    finally:
        desk.close()
