"""The models folder of the user: which models the engine has seen in it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from explorer import keeping
from explorer.scene.cards import ListedModel
from explorer.service.replies import FolderListed, Ready, Refused
from explorer.service.requests import ListFolder
from explorer.ui.state.bridge import EngineClient
from explorer.ui.state.replies import Replies


class ModelsFolder(QObject):
    """Listed whenever an engine is there, and when another folder is chosen."""

    changed = Signal()

    def __init__(self, client: EngineClient, replies: Replies, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._client = client
        self._question = 0
        self.path = keeping.models_folder()
        self.models: tuple[ListedModel, ...] = ()
        self.problem = ""  # why the folder could not be listed
        replies.on(FolderListed, self._listed)
        replies.on(Refused, self._refused)
        replies.on(Ready, self._on_ready)

    def choose(self, folder: Path | None) -> None:
        """List the models in ``folder`` from now on; None: in none."""
        keeping.keep_models_folder(folder)
        self.path, self.models, self.problem = folder, (), ""
        self.changed.emit()
        self.refresh()

    def refresh(self) -> None:
        """Have the folder looked at again."""
        if self.path is not None:
            self._question = self._client.next_request_id()
            self._client.send(ListFolder(request_id=self._question, folder=str(self.path)))

    def _on_ready(self, ready: Ready) -> None:
        self.refresh()

    def _listed(self, reply: FolderListed) -> None:
        if reply.request_id == self._question and self.path is not None:
            self.models, self.problem = reply.models, ""
            self.changed.emit()

    def _refused(self, reply: Refused) -> None:
        if reply.request_id == self._question and self._question:
            self.models, self.problem = (), reply.sentence
            self.changed.emit()
