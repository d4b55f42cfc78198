"""The model browser: what ships with the program, and what was opened from disk."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QMenu, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from explorer.scene.cards import ModelCard
from explorer.ui.actions.actions import ActionTable
from explorer.ui.look.dock_panel import DockPanel
from explorer.ui.look.widgets import SectionTitle, link_button
from explorer.ui.state.controller import Controller
from explorer.ui.state.settings import Settings

PATH = Qt.ItemDataRole.UserRole


class ModelBrowser(DockPanel):
    """A click or Enter opens a model; the current one is selected."""

    chosen = Signal(str)  # shipped name or path

    def __init__(
        self, controller: Controller, actions: ActionTable, settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._controller = controller
        self._settings = settings
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
        self._opened = _group("Opened")
        self.tree.addTopLevelItems([self._shipped, self._opened])
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
        controller.changed.connect(self._mark_current)
        self.refresh()

    def refresh(self) -> None:
        """List what the engine knows, and what was opened in earlier sessions."""
        catalogue = self._controller.catalogue
        self._shipped.takeChildren()
        self._opened.takeChildren()
        for card in catalogue.models:
            item = _entry(card.name, card.name, card)
            # A shipped model that cannot be read says why in its notes, and has no spaces.
            item.setDisabled(not card.spaces)
            self._shipped.addChild(item)
        shipped = {card.name for card in catalogue.models}
        cards = {ref.path: card for ref, card in catalogue.opened()}
        paths = [path for path in cards if path not in shipped]
        paths += [path for path in self._settings.recent_models if path not in cards]
        for path in paths:
            self._opened.addChild(_entry(Path(path).name, path, cards.get(path)))
        self._shipped.setHidden(not shipped)
        self._opened.setHidden(not paths)
        self._mark_current()

    def _mark_current(self, *_: object) -> None:
        current = self._controller.scene.model.path
        for group in (self._shipped, self._opened):
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
        if item is None or item.parent() is not self._opened:
            return
        menu = QMenu(self)
        menu.addAction("Remove from the list")
        if menu.exec(self.tree.viewport().mapToGlobal(point)) is not None:
            self._settings.forget_recent_model(item.data(0, PATH))
            self.refresh()
        menu.deleteLater()


def model_line(card: ModelCard) -> str:
    """``faces-stylegan2 · StyleGAN2 · 64×64``"""
    return f"{card.name} · {card.family_title} · {card.output.text}"


def describe(card: ModelCard) -> str:
    """The tool tip of a model: what it is, where it comes from, under which licence."""
    millions = card.parameters / 1e6
    lines = [model_line(card)]
    if card.parameters:
        lines.append(f"{millions:.1f} million parameters")
    lines += [f"{name}: {' × '.join(map(str, space.shape))}" for name, space in card.spaces.items()]
    if card.full_steps:
        steps = f"{card.full_steps} sampler steps, {card.interactive_steps} while a slider moves"
        lines.append(", drawn by ".join(filter(None, (steps, card.sampler))))
    lines += [
        text
        for text in (
            card.runtime and f"Computed by {card.runtime}",
            card.origin,
            card.licence and f"Licence: {card.licence}",
            card.notes,
        )
        if text
    ]
    return "\n".join(lines)


def _group(title: str) -> QTreeWidgetItem:
    item = QTreeWidgetItem([title])
    item.setFlags(Qt.ItemFlag.ItemIsEnabled)
    return item


def _entry(name: str, path: str, card: ModelCard | None) -> QTreeWidgetItem:
    item = QTreeWidgetItem([name])
    item.setData(0, PATH, path)
    item.setToolTip(0, describe(card) if card is not None else path)
    return item
