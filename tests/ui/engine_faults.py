"""The program with one fault of its engine, or of the machine that it runs on. Prints what the window says, as it says
it, each line with the seconds since the window was there, and ``picture`` once there is one.

``python engine_faults.py FAULT [MODEL]``; closed by what its parent writes.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from threading import Thread

from driving import Hand, run

from explorer.service import process

FOUL = """
import os, struct, sys, time
from explorer.service import channel, protocol, replies
connection = channel.inherited()
{speak}
time.sleep(600)
"""
READY = 'replies.Ready(version={version}, pid=os.getpid(), device="cpu", precision="float32")'

ENGINES = {
    "garbled": 'connection.send_bytes(b"\\xff" * 64)',
    "giant": 'os.write(connection.fileno(), struct.pack("!iQ", -1, 1 << 40))',
    "old": f"connection.send_bytes(protocol.encode({READY.format(version=1)}))",
    "dumb": "",
}
"""Programs in place of the engine's, by what is wrong with them."""


def prepare(fault: str) -> None:
    """Before the window is made."""
    if fault in ENGINES:
        process.COMMAND = ("-c", FOUL.format(speak=ENGINES[fault]))
    elif fault == "no python":
        sys.executable = "/nonexistent/python"
    elif fault == "no memory":  # that is shared as a file
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def script(hand: Hand) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Say what the window says until the parent has heard enough."""
    fault, heard, begun, over = sys.argv[1], [], time.monotonic(), []
    Thread(target=lambda: over.append(sys.stdin.readline()), daemon=True).start()

    def look() -> bool:
        for sentence in hand.said():
            if sentence not in heard:
                heard.append(sentence)
                print(f"{time.monotonic() - begun:.1f} {sentence}", flush=True)
        if "picture" not in heard and hand.controller.has_model and hand.settled():
            heard.append("picture")
            print(f"{time.monotonic() - begun:.1f} picture", flush=True)
        return bool(over)

    if fault == "bytes":
        yield "the first picture", lambda: look() or "picture" in heard
        engine = hand.controller.client._engine  # type: ignore[attr-defined]
        engine.connection.send_bytes(b"\xff" * 64)
    yield "the parent", look


if __name__ == "__main__":
    prepare(sys.argv[1])
    sys.argv[2:], model = [], next(iter(sys.argv[2:]), None)
    sys.exit(run(script, model))
