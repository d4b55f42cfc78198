"""The real window with a real process in place of its engine, or on a machine with a fault: it says a sentence."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[1]  # where what drives the program lies
MODEL = "known-equal"
BROKEN = 'raise ImportError("libtorch.so: cannot open shared object file")'
STUCK = "import time; time.sleep(600)"


def hear(fault: str, pattern: str, *model: str, times: int = 1, **environment: str) -> str:
    """What the window says first that fits ``pattern``, and, ``times`` - 1 times, whatever is said after that. Fails
    where it ends before, or ends badly."""
    command = [sys.executable, str(HERE / "engine_faults.py"), fault, *model]
    settings = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(HERE.parents[1]), **environment}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=settings
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        said: list[str] = []
        while line := program.stdout.readline():
            said.append(line.partition(" ")[2].strip())
            if re.search(pattern, said[-1]):
                break
        _, complaint = program.communicate("over\n")
    assert said, complaint
    assert re.search(pattern, said[-1]), (said, complaint)
    assert program.returncode == 0, complaint
    return said[-1]


@pytest.mark.parametrize(
    ("fault", "pattern"),
    [
        ("no python", r"^The engine could not be started \(No such file or directory\); .*'/nonexistent/python'"),
        ("no memory", r"^There is no memory in which pictures could be passed on"),
        ("old", r"^The engine is that of another version of the program"),
        ("garbled", r"^The engine has sent what is no answer"),
        ("giant", r"^The engine has sent what is no answer"),
        ("dumb", r"^The engine has not started after \d+ seconds, and does nothing; it is waited for"),
        ("bytes", r"^The engine stopped \(GarbledError: 64 bytes are no message.* being restarted"),
    ],
)
def test_the_window_says_what_is_wrong_with_the_engine(fault: str, pattern: str) -> None:
    sentence = hear(fault, pattern, MODEL)
    assert "your scene is untouched" in sentence


@pytest.mark.parametrize("fault", ["garbled", "giant"])
def test_an_engine_that_cannot_be_understood_stays_down_in_the_end(fault: str) -> None:
    assert hear(fault, "It stays down")


@pytest.mark.parametrize(
    ("source", "pattern"),
    [
        (
            BROKEN,
            r"^The engine could not start \(ImportError: libtorch.so: cannot open.*\); details are in .*engine.log",
        ),
        (STUCK, r"^The engine has not started after \d+ seconds, and does nothing"),
    ],
    ids=["broken", "stuck"],
)
def test_the_window_says_that_torch_cannot_be_imported(tmp_path: Path, source: str, pattern: str) -> None:
    (tmp_path / "torch.py").write_text(source)
    assert hear("none", pattern, MODEL, PYTHONPATH=os.pathsep.join((str(tmp_path), str(HERE.parents[1]))))


def test_a_model_whose_name_is_not_utf_8_is_refused_and_others_open(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.pt")
    Path(path).write_bytes(b"anything")
    assert hear("none", r"caf�\.pt' cannot be used: the name is not UTF-8", path)


@pytest.mark.parametrize("place", ["missing", "long", "file"])
def test_where_temporary_files_lie_is_nothing_to_the_engine(tmp_path: Path, place: str) -> None:
    folder = tmp_path / place
    if place == "long":
        folder = tmp_path.joinpath(*["a long name " * 8] * 4)
        folder.mkdir(parents=True)
    elif place == "file":
        folder.write_text("")
    assert hear("none", "^picture$", MODEL, TMPDIR=str(folder))


@pytest.mark.parametrize("what", ["missing", "file"])
def test_a_state_folder_that_cannot_be_written_costs_no_picture(tmp_path: Path, what: str) -> None:
    home = tmp_path / "file"
    home.write_text("")
    assert hear("none", "^picture$", MODEL, LATENT_EXPLORER_HOME=str(home / "below" if what == "missing" else home))
