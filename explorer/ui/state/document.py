"""Which file the scene on screen belongs to: through undo and redo, and over a restart."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from explorer.ui.state.undo import UndoStack


class Document(QObject):
    """The scene's own file, if it has one, and whether the scene stands there as it is."""

    changed = Signal()

    def __init__(self, history: UndoStack, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._history = history
        history.fileChanged.connect(self.changed)
        history.cleanChanged.connect(self.changed)

    @property
    def path(self) -> Path | None:
        """The file that saving writes; None where the user has to be asked for one."""
        return self._history.file()

    @property
    def is_modified(self) -> bool:
        """Whether there is such a file, and the scene is not as it was saved there."""
        return self.path is not None and not self._history.isClean()

    def settle(self, path: Path | None, modified: bool = False) -> None:
        """The scene of now belongs to ``path``, and stands there unless it is ``modified``."""
        self._history.setFile(path)
        if modified:
            self._history.resetClean()
        else:
            self._history.setClean()
        self.changed.emit()
