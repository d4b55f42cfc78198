"""Told to end by a signal, a command leaves nothing half written and says so by its exit code."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="signals of POSIX")

PATIENCE = 240.0  # seconds: a limit for a hang, not a measurement


def ended(
    arguments: list[str], number: int, is_at_work: Callable[[str], bool], log: Path, before: str = ""
) -> tuple[int, str]:
    """Exit code and stderr of the command, to which ``number`` was sent as soon as ``is_at_work`` says so of what it
    has written to stderr. ``before``: Python that is run in its process first, as a shell would."""
    command = [sys.executable, "-m", "explorer", *arguments]
    if before:
        command = [sys.executable, "-c", f"import os, signal; {before}; os.execv({sys.executable!r}, {command!r})"]
    with log.open("w") as stderr:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr)
    try:
        limit = time.monotonic() + PATIENCE
        while not is_at_work(log.read_text()):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < limit, "it never came to its work"
            time.sleep(0.02)
        process.send_signal(number)
        process.wait(PATIENCE)
    finally:
        process.kill()  # where it has not ended by itself
    return process.returncode, log.read_text()


@pytest.mark.parametrize(
    ("name", "number"), [("film.mp4", signal.SIGTERM), ("film", signal.SIGHUP), ("film.gif", signal.SIGHUP)]
)
def test_an_export_that_is_told_to_end_leaves_nothing(
    name: str, number: signal.Signals, model: str, tmp_path: Path
) -> None:
    arguments = ["traverse", model, "--control", "z0", "--frames", "200000", "-o", str(tmp_path / "out" / name)]
    (tmp_path / "out").mkdir()
    code, told = ended(arguments, number, lambda told: any((tmp_path / "out").iterdir()), tmp_path / "log")
    assert code == 128 + number
    assert told.splitlines()[-1] == "stopped"
    assert "Traceback" not in told
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_training_that_is_told_to_end_can_go_on(number: signal.Signals, tiny_recipe: Path, tmp_path: Path) -> None:
    """Also before its first checkpoint would have been due."""
    recipe, out = tmp_path / "long.toml", tmp_path / "run"
    long = tiny_recipe.read_text().replace("steps = 2", "steps = 1000000").replace("every = 1", "every = 500000")
    recipe.write_text(long)
    arguments = ["train", str(recipe), "-o", str(out)]
    code, told = ended(arguments, number, lambda told: "step 1 of 1000000" in told, tmp_path / "log")
    assert code == 128 + number
    assert f"stopped; the same command goes on from the last checkpoint in '{out}'" in told
    assert (out / "checkpoint.pt").is_file()
    assert not list(out.glob(".checkpoint-*"))


def test_a_signal_that_is_ignored_stays_ignored(model: str, tmp_path: Path) -> None:
    """As under nohup: the terminal is closed, and the film is finished."""
    out = tmp_path / "out" / "film.mp4"
    out.parent.mkdir()
    arguments = ["traverse", model, "--control", "z0", "--frames", "60", "-o", str(out)]
    started = lambda told: any((tmp_path / "out").iterdir())  # noqa: E731
    ignoring = "signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    code, told = ended(arguments, signal.SIGHUP, started, tmp_path / "log", ignoring)
    assert code == 0, told
    assert out.is_file()
