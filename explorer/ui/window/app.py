"""Starts the window. Nothing heavy is imported before it is on the screen; the engine process starts meanwhile."""

from __future__ import annotations

import faulthandler
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.ui.window import display

if TYPE_CHECKING:
    from explorer.ui.window.main_window import MainWindow


def main(model: str | None = None, scene: Path | None = None, made: Callable[[MainWindow], None] | None = None) -> int:
    """Run the window until it is closed; returns the exit code. ``model``: shipped name or path.

    ``made`` is called with the window before the event loop starts (the bench watches its first paint).
    """
    if sentence := display.problem():
        print(f"error: {sentence}", file=sys.stderr)  # noqa: T201  (the command line's own line)
        return 2
    faulthandler.enable()
    _import_before_qt()
    from PySide6.QtCore import QCoreApplication, QEvent, QTimer
    from PySide6.QtWidgets import QApplication

    from explorer.service.client import ServiceClient
    from explorer.ui.look import theme
    from explorer.ui.state.controller import Controller
    from explorer.ui.state.session import Session
    from explorer.ui.state.settings import Settings
    from explorer.ui.window import report
    from explorer.ui.window.lifecycle import Lifecycle
    from explorer.ui.window.main_window import MainWindow

    app = QApplication([sys.argv[0]])
    app.setApplicationName("latent-explorer")
    app.setApplicationDisplayName("Latent Explorer")
    app.setDesktopFileName("latent-explorer")
    report.start_logging()
    settings = Settings()
    theme.apply(app, settings.scheme)
    session = Session()
    restored = session.begin()
    controller = Controller(ServiceClient)
    window = MainWindow(controller, settings, session)
    lifecycle = Lifecycle(app, window)
    window.show()
    window.begin(model, scene, restored)
    # Last, so that two starting processes do not share the time until the window is there; what was asked for waits.
    QTimer.singleShot(0, controller.client.start)
    if seconds := os.environ.get("LATENT_EXPLORER_QUIT_AFTER"):
        lifecycle.quit_after(float(seconds))
    if made is not None:
        made(window)
    code = app.exec()
    # The window goes before the application, in a defined order, not when the interpreter happens to end.
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return code


def _import_before_qt() -> None:
    """Import what the window needs that is not Qt. PySide reads the source of every module that is imported after it,
    to see whether it asks for PySide's features; what comes before is spared that.
    """
    for name in (
        "logging.handlers",
        "platform",
        "statistics",
        "explorer.export.options",
        "explorer.scene.defaults",
        "explorer.scene.editing",
        "explorer.scene.store",
        "explorer.scene.timeline",
        "explorer.service.client",
    ):
        importlib.import_module(name)


if __name__ == "__main__":
    sys.exit(main())
