"""The words at the edges of the pictures of the canvas: captions, headings of a table, what has to be known."""

from __future__ import annotations

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter

from explorer.scene.views import UNEDITED, VIEWS, WITH_RMS
from explorer.ui.canvas import pane_paint, pane_text
from explorer.ui.canvas.pane_grid import Table
from explorer.ui.look import theme
from explorer.ui.state.controller import Controller
from explorer.ui.state.feed import Picture

START_SHARE = 0.6
"""Of a caption: more of it is not taken from a method's name for where the picture starts."""


class Captions:
    """``table``: the headings, where the panes are a table; ``show_busy``: a picture that is older than the state says
    so."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self.table: Table | None = None
        self.show_busy = False

    def paint(self, painter: QPainter, colors: theme.Theme, pane: int, box: QRect) -> None:
        scene = self._controller.shown_scene
        picture = self._controller.feed.picture(pane)
        if picture is not None and pane < len(scene.panes):
            chosen = scene.panes[pane]
            known = self._controller.catalogue.controls(scene.model_of(pane), chosen.controls)
            stopped = self._controller.catalogue.is_stopped(scene.model_of(pane), chosen.controls)
            latest = self._controller.moved_last(pane)
            moved = "" if stopped or chosen.view in UNEDITED else pane_text.moved(scene, chosen, known, latest)
            state, sliders = self.state(pane, picture), self._sliders(pane)
            if self.table is not None:  # what its column and its row are called stands at the edge
                title, figure = moved, sliders or state
            else:
                title, said = self._controller.pane_title(pane), (moved, sliders) if known else (sliders, moved)
                figure = next(filter(None, (state, *said)), "")
            share = 1.0
            if not figure and self.table is None:  # a prompt may be of any length, and does not tell methods apart
                figure, share = pane_text.start(self._controller.catalogue, scene, pane), START_SHARE
            bold = self.table is None
            # What is moved is the same in all views of a do(), and what they are called tells them apart.
            leads = self._controller.sets_variables(pane) and len(scene.panes) > 1
            note = self.note(pane)
            pane_paint.paint_caption(painter, colors, title, figure, box.adjusted(0, 4, 0, 0), bold, leads, note, share)

    def note(self, pane: int) -> pane_paint.Note | None:
        """What has to be known of the picture of ``pane``; None where there is nothing."""
        picture, catalogue = self._controller.feed.picture(pane), self._controller.catalogue
        if picture is None or picture.image is None or picture.error or picture.frame is None:
            return None
        unsteady = self._controller.unsteady.marks(picture)
        texts = pane_text.marks(catalogue, self._controller.shown_scene, picture, unsteady)
        stays = bool(picture.frame.remarks or pane_text.unusual(picture) or unsteady)
        return pane_paint.Note(texts, passes=not stays) if texts else None

    def paint_headings(self, painter: QPainter, colors: theme.Theme) -> None:
        """What each column and each row of a table of panes is called."""
        if self.table is None:
            return
        scene = self._controller.shown_scene
        columns = len(self.table.above)
        for column, box in enumerate(self.table.above):
            title, views = self._controller.set_title(column), {pane.view for pane in scene.panes[column::columns]}
            pane_paint.paint_heading(painter, colors, title, VIEWS[views.pop()].note if len(views) == 1 else "", box)
        for row, box in enumerate(self.table.beside):
            pane_paint.paint_side(
                painter, colors, pane_text.start(self._controller.catalogue, scene, row * columns), box
            )

    def _sliders(self, pane: int) -> str:
        """Why a pane does not follow the sliders beside it, or not for good."""
        controller, scene = self._controller, self._controller.shown_scene
        return pane_text.sliders(
            controller.catalogue, controller.jobs, scene.model_of(pane), scene.panes[pane].controls
        )

    def state(self, pane: int, picture: Picture) -> str:
        """What is to be said of the picture itself: that it is not there yet, or how large the difference is."""
        if self.show_busy and not picture.is_current and not picture.error:
            return "rendering…"
        panes = self._controller.shown_scene.panes
        if panes[pane].view in WITH_RMS and picture.frame is not None:
            columns = len(self.table.above) if self.table is not None else 0
            headed = columns and all(one.view == "difference" for one in panes[pane % columns :: columns])
            return f"{'' if headed else 'rms '}{picture.frame.rms:.3f}"  # the heading of a column says it once
        return ""
