"""What a killed process leaves half written goes at the next start, and nothing else does."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mutations import mutations
from small_disk import mounted, small_disk

from explorer import leftovers
from explorer.errors import ExportError
from explorer.files import (
    atomic_folder,
    atomic_path,
    atomic_write,
    remove_leftovers,
    scratch_folder,
    state_folder,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="records are locked by flock")

HALF = """
import sys, time
from pathlib import Path
from explorer.files import atomic_folder, atomic_path, scratch_folder

target = Path(sys.argv[2])
begun = {
    "file": lambda: atomic_path(target),
    "folder": lambda: atomic_folder(target, lambda old: True),
    "scratch": scratch_folder,
}[sys.argv[1]]
with begun() as temporary:
    if temporary.is_dir():
        (temporary / "half").write_bytes(b"half")
    else:
        temporary.write_bytes(b"half")
        temporary.with_name(temporary.stem + ".encoded.mp4").write_bytes(b"half")
    print(temporary, flush=True)
    time.sleep(600)
"""


@contextlib.contextmanager
def working(kind: str, target: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that has begun to write ``target``, and what it writes to."""
    command = [sys.executable, "-c", HALF, kind, str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(kind: str, tmp_path: Path) -> None:
    with (
        working(kind, tmp_path / "new" / "deep" / "film.mp4") as (dying, _),
        working(kind, tmp_path / "b.mp4") as (_, b),
    ):
        dying.send_signal(signal.SIGKILL)
        dying.wait()
        assert len(below(tmp_path / "new" / "deep")) >= 1
        remove_leftovers()
        assert not (tmp_path / "new").exists()  # with the folders that were made for it
        assert b.exists()
        remove_leftovers()
        assert b.exists()
    remove_leftovers()
    assert below(tmp_path) == []
    assert below(state_folder() / "under-way") == []


def test_scratch_folders_go_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with working("scratch", tmp_path / "x") as (process, place):
        assert place.parent == tmp_path
        process.kill()
        process.wait()
        assert below(tmp_path)
        remove_leftovers()
    assert below(tmp_path) == []


def test_a_folder_whose_place_was_being_taken_goes_back_there(tmp_path: Path) -> None:
    """A process that was killed between the two renames."""
    target, temporary = tmp_path / "frames", tmp_path / f".frames-{leftovers.random_part()}"
    home = state_folder() / "under-way"
    (temporary / "finished").mkdir(parents=True)
    (temporary / "replaced").mkdir()
    (temporary / "replaced" / "old").write_bytes(b"the user's")
    number, record = leftovers._written(
        home, leftovers.msgspec.json.encode(leftovers._Record(bytes(temporary), bytes(target), ()))
    )
    assert record is not None
    os.close(number)
    remove_leftovers()
    assert below(tmp_path) == ["frames", "frames/old"]


def test_files_of_the_user_with_such_names_stay(tmp_path: Path) -> None:
    names = [".film-", ".film-0123.mp4", ".film-0123456789abcdef.mp4", "film-0123456789abcdef.mp4", ".film.mp4"]
    for name in names:
        (tmp_path / name).write_bytes(b"the user's")
    with working("file", tmp_path / "film.mp4") as (process, _):
        process.kill()
        process.wait()
        remove_leftovers()
    assert below(tmp_path) == sorted(names)


def test_a_damaged_record_removes_nothing_but_itself(tmp_path: Path) -> None:
    with working("file", tmp_path / "film.mp4") as (process, temporary):
        (record,) = (state_folder() / "under-way").iterdir()
        whole = record.read_bytes()
        process.kill()
        process.wait()
        for damaged in mutations(whole, 300):
            record.write_bytes(damaged)
            assert leftovers.sweep(record.parent) == []
            assert temporary.exists()
            assert not record.exists()
        record.with_name("other.record").write_bytes(whole)  # of another name
        assert leftovers.sweep(record.parent) == []
        record.write_bytes(whole)
        remove_leftovers()
        assert not temporary.exists()


def test_records_that_are_no_files_are_not_waited_for(tmp_path: Path) -> None:
    home = state_folder() / "under-way"
    home.mkdir(parents=True)
    (tmp_path / "precious").write_bytes(b"the user's")
    os.mkfifo(home / "a.record")
    (home / "b.record").symlink_to(tmp_path / "precious")
    (home / "c.record").mkdir()
    remove_leftovers()
    assert (tmp_path / "precious").read_bytes() == b"the user's"


def test_a_disk_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    with working("file", tmp_path / "disk" / "film.mp4") as (process, _):
        process.kill()
        process.wait()
    (tmp_path / "disk").rename(tmp_path / "away")
    remove_leftovers()
    (tmp_path / "away").rename(tmp_path / "disk")
    assert len(below(tmp_path / "disk")) == 2
    remove_leftovers()
    assert below(tmp_path / "disk") == []


def test_where_no_record_can_be_written_the_work_is_done_all_the_same(file_for_home: Path, tmp_path: Path) -> None:
    atomic_write(tmp_path / "a", b"x")
    with scratch_folder() as place:
        assert place.is_dir()
    remove_leftovers()
    assert (tmp_path / "a").read_bytes() == b"x"


def test_what_ends_well_leaves_no_record(tmp_path: Path) -> None:
    atomic_write(tmp_path / "a", b"x")
    with atomic_folder(tmp_path / "b", lambda old: True) as folder:
        (folder / "inside").write_bytes(b"y")
        assert len(below(state_folder() / "under-way")) == 1
    with scratch_folder():
        pass
    assert below(state_folder() / "under-way") == []


# --- what is said of it -----------------------------------------------------------------------------------------------


def test_a_failure_leaves_no_folder_that_was_made_for_the_file(tmp_path: Path) -> None:
    with small_disk(), pytest.raises(ExportError, match="nothing was left behind"):
        atomic_write(tmp_path / "new" / "deep" / "film.mp4", b"x" * 100)
    assert below(tmp_path) == []


def test_what_could_not_be_removed_is_not_denied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(path: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    def broken() -> None:
        with atomic_path(tmp_path / "film.mp4"):
            monkeypatch.setattr(Path, "unlink", read_only)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.raises(ExportError, match="was left behind until the next start") as told:
        broken()
    (left,) = below(tmp_path)
    assert left in str(told.value)


def test_a_folder_that_could_not_be_put_in_its_place_leaves_the_one_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "old").write_bytes(b"the user's")
    rename = Path.rename

    def once(path: Path, target: Path) -> Path:
        if path.name == "finished":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", once)
    with (
        pytest.raises(ExportError, match="nothing was left behind"),
        atomic_folder(tmp_path / "frames", lambda old: True),
    ):
        pass
    assert below(tmp_path) == ["frames", "frames/old"]


def test_a_missing_folder_for_temporary_files_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with (
        pytest.raises(ExportError, match=r"temporary files cannot be written \(No such file.*TMPDIR"),
        scratch_folder(),
    ):
        pytest.fail("the work was begun")


def test_a_full_folder_for_temporary_files_is_a_sentence_and_left_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with small_disk(), pytest.raises(ExportError, match="temporary files cannot be written"), scratch_folder() as place:
        (place / "file").write_bytes(b"x" * 100)
    assert below(tmp_path) == []


def test_the_room_of_a_file_that_a_failed_writer_holds_open_is_free(tmp_path: Path) -> None:
    def fails(path: Path) -> None:
        with atomic_path(path) as temporary:
            held.append(temporary.open("wb", buffering=0))
            while held[0].write(b"x" * 4096):
                pass

    held: list[io.FileIO] = []
    with mounted(tmp_path / "disk", "256k") as disk:
        before = shutil.disk_usage(disk).free
        with pytest.raises(ExportError, match=r"No space left on device\); nothing was left behind"):
            fails(disk / "film.mp4")
        assert shutil.disk_usage(disk).free == before
        held[0].close()
