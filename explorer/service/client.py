"""The window's end of the engine process. No torch, no Qt: replies arrive on a thread of the client's own.

Newest wins: a view that is asked for again before its request was sent replaces it here; one that arrived but was not
started is replaced in the server. So nothing queues, and the last state asked for is always the last one shown.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock, Thread

from explorer.errors import ExplorerError
from explorer.scene.measures import MeasureOptions, MeasureReport
from explorer.scene.model import ModelRef, View
from explorer.service import channel, protocol, replies, requests, starting
from explorer.service.channel import GarbledError
from explorer.service.outbox import Outbox
from explorer.service.process import EngineProcess, StartError
from explorer.service.protocol import UnsendableError
from explorer.service.replies import EngineLost, EngineSilent, Frame, Frames, Reply
from explorer.service.requests import Request, ViewRequest
from explorer.service.rings import Rings

log = logging.getLogger("explorer.service.client")

SLOTS = 64
SLOT_BYTES = 1 << 20  # 512 x 512 BGRX; grows when a model's pictures are larger
CRASHES_ALLOWED = 3  # within CRASH_WINDOW seconds; then it stays down until the user asks
CRASH_WINDOW = 60.0
CLOSING_TIME = 8.0  # seconds that a closing engine has for tidying up

Hear = Callable[[Reply | Frame | EngineLost | EngineSilent], None]


class _ForeignError(ExplorerError):
    """The engine is that of another version of the program."""


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

    ``on_reply`` is called on threads of the client's own with every :data:`Reply`, one :class:`Frame` after the
    other, :class:`EngineSilent` and :class:`EngineLost`. It must not block. ``crashes_allowed``: how many engines may
    die within a minute before it stays down.
    """

    def __init__(
        self,
        on_reply: Hear,
        slots: int = SLOTS,
        slot_bytes: int = SLOT_BYTES,
        crashes_allowed: int = CRASHES_ALLOWED,
    ) -> None:
        self._on_reply = on_reply
        self._slots, self._slot_bytes = slots, slot_bytes
        self._crashes_allowed = crashes_allowed
        self._rings = Rings()
        self._numbers = itertools.count(1)
        self._revisions = itertools.count(1)
        self._lock = Lock()
        self._outbox = Outbox(on_reply)
        self._open_requests: set[int] = set()
        self._engine: EngineProcess | None = None
        self._is_ready = False  # that engine has said so
        self._closing = False
        self._thread: Thread | None = None
        self._refusing: list[Thread] = []
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
        with self._lock:
            self._closing = True
            engine = self._engine
            if engine is not None and not self._is_ready:
                engine.terminate()  # still starting: it has nothing to tidy up
        self._outbox.wake()
        if self._thread is not None:
            # An engine that is up is told to end and removes what its jobs have half written.
            self._thread.join(CLOSING_TIME)
            if self._thread.is_alive() and engine is not None:
                engine.kill()
                self._thread.join()
        for thread in self._refusing:
            thread.join()
        self._rings.close()

    def restart(self) -> None:
        """Kill the engine process and start another, for a model that hangs."""
        self._crashes.clear()
        engine = self._engine
        if engine is not None and engine.is_alive:
            engine.kill()
        elif not (self._thread and self._thread.is_alive()):
            self.start()

    @property
    def pid(self) -> int | None:
        """The engine's process number, None while there is none."""
        engine = self._engine
        return engine.pid if engine is not None and engine.is_alive else None

    def next_request_id(self) -> int:
        return next(self._numbers)

    def send(self, request: Request) -> None:
        """Send a request (not a view) in order. One that names a ``request_id`` is refused if it holds what cannot be
        sent, and if the engine dies before it answers."""
        number = getattr(request, "request_id", None)
        try:
            message = protocol.encode(request)
        except UnsendableError as error:
            if number is not None:
                self._refuse(number, str(error))
            return
        with self._lock:
            if number is not None and not isinstance(request, requests.Cancel):
                self._open_requests.add(number)
            self._outbox.put(message)

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
        self.statistics.asked += len(requests)
        self._outbox.show(requests.values())
        return {view_id: request.revision for view_id, request in requests.items()}

    def forget(self, view_id: int) -> None:
        """The pane is gone."""
        self._outbox.forget(view_id)

    def pixels(self, frame: Frame) -> bytes:
        """The BGRX bytes (height * width * 4) of ``frame``; its slot is free from now on. Call once per frame."""
        pixels = self._rings.read(frame)
        self._release(frame)
        return pixels

    def discard(self, frame: Frame) -> None:
        """Free the slot of a frame that is not wanted any more."""
        self._release(frame)

    def reserve(self, slot_bytes: int) -> None:
        """Make room for frames of ``slot_bytes``; does nothing where they already fit. Raises
        :class:`ExplorerError` where there is no memory for them."""
        with self._lock:
            before, self._slot_bytes = self._slot_bytes, max(slot_bytes, self._slot_bytes)
            if self._slot_bytes == before or self._engine is None:
                return  # the next engine gets a ring of this size
            try:
                self._renew_ring()
            except StartError:
                self._slot_bytes = before
                raise

    # --- the threads ---------------------------------------------------------------------------------------------

    def _release(self, frame: Frame) -> None:
        self.statistics.drawn += 1
        if self._rings.release(frame):
            self._outbox.release(frame.slot)

    def _renew_ring(self) -> None:
        """Have the engine paint into a new ring from now on; frames under way still lie in the old one."""
        try:
            ring = self._rings.renew(self._slots, self._slot_bytes)
        except OSError as error:
            raise StartError(
                f"There is no memory in which pictures could be passed on ({error.strerror or error}); close what is "
                "not needed, and restart the engine."
            ) from error
        attach = requests.AttachRing(name=ring.name, slots=ring.slots, slot_bytes=ring.slot_bytes)
        self._outbox.attach(ring.name, protocol.encode(attach))

    def _refuse(self, number: int, sentence: str) -> None:
        """Answer a request that is not sent, on a thread of its own, as all answers come."""
        refused = replies.Refused(request_id=number, sentence=sentence)
        thread = Thread(target=self._on_reply, args=(refused,), name="engine-refusal", daemon=True)
        self._refusing = [*(one for one in self._refusing if one.is_alive()), thread]
        thread.start()

    def _is_closing(self) -> bool:
        return self._closing

    def _serve(self) -> None:
        """Run one engine process after the other until the window closes or they die too often. Whatever ends this
        thread, the window is told."""
        while not self._closing:
            again = False
            try:
                sentence, again = self._run_once()
            except StartError as error:
                sentence = str(error)
            except Exception as error:
                log.exception("the connection with the engine")
                sentence = f"The connection with the engine has failed ({type(error).__name__}: {error})."
            if self._is_closing():
                return
            again = again and not self._dies_too_often()
            with self._lock:
                lost, self._open_requests = self._open_requests, set()
                self._outbox.begin_anew()
            self._on_reply(EngineLost(sentence=sentence, restarting=again))
            for number in sorted(lost):
                self._on_reply(replies.Refused(request_id=number, sentence=sentence, kind="internal"))
            if not again:
                return

    def _dies_too_often(self) -> bool:
        """Count one death."""
        now = time.monotonic()
        self._crashes.append(now)
        while self._crashes and now - self._crashes[0] > CRASH_WINDOW:
            self._crashes.popleft()
        return len(self._crashes) > self._crashes_allowed

    def _run_once(self) -> tuple[str, bool]:
        """Start a process, relay until it ends; returns one sentence on why it ended, and whether another one may
        fare better. Raises :class:`StartError`."""
        with self._lock:
            self._renew_ring()
        engine = EngineProcess()
        with self._lock:
            self._engine, self._is_ready = engine, False
            if self._closing:
                engine.kill()
        sender = Thread(target=self._send_all, args=(engine,), name="engine-sender", daemon=True)
        sender.start()
        fault, again = "", True
        try:
            self._relay(engine)
        except (EOFError, OSError):
            pass  # it is gone, or what it announces is no message
        except GarbledError:
            log.exception("an answer of the engine")
            fault = "The engine has sent what is no answer, and was ended."
        except _ForeignError as error:
            fault, again = str(error), False
        except Exception as error:  # no fault of the engine's, but this thread is the only one that hears it
            log.exception("an answer of the engine")
            fault = f"The window could not take an answer of the engine ({type(error).__name__}: {error})."
        finally:
            if fault:
                engine.kill()
            with self._lock:
                did = "stopped" if self._is_ready else "could not start"
                self._engine = None
            self._outbox.wake()
            sentence = engine.epitaph(did)
            sender.join()
            engine.connection.close()
        return fault or sentence, again

    def _relay(self, engine: EngineProcess) -> None:
        """Hand on what the engine says, until it raises EOFError or OSError."""
        starting.watch(engine, self._on_reply)
        while True:
            self._receive(protocol.decode_reply(channel.receive(engine.connection)))

    def _receive(self, reply: Reply) -> None:
        if isinstance(reply, Frames):
            for frame in reply.frames:
                self._rings.came(frame)
                self._on_reply(frame)
            return
        if isinstance(reply, replies.Ready):
            if reply.version != protocol.PROTOCOL_VERSION:
                raise _ForeignError(
                    f"The engine is that of another version of the program (it speaks version {reply.version}, the "
                    f"window {protocol.PROTOCOL_VERSION}), which was updated meanwhile; close the window and open it "
                    "again."
                )
            with self._lock:
                self._is_ready = True
        number = getattr(reply, "request_id", None)
        if number is not None and not isinstance(reply, replies.JobProgress | replies.ControlsPreview):
            with self._lock:
                self._open_requests.discard(number)
        self._on_reply(reply)

    def _send_all(self, engine: EngineProcess) -> None:
        """The sender thread: an engine that does not read can block this thread, never the window. Whatever ends it,
        the reader sees the end of the connection."""
        try:
            while (messages := self._outbox.next(lambda: self._closing or self._engine is not engine)) is not None:
                for message in messages:
                    engine.connection.send_bytes(message)
            if self._engine is engine:
                engine.connection.send_bytes(protocol.encode(requests.Shutdown()))
        except OSError:
            pass  # the reader sees the same end and reports it
        except Exception:
            log.exception("the requests to the engine")
            engine.kill()
