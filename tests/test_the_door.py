"""The door by which strangers' files come in (:mod:`explorer.reading`)."""

from __future__ import annotations

import io
import os
import socket
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from explorer.errors import Cancelled, ControlError, ModelError
from explorer.reading import UNPACKED_BYTES, archive_in, bounded, foreign, opened, read_file, whole


def _archive(write: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in write.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_only_regular_files_are_opened_and_nothing_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        (tmp_path / "circle").symlink_to("circle")
        for name in ("pipe", "socket", "circle", "."):
            with pytest.raises(OSError), opened(tmp_path / name):  # noqa: PT011  (whichever it is)
                pass
    for device in ("/dev/zero", "/dev/null"):
        with pytest.raises(OSError, match="no regular file"):
            read_file(Path(device), whole)
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("file")
    assert read_file(tmp_path / "link", whole) == b"abc"


def test_a_small_file_has_a_bound(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abcd")
    assert bounded(tmp_path / "file", 4) == b"abcd"
    with pytest.raises(OSError, match="4 bytes, more than 3"):
        bounded(tmp_path / "file", 3)


@pytest.mark.parametrize(
    "raised", [ValueError("x" * 5000), RecursionError(), MemoryError(), struct.error("two\nlines"), StopIteration()]
)
def test_whatever_a_parser_raises_becomes_one_sentence(tmp_path: Path, raised: Exception) -> None:
    sentence = r"^'one\.npy' is not a row, or it is truncated or damaged; \w+ or"
    with pytest.raises(ControlError, match=sentence), foreign(tmp_path / "one.npy", "a row", ControlError):
        raise raised


@pytest.mark.parametrize("own", [Cancelled(), ModelError("What it is."), KeyboardInterrupt()])
def test_sentences_of_our_own_and_the_user_s_end_of_it_pass(tmp_path: Path, own: BaseException) -> None:
    with pytest.raises(type(own)) as raised, foreign(tmp_path / "one.npy", "a row", ControlError):
        raise own
    assert raised.value is own


def test_an_archive_within_the_budget_is_read() -> None:
    data = _archive({"zeros": bytes(8 << 20), "empty": b""})
    with archive_in(io.BytesIO(data), len(data)) as archive:
        assert archive.read("zeros") == bytes(8 << 20)


def _lying(data: bytes, declared: int) -> bytes:
    """The archive ``data`` whose table says of its first entry that it has ``declared`` bytes."""
    place = data.index(b"PK\x01\x02") + 24
    return data[:place] + struct.pack("<I", declared) + data[place + 4 :]


def _overlapping(count: int) -> bytes:
    """An archive whose ``count`` entries all lie where the first does, as Fifield's (2019) do."""
    data = _archive({"a": bytes(1 << 20)})
    place, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    row = data[place:end]
    table = b"".join(row[:46] + str(index % 10).encode() + row[47:] for index in range(count))
    tail = data[end : end + 8] + struct.pack("<HHII", count, count, len(table), place) + b"\0\0"
    return data[:place] + table + tail


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (_lying(_archive({"a": b"abc" * 100}), UNPACKED_BYTES + (1 << 20)), "bytes within a file of"),
        (_overlapping(10), "entries that overlap"),
        (_overlapping(12), "of several of one name"),
        (_archive({f"{index}": b"" for index in range(20_001)}), "20001 entries"),
        (b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 60_000, 60_000, 300 << 20, 0, 0), "table is too long"),
    ],
    ids=["a bomb", "overlapping", "twice", "very many", "a long table"],
)
def test_an_archive_that_is_larger_than_it_can_be_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises((ValueError, zipfile.BadZipFile), match=reason), archive_in(io.BytesIO(data), len(data)):
        pass


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
def test_refusing_an_archive_takes_no_memory_for_what_it_declares() -> None:
    """The peak of a process that looks at a bomb of a gigabyte."""
    program = (
        "import io, zipfile\n"
        "from explorer.reading import archive_in\n"
        "file = io.BytesIO()\n"
        "with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as archive:\n"
        "    with archive.open('a', 'w') as entry:\n"
        "        for _ in range(1024): entry.write(bytes(1 << 20))\n"
        "try:\n"
        "    archive_in(file, len(file.getvalue()))\n"
        "except ValueError:\n"
        "    print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])\n"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(told.stdout) < 200 << 10  # kilobytes
