"""The dock of pictures of one's own: the search for their points, and what becomes of what it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from PySide6.QtWidgets import QWidget

from explorer.scene.inversion import InversionOptions
from explorer.scene.model import Scene
from explorer.scene.own_pictures import bookmark_of, fidelity_text
from explorer.service.replies import PictureInverted
from explorer.ui.actions.actions import ActionTable
from explorer.ui.files.bookmarks import at_bookmark
from explorer.ui.look.lazy_dock import LazyDock
from explorer.ui.state.controller import Controller

if TYPE_CHECKING:
    from explorer.ui.own_pictures.panel import OwnPicturePanel


class OwnPictureDock(LazyDock["OwnPicturePanel"]):
    """Comes to the front with a search; what is found is shown at once if nothing has been changed meanwhile."""

    def __init__(self, controller: Controller, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(self._made, parent)
        self._controller, self._actions = controller, actions
        controller.inverting.started.connect(self.wanted)
        controller.inverting.finished.connect(self._on_finished)

    def _made(self) -> OwnPicturePanel:
        from explorer.ui.own_pictures.panel import OwnPicturePanel

        panel = OwnPicturePanel(self._controller, self._actions)
        panel.asked.connect(self._again)
        return panel

    def _again(self, options: InversionOptions) -> None:
        source = self._controller.inverting.source
        if source is not None:
            self._controller.invert(source, options)

    def _on_finished(self, found: PictureInverted, before: Scene) -> None:
        own, controller = found.point.own, self._controller
        if own is None:
            return
        scene = controller.scene
        made = bookmark_of(
            found.point,
            own,
            found.model,
            scene.panes[scene.selected].controls,
            scene.truncation_psi,
            {bookmark.name for bookmark in scene.bookmarks},
            before.condition_of(),
        )
        kept = msgspec.structs.replace(scene, bookmarks=(*scene.bookmarks, made))
        if scene == before:
            controller.load(msgspec.structs.replace(at_bookmark(kept, made), selected=1), f"Show {own.name}")
        else:
            controller.apply(kept, f"Add bookmark {made.name}")
            controller.say(f"'{own.name}' is a bookmark now: {fidelity_text(own)}. A click on it shows both pictures.")
