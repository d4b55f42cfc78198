"""Small pictures of samples to label: asked for in batches ahead of the hand, and kept as long as there is room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtGui import QImage

from explorer.scene.cards import ModelCard
from explorer.scene.model import ModelRef
from explorer.service.replies import Refused, SamplesDrawn
from explorer.service.requests import DrawSamples
from explorer.ui.state.bridge import EngineClient
from explorer.ui.state.label_set import Sample

SIDE = 256  # pixels of the longer side, at most
KEPT = 256  # pictures


@dataclass(frozen=True)
class Pace:
    """How many samples are drawn ``ahead``, in batches of ``batch``, as soon as fewer than ``low`` are there."""

    ahead: int
    low: int
    batch: int


FAST = Pace(ahead=24, low=16, batch=16)
SLOW = Pace(ahead=8, low=6, batch=4)  # samplers: a picture is a run of many steps


def pace_of(model: ModelCard) -> Pace:
    """How fast samples of ``model`` are asked for."""
    return SLOW if model.full_steps else FAST


class SamplePictures:
    """One question is open at a time. After a refusal the model is left alone until :meth:`forgive`."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._kept: OrderedDict[tuple[str, Sample], QImage] = OrderedDict()  # by fingerprint and sample
        self._problems: dict[str, str] = {}  # by fingerprint
        self._asked: tuple[int, str, tuple[Sample, ...]] | None = None  # number, fingerprint, samples

    def of(self, model: ModelCard, sample: Sample) -> QImage | None:
        """The picture; None while it is not there."""
        return self._kept.get((model.fingerprint, sample))

    def problem(self, model: ModelCard) -> str:
        """Why no pictures of ``model`` come; empty when they do."""
        return self._problems.get(model.fingerprint, "")

    def forgive(self, model: ModelCard) -> None:
        """Forget that ``model`` was refused."""
        self._problems.pop(model.fingerprint, None)

    def ask(self, ref: ModelRef, model: ModelCard, queue: Sequence[Sample]) -> None:
        """Ask for the next batch of ``queue``, the sample to be seen first at its head, where it is time for that."""
        if self._asked is not None or self.problem(model):
            return
        pace = pace_of(model)
        ahead = list(queue[: pace.ahead])
        missing = [sample for sample in ahead if self.of(model, sample) is None]
        if not missing or ahead.index(missing[0]) >= pace.low:
            return
        truncation = missing[0][1]
        wanted = tuple([sample for sample in missing if sample[1] == truncation][: pace.batch])
        seeds = tuple(seed for seed, _ in wanted)
        number = self._client.next_request_id()
        self._asked = (number, model.fingerprint, wanted)
        self._client.send(DrawSamples(request_id=number, model=ref, seeds=seeds, size=SIDE, truncation_psi=truncation))

    def take(self, reply: SamplesDrawn | Refused) -> bool:
        """Take ``reply`` if it answers our question."""
        if self._asked is None or reply.request_id != self._asked[0]:
            return False
        (_, fingerprint, samples), self._asked = self._asked, None
        if isinstance(reply, Refused):
            self._problems[fingerprint] = reply.sentence
            return True
        for sample, pixels in zip(samples, reply.pictures, strict=True):
            rows = QImage(pixels, reply.width, reply.height, reply.width * 3, QImage.Format.Format_RGB888)
            self._kept[fingerprint, sample] = rows.copy()
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return True

    def engine_lost(self) -> None:
        """What was asked will not be answered."""
        self._asked = None
