"""The door by which strangers' files come in (:mod:`explorer.reading`)."""

from __future__ import annotations

import ast
import io
import os
import signal
import socket
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import explorer
from explorer.arrays import read_npy, read_npz, read_pickle
from explorer.causal import model_file
from explorer.causal.formats.registry import read_graph
from explorer.checkpoint import read_json, read_safetensors, read_torch_value
from explorer.controls import control_set
from explorer.errors import Cancelled, ControlError, ExplorerError, ModelError
from explorer.export import embed
from explorer.file_kinds import registry as file_kinds
from explorer.importers import files as importers
from explorer.importers.registry import is_known
from explorer.onnx_graphs.session import read_header
from explorer.picture_file import open_picture
from explorer.reading import (
    UNPACKED_BYTES,
    archive_in,
    bounded,
    check_json,
    foreign,
    opened,
    read_file,
    unpacked,
    whole,
)
from explorer.scene.labels import load_labels
from explorer.scene.store import load_scene
from explorer.training.base import read_recipe
from explorer.ui.files.dropping import kind_of


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


@pytest.mark.parametrize("text", [b"[" + b"{}," * 3_000_000 + b"{}]", b"[" + b"[]," * 9_000_000 + b"[]]"])
def test_a_text_of_json_is_weighed_before_it_is_read(text: bytes) -> None:
    with pytest.raises(ValueError, match="within a file of"):
        check_json(text)
    assert check_json(text[:30_000]) == text[:30_000]


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


# --- nobody goes beside it -------------------------------------------------------------------------------------------

OPENERS = {
    "read_bytes", "read_text", "open", "fdopen", "load", "loadtxt", "genfromtxt", "fromfile", "memmap", "ZipFile",
    "safe_open", "load_file", "QFile", "QImageReader",
}  # fmt: skip
MODULES = {"Image", "av", "np", "numpy", "torch", "zipfile", "io", "os", "safetensors", "tarfile", "gzip"}
"""Those whose ``open`` and ``load`` read files; elsewhere these are methods of our own."""
BESIDE_THE_DOOR = {
    "reading.py": "the door itself",
    "bench/kill_window.py": "what Linux says of the bench's own processes",
    "bench/soak/fresh.py": "what the bench's own process has written",
    "bench/soak/run.py": "what the bench's own process has written",
    "bench/soak/usage.py": "what Linux says of the bench's own processes",
    "files.py": "an empty file is made",
    "leftovers.py": "a file is made",
    "service/frames.py": "memory that the window and its engine share",
    "service/process.py": "the log of a process that this one has started",
    "picture_file.py": "an open file of the door's is given to Pillow",
    "ui/look/icons.py": "a drawing that comes with the program",
    "ui/landscape/figure.py": "what was written a moment ago",
    "export/gif.py": "what was written a moment ago",
    "export/onnx_graph.py": "what was written a moment ago",
    "export/encoded_file.py": "what is being written",
    "export/video.py": "what was written a moment ago; and films whose provenance the door has read",
    "causal/structure_search.py": "the pipe of the process that started this one",
    "training/folder.py": "what this program keeps, sealed",
    "training/loop.py": "what this program keeps",
    "discovery/trained.py": "what this program keeps, sealed",
}
PACKAGE = Path(explorer.__file__).parent


def _reads_a_file(call: ast.Call) -> bool:
    """Whether ``call`` opens a file to read it, as far as its name and its mode tell."""
    name = call.func
    if isinstance(name, ast.Name):
        is_opener = name.id in ("open", "ZipFile", "safe_open", "load_file")
    elif isinstance(name, ast.Attribute) and name.attr in OPENERS:
        # A method called open, of an object of our own, has another first argument than a mode.
        of_module = isinstance(name.value, ast.Name) and name.value.id in MODULES
        mode = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else ""
        is_mode = isinstance(mode, str) and 0 < len(mode) <= 3 and set(mode) <= set("rwaxbt+")
        is_opener = of_module or name.attr not in ("open", "load") or is_mode
    else:
        return False
    modes = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    modes += [keyword.value.value for keyword in call.keywords if isinstance(keyword.value, ast.Constant)]
    return is_opener and not any(isinstance(mode, str) and mode[:1] in ("w", "a", "x") for mode in modes)


def test_no_other_part_of_the_program_opens_files_to_read_them() -> None:
    beside: dict[str, int] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _reads_a_file(node):
                beside.setdefault(path.relative_to(PACKAGE).as_posix(), node.lineno)
    assert {name: line for name, line in beside.items() if name not in BESIDE_THE_DOOR} == {}
    assert set(BESIDE_THE_DOOR) <= set(beside), "a reason for what is no longer done"


READERS: dict[str, Callable[[Path], object]] = {
    "a tensor file": read_safetensors, "a PyTorch file": read_torch_value, "JSON": read_json, "an array": read_npy,
    "arrays": read_npz, "a pickle": read_pickle, "a picture": open_picture, "a scene": load_scene,
    "an export": embed.read, "labels": load_labels,
    "a recipe": lambda path: read_recipe(str(path)), "a graph": read_graph, "a causal model": model_file.load,
    "controls": control_set.load, "controls of others": importers.opened, "an ONNX network": read_header,
}  # fmt: skip
LOOKS: dict[str, Callable[[Path], object]] = {
    "what it is": file_kinds.sentence, "what it is good for": file_kinds.use, "what was dropped": kind_of,
    "whether it holds controls": is_known, "whether it carries a scene": embed.carries_scene,
}  # fmt: skip
SUFFIXES = (
    "",
    ".pt",
    ".pkl",
    ".npz",
    ".csv",
    ".json",
    ".safetensors",
    ".png",
    ".mp4",
    ".svg",
    ".onnx",
    ".toml",
    ".ckpt",
)


@pytest.fixture
def at_once() -> Iterator[None]:
    """A test that waits for ever fails in ten seconds."""

    def waited(number: int, frame: object) -> None:
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, waited)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(params=["a pipe", "a device", "a socket", "a folder", "nothing"])
def no_file(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Path]:
    """Something of the name that is no regular file."""

    def made(name: str) -> Path:
        path = tmp_path / name
        if request.param == "a pipe":
            os.mkfifo(path)
        elif request.param == "a device":
            path.symlink_to("/dev/zero")
        elif request.param == "a socket":
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind(str(path))
        elif request.param == "a folder":
            path.mkdir()
        return path

    return made


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("reader", READERS)
def test_no_reader_waits_for_what_is_no_file(no_file: Callable[[str], Path], reader: str) -> None:
    for suffix in SUFFIXES:
        with pytest.raises(ExplorerError):
            READERS[reader](no_file(f"a{suffix}"))


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("look", LOOKS)
def test_whoever_looks_first_does_not_wait_either(no_file: Callable[[str], Path], look: str) -> None:
    for suffix in SUFFIXES:
        with suppress(ExplorerError):
            LOOKS[look](no_file(f"a{suffix}"))
    folder = no_file("folder")
    if not folder.exists():
        folder.mkdir()
        no_file("folder/config.json")
        LOOKS[look](folder)


def test_no_more_is_unpacked_than_the_table_says() -> None:
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = packed.compress(bytes(64 << 20)) + packed.flush()
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 33, 0, len(stream), 16, 1, 0) + b"a" + stream
    entry = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 8, 0, 33, 0, len(stream), 16, 1, 0, 0, 0, 0, 0, 0)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(entry) + 1, len(local), 0)
    data = local + entry + b"a" + end
    tracemalloc.start()
    with archive_in(io.BytesIO(data), len(data)) as archive, suppress(zipfile.BadZipFile):  # its sum is another's
        assert len(unpacked(archive, archive.infolist()[0])) == 16
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()
