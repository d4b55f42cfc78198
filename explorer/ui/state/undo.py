"""Undo: scenes are values, so history is a list of them.

QUndoStack is not used: commands written in Python are owned by both sides, and when the interpreter's garbage
collection meets such a stack it frees commands that the stack then deletes again (PySide6 6.11, a crash).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from explorer.scene.model import Scene


@dataclass(frozen=True)
class Step:
    """From ``before`` to ``after``. Steps with the same ``merge_key`` (not None) that follow each other become one.
    ``lead``: the pane whose sliders those of the others followed (:mod:`explorer.scene.following`); None where the step
    is no linked move. ``files``: to which file the scene belonged before and belongs afterwards, where that changes."""

    before: Scene
    after: Scene
    text: str
    merge_key: object = None
    lead: int | None = None
    files: tuple[Path | None, Path | None] | None = None


class UndoStack(QObject):
    """Steps back and forth; ``set_scene`` makes a scene the current one. The names are those of QUndoStack."""

    canUndoChanged = Signal(bool)
    canRedoChanged = Signal(bool)
    undoTextChanged = Signal(str)
    redoTextChanged = Signal(str)
    cleanChanged = Signal(bool)
    indexChanged = Signal(int)
    fileChanged = Signal(object)  # Path or None: the scene of now belongs to another file

    def __init__(self, set_scene: Callable[[Scene], None], limit: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._set_scene = set_scene
        self._limit = limit
        self._steps: list[Step] = []
        self._index = 0  # how many steps are done
        self._file: Path | None = None
        self._saved: dict[Path | None, int] = {None: 0}  # file → the index at which the scene stands there
        self._told = self._state()

    def push(self, step: Step) -> None:
        """Do ``step``, as a step of its own or as a continuation of the last one; what was undone is gone."""
        self._saved = {file: index for file, index in self._saved.items() if index <= self._index}
        del self._steps[self._index :]
        last = self._steps[-1] if self._steps else None
        # What was saved stays a state of its own: the next change does not melt into it.
        goes_on = last is not None and step.merge_key is not None and last.merge_key == step.merge_key
        if last is not None and goes_on and self._index not in self._saved.values():
            self._steps.pop()
            # A drag that comes back to where it began leaves nothing to undo.
            if step.after != last.before:
                self._steps.append(replace(step, before=last.before))
        else:
            self._steps.append(step)
        if len(self._steps) > self._limit:
            del self._steps[0]
            self._saved = {file: index - 1 for file, index in self._saved.items() if index > 0}
        self._index = len(self._steps)
        self._set_scene(step.after)
        if step.files is not None:
            self.setFile(step.files[1])
        self._tell()

    def undo(self) -> None:
        """One step back, if there is one."""
        if self.canUndo():
            self._index -= 1
            step = self._steps[self._index]
            self._set_scene(step.before)
            if step.files is not None:
                self.setFile(step.files[0])
            self._tell()

    def redo(self) -> None:
        """One step forward again, if there is one."""
        if self.canRedo():
            self._index += 1
            step = self._steps[self._index - 1]
            self._set_scene(step.after)
            if step.files is not None:
                self.setFile(step.files[1])
            self._tell()

    def clear(self) -> None:
        """Forget everything; the scene of now belongs to no file, and counts as saved."""
        self._steps.clear()
        self._index = 0
        self._file, self._saved = None, {None: 0}
        self._tell()

    def steps(self) -> tuple[Step, ...]:
        """Every step, undone ones included."""
        return tuple(self._steps)

    def revise(self, steps: Sequence[Step]) -> None:
        """Put ``steps``, as many as there are, in the place of those that are known: the same history with something in
        it that came to be known late. A state that was saved and is another one now is not saved any more."""
        self._saved = {
            file: index
            for file, index in self._saved.items()
            if _state_at(steps, index) == _state_at(self._steps, index)
        }
        self._steps = list(steps)
        self._tell()

    def count(self) -> int:
        """Number of steps, undone ones included."""
        return len(self._steps)

    def index(self) -> int:
        """Number of steps that are done."""
        return self._index

    def canUndo(self) -> bool:
        return self._index > 0

    def canRedo(self) -> bool:
        return self._index < len(self._steps)

    def undoText(self) -> str:
        return self._steps[self._index - 1].text if self.canUndo() else ""

    def redoText(self) -> str:
        return self._steps[self._index].text if self.canRedo() else ""

    def isClean(self) -> bool:
        """Whether the scene is the one that its file has."""
        return self._saved.get(self._file) == self._index

    def setClean(self) -> None:
        """The scene has been saved as it is now; the next change is a step of its own."""
        self._saved[self._file] = self._index
        self._tell()

    def resetClean(self) -> None:
        """No state that steps lead to stands in the scene's file."""
        self._saved.pop(self._file, None)
        self._tell()

    def file(self) -> Path | None:
        """The file that the scene of now belongs to."""
        return self._file

    def setFile(self, file: Path | None) -> None:
        """The scene of now belongs to ``file``."""
        if file != self._file:
            self._file = file
            self.fileChanged.emit(file)

    def _state(self) -> tuple[bool, bool, str, str, bool, int]:
        return self.canUndo(), self.canRedo(), self.undoText(), self.redoText(), self.isClean(), self._index

    def _tell(self) -> None:
        """Emit the signals whose values have changed."""
        before, self._told = self._told, self._state()
        signals = (
            self.canUndoChanged, self.canRedoChanged, self.undoTextChanged, self.redoTextChanged, self.cleanChanged,
            self.indexChanged,
        )  # fmt: skip
        for signal, old, new in zip(signals, before, self._told, strict=True):
            if old != new:
                signal.emit(new)


def _state_at(steps: Sequence[Step], index: int) -> Scene | None:
    """The scene after the first ``index`` of ``steps``; None where there are none."""
    if not steps:
        return None
    return steps[index].before if index < len(steps) else steps[-1].after
