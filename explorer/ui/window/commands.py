"""What the actions of the table do: each row's handler, and what is checked and enabled as the scene changes."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QInputDialog, QMainWindow

from explorer.scene.model import PaneView, Scene, own_picture
from explorer.scene.two_models import Place
from explorer.scene.views import VIEWS
from explorer.ui.actions.actions import ActionTable
from explorer.ui.canvas import pane_text
from explorer.ui.canvas.canvas import Canvas
from explorer.ui.files.files import Files
from explorer.ui.look import theme
from explorer.ui.look.theme import Scheme
from explorer.ui.look.widgets import literal
from explorer.ui.state.controller import Controller
from explorer.ui.state.settings import Settings
from explorer.ui.window.report import report

SEVERAL_ONLY = (
    "remove_pane", "next_pane", "pane_left", "pane_right", "difference_all", "between", "zoom_pane", "linked",
)  # fmt: skip
"""What there is to do only where there are several panes."""


class Commands(QObject):
    """Binds the handlers of scene, pane, view and help actions. Timeline and export bind their own."""

    def __init__(
        self, window: QMainWindow, controller: Controller, actions: ActionTable, files: Files, settings: Settings
    ) -> None:
        super().__init__(window)
        self._window = window
        self._controller = controller
        self._actions = actions
        self._files = files
        self._settings = settings
        self._canvas: Canvas | None = None
        self._bind()
        controller.changed.connect(self._on_changed)
        controller.opening.changed.connect(self._on_opening)
        controller.unsteady.changed.connect(self._on_unsteady)
        controller.catalogue.model_opened.connect(self._on_unsteady)
        controller.undo_stack.canUndoChanged.connect(actions["undo"].setEnabled)
        controller.undo_stack.canRedoChanged.connect(actions["redo"].setEnabled)
        controller.undo_stack.undoTextChanged.connect(self._on_undo_text)
        controller.undo_stack.redoTextChanged.connect(self._on_redo_text)
        self._refresh(controller.scene)
        self._check_scheme(settings.scheme)

    def attach(self, canvas: Canvas) -> None:
        """Let the view actions act on ``canvas``."""
        self._canvas = canvas
        canvas.set_pixels(self._settings.pixels)
        canvas.zoom_changed.connect(self._actions["zoom_pane"].setChecked)

    def _bind(self) -> None:
        controller, files, bind = self._controller, self._files, self._actions.bind
        for key, handler in (
            ("open_model", files.ask_model),
            ("open_folder", files.ask_folder),
            ("models_folder", files.ask_models_folder),
            ("stop_opening", controller.opening.cancel),
            ("pane_model", self._pane_model),
            ("compare_models", self._compare_models),
            ("open_picture", files.ask_picture),
            ("paste_picture", files.paste_picture),
            ("new_scene", controller.new_scene),
            ("open_scene", files.ask_scene),
            ("save_scene", files.save_scene),
            ("save_scene_as", files.save_scene_as),
            ("open_controls", files.ask_controls),
            ("copy_picture", self._copy_picture),
            ("quit", self._window.close),
            ("undo", controller.undo),
            ("redo", controller.redo),
            ("randomise", controller.randomise),
            ("next_seed", self._next_seed),
            ("previous_seed", self._previous_seed),
            ("reset_all", controller.reset_all),
            ("compare", controller.add_pane),
            ("duplicate_pane", self._duplicate_pane),
            ("remove_pane", self._remove_pane),
            ("next_pane", self._next_pane),
            ("pane_left", self._pane_left),
            ("pane_right", self._pane_right),
            ("rename_pane", self._rename_pane),
            ("difference_all", self._difference_all),
            ("zoom_pane", self._zoom),
            ("linked", controller.set_linked),
            ("pixels", self._pixels),
            ("theme_system", self._theme_system),
            ("theme_light", self._theme_light),
            ("theme_dark", self._theme_dark),
            ("full_screen", self._full_screen),
            ("shortcuts", self._shortcuts),
            ("off_data", controller.unsteady.watch),
            ("restart_engine", controller.restart_engine),
            ("copy_report", self._copy_report),
        ):
            bind(key, handler)
        for view in VIEWS:
            bind(view, _ViewSwitch(self, view).show)
        self._actions["pixels"].setChecked(self._settings.pixels)
        for key in ("undo", "redo", "stop_opening"):
            self._actions[key].setEnabled(False)

    # --- handlers ---

    def place_model(self, path: str, place: str) -> None:
        """Open the shipped name or the path as the model of ``place`` (:data:`explorer.scene.two_models.Place`)."""
        self._controller.open_model(path, place=cast(Place, place))

    def _pane_model(self) -> None:
        self._choose_model("pane")

    def _compare_models(self) -> None:
        self._choose_model("beside")

    def _choose_model(self, place: Place) -> None:
        from explorer.ui.files.model_chooser import ModelChooser

        chooser = ModelChooser(self._controller, self._settings, self._files, place, self._window)
        if chooser.exec():
            self._controller.open_model(chooser.path, place=place)
        chooser.deleteLater()

    def _on_opening(self, name: str) -> None:
        self._actions["stop_opening"].setEnabled(bool(name))

    def _copy_picture(self) -> None:
        picture = self._controller.feed.picture(self._controller.scene.selected)
        if picture is not None and picture.image is not None:
            QGuiApplication.clipboard().setImage(picture.image.copy())
            steps = pane_text.draft(self._controller.catalogue, self._controller.shown_scene, picture)
            made = f", a draft in {steps[0]} of {steps[1]} steps" if steps else ""
            self._controller.say(f"The picture is on the clipboard{made}.")

    def _next_seed(self) -> None:
        self._controller.step_seed(1)

    def _previous_seed(self) -> None:
        self._controller.step_seed(-1)

    def _duplicate_pane(self) -> None:
        self._controller.duplicate_pane()

    def _remove_pane(self) -> None:
        self._controller.remove_pane()

    def _next_pane(self) -> None:
        self._controller.select_pane(self._controller.scene.selected + 1)

    def _pane_left(self) -> None:
        self._controller.move_pane(-1)

    def _pane_right(self) -> None:
        self._controller.move_pane(1)

    def _rename_pane(self) -> None:
        scene = self._controller.scene
        name, accepted = QInputDialog.getText(
            self._window, "Rename pane", "Name (empty: that of its method):", text=scene.panes[scene.selected].name
        )
        if accepted:
            self._controller.rename_pane(name)

    def _difference_all(self, on: bool) -> None:
        self._controller.set_view(self._controller.scene.selected, "difference" if on else "image", everywhere=True)

    def _zoom(self, zoomed: bool) -> None:
        if self._canvas is not None:
            self._canvas.set_zoomed(zoomed)
        self._actions["zoom_pane"].setChecked(zoomed and len(self._controller.scene.panes) > 1)

    def show_view(self, view: PaneView) -> None:
        """In the selected pane."""
        self._controller.set_view(self._controller.scene.selected, view)
        self._refresh(self._controller.scene)  # where nothing changes, what is checked has

    def _pixels(self, on: bool) -> None:
        self._settings.pixels = on
        if self._canvas is not None:
            self._canvas.set_pixels(on)

    def _theme_system(self) -> None:
        self._set_scheme("system")

    def _theme_light(self) -> None:
        self._set_scheme("light")

    def _theme_dark(self) -> None:
        self._set_scheme("dark")

    def _set_scheme(self, scheme: Scheme) -> None:
        self._settings.scheme = scheme
        self._check_scheme(scheme)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.apply(app, scheme)

    def _check_scheme(self, scheme: Scheme) -> None:
        for known in ("system", "light", "dark"):
            self._actions[f"theme_{known}"].setChecked(known == scheme)

    def _full_screen(self, on: bool) -> None:
        state = self._window.windowState()
        full = Qt.WindowState.WindowFullScreen
        self._window.setWindowState(state | full if on else state & ~full)

    def _shortcuts(self) -> None:
        from explorer.ui.actions.shortcuts_page import ShortcutsPage

        page = ShortcutsPage(self._actions, self._window)
        page.exec()
        page.deleteLater()

    def _copy_report(self) -> None:
        QGuiApplication.clipboard().setText(report(self._controller))
        self._controller.say("The report is on the clipboard: versions, device, the last lines of the log.")

    # --- what follows the scene ---

    def _on_changed(self, old: Scene, new: Scene) -> None:
        self._refresh(new)

    def _refresh(self, scene: Scene) -> None:
        has_model = self._controller.has_model
        self._actions.set_has_model(has_model)
        view = scene.panes[scene.selected].view
        for known in VIEWS:
            self._actions[known].setChecked(view == known)
        self._actions["original"].setEnabled(has_model and own_picture(scene.origin_of()) is not None)
        self._actions["difference_all"].setChecked(all(pane.view == "difference" for pane in scene.panes))
        self._on_unsteady()
        self._actions["linked"].setChecked(scene.linked)
        several = len(scene.panes) > 1
        for key in SEVERAL_ONLY:
            self._actions[key].setEnabled(has_model and several)

    def _on_unsteady(self, *_: object) -> None:
        unsteady = self._controller.unsteady
        self._actions["off_data"].setChecked(unsteady.watching)
        self._actions["off_data"].setEnabled(unsteady.can_watch)

    def _on_undo_text(self, text: str) -> None:
        self._actions["undo"].setText(literal(f"Undo {text}".strip()))

    def _on_redo_text(self, text: str) -> None:
        self._actions["redo"].setText(literal(f"Redo {text}".strip()))


class _ViewSwitch(QObject):
    """One view of the selected pane, on and off: without it the picture is shown."""

    def __init__(self, commands: Commands, view: PaneView) -> None:
        super().__init__(commands)
        self._commands, self._view = commands, view

    def show(self, on: bool) -> None:
        self._commands.show_view(self._view if on else "image")
