"""Runs cases in processes of their own and counts what came of them: one that ends its process is counted, and another
process goes on behind it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.hostile.entries import entries
from tests.hostile.workshop import WORKSHOP

ROOT = Path(__file__).resolve().parents[2]
PATHS = (".", "tests", "tests/causal", "tests/generators", "tests/importers", "tests/attributes", "tests/file_kinds",
         "tests/controls", "tests/export")  # fmt: skip
USER = "home of the user"
KEPT = "LATENT_EXPLORER_HOSTILE_KEPT"
"""The environment variable that names a folder in which the files of a case are left."""
ENDED = 10
"""Seconds of CPU after which a case is ended, with its process."""
SHARE = 60
"""Cases that a process is told of at once."""


@dataclass
class Row:
    """What came of the cases of one entry."""

    cases: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    total: float = 0.0
    memory: int = 0
    faults: list[tuple[int, str, str, str]] = field(default_factory=list)
    """(number, what, fault, text)."""

    def add(self, done: dict[str, Any]) -> None:
        """Count one case in."""
        self.cases += 1
        self.outcomes[done["outcome"]] += 1
        self.slowest, self.memory = max(self.slowest, done["seconds"]), max(self.memory, done["memory"])
        self.total += done["seconds"]
        self.faults += [(done["done"], done["what"], fault, done["text"]) for fault in done["faults"]]


class _Process:
    """A worker, started when it is first needed and again when it has ended."""

    def __init__(self, place: Path) -> None:
        self._place, self._process = place, None
        self._home = place / USER
        self._home.mkdir(exist_ok=True)
        self._told = (place / f"stderr-{id(self)}").open("w+")

    def run(self, name: str, numbers: list[int], row: Row) -> None:
        left = list(numbers)
        while left:
            process = self._started()
            begun: dict[str, Any] | None = None
            try:
                process.stdin.write(json.dumps({"entry": name, "numbers": left}) + "\n")
                process.stdin.flush()
                for line in process.stdout:
                    said = json.loads(line)
                    if "begun" in said:
                        begun = said
                    elif "done" in said:
                        row.add(said)
                        left.remove(said["done"])
                        begun = None
                    elif "spoilt" in said:
                        row.faults.append((-1, "no case", "cannot be tried", said["spoilt"]))
                        return
                    else:
                        return
            except BrokenPipeError:
                pass
            code, told = self._ended(), self._said()
            if begun is None:
                raise RuntimeError(f"{name}: the process ended with {code} outside a case: {told[-3000:]}")
            number = begun["begun"]
            fault = {-signal.SIGXCPU: f"takes more than {ENDED} s", 1: "hangs"}.get(
                code, f"ends the process with {code}"
            )
            place = next(
                (line.strip() for line in told.splitlines() if "/explorer/" in line and "/tests/" not in line), ""
            )
            ended = {"done": number, "what": begun["what"], "outcome": "foreign", "faults": [fault]}
            seconds = float(ENDED) if code == -signal.SIGXCPU else 0.0
            row.add({**ended, "text": (place or told[-200:])[-200:], "seconds": seconds, "memory": 0})
            left.remove(number)

    def end(self) -> None:
        if self._process is not None:
            self._process.stdin.close()
            self._ended()
        self._told.close()

    def _ended(self) -> int:
        """Wait for the process; returns how it ended."""
        process, self._process = self._process, None
        code = process.wait()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):  # it has not read all that it was told
            process.stdin.close()
        return code

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._told.seek(0)
            self._told.truncate()
            paths = os.pathsep.join(str(ROOT / path) for path in PATHS)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.hostile.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._told,
                text=True,
                cwd=self._home,
                env={
                    **os.environ,
                    "PYTHONPATH": paths,
                    WORKSHOP: str(self._place),
                    "OMP_NUM_THREADS": "1",
                    "HF_HUB_OFFLINE": "1",
                    "QT_QPA_PLATFORM": "offscreen",
                    "PYTHONWARNINGS": "ignore",
                    "LATENT_EXPLORER_HOME": str(self._place / "home"),
                    "HOME": str(self._home),
                    "HYPOTHESIS_STORAGE_DIRECTORY": str(self._place / "hypothesis"),
                },
            )
        return self._process

    def _said(self) -> str:
        self._told.flush()
        return Path(self._told.name).read_text(errors="replace")


def shared_out(count: int, first: int = 0, kinds: Sequence[str] = ()) -> dict[str, list[int]]:
    """Entry → the numbers of its cases: ``count`` in all, of every entry as many."""
    names = [name for name in entries() if not kinds or any(kind in name for kind in kinds)]
    return {
        name: list(range(first, first + count * (place + 1) // len(names) - count * place // len(names)))
        for place, name in enumerate(names)
    }


def run(numbers: dict[str, list[int]], workers: int = 0) -> dict[str, Row]:
    """Open these cases; entry → what came of them."""
    rows = {name: Row() for name in numbers}
    shares: queue.SimpleQueue[tuple[str, list[int]]] = queue.SimpleQueue()
    for name, own in numbers.items():
        for start in range(0, len(own), SHARE):
            shares.put((name, own[start : start + SHARE]))
    workers = workers or max(1, min(4, os.cpu_count() or 1))

    with tempfile.TemporaryDirectory(prefix="hostile-") as place:

        def work(_: int) -> None:
            process = _Process(Path(place))
            try:
                while True:
                    try:
                        name, own = shares.get_nowait()
                    except queue.Empty:
                        return
                    own_row = Row()
                    process.run(name, own, own_row)
                    with lock:
                        _merge(rows[name], own_row)
            finally:
                process.end()

        lock = threading.Lock()
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, range(workers)))
        # What libraries write that are no Python is heard by no hook.
        if left := sorted(one.name for one in (Path(place) / USER).rglob("*")):
            told = f"leaves {', '.join(left[:3])} in the user's home"
            next(iter(rows.values())).faults.append((-1, "some case", told, ""))
    return rows


def _merge(row: Row, more: Row) -> None:
    row.cases += more.cases
    row.outcomes += more.outcomes
    row.total += more.total
    row.slowest, row.memory = max(row.slowest, more.slowest), max(row.memory, more.memory)
    row.faults += more.faults


def table(rows: dict[str, Row]) -> Iterable[str]:
    """The figures, as a table of Markdown."""
    yield "| kind | cases | opened | refused | faults | slowest (s of CPU) | most memory (MB) |"
    yield "|---|---|---|---|---|---|---|"
    for name, row in rows.items():
        outcomes = row.outcomes
        yield (
            f"| {name} | {row.cases} | {outcomes['opened']} | {outcomes['refused']} | {len(row.faults)} | "
            f"{row.slowest:.2f} | {row.memory >> 20} |"
        )
