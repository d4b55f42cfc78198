"""Signals close the window without a question, and its engine with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from explorer import ending

PATIENCE = 240.0  # seconds: a limit for a hang, not a measurement

PROGRAM = """
import sys
from explorer.ui.window import app

def painted(window):
    from PySide6.QtCore import QTimer
    QTimer.singleShot(0, lambda: print("open", flush=True))

sys.exit(app.main(model="known-equal", made=painted))
"""


@pytest.mark.parametrize("number", ending.TOLD, ids=lambda one: one.name)
def test_the_window_ends_in_order_when_it_is_told_to(number: signal.Signals, tmp_path: Path) -> None:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "LATENT_EXPLORER_HOME": str(tmp_path)}
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            limit = time.monotonic() + PATIENCE
            while not (engines := psutil.Process(process.pid).children(recursive=True)):
                assert time.monotonic() < limit, "the engine never started"
                time.sleep(0.02)
            process.send_signal(number)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()  # where it has not ended by itself
    _, alive = psutil.wait_procs(engines, timeout=PATIENCE)
    assert alive == []
