"""The menus of what was opened before: models and scenes. What is missing stands there greyed, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePath

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QWidget

from explorer.errors import plain_text
from explorer.scene.cards import LONGEST_NAME
from explorer.ui.look.widgets import literal
from explorer.ui.state.known_models import missing

LONGEST = 64  # characters of a folder that a line shows


class RecentMenu(QMenu):
    """Filled anew whenever it is opened."""

    chosen = Signal(str)  # the path

    def __init__(
        self,
        title: str,
        paths: Callable[[], list[str]],
        forget: Callable[[], None],
        parent: QWidget | None = None,
    ) -> None:
        """``paths``: the newest first; ``forget``: forgets all of them."""
        super().__init__(title, parent)
        self._paths, self._forget = paths, forget
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(self.fill)
        self.fill()

    def fill(self) -> None:
        """Show what there is now."""
        self.clear()
        paths = self._paths()
        self.setEnabled(True)
        for path in paths:
            problem = missing(path)
            line = (
                f"{plain_text(PurePath(path).name, LONGEST_NAME)}{' (missing)' if problem else ''}  —  {_folder(path)}"
            )
            action = self.addAction(literal(line))
            action.setData(path)
            action.setEnabled(not problem)
            action.setToolTip(f"{path}\n{problem}" if problem else path)
            action.triggered.connect(self._on_chosen)
        if not paths:
            self.addAction("Nothing yet").setEnabled(False)
            return
        self.addSeparator()
        self.addAction("Clear this list").triggered.connect(self._on_clear)

    def _on_chosen(self) -> None:
        action = self.sender()
        data = getattr(action, "data", None)
        if data is not None:
            self.chosen.emit(data())

    def _on_clear(self) -> None:
        self._forget()


def _folder(path: str) -> str:
    """The folder that ``path`` lies in, with ~ for the home folder; its end where it is long."""
    folder = str(Path(path).parent)
    home = str(Path.home())
    if folder == home or folder.startswith(home + "/"):
        folder = "~" + folder[len(home) :]
    return folder if len(folder) <= LONGEST else "…" + folder[-LONGEST:]
