"""The window's end of the engine process. No torch, no Qt: replies arrive on a thread of the client's own.

Newest wins: a view that is asked for again before its request was sent replaces it here; one that arrived but was not
started is replaced in the server. So nothing queues, and the last state asked for is always the last one shown.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from threading import Condition, Thread
from typing import BinaryIO

from explorer import keeping
from explorer.files import state_folder
from explorer.scene.measures import MeasureOptions, MeasureReport
from explorer.scene.model import ModelRef, View
from explorer.service import protocol, replies, requests
from explorer.service.frames import Ring
from explorer.service.replies import EngineLost, Frame, Frames, Reply
from explorer.service.requests import Request, ViewRequest

SLOTS = 64
SLOT_BYTES = 1 << 20  # 512 x 512 BGRX; grows when a model's pictures are larger
CRASHES_ALLOWED = 3  # within CRASH_WINDOW seconds; then it stays down until the user asks
CRASH_WINDOW = 60.0
CLOSING_TIME = 8.0  # seconds that a closing engine has for tidying up
ADDRESS_VARIABLE = "LATENT_EXPLORER_ENGINE"


@dataclass
class Statistics:
    """How many states were asked for, and how many of them became pictures; the rest was overtaken by newer ones."""

    asked: int = 0
    drawn: int = 0

    @property
    def dropped(self) -> int:
        return self.asked - self.drawn


class ServiceClient:
    """Starts the engine process, speaks to it, and starts it again when it dies.

    ``on_reply`` is called on the client's reader thread with every :data:`Reply`, one :class:`Frame` after the
    other, and
    :class:`EngineLost`. It must not block.
    """

    def __init__(
        self,
        on_reply: Callable[[Reply | Frame | EngineLost], None],
        slots: int = SLOTS,
        slot_bytes: int = SLOT_BYTES,
    ) -> None:
        self._on_reply = on_reply
        self._ring = Ring.create(slots, slot_bytes)
        self._old_rings: dict[str, Ring] = {}
        self._numbers = itertools.count(1)
        self._revisions = itertools.count(1)
        self._wake = Condition()
        self._outbox: deque[Request] = deque()
        self._due: dict[int, ViewRequest] = {}  # asked for, not yet sent
        self._newest: dict[int, ViewRequest] = {}  # per view, for a restarted engine
        self._released: list[int] = []
        self._open_requests: set[int] = set()
        self._connection: Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log: Path | None = None  # of the engine, where it can be written
        self._closing = False
        self._thread: Thread | None = None
        self._crashes: deque[float] = deque()
        self.statistics = Statistics()

    # --- what the window calls -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the engine process; returns at once, :class:`replies.Ready` follows. Does nothing after `close`."""
        if self._closing:
            return
        self._thread = Thread(target=self._serve, name="engine-client", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the engine process and let go of the memory. Waits for both, a few seconds at most."""
        with self._wake:
            self._closing = True
            connected = self._connection is not None
            self._wake.notify_all()
        process = self._process
        if process is not None and not connected:
            process.terminate()  # still starting: it has nothing to tidy up
        if self._thread is not None:
            # A connected engine is told to end and removes what its jobs have half written.
            self._thread.join(CLOSING_TIME)
            if self._thread.is_alive() and process is not None:
                process.kill()
                self._thread.join()
        for ring in (self._ring, *self._old_rings.values()):
            ring.close()

    def restart(self) -> None:
        """Kill the engine process and start another, for a model that hangs."""
        self._crashes.clear()
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()
        elif not (self._thread and self._thread.is_alive()):
            self.start()

    @property
    def pid(self) -> int | None:
        """The engine's process number, None while there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def next_request_id(self) -> int:
        return next(self._numbers)

    def send(self, request: Request) -> None:
        """Send a request (not a view) in order. One that names a ``request_id`` is refused if the engine dies before
        it answers."""
        with self._wake:
            self._outbox.append(request)
            number = getattr(request, "request_id", None)
            if number is not None and not isinstance(request, requests.Cancel):
                self._open_requests.add(number)
            self._wake.notify_all()

    def measure(self, model: ModelRef, options: MeasureOptions) -> int:
        """Ask for the measures of ``model``; returns the number that progress and :class:`replies.Measured` carry."""
        number = self.next_request_id()
        self.send(requests.MeasureModel(request_id=number, model=model, options=options))
        return number

    def export_reports(self, reports: tuple[MeasureReport, ...], path: str) -> int:
        """Ask for a table of ``reports`` in a .csv, .tex, .pdf or .json file; :class:`replies.Exported` follows."""
        number = self.next_request_id()
        self.send(requests.ExportReports(request_id=number, reports=reports, path=path))
        return number

    def show(self, view_id: int, view: View) -> int:
        """Ask for ``view`` in pane ``view_id``; returns the revision that its frame will carry."""
        return self.show_all({view_id: view})[view_id]

    def show_all(self, views: Mapping[int, View]) -> dict[int, int]:
        """Ask for several views at once, so that they are rendered as one batch; view_id → revision."""
        now = time.perf_counter()
        requests = {
            view_id: ViewRequest(view_id=view_id, revision=next(self._revisions), asked=now, view=view)
            for view_id, view in views.items()
        }
        with self._wake:
            self._due.update(requests)
            self._newest.update(requests)
            self.statistics.asked += len(requests)
            self._wake.notify_all()
        return {view_id: request.revision for view_id, request in requests.items()}

    def forget(self, view_id: int) -> None:
        """The pane is gone."""
        with self._wake:
            self._due.pop(view_id, None)
            self._newest.pop(view_id, None)
            self._outbox.append(requests.ForgetView(view_id=view_id))
            self._wake.notify_all()

    def pixels(self, frame: Frame) -> bytes:
        """The BGRX bytes (height * width * 4) of ``frame``; its slot is free from now on. Call once per frame."""
        ring = self._ring if frame.ring == self._ring.name else self._old_rings[frame.ring]
        pixels = ring.read(frame.slot, frame.width * frame.height * 4)
        self._release(frame)
        return pixels

    def discard(self, frame: Frame) -> None:
        """Free the slot of a frame that is not wanted any more."""
        self._release(frame)

    def reserve(self, slot_bytes: int) -> None:
        """Make room for frames of ``slot_bytes``; does nothing where they already fit."""
        if slot_bytes <= self._ring.slot_bytes:
            return
        # Frames under way still lie in the old ring; it goes when the client closes.
        with self._wake:
            self._old_rings[self._ring.name] = self._ring
            self._ring = Ring.create(self._ring.slots, slot_bytes)
            self._released.clear()
            self._outbox.append(self._attach())
            self._wake.notify_all()

    # --- the threads ---------------------------------------------------------------------------------------------

    def _release(self, frame: Frame) -> None:
        with self._wake:
            self.statistics.drawn += 1
            if frame.ring == self._ring.name:
                self._released.append(frame.slot)
                self._wake.notify_all()

    def _is_closing(self) -> bool:
        return self._closing

    def _attach(self) -> requests.AttachRing:
        return requests.AttachRing(name=self._ring.name, slots=self._ring.slots, slot_bytes=self._ring.slot_bytes)

    def _serve(self) -> None:
        """Run one engine process after the other until the window closes or they die too often."""
        while not self._closing:
            sentence = self._run_once()
            if self._is_closing():
                return
            now = time.monotonic()
            self._crashes.append(now)
            while self._crashes and now - self._crashes[0] > CRASH_WINDOW:
                self._crashes.popleft()
            again = len(self._crashes) <= CRASHES_ALLOWED
            with self._wake:
                lost, self._open_requests = self._open_requests, set()
                self._outbox.clear()
                self._due.update(self._newest)
            self._on_reply(EngineLost(sentence=sentence, restarting=again))
            for number in sorted(lost):
                self._on_reply(replies.Refused(request_id=number, sentence=sentence, kind="internal"))
            if not again:
                return

    def _run_once(self) -> str:
        """Start a process, relay until it ends; returns one sentence on why it ended."""
        key = secrets.token_bytes(32)
        with Listener(authkey=key) as listener:
            process = self._spawn(str(listener.address), key)
            connection = None if self._closing else _accept(listener, process)
            if connection is None:
                process.kill()
                return self._epitaph(process, "could not start")
            with self._wake:
                self._connection = connection
                self._outbox.appendleft(self._attach())
                self._released.clear()
            sender = Thread(target=self._send_all, args=(connection,), name="engine-sender", daemon=True)
            sender.start()
            try:
                while True:
                    self._receive(protocol.decode_reply(connection.recv_bytes()))
            except (EOFError, OSError):
                with self._wake:
                    self._connection = None
                    self._wake.notify_all()
            sender.join()
            connection.close()
        return self._epitaph(process, "stopped")

    def _spawn(self, address: str, key: bytes) -> subprocess.Popen[bytes]:
        with contextlib.ExitStack() as closing:
            log = self._open_log()
            if log is not None:
                closing.enter_context(log)
            process = subprocess.Popen(
                [sys.executable, "-m", "explorer.service.server"],
                stdin=subprocess.DEVNULL,
                stdout=log or subprocess.DEVNULL,
                stderr=log,  # else where this process says its own
                env={**os.environ, ADDRESS_VARIABLE: f"{address}\n{key.hex()}"},
            )
        self._process = process
        return process

    def _open_log(self) -> BinaryIO | None:
        """Where the engine's log goes on; None where it cannot be written."""
        path = state_folder() / "engine.log"
        log: BinaryIO | None = None
        with keeping.optional(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            log = path.open("ab")
        self._log = path if log is not None else None
        return log

    def _epitaph(self, process: subprocess.Popen[bytes], what: str) -> str:
        try:
            code = process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        how = f"it was killed by signal {-code}" if code < 0 else f"exit code {code}"
        return f"The engine {what} ({how}); details are in {self._log}." if self._log else f"The engine {what} ({how})."

    def _receive(self, reply: Reply) -> None:
        if isinstance(reply, Frames):
            for frame in reply.frames:
                self._on_reply(frame)
            return
        number = getattr(reply, "request_id", None)
        if number is not None and not isinstance(reply, replies.JobProgress | replies.ControlsPreview):
            with self._wake:
                self._open_requests.discard(number)
        self._on_reply(reply)

    def _send_all(self, connection: Connection) -> None:
        """The sender thread: an engine that does not read can block this thread, never the window."""
        while True:
            with self._wake:
                while self._connection is connection and not (
                    self._closing or self._outbox or self._due or self._released
                ):
                    self._wake.wait()
                if self._connection is not connection or self._closing:
                    break
                messages: list[Request] = list(self._outbox)
                self._outbox.clear()
                if self._released:
                    messages.append(requests.Release(ring=self._ring.name, slots=tuple(self._released)))
                    self._released.clear()
                if self._due:
                    messages.append(requests.RenderViews(requests=tuple(self._due.values())))
                    self._due.clear()
            try:
                for message in messages:
                    connection.send_bytes(protocol.encode(message))
            except OSError:
                return  # the reader sees the same end and reports it
        with contextlib.suppress(OSError):
            connection.send_bytes(protocol.encode(requests.Shutdown()))


def _accept(listener: Listener, process: subprocess.Popen[bytes]) -> Connection | None:
    """The engine's connection, or None when the process ends before it connects."""
    accepted: list[Connection] = []

    def accept() -> None:
        with contextlib.suppress(OSError, EOFError):
            accepted.append(listener.accept())

    waiting = Thread(target=accept, name="engine-accept", daemon=True)
    waiting.start()
    while waiting.is_alive() and process.poll() is None:
        waiting.join(0.05)
    if waiting.is_alive():
        waiting.join(0.2)
    return accepted[0] if accepted else None
