"""The window where nothing can be kept for the next time: it says so once, and works."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from opened_home import opened
from PySide6.QtCore import qInstallMessageHandler
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QStackedWidget, QWidget
from pytestqt.qtbot import QtBot
from small_disk import small_disk
from unwritable_homes import HOMES

from explorer import keeping
from explorer.files import atomic_write, cache_folder, state_folder
from explorer.generators.registry import shipped_models
from explorer.scene.measures import MeasureOptions, MeasureReport
from explorer.scene.model import ModelRef, Scene, Seed, view_of
from explorer.scene.store import encode_scene
from explorer.ui.actions.actions import ActionTable
from explorer.ui.state import label_files, session, thumbnails
from explorer.ui.state.kept_reports import KeptReports
from explorer.ui.state.notice import Notice
from explorer.ui.state.session import Left, Restored, Session
from explorer.ui.state.settings import Settings
from explorer.ui.window import report
from explorer.ui.window.toast import ToastArea

pytestmark = pytest.mark.gui
REPORT = MeasureReport(model="toy", fingerprint="f00d", world="shapes", n=5)
SCENE = Scene(model=ModelRef(path="toy"), origin=Seed(41))


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """What is said of a home that cannot be written."""
    sentences: list[str] = []
    keeping.listen(sentences.append)
    yield sentences
    keeping.unlisten(sentences.append)


def kept(scene: Scene) -> None:
    """A session that is begun, keeps ``scene`` and ends."""
    made = Session()
    made.begin()
    made.keep(lambda: Left(scene))
    if (written := made.save_now()) is not None:
        written.result(10)
    made.end()


def test_a_session_that_cannot_be_kept_is_one_line(qapp: QApplication, file_for_home: Path, heard: list[str]) -> None:
    assert Session().begin() is None
    kept(SCENE)
    assert len(heard) == 1
    assert str(file_for_home) in heard[0]


def test_a_disk_that_fills_leaves_the_session_of_before(qapp: QApplication, heard: list[str]) -> None:
    kept(SCENE)
    before = Session.last_path().read_bytes()
    made = Session()
    made.begin()
    with small_disk():
        made.keep(lambda: Left(Scene(model=ModelRef(path="toy"), origin=Seed(7))))
        written = made.save_now()
        assert written is not None
        written.result(10)  # nothing is raised
        made.end()
    assert Session.last_path().read_bytes() == before
    assert len(heard) == 1


@pytest.mark.parametrize(("name", "crashed"), [("last-session.json", False), ("autosave.json", True)])
def test_a_session_in_a_read_only_folder_comes_back(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch, name: str, crashed: bool
) -> None:
    atomic_write(state_folder() / name, encode_scene(SCENE))

    def forbidden(path: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(session, "_lock", forbidden)
    made = Session()
    assert made.begin() == Restored(SCENE, crashed=crashed)
    made.keep(lambda: Left(SCENE))
    assert made.save_now() is None
    made.end()


def test_settings_last_until_the_window_is_closed(file_for_home: Path, heard: list[str]) -> None:
    settings = Settings()
    settings.pixels = True
    settings.save()
    assert settings.pixels
    assert len(heard) == 1


def test_settings_on_a_full_disk_are_said(heard: list[str]) -> None:
    settings = Settings()
    settings.pixels = True
    with small_disk():
        settings.save()
    assert len(heard) == 1


def test_a_log_that_cannot_be_written_is_kept_in_memory(
    file_for_home: Path, heard: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger("the root of this test")
    monkeypatch.setattr(logging, "getLogger", lambda name="": root)
    report.start_logging()
    qInstallMessageHandler(None)
    root.warning("a line")
    root.handlers.clear()
    assert any("a line" in line for line in report._recent)
    assert len(heard) == 1


def test_a_log_that_becomes_full_troubles_nobody(
    heard: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_disk():
        handler = report._LogFile(tmp_path / "window.log")
        handler.emit(logging.makeLogRecord({"msg": "a line"}))
    assert capsys.readouterr().err == ""
    assert len(heard) == 1
    with contextlib.suppress(OSError):  # what it still holds has no place to go
        handler.close()


def test_thumbnails_on_a_full_disk_leave_no_broken_file(heard: list[str]) -> None:
    image = QImage(8, 8, QImage.Format.Format_RGB32)
    image.fill(QColor("red"))
    view = view_of(SCENE, 0, SCENE.quality)
    with small_disk():
        thumbnails._save(view, image)
    assert len(heard) == 1
    assert [path for path in cache_folder().rglob("*") if path.is_file()] == []


def test_thumbnails_are_read_as_they_were_written() -> None:
    image = QImage(8, 8, QImage.Format.Format_RGB32)
    image.fill(QColor("red"))
    view = view_of(SCENE, 0, SCENE.quality)
    thumbnails._save(view, image)
    again = thumbnails._kept(view)
    assert again is not None
    assert again.pixelColor(4, 4) == QColor("red")


def test_reports_on_a_full_disk_are_not_kept(heard: list[str]) -> None:
    with small_disk():
        KeptReports("measures", MeasureOptions, MeasureReport).keep("f00d", MeasureOptions(), REPORT)
    assert len(heard) == 1
    assert [path for path in state_folder().rglob("*") if path.is_file()] == []


def test_an_old_report_that_cannot_be_removed_is_not_in_the_way(
    heard: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_reports = KeptReports("measures", MeasureOptions, MeasureReport)
    kept_reports.keep("f00d", MeasureOptions(), REPORT)
    with monkeypatch.context() as earlier:
        earlier.setattr("explorer.ui.state.kept_reports.VERSION", 0)
        kept_reports.keep("f00d", MeasureOptions(seed=1), REPORT)

    def forbidden(path: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "unlink", forbidden)
    assert kept_reports.recalled("f00d") == [(MeasureOptions(), REPORT)]
    assert len(heard) == 1


def test_labels_that_may_not_be_looked_for_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(path: Path, pattern: str) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "glob", forbidden)
    assert label_files.kept("f00d") == []


@pytest.mark.parametrize("fault", HOMES)
def test_the_program_works_without_a_home_and_says_so_before_anything_else(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real window and the real engine: opening, searching and exporting go on, and one sentence is said, before the
    engine is there."""
    if not shipped_models():
        pytest.skip("no model is shipped in this checkout")
    home, out = tmp_path / "home", tmp_path / "out.png"
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(home))
    with HOMES[fault](home) as reason:
        at_once, later = opened(home, out)
    (said,) = at_once.splitlines()
    assert said.startswith(f"'{home / 'state'}' cannot be written ({reason})")
    assert all("cannot be written" not in line for line in later.splitlines() if line != said)
    assert out.stat().st_size > 1000


def test_what_was_said_before_the_first_picture_is_not_covered_by_it(qtbot: QtBot) -> None:
    """A stack puts the page that it turns to on top of everything in it."""
    stack = QStackedWidget()
    qtbot.addWidget(stack)
    for page in (QWidget(), QWidget()):
        stack.addWidget(page)
    stack.resize(600, 400)
    stack.show()
    area = ToastArea(stack, ActionTable(stack))
    toast = area.say(Notice("It cannot be written.", "warning"))
    for page in (1, 0):
        stack.setCurrentIndex(page)
        middle = toast.mapTo(stack, toast.rect().center())
        assert area.isAncestorOf(stack.childAt(middle))
