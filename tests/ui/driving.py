"""The user of the scripts of the whole path: as :mod:`explorer.bench.driving`, and looks at the screen."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QApplication

from explorer.bench import driving
from explorer.bench.driving import Steps
from explorer.ui.window.main_window import MainWindow

Script = Callable[["Hand"], Steps]


class Hand(driving.Hand):
    """Keeps what is on the screen where SHOTS names a folder."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._shots = Path(os.environ["SHOTS"]) if "SHOTS" in os.environ else None

    def shoot(self, name: str) -> None:
        """Keep what is on the screen: asked of the display, not of the widgets. Its pixels must not be one colour."""
        self.window.status.refresh()
        QApplication.processEvents()
        shot = self.window.screen().grabWindow(self.window.winId())
        image = shot.toImage()
        tones = {image.pixel(x, y) for x in range(0, image.width(), 37) for y in range(0, image.height(), 37)}
        assert len(tones) > 8, f"the screen shows {len(tones)} colours"
        if self._shots is not None:
            self._shots.mkdir(parents=True, exist_ok=True)
            shot.save(str(self._shots / f"{name}.png"))


def run(script: Script, model: str | None = None) -> int:
    """Start the program, with ``model`` if it is given, run ``script`` in it, and return the program's exit code."""
    return driving.run(Hand, script, model)
