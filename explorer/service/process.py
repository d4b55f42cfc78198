"""The engine process as its window sees it: how it is started, where it says what is wrong, and why it has ended."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

from explorer import keeping
from explorer.errors import ExplorerError, plain_text
from explorer.files import state_folder
from explorer.service import channel

COMMAND = ("-m", "explorer.service.server")
ENDING_TIME = 2.0  # seconds that a process has for its end once its connection is closed
MODULE = re.compile(r"^(?:\w+\.)+(?=\w+: )")
"""Of an exception, at the end of its traceback: ``explorer.errors.`` of ``explorer.errors.ModelError: …``."""
LONGEST_WORDS = 120  # characters of them in a sentence
LAST_WORDS = 4096  # bytes of the log in which its last line is looked for
LONGEST_LOG = 1 << 20
"""Bytes; a log that is longer when an engine starts becomes ``engine.log.1``."""


class StartError(ExplorerError):
    """No process could be started; the next one could not be either."""


class EngineProcess:
    """A process, the window's end of the connection with it, and its log."""

    def __init__(self) -> None:
        """Start one. Raises :class:`StartError`."""
        with contextlib.ExitStack() as closing:
            log, self._log_begin = self._open_log(closing)
            nowhere = subprocess.DEVNULL
            # What it says goes to its log; else where this process says its own, if there is such a place.
            errors = log.fileno() if log is not None else (None if sys.stderr is not None else nowhere)
            try:
                self._process, self.connection = channel.spawn(
                    (sys.executable, *COMMAND), nowhere if log is None else log.fileno(), errors
                )
            except (OSError, ValueError, subprocess.SubprocessError) as error:
                reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
                raise StartError(
                    f"The engine could not be started ({reason}); it is the Python program '{sys.executable}', which "
                    "must be there and may need more memory or open files than there are."
                ) from error

    def _open_log(self, closing: contextlib.ExitStack) -> tuple[BinaryIO | None, int]:
        """Where the engine's log goes on, and how long it is by now; None where it cannot be written."""
        path = state_folder() / "engine.log"
        log: BinaryIO | None = None
        with keeping.optional(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_file() and path.stat().st_size > LONGEST_LOG:
                path.replace(path.with_name(f"{path.name}.1"))
            log = closing.enter_context(path.open("ab"))
        self._log: Path | None = path if log is not None else None
        return log, log.tell() if log is not None else 0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def cpu_seconds(self) -> float:
        """What it has worked so far; 0 once it has ended."""
        import psutil  # here, so that the window does not wait for it

        try:
            times = psutil.Process(self.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return float(times.user + times.system)

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()

    def epitaph(self, what: str) -> str:
        """One sentence on why the engine ``what`` (did what): it has ended, or is ended now."""
        try:
            code = self._process.wait(ENDING_TIME)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        how = f"it was killed by signal {-code}" if code < 0 else self._last_line() or f"exit code {code}"
        details = f"; details are in {self._log}" if self._log else ""
        return f"The engine {what} ({how}){details}."

    def _last_line(self) -> str:
        """What this process has said last, of which a traceback has the reason; empty where it has said nothing."""
        if self._log is None:
            return ""
        with contextlib.suppress(OSError), self._log.open("rb") as log:
            log.seek(max(self._log_begin, log.seek(0, os.SEEK_END) - LAST_WORDS))
            lines = log.read().decode(errors="replace").split("\n")
            last = next((line.strip() for line in reversed(lines) if line.strip()), "").rstrip(".")
            return plain_text(MODULE.sub("", last), LONGEST_WORDS)
        return ""
