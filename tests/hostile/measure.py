"""What one case makes the process do: by an audit hook, the clock of its CPU, and the peak of its memory."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OWN = ("explorer", "torch", "diffusers", "transformers", "safetensors", "numpy", "onnxruntime", "huggingface_hub")
"""Whose modules may be imported when a file is opened: what the program is made of."""
ALSO = (
    "PIL",
    "sklearn",
    "scipy",
    "av",
    "msgspec",
    "networkx",
    "threadpoolctl",
    "joblib",
    "encodings",
    "regex",
    "tokenizers",
)
HARMFUL = ("os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "subprocess.", "pty.spawn")
FOREIGN = ("socket.", "ctypes.dlopen", "marshal.", "code.", "webbrowser.", "urllib.", "ftplib.", "smtplib.")
CHANGING = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "os.chmod", "os.link", "os.symlink")
READABLE = (
    sys.prefix,
    sys.base_prefix,
    str(ROOT),
    "/proc/",
    "/sys/",
    "/dev/null",
    "/dev/urandom",
    "/usr/lib",
    "/etc/mime.types",
)


class Audit:
    """Hears what the interpreter does between ``begin`` and ``end``."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self._folders: tuple[str, ...] = ()
        self._writable: tuple[str, ...] = ()
        self._named: tuple[str, ...] = ()
        self._on = False
        sys.addaudithook(self._hear)

    @contextmanager
    def hearing(
        self, folder: Path, home: Path, writes: bool, named: tuple[str, ...], shared: tuple[str, ...] = ()
    ) -> Iterator[list[str]]:
        """Yield the faults of the block. ``folder``: of the case; ``home``: where the program keeps its own; ``named``:
        paths that the files of the case name, and that may be read for it; ``shared``: folders of what files are opened
        on."""
        self.faults = []
        self._writable = (str(home), tempfile.gettempdir() + "/tmp", *([str(folder)] if writes else []))
        self._folders = (str(folder), *self._writable, *READABLE, *shared)
        self._named, self._on = named, True
        try:
            yield self.faults
        finally:
            self._on = False

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if event == "import":
            if str(arguments[0]).split(".")[0] not in (*OWN, *ALSO):
                self.faults.append(f"imports {arguments[0]}")
        elif event.startswith(HARMFUL):
            self.faults.append(f"starts a process ({event})")
        elif event == "code.__new__" and str(arguments[1]).startswith(("av/", "numpy/")):
            return  # Cython's way to tell where an error was raised
        elif event == "marshal.loads" and sys._getframe(1).f_code.co_filename.startswith("<frozen importlib"):
            return  # of a module, whose name was heard
        elif event.startswith(FOREIGN):
            self.faults.append(f"does {event} {str(arguments[:1])[:80]}")
        elif event == "pickle.find_class":
            self.faults.append(f"unpickles {arguments[0]}.{arguments[1]}")
        elif event == "exec" and isinstance(arguments[0], CodeType):
            file = arguments[0].co_filename
            if not file.startswith(("<", sys.prefix, sys.base_prefix, str(ROOT))):
                self.faults.append(f"runs {file}")
        elif event == "open":
            self._opened(arguments[0], arguments[2])
        elif event in CHANGING:
            self._within(arguments[0], self._writable, "changes")

    def _opened(self, path: object, flags: object) -> None:
        writing = isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if path == os.devnull or isinstance(path, int):
            return
        self._within(path, self._writable if writing else self._folders, "writes" if writing else "reads")

    def _within(self, path: object, folders: tuple[str, ...], verb: str) -> None:
        if isinstance(path, bytes | os.PathLike):
            path = os.fsdecode(path)
        if not isinstance(path, str):
            return
        place = os.path.abspath(path)
        if not place.startswith(folders) and not (verb == "reads" and place in self._named):
            self.faults.append(f"{verb} {place[:120]}")


def memory(field: str) -> int:
    """Bytes of memory of this process: ``VmRSS`` now, ``VmHWM`` at most since :func:`forget_peak`, ``VmSize``."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"Linux does not say {field}")


def forget_peak() -> None:
    """Let the highest memory be that of now (``proc(5)``, ``clear_refs``)."""
    Path("/proc/self/clear_refs").write_text("5")
