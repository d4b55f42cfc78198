"""The engine process: owns the device, renders what the window asks for, runs the long jobs.

Three kinds of thread: the reader takes requests as they come; the main thread renders the newest views, all that are
due
as one batch; workers run jobs. A model that crashes takes this process with it, never the window.
"""

from __future__ import annotations

import faulthandler
import logging
import math
import os
import signal
import time
from collections import deque
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from threading import Condition, Lock, Thread
from typing import TYPE_CHECKING

import psutil

from explorer import ending, memory
from explorer.files import remove_leftovers
from explorer.scene.model import View
from explorer.service import channel, protocol, replies, requests
from explorer.service.frames import Ring
from explorer.service.protocol import UnsendableError
from explorer.service.replies import Frame
from explorer.service.requests import ViewRequest

if TYPE_CHECKING:
    from explorer.engine.engine import Engine, Picture
    from explorer.service.jobs import Jobs

log = logging.getLogger("explorer.service.server")

TIDYING_TIME = 8.0  # seconds that jobs have for removing what they have half written
RESTED = 1.0  # seconds without a picture after which memory is given back


@dataclass
class _Waiting:
    request: ViewRequest
    since: float


class Server:
    """Answers one client until it goes away."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = Lock()
        self._changed = Condition()
        self._views: dict[int, _Waiting] = {}
        self._ring: Ring | None = None
        self._free: deque[int] = deque()
        self._early: list[requests.Request] = []
        self._jobs: Jobs | None = None
        self._ended = False
        self._has_drawn = False  # since memory was given back
        self.exit_code = 0  # 1 where the connection did not end in good order

    def run(self) -> None:
        """Serve until the client closes the connection."""
        Thread(target=self._read, name="reader", daemon=True).start()
        # Only now, so that requests are read while torch is imported.
        from explorer.engine.engine import Engine
        from explorer.generators import devices
        from explorer.service.jobs import Jobs

        devices.leave_a_core_free()
        engine = Engine()
        jobs = Jobs(engine, self.send)
        with self._changed:
            self._jobs = jobs
            early, self._early = self._early, []
        self.send(
            replies.Ready(
                version=protocol.PROTOCOL_VERSION,
                pid=os.getpid(),
                device=devices.describe(engine.device),
                precision="float16" if engine.device.type == "cuda" else "float32",
            )
        )
        for request in early:
            jobs.submit(request)
        try:
            remove_leftovers()  # of the process before this one, if it was killed
            while due := self._next():
                self._render(engine, due)
        finally:
            _end_soon()
            jobs.close()

    def send(self, reply: replies.Reply) -> None:
        """Send from any thread; a client that has gone away ends the server elsewhere. A reply that holds what cannot
        be sent becomes a refusal."""
        try:
            data = protocol.encode(reply)
        except UnsendableError as error:
            for instead in self._refusals(reply, str(error)):
                self.send(instead)
            return
        with self._sending:
            try:
                self._connection.send_bytes(data)
            except OSError:
                self._end()

    def _refusals(self, reply: replies.Reply, sentence: str) -> list[replies.Reply]:
        """What is said in place of ``reply``. Raises :class:`UnsendableError` where it answers nothing."""
        match reply:
            case replies.Frames():
                with self._changed:
                    self._free.extend(frame.slot for frame in reply.frames)
                return [
                    replies.ViewFailed(view_id=frame.view_id, revision=frame.revision, sentence=sentence)
                    for frame in reply.frames
                ]
            case replies.ViewFailed():
                return [replies.ViewFailed(view_id=reply.view_id, revision=reply.revision, sentence=sentence)]
            case replies.Ready():
                raise UnsendableError(sentence)
            case _:
                return [replies.Refused(request_id=reply.request_id, sentence=sentence)]

    # --- the reader ----------------------------------------------------------------------------------------------

    def _read(self) -> None:
        """Take requests until the window is gone. What is no request ends the connection, for nothing that follows it
        can be trusted; the window starts another process."""
        try:
            while True:
                self._take(protocol.decode_request(channel.receive(self._connection)))
        except (EOFError, OSError) as error:
            if isinstance(error, OSError) and not isinstance(error, ConnectionError):
                self.exit_code = 1
                log.exception("the connection with the window")
        except Exception:
            self.exit_code = 1
            log.exception("a request of the window")
        finally:
            self._end()
            if self._jobs is None:
                os._exit(self.exit_code)  # there is nothing to tidy up, and importing can take long
            _end_soon()

    def _take(self, request: requests.Request) -> None:
        with self._changed:
            match request:
                case requests.RenderViews():
                    now = time.perf_counter()
                    for one in request.requests:
                        self._views[one.view_id] = _Waiting(one, now)
                case requests.Release():
                    if self._ring is not None and request.ring == self._ring.name:
                        self._free.extend(request.slots)
                case requests.ForgetView():
                    self._views.pop(request.view_id, None)
                case requests.AttachRing():
                    if self._ring is not None:
                        self._ring.close()
                    self._ring = Ring.attach(request.name, request.slots, request.slot_bytes)
                    self._free = deque(range(request.slots))
                case requests.Shutdown():
                    self._ended = True
                case _ if self._jobs is None:
                    self._early.append(request)
                case _:
                    self._jobs.submit(request)
            self._changed.notify_all()

    def _end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    # --- the renderer --------------------------------------------------------------------------------------------

    def _next(self) -> list[_Waiting]:
        """All views that are due, as soon as there is one and a slot to paint into; empty when the client is gone. When
        the hand has rested for a while, memory that is free again is given back."""
        while True:
            with self._changed:
                if self._changed.wait_for(self._is_due, RESTED if self._has_drawn else None):
                    if self._ended:
                        return []
                    self._has_drawn = True
                    chosen = list(self._views)[: len(self._free)]
                    return [self._views.pop(view_id) for view_id in chosen]
            memory.give_back()
            self._has_drawn = False

    def _is_due(self) -> bool:
        return self._ended or bool(self._views and self._free)

    def _render(self, engine: Engine, due: list[_Waiting]) -> None:
        from explorer.engine.points import Overtaken

        started = time.perf_counter()

        def is_awaited(view: View) -> bool:
            return any(one.request.view == view and not self._is_overtaken(one) for one in due)

        try:
            pictures = engine.render([one.request.view for one in due], live=True, is_awaited=is_awaited)
        except Overtaken:
            with self._changed:
                for one in due:  # the others come back together with what has overtaken them
                    self._views.setdefault(one.request.view_id, one)
            return
        except Exception as error:  # noqa: BLE001  (one bad view must not take the others, nor the process)
            if len(due) > 1:
                for one in due:
                    self._render(engine, [one])
                return
            from explorer.service.wording import sentence_of  # not before torch is there: it knows the methods

            request = due[0].request
            self.send(
                replies.ViewFailed(
                    view_id=request.view_id, revision=request.revision, sentence=sentence_of(error, request.view)
                )
            )
            return
        self._deliver(engine, due, pictures, started)

    def _is_overtaken(self, one: _Waiting) -> bool:
        """Whether the same pane waits for a draft by now: the hand moves again. A picture of the same quality that is
        newer overtakes nothing, or else none would ever be finished."""
        with self._changed:
            newer = self._views.get(one.request.view_id)
        return newer is not None and _steps(newer.request) < _steps(one.request)

    def _deliver(self, engine: Engine, due: list[_Waiting], pictures: list[Picture], started: float) -> None:
        from explorer.generators.devices import memory_in_use

        placed: list[tuple[_Waiting, Picture, str, int]] = []
        memory = resident_memory()
        for waiting, picture in zip(due, pictures, strict=True):
            with self._changed:
                ring, slot = self._ring, self._free.popleft()
            assert ring is not None  # a slot was free, so there is a ring
            try:
                ring.write(slot, picture.bgrx.data.cast("B"))
            except (ValueError, OSError) as error:
                with self._changed:
                    self._free.append(slot)
                request = waiting.request
                sentence = f"The picture could not be passed on: {_reason(error)}."
                self.send(replies.ViewFailed(view_id=request.view_id, revision=request.revision, sentence=sentence))
                continue
            placed.append((waiting, picture, ring.name, slot))
        engine_ms = (time.perf_counter() - started) * 1e3
        device_memory = memory_in_use(engine.device)
        frames: list[Frame] = []
        for waiting, picture, ring_name, slot in placed:
            height, width = picture.bgrx.shape[:2]
            frames.append(
                Frame(
                    view_id=waiting.request.view_id,
                    revision=waiting.request.revision,
                    asked=waiting.request.asked,
                    ring=ring_name,
                    slot=slot,
                    width=width,
                    height=height,
                    waited_ms=(started - waiting.since) * 1e3,
                    forward_ms=picture.forward_ms,
                    convert_ms=picture.convert_ms,
                    engine_ms=engine_ms,
                    batch=picture.batch,
                    device_memory=device_memory,
                    engine_memory=memory,
                    steps=picture.steps,
                    rms=picture.rms,
                    remarks=picture.remarks,
                )
            )
        self.send(replies.Frames(frames=tuple(frames)))


def _reason(error: ValueError | OSError) -> str:
    if isinstance(error, OSError):
        return f"the machine has no memory left for it ({error.strerror or error}); close what is not needed"
    return str(error)


def _steps(request: ViewRequest) -> float:
    """How many steps of a sampler are asked for; the model's own number is the largest."""
    return request.view.quality.steps or math.inf


@cache
def _this_process() -> psutil.Process:
    return psutil.Process()  # looks up when the process began, so not for every frame


def resident_memory() -> int:
    """Resident bytes of this process."""
    return int(_this_process().memory_info().rss)


def _end_soon() -> None:
    """From now on this process has :data:`TIDYING_TIME`, whatever goes on in it; its log says what that was."""
    faulthandler.dump_traceback_later(TIDYING_TIME, exit=True)


def _end_in_order(number: int, frame: object) -> None:
    raise SystemExit(0)


def main() -> None:
    """Entry of the process, which inherits its end of the connection with the window."""
    faulthandler.enable()
    # What this process says goes to its log; of others only what is wrong.
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    logging.getLogger("explorer").setLevel(logging.INFO)
    ending.end_with_parent(tidies=True)
    # Ctrl-C in a terminal reaches the whole group; the window decides when the engine ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # So does its end, and this process sees that the window is gone.
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # Being told to end is an end in good order: jobs remove what they have half written.
    signal.signal(signal.SIGTERM, _end_in_order)
    with channel.inherited() as connection:
        server = Server(connection)
        server.run()
    # A worker may still sit in a long forward pass; what the jobs had half written is gone by now.
    os._exit(server.exit_code)


if __name__ == "__main__":
    main()
