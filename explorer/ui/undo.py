"""Undo: a step keeps the scene before and the scene after."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QUndoCommand

from explorer.scene.model import Scene


class SetScene(QUndoCommand):
    """From ``before`` to ``after``. Steps with the same ``merge_key`` that follow each other become one."""

    def __init__(
        self, set_scene: Callable[[Scene], None], before: Scene, after: Scene, text: str, merge_key: object
    ) -> None:
        super().__init__(text)
        self._set_scene = set_scene
        self._before = before
        self._after = after
        self._merge_key = merge_key

    def id(self) -> int:
        return -1 if self._merge_key is None else 1

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, SetScene) or other._merge_key != self._merge_key:
            return False
        self._after = other._after
        self.setText(other.text())
        # A drag that comes back to where it began leaves nothing to undo.
        self.setObsolete(self._after == self._before)
        return True

    def undo(self) -> None:
        self._set_scene(self._before)

    def redo(self) -> None:
        self._set_scene(self._after)
