"""The window: docks around the canvas, put together from the parts and the action table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QComboBox,
    QMainWindow,
    QMenu,
    QTabWidget,
)

from explorer.errors import plain_text
from explorer.files import expanded
from explorer.scene.cards import LONGEST_NAME, ModelCard
from explorer.scene.model import ModelRef
from explorer.scene.views import VIEWS
from explorer.ui.actions.actions import ActionTable
from explorer.ui.comparison.dock import ComparisonDock
from explorer.ui.controls.method_settings import MethodSettings
from explorer.ui.controls.own_sets import OwnSets
from explorer.ui.controls.panel import ControlsPanel
from explorer.ui.effects.dock import EffectsDock
from explorer.ui.files.bookmarks import BookmarksPanel
from explorer.ui.files.exporting import Exporting
from explorer.ui.files.files import Files, can_take
from explorer.ui.files.model_browser import ModelBrowser
from explorer.ui.files.recent_menus import RecentMenu
from explorer.ui.jobs.jobs_panel import JobsPanel
from explorer.ui.labels.dock import LabellingDock
from explorer.ui.look import icons
from explorer.ui.measures.dock import MeasuresDock
from explorer.ui.state.controller import Controller
from explorer.ui.state.notice import Notice
from explorer.ui.state.session import Restored, Session
from explorer.ui.state.settings import Settings
from explorer.ui.timeline.panel import TimelinePanel
from explorer.ui.window.announcer import Announcer
from explorer.ui.window.commands import Commands
from explorer.ui.window.docks import DOCKS
from explorer.ui.window.last_session import LastSession
from explorer.ui.window.layout import DockRow, Docks, Parts, first_size
from explorer.ui.window.prompt_row import PromptRow
from explorer.ui.window.stage import Stage
from explorer.ui.window.status_line import StatusLine
from explorer.ui.window.toast import Toast, ToastArea
from explorer.ui.window.tool_bar import ToolBar

if TYPE_CHECKING:
    from explorer.ui.actions.palette import CommandPalette, PaletteEntry

PANE_ACTIONS = (
    "copy_picture", "pane_model", "rename_pane", "duplicate_pane", "pane_left", "pane_right", "remove_pane",
    "zoom_pane", *VIEWS,
)  # fmt: skip


class MainWindow(QMainWindow):
    """Owns the parts; the scene is the controller's."""

    closed = Signal()

    def __init__(
        self, controller: Controller, settings: Settings, session: Session, docks: Sequence[DockRow] = DOCKS
    ) -> None:
        super().__init__()
        self.controller = controller
        self.settings = settings
        self.session = session
        self._asks = True  # before something is lost by closing
        self.setObjectName("window")
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self.setTabPosition(Qt.DockWidgetArea.BottomDockWidgetArea, QTabWidget.TabPosition.North)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.table = ActionTable(self, [action for row in docks for action in row.actions])
        self.files = Files(controller, settings, self)
        self.commands = Commands(self, controller, self.table, self.files, settings)
        self.table.bind("reset_layout", self.reset_layout)
        self._build(docks)
        controller.set_draft_steps(settings.draft_steps)
        self._connect()
        self._show_title()
        kept = settings.geometry(self.docks.key)
        if kept is None or not (self.restoreGeometry(kept[0]) and self.restoreState(kept[1])):
            self.resize(first_size(self.screen().availableSize()))
            self.reset_layout()
        self.prompt_row.refresh()  # whether it is seen depends on the model, and not on what was kept

    # --- parts ---

    def _build(self, rows: Sequence[DockRow]) -> None:
        self.stage = Stage(self.controller, self.table, self.settings)
        self.canvas, self.empty = self.stage.canvas, self.stage.empty
        self.setCentralWidget(self.stage)
        self.empty.setFocus()
        self.toasts = ToastArea(self.stage, self.table)
        self.announcer = Announcer(self.controller, self.toasts, self.table)
        self.toasts.explained.connect(self._explain_refusal)
        opener = self.table.bind("palette", self._open_palette)
        opener.setShortcuts([opener.shortcut(), QKeySequence("Ctrl+Shift+P")])  # whichever the hand knows
        self.exporting = Exporting(self.controller, self.table, self.settings, self)
        self.commands.attach(self.canvas)
        self.method_settings = MethodSettings(self.controller, self.table, self.canvas, self)
        self.docks = Docks(self, rows, Parts(self.controller, self.table, self.settings))
        self.last_session = LastSession(self.controller, self.files, self.timeline, self.session, self)
        self.own_sets = OwnSets(self.controller, self.table, self.settings, self)
        self.announcer.tell_searches(self.controls)
        self.bar = ToolBar(self.controller, self.table, self.settings)
        self.addToolBar(self.bar)
        self.prompt_row = PromptRow(self.controller)
        self.addToolBarBreak()
        self.addToolBar(self.prompt_row)
        self.status = StatusLine(self.controller)
        self.setStatusBar(self.status)
        menus = self.table.fill_menu_bar(self.menuBar())
        menus["View"].insertMenu(self.table["full_screen"], self.docks.menu())
        settings = self.settings
        models = RecentMenu("Recent models", lambda: settings.recent_models, settings.forget_recent_models, self)
        scenes = RecentMenu("Recent scenes", lambda: settings.recent_scenes, settings.forget_recent_scenes, self)
        menus["File"].insertMenu(self.table["models_folder"], models)
        menus["File"].insertMenu(self.table["save_scene"], scenes)
        models.chosen.connect(self.open_model)
        models.aboutToHide.connect(self.models.refresh)  # the list may have been cleared
        scenes.chosen.connect(self._open_scene)

    def _connect(self) -> None:
        controller = self.controller
        controller.catalogue.model_opened.connect(self._on_opened)
        controller.document.changed.connect(self._show_title)
        self.models.chosen.connect(self.open_model)
        self.models.placed.connect(self.commands.place_model)
        self.files.film_opened.connect(self.timeline.show_start)
        self.files.attributes_wanted.connect(self.docks.panel(EffectsDock).read_with)
        self.bar.model_chosen.connect(self.open_model)
        self.empty.chosen.connect(self.open_model)
        for steps in (self.bar.steps, self.prompt_row.steps):
            steps.draft_steps_chosen.connect(controller.set_draft_steps)
        controller.drafts.chosen.connect(self._keep_draft_steps)
        self.canvas.menu_wanted.connect(self._show_pane_menu)
        self.exporting.started.connect(self.jobs.wanted)

    def _keep_draft_steps(self, steps: int) -> None:
        self.settings.draft_steps = steps

    @property
    def models(self) -> ModelBrowser:
        return self.docks.panel(ModelBrowser)

    @property
    def bookmarks(self) -> BookmarksPanel:
        return self.docks.panel(BookmarksPanel)

    @property
    def controls(self) -> ControlsPanel:
        return self.docks.panel(ControlsPanel)

    @property
    def timeline(self) -> TimelinePanel:
        return self.docks.panel(TimelinePanel)

    @property
    def comparison(self) -> ComparisonDock:
        return self.docks.panel(ComparisonDock)

    @property
    def labelling(self) -> LabellingDock:
        return self.docks.panel(LabellingDock)

    @property
    def measures(self) -> MeasuresDock:
        return self.docks.panel(MeasuresDock)

    @property
    def jobs(self) -> JobsPanel:
        return self.docks.panel(JobsPanel)

    # --- beginning and end ---

    def begin(self, model: str | None, scene: Path | None, restored: Restored | None) -> None:
        """Show what was asked for on the command line, else the last session, else the first shipped model."""
        if scene is not None and self.files.open_scene(scene):
            self.last_session.set_aside(restored)
            return
        if model:
            self.open_model(model)
            self.last_session.set_aside(restored)
        elif restored is not None:
            self.last_session.restore(restored)
        else:
            self.stage.want_shipped(True)
        self.stage.refresh()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._asks and not self.last_session.may_close():
            event.ignore()
            return
        self.settings.set_geometry(self.saveGeometry(), self.saveState(), self.docks.key)
        self.settings.save()
        self.hide()
        self.last_session.end()
        self.controller.close()
        event.accept()
        self.closed.emit()

    def close_unasked(self) -> None:
        """Close for a signal, when nobody may be there to answer: what is not saved comes back with the session."""
        self._asks = False
        self.close()

    def reset_layout(self) -> None:
        """Every dock where it belongs, in the default sizes."""
        self.docks.reset()

    # --- doing ---

    def say(self, notice: Notice) -> Toast:
        """Show ``notice`` over the canvas."""
        return self.toasts.say(notice)

    def open_model(self, name_or_path: str) -> None:
        """Open a shipped name, or a path that is remembered in the list of models."""
        shipped = {card.name for card in self.controller.catalogue.models}
        path = expanded(name_or_path)
        if name_or_path not in shipped and path.exists():
            self.files.open(path)
        else:
            self.controller.open_model(name_or_path)
        self.stage.want_shipped(False)

    def _open_scene(self, path: str) -> None:
        self.files.open(Path(path))
        self.stage.refresh()

    def _open_palette(self) -> None:
        self.palette_box.open()

    @cached_property
    def palette_box(self) -> CommandPalette:
        """The command palette, made when it is first asked for: the start of the window does not wait for it."""
        from explorer.ui.actions.palette import CommandPalette

        return CommandPalette(self, self._palette_entries)

    def _palette_entries(self) -> list[PaletteEntry]:
        from explorer.ui.window.palette_entries import collect

        return collect(self.controller, self.table, self.docks.toggles(), self.controls, self.open_model)

    def _show_pane_menu(self, point: QPoint) -> None:
        menu = QMenu(self)
        for key in PANE_ACTIONS:
            if key in self.table:
                menu.addAction(self.table[key])
        menu.exec(point)
        menu.deleteLater()

    # --- dropped files ---

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if can_take(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.files.take(event.mimeData())
        event.acceptProposedAction()
        self.stage.refresh()

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

    def _explain_refusal(self, notice: Notice) -> None:
        if notice.refused is not None:
            from explorer.ui.files.refusal_dialog import RefusalDialog

            dialog = RefusalDialog(self.controller, notice.refused, notice.sentence, notice.reasons, self, notice.use)
            dialog.used.connect(self.files.use)
            if dialog.exec():
                self.toasts.forget_refused_models()
            dialog.deleteLater()

    def _on_opened(self, ref: ModelRef, card: ModelCard) -> None:
        if not card.shipped:
            self.settings.add_recent_model(ref.path)

    def _show_title(self) -> None:
        document = self.controller.document
        # Where the name itself has the mark at which Qt shows that something was changed, two of them are one.
        name = plain_text(document.path.name, LONGEST_NAME).replace("[*]", "[*][*]") if document.path else ""
        self.setWindowTitle(f"{name}[*] — Latent Explorer" if name else "Latent Explorer")
        self.setWindowModified(document.is_modified)
        self.setWindowIcon(icons.icon("logo"))
