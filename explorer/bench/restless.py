"""The program's window with a hand that never rests, to be killed by :mod:`explorer.bench.kill_window`.

Prints ``restored SEED ENGINE`` once there is a picture (SEED: of the scene that the last session left, -1 where it left
none; ENGINE: a process), and then for every change the seed that it set, and when (``time.time()``).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.ui.window import app

if TYPE_CHECKING:
    from explorer.ui.window.main_window import MainWindow

CHANGE_EVERY_MS = 20
FILM_SECONDS = 600.0  # so long that its export never ends


def _drive(window: MainWindow, film: Path) -> None:
    """Wait for a picture, then export a film and set one seed after the other."""
    from msgspec.structs import replace
    from PySide6.QtCore import QTimer

    from explorer.export.options import ExportOptions, encode_options
    from explorer.scene.model import Seed, Timeline
    from explorer.service.requests import ExportScene

    controller = window.controller
    seed = -1

    def say(*words: object) -> None:
        sys.stdout.write(" ".join(map(str, words)) + "\n")
        sys.stdout.flush()

    def begin() -> bool:
        picture = controller.feed.picture(0)
        origin = controller.scene.origin
        if picture is None or not picture.is_current or not picture.painted or controller.engine is None:
            return False
        say("restored", origin.seed if isinstance(origin, Seed) else -1, controller.engine.pid)
        scene = replace(controller.scene, timeline=Timeline(duration=FILM_SECONDS, loop="once"))
        options = encode_options(ExportOptions(kind="mp4"))
        number = controller.client.next_request_id()
        controller.client.send(ExportScene(request_id=number, scene=scene, path=str(film), options=options))
        return True

    def step() -> None:
        nonlocal seed
        if seed < 0:
            if begin():
                origin = controller.scene.origin
                seed = origin.seed if isinstance(origin, Seed) else 0
            return
        seed += 1
        say(seed, time.time())  # before the change: it is at least as old as this
        controller.set_seed(seed)

    timer = QTimer(window)
    timer.timeout.connect(step)
    timer.start(CHANGE_EVERY_MS)


if __name__ == "__main__":
    model, folder = sys.argv[1:]
    sys.exit(app.main(model or None, made=lambda window: _drive(window, Path(folder) / "film.mp4")))
