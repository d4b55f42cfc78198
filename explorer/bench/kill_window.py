"""The window's process is killed while its scene changes and a film is exported, and started again."""

from __future__ import annotations

import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from explorer.errors import ExplorerError

MODEL = "shapes-btcvae"
LIVES = (1.5, 4.0)  # seconds for which the scene changes
PATIENCE = 180.0
SHARED = "/dev/shm/"
OF_TORCH = "torchinductor_"
"""How a folder begins that torch makes for whoever imports it, and keeps."""


@dataclass(frozen=True)
class Life:
    """One window. ``restored``: the seed that it began with; ``changes``: seed → when it was set; ``processes``: its
    own and its engine's; ``memory``: files of memory that these share."""

    restored: int
    changes: dict[int, float]
    processes: tuple[int, ...]
    memory: frozenset[Path]
    killed: float
    started: float  # seconds until there was a picture


def measure(rounds: int, say: Callable[[str], None] = lambda line: None, model: str = MODEL) -> dict[str, object]:
    """Kill the window ``rounds`` times, each time at another moment, and start it again.

    ``came_back``: windows of whose changes some were there at the next start; ``lost_seconds``: how old the oldest
    change was, when the window was killed, that did not come back; ``left_behind``: files, shared memory and processes
    of killed windows that are there when the next one has its picture, or after the last has been closed. Raises
    :class:`ExplorerError`.
    """
    chance = random.Random(rounds)
    lost: list[float] = []
    came_back = 0
    starts: list[float] = []
    left: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        before: Life | None = None
        for number in range(rounds + 1):
            last = number == rounds
            say("the last window is closed" if last else f"window {number + 1} of {rounds} is killed")
            life = _lived(place, model if number == 0 else "", chance.uniform(*LIVES), before, left, last)
            starts.append(life.started)
            if before is not None:
                lost.append(_lost(before, life.restored))
                came_back += life.restored in before.changes
            before = life
        left.extend(_left(place, before, films=False))
    return {
        "model": model,
        "killed": rounds,
        "came_back": came_back,
        "lost_seconds": {"median": round(statistics.median(lost), 2), "max": round(max(lost), 2)},
        "left_behind": sorted(set(left)),
        "start_seconds": {"median": round(statistics.median(starts), 2), "max": round(max(starts), 2)},
    }


def _lived(place: Path, model: str, seconds: float, before: Life | None, left: list[str], in_order: bool) -> Life:
    """A window from its start to its end; to ``left`` is added what is left of the one ``before`` when this one has
    its picture."""
    command = [sys.executable, "-m", "explorer.bench.restless", model, str(place / "films")]
    for name in ("films", "temporary"):
        (place / name).mkdir(exist_ok=True)
    environment = {**os.environ, "LATENT_EXPLORER_HOME": str(place / "home"), "TMPDIR": str(place / "temporary")}
    begun = time.time()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as window:
        limit = threading.Timer(PATIENCE, window.kill)
        limit.start()
        try:
            assert window.stdout is not None
            word, *told = (window.stdout.readline() or "nothing").split()
            if word != "restored":
                raise ExplorerError("The window has no picture; start it once by hand.")
            restored, engine = map(int, told)
            started = time.time() - begun
            if before is not None:
                left.extend(_left(place, before, films=True))
            memory = _shared((window.pid, engine))
            changes: dict[int, float] = {}
            end = time.time() + seconds
            while time.time() < end and (line := window.stdout.readline()):
                seed, moment = line.split()
                changes[int(seed)] = float(moment)
            killed = time.time()
            window.send_signal(signal.SIGTERM if in_order else signal.SIGKILL)
            for line in window.stdout:  # what it had said by then
                seed, moment = line.split()
                changes[int(seed)] = float(moment)
            window.wait()
        finally:
            limit.cancel()
            window.kill()
    return Life(restored, changes, (window.pid, engine), memory, killed, started)


def _lost(life: Life, restored: int) -> float:
    """Seconds."""
    missing = [moment for seed, moment in life.changes.items() if seed > restored]
    return max(0.0, life.killed - min(missing)) if missing else 0.0


def _left(place: Path, life: Life | None, films: bool) -> list[str]:
    """What there is of ``life`` that should not be; ``films``: one of a window that lives is being written. Processes
    and what they are removing have ten seconds."""
    limit = time.time() + 10.0
    while True:
        left = [f"process {number}" for number in (life.processes if life else ()) if psutil.pid_exists(number)]
        left += [str(memory) for memory in (life.memory if life else ()) if memory.exists()]
        half = [path for path in place.rglob(".*") if path.is_file()]
        records = [path for path in (place / "home" / "state" / "under-way").glob("*") if path.is_file()]
        temporary = [path for path in (place / "temporary").iterdir() if not path.name.startswith(OF_TORCH)]
        for kind, most in ((half, int(films)), (records, int(films)), (temporary, 0)):
            left.extend(path.name for path in kind[most:])
        if not left or time.time() > limit:
            return left
        time.sleep(0.1)


def _shared(processes: tuple[int, ...]) -> frozenset[Path]:
    """Files of shared memory that ``processes`` have open, as Linux tells."""
    maps = [Path(f"/proc/{number}/maps") for number in processes]
    lines = [line for one in maps if one.exists() for line in one.read_text().splitlines()]
    return frozenset(Path(line[line.index(SHARED) :]) for line in lines if SHARED in line and "(deleted)" not in line)
