"""The connection of the window with its engine process: a pair of sockets that the window makes, of which the engine
inherits one end. There is no file, no address and no key to it, so nothing can be full, too long or forged, and nobody
else can connect first.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection

from explorer.errors import ExplorerError

LONGEST = 1 << 28
"""Bytes of a message. A longer one is neither sent nor waited for: what announces it is no message."""


class GarbledError(ExplorerError):
    """What has come is no message: nothing that follows can be trusted."""


def spawn(command: Sequence[str], stdout: int, stderr: int | None) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start ``command`` with one end of a new pair, and return the other. Raises :class:`OSError` where there are no
    sockets or the program cannot be run."""
    ours, theirs = socket.socketpair()
    try:
        if sys.platform == "win32":  # there handles of sockets are copied for a process that runs already
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=stdout, stderr=stderr)
            assert process.stdin is not None
            with process.stdin:
                process.stdin.write(theirs.share(process.pid))
        else:
            number = theirs.fileno()
            process = subprocess.Popen(
                [*command, str(number)],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                pass_fds=(number,),
            )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return process, Connection(ours.detach())


def inherited() -> Connection:
    """The end that this process was started with."""
    if sys.platform == "win32":
        return Connection(socket.fromshare(sys.stdin.buffer.read()).detach())
    number = int(sys.argv[1])
    os.set_inheritable(number, False)  # no process that is started here keeps the connection open
    return Connection(number)


def receive(connection: Connection) -> bytes:
    """The next message. Raises :class:`EOFError` and :class:`OSError` when the other end is gone, and
    :class:`GarbledError` for what announces more than :data:`LONGEST` bytes."""
    try:
        return connection.recv_bytes(LONGEST)
    except OSError as error:
        if error.errno is None:  # not the system says so, but who counts the bytes
            raise GarbledError(f"more than {LONGEST} bytes are announced") from error
        raise
