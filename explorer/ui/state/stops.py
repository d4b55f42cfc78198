"""Where sliders along learned values stop: which amounts lead to the values depends on where the picture starts."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from explorer.scene.model import ControlSetRef, ModelRef, Origin
from explorer.service.protocol import EngineLost, FindStops, Refused, StopsFound
from explorer.ui.state.holder import SceneHolder

Start = tuple[ModelRef, ControlSetRef, Origin, float]
"""Model, control set, origin, truncation."""


class Stops(QObject):
    """Asks the engine about the selected pane whenever its start is another one; the newest answer counts."""

    changed = Signal()

    def __init__(self, holder: SceneHolder, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._holder = holder
        self._asked: Start | None = None  # the newest question, answered or not
        self._number = -1  # of the question that is under way
        self._known: tuple[Start, dict[str, tuple[float, ...]]] | None = None
        holder.changed.connect(self._ask)
        holder.catalogue.controls_found.connect(self._ask)
        holder.engine_ready.connect(self._ask)
        holder.replies.on(StopsFound, self._answered)
        holder.replies.on(Refused, self._answered)
        holder.replies.on(EngineLost, self._engine_lost)

    def known(self) -> dict[str, tuple[float, ...]]:
        """Name of a control of the selected pane → its stops. While another start of the same set is asked about, those
        of the last one."""
        start = self._start()
        return self._known[1] if self._known and start and self._known[0][:2] == start[:2] else {}

    def _answered(self, reply: StopsFound | Refused) -> None:
        """Take ``reply`` if it answers the newest question. Where that is refused, so is the picture, and says why."""
        if reply.request_id != self._number:
            return
        self._number = -1
        if isinstance(reply, StopsFound) and self._asked is not None:
            self._known = self._asked, reply.stops
            self.changed.emit()

    def _engine_lost(self, lost: EngineLost) -> None:
        """Ask the next one."""
        if self._number >= 0:
            self._asked, self._number = None, -1

    def _start(self) -> Start | None:
        """What the stops of the selected pane depend on; None where it has no slider along learned values."""
        holder = self._holder
        scene = holder.scene
        card = holder.controls_card() if holder.has_model else None
        if card is None or not any(one.detents for one in card.controls):
            return None
        pane = scene.panes[scene.selected]
        return scene.model_of(), pane.controls, scene.origin_of(), scene.truncation_psi

    def _ask(self, *_: object) -> None:
        start = self._start()
        if start is None or start == self._asked:
            return
        self._asked = start
        client = self._holder.client
        self._number = client.next_request_id()
        model, controls, origin, truncation_psi = start
        client.send(
            FindStops(
                request_id=self._number, model=model, controls=controls, origin=origin, truncation_psi=truncation_psi
            )
        )
