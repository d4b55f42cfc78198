"""The panel of pictures of one's own: the picture, the best that the model has for it, and how it is looked for."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from explorer.scene.cards import ModelCard, WayCard
from explorer.scene.inversion import MOST_STEPS, InversionOptions
from explorer.scene.own_pictures import distance_text, fidelity_text
from explorer.scene.usual_text import unusual_text
from explorer.ui.actions.actions import ActionTable
from explorer.ui.jobs.progress_line import ProgressLine
from explorer.ui.look.numbers import WholeField
from explorer.ui.look.widgets import WrappedLabel, action_button, field_caption
from explorer.ui.own_pictures.views import CaptionedPicture
from explorer.ui.state.controller import Controller

HINT = (
    "Drop a picture into the window, paste one (Ctrl+V) or open one (Ctrl+I): the point of the model whose picture "
    "comes nearest becomes a bookmark, which shows both side by side."
)
NO_WAY = "No way to find a point for a picture fits this model."
HEIGHT = 38


class OwnPicturePanel(QWidget):
    """Shows the search that is under way, or was the last."""

    asked = Signal(object)  # InversionOptions: look for the same picture again

    def __init__(self, controller: Controller, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._inverting = controller.inverting
        self._model: ModelCard | None = None
        self.open = action_button(actions["open_picture"], with_icon=False)
        self.way = QComboBox()
        self.way.setAccessibleName("Way to find the point")
        self.way.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.steps = WholeField(1, MOST_STEPS, step=50)
        self.steps.setAccessibleName("Steps of the search")
        self.steps.setToolTip("How many steps the search takes; more come nearer")
        self.again = QPushButton("Find again")
        self.again.setToolTip("Look for the point of the same picture once more, in this way and so many steps")
        self.progress = ProgressLine("End the search; the best so far is kept")
        self.original = CaptionedPicture("Own picture")
        self.found = CaptionedPicture("Best picture of the model so far")
        self.told = WrappedLabel()
        self.told.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._arrange()
        self.way.activated.connect(self._on_way)
        self.again.clicked.connect(self._ask)
        self.progress.cancelled.connect(self._inverting.stop)
        self._inverting.changed.connect(self.refresh)
        controller.changed.connect(self._on_scene)
        controller.catalogue.models_changed.connect(self.refresh)
        self.refresh()

    def _arrange(self) -> None:
        header = QHBoxLayout()
        header.setContentsMargins(10, 0, 8, 0)
        header.setSpacing(8)
        header.addWidget(self.open)
        for text, field in (("Way", self.way), ("Steps", self.steps)):
            header.addWidget(field_caption(text))
            header.addWidget(field)
        header.addWidget(self.again)
        header.addWidget(self.progress, 1)
        header.addStretch(0)
        top = QWidget()
        top.setLayout(header)
        top.setFixedHeight(HEIGHT)
        body = QHBoxLayout()
        body.setContentsMargins(10, 4, 10, 8)
        body.setSpacing(14)
        body.addWidget(self.original)
        body.addWidget(self.found)
        body.addWidget(self.told, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(top)
        layout.addLayout(body, 1)

    # --- showing ---

    def _on_scene(self, old: object, new: object) -> None:
        if self._controller.model_card(self._controller.scene.selected) is not self._model:
            self.refresh()

    def refresh(self) -> None:
        """Bring everything in line with the search and the selected pane's model."""
        self._show_model(self._controller.model_card(self._controller.scene.selected))
        search = self._inverting
        running = search.progress is not None
        has_source = search.source is not None
        self.again.setEnabled(has_source and not running and self.way.count() > 0)
        self.progress.show_progress(search.progress)
        preview, result = search.preview, search.result
        name = search.source.name if search.source is not None else ""
        self.original.show_picture(preview.original if preview else b"", name, "" if has_source else "Your picture")
        drawn, figure = b"", ""
        if result is not None and result.point.own is not None:
            drawn, figure = result.picture, fidelity_text(result.point.own)
        elif preview is not None and preview.picture:
            drawn, figure = preview.picture, f"best so far, {preview.psnr:.1f} dB (PSNR)"
        self.found.show_picture(drawn, figure, "" if has_source else "The model's nearest")
        self.told.setText("\n\n".join(filter(None, self._sentences())))

    def _sentences(self) -> list[str]:
        search = self._inverting
        if search.problem:
            return [search.problem]
        if search.source is None:
            return [HINT if self._model is None or self._model.inversions else NO_WAY]
        said = [search.preview.reading if search.preview is not None else "Reading the picture…"]
        own = search.result.point.own if search.result is not None else None
        if search.result is not None and own is not None:
            early = " The search was ended early, and this is the best that it had." if search.result.stopped else ""
            said.append(f"Found by {own.way}, and kept as a bookmark.{early}")
            said += [unusual_text(own), distance_text(own)]
        elif search.progress is None:
            said.append("The search was cancelled before it had anything.")
        elif way := self.chosen():
            said.append(way.description)
        return said

    def _show_model(self, card: ModelCard | None) -> None:
        """Offer the ways that fit the model."""
        if card is self._model:
            return
        before, self._model = self.way.currentData(), card
        ways = card.inversions if card is not None else ()
        with QSignalBlocker(self.way):
            self.way.clear()
            for number, way in enumerate(ways):
                self.way.addItem(way.title, way.name)
                self.way.setItemData(number, way.description, Qt.ItemDataRole.ToolTipRole)
            self.way.setCurrentIndex(max(0, self.way.findData(before)))
        self.way.setEnabled(len(ways) > 1)
        self._on_way()

    def _on_way(self) -> None:
        way = self.chosen()
        self.way.setToolTip(way.description if way is not None else NO_WAY)
        self.steps.setEnabled(way is not None and way.steps > 0)
        if way is not None and way.steps > 0:
            self.steps.setValue(way.steps)

    # --- what is wanted ---

    def chosen(self) -> WayCard | None:
        """The way that is chosen."""
        ways = self._model.inversions if self._model is not None else ()
        return ways[self.way.currentIndex()] if 0 <= self.way.currentIndex() < len(ways) else None

    def options(self) -> InversionOptions:
        """The fields as options; the usual number of steps is left to the way."""
        way = self.chosen()
        if way is None:
            return InversionOptions()
        steps = self.steps.value() if way.steps and self.steps.value() != way.steps else 0
        return InversionOptions(way=way.name, steps=steps)

    def _ask(self) -> None:
        self.asked.emit(self.options())
