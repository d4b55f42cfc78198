"""What a file makes the interpreter do, counted by an audit hook."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_EVENTS = ("import", "exec", "compile", "os.", "subprocess.", "pickle.", "socket.", "ctypes.", "marshal.", "code.")
_HARMLESS = ("os.listdir", "os.scandir")
_seen: list[list[str]] = []
_hooked = False


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if _seen and event.startswith(_EVENTS) and event not in _HARMLESS:
        _seen[-1].append(f"{event} {arguments[:1]}")


@contextmanager
def watched() -> Iterator[list[str]]:
    """The imports, executions, processes and connections of the block. Hooks stay for ever, so there is only one."""
    global _hooked
    if not _hooked:
        sys.addaudithook(_hear)
        _hooked = True
    _seen.append([])
    try:
        yield _seen[-1]
    finally:
        _seen.pop()
