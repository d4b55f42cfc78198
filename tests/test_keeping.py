"""A home that cannot be written, or is full, costs what would be kept for the next time, and one line."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import mutations
from small_disk import small_disk

from explorer import keeping
from explorer.errors import Cancelled, ExportError
from explorer.files import atomic_write, cache_folder, state_folder
from explorer.service import process

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


def test_the_folder_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LATENT_EXPLORER_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", "/home/ada/.cache")
    heard: list[str] = []
    keeping.listen(heard.append)
    keeping.failed(cache_folder() / "controls" / "a.safetensors", READ_ONLY)
    assert heard[0].startswith("'/home/ada/.cache/latent-explorer/controls' cannot be written")


@pytest.mark.parametrize("name", [b"h\xff", b"two\nlines", b"\x1b[31mred", b"x" * 240])
def test_a_home_of_any_name_is_told_in_one_line(
    name: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    home = tmp_path / os.fsdecode(name)
    home.write_text("")
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(home))
    keeping.look()
    keeping._throw_away(home / "a.kept", "it is not as it was written", aside=False)
    for record in caplog.records:
        line = record.getMessage()
        assert line.isprintable()
        assert len(line) <= 300
    assert "set LATENT_EXPLORER_HOME to a folder that can be written." in caplog.records[0].getMessage()


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


# --- what is kept is never trusted -----------------------------------------------------------------------------------


@given(data=st.binary(max_size=300), seed=st.integers(0, 10_000))
def test_what_is_kept_comes_back_to_the_last_bit_or_not_at_all(
    data: bytes, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("kept") / "file.kept"
    assert keeping.keep(path, data)
    assert keeping.kept(path, bytes) == data
    whole = path.read_bytes()
    for damaged in mutations(whole, 10, seed):
        path.write_bytes(damaged)
        assert keeping.kept(path, bytes) is None
        assert not path.exists()


def test_what_goes_away_is_said_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keeping.keep(tmp_path / "set.kept", b"abc")
    (tmp_path / "set.kept").write_bytes(b"abc")
    assert keeping.kept(tmp_path / "set.kept", bytes) is None
    (record,) = caplog.records
    assert record.getMessage() == (
        f"'{tmp_path / 'set.kept'}', which was kept, is damaged (it is not as it was written); it is thrown away and "
        "made again."
    )


def test_another_s_file_is_not_taken_for_it(tmp_path: Path) -> None:
    keeping.keep(tmp_path / "one.kept", b"abc")
    (tmp_path / "one.kept").rename(tmp_path / "two.kept")
    assert keeping.kept(tmp_path / "two.kept", bytes) is None
    keeping.keep(tmp_path / "one.kept", b"abc", "name")
    (tmp_path / "one.kept").rename(tmp_path / "two.kept")
    assert keeping.kept(tmp_path / "two.kept", bytes, "name") == b"abc"


@pytest.mark.parametrize(
    "raised", [ValueError("a\nb"), KeyError("x"), RecursionError(), ExportError("No."), StopIteration()]
)
def test_what_its_reader_cannot_use_goes_away_whatever_it_raises(raised: Exception, tmp_path: Path) -> None:
    def read(content: bytes) -> None:
        raise raised

    keeping.keep(tmp_path / "file", b"abc")
    assert keeping.kept(tmp_path / "file", read) is None
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("raised", [Cancelled(), MemoryError(), KeyboardInterrupt()])
def test_a_reader_that_is_stopped_has_not_found_damage(raised: BaseException, tmp_path: Path) -> None:
    def read(content: bytes) -> None:
        raise raised

    keeping.keep(tmp_path / "file", b"abc")
    with pytest.raises(type(raised)):
        keeping.kept(tmp_path / "file", read)
    assert keeping.kept(tmp_path / "file", bytes) == b"abc"


def test_what_cannot_be_read_stays_and_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keeping.keep(tmp_path / "file", b"abc")

    def broken(path: Path, most: int) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(keeping, "bounded", broken)
    assert keeping.kept(tmp_path / "file", bytes) is None
    assert (tmp_path / "file").exists()
    assert "cannot be read (Input/output error)" in caplog.text


def test_what_is_no_file_is_not_waited_for_and_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder", "nothing"):
        assert keeping.kept(tmp_path / name, bytes) is None
        assert name == "nothing" or not keeping.keep(tmp_path / name, b"abc")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "pipe"]


def test_the_user_s_work_is_put_aside_and_that_is_told(tmp_path: Path) -> None:
    heard: list[str] = []
    keeping.listen(heard.append)
    (tmp_path / "last.json").write_bytes(b"{damaged")
    assert keeping.kept(tmp_path / "last.json", bytes, "session", aside=True) is None
    keeping.unlisten(heard.append)
    assert (tmp_path / "last.json.damaged").read_bytes() == b"{damaged"
    assert [path.name for path in tmp_path.iterdir()] == ["last.json.damaged"]
    (said,) = heard
    assert said.startswith(
        "'last.json' is damaged (it is not as it was written) and is not used; what is left of it is"
    )


@pytest.mark.parametrize("name", [b"\xff\xfe", "/möglich".encode()])
def test_the_folder_of_models_may_have_any_name(name: bytes) -> None:
    keeping.keep_models_folder(Path(os.fsdecode(name)))
    assert keeping.models_folder() == Path(os.fsdecode(name))
    keeping.keep_models_folder(None)
    assert keeping.models_folder() is None


def test_a_name_that_no_folder_can_have_is_none() -> None:
    path = state_folder() / "models-folder.txt"
    path.parent.mkdir(parents=True)
    for content in (b"a\0b\n", b"\n", b"", b"x" * (1 << 17)):
        path.write_bytes(content)
        assert keeping.models_folder() is None


# --- the engine's log and the command line ----------------------------------------------------------------------------


def test_an_engine_without_a_log_does_not_name_one(file_for_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "COMMAND", ("-c", "raise SystemExit(3)"))
    assert process.EngineProcess().epitaph("stopped") == "The engine stopped (exit code 3)."


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


def test_a_link_in_place_of_what_is_kept_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "home"))
    (tmp_path / "elsewhere").write_bytes(b"the user's")
    place = keeping.state_folder() / "some.kept"
    place.parent.mkdir(parents=True)
    place.symlink_to(tmp_path / "elsewhere")
    assert keeping.keep(place, b"ours")
    assert not place.is_symlink()
    assert (tmp_path / "elsewhere").read_bytes() == b"the user's"
