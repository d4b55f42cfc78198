"""The model browser: what ships with the program, what lies in the models folder, and what was opened from disk."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QMenu, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from explorer.scene.two_models import Place
from explorer.ui.actions.actions import ActionTable
from explorer.ui.look.dock_panel import DockPanel
from explorer.ui.look.widgets import SectionTitle, link_button
from explorer.ui.state import known_models
from explorer.ui.state.controller import Controller
from explorer.ui.state.known_models import KnownModel
from explorer.ui.state.settings import Settings

PATH = Qt.ItemDataRole.UserRole


class ModelBrowser(DockPanel):
    """A click or Enter opens a model; the current one is selected."""

    chosen = Signal(str)  # shipped name or path, for the whole scene
    placed = Signal(str, str)  # shipped name or path, and whose model it becomes (Place)

    def __init__(
        self, controller: Controller, actions: ActionTable, settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._controller = controller
        self._settings = settings
        self._choose_folder = actions["models_folder"]
        opener = link_button("")
        opener.setDefaultAction(actions["open_model"])
        opener.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.tree = QTreeWidget()
        self.tree.setHeaderHidden(True)
        self.tree.setIndentation(14)
        self.tree.setRootIsDecorated(True)
        self.tree.setUniformRowHeights(True)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.setAccessibleName("Models")
        self._shipped = _group("Shipped")
        self._folder = _group("Models folder")
        self._opened = _group("Opened")
        self._plugins = _group("Plug-ins that failed")
        self._groups = (self._opened, self._folder, self._shipped)  # those of one's own are looked for first
        self.tree.addTopLevelItems([*self._groups, self._plugins])
        self.tree.expandAll()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.title = SectionTitle("Models", opener)
        layout.addWidget(self.title)
        layout.addWidget(self.tree, 1)
        self.tree.itemClicked.connect(self._open)
        self.tree.itemActivated.connect(self._open)
        self.tree.customContextMenuRequested.connect(self._show_menu)
        controller.catalogue.models_changed.connect(self.refresh)
        controller.models_folder.changed.connect(self.refresh)
        controller.changed.connect(self._mark_current)
        self.refresh()

    def refresh(self) -> None:
        """List what the engine knows, and what was opened in earlier sessions."""
        catalogue, folder = self._controller.catalogue, self._controller.models_folder
        opened = known_models.opened(catalogue, self._settings)
        elsewhere = {model.path for model in opened}
        lists = (
            opened,
            [model for model in known_models.in_folder(folder) if model.path not in elsewhere],
            known_models.shipped(catalogue),
        )
        for group, models in zip(self._groups, lists, strict=True):
            group.takeChildren()
            group.addChildren([_entry(model) for model in models])
            group.setHidden(not models)
        self._folder.setHidden(folder.path is None)
        self._folder.setText(0, f"Models folder: {folder.path.name}" if folder.path is not None else "")
        self._folder.setToolTip(0, "\n".join(filter(None, (str(folder.path), folder.problem))))
        if folder.problem:
            self._folder.addChild(_remark("cannot be read", folder.problem))
        elif not lists[1]:
            self._folder.addChild(_remark("no model in it", "Nothing in this folder is a model of a family here."))
        self._plugins.takeChildren()
        self._plugins.addChildren([_remark(name, problem) for name, problem in catalogue.plugin_problems.items()])
        self._plugins.setHidden(not catalogue.plugin_problems)
        self._mark_current()

    def _mark_current(self, *_: object) -> None:
        current = self._controller.scene.model_of().path
        for group in self._groups:
            for index in range(group.childCount()):
                item = group.child(index)
                if item is not None and item.data(0, PATH) == current:
                    self.tree.setCurrentItem(item)
                    return
        self.tree.clearSelection()

    def _open(self, item: QTreeWidgetItem) -> None:
        path = item.data(0, PATH)
        if path and path != self._controller.scene.model.path:
            self.chosen.emit(path)

    def _show_menu(self, point: QPoint) -> None:
        item = self.tree.itemAt(point)
        menu = self.menu_of(item) if item is not None else None
        if menu is not None:
            menu.exec(self.tree.viewport().mapToGlobal(point))
            menu.deleteLater()
            self.refresh()

    def menu_of(self, item: QTreeWidgetItem) -> QMenu | None:
        """What can be done with the model, or with the group, of ``item``; None where that is nothing."""
        menu = QMenu(self)
        path, folder = item.data(0, PATH), self._controller.models_folder
        if path and not item.isDisabled():
            menu.addAction("Open", partial(self.chosen.emit, path))
            if self._controller.has_model:
                places: tuple[tuple[str, Place], ...] = (("Show in the selected pane", "pane"), ("Compare", "beside"))
                for text, place in places:
                    menu.addAction(text, partial(self.placed.emit, path, place))
        group = item.parent() or item
        if group is self._opened:
            menu.addSeparator()
            if path:
                menu.addAction("Remove from the list", partial(self._settings.forget_recent_model, path))
            menu.addAction("Clear the list", self._settings.forget_recent_models)
        elif group is self._folder:
            menu.addSeparator()
            menu.addAction("Look again", folder.refresh)
            menu.addAction(self._choose_folder)
            menu.addAction("List no folder", partial(folder.choose, None))
        return None if menu.isEmpty() else menu


def _group(title: str) -> QTreeWidgetItem:
    item = QTreeWidgetItem([title])
    item.setFlags(Qt.ItemFlag.ItemIsEnabled)
    return item


def _entry(model: KnownModel) -> QTreeWidgetItem:
    item = QTreeWidgetItem([model.name])
    item.setData(0, PATH, model.path)
    item.setToolTip(0, model.tip)
    item.setDisabled(bool(model.problem))
    return item


def _remark(text: str, tip: str) -> QTreeWidgetItem:
    """A line that is no model, and whose tip says why."""
    item = QTreeWidgetItem([text])
    item.setToolTip(0, tip)
    item.setDisabled(True)
    return item
