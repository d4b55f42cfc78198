"""The work of the engine process beside pictures: workers for every kind of job, cancel, one sentence on failure."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from explorer import memory
from explorer.engine.engine import Engine
from explorer.errors import Cancelled, ExplorerError, ModelError
from explorer.file_kinds import registry as file_kinds
from explorer.generators import registry as generators
from explorer.scene.cards import FamilyVerdict, FileUse
from explorer.service import replies, requests
from explorer.service.answers import Answers, Job
from explorer.service.reports import Reports
from explorer.service.wording import sentence_of

WORTH_TIDYING = 1.0  # seconds: a job that took longer may have freed much memory, which is given back after it
SEARCHES = 16  # threads of searches, all but one of which wait for their turn


class Jobs:
    """Runs requests on workers: short ones in order on one, models that are opened on another, what labelling needs
    on a third, what rows say about causes on a fourth, how unusual pictures are on a fifth, the steps of pictures on a
    sixth, long ones on two, and searches on others, of which the engine lets one work at a time."""

    def __init__(self, engine: Engine, send: Callable[[replies.Reply], None]) -> None:
        self._answers = Answers(engine, send)
        self._send = send
        self._short = ThreadPoolExecutor(1, "short")
        self._opening = ThreadPoolExecutor(1, "opening")
        self._labelling = ThreadPoolExecutor(1, "labelling")
        self._causal = ThreadPoolExecutor(1, "causal")
        self._probing = ThreadPoolExecutor(1, "probing")
        self._stepping = ThreadPoolExecutor(1, "stepping")
        self._long = ThreadPoolExecutor(2, "long")
        self._searches = ThreadPoolExecutor(SEARCHES, "search")
        self._jobs: dict[int, Reports] = {}
        self._lock = Lock()

    def submit(self, request: requests.Request) -> None:
        """Start a job; returns at once."""
        match request:
            case requests.Cancel():
                with self._lock:
                    job = self._jobs.get(request.request_id)
                if job is not None:
                    job.stop.set()
            case requests.FindControls() | requests.SaveControls():
                self._start(self._searches, request)
            case (
                requests.ExportScene()
                | requests.MeasureModel()
                | requests.CompareMethods()
                | requests.ExportComparison()
                | requests.ScanEffects()
                | requests.CheckPicture()
                | requests.ExportEffects()
                | requests.SuggestArrows()
                | requests.InvertPicture()
                | requests.ListFolder()
            ):
                self._start(self._long, request)
            case requests.DescribeCauses() | requests.CheckGraph() | requests.FindEffect():
                self._start(self._causal, request)
            case requests.FindUnsteadiness():
                self._start(self._probing, request)
            case requests.DrawTrajectory():
                self._start(self._stepping, request)
            case requests.OpenModel():
                self._start(self._opening, request)
            case requests.DrawSamples() | requests.TrainProbe() | requests.ListAttributes():
                self._start(self._labelling, request)
            case (
                requests.ListModels()
                | requests.ListMethods()
                | requests.DescribeFile()
                | requests.ReadPath()
                | requests.FindPlaces()
                | requests.DrawLandscape()
                | requests.FindOutcome()
                | requests.ExportReports()
            ):
                self._start(self._short, request)

    def close(self) -> None:
        """Ask everything to stop and wait until the running jobs have removed what they had half written."""
        with self._lock:
            for job in self._jobs.values():
                job.stop.set()
        quick = self._short, self._opening, self._labelling, self._causal, self._stepping
        for workers in (*quick, self._probing, self._long, self._searches):
            workers.shutdown(wait=False, cancel_futures=True)
        for workers in (self._probing, self._long, self._searches):
            workers.shutdown(wait=True)

    def _start(self, workers: ThreadPoolExecutor, request: Job) -> None:
        reports = Reports(request.request_id, self._send)
        with self._lock:
            self._jobs[request.request_id] = reports
        workers.submit(self._run, request, reports)

    def _run(self, request: Job, reports: Reports) -> None:
        reply: replies.Reply
        begun = time.monotonic()
        try:
            reply = self._answers.answer(request, reports)
        except Cancelled:
            reply = replies.Stopped(request_id=request.request_id)
        except Exception as error:  # noqa: BLE001  (a job that fails says so; the process lives on)
            reply = _refused(request, error)
        finally:
            with self._lock:
                self._jobs.pop(request.request_id, None)
        self._send(reply)
        if time.monotonic() - begun > WORTH_TIDYING:
            memory.give_back()


def _refused(request: Job, error: Exception) -> replies.Refused:
    """Why ``request`` was not done; where that cannot be told in full, in one sentence."""
    try:
        return _refusal(request, error)
    except Exception as further:  # noqa: BLE001  (whatever a file does to those who are to explain it)
        return replies.Refused(request_id=request.request_id, sentence=sentence_of(further, request), kind="internal")


def _refusal(request: Job, error: Exception) -> replies.Refused:
    reasons: tuple[FamilyVerdict, ...] = ()
    use: FileUse | None = None
    if isinstance(request, requests.OpenModel) and isinstance(error, ModelError):
        path = generators.resolve(request.model.path)
        told = generators.identify(path)
        titles = {name: family.short_title for name, family in generators.families().items()}
        reasons = tuple(
            # A plugin that could not be loaded opens nothing, whatever the user says.
            FamilyVerdict(family=name if name in titles else "", title=titles.get(name, name), reason=verdict.reason)
            for name, verdict in told.verdicts.items()
        )
        use = file_kinds.use(path) if path.exists() and not any(one.mine for one in told.verdicts.values()) else None
    return replies.Refused(
        request_id=request.request_id,
        sentence=sentence_of(error, request),
        kind="input" if isinstance(error, ExplorerError) else "internal",
        reasons=reasons,
        use=use,
    )
