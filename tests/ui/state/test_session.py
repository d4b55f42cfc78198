"""The session survives a crash of the window, and a normal end; two windows do not disturb each other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mutations import mutations
from PySide6.QtWidgets import QApplication

from explorer.files import state_folder
from explorer.scene.model import Edit, ModelRef, Scene, Seed
from explorer.scene.store import encode_scene
from explorer.ui.state.session import Left, Playhead, Session, kept_session

pytestmark = pytest.mark.gui
SCENE = Scene(model=ModelRef(path="toy"), origin=Seed(41))
LED = ((1, ((0, Edit("", 1.5)), (2, Edit("", value=-3.0)))),)


def keep(session: Session, scene: Scene) -> None:
    session.keep(lambda: Left(scene))
    written = session.save_now()
    assert written is not None
    written.result(10)


def test_a_fresh_start_restores_nothing(qapp: QApplication) -> None:
    session = Session()
    assert session.begin() is None
    session.end()
    assert not Session.last_path().exists()


def test_a_clean_end_comes_back_quietly(qapp: QApplication) -> None:
    first = Session()
    first.begin()
    keep(first, SCENE)
    first.end()
    second = Session()
    restored = second.begin()
    assert restored is not None
    assert (restored.scene, restored.crashed) == (SCENE, False)
    second.end()


def test_what_was_not_saved_yet_is_saved_at_the_end(qapp: QApplication) -> None:
    first = Session()
    first.begin()
    first.keep(lambda: Left(SCENE))
    first.end()
    assert kept_session(Session.last_path()) == Left(SCENE)


CRASH = """
import os, signal
from PySide6.QtCore import QCoreApplication
from explorer.scene.model import Edit, ModelRef, Scene, Seed
from explorer.ui.state.session import Left, Session
app = QCoreApplication([])
session = Session()
session.begin()
session.keep(lambda: Left(Scene(model=ModelRef(path="toy"), origin=Seed(41))))
session.save_now().result(10)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
def test_a_killed_window_is_restored_as_crashed(qapp: QApplication) -> None:
    ended = subprocess.run([sys.executable, "-c", CRASH], env=os.environ, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    session = Session()
    restored = session.begin()
    assert restored is not None
    assert (restored.scene, restored.crashed) == (SCENE, True)
    session.end()
    again = Session()
    later = again.begin()
    assert later is not None
    assert not later.crashed
    again.end()


def test_a_second_window_starts_fresh_and_spoils_nothing(qapp: QApplication) -> None:
    first = Session()
    first.begin()
    keep(first, SCENE)
    second = Session()
    assert second.begin() is None
    keep(second, Scene(model=ModelRef(path="other")))
    assert kept_session(state_folder() / "autosave.json") == Left(SCENE)
    second.end()
    first.end()
    assert kept_session(Session.last_path()) == Left(SCENE)


def test_a_damaged_session_does_not_stop_the_start(qapp: QApplication, caplog: pytest.LogCaptureFixture) -> None:
    state_folder().mkdir(parents=True)
    Session.last_path().write_bytes(b'{"format": "latent-explorer-scene", "vers')
    session = Session()
    assert session.begin() is None
    assert "is not used" in caplog.text
    assert Session.last_path().with_name("last-session.json.damaged").read_bytes().startswith(b'{"format')
    session.end()


def test_a_window_without_a_model_saves_nothing(qapp: QApplication) -> None:
    session = Session()
    session.begin()
    session.keep(lambda: Left(Scene(model=ModelRef(path=""))))
    assert session.save_now() is None
    session.end()


def test_a_session_knows_its_file_and_the_playhead(qapp: QApplication, tmp_path: Path) -> None:
    left = Left(SCENE, tmp_path / "größe.scene.json", True, Playhead(1.25, ((0, "hue"), (-1, ""))), LED)
    for again in (left, Left(SCENE, left.path, False), Left(SCENE)):
        session = Session()
        session.begin()
        session.keep(lambda again=again: again)
        session.end()
        restored = Session()
        found = restored.begin()
        assert found is not None
        assert Left(found.scene, found.path, found.modified, found.playhead, found.led) == again
        restored.end()


def test_a_file_name_that_is_no_text_is_not_kept_and_the_scene_is(qapp: QApplication) -> None:
    session = Session()
    session.begin()
    session.keep(lambda: Left(SCENE, Path(os.fsdecode(b"\xff.json")), True))
    session.end()
    assert kept_session(Session.last_path()) == Left(SCENE, None, True)


def test_sessions_of_earlier_programs_come_back(qapp: QApplication) -> None:
    state_folder().mkdir(parents=True)
    Session.last_path().write_bytes(encode_scene(SCENE))
    session = Session()
    found = session.begin()
    assert found is not None
    assert (found.scene, found.path, found.modified) == (SCENE, None, False)
    session.end()


def test_a_session_that_is_damaged_is_put_aside_and_the_start_is_a_fresh_one(qapp: QApplication) -> None:
    """Whatever the damage: the scene is the one that was left, or none."""
    session = Session()
    session.begin()
    keep(session, SCENE)
    session.end()
    last, aside = Session.last_path(), Session.last_path().with_name("last-session.json.damaged")
    whole = last.read_bytes()
    for damaged in mutations(whole, 300):
        last.write_bytes(damaged)
        assert kept_session(last) is None
        assert not last.exists()
        assert aside.read_bytes() == damaged
    last.write_bytes(whole)
    assert kept_session(last) == Left(SCENE)
