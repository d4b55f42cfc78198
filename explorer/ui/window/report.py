"""What a bug report needs: versions, device, and the last lines of the log."""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

import PySide6
from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler, qVersion

from explorer import __version__, keeping
from explorer.files import state_folder
from explorer.ui.state.controller import Controller

log = logging.getLogger("explorer.ui")
LINES = 1000
_recent: deque[str] = deque(maxlen=LINES)
FORMAT = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")


class _Recent(logging.Handler):
    """Keeps text, never the records: those would keep objects alive."""

    def emit(self, record: logging.LogRecord) -> None:
        _recent.append(self.format(record))


class _LogFile(RotatingFileHandler):
    """A line that cannot be written is no error of whoever said it."""

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            keeping.failed(Path(self.baseFilename), error)
        else:
            super().handleError(record)


def start_logging() -> None:
    """Log to memory and, where it can be written, to a file in the state folder; Qt's own messages too."""
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    handlers: list[logging.Handler] = [_Recent()]
    path = state_folder() / "window.log"
    with keeping.optional(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(_LogFile(path, maxBytes=1 << 20, backupCount=1, encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(FORMAT)
        root.addHandler(handler)
    qInstallMessageHandler(_on_qt_message)


def catch_exceptions(say: Callable[[str], None]) -> None:
    """An error that nobody expected goes to the log, and ``say`` gets one sentence; the window lives on."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        log.critical("unexpected error", exc_info=(kind, error, trace))
        say(f"Something went wrong ({kind.__name__}: {error}); your work is kept. Help › Copy report has the details.")

    def thread_hook(arguments: threading.ExceptHookArgs) -> None:
        log.critical("unexpected error in thread %s", arguments.thread, exc_info=arguments.exc_value)

    sys.excepthook = hook
    threading.excepthook = thread_hook


def report(controller: Controller) -> str:
    """Versions, device and the newest log lines, as text."""
    import platform

    engine = controller.engine
    card = controller.model_card()
    lines = [
        f"Latent Explorer {__version__}",
        f"Python {platform.python_version()}, PySide6 {PySide6.__version__}, Qt {qVersion()}, {platform.platform()}",
        f"Engine: {engine.device}, {engine.precision}" if engine else "Engine: not running",
        f"Model: {card.name} ({card.family_title}, {card.fingerprint[:12]})" if card else "Model: none",
        "",
        *list(_recent)[-200:],
    ]
    return "\n".join(lines)


def _on_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    level = {
        QtMsgType.QtDebugMsg: logging.DEBUG,
        QtMsgType.QtInfoMsg: logging.INFO,
        QtMsgType.QtWarningMsg: logging.WARNING,
    }.get(kind, logging.ERROR)
    logging.getLogger("explorer.qt").log(level, "%s", message)
