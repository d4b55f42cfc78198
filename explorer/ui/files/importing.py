"""Files of other programs: the engine says what one holds, the user what it leaves open, and then it is used."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QDialog, QWidget

from explorer.errors import ExplorerError
from explorer.files import shipped_set
from explorer.reading import sha256_of
from explorer.scene.imports import ImportCard
from explorer.scene.model import ControlSetRef, ModelRef, Scalar
from explorer.scene.timeline import with_origin_path
from explorer.service.replies import EngineLost, FileDescribed, PathRead, Refused
from explorer.service.requests import DescribeFile, ReadPath
from explorer.ui.state.controller import Controller


class _Asked(NamedTuple):
    """A question to the engine. ``answers``: None as long as the user has not been asked."""

    path: Path
    model: ModelRef
    may_be_model: bool
    answers: tuple[tuple[str, Scalar], ...] | None = None


class Importing(QObject):
    """One file at a time: a newer one takes the place of what has not been answered yet."""

    no_import = Signal(object)  # Path of what may be a model, and is nothing that is imported
    path_imported = Signal()  # the scene is a film now

    def __init__(self, controller: Controller, window: QWidget) -> None:
        super().__init__(window)
        self._controller = controller
        self._window = window
        self._number = -1  # of the question that is under way
        self._asked: _Asked | None = None
        controller.replies.on(FileDescribed, self._on_described)
        controller.replies.on(PathRead, self._on_path_read)
        controller.replies.on(Refused, self._on_refused)
        controller.replies.on(EngineLost, self._on_lost)

    def open(self, path: Path, may_be_model: bool = False) -> None:
        """Use the file ``path`` on the selected pane's model, once the user has said what it leaves open."""
        controller = self._controller
        if not controller.has_model:
            controller.say(f"Open the model that '{path.name}' belongs to first, then the file itself.", "refusal")
            return
        self._ask(_Asked(path.absolute(), controller.scene.model_of(), may_be_model))

    def use_controls(self, path: Path, answers: tuple[tuple[str, Scalar], ...] = ()) -> None:
        """Show the control set in the file ``path`` in the selected pane."""
        controller = self._controller
        if not controller.has_model:
            controller.say("Open the model of this control set first, then the set itself.", "refusal")
            return
        try:
            digest = sha256_of(path)
        except OSError as error:
            controller.say(f"'{path}' cannot be read ({error.strerror}); check the file.", "error")
            return
        except ExplorerError as error:
            controller.say(str(error), "error")
            return
        chosen = ControlSetRef(path=shipped_set(str(path)) or str(path), digest=digest, settings=answers)
        controller.set_method(controller.scene.selected, chosen)

    # --- the engine's answers ---

    def _ask(self, asked: _Asked) -> None:
        client = self._controller.client
        self._asked, self._number = asked, client.next_request_id()
        number, path = self._number, str(asked.path)
        if asked.answers is None:
            client.send(DescribeFile(request_id=number, model=asked.model, path=path, may_be_model=asked.may_be_model))
        else:
            client.send(ReadPath(request_id=number, model=asked.model, path=path, answers=asked.answers))

    def _taken(self, number: int) -> _Asked | None:
        """What was asked under ``number``, unless it is over, or the selected pane has another model by now."""
        if number != self._number:
            return None
        self._number = -1
        asked, self._asked = self._asked, None
        return asked if asked is not None and asked.model == self._controller.scene.model_of() else None

    def _on_described(self, reply: FileDescribed) -> None:
        asked = self._taken(reply.request_id)
        if asked is None:
            return
        if reply.card is None:
            self.no_import.emit(asked.path)
            return
        answers = self._answers(asked.path, reply.card)
        if answers is None or asked.model != self._controller.scene.model_of():
            return
        if reply.card.holds == "path":
            self._ask(asked._replace(answers=answers))
        else:
            self.use_controls(asked.path, answers)

    def _answers(self, path: Path, card: ImportCard) -> tuple[tuple[str, Scalar], ...] | None:
        """What the user says to the questions of ``card``; None where they do not want it."""
        from explorer.ui.files.import_dialog import ImportDialog  # dialogs do not keep the start waiting

        model = self._controller.model_card(self._controller.scene.selected)
        if model is None:
            return None
        dialog = ImportDialog(path.name, card, model, self._window)
        result, answers = dialog.exec(), dialog.answers()
        dialog.deleteLater()
        return answers if result == QDialog.DialogCode.Accepted else None

    def _on_path_read(self, reply: PathRead) -> None:
        asked = self._taken(reply.request_id)
        if asked is not None:
            film = with_origin_path(self._controller.scene, reply.points)
            self._controller.apply(film, f"Import {asked.path.name}")
            self.path_imported.emit()

    def _on_refused(self, reply: Refused) -> None:
        if self._taken(reply.request_id) is not None:
            self._controller.say(reply.sentence, "error")

    def _on_lost(self, lost: EngineLost) -> None:
        """The next engine is asked again."""
        if self._number >= 0 and self._asked is not None:
            self._ask(self._asked)
