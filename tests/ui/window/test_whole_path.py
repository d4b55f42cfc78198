"""The whole path in a real window on a virtual display, with the real engine and no stand-ins."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from explorer.generators.registry import shipped_models

HERE = Path(__file__).resolve().parents[1]  # where what drives the program lies
LIMIT = 900  # seconds for one run of the program: a limit for a hang, not a measurement

pytestmark = [
    pytest.mark.window,
    pytest.mark.skipif(shutil.which("Xvfb") is None, reason="a real window needs Xvfb (apt install xvfb)"),
]


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A virtual display of our own, ``:7``."""
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "1500x940x24", "-nolisten", "tcp", "-noreset"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    number = server.stdout.readline().strip()
    assert number, "Xvfb did not start"
    yield f":{number}"
    server.terminate()
    server.wait()
    server.stdout.close()


class Program:
    """Starts the program with a script in it, on the display, with a home of its own."""

    def __init__(self, display: str, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "QT_QPA_PLATFORM": "xcb",
            "DISPLAY": display,
            "LATENT_EXPLORER_HOME": str(folder / "home"),
            "PYTHONPATH": str(HERE.parents[1]),
            "OMP_NUM_THREADS": "1",
        }
        self.environment.pop("WAYLAND_DISPLAY", None)

    def command(self, script: str, models: list[str]) -> list[str]:
        return [sys.executable, str(HERE / "whole_path.py"), script, str(self.folder), *models]

    def run(self, script: str, *models: str) -> None:
        """Run a script to its end; everything it found wrong is in the failure."""
        self.finish(script, self.command(script, list(models)))

    def finish(self, script: str, command: list[str]) -> str:
        """Run ``command`` to its end, and return what it wrote."""
        done = subprocess.run(
            command,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert done.returncode == 0, f"{script} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout


@pytest.fixture
def program(display: str, tmp_path: Path) -> Program:
    return Program(display, tmp_path)


@pytest.fixture
def shipped() -> list[str]:
    names = list(shipped_models())
    if not names:
        pytest.skip("no model is shipped in this checkout")
    return names


def test_work_quit_and_come_back(program: Program, shipped: list[str]) -> None:
    """Every shipped model: open, drag, undo; then compare, set keyframes, play, save, export, quit, come back."""
    program.run("work", *shipped)
    assert (program.folder / "clip.mp4").exists()
    program.run("again")


@pytest.mark.real
def test_models_made_by_others(program: Program, real_models: Path) -> None:
    """The same with the trained models of other people."""
    models = [str(real_models / name) for name in ("btcvae_celeba", "btcvae_dsprites", "mnist_gan_mlp/G--300.ckpt")]
    program.run("work", *models)
    program.run("again")


def test_directions_side_by_side(program: Program, shipped: list[str]) -> None:
    """Compare methods, star two of their directions, open them as a set, measure, export the page and the video."""
    if "known-equal" not in shipped:
        pytest.skip("the model whose directions are known is not in this checkout")
    program.run("directions", "known-equal")


def test_flows_from_training_to_a_replay(program: Program, shipped: list[str]) -> None:
    """Train, cancel, go on, drag, mix, landscape, keyframes, export; the film is the same when it is rendered again."""
    if "known-curved" not in shipped:
        pytest.skip("the model whose directions bend is not in this checkout")
    program.finish("flows", [sys.executable, str(HERE / "whole_path_flows.py"), str(program.folder)])
    replay = [sys.executable, "-m", "explorer", "replay", str(program.folder / "clip.mp4")]
    assert program.finish("replay", replay).startswith("bit-identical: 8 frames")


def test_causes_from_a_graph_of_ones_own_to_a_replay(program: Program, shipped: list[str]) -> None:
    """Draw, fit, do(), truth and effect beside it, two graphs, keyframes, export; the film is the same again."""
    if "pendulum-dscm" not in shipped:
        pytest.skip("the model whose variables cause one another is not in this checkout")
    program.finish("causes", [sys.executable, str(HERE / "whole_path_causes.py"), str(program.folder)])
    replay = [sys.executable, "-m", "explorer", "replay", str(program.folder / "clip.mp4")]
    assert program.finish("replay", replay).startswith("bit-identical: 8 frames")


def test_the_engine_is_killed_while_a_slider_is_held(program: Program, shipped: list[str]) -> None:
    program.run("kill_engine", shipped[0])


def test_the_window_is_killed_while_a_slider_is_held(program: Program, shipped: list[str]) -> None:
    edit = subprocess.Popen(
        program.command("edit", [shipped[0]]),
        env=program.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert edit.stdout is not None
    assert edit.stderr is not None
    line = edit.stdout.readline()
    if not line:
        pytest.fail(f"the program ended: {edit.stderr.read()}")
    left = json.loads(line)
    engine = psutil.Process(left["engine"])
    edit.send_signal(signal.SIGKILL)
    edit.wait()
    edit.stdout.close()
    edit.stderr.close()
    engine.wait(60)  # an engine without a window ends by itself
    (program.folder / "wanted.json").write_text(left["scene"])
    program.run("restored")
