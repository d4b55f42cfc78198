"""What a process holds of its machine: memory, threads, open files, shared memory."""

from __future__ import annotations

import gc
import re
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from PySide6.QtCore import qInstallMessageHandler
from PySide6.QtWidgets import QApplication

SHARED = re.compile(r"^RssShmem:\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True)
class Counts:
    """Of one process. ``shared``: mappings of shared memory, 0 where the system does not tell; ``objects``: living
    objects of Qt that belong to the application or to one of its windows, of the window alone."""

    threads: int
    descriptors: int
    shared: int
    objects: int = 0


def counts(process: psutil.Process, objects: int = 0) -> Counts:
    """Of ``process``, now."""
    descriptors = process.num_fds() if hasattr(process, "num_fds") else process.num_handles()
    return Counts(process.num_threads(), descriptors, _shared_mappings(process.pid), objects)


def living_objects() -> Counter[str]:
    """Class → objects of Qt in this process: all below the application and below its windows. Read off what Qt prints
    of them: asked for one by one, each of Qt's own would get a counterpart in Python, some of which outlive it."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    gc.collect()
    lines: list[str] = []
    before = qInstallMessageHandler(lambda kind, context, line: lines.append(line))
    try:
        for root in (*app.topLevelWidgets(), app):
            root.dumpObjectTree()
    finally:
        qInstallMessageHandler(before)
    return Counter(line.strip().partition("::")[0] for line in lines)


def resident(window: psutil.Process, engine: psutil.Process) -> tuple[int, int]:
    """Resident bytes of the two processes. Shared memory counts with the window, which made it."""
    return int(window.memory_info().rss), int(engine.memory_info().rss) - _resident_shared(engine.pid)


def _resident_shared(pid: int) -> int:
    """Bytes of shared memory that are resident in a process; 0 where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    found = SHARED.search(status.read_text()) if status.exists() else None
    return int(found[1]) * 1024 if found else 0


def _shared_mappings(pid: int) -> int:
    maps = Path(f"/proc/{pid}/maps")
    lines = maps.read_text().splitlines() if maps.exists() else []
    # Device, inode and path tell them apart: those without a name in the file system may all be called alike.
    return len({tuple(line.split(maxsplit=5)[3:]) for line in lines if "/dev/shm/" in line or "/memfd:" in line})


def as_json(one: Counts) -> dict[str, int]:
    """By name."""
    return asdict(one)
