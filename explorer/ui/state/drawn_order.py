"""Says once when a scene of an older version is drawn otherwise than it was saved, when its controls are known."""

from __future__ import annotations

from PySide6.QtCore import QObject

from explorer.scene.model import ControlSetRef, ModelRef, Scene
from explorer.scene.order import OTHER_ORDER, order_mattered
from explorer.scene.store import Touched, drawn_panes
from explorer.ui.state.catalogue import Place, key_of
from explorer.ui.state.holder import SceneHolder


class DrawnOrder(QObject):
    """Waits for the control sets of the scene that was opened last."""

    def __init__(self, holder: SceneHolder, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._holder = holder
        self._awaited: dict[Place, list[tuple[str, ...]]] = {}
        holder.catalogue.controls_found.connect(self._check)

    def opened(self, scene: Scene, touched: Touched) -> None:
        """``scene`` was opened; ``touched``: how its panes were drawn when it was saved."""
        self._awaited = {}
        for (model, controls), names in zip(drawn_panes(scene), touched, strict=False):
            self._awaited.setdefault((key_of(model), controls), []).append(names)
            self._check(model, controls)

    def _check(self, model: ModelRef, controls: ControlSetRef) -> None:
        place = key_of(model), controls
        card = self._holder.catalogue.controls(model, controls)
        if card is None or place not in self._awaited:
            return
        if any(order_mattered(names, card) for names in self._awaited.pop(place)):
            self._awaited = {}  # once a scene
            self._holder.say(OTHER_ORDER, "warning")
