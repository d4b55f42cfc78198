"""The labels of this session: draws samples ahead of the hand, keeps every answer, has a probe trained meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from explorer.errors import ExplorerError
from explorer.scene.cards import ModelCard
from explorer.scene.labels import Labels, load_labels, save_labels
from explorer.scene.model import ModelRef
from explorer.service.replies import EngineLost, ProbeTrained, Ready, Refused, SamplesDrawn
from explorer.service.requests import TrainProbe
from explorer.ui.state import label_files
from explorer.ui.state.bridge import EngineClient
from explorer.ui.state.label_set import LabelSet
from explorer.ui.state.replies import Replies
from explorer.ui.state.sample_pictures import SamplePictures, pace_of

EVERY = 4  # labels after which a probe is trained at once
PAUSE_MS = 900  # of the hand, after which it is trained with fewer new ones


@dataclass
class _Desk:
    """What is labelled of one model. ``sets``: by the name of the attribute, in the order of the list."""

    model: ModelRef
    card: ModelCard
    sets: dict[str, LabelSet]
    current: str


class Labelling(QObject):
    """Follows one model at a time; what was labelled of the others is kept, and comes back with them.

    Every answer is written to the state folder at once, so that neither a crash of the engine nor one of the window
    loses any.
    """

    changed = Signal()

    def __init__(self, client: EngineClient, replies: Replies, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._client = client
        self._desks: dict[str, _Desk] = {}  # by fingerprint
        self._desk: _Desk | None = None
        self._pictures = SamplePictures(client)
        self._training: tuple[int, LabelSet] | None = None  # the number of the question, and about what
        self._active = False
        self.is_down = False  # the engine
        self.problem = ""  # why the labels could not be written
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._train)
        replies.on(SamplesDrawn, self._answered)
        replies.on(ProbeTrained, self._answered)
        replies.on(Refused, self._answered)
        replies.on(EngineLost, self._engine_lost)
        replies.on(Ready, self._engine_ready)

    # --- what is known ---

    @property
    def card(self) -> ModelCard | None:
        """The model that is labelled."""
        return self._desk.card if self._desk else None

    @property
    def current(self) -> LabelSet | None:
        """The labels that are being given; None without a model."""
        return self._desk.sets[self._desk.current] if self._desk else None

    def attributes(self) -> list[str]:
        """The attributes that are labelled on this model."""
        return [name for name in self._desk.sets if name] if self._desk else []

    def upcoming(self, count: int) -> list[QImage | None]:
        """The first ``count`` samples of the queue, the one to be answered first; None: its picture is on its way."""
        desk, labels = self._desk, self.current
        if desk is None or labels is None:
            return []
        return [self._pictures.of(desk.card, sample) for sample in labels.queue[:count]]

    def recent(self, count: int) -> list[tuple[QImage | None, int | None]]:
        """The ``count`` samples that were answered last, the last one first: the picture where it is still known, and
        1 yes, 0 no, None skipped."""
        desk, labels = self._desk, self.current
        if desk is None or labels is None:
            return []
        said = {one.sample: one.value for one in labels.labels.labels}
        last = list(reversed(labels.answered[-count:]))
        return [(self._pictures.of(desk.card, sample), said.get(sample)) for sample in last]

    @property
    def is_training(self) -> bool:
        """Whether a probe of the labels shown is under way."""
        return self._training is not None and self._training[1] is self.current

    @property
    def drawing_problem(self) -> str:
        """Why no samples come; empty when they do."""
        return self._pictures.problem(self._desk.card) if self._desk else ""

    # --- which labels ---

    def follow(self, model: ModelRef, card: ModelCard | None) -> None:
        """Label samples of ``model``; what was labelled of it before comes back. Without a ``card``: of none."""
        if card is None:
            desk = None
        else:
            desk = self._desks.get(card.fingerprint) or self._open_desk(model, card)
            desk.model = model
        if desk is not self._desk:
            self._desk = desk
            self._go_on()

    def set_active(self, active: bool) -> None:
        """Whether somebody looks; samples are drawn only then."""
        self._active = active
        self._go_on()

    def name(self, attribute: str) -> None:
        """Label ``attribute``: go on where it was left, or begin."""
        attribute = attribute.strip()
        desk, labels = self._desk, self.current
        if desk is None or labels is None or not attribute or attribute == labels.attribute:
            return
        if labels.is_fresh:
            del desk.sets[desk.current]
        if attribute not in desk.sets:
            desk.sets[attribute] = LabelSet(_none(desk.card, attribute))
        desk.current = attribute
        self._go_on()

    def rename(self, attribute: str) -> str:
        """Call what is being labelled ``attribute``. Returns why that cannot be, or an empty text."""
        attribute = attribute.strip()
        desk, labels = self._desk, self.current
        if desk is None or labels is None or not attribute or attribute == labels.attribute:
            return ""
        if attribute in desk.sets:
            return f"There are labels of '{attribute}' already; choose another name."
        old = labels.labels
        labels.labels = msgspec.structs.replace(old, attribute=attribute)
        desk.sets = {one.attribute: one for one in desk.sets.values()}
        desk.current = attribute
        self._keep(labels)
        if not self.problem:
            self._try(label_files.forget, old)
        self._go_on()
        return ""

    def forget(self) -> None:
        """Throw the labels of the attribute away, and their file."""
        desk, labels = self._desk, self.current
        if desk is None or labels is None:
            return
        self._try(label_files.forget, labels.labels)
        del desk.sets[desk.current]
        if not desk.sets:
            desk.sets[""] = LabelSet(_none(desk.card, ""))
        desk.current = next(iter(desk.sets))
        self._go_on()

    def open(self, path: Path) -> str:
        """Add the labels in ``path`` to those of their attribute, and go on with them. Returns how many there were, in
        a sentence. Raises :class:`ExplorerError` for a file without labels, and for labels of another model."""
        found = load_labels(path)
        desk = self._desk
        if desk is None:
            raise ExplorerError("Open the model of these labels first, then the labels.")
        if refusal := found.refusal(desk.card):
            raise ExplorerError(refusal)
        if desk.sets[desk.current].is_fresh:
            del desk.sets[desk.current]
        labels = desk.sets.setdefault(found.attribute, LabelSet(_none(desk.card, found.attribute)))
        desk.current = found.attribute
        before = labels.count
        count = labels.add(found.labels)
        self._keep(labels)
        self._go_on()
        return f"{count} labels of '{found.attribute}' opened" + (f", {labels.count} in all." if before else ".")

    # --- answering ---

    def answer(self, value: Literal[0, 1]) -> None:
        """Label the sample that is shown: 1 yes, 0 no. Nothing happens while there is no picture, or no attribute."""
        if (labels := self._ready()) is not None:
            labels.answer(value)
            self._keep(labels)
            self._go_on()

    def skip(self) -> None:
        """Leave the sample that is shown without a label."""
        if (labels := self._ready()) is not None:
            labels.skip()
            self._go_on()

    def back(self) -> None:
        """Take the last answer back, and ask it again."""
        labels = self.current
        if labels is not None and labels.answered:
            labels.back()
            self._keep(labels)
            self._go_on()

    def retry(self) -> None:
        """Ask again for what was refused."""
        if self._desk is not None and self.current is not None:
            self._pictures.forgive(self._desk.card)
            self.current.problem, self.current.asked = "", None
            self._go_on()

    # --- files ---

    def path(self) -> Path | None:
        """The file that holds the labels shown, as they are now; None while there are none."""
        labels = self.current
        return label_files.path_of(labels.labels) if labels is not None and labels.count and not self.problem else None

    def save(self, path: Path) -> None:
        """Write the labels to ``path``, whole or not at all. Raises :class:`ExplorerError`."""
        if self.current is not None:
            save_labels(self.current.labels, path)

    def snapshot(self) -> Path:
        """A file that will always hold the labels of now. Raises :class:`ExplorerError`."""
        assert self.current is not None
        return label_files.snapshot(self.current.labels)

    # --- answers of the engine ---

    def _answered(self, reply: SamplesDrawn | ProbeTrained | Refused) -> None:
        """Take ``reply`` if it answers one of our questions."""
        is_drawing = not isinstance(reply, ProbeTrained) and self._pictures.take(reply)
        if is_drawing or (not isinstance(reply, SamplesDrawn) and self._learn(reply)):
            self._go_on()

    def _engine_lost(self, lost: EngineLost) -> None:
        """What was asked died with the engine; the labels are here."""
        self.is_down = True
        self._pictures.engine_lost()
        self._training = None
        for desk in self._desks.values():
            for labels in desk.sets.values():
                labels.asked = None
        self.changed.emit()

    def _engine_ready(self, ready: Ready) -> None:
        """There is an engine (again): ask it for what is missing."""
        self.is_down = False
        self._go_on()

    # --- inside ---

    def _open_desk(self, model: ModelRef, card: ModelCard) -> _Desk:
        sets = {}
        for labels in label_files.kept(card.fingerprint):
            sets[labels.attribute] = LabelSet(labels, answered=[one.sample for one in labels.labels])
        sets = sets or {"": LabelSet(_none(card, ""))}
        desk = self._desks[card.fingerprint] = _Desk(model, card, sets, next(iter(sets)))
        return desk

    def _ready(self) -> LabelSet | None:
        """The labels, where the sample that is to be answered can be seen."""
        labels = self.current
        return labels if labels is not None and labels.attribute and self.upcoming(1) not in ([], [None]) else None

    def _keep(self, labels: LabelSet) -> None:
        self._try(label_files.keep, labels.labels)

    def _try(self, write: Callable[[Labels], None], labels: Labels) -> None:
        """Write or remove a file; a disk that is full is said, and the labels stay in the window."""
        try:
            write(labels)
            self.problem = ""
        except ExplorerError as error:
            self.problem = str(error)

    def _go_on(self) -> None:
        """Ask for what is missing now."""
        if labels := self.current:
            assert self._desk is not None
            labels.fill(pace_of(self._desk.card).ahead)
            if self._active and not self.is_down:
                self._pictures.ask(self._desk.model, self._desk.card, labels.queue)
            if labels.asked is not labels.labels and labels.is_testable:
                if labels.asked is None or abs(labels.count - len(labels.asked.labels)) >= EVERY:
                    self._train()
                else:
                    self._pause.start()
        self.changed.emit()

    def _train(self) -> None:
        desk, labels = self._desk, self.current
        if desk is None or labels is None or self._training is not None or self.is_down or not self._active:
            return
        if not labels.is_testable or not labels.attribute or labels.asked is labels.labels:
            return
        number = self._client.next_request_id()
        self._training = (number, labels)
        labels.asked = labels.labels
        self._client.send(TrainProbe(request_id=number, model=desk.model, labels=labels.labels))

    def _learn(self, reply: ProbeTrained | Refused) -> bool:
        if self._training is None or reply.request_id != self._training[0]:
            return False
        (_, labels), self._training = self._training, None
        if isinstance(reply, ProbeTrained):
            labels.learned(reply)
        else:
            labels.problem = reply.sentence
        return True


def _none(card: ModelCard, attribute: str) -> Labels:
    """No labels of ``attribute`` yet."""
    return Labels(attribute=attribute, fingerprint=card.fingerprint, model=card.name)
