"""Where the picture stands along its controls: what sliders of values show, and where sliders along learned values
stop, depends on where the picture starts."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from explorer.scene.cards import ControlPlace
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Start
from explorer.service.replies import EngineLost, PlacesFound, Refused
from explorer.service.requests import FindPlaces
from explorer.ui.state.holder import SceneHolder

Question = tuple[ModelRef, ControlSetRef, Start, tuple[Edit, ...]]
"""Model, control set, start, and the edits in other spaces than those of the sliders in question."""


class Places(QObject):
    """Asks the engine about the selected pane whenever its start is another one; the newest answer counts."""

    changed = Signal()

    def __init__(self, holder: SceneHolder, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._holder = holder
        self._asked: Question | None = None  # the newest question, answered or not
        self._number = -1  # of the question that is under way
        self._known: tuple[Question, dict[str, ControlPlace]] | None = None
        holder.changed.connect(self._ask)
        holder.catalogue.controls_found.connect(self._ask)
        holder.engine_ready.connect(self._ask)
        holder.replies.on(PlacesFound, self._answered)
        holder.replies.on(Refused, self._answered)
        holder.replies.on(EngineLost, self._engine_lost)

    def known(self) -> dict[str, ControlPlace]:
        """Name of a control of the selected pane → where the picture stands along it. While another start of the same
        set is asked about, where the last one stood."""
        question = self._question()
        return self._known[1] if self._known and question and self._known[0][:2] == question[:2] else {}

    @property
    def is_current(self) -> bool:
        """Whether :meth:`known` is about the picture as it starts now."""
        return self._known is not None and self._known[0] == self._question()

    def _answered(self, reply: PlacesFound | Refused) -> None:
        """Take ``reply`` if it answers the newest question. Where that is refused, so is the picture, and says why."""
        if reply.request_id != self._number:
            return
        self._number = -1
        if isinstance(reply, PlacesFound) and self._asked is not None:
            self._known = self._asked, reply.places
            self.changed.emit()

    def _engine_lost(self, lost: EngineLost) -> None:
        """Ask the next one."""
        if self._number >= 0:
            self._asked, self._number = None, -1

    def _question(self) -> Question | None:
        """What the places of the selected pane depend on; None where no slider of it needs to know its place."""
        holder = self._holder
        scene = holder.scene
        card = holder.controls_card() if holder.has_model else None
        placed = [one for one in card.controls if one.detents or one.shows == "value"] if card else []
        if card is None or not placed:
            return None
        pane = scene.panes[scene.selected]
        here = {one.space for one in placed}
        elsewhere = {one.name for one in card.controls if not here <= {one.space}}
        edits = tuple(edit for edit in pane.edits if edit.control in elsewhere)
        return scene.model_of(), pane.controls, scene.start_of(), edits

    def _ask(self, *_: object) -> None:
        question = self._question()
        if question is None or question == self._asked:
            return
        self._asked = question
        client = self._holder.client
        self._number = client.next_request_id()
        model, controls, start, edits = question
        client.send(FindPlaces(request_id=self._number, model=model, controls=controls, start=start, edits=edits))
