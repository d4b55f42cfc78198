"""The window: docks around the canvas, put together from the parts and the action table."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QComboBox,
    QMainWindow,
    QMenu,
    QMessageBox,
    QStackedWidget,
    QTabWidget,
    QWidget,
)

from explorer.scene.cards import ModelCard
from explorer.scene.defaults import FIRST_MODEL
from explorer.scene.measures import Selection
from explorer.scene.model import ModelRef, Scene
from explorer.service.protocol import Ready
from explorer.ui.actions.actions import ActionTable
from explorer.ui.canvas.canvas import Canvas
from explorer.ui.canvas.empty_state import EmptyState
from explorer.ui.comparison.dock import ComparisonDock
from explorer.ui.controls.method_settings import MethodSettings
from explorer.ui.controls.own_sets import OwnSets
from explorer.ui.controls.panel import ControlsPanel
from explorer.ui.files.bookmarks import BookmarksPanel
from explorer.ui.files.files import Files
from explorer.ui.files.model_browser import ModelBrowser
from explorer.ui.jobs.jobs_panel import JobsPanel
from explorer.ui.labels.dock import LabellingDock
from explorer.ui.look import icons
from explorer.ui.measures.dock import MeasuresDock
from explorer.ui.state.controller import Controller
from explorer.ui.state.notice import Notice
from explorer.ui.state.session import Restored, Session
from explorer.ui.state.settings import Settings
from explorer.ui.timeline.panel import TimelinePanel
from explorer.ui.window import layout
from explorer.ui.window.announcer import Announcer
from explorer.ui.window.commands import Commands
from explorer.ui.window.status_line import StatusLine
from explorer.ui.window.toast import Toast, ToastArea
from explorer.ui.window.tool_bar import ToolBar

if TYPE_CHECKING:
    from explorer.ui.actions.palette import CommandPalette, PaletteEntry

PANE_ACTIONS = (
    "copy_picture", "rename_pane", "duplicate_pane", "pane_left", "pane_right", "remove_pane", "zoom_pane",
    "difference", "before_after",
)  # fmt: skip


class MainWindow(QMainWindow):
    """Owns the parts; the scene is the controller's."""

    closed = Signal()

    def __init__(self, controller: Controller, settings: Settings, session: Session) -> None:
        super().__init__()
        self.controller = controller
        self.settings = settings
        self.session = session
        self.setObjectName("window")
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self.setTabPosition(Qt.DockWidgetArea.BottomDockWidgetArea, QTabWidget.TabPosition.North)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.table = ActionTable(self)
        self.files = Files(controller, settings, self)
        self.commands = Commands(self, controller, self.table, self.files, settings)
        self.table.bind("reset_layout", self.reset_layout)
        self._wants_shipped = False
        self._had_jobs = False
        self._build()
        self._connect()
        self._show_title()
        self._show_stage()
        if (kept := settings.geometry()) is None or not (self.restoreGeometry(kept[0]) and self.restoreState(kept[1])):
            self.resize(1440, 900)
            self.reset_layout()

    # --- parts ---

    def _build(self) -> None:
        self.canvas = Canvas(self.controller)
        self.empty = EmptyState(self.table)
        self.stage = QStackedWidget()
        self.stage.setMinimumWidth(layout.LEAST["canvas"])
        self.stage.addWidget(self.empty)
        self.stage.addWidget(self.canvas)
        self.setCentralWidget(self.stage)
        self.empty.setFocus()
        self.toasts = ToastArea(self.stage, self.table)
        self.announcer = Announcer(self.controller, self.toasts, self.table)
        self.toasts.explained.connect(self._explain_refusal)
        opener = self.table.bind("palette", self._open_palette)
        opener.setShortcuts([opener.shortcut(), QKeySequence("Ctrl+Shift+P")])  # whichever the hand knows
        self.table.bind("export", self._export)
        self.table.bind("add_bookmark", self._add_bookmark)
        self.commands.attach(self.canvas)
        self.timeline = TimelinePanel(self.controller)
        self._bind_timeline()
        self.models = ModelBrowser(self.controller, self.table, self.settings)
        self.bookmarks = BookmarksPanel(self.controller, self.table)
        self.method_settings = MethodSettings(self.controller, self.table, self.canvas, self)
        self.controls = ControlsPanel(self.controller, self.table)
        self.announcer.tell_searches(self.controls)
        self.controls.badges.chosen.connect(self._keep_badges)
        self.controls.badges.set_value(self.settings.badges)
        self.table.bind("snap", self._snap).setChecked(self.settings.snap)
        self.controls.set_snapping(self.settings.snap)
        self.measures = MeasuresDock(self.controller, self.table, self.settings)
        self.measures.wanted.connect(self._show_measures)
        self.comparison = ComparisonDock(self.controller, self.table, self.settings)
        self.comparison.wanted.connect(self._show_comparison)
        self.labelling = LabellingDock(self.controller, self.table, self.settings)
        self.labelling.wanted.connect(self._show_labelling)
        self.own_sets = OwnSets(self.controller, self.table, self.settings, self)
        self.jobs = JobsPanel(self.controller)
        panels: dict[str, tuple[QWidget, QWidget | None]] = {
            "models": (self.models, self.models.title),
            "bookmarks": (self.bookmarks, self.bookmarks.title),
            "controls": (self.controls, self.controls.title),
            "timeline": (self.timeline, None),
            "comparison": (self.comparison, None),
            "label": (self.labelling, None),
            "measures": (self.measures, None),
            "jobs": (self.jobs, self.jobs.title),
        }
        self.docks = {name: layout.dock(self, name, panel, title) for name, (panel, title) in panels.items()}
        layout.KeptWidths(self, self.docks)
        self.bar = ToolBar(self.controller, self.table)
        self.addToolBar(self.bar)
        self.status = StatusLine(self.controller)
        self.setStatusBar(self.status)
        self._fill_menus()

    def _bind_timeline(self) -> None:
        for key, handler in (
            ("traverse", self._traverse),
            ("play", self.timeline.toggle_play),
            ("add_key", self.timeline.add_key),
            ("add_origin_key", self.timeline.add_origin_key),
            ("clear_timeline", self.timeline.clear),
        ):
            self.table.bind(key, handler)

    def _fill_menus(self) -> None:
        menus = self.table.fill_menu_bar(self.menuBar())
        panels = QMenu("Panels", self)
        for dock in self.docks.values():
            panels.addAction(dock.toggleViewAction())
        menus["View"].insertMenu(self.table["full_screen"], panels)

    def _connect(self) -> None:
        controller = self.controller
        controller.changed.connect(self._on_changed)
        controller.engine_ready.connect(self._on_ready)
        controller.jobs.changed.connect(self._on_jobs)
        controller.catalogue.models_changed.connect(self._on_models)
        controller.catalogue.model_opened.connect(self._on_opened)
        controller.catalogue.model_refused.connect(self._on_refused)
        controller.undo_stack.cleanChanged.connect(self._on_clean)
        self.files.path_changed.connect(self._show_title)
        self.models.chosen.connect(self.open_model)
        self.bookmarks.visited.connect(self.timeline.leave)
        self.bar.model_chosen.connect(self.open_model)
        self.canvas.menu_wanted.connect(self._show_pane_menu)

    # --- beginning and end ---

    def begin(self, model: str | None, scene: Path | None, restored: Restored | None) -> None:
        """Show what was asked for on the command line, else the last session, else the first shipped model."""
        if scene is not None and self.files.open_scene(scene):
            return
        if model:
            self.open_model(model)
        elif restored is not None:
            self.controller.load(restored.scene)
            if restored.crashed:
                self.say(Notice("Restored your last session, which did not end by being closed.", action="new_scene"))
        else:
            self._wants_shipped = True
            self._on_models()
        self._show_stage()

    def closeEvent(self, event: QCloseEvent) -> None:
        exports = [job for job in self.controller.jobs.running() if job.path]
        if exports and not self._may_quit(len(exports)):
            event.ignore()
            return
        self.settings.set_geometry(self.saveGeometry(), self.saveState())
        self.settings.save()
        self.hide()
        self.session.end()
        self.controller.close()
        event.accept()
        self.closed.emit()

    def _may_quit(self, count: int) -> bool:
        what = "An export is" if count == 1 else f"{count} exports are"
        answer = QMessageBox.question(
            self, "Quit", f"{what} still running. Quit and cancel? Nothing half written is left behind."
        )
        return answer == QMessageBox.StandardButton.Yes

    def reset_layout(self) -> None:
        """Every dock where it belongs, in the default sizes."""
        layout.reset(self, self.docks, bool(self.controller.jobs.jobs()))

    # --- doing ---

    def say(self, notice: Notice) -> Toast:
        """Show ``notice`` over the canvas."""
        return self.toasts.say(notice)

    def open_model(self, name_or_path: str) -> None:
        """Open a shipped name, or a path that is remembered in the list of models."""
        shipped = {card.name for card in self.controller.catalogue.models}
        path = Path(name_or_path).expanduser()
        if name_or_path not in shipped and path.exists():
            self.files.open(path)
        else:
            self.controller.open_model(name_or_path)
        self._wants_shipped = False
        self._show_stage()

    def _traverse(self) -> None:
        scene = self.controller.scene
        pane = scene.panes[scene.selected]
        card = self.controller.controls_card()
        names = [edit.control for edit in pane.edits] or ([card.controls[0].name] if card and card.controls else [])
        if names:
            self.docks["timeline"].show()
            self.docks["timeline"].raise_()
            self.timeline.traverse(scene.selected, names[-1])
        else:
            self.controller.say("There is no control to traverse yet; choose a method first.")

    def _export(self) -> None:
        from explorer.ui.files.export_dialog import ExportDialog  # dialogs do not keep the start of the window waiting

        dialog = ExportDialog(self.controller, self.settings.export_folder, self, self.settings.pixels)
        dialog.started.connect(self._on_export_started)
        dialog.exec()
        dialog.deleteLater()

    def _on_export_started(self, number: int) -> None:
        path = next((job.path for job in self.controller.jobs.jobs() if job.request_id == number), "")
        if path:
            self.settings.export_folder = str(Path(path).parent)
        self.docks["jobs"].show()
        self.docks["jobs"].raise_()

    def _snap(self, on: bool) -> None:
        self.settings.snap = on
        self.controls.set_snapping(on)

    def _keep_badges(self, selection: Selection) -> None:
        self.settings.badges = selection

    def _show_measures(self) -> None:
        layout.reveal(self, self.docks["measures"], layout.TABLE_HEIGHT)

    def _show_comparison(self) -> None:
        layout.reveal(self, self.docks["comparison"], layout.TABLE_HEIGHT)

    def _show_labelling(self) -> None:
        layout.reveal(self, self.docks["label"], layout.LABEL_HEIGHT)

    def _add_bookmark(self) -> None:
        self.docks["bookmarks"].show()
        self.bookmarks.add()

    def _open_palette(self) -> None:
        self.palette_box.open()

    @cached_property
    def palette_box(self) -> CommandPalette:
        """The command palette, made when it is first asked for: the start of the window does not wait for it."""
        from explorer.ui.actions.palette import CommandPalette

        return CommandPalette(self, self._palette_entries)

    def _palette_entries(self) -> list[PaletteEntry]:
        from explorer.ui.window.palette_entries import collect

        return collect(self.controller, self.table, self.panel_actions(), self.controls, self.open_model)

    def _show_pane_menu(self, point: QPoint) -> None:
        menu = QMenu(self)
        for key in PANE_ACTIONS:
            if key in self.table:
                menu.addAction(self.table[key])
        menu.exec(point)
        menu.deleteLater()

    # --- dropped files ---

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for url in event.mimeData().urls():
            if url.isLocalFile():
                self.files.open(Path(url.toLocalFile()))
        event.acceptProposedAction()
        self._show_stage()

    # --- what happens ---

    def event(self, event: QEvent) -> bool:
        # A focused button is pressed with Space: the shortcut that plays the timeline must not take that away.
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.key() == Qt.Key.Key_Space
            and isinstance(self.focusWidget(), QAbstractButton | QComboBox | QAbstractItemView)
        ):
            event.accept()
        return super().event(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "bar"):
            self.table.refresh_icons()
            self.empty.refresh_icons()
            self.bar.refresh()

    def _on_changed(self, old: Scene, new: Scene) -> None:
        self.session.keep(new)
        if (old.model.path == "") != (new.model.path == ""):
            self._show_stage()

    def _show_stage(self) -> None:
        controller = self.controller
        if controller.has_model:
            self.stage.setCurrentWidget(self.canvas)
            return
        self.stage.setCurrentWidget(self.empty)
        awaited = self._wants_shipped and not controller.catalogue.is_listed
        if awaited and controller.engine is None:
            self.empty.wait("Starting the engine…", "The part that runs the models takes a few seconds to load.")
        elif awaited or controller.is_opening():
            self.empty.wait("Loading the model…", "The first picture appears as soon as it is read.")
        else:
            self.empty.invite()

    def _on_models(self) -> None:
        usable = [card for card in self.controller.catalogue.models if card.spaces]
        if self._wants_shipped and usable and not self.controller.has_model:
            self._wants_shipped = False
            names = [card.name for card in usable]
            self.controller.open_model(FIRST_MODEL if FIRST_MODEL in names else names[0])
        self._show_stage()

    def _explain_refusal(self, notice: Notice) -> None:
        if notice.refused is not None:
            from explorer.ui.files.refusal_dialog import RefusalDialog

            dialog = RefusalDialog(self.controller, notice.refused, notice.sentence, notice.reasons, self)
            dialog.exec()
            dialog.deleteLater()

    def _on_opened(self, ref: ModelRef, card: ModelCard) -> None:
        if not card.shipped:
            self.settings.add_recent_model(ref.path)

    def _on_refused(self, ref: object, sentence: str, reasons: object) -> None:
        self._show_stage()

    def _on_ready(self, ready: Ready) -> None:
        self._show_stage()

    def _on_jobs(self) -> None:
        if self.controller.jobs.jobs() and not self._had_jobs:
            self._had_jobs = True
            self.docks["jobs"].show()
        running = len(self.controller.jobs.running())
        self.docks["jobs"].setWindowTitle(f"Jobs ({running})" if running else "Jobs")

    def _on_clean(self, clean: bool) -> None:
        self.setWindowModified(not clean and self.files.scene_path is not None)

    def _show_title(self) -> None:
        path = self.files.scene_path
        self.setWindowTitle(f"{path.name}[*] — Latent Explorer" if path else "Latent Explorer")
        self.setWindowIcon(icons.icon("logo"))

    def panel_actions(self) -> list[QAction]:
        """Show or hide each panel; the command palette lists them too."""
        return [dock.toggleViewAction() for dock in self.docks.values()]
