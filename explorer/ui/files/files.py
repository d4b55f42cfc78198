"""Opening and saving: dialogs, dropped files, and which file the scene belongs to."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QMimeData, QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QWidget

from explorer.errors import ExplorerError
from explorer.files import PICTURE_SUFFIXES, expanded
from explorer.scene.cards import FileUse
from explorer.scene.store import SUFFIX, save_scene
from explorer.ui.files.dropping import CARRIERS, FOREIGN, MODEL_OR_FOREIGN, kind_of
from explorer.ui.files.importing import Importing
from explorer.ui.look.waiting import waiting
from explorer.ui.state.controller import Controller
from explorer.ui.state.inverting import Source, source_of
from explorer.ui.state.settings import Settings

MODEL_FILTER = "Models (*.safetensors *.pt *.pth *.pkl *.ckpt *.bin *.tar *.onnx);;All files (*)"
SCENE_KINDS = f"*{SUFFIX} *.json", " ".join(f"*{suffix}" for suffix in CARRIERS)
SCENE_FILTER = (
    f"Scenes, and files that carry one ({' '.join(SCENE_KINDS)});;Scenes ({SCENE_KINDS[0]});;"
    f"Exported films, pictures and sheets ({SCENE_KINDS[1]});;All files (*)"
)

CONTROLS_KINDS = " ".join(f"*{suffix}" for suffix in (".safetensors", *MODEL_OR_FOREIGN, *FOREIGN))
CONTROLS_FILTER = f"Control sets, and what other programs found ({CONTROLS_KINDS});;All files (*)"

PICTURE_FILTER = f"Pictures ({' '.join(f'*{suffix}' for suffix in sorted(PICTURE_SUFFIXES))});;All files (*)"

LARGEST_PASTED = 2048  # pixels

FILMS = ("mp4", "gif", "png_sequence")


class Files(QObject):
    """Every path that the user chooses goes through here."""

    attributes_wanted = Signal(str)  # path of a file by which attributes are to be read from pictures
    film_opened = Signal()  # what was opened may move, and is no picture of one moment

    def __init__(self, controller: Controller, settings: Settings, window: QWidget) -> None:
        super().__init__(window)
        self._controller = controller
        self._settings = settings
        self._window = window
        self.importing = Importing(controller, window)
        self.importing.no_import.connect(self._open_model)
        self.importing.path_imported.connect(self.film_opened)

    def open(self, path: Path) -> None:
        """Open whatever ``path`` is: a model, a scene, an exported file with its scene, a control set, what another
        program found on the selected pane's model."""
        if not path.exists():
            self._controller.say(f"'{path}' does not exist; check the path.", "error")
            return
        kind = kind_of(path)
        if kind == "picture" or (kind == "carrier or picture" and not self._carries_scene(path)):
            self._controller.invert(source_of(path))
        elif kind == "model" or (kind == "model or foreign" and not self._controller.has_model):
            self._open_model(path)
        elif kind == "controls":
            self.importing.use_controls(path)
        elif kind in ("foreign", "model or foreign"):
            self.importing.open(path, may_be_model=kind != "foreign")
        else:
            self.open_scene(path)

    def use(self, use: FileUse) -> None:
        """Use a file that is no model for what it is good for."""
        path = Path(use.path)
        if use.kind == "scene":
            self.open_scene(path)
        elif use.kind == "controls" and kind_of(path) == "controls":
            self.importing.use_controls(path)
        elif use.kind == "controls":
            self.importing.open(path)
        elif use.kind == "attributes":
            self.attributes_wanted.emit(str(path))
        else:
            self._open_model(path)

    def take(self, data: QMimeData) -> None:
        """Open what was dropped or lies on the clipboard: files, or else a picture."""
        paths = local_files(data)
        for path in paths:
            self.open(path)
        if not paths and data.hasImage():
            self._controller.invert(_pasted(data))

    def paste_picture(self) -> None:
        """Take the picture, or the file of one, that lies on the clipboard."""
        data = QGuiApplication.clipboard().mimeData()
        if data is not None and can_take(data):
            self.take(data)
        else:
            self._controller.say("There is no picture on the clipboard; copy one first.", "warning")

    def _carries_scene(self, path: Path) -> bool:
        from explorer.export.embed import carries_scene  # Pillow's import is not for the start of the window

        try:
            return carries_scene(path)
        except ExplorerError:  # what is wrong with it is said by whoever opens it
            return False

    def open_scene(self, path: Path) -> bool:
        """Make the scene that ``path`` holds or carries the current one, as a step that can be undone.

        False when it cannot be read.
        """
        from explorer.export.carried import needed, restored
        from explorer.export.embed import contents_of  # Pillow's import is not for the start of the window

        catalogue = self._controller.catalogue
        with waiting():
            try:
                contents = contents_of(path)
                scene, missing = restored(contents.scene, contents.references, catalogue.shipped_name)
            except ExplorerError as error:
                self._controller.say(str(error), "error")
                return False
            exported = contents.provenance
            # Saving the scene must not write over a picture or a film.
            self._controller.load_document(scene, f"Open {path.name}", path.absolute() if exported is None else None)
        self._controller.drawn_order.opened(scene, contents.touched)
        self._settings.folder = str(path.absolute().parent)
        self._settings.add_recent_scene(str(path.absolute()))
        if not catalogue.is_listed:  # whether a model is one that came with the program, the engine will find out
            missing = tuple(one for one in missing if one.files)
        if missing:
            self._controller.say(needed(missing, path.name), "warning")
        if exported is None or contents.options.kind in FILMS:
            self.film_opened.emit()
        return True

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
            with waiting():
                save_scene(scene, path, bounded(self._controller.catalogue.references(scene)))
        except ExplorerError as error:
            self._controller.say(str(error), "error")
            return False
        self._controller.document.settle(path.absolute())
        self._settings.folder = str(path.absolute().parent)
        self._settings.add_recent_scene(str(path.absolute()))
        return True

    def ask_model(self) -> None:
        """Ask for a model file."""
        path = self._asked_path("Open model", MODEL_FILTER)
        if path is not None and kind_of(path) == "model or foreign":
            self._open_model(path)
        elif path is not None:
            self.open(path)

    def ask_picture(self) -> None:
        """Ask for a picture of the user's own, whether or not it carries a scene."""
        path = self._asked_path("Open picture", PICTURE_FILTER)
        if path is not None:
            self._controller.invert(source_of(path))

    def ask_scene(self) -> None:
        """Ask for a scene file."""
        path = self._asked_path("Open scene", SCENE_FILTER)
        if path is not None:
            self.open(path)

    def ask_controls(self) -> None:
        """Ask for a control set: one of ours, or what another program found on the model."""
        path = self._asked_path("Open control set", CONTROLS_FILTER)
        if path is not None and kind_of(path) == "model or foreign":
            self.importing.open(path)
        elif path is not None:
            self.open(path)

    def ask_folder(self) -> None:
        """Ask for a model that is a folder."""
        name = self.asked_folder()
        if name:
            self.open(Path(name))

    def asked_model(self) -> str:
        """The model file that the user chooses; empty where none is."""
        path = self._asked_path("Open model", MODEL_FILTER)
        return str(path.absolute()) if path is not None else ""

    def asked_folder(self) -> str:
        """The model folder that the user chooses; empty where none is."""
        name = QFileDialog.getExistingDirectory(self._window, "Open model folder", self._folder())
        if name:
            self._settings.folder = name
        return name

    def ask_models_folder(self) -> None:
        """Ask for the folder whose models are listed."""
        before = self._controller.models_folder.path
        name = QFileDialog.getExistingDirectory(self._window, "Models folder", str(before or self._folder()))
        if name:
            self._controller.models_folder.choose(Path(name))

    def _open_model(self, path: Path) -> None:
        self._controller.open_model(str(expanded(path).absolute()))

    def _asked_path(self, title: str, kinds: str) -> Path | None:
        """The file that the user chooses, whose folder is kept; None where none is chosen."""
        name, _ = QFileDialog.getOpenFileName(self._window, title, self._folder(), kinds)
        if name:
            self._settings.folder = str(Path(name).parent)
        return Path(name) if name else None

    def _folder(self) -> str:
        return self._settings.folder or str(Path.home())


def can_take(data: QMimeData) -> bool:
    """Whether :meth:`Files.take` finds anything in it."""
    return bool(local_files(data)) or data.hasImage()


def local_files(data: QMimeData) -> list[Path]:
    """The files of this machine that ``data`` names."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


def _pasted(data: QMimeData) -> Source:
    """The picture in ``data``, as the bytes of a PNG file: no larger than any model can use."""
    image = QImage(data.imageData())
    if max(image.width(), image.height()) > LARGEST_PASTED:
        side, mode = LARGEST_PASTED, Qt.TransformationMode.SmoothTransformation
        image = image.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio, mode)
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # the stubs know bytes alone, which PySide refuses
    return Source("pasted picture", data=bytes(buffer.data().data()))
