"""The start of the window: nothing heavy is imported, and no display is one sentence."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from explorer.ui.window import display

HEAVY = ("torch", "diffusers", "transformers", "scipy", "sklearn", "numpy", "av", "PIL", "psutil")


def run(code: str, **changed: str | None) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in {**os.environ, **changed}.items() if value is not None}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_window_imports_nothing_heavy() -> None:
    modules = "explorer.ui.window.app, explorer.ui.window.lifecycle, explorer.ui.window.main_window"
    done = run(f"import {modules}, sys; print([name for name in {HEAVY} if name in sys.modules])")
    assert done.stdout.strip() == "[]", done.stderr


START = "import sys; from explorer.ui.window.app import main; sys.exit(main())"
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a display is a variable only there")


@on_linux
@pytest.mark.parametrize("display", [None, ":7654"])
def test_without_a_display_it_says_so(display: str | None) -> None:
    done = run(START, QT_QPA_PLATFORM=None, DISPLAY=display, WAYLAND_DISPLAY=None)
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert ("There is no display" if display is None else "does not answer") in lines[0] or "library" in lines[0]


@on_linux
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"QT_QPA_PLATFORM": None, "WAYLAND_DISPLAY": "wayland-99"},
            "The Wayland display 'wayland-99' does not answer",
        ),
        ({"QT_QPA_PLATFORM": None, "WAYLAND_DISPLAY": "/nowhere/socket"}, "'/nowhere/socket' does not answer"),
        ({"QT_QPA_PLATFORM": "wayland", "WAYLAND_DISPLAY": None}, "The Wayland display 'wayland-0' does not answer"),
        ({"QT_QPA_PLATFORM": "wayland;xcb", "WAYLAND_DISPLAY": "wayland-99"}, "does not answer"),
        ({"QT_QPA_PLATFORM": "nonsense", "WAYLAND_DISPLAY": None}, "Qt has no platform 'nonsense' here"),
    ],
)
def test_a_platform_that_shows_nothing_is_one_sentence(
    tmp_path: Path, changed: dict[str, str | None], words: str
) -> None:
    done = run(START, DISPLAY=None, XDG_RUNTIME_DIR=str(tmp_path), XDG_SESSION_TYPE=None, **changed)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert words in line


@on_linux
def test_a_wayland_display_that_answers_is_left_to_qt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as compositor:
        compositor.bind(str(tmp_path / "wayland-7"))
        compositor.listen()
        for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_SOCKET"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-7")
        monkeypatch.setattr(display, "_missing_library", lambda pattern: "")
        assert display.problem() == ""
        assert "QT_QPA_PLATFORM" not in os.environ


@on_linux
def test_an_x_display_takes_the_place_of_a_stale_wayland_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-99")
    monkeypatch.setenv("DISPLAY", ":1")
    monkeypatch.setattr(display, "_missing_library", lambda pattern: "")
    monkeypatch.setattr(display, "_unreachable", lambda name: "")
    assert display.problem() == ""
    assert os.environ["QT_QPA_PLATFORM"] == "xcb"  # Qt is spared the attempt, and the user its complaints
    monkeypatch.setenv("QT_QPA_PLATFORM", "wayland;xcb")
    assert display.problem() == ""
    assert os.environ["QT_QPA_PLATFORM"] == "wayland;xcb"  # what was asked for stays


@pytest.mark.parametrize(("width", "height"), [(1024, 700), (1366, 768), (1440, 900), (2560, 1440)])
def test_the_first_window_fits_on_the_screen_with_its_frame(tmp_path: Path, width: int, height: int) -> None:
    screen = {"name": "small", "x": 0, "y": 0, "width": width, "height": height}
    screen |= {"logicalDpi": 96, "logicalBaseDpi": 96, "dpr": 1}
    (tmp_path / "screen.json").write_text(json.dumps({"screens": [screen]}))
    code = (
        "import sys; from PySide6.QtCore import QTimer; from explorer.ui.window.app import main\n"
        "sys.exit(main(made=lambda window: print(window.width(), window.height(), window.minimumSizeHint().width())))"
    )
    platform = f"offscreen:configfile={tmp_path / 'screen.json'}"
    done = run(code, QT_QPA_PLATFORM=platform, LATENT_EXPLORER_QUIT_AFTER="0.2")
    assert done.returncode == 0, done.stderr
    shown = [int(number) for number in done.stdout.split()]
    assert shown[0] == max(min(1440, width - 16), shown[2])
    assert shown[1] == min(900, height - 48)
    assert shown[2] <= width
