"""The canvas: the pictures of all panes, painted by one plain widget."""

from __future__ import annotations

import time

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)  # fmt: skip
from PySide6.QtWidgets import QToolTip, QWidget

from explorer.scene.editing import is_table
from explorer.scene.model import Scene
from explorer.scene.region import region_of
from explorer.scene.views import EFFECTS
from explorer.ui.canvas import pane_paint, pane_text
from explorer.ui.canvas.captions import Captions
from explorer.ui.canvas.pane_grid import Cell, grid, table
from explorer.ui.canvas.region_tool import paint_outline
from explorer.ui.look import theme
from explorer.ui.state.controller import Controller

BUSY_AFTER_MS = 350  # a picture that is older than the state for longer says so
GRIP = 9  # how near the divider the pointer must be, pixels


class Canvas(QWidget):
    """Paints the newest picture of each pane of the shown scene; selects panes, moves the before / after divider."""

    zoom_changed = Signal(bool)
    menu_wanted = Signal(QPoint)  # global position, over the selected pane

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._cells: list[Cell] = []
        self._panes: list[int] = []  # the pane of each cell
        self._arranged: object = None  # what the last arrangement depended on, of the scene
        self.captions = Captions(controller)
        self._zoomed = False
        self._pixels = False
        self._dragged: int | None = None
        self._busy = QTimer(self)
        self._busy.setSingleShot(True)
        self._busy.setInterval(BUSY_AFTER_MS)
        self._painted_frames: object = None  # views, dividers, regions and selection, as they were shown last
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(160, 160)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Pictures")
        self._busy.timeout.connect(self._on_busy)
        controller.shown.connect(self._on_shown)
        controller.feed.picture_changed.connect(self._on_picture)
        controller.feed.panes_changed.connect(self._arrange)
        controller.catalogue.models_changed.connect(self._arrange)
        controller.catalogue.controls_found.connect(self._on_found)
        controller.catalogue.controls_refused.connect(self._on_found)
        controller.jobs.changed.connect(self._on_jobs)
        controller.unsteady.changed.connect(self.update)

    # --- settings of the view ---

    def set_zoomed(self, zoomed: bool) -> None:
        """Fill the canvas with the selected pane, or show all panes."""
        zoomed = zoomed and len(self._controller.shown_scene.panes) > 1
        if zoomed != self._zoomed:
            self._zoomed = zoomed
            self.zoom_changed.emit(zoomed)
        self._arrange()

    def set_pixels(self, pixels: bool) -> None:
        """Magnify without smoothing."""
        self._pixels = pixels
        self.update()

    def cells(self) -> list[tuple[int, Cell]]:
        """Pane index and place of everything that is shown."""
        return list(zip(self._panes, self._cells, strict=True))

    def sizeHint(self) -> QSize:
        return QSize(720, 640)

    # --- painting ---

    def paintEvent(self, event: QPaintEvent) -> None:
        colors = theme.current()
        painter = QPainter(self)
        painter.fillRect(event.rect(), theme.color(colors.canvas))
        self.captions.paint_headings(painter, colors)
        for pane, cell in zip(self._panes, self._cells, strict=True):
            if not event.region().intersects(cell.whole.adjusted(-4, -4, 4, 4)):
                continue
            start = time.perf_counter()
            if event.region().intersects(cell.picture.adjusted(-4, -4, 4, 4)):
                self._paint_pane(painter, colors, pane, cell)
                self._controller.feed.note_paint(pane, (time.perf_counter() - start) * 1e3)
            else:
                self.captions.paint(painter, colors, pane, cell.caption)

    def _paint_pane(self, painter: QPainter, colors: theme.Theme, pane: int, cell: Cell) -> None:
        scene = self._controller.shown_scene
        picture = self._controller.feed.picture(pane)
        if picture is None or pane >= len(scene.panes):
            return
        if picture.image is not None:
            ratio = self.devicePixelRatioF()
            pane_paint.paint_image(painter, picture.image, cell.picture, ratio, self._pixels)
        else:
            painter.fillRect(cell.picture, theme.color(colors.panel))
        if picture.error:
            over = picture.image is not None
            sentence, is_fault = pane_text.in_its_place(self._controller.catalogue, scene, pane, picture)
            colour = colors.red if is_fault else colors.muted
            pane_paint.paint_sentence(painter, colors, sentence, colour, over, cell.picture)
        elif picture.image is not None:
            if scene.panes[pane].view == "before_after":
                of_do = self._controller.sets_variables(pane)
                answer = self._controller.answer_title(pane).lower()
                halves = ("factual", answer) if of_do else ("before", "after")
                pane_paint.paint_divider(painter, colors, scene.panes[pane].split, halves, cell.picture)
            if scene.panes[pane].view in EFFECTS:
                pane_paint.paint_scale(painter, cell.picture)
        chosen = scene.panes[pane].controls
        region = region_of(self._controller.catalogue.methods.get(chosen.method), chosen)
        if region is not None:
            paint_outline(painter, colors, region, cell.picture)
        if pane == self._controller.scene.selected and len(scene.panes) > 1:
            width = 3 if self.hasFocus() else 2
            painter.setPen(QPen(theme.color(colors.accent), width, j=Qt.PenJoinStyle.MiterJoin))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(cell.picture.adjusted(-2, -2, 1, 1))
        self.captions.paint(painter, colors, pane, cell.caption)

    # --- events ---

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        pane = self._pane_at(event.position().toPoint())
        if pane is None:
            return
        if event.button() == Qt.MouseButton.LeftButton and self._divider_at(event.position().toPoint()) == pane:
            self._dragged = pane
            self._move_divider(event.position().x(), True)
        self._controller.select_pane(pane)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragged is not None:
            self._move_divider(event.position().x(), True)
            return
        over = self._divider_at(event.position().toPoint()) is not None
        self.setCursor(Qt.CursorShape.SplitHCursor if over else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._dragged is not None:
            self._move_divider(event.position().x(), False)
            self._dragged = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        pane = self._pane_at(event.position().toPoint())
        if pane is not None and event.button() == Qt.MouseButton.LeftButton:
            self._controller.select_pane(pane)
            self.set_zoomed(not self._zoomed)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1, Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1}.get(
            Qt.Key(event.key())
        )
        if step is not None and len(self._controller.scene.panes) > 1:
            self._controller.select_pane(self._controller.scene.selected + step)
        elif event.key() == Qt.Key.Key_Escape and self._zoomed:
            self.set_zoomed(False)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            pane = self._pane_at(event.pos())
            note = self.captions.note(pane) if pane is not None else None
            QToolTip.showText(event.globalPos(), note.texts[0] if note is not None else "", self)
            return True
        return super().event(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        pane = self._pane_at(event.pos())
        if pane is not None:
            self._controller.select_pane(pane)
            self.menu_wanted.emit(event.globalPos())

    # --- inside ---

    def _arrange(self) -> None:
        scene = self._controller.shown_scene
        count = len(scene.panes)
        if self._zoomed and count == 1:
            self._zoomed = False
            self.zoom_changed.emit(False)
        if not scene.model.path:
            self._panes = []
        elif self._zoomed:
            self._panes = [min(self._controller.scene.selected, count - 1)]
        else:
            self._panes = list(range(count))
        caption = self.fontMetrics().height() + 10
        self._arranged = self._arrangement(scene)
        self.captions.table = None
        if len(self._panes) > 1 and is_table(scene):
            starts = (
                {pane_text.start(self._controller.catalogue, scene, pane) for pane in range(count)}
                if count > scene.columns
                else set()
            )
            beside = max(
                (self.fontMetrics().horizontalAdvance(text) + pane_paint.SIDE_GAP for text in starts), default=0
            )
            room = self.width(), self.height()
            self.captions.table = table(count, *room, self._aspect(), caption, scene.columns, caption, beside)
            self._cells = self.captions.table.cells
        else:
            columns = 0 if self._zoomed else scene.columns
            self._cells = grid(len(self._panes), self.width(), self.height(), self._aspect(), caption, columns)
        self.update()

    def _arrangement(self, scene: Scene) -> object:
        """What the places of the panes, and the words at the edge of a table of them, depend on."""
        heads = [(pane.origin, pane.name) for pane in scene.panes] if is_table(scene) else None
        return len(scene.panes), scene.columns, heads, scene.origin if heads else None

    def _aspect(self) -> float:
        card = self._controller.model_card(0)
        if card is not None:
            return card.size[1] / card.size[0]
        picture = self._controller.feed.picture(0)
        if picture is not None and picture.image is not None:
            return picture.image.width() / picture.image.height()
        return 1.0

    def _pane_at(self, point: QPoint) -> int | None:
        return next((pane for pane, cell in self.cells() if cell.whole.contains(point)), None)

    def _divider_at(self, point: QPoint) -> int | None:
        scene = self._controller.shown_scene
        for pane, cell in self.cells():
            chosen = scene.panes[pane] if pane < len(scene.panes) else None
            if chosen is None or chosen.view != "before_after" or not cell.picture.contains(point):
                continue
            if abs(point.x() - cell.picture.left() - chosen.split * cell.picture.width()) <= GRIP:
                return pane
        return None

    def _move_divider(self, x: float, dragging: bool) -> None:
        cell = next((cell for pane, cell in self.cells() if pane == self._dragged), None)
        if cell is not None and self._dragged is not None:
            share = round((x - cell.picture.left()) / cell.picture.width(), 4)
            self._controller.set_split(self._dragged, share, dragging)

    def _on_shown(self, scene: Scene) -> None:
        if self._arrangement(scene) != self._arranged or self._zoomed:
            self._arrange()
        if self.captions.show_busy or not self._busy.isActive():
            self.captions.show_busy = False
            self._busy.start()
        # Captions follow at once, the ring and the divider too; a picture is painted when it comes, not before.
        panes = [(pane.view, pane.split, pane.controls) for pane in scene.panes]
        frames = panes, scene.quality, self._controller.scene.selected
        if frames != self._painted_frames:
            self._painted_frames = frames
            self.update()
        for _, cell in self.cells():
            self.update(cell.caption.adjusted(0, 5, 0, 0))

    def _on_picture(self, pane: int) -> None:
        for shown, cell in self.cells():
            if shown == pane:
                self.update(cell.whole.adjusted(-4, -4, 4, 4))

    def _on_found(self, *_: object) -> None:
        self.update()

    def _on_jobs(self) -> None:
        """Searches have gone on: only what is written beside the pictures may change."""
        for _, cell in self.cells():
            self.update(cell.caption)

    def _on_busy(self) -> None:
        self.captions.show_busy = True
        if any(
            (picture := self._controller.feed.picture(pane)) is not None and not picture.is_current
            for pane in self._panes
        ):
            self.update()
