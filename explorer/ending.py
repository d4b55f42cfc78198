"""Being told to end: SIGTERM (a shutdown, a queue's time limit) and SIGHUP (a closed terminal) are ends in as good an
order as Ctrl-C, so that nothing half written is left behind."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

TOLD = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""The signals that tell a program to end; not all systems have both."""

Progress = Callable[[float], None]
"""Called with the finished share, 0..1; raises :class:`explorer.errors.Cancelled` to stop the work."""

_PR_SET_PDEATHSIG = 1
"""Of prctl(2): the signal that a process gets when its parent ends."""

_ended_by = 0


def end_with_parent(tidies: bool = False) -> None:
    """Have the system end this process when the one that started it has ended, however it ended and whatever this one
    is doing: Python need not run for it. ``tidies``: ten seconds later, for a process that notices by itself and has
    something to tidy up. Linux; elsewhere nothing happens."""
    if sys.platform != "linux":
        return
    import ctypes

    library = ctypes.CDLL(None)
    number = signal.SIGKILL
    if tidies:
        # A handler is called with the number of its signal, and alarm(2) takes seconds: SIGUSR1 is ten of them. Then
        # SIGALRM, to which Python attaches nothing, ends the process even where one thread holds on to the interpreter.
        number = signal.SIGUSR1
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        library.signal(int(number), ctypes.cast(library.alarm, ctypes.c_void_p))
    library.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def in_parts(progress: Progress | None, parts: int) -> Callable[[], None]:
    """To be called after each of the ``parts`` of a piece of work: ``progress``, if there is one, is told the share."""
    done = 0

    def finished() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done / parts)

    return finished


class Ended(KeyboardInterrupt):
    """Raised where the program is, when it is told to end: whatever cleans up after Ctrl-C does so after this."""


def raise_when_told() -> None:
    """From now on :data:`TOLD` raise :class:`Ended` in the main thread. One that is ignored stays so (``nohup``), and
    so does each after the first: cleaning up must not be interrupted."""

    def end(number: int, frame: FrameType | None) -> None:
        global _ended_by
        _ended_by = number
        for one in TOLD:
            signal.signal(one, signal.SIG_IGN)
        raise Ended

    handle(end)


def handle(action: Callable[[int, FrameType | None], None], signals: tuple[int, ...] = TOLD) -> dict[int, object]:
    """Have ``action`` called for each of ``signals`` that is not ignored; what was done before, by signal."""
    return {
        number: signal.signal(number, action) for number in signals if signal.getsignal(number) is not signal.SIG_IGN
    }


def exit_code(code: int) -> int:
    """The exit code of the program that would else be ``code``: 128 + the signal that ended it, as shells have it."""
    return 128 + _ended_by if _ended_by else code


@contextmanager
def between_steps() -> Iterator[Callable[[], bool]]:
    """Within the block Ctrl-C and :data:`TOLD` wait; what is yielded says whether one came. It is delivered when the
    block is left; a second one is delivered at once. In a thread that is not the main one signals do not arrive, and
    nothing is changed."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before: dict[int, object] = {}
    came: list[int] = []

    def restore() -> None:
        for number, action in before.items():
            if action is not None:  # one that Python knows
                signal.signal(number, action)  # type: ignore[arg-type]
        before.clear()

    def wait(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if len(came) > 1:
            restore()
            signal.raise_signal(number)

    before |= handle(wait, (signal.SIGINT, *TOLD))
    try:
        yield lambda: bool(came)
    finally:
        restore()
    if came:
        signal.raise_signal(came[0])
