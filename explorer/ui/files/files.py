"""Opening and saving: dialogs, dropped files, and which file the scene belongs to."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from explorer.errors import ExplorerError
from explorer.reading import sha256_of
from explorer.scene.model import ControlSetRef
from explorer.scene.store import SUFFIX, save_scene
from explorer.ui.files.dropping import CARRIERS, kind_of
from explorer.ui.state.controller import Controller
from explorer.ui.state.settings import Settings

MODEL_FILTER = "Models (*.safetensors *.pt *.pth *.pkl *.ckpt *.bin);;All files (*)"
SCENE_KINDS = f"*{SUFFIX} *.json", " ".join(f"*{suffix}" for suffix in CARRIERS)
SCENE_FILTER = (
    f"Scenes, and files that carry one ({' '.join(SCENE_KINDS)});;Scenes ({SCENE_KINDS[0]});;"
    f"Exported films, pictures and sheets ({SCENE_KINDS[1]});;All files (*)"
)

FILMS = ("mp4", "gif", "png_sequence")


class Files(QObject):
    """Every path that the user chooses goes through here."""

    film_opened = Signal()  # what was opened may move, and is no picture of one moment

    def __init__(self, controller: Controller, settings: Settings, window: QWidget) -> None:
        super().__init__(window)
        self._controller = controller
        self._settings = settings
        self._window = window

    def open(self, path: Path) -> None:
        """Open whatever ``path`` is: a model, a scene, an exported file with its scene, a control set."""
        if not path.exists():
            self._controller.say(f"'{path}' does not exist; check the path.", "error")
            return
        kind = kind_of(path)
        if kind == "model":
            self._controller.open_model(str(path))
        elif kind == "controls":
            self.use_controls(path)
        else:
            self.open_scene(path)

    def open_scene(self, path: Path) -> bool:
        """Make the scene that ``path`` holds or carries the current one, as a step that can be undone.

        False when it cannot be read.
        """
        from explorer.export.carried import needed, restored
        from explorer.export.embed import (  # Pillow's import is not for the start of the window
            order_of_touch,
            read,
            references_of,
        )

        try:
            scene, options, exported = read(path)
            scene, missing = restored(scene, references_of(path))
        except ExplorerError as error:
            self._controller.say(str(error), "error")
            return False
        # Saving the scene must not write over a picture or a film.
        self._controller.load_document(scene, f"Open {path.name}", path.absolute() if exported is None else None)
        self._controller.drawn_order.opened(scene, order_of_touch(path))
        self._settings.folder = str(path.absolute().parent)
        if missing:
            self._controller.say(needed(missing, path.name), "warning")
        if exported is None or options.kind in FILMS:
            self.film_opened.emit()
        return True

    def use_controls(self, path: Path) -> None:
        """Show the saved control set ``path`` in the selected pane."""
        if not self._controller.has_model:
            self._controller.say("Open the model of this control set first, then the set itself.", "warning")
            return
        try:
            digest = sha256_of(path)
        except OSError as error:
            self._controller.say(f"'{path}' cannot be read ({error.strerror}); check the file.", "error")
            return
        except ExplorerError as error:
            self._controller.say(str(error), "error")
            return
        selected = self._controller.scene.selected
        self._controller.set_method(selected, ControlSetRef(path=str(path), digest=digest))

    def save_scene(self) -> bool:
        """Save to the scene's own file; ask for one when it has none. False when nothing was saved."""
        path = self._controller.document.path
        return self.save_scene_to(path) if path else self.save_scene_as()

    def save_scene_as(self) -> bool:
        """Ask where to save."""
        suggested = Path(self._folder()) / f"scene{SUFFIX}"
        name, _ = QFileDialog.getSaveFileName(self._window, "Save scene", str(suggested), f"Scenes (*{SUFFIX})")
        if not name:
            return False
        return self.save_scene_to(Path(name) if name.endswith(".json") else Path(name + SUFFIX))

    def save_scene_to(self, path: Path) -> bool:
        """Save to ``path``."""
        from explorer.export.carried import bounded

        try:
            scene = self._controller.scene
            save_scene(scene, path, bounded(self._controller.catalogue.references(scene)))
        except ExplorerError as error:
            self._controller.say(str(error), "error")
            return False
        self._controller.document.settle(path.absolute())
        self._settings.folder = str(path.absolute().parent)
        return True

    def ask_model(self) -> None:
        """Ask for a model file."""
        self._ask("Open model", MODEL_FILTER)

    def ask_scene(self) -> None:
        """Ask for a scene file."""
        self._ask("Open scene", SCENE_FILTER)

    def ask_controls(self) -> None:
        """Ask for a control set file."""
        self._ask("Open control set", "Control sets (*.safetensors)")

    def ask_folder(self) -> None:
        """Ask for a model that is a folder."""
        name = QFileDialog.getExistingDirectory(self._window, "Open model folder", self._folder())
        if name:
            self._settings.folder = name
            self.open(Path(name))

    def _ask(self, title: str, kinds: str) -> None:
        name, _ = QFileDialog.getOpenFileName(self._window, title, self._folder(), kinds)
        if name:
            self._settings.folder = str(Path(name).parent)
            self.open(Path(name))

    def _folder(self) -> str:
        return self._settings.folder or str(Path.home())
