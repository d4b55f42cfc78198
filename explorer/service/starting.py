"""An engine that starts is waited for, however long it takes; but the window is not left without a word."""

from __future__ import annotations

import time
from collections.abc import Callable

from explorer.service.process import EngineProcess
from explorer.service.replies import EngineSilent

LOOK_EVERY = 0.5  # seconds
SILENT_TIME = 3.0  # seconds in which a process that does anything works
STARTING_TIME = 60.0  # seconds that a start takes at most where it is not held up


def watch(engine: EngineProcess, tell: Callable[[EngineSilent], object]) -> None:
    """Wait for the first word of ``engine``, or its end. ``tell`` hears, once, that it shows no sign of life, or takes
    longer than any start; neither ends it, for a slow disk is no fault."""
    begun = alive = time.monotonic()
    work, is_told = 0.0, False
    while not engine.connection.poll(LOOK_EVERY):
        now = time.monotonic()
        if (done := engine.cpu_seconds()) > work:
            work, alive = done, now
        does_nothing = now - alive >= SILENT_TIME
        if not is_told and (does_nothing or now - begun >= STARTING_TIME):
            is_told = True
            doing = "and does nothing" if does_nothing else "though it works at it"
            tell(
                EngineSilent(
                    sentence=f"The engine has not started after {now - begun:.0f} seconds, {doing}; it is waited for, "
                    "and your scene is untouched."
                )
            )
