"""The long work of the engine process: opening models, finding controls, measuring, exporting. Progress, cancel, one
sentence on failure."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock

import msgspec

from explorer.controls.control_set import ControlSet
from explorer.discovery import registry as methods
from explorer.discovery.base import Watch
from explorer.engine.engine import Engine
from explorer.errors import Cancelled, ModelError
from explorer.export import run as export
from explorer.export import tables
from explorer.export.options import decode_options
from explorer.generators import registry as generators
from explorer.generators.base import Progress
from explorer.scene.cards import ModelCard
from explorer.scene.model import ControlSetRef, ModelRef
from explorer.service import protocol

REPORT_EVERY = 0.1  # seconds
WAIT_REPORTED_EVERY = 0.5  # seconds
SEARCHES = 16  # threads of searches, all but one of which wait for their turn

Short = protocol.ListModels | protocol.ListMethods | protocol.OpenModel | protocol.ExportReports
Long = protocol.ExportScene | protocol.MeasureModel
Search = protocol.FindControls


class Jobs:
    """Runs requests on workers: short ones in order on one, long ones on two, and searches on others, of which the
    engine lets one work at a time."""

    def __init__(self, engine: Engine, send: Callable[[protocol.Reply], None]) -> None:
        self._engine = engine
        self._send = send
        self._short = ThreadPoolExecutor(1, "short")
        self._long = ThreadPoolExecutor(2, "long")
        self._searches = ThreadPoolExecutor(SEARCHES, "search")
        self._stops: dict[int, Event] = {}
        self._lock = Lock()

    def submit(self, request: protocol.Request) -> None:
        """Start a job; returns at once."""
        match request:
            case protocol.Cancel():
                with self._lock:
                    stop = self._stops.get(request.request_id)
                if stop is not None:
                    stop.set()
            case protocol.FindControls():
                self._start(self._searches, request)
            case protocol.ExportScene() | protocol.MeasureModel():
                self._start(self._long, request)
            case protocol.ListModels() | protocol.ListMethods() | protocol.OpenModel() | protocol.ExportReports():
                self._short.submit(self._run, request)

    def _start(self, workers: ThreadPoolExecutor, request: Long | Search) -> None:
        with self._lock:
            self._stops[request.request_id] = Event()
        workers.submit(self._run, request)

    def close(self) -> None:
        """Ask everything to stop and wait until the running jobs have removed what they had half written."""
        with self._lock:
            for stop in self._stops.values():
                stop.set()
        self._short.shutdown(wait=False, cancel_futures=True)
        self._searches.shutdown(wait=False, cancel_futures=True)
        self._long.shutdown(wait=True, cancel_futures=True)
        self._searches.shutdown(wait=True)

    def _run(self, request: Short | Long | Search) -> None:
        number = request.request_id
        reply: protocol.Reply
        try:
            match request:
                case protocol.ListModels():
                    reply = protocol.ModelList(request_id=number, models=self._models())
                case protocol.ListMethods():
                    cards = tuple(method.card for method in methods.methods().values())
                    reply = protocol.MethodList(request_id=number, methods=cards)
                case protocol.OpenModel():
                    reply = protocol.ModelOpened(request_id=number, card=self._engine.card(request.model))
                case protocol.FindControls():
                    reply = self._find(request)
                case protocol.ExportScene():
                    start = time.perf_counter()
                    path = Path(request.path)
                    written = export.run(
                        self._engine,
                        request.scene,
                        path,
                        decode_options(request.options),
                        self._progress(number, f"Exporting {path.name}"),
                    )
                    reply = protocol.Exported(request_id=number, path=str(written), seconds=time.perf_counter() - start)
                case protocol.MeasureModel():
                    (report,) = self._engine.measure(
                        [request.model], request.options, self._progress(number, "Measuring")
                    )
                    reply = protocol.Measured(request_id=number, model=request.model, report=report)
                case protocol.ExportReports():
                    start = time.perf_counter()
                    written = tables.write(Path(request.path), request.reports)
                    reply = protocol.Exported(request_id=number, path=str(written), seconds=time.perf_counter() - start)
        except Cancelled:
            reply = protocol.Stopped(request_id=number)
        except Exception as error:  # noqa: BLE001  (a job that fails says so; the process lives on)
            reply = self._refusal(request, error)
        finally:
            with self._lock:
                self._stops.pop(number, None)
        self._send(reply)

    def _models(self) -> tuple[ModelCard, ...]:
        """The cards of the shipped models; one that is broken says why in its notes."""
        cards = []
        for name in generators.shipped_models():
            try:
                cards.append(self._engine.describe(ModelRef(path=name)))
            except ModelError as error:
                cards.append(_broken(name, str(error)))
        return tuple(cards)

    def _find(self, request: protocol.FindControls) -> protocol.ControlsFound:
        number, title = request.request_id, f"Finding controls: {_named(request.controls)}"

        def preview(found: ControlSet) -> None:
            self._send(
                protocol.ControlsPreview(
                    request_id=number, model=request.model, controls=request.controls, card=found.card
                )
            )

        watch = Watch(self._progress(number, title), preview)
        found = self._engine.control_set(request.model, request.controls, watch, self._waiting(number, title))
        return protocol.ControlsFound(
            request_id=number, model=request.model, controls=request.controls, card=found.card
        )

    def _progress(self, number: int, title: str) -> Progress:
        """Reports the share and what remains, by the pace since the first report: a search may resume an older one."""
        stop = self._stop(number)
        first: tuple[float, float] | None = None
        last = 0.0

        def report(share: float) -> None:
            nonlocal first, last
            if stop.is_set():
                raise Cancelled
            now = time.perf_counter()
            first = first or (now, share)
            if now - last < REPORT_EVERY and share < 1:
                return
            last = now
            done = share - first[1]
            remaining = (now - first[0]) * (1 - share) / done if done > 0 else -1.0
            self._send(protocol.JobProgress(request_id=number, title=title, share=share, remaining=remaining))

        return report

    def _waiting(self, number: int, title: str) -> Callable[[], None]:
        stop = self._stop(number)
        last = 0.0

        def report() -> None:
            nonlocal last
            if stop.is_set():
                raise Cancelled
            now = time.perf_counter()
            if now - last >= WAIT_REPORTED_EVERY:
                last = now
                self._send(
                    protocol.JobProgress(request_id=number, title=f"Waiting: {title}", share=0.0, remaining=-1.0)
                )

        return report

    def _stop(self, number: int) -> Event:
        with self._lock:
            return self._stops[number]

    def _refusal(self, request: protocol.Request, error: Exception) -> protocol.Refused:
        from explorer.errors import ExplorerError
        from explorer.service.server import sentence_of

        reasons: tuple[tuple[str, str], ...] = ()
        if isinstance(request, protocol.OpenModel) and isinstance(error, ModelError):
            verdicts = generators.identify(generators.resolve(request.model.path)).verdicts
            reasons = tuple((name, verdict.reason) for name, verdict in verdicts.items())
        return protocol.Refused(
            request_id=getattr(request, "request_id", 0),
            sentence=sentence_of(error, request),
            kind="input" if isinstance(error, ExplorerError) else "internal",
            reasons=reasons,
        )


def _named(controls: ControlSetRef) -> str:
    """What a search is called: the title of its method, or the name of the file."""
    if controls.path:
        return Path(controls.path).name
    found = methods.methods().get(controls.method)
    return found.card.title if found else controls.method


def _broken(name: str, sentence: str) -> ModelCard:
    """A card without spaces: listed with what is wrong, and opened by nobody."""
    empty = ModelCard(name=name, family="", path=name, size=(0, 0), channels=0, spaces={}, fingerprint="")
    return msgspec.structs.replace(empty, shipped=True, notes=sentence)
