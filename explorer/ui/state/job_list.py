"""Long work of the engine as the jobs panel shows it: discovery, measures, exports."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import msgspec
from PySide6.QtCore import QObject, Signal

from explorer.export.options import ExportOptions, encode_options
from explorer.scene.comparison import CompareOptions, CompareReport
from explorer.scene.measures import MeasureOptions, MeasureReport
from explorer.scene.model import ChosenControl, ModelRef, Scene
from explorer.service.replies import ControlsPreview, EngineLost, InversionPreview, JobProgress, Refused, Stopped
from explorer.service.requests import (
    Cancel,
    CompareMethods,
    ExportComparison,
    ExportReports,
    ExportScene,
    MeasureModel,
    Request,
    SaveControls,
)
from explorer.ui.state.bridge import EngineClient
from explorer.ui.state.replies import Replies

WORTH_LISTING = 0.7  # seconds; a search that is over sooner would only flash by
ENDED_KEPT = 100  # jobs that have ended; of more, those that began first are listed no longer


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of long work. ``share`` 0..1; ``remaining`` seconds, negative while unknown."""

    request_id: int
    title: str
    state: str = "running"  # running, done, stopped, failed
    share: float = 0.0
    remaining: float = -1.0
    path: str = ""  # of the file that an export writes
    asked: bool = False  # by the user, and not asked again by itself when the engine is lost
    sentence: str = ""  # why it failed, or was stopped; or what is to be known of what it made


class JobList(QObject):
    """Jobs in the order of their start. Exports and measures are started here; discovery shows up once it reports
    progress."""

    changed = Signal()
    finished = Signal(object)  # Job, in its last state

    def __init__(self, client: EngineClient, replies: Replies, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._client = client
        self._jobs: dict[int, Job] = {}
        self._first_heard: dict[int, float] = {}
        replies.on(JobProgress, self._progressed)
        replies.on(msgspec.Struct, self._answered)
        replies.on(EngineLost, self._engine_lost)

    def jobs(self) -> list[Job]:
        """All jobs of this session that have not been cleared."""
        return list(self._jobs.values())

    def running(self) -> list[Job]:
        """Jobs that can still be cancelled."""
        return [job for job in self._jobs.values() if job.state == "running"]

    def start_export(self, scene: Scene, path: str, options: ExportOptions) -> int:
        """Have the engine write ``scene`` to ``path``; progress and the end come through `changed` and `finished`."""
        request = partial(ExportScene, scene=scene, path=path, options=encode_options(options))
        return self.start(f"Export {path.rpartition('/')[2]}", request, path)

    def start_measures(self, model: ModelRef, options: MeasureOptions, name: str) -> int:
        """Have the engine measure ``model``, which the user knows as ``name``."""
        return self.start(f"Measure {name}", partial(MeasureModel, model=model, options=options))

    def start_table(self, reports: tuple[MeasureReport, ...], path: str) -> int:
        """Have the engine write a table of ``reports`` to ``path``."""
        return self.start(f"Export {path.rpartition('/')[2]}", partial(ExportReports, reports=reports, path=path), path)

    def start_comparison(self, model: ModelRef, options: CompareOptions, name: str) -> int:
        """Have the engine compare methods on ``model``, which the user knows as ``name``."""
        return self.start(f"Compare methods on {name}", partial(CompareMethods, model=model, options=options))

    def start_comparison_table(self, report: CompareReport, path: str) -> int:
        """Have the engine write the table of ``report`` to ``path``."""
        return self.start(
            f"Export {path.rpartition('/')[2]}", partial(ExportComparison, report=report, path=path), path
        )

    def start_saving(self, model: ModelRef, chosen: tuple[ChosenControl, ...], path: str, title: str) -> int:
        """Have the engine write ``chosen`` controls as a set called ``title`` to ``path``."""
        request = partial(SaveControls, model=model, chosen=chosen, path=path, title=title)
        return self.start(f"Save {path.rpartition('/')[2]}", request, path)

    def cancel(self, request_id: int) -> None:
        """Ask the engine to stop; it answers when nothing is left behind."""
        if request_id in self._jobs and self._jobs[request_id].state == "running":
            self._client.send(Cancel(request_id=request_id))

    def left(self, request_id: int) -> None:
        """A search is being stopped, for no pane wants it any more."""
        if request_id in self._jobs:
            sentence = "Stopped: no pane uses it any more"
            self._jobs[request_id] = msgspec.structs.replace(self._jobs[request_id], sentence=sentence)

    def clear_finished(self) -> None:
        """Forget the jobs that have ended."""
        self._jobs = {key: job for key, job in self._jobs.items() if job.state == "running"}
        self.changed.emit()

    def start(self, title: str, request: Callable[..., Request], path: str = "") -> int:
        """Send ``request`` under a number of its own, which is returned, and list it as ``title`` until it is answered.
        ``path``: of the file that it writes."""
        request_id = self._client.next_request_id()
        self._begin(request_id, title, path)
        self._client.send(request(request_id=request_id))
        return request_id

    def _progressed(self, progress: JobProgress) -> None:
        known = self._jobs.get(progress.request_id)
        now = time.monotonic()
        if known is None and now - self._first_heard.setdefault(progress.request_id, now) < WORTH_LISTING:
            return
        known = known or Job(request_id=progress.request_id, title="Working")
        self._jobs[progress.request_id] = msgspec.structs.replace(
            known, title=progress.title or known.title, share=progress.share, remaining=progress.remaining
        )
        self.changed.emit()

    def _answered(self, reply: object) -> None:
        """Whatever answers a job ends it, be it what it made; that is for who asked."""
        number = getattr(reply, "request_id", None)
        if isinstance(reply, JobProgress | ControlsPreview | InversionPreview):
            return
        if number is None:
            return
        self._first_heard.pop(number, None)
        if number not in self._jobs:
            return
        stopped = isinstance(reply, Stopped) or getattr(reply, "stopped", False)
        state = "stopped" if stopped else "failed" if isinstance(reply, Refused) else "done"
        sentence = reply.sentence if isinstance(reply, Refused) else getattr(reply, "note", "")
        self._end(number, state, getattr(reply, "path", ""), sentence)

    def _engine_lost(self, lost: EngineLost) -> None:
        """What the user asked for died with the engine; discoveries are asked again by the catalogue."""
        for job in self.running():
            if job.asked:
                self._end(job.request_id, "failed", "", "The engine stopped before this was done; start it again.")
            else:
                del self._jobs[job.request_id]
        self._first_heard.clear()
        self.changed.emit()

    def _begin(self, request_id: int, title: str, path: str = "") -> None:
        self._jobs[request_id] = Job(request_id=request_id, title=title, path=path, asked=True)
        self.changed.emit()

    def _end(self, request_id: int, state: str, path: str, sentence: str) -> None:
        job = self._jobs[request_id]
        ended = msgspec.structs.replace(
            job, state=state, share=1.0 if state == "done" else job.share, remaining=0.0,
            path=path or job.path, sentence=sentence or job.sentence,
        )  # fmt: skip
        self._jobs[request_id] = ended
        over = [key for key, one in self._jobs.items() if one.state != "running"]
        for key in over[:-ENDED_KEPT]:
            del self._jobs[key]
        self.changed.emit()
        self.finished.emit(ended)
