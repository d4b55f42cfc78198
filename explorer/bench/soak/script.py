"""The soak itself, in the window's process: rounds of every kind of event in an order of chance, and a rest after each,
in which what the processes hold is counted."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import psutil
from PySide6.QtCore import QObject, QTimer

from explorer.bench.driving import Steps, run
from explorer.bench.soak import usage
from explorer.bench.soak.actor import MODELS, Actor, Event
from explorer.bench.soak.events import EVENTS, passed
from explorer.bench.soak.file_events import FILE_EVENTS
from explorer.service.replies import EngineLost
from explorer.ui.jobs.jobs_panel import JobsPanel
from explorer.ui.state.job_list import Job
from explorer.ui.state.notice import Notice

ALL_EVENTS = (*EVENTS, *FILE_EVENTS)
SAMPLED_MS = 1000
FEWEST_RESTS = 2
BRIEF = 60.0
"""Seconds; in shorter runs a round has one event of a kind."""
STILL_FOR = 1.0
"""Seconds for which the counts of a rest have to stand still."""
STILL_WITHIN = 20.0
"""Seconds after which they are taken as they are."""
EXPECTED = (
    "are still being looked for", "have not been looked for yet", "was cancelled; choose them again",
    "does not start from one of your own", "open the model it was stored with",
    "starts from a stored point of a later space",
    "was found on another generator",
)  # fmt: skip
"""What a picture may say: its controls are not there yet, or the view, the model or the method that was chosen does not
go with where it starts, or a set of one's own not with the model that was put into its pane."""

RESULT, VIEWS, PICTURES = "soak.json", "views.msgpack", "pictures.msgpack"


class Diary(QObject):
    """What happened: events, samples of memory, counts of every rest, sentences of failures."""

    def __init__(self, actor: Actor) -> None:
        super().__init__(actor.window)
        self._actor = actor
        self._began = time.monotonic()
        self._window = psutil.Process()
        self.events: list[str] = []
        self.times: list[float] = []
        self.samples: list[tuple[float, int, int]] = []
        self.rests: list[dict[str, Any]] = []
        self.failures: list[str] = []
        controller = actor.controller
        controller.noticed.connect(self._noticed)
        controller.jobs.finished.connect(self._finished)
        controller.feed.picture_changed.connect(self._drawn)
        controller.engine_lost.connect(self._lost)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.sample)
        self._timer.start(SAMPLED_MS)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def begin_again(self) -> None:
        """What was until now belongs to the start."""
        self._began = time.monotonic()

    def note(self, event: Event) -> None:
        """It begins now."""
        self.events.append(event.name)
        self.times.append(round(self.seconds, 3))

    def sample(self) -> None:
        """Note the memory of both processes."""
        if (engine := self.engine()) is not None:
            self.samples.append((round(self.seconds, 3), *usage.resident(self._window, engine)))

    def counts(self) -> dict[str, dict[str, int]]:
        """What both processes hold, and the window's objects by class."""
        engine = self.engine()
        assert engine is not None
        classes = usage.living_objects()
        return {
            "window": usage.as_json(usage.counts(self._window, classes.total())),
            "engine": usage.as_json(usage.counts(engine)),
            "classes": dict(classes),
        }

    def engine(self) -> psutil.Process | None:
        """Its process, while there is one."""
        ready = self._actor.controller.engine
        return psutil.Process(ready.pid) if ready is not None else None

    def write(self, folder: Path) -> None:
        """All of it, as it is now."""
        told = {
            "seconds": round(self.seconds, 3),
            "events": self.events,
            "times": self.times,
            "samples": self.samples,
            "rests": self.rests,
            "failures": self.failures,
        }
        (folder / RESULT).write_text(json.dumps(told))

    def _noticed(self, notice: Notice) -> None:
        if notice.kind in ("error", "warning"):
            self._fail(notice.sentence)

    def _finished(self, job: Job) -> None:
        if job.state == "failed":
            self._fail_of_picture(job.sentence)

    def _drawn(self, pane: int) -> None:
        picture = self._actor.controller.feed.picture(pane)
        if picture is not None and picture.error:
            self._fail_of_picture(picture.error)

    def _lost(self, lost: EngineLost) -> None:
        self._fail(lost.sentence)

    def _fail_of_picture(self, sentence: str) -> None:
        if not any(text in sentence for text in EXPECTED):
            self._fail(sentence)

    def _fail(self, sentence: str) -> None:
        number = len(self.events)
        last = f"{self.events[-1]} (event {number})" if number else "the start"
        self.failures.append(f"{last}: {sentence}")


def soak(seconds: float, seed: int, folder: Path, models: Sequence[str] = ()) -> Callable[[Actor], Steps]:
    """Rounds until ``seconds`` have passed, then the last state: its views and pictures, and the diary, are written to
    ``folder``. ``models``: those that are changed between, of which a rest shows the first; without, :data:`MODELS`."""

    def script(actor: Actor) -> Steps:
        actor.folder, actor.models, actor.brief = folder, tuple(models) or MODELS, seconds < BRIEF
        diary = Diary(actor)
        yield "the first model", lambda: actor.is_drawn() and bool(actor.controller.catalogue.methods)
        actor.controller.new_scene()
        yield "its first picture", actor.is_drawn
        actor.set_home()
        diary.begin_again()
        number = 0
        while True:
            for event in deck(seed, len(diary.rests), actor.brief):
                chance = random.Random(f"{seed} {number}")
                number += 1
                diary.note(event)
                yield from actor.act(event, chance)
            if diary.seconds >= seconds and len(diary.rests) >= FEWEST_RESTS:
                break
            yield from rest(actor, diary)
            diary.write(folder)
            sys.stderr.write(f"{diary.seconds:.0f} s: {number} events, {len(diary.rests)} rests\n")
            sys.stderr.flush()
        yield from last_state(actor, seed)
        diary.write(folder)

    return script


def deck(seed: int, turn: int, brief: bool = False) -> list[Event]:
    """Every kind of event, each as often as it says (``brief``: once), in the order of one round."""
    cards = [event for event in ALL_EVENTS for _ in range(1 if brief else event.often)]
    random.Random(f"{seed} round {turn}").shuffle(cards)
    return cards


def rest(actor: Actor, diary: Diary) -> Steps:
    """Go back to the state of the first rest, and count what the processes hold once that stands still."""
    window, controller = actor.window, actor.controller
    for job in controller.jobs.running():
        controller.jobs.cancel(job.request_id)
    yield "running jobs to end", lambda: not controller.jobs.running()
    window.timeline.player.stop()
    window.timeline.leave()
    for key in ("zoom_pane", "pixels"):
        if window.table[key].isChecked():
            window.table[key].trigger()
    window.table["theme_dark"].trigger()
    controller.load_document(actor.home(), "New scene", None)
    window.docks.panel(JobsPanel).clear.click()
    window.resize(1280, 860)
    window.reset_layout()
    for toast in list(window.toasts._toasts):
        window.toasts.dismiss(toast)
    actor.on_canvas()
    yield "the picture of the rest", actor.is_drawn
    last, since = diary.counts(), time.monotonic()
    begun = since
    while time.monotonic() - since < STILL_FOR and time.monotonic() - begun < STILL_WITHIN:
        yield "what is held to stand still", passed(STILL_FOR / 4)
        if (now := diary.counts()) != last:
            last, since = now, time.monotonic()
    diary.sample()
    if diary.rests:
        diary.rests[-1].pop("classes")  # of the last rest they are enough, and all of them would be a growth of its own
    diary.rests.append({"seconds": round(diary.seconds, 3), **last})


def last_state(actor: Actor, seed: int) -> Steps:
    """A spread that no picture had until now, so that all are drawn anew and as one batch; their views and pixels."""
    actor.window.timeline.player.stop()
    actor.window.timeline.leave()
    yield "the last events' pictures", actor.is_drawn
    actor.controller.set_truncation(0.5 + random.Random(f"{seed} last").random() / 2)
    yield "the last picture", actor.is_drawn
    pictures = actor.controller.feed.pictures()
    views = [picture.asked for picture in pictures]
    pixels = [bytes(picture.pixels) for picture in pictures]
    (actor.folder / VIEWS).write_bytes(msgspec.msgpack.encode(views))
    (actor.folder / PICTURES).write_bytes(msgspec.msgpack.encode(pixels))


def main() -> int:
    """``python -m explorer.bench.soak.script SECONDS SEED FOLDER [MODEL…]``."""
    seconds, seed, folder, *models = sys.argv[1:]
    code = run(Actor, soak(float(seconds), int(seed), Path(folder), models), (models or MODELS)[0])
    sys.stdout.write("{}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
