"""A home that cannot be written, or is full, costs what would be kept for the next time, and one line."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_disk import small_disk

from explorer import keeping
from explorer.errors import ExportError
from explorer.files import atomic_write, cache_folder, state_folder
from explorer.service.client import ServiceClient

READ_ONLY = OSError(errno.EROFS, os.strerror(errno.EROFS))
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# --- the mechanism ----------------------------------------------------------------------------------------------------


def test_a_fault_is_said_once_for_each_kind(caplog: pytest.LogCaptureFixture) -> None:
    for error in (READ_ONLY, FULL, READ_ONLY, FULL):
        for folder in (state_folder(), cache_folder()):
            with keeping.optional(folder):
                raise error
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith(f"'{state_folder()}' cannot be written (Read-only file system)")
    assert "set LATENT_EXPLORER_HOME" in first
    assert "(No space left on device)" in second
    assert "free some space" in second
    assert all(record.levelno == logging.WARNING for record in caplog.records)


def test_what_a_failed_write_was_caused_by_tells_its_kind() -> None:
    heard: list[str] = []
    keeping.listen(heard.append)
    with keeping.optional(cache_folder() / "a"):
        raise ExportError("'a' could not be written; choose another folder.") from FULL
    with keeping.optional(cache_folder() / "b"):
        raise FULL
    assert len(heard) == 1
    assert "choose another folder" not in heard[0]


def test_other_errors_are_errors() -> None:
    with pytest.raises(ZeroDivisionError), keeping.optional(cache_folder()):
        raise ZeroDivisionError


def test_who_listens_late_hears_what_was_said_before() -> None:
    keeping.failed(state_folder(), READ_ONLY)
    heard: list[str] = []
    keeping.listen(heard.append)
    keeping.failed(state_folder(), FULL)
    keeping.unlisten(heard.append)
    keeping.failed(state_folder(), OSError(errno.EACCES, os.strerror(errno.EACCES)))
    assert [sentence.partition("(")[2].partition(")")[0] for sentence in heard] == [READ_ONLY.strerror, FULL.strerror]


def test_the_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LATENT_EXPLORER_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    heard: list[str] = []
    keeping.listen(heard.append)
    keeping.failed(cache_folder() / "controls" / "a.safetensors", READ_ONLY)
    assert heard[0].startswith(f"'{tmp_path / 'latent-explorer' / 'controls'}' cannot be written")


def test_looking_leaves_nothing(file_for_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    keeping.listen(heard.append)
    keeping.look()
    assert len(heard) == 1  # one home, one line
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "other"))
    keeping.look()
    assert len(heard) == 1
    assert [path.name for path in (tmp_path / "other").rglob("*") if path.is_file()] == []


def test_looking_finds_a_full_disk() -> None:
    heard: list[str] = []
    keeping.listen(heard.append)
    with small_disk():
        keeping.look()
    assert len(heard) == 1


def test_a_file_that_may_not_be_looked_at_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("")
    assert keeping.is_there(path)
    assert not keeping.is_there(path / "below a file")

    def forbidden(path: Path) -> bool:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "is_file", forbidden)
    assert not keeping.is_there(path)


# --- the engine's log and the command line ----------------------------------------------------------------------------


def test_an_engine_without_a_log_does_not_name_one(file_for_home: Path) -> None:
    client = ServiceClient(lambda reply: None)
    assert client._open_log() is None
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    assert client._epitaph(process, "stopped") == "The engine stopped (exit code 3)."
    client.close()


def test_commands_work_without_a_home_and_say_so_in_one_line(file_for_home: Path, tmp_path: Path) -> None:
    """The set of the picture is worth keeping, as if it had taken long to find."""
    code = (
        "from explorer.engine import control_store; control_store.WORTH_KEEPING = 0\n"
        "from explorer.cli.main import main; main()"
    )
    out = tmp_path / "out.png"
    render = ["render", "shapes-btcvae", "--controls", "random_orthogonal", "--move", "random 1=1", "-o", str(out)]
    done = subprocess.run(
        [sys.executable, "-c", code, *render], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert out.stat().st_size > 0
    said = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(said) == 1, done.stderr
    assert said[0].startswith(f"'{file_for_home / 'cache' / 'controls'}' cannot be written")


def test_required_work_still_says_when_it_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ExportError, match="choose another folder"):
        atomic_write(blocked / "out.png", b"")
