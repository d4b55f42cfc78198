"""The landscape of one slider of the selected pane: its path on a plane, and what changes along it."""

from __future__ import annotations

from pathlib import Path

import msgspec
from PySide6.QtCore import QEvent
from PySide6.QtGui import QAction, QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from explorer.export.carried import bounded
from explorer.export.provenance import FigureProvenance, GeneratorRecord
from explorer.scene.cards import WEIGHTS, ControlCard
from explorer.scene.edit_text import edit_text
from explorer.scene.landscape import Landscape, Plane
from explorer.scene.store import encode_scene
from explorer.ui.landscape import figure, text
from explorer.ui.landscape.asking import Landscapes
from explorer.ui.landscape.curves import PathCurves
from explorer.ui.landscape.plane_plot import PlanePlot
from explorer.ui.look.numbers import DecimalField
from explorer.ui.look.slider import FloatSlider
from explorer.ui.look.widgets import SectionTitle, WrappedLabel, action_button
from explorer.ui.state.controller import Controller

LATEST = "Slider moved last"
PATH = "Plane of the path"


class LandscapePanel(QWidget):
    """Follows the selected pane and its sliders; asks for nothing while nobody sees it."""

    def __init__(self, controller: Controller, export: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.landscapes = Landscapes(controller, self)
        self.control, self.plane = QComboBox(), QComboBox()
        self.control.setToolTip("Whose path is drawn")
        self.plane.setToolTip("Through what it is cut: where the path bends most, or how two sliders set out")
        self.time, self.time_field = FloatSlider(0.0, 1.0), DecimalField(0.0, 1.0, decimals=2)
        self.time_label = QLabel("Time of the field")
        self.plot, self.curves = PlanePlot(), PathCurves()
        self.sentence, self.hint = WrappedLabel(), WrappedLabel()
        self._names: tuple[str, ...] = ()
        self._build(export)
        self.control.activated.connect(self._chosen)
        self.plane.activated.connect(self._chosen)
        self.time.moved.connect(self._timed)
        self.time_field.valueChanged.connect(self._timed)
        self.plot.moved.connect(self._moved)
        self.landscapes.changed.connect(self._draw)
        controller.shown.connect(self.refresh)
        controller.changed.connect(self.refresh)
        controller.catalogue.controls_found.connect(self.refresh)
        controller.catalogue.controls_previewed.connect(self.refresh)
        self.refresh()

    @property
    def chosen(self) -> str:
        """The name of the control whose landscape is shown; empty where there is none yet."""
        index = self.control.currentIndex()
        if index > 0:
            return self._names[index - 1] if index <= len(self._names) else ""
        scene = self._controller.scene
        return self._controller.moved_last(scene.selected) if self._controller.has_model else ""

    def refresh(self, *_: object) -> None:
        """Ask for what is not known yet, and put the point where the slider is."""
        if not self.isVisible():
            return
        self._fill()
        name = self.chosen
        if name and name != self.landscapes.control:
            self.landscapes.control, self.landscapes.time = name, None
        self._show_time()
        self.landscapes.refresh()
        self._show_state()

    def export(self, path: Path) -> None:
        """Write what is shown as a figure, with its scene. Raises :class:`explorer.errors.ExportError`, or
        :class:`explorer.errors.SceneError` for a scene that cannot be written."""
        landscape, controller = self.landscapes.landscape, self._controller
        assert landscape is not None
        scene = controller.shown_scene
        used, card = scene.model_of(), controller.model_card()
        provenance = FigureProvenance(
            shows=f"the landscape of '{landscape.control}'",
            generators=()
            if card is None
            else (GeneratorRecord(name=card.name, family=card.family, path=used.path, fingerprint=card.fingerprint),),
            references=bounded(controller.catalogue.references(scene)),
            scene=msgspec.json.decode(encode_scene(scene)),
        )
        figure.write(path, self.plots, (self.plot, self.curves), self.caption(), provenance)

    def caption(self) -> str:
        """Which landscape it is, in one line."""
        landscape = self.landscapes.landscape
        if landscape is None:
            return ""
        title = self._controller.pane_title(self._controller.scene.selected)
        card = self._controller.model_card(self._controller.scene.selected)
        parts = (card.name if card else "", title, landscape.control, text.also_moved(self._also()))
        return " · ".join(filter(None, (*parts, text.ground(landscape))))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "plots"):
            self.plot.paint()
            self.curves.paint()

    # --- inside ---

    def _build(self, export: QAction) -> None:
        self.title = SectionTitle("Landscape", action_button(export, with_icon=False))
        row = QHBoxLayout()
        row.setContentsMargins(10, 0, 10, 0)
        for widget in (self.control, self.plane, self.time_label, self.time, self.time_field):
            row.addWidget(widget)
        self.time.setMaximumWidth(160)
        for box in (self.control, self.plane):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setMinimumContentsLength(len(LATEST))
        row.addStretch(1)
        self.plots = QSplitter()
        self.plots.addWidget(self.plot)
        self.plots.addWidget(self.curves)
        self.plots.setSizes([520, 380])
        self.hint.setContentsMargins(10, 10, 10, 10)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.hint)
        self.stack.addWidget(self.plots)
        self.sentence.setContentsMargins(10, 0, 10, 6)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.title)
        layout.addLayout(row)
        layout.addWidget(self.stack, 1)
        layout.addWidget(self.sentence)

    def _fill(self) -> None:
        """The choosers, with the controls of the pane."""
        card = self._controller.controls_card() if self._controller.has_model else None
        names = tuple(one.name for one in card.controls if one.space != WEIGHTS) if card is not None else ()
        if names == self._names:
            return
        kept = self.control.currentText(), self.plane.currentText()
        self._names = names
        for box, first, prefix, last in ((self.control, LATEST, "", kept[0]), (self.plane, PATH, "with ", kept[1])):
            box.clear()
            box.addItem(first)
            box.addItems([f"{prefix}{name}" for name in names])
            box.setCurrentIndex(max(0, box.findText(last)))
        self._set_plane()

    def _card(self) -> ControlCard | None:
        return self._controller.control_card(self._controller.scene.selected, self.chosen)

    def _amount(self) -> float:
        """Of the slider whose path is drawn: another may be chosen already, whose path is not there yet."""
        landscape = self.landscapes.landscape
        scene, name = self._controller.shown_scene, landscape.control if landscape is not None else self.chosen
        if scene.selected >= len(scene.panes):
            return 0.0
        return next((edit.number for edit in scene.panes[scene.selected].edits if edit.control == name), 0.0)

    def _also(self) -> list[str]:
        """The other edits of the landscape that is drawn, in words."""
        controller, landscapes = self._controller, self.landscapes
        scene, pane = controller.shown_scene, controller.scene.selected
        if landscapes.landscape is None or pane >= len(scene.panes):
            return []
        controls = scene.panes[pane].controls
        return [
            edit_text(scene, controls, edit, controller.control_card(pane, edit.control))
            for edit in landscapes.drawn_with
        ]

    def _chosen(self) -> None:
        self._set_plane()
        self.refresh()

    def _set_plane(self) -> None:
        index = self.plane.currentIndex()
        self.landscapes.plane = Plane() if index <= 0 else Plane(kind="controls", other=self._names[index - 1])

    def _timed(self, time: float, *_: object) -> None:
        self.landscapes.time = time
        self.refresh()

    def _show_time(self) -> None:
        card = self._card()
        times = card.field.times if card is not None and card.field is not None else None
        for widget in (self.time_label, self.time, self.time_field):
            widget.setVisible(times is not None)
        if times is None:
            return
        time = times[0] if self.landscapes.time is None else self.landscapes.time
        self.time.set_range(*times)
        self.time.set_value(time)
        self.time_field.setRange(*times)
        was = self.time_field.blockSignals(True)
        self.time_field.setValue(time)
        self.time_field.blockSignals(was)

    def _moved(self, amount: float, dragging: bool) -> None:
        landscape, controller = self.landscapes.landscape, self._controller
        if landscape is not None and controller.control_card(controller.scene.selected, landscape.control) is not None:
            controller.move_control(controller.scene.selected, landscape.control, amount, dragging)

    def _draw(self) -> None:
        landscape: Landscape | None = self.landscapes.landscape
        if landscape is not None:
            self.plot.show_landscape(landscape)
            self.curves.show_landscape(landscape)
            self.sentence.setText(text.sentence(landscape, self._also()))
        self._show_state()

    def _show_state(self) -> None:
        """Where the slider is, and what stands in place of a landscape that is not there."""
        amount = self._amount()
        self.plot.show_amount(amount)
        self.curves.show_amount(amount)
        has = self.landscapes.landscape is not None
        self.stack.setCurrentIndex(1 if has else 0)
        self.sentence.setVisible(has)
        if not self._controller.has_model:
            said = text.NO_MODEL
        elif not self._names:
            said = text.NO_CONTROLS
        elif not self.chosen:
            said = text.NO_CONTROL
        else:
            said = self.landscapes.problem or text.WAITING
        self.hint.setText(said)
