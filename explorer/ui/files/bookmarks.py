"""The bookmarks panel: states to come back to, as a grid of small pictures."""

from __future__ import annotations

from msgspec.structs import replace
from PySide6.QtCore import QEvent, QObject, QPoint, QSignalBlocker, QSize, Qt
from PySide6.QtGui import QIcon, QImage, QKeyEvent, QPainter, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from explorer.scene.edit_text import edit_text
from explorer.scene.model import Bookmark, Scene, Seed, View, own_picture, view_of
from explorer.scene.origin_text import origin_text
from explorer.scene.own_pictures import distance_text, fidelity_text
from explorer.scene.steps import draft_texts, steps_at_rest
from explorer.scene.usual_text import unusual_text
from explorer.ui.actions.actions import ActionTable
from explorer.ui.look import icons, theme
from explorer.ui.look.dock_panel import DockPanel
from explorer.ui.look.widgets import SectionTitle, WrappedLabel, link_button
from explorer.ui.state.controller import Controller
from explorer.ui.state.thumbnails import Thumbnails, thumbnail_quality

TILE = 58
EMPTY = "Press Ctrl+D, or “+ Add”, to keep what you see. A click brings it back."


class BookmarksPanel(DockPanel):
    """A click or Enter goes to a bookmark, F2 renames, Delete removes; each is one step of undo."""

    def __init__(self, controller: Controller, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._thumbnails = Thumbnails(controller, self)
        adder = link_button("+ Add")
        adder.setDefaultAction(actions.bind("add_bookmark", self.add))
        adder.setText("+ Add")
        adder.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.title = SectionTitle("Bookmarks", adder)
        self.list = QListWidget()
        self.list.setViewMode(QListWidget.ViewMode.IconMode)
        self.list.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.list.setMovement(QListWidget.Movement.Static)
        self.list.setIconSize(QSize(TILE, TILE))
        self.list.setGridSize(QSize(TILE + 8, TILE + self.fontMetrics().height() + 8))
        self.list.setUniformItemSizes(True)
        self.list.setWordWrap(False)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setSpacing(0)
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.setAccessibleName("Bookmarks")
        self.list.viewport().setBackgroundRole(self.palette().ColorRole.Window)
        self._hint = WrappedLabel(EMPTY)
        self._hint.setContentsMargins(4, 4, 10, 4)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._hint.setForegroundRole(self.palette().ColorRole.PlaceholderText)
        self._pages = QStackedLayout()
        self._pages.addWidget(self._hint)
        self._pages.addWidget(self.list)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.title)
        inset = QHBoxLayout()  # below the title's first letter
        inset.addSpacing(6)
        inset.addLayout(self._pages)
        layout.addLayout(inset, 1)
        self.list.itemClicked.connect(self._open_item)
        self.list.itemActivated.connect(self._activate_item)
        self.list.itemChanged.connect(self._rename_item)
        self.list.customContextMenuRequested.connect(self._show_menu)
        self.list.installEventFilter(self)
        self._thumbnails.changed.connect(self._show_pictures)
        controller.changed.connect(self._on_changed)
        self._show()

    # --- what actions call --------------------------------------------------------------------------------------------

    def add(self) -> None:
        """Keep what the canvas shows."""
        scene, shown = self._controller.scene, self._controller.shown_scene
        if not scene.model.path:
            return
        self.arrived.emit()
        made = Bookmark(
            name=_fresh_name(scene, shown),
            model=scene.model,
            origin=shown.origin,
            truncation_psi=shown.truncation_psi,
            panes=shown.panes,
            columns=shown.columns,
            condition=shown.condition,
        )
        self._controller.apply(replace(scene, bookmarks=(*scene.bookmarks, made)), "Add bookmark")
        self.list.setCurrentRow(len(scene.bookmarks))

    def go_to(self, number: int) -> None:
        """Bring back bookmark ``number``, as one step of undo. Bookmarks and what of the timeline still fits stay."""
        scene = self._controller.scene
        self._controller.load(at_bookmark(scene, scene.bookmarks[number]), f"Go to {scene.bookmarks[number].name}")

    def remove(self, number: int) -> None:
        """Forget bookmark ``number``."""
        scene = self._controller.scene
        kept = scene.bookmarks[:number] + scene.bookmarks[number + 1 :]
        self._controller.apply(replace(scene, bookmarks=kept), f"Delete bookmark {scene.bookmarks[number].name}")
        self.list.setCurrentRow(min(number, len(kept) - 1))

    def rename(self, number: int, name: str) -> None:
        """Call bookmark ``number`` by another name; an empty one changes nothing."""
        scene, name = self._controller.scene, name.strip()
        old = scene.bookmarks[number]
        if not name or name == old.name:
            self._show()
            return
        renamed = (*scene.bookmarks[:number], replace(old, name=name), *scene.bookmarks[number + 1 :])
        self._controller.apply(replace(scene, bookmarks=renamed), f"Rename bookmark {name}")

    # --- showing ------------------------------------------------------------------------------------------------------

    def _on_changed(self, old: Scene, new: Scene) -> None:
        if old.bookmarks != new.bookmarks:
            self._show()

    def _show(self) -> None:
        bookmarks = self._controller.scene.bookmarks
        row = self.list.currentRow()
        with QSignalBlocker(self.list):
            self.list.clear()
            for bookmark in bookmarks:
                item = QListWidgetItem(bookmark.name)
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
                item.setTextAlignment(Qt.AlignmentFlag.AlignHCenter)
                item.setSizeHint(self.list.gridSize())
                item.setIcon(_tile(None, self.devicePixelRatioF()))
                self.list.addItem(item)
            self.list.setCurrentRow(min(row, len(bookmarks) - 1))
        self._pages.setCurrentIndex(1 if bookmarks else 0)
        self._show_pictures()

    def _show_pictures(self) -> None:
        with QSignalBlocker(self.list):
            for number, bookmark in enumerate(self._controller.scene.bookmarks):
                item = self.list.item(number)
                if item is not None:
                    item.setToolTip("\n".join(filter(None, (describe(bookmark), self._drawn(bookmark)))))
                    item.setIcon(_tile(self._thumbnails.of(picture_of(bookmark)), self.devicePixelRatioF()))

    def _drawn(self, bookmark: Bookmark) -> str:
        """That the small picture is a draft, where it is."""
        card = self._controller.catalogue.model(bookmark.model)
        if card is None:
            return ""
        at_rest = steps_at_rest(card, self._controller.scene.quality)
        steps = thumbnail_quality(card).steps
        return f"small picture: {draft_texts(steps, at_rest)[0]}" if 0 < steps < at_rest else ""

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "list"):
            self._show_pictures()  # the empty tiles have the theme's colours

    # --- the hand -----------------------------------------------------------------------------------------------------

    def _open_item(self, item: QListWidgetItem) -> None:
        self.go_to(self.list.row(item))

    def _activate_item(self, item: QListWidgetItem) -> None:
        # A double click was a click before; going to the same state again changes nothing.
        self.go_to(self.list.row(item))

    def _rename_item(self, item: QListWidgetItem) -> None:
        self.rename(self.list.row(item), item.text())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.list and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            row = self.list.currentRow()
            if row >= 0 and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
                self.remove(row)
                return True
        return False

    def _show_menu(self, point: QPoint) -> None:
        item = self.list.itemAt(point)
        if item is None:
            return
        row = self.list.row(item)
        menu = QMenu(self)
        go, rename, delete = menu.addAction("Go there"), menu.addAction("Rename"), menu.addAction("Delete")
        chosen = menu.exec(self.list.viewport().mapToGlobal(point))
        menu.deleteLater()
        if chosen is go:
            self.go_to(row)
        elif chosen is rename:
            self.list.editItem(item)
        elif chosen is delete:
            self.remove(row)


def at_bookmark(scene: Scene, bookmark: Bookmark) -> Scene:
    """``scene`` in the state of ``bookmark``; tracks stay where their pane still has the controls that they move."""
    same = bookmark.model == scene.model
    tracks = tuple(
        track
        for track in scene.timeline.amounts
        if same
        and track.pane < len(bookmark.panes)
        and bookmark.panes[track.pane].controls == scene.panes[track.pane].controls
    )
    return replace(
        scene,
        model=bookmark.model,
        origin=bookmark.origin,
        truncation_psi=bookmark.truncation_psi,
        condition=bookmark.condition,
        panes=bookmark.panes,
        columns=bookmark.columns,
        selected=min(scene.selected, len(bookmark.panes) - 1),
        timeline=scene.timeline if tracks == scene.timeline.amounts else replace(scene.timeline, amounts=tracks),
    )


def picture_of(bookmark: Bookmark) -> View:
    """What the tile shows: the first pane."""
    return view_of(_scene_of(bookmark), 0)


def _scene_of(bookmark: Bookmark) -> Scene:
    return Scene(
        model=bookmark.model,
        origin=bookmark.origin,
        truncation_psi=bookmark.truncation_psi,
        condition=bookmark.condition,
        panes=bookmark.panes,
    )


def _seeds(scene: Scene) -> str:
    """Where the panes start: ``Seed 3``, or what else they have in common, or the first of several seeds; empty where
    they have not and one of them starts from something else."""
    origins = dict.fromkeys(map(scene.origin_of, range(len(scene.panes))))
    if len(origins) == 1:
        text = origin_text(*origins)
        return text if own_picture(*origins) is not None else text[0].upper() + text[1:]
    seeds = [str(origin.seed) for origin in origins if isinstance(origin, Seed)]
    if len(seeds) < len(origins):
        return ""
    shown = ", ".join(seeds[:3]) + (", …" if len(seeds) > 3 else "")
    return f"Seed{'s' if len(seeds) > 1 else ''} {shown}"


def describe(bookmark: Bookmark) -> str:
    """The tool tip: name, model, seed, and what is moved."""
    lines = [bookmark.name, bookmark.model.path.replace("\\", "/").rpartition("/")[2]]
    scene = _scene_of(bookmark)
    if (own := own_picture(bookmark.origin)) is not None:
        lines += [own.reading, f"Found by {own.way}: {fidelity_text(own)}.", distance_text(own)]
        lines += list(filter(None, [unusual_text(own)]))
    elif seeds := _seeds(scene):
        lines.append(f"{seeds.lower()}, spread {bookmark.truncation_psi:g}")
    moved = [edit_text(scene, bookmark.panes[0].controls, edit) for edit in bookmark.panes[0].edits]
    lines += [", ".join(moved)] if moved else []
    lines += [f"{len(bookmark.panes)} panes"] if len(bookmark.panes) > 1 else []
    return "\n".join(lines)


def _fresh_name(scene: Scene, shown: Scene) -> str:
    base = _seeds(shown) or "Point"
    taken = {bookmark.name for bookmark in scene.bookmarks}
    names = [base, *(f"{base} ({number})" for number in range(2, len(taken) + 2))]
    return next(name for name in names if name not in taken)


def _tile(image: QImage | None, ratio: float) -> QIcon:
    """A square icon: the picture, cropped to its middle, or an empty tile while there is none."""
    side = round(TILE * ratio)
    tile = QPixmap(side, side)
    painter = QPainter(tile)
    if image is None:
        colors = theme.current()
        painter.fillRect(tile.rect(), theme.color(colors.track))
        sign = icons.pixmap("model", colors.muted, 22, ratio)
        corner = round((side - 22 * ratio) / 2)
        painter.drawPixmap(corner, corner, round(22 * ratio), round(22 * ratio), sign)
    else:
        fill = image.scaled(
            side, side, Qt.AspectRatioMode.KeepAspectRatioByExpanding, Qt.TransformationMode.SmoothTransformation
        )
        painter.drawImage((side - fill.width()) // 2, (side - fill.height()) // 2, fill)
    painter.end()
    tile.setDevicePixelRatio(ratio)
    icon = QIcon(tile)
    icon.addPixmap(tile, QIcon.Mode.Selected)  # else the style tints the picture of the chosen bookmark
    return icon
