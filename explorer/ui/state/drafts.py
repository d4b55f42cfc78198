"""When pictures are drafts: in fewer sampler steps while something moves, in all of them once the hand rests."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from explorer.scene.cards import ModelCard
from explorer.scene.model import Quality
from explorer.scene.steps import steps_at_rest, steps_while_moving

REST_MS = 250  # a hand that holds a slider and does not move it for so long waits for the picture


class Drafts(QObject):
    """Whether the hand moves, and the quality that follows from it."""

    chosen = Signal(int)  # another number of steps
    rested = Signal()  # the hand still holds what it moved, and waits
    settled = Signal()  # it rests, or has let go

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.chosen_steps = 0  # by the user, of a draft; 0: the model's own number
        self.playing = False  # nobody waits for one picture of a film: drafts throughout
        self._held = False
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self.rested)
        self._rest.timeout.connect(self.settled)

    def choose(self, steps: int) -> None:
        """How many steps a draft takes; 0: the model's own number."""
        if steps != self.chosen_steps:
            self.chosen_steps = steps
            self.chosen.emit(steps)

    @property
    def drafting(self) -> bool:
        """Whether pictures that are asked for now are drafts."""
        return self.playing or self._rest.isActive()

    def hold(self) -> None:
        """The hand has moved what it holds."""
        self._held = True
        self._rest.start()

    def release(self) -> bool:
        """The hand has let go; returns whether it held anything."""
        held, self._held = self._held, False
        self._rest.stop()
        if held:
            self.settled.emit()
        return held

    def quality(self, at_rest: Quality, card: ModelCard | None) -> Quality:
        """What to ask for now, where a finished picture has the quality ``at_rest``."""
        if not self.drafting or card is None or not card.full_steps:
            return at_rest
        moving = msgspec.structs.replace(at_rest, decoder="tiny") if card.tiny_decoder else at_rest
        steps = steps_while_moving(card, at_rest, self.chosen_steps)
        # A draft in all steps is the finished picture, under the same name, unless a small decoder makes it.
        return moving if steps == steps_at_rest(card, at_rest) else msgspec.structs.replace(moving, steps=steps)
