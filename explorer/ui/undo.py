"""Undo: a step keeps the scene before and the scene after."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakMethod

from PySide6.QtGui import QUndoCommand

from explorer.scene.model import Scene


class SetScene(QUndoCommand):
    """From ``before`` to ``after``. Steps with the same ``merge_key`` that follow each other become one."""

    def __init__(
        self, set_scene: Callable[[Scene], None], before: Scene, after: Scene, text: str, merge_key: object
    ) -> None:
        super().__init__(text)
        # Weak: a command that holds the controller that holds the stack that holds the command is a cycle through
        # C++, and collecting a stack of many such commands crashes the interpreter.
        self._set_scene = WeakMethod(set_scene)
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
        self._give(self._before)

    def redo(self) -> None:
        self._give(self._after)

    def _give(self, scene: Scene) -> None:
        set_scene = self._set_scene()
        assert set_scene is not None, "the controller owns the stack, so it outlives its commands"
        set_scene(scene)
