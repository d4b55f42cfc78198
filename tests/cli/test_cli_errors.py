"""Bad input on the command line: one line that says what to do, exit code 2, no traceback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from explorer import __version__
from explorer.cli import main as command
from explorer.cli.gui import require_display
from explorer.cli.main import run
from explorer.cli.progress import duration
from explorer.errors import Cancelled, ExplorerError
from explorer.files import package_folder

LONG = 300 * "a"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["rendr"], "Did you mean 'render'?"),
        (["render"], "Missing argument 'MODEL'"),
        (["render", "nope", "-o", "a.png"], "'{here}/nope' does not exist; check the path."),
        (["render", "{model}", "-o", "a.jpg"], "'a.jpg' does not end in .png"),
        (["render", "{model}", "--seed", "-1", "-o", "a.png"], "'--seed'"),
        (["render", "{model}", "--seed", "4294967296", "-o", "a.png"], "'--seed'"),
        (["render", "{model}", "--seed", "x", "-o", "a.png"], "'--seed'"),
        (["render", "{model}", "--psi", "1.6", "-o", "a.png"], "'--psi'"),
        (["render", "{model}", "--psi", "nan", "-o", "a.png"], "psi"),
        (["render", "{model}", "--move", "z0", "-o", "a.png"], "not of the form NAME=AMOUNT"),
        (["render", "{model}", "--move", "z0=inf", "-o", "a.png"], "'--move': 'inf' is no number"),
        (["render", "{model}", "--move", "z0=1e9", "-o", "a.png"], "must be between -1000 and 1000"),
        (["render", "{model}", "--move", "z0=1", "--move", "z0=2", "-o", "a.png"], "twice"),
        (["render", "{model}", "--move", "z0=1", "--window", "z0=1", "-o", "a.png"], "not of the form HIGH:LOW"),
        (["render", "{model}", "--move", "z0=1", "--window", "z1=1:0", "-o", "a.png"], "not of the form NAME=HIGH:LOW"),
        (["render", "{model}", "--move", "z0=1", "--window", "z0=0.2:0.6", "-o", "a.png"], "must fall, within 1"),
        (["render", "{model}", "--move", "z0=1", "--window", "z0=0.6:0", "-o", "a.png"], "in one go, so no control"),
        (["render", "{model}", "--move", "z9=1", "-o", "a.png"], "There is no control 'z9'"),
        (["render", "{model}", "--move", "z00=1", "-o", "a.png"], "did you mean 'z0'?"),
        (["render", "{model}", "--controls", "sefaa", "-o", "a.png"], "did you mean 'sefa'?"),
        (["render", "{model}", "--controls", "nope.safetensors", "-o", "a.png"], "neither a control set's file nor"),
        (["render", "{model}", "--controls", "{recipe}", "-o", "a.png"], "control set"),
        (["render", "{model}", "--family", "gann", "-o", "a.png"], "no family 'gann'"),
        (["render", "{recipe}", "-o", "a.png"], "tiny.toml"),
        (["render", "{model}", "-o", "{recipe}/a.png"], "cannot be written"),
        (["discover", "{model}", "--method", "pcaa", "-o", "a.safetensors"], "did you mean 'pca'?"),
        (["discover", "{model}", "--method", "pca", "-o", "a.npz"], "does not end in .safetensors"),
        (["discover", "{model}", "--method", "pca", "-k", "9", "-o", "a.safetensors"], "9 controls were asked for"),
        (["discover", "{model}", "--method", "pca", "-k", "0", "-o", "a.safetensors"], "'-k'"),
        (["discover", "{model}", "--method", "pca", "--set", "x", "-o", "a.safetensors"], "NAME=VALUE"),
        (["discover", "{model}", "--method", "pca", "--set", "x=1", "-o", "a.safetensors"], "'x'"),
        (["traverse", "{model}", "--control", "z0", "-o", "a.avi"], "unknown extension"),
        (["traverse", "{model}", "--control", "z0", "-o", "a.png"], "is no film"),
        (["traverse", "{model}", "--control", "z7", "-o", "a.mp4"], "There is no control 'z7'"),
        (["traverse", "{model}", "--control", "z0", "--from", "inf", "-o", "a.mp4"], "'--from': 'inf' is no number"),
        (["traverse", "{model}", "--control", "z0", "--loop", "ping_pong", "--frames", "5", "-o", "a.mp4"], "even"),
        (["traverse", "{model}", "--control", "z0", "--loop", "twice", "-o", "a.mp4"], "'--loop'"),
        (["traverse", "{model}", "--control", "z0", "--frames", "1", "-o", "a.mp4"], "'--frames'"),
        (["sheet", "{model}", "-o", "a.mp4"], "is no contact sheet"),
        (["sheet", "{model}", "--amounts", "1,x", "-o", "a.png"], "'x' is no number"),
        (["sheet", "{model}", "--range", "wide", "-o", "a.png"], "'--range'"),
        (["sheet", "{model}", "--range", "codebook", "-o", "a.png"], "has no codebook"),
        (["sheet", "{model}", "--range", "minmax", "--amounts", "1", "-o", "a.png"], "not both"),
        (["sheet", "{model}", "--columns", "3", "-o", "a.png"], "leave --columns out"),
        (["sheet", "{model}", "--seeds", "1,x", "-o", "a.png"], "'x' is no list of seeds"),
        (["sheet", "{model}", "--seeds", "4294967296", "-o", "a.png"], "largest there is"),
        (["train", "nope", "-o", "x"], "There is no recipe 'nope'"),
        (["replay", "nope.mp4"], "cannot be read"),
        (["replay", "{recipe}", "-o", "a.mp4"], "carries no scene"),
        (["inspect", "nope"], "does not exist"),
        (["render", LONG, "-o", "a.png"], "longer than the name of a file can be"),
        (["render", "{model}", "--controls", LONG, "-o", "a.png"], "longer than the name of a file can be"),
        (["render", "{model}", "-o", f"{LONG}.png"], "choose a shorter name"),
        (["train", "{recipe}", "-o", LONG], "too long"),
        (["replay", LONG], "too long"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    model: str,
    tiny_recipe: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
) -> None:
    filled = [text.format(model=model, recipe=tiny_recipe) for text in arguments]
    assert run(filled) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert sentence.format(here=tmp_path) in err
    assert list(tmp_path.iterdir()) == []


def test_a_picture_is_written_through_a_symbolic_link(model: str, tmp_path: Path) -> None:
    (tmp_path / "latest.png").symlink_to(tmp_path / "disk" / "picture")
    assert run(["render", model, "-o", "latest.png"]) == 0
    assert (tmp_path / "latest.png").is_symlink()
    assert (tmp_path / "disk" / "picture").read_bytes().startswith(b"\x89PNG")


def test_a_device_that_does_not_exist_is_one_line(
    model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_DEVICE", "abacus")
    assert run(["render", model, "-o", "a.png"]) == 2
    assert "The device 'abacus' cannot be used here" in capsys.readouterr().err


def test_no_display_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    for arguments in ([], ["gui"], ["bench"]):
        assert run(arguments) == 2
        assert "There is no display to open a window on" in capsys.readouterr().err
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(ExplorerError, match="The Wayland display 'wayland-0' does not answer"):
        require_display()
    with socket.socket(socket.AF_UNIX) as compositor:
        compositor.bind(str(tmp_path / "wayland-0"))
        compositor.listen()
        require_display()


def test_the_window_is_told_what_was_asked_for_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without options it must open the last session or a shipped model, not a model called ''."""
    from explorer.ui.window import app

    told: list[tuple[str | None, Path | None]] = []

    def main(model: str | None = None, scene: Path | None = None) -> int:
        told.append((model, scene))
        return 0

    monkeypatch.setattr(app, "main", main)
    for arguments in ([], ["gui"], ["--model", "a"], ["gui", "--model", "b", "--scene", "c.json"]):
        assert run(arguments) == 0
    assert told == [(None, None), (None, None), ("a", None), ("b", Path("c.json"))]


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "stopped"),
        (Cancelled(), 130, "stopped"),
        (MemoryError(), 2, "not enough memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), 2, "not enough memory"),
        (ExplorerError("Two\nlines."), 2, "error: Two lines."),
        (BrokenPipeError(), 0, ""),
    ],
)
def test_how_a_command_ends(
    raised: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise raised

    monkeypatch.setattr(command, "app", fail)
    if isinstance(raised, BrokenPipeError):
        closed: list[bool] = []
        monkeypatch.setattr(sys, "stderr", type("Stream", (), {"close": lambda self: closed.append(True)})())
        assert run([]) == code
        assert closed == [True]
    else:
        assert run([]) == code
        assert said in capsys.readouterr().err


def test_a_fault_of_the_program_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(command, "app", fail)
    with pytest.raises(ZeroDivisionError):
        run([])


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert __version__ in capsys.readouterr().out
    assert run(["--help"]) == 0
    help_text = capsys.readouterr().out
    for name in (
        "gui",
        "models",
        "methods",
        "inspect",
        "render",
        "discover",
        "traverse",
        "sheet",
        "measure",
        "train",
        "replay",
        "bench",
    ):
        assert f"\n  {name} " in help_text
        assert run([name, "--help"]) == 0
        assert "Usage" in capsys.readouterr().out


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (65, "1 min 05 s"), (7260, "2 h 01 min")])
def test_durations_are_readable(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    return subprocess.run(
        [sys.executable, "-m", "explorer", *arguments],
        capture_output=True,
        text=True,
        env={**kept, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), **environment},
    )


def test_a_process_with_bad_input_ends_with_one_line_and_no_traceback() -> None:
    ended = process("render", "no-such-model", "-o", "a.png")
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("error: ")
    assert ended.stderr.count("\n") == 1
    assert "Traceback" not in ended.stderr


def test_json_is_all_that_a_process_prints() -> None:
    import json

    ended = process("methods", "--json")
    assert ended.returncode == 0
    assert json.loads(ended.stdout)
    assert ended.stderr == ""


def test_an_allocation_that_torch_refuses_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    monkeypatch.setattr(command, "app", lambda *arguments, **options: torch.empty(2**60))
    assert run([]) == 2
    assert "not enough memory" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["utf-8:strict", "latin-1:strict"])
def test_names_that_a_terminal_cannot_write_end_nothing(tmp_path: Path, encoding: str) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.safetensors")).write_bytes(b"no model")
    shutil.copytree(package_folder("models") / "known-equal", tmp_path / os.fsdecode(b"\xe9"))
    command = [sys.executable, "-m", "explorer", "models", "--folder", str(tmp_path)]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"known factors" in done.stdout
