"""The tool bar: model, seed, spread, and the actions that are used all the time."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLayout, QMenu, QSizePolicy, QToolBar, QToolButton, QWidget

from explorer.scene.editing import TRUNCATION_MAX
from explorer.scene.model import Blend, Scene, Seed
from explorer.scene.model_text import describe
from explorer.ui.actions.actions import ActionTable
from explorer.ui.controls.row import AmountBox
from explorer.ui.look import icons
from explorer.ui.look.numbers import SeedBox
from explorer.ui.look.slider import FloatSlider
from explorer.ui.look.widgets import action_button, field_caption, literal
from explorer.ui.state import known_models
from explorer.ui.state.controller import Controller
from explorer.ui.state.scene_state import NO_MODEL
from explorer.ui.state.settings import Settings
from explorer.ui.window.class_field import ClassField
from explorer.ui.window.steps_field import StepsField

SPREAD_DEFAULT = NO_MODEL.truncation_psi

QWIDGETSIZE_MAX = 16777215  # Qt's: no limit
ROOMS = 5  # how much is shown: everything; icons without texts; no captions of fields; narrow fields; a cut model name
MODEL_WIDTH, MODEL_NARROW = 190, 120  # pixels, at least and at most
SPREAD_WIDTH, SPREAD_NARROW = 110, 64


class ToolBar(QToolBar):
    """Reads the scene, changes it through the controller."""

    model_chosen = Signal(str)

    def __init__(
        self, controller: Controller, actions: ActionTable, settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__("Tools", parent)
        self._controller = controller
        self._settings = settings
        self._actions = actions
        self._filling = False
        self._buttons: list[QToolButton] = []
        self._room = 0  # what of ROOMS is shown
        self._needs: list[int] = []  # pixels for each of ROOMS, once they have been measured
        self.setObjectName("tools")
        self.setMovable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.model = QToolButton()
        self.model.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.model.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.model.setProperty("field", True)
        self.model.setMinimumWidth(MODEL_WIDTH)
        self._models = QMenu(self.model)
        self.model.setMenu(self._models)
        self.seed = SeedBox()
        self.seed.setToolTip(
            "Seed: the same number gives the same picture on every device. Page Up / Page Down: ± 10. "
            "Where rows of pictures start from seeds of their own: that of the selected row"
        )
        self.seed.setAccessibleName("Seed")
        self.spread = FloatSlider(0.0, TRUNCATION_MAX, SPREAD_DEFAULT, fill_from=0.0)
        self.spread.setFixedWidth(SPREAD_WIDTH)
        self.spread.setAccessibleName("Spread")
        self.spread.setToolTip(
            "Spread (truncation ψ): 0 is the average picture, 1 the whole variety the model has learnt. "
            f"Double click: back to {SPREAD_DEFAULT:g}"
        )
        self.spread_box = AmountBox(0.0, TRUNCATION_MAX, 0.05)
        self.spread_box.setFixedWidth(48)
        self.spread_box.setAccessibleName("Spread value")
        self.addWidget(self.model)
        self.steps = StepsField(controller)
        self.classes = ClassField(controller)
        self._captions = [field_caption("Seed"), field_caption("Spread"), *self.steps.captions]
        self._fields = [
            _row(self._captions[0], self.seed), _row(self._captions[1], self.spread, self.spread_box),
            self.classes, self.steps,
        ]  # fmt: skip
        self.addWidget(self._fields[0])
        if "randomise" in actions:
            dice = action_button(actions["randomise"])
            dice.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            self.addWidget(dice)
        self._spread_action = self.addWidget(self._fields[1])
        self._class_action = self.addWidget(self.classes)
        self._steps_action = self.addWidget(self.steps)
        spacer = QWidget()
        spacer.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(spacer)
        for key in ("side_by_side", "compare", "difference", "before_after", "traverse", "export"):
            if key in actions:
                primary = key == "export"
                button = action_button(actions[key], with_icon=not primary, primary=primary)
                self._buttons.append(button)
                self.addWidget(button)
        self._more = cast(QToolButton, self.findChild(QToolButton, "qt_toolbar_ext_button"))
        self._more.setToolTip("What there is no room for")
        self._models.aboutToShow.connect(self._fill_models)
        self.seed.valueChanged.connect(self._on_seed)
        self.spread.moved.connect(self._on_spread)
        self.spread_box.valueChanged.connect(self._on_spread_typed)
        controller.changed.connect(self._on_changed)
        controller.shown.connect(self._show_values)
        controller.drafts.chosen.connect(self.steps.show_values)
        controller.catalogue.models_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Bring every field in line with the scene, and the icon with the theme."""
        path = self._controller.scene.model_of().path
        card = self._controller.model_card()
        name = path.rstrip("/").replace("\\", "/").rpartition("/")[2]
        # The name alone: with family and size, which its tip says, long ones would be cut short in a full tool bar.
        self.model.setText(literal(card.name if card else name or "No model"))
        self.model.setToolTip(describe(card) if card else "The model of the selected pane")
        self.model.setIcon(icons.icon("model"))
        self._more.setIcon(icons.icon("extension"))
        self.seed.setEnabled(self._controller.has_model)
        self._spread_action.setVisible(bool(card and "truncation" in card.capabilities))
        self._class_action.setVisible(self.classes.show_values())
        # Models that read text have a row of their own, with the steps in it.
        reads = card is not None and "prompt" in card.capabilities
        self._steps_action.setVisible(self.steps.show_values() and not reads)
        self._show_values(self._controller.shown_scene)
        self._needs = []
        self._fit()

    def _on_changed(self, old: Scene, new: Scene) -> None:
        # Texts and icons lay the window out again, which a slider drag must not wait for.
        if (old.model, old.model_of()) != (new.model, new.model_of()):
            self.refresh()
            return
        if old.quality != new.quality:
            self.steps.show_values()
        if old.start_of() != new.start_of():
            self.classes.show_values()

    def _show_values(self, scene: Scene) -> None:
        self._filling = True
        origin = self._controller.seen_origin()
        if isinstance(origin, Seed):
            self.seed.setValue(origin.seed)
        else:
            self.seed.set_blank("between" if isinstance(origin, Blend) else "stored")
        self.spread.set_value(scene.truncation_psi)
        self.spread_box.setValue(scene.truncation_psi)
        self._filling = False

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Show as much as there is room for; what says least goes first."""
        if not self._needs:
            self._needs = [self._needed(room) for room in range(ROOMS)]
        fitting = (room for room, needed in enumerate(self._needs) if needed <= self.width())
        self._show_room(next(fitting, ROOMS - 1))
        for field in self._fields:
            field.updateGeometry()
        cast(QLayout, self.layout()).activate()  # now, not after a picture of the bar as it was

    def _needed(self, room: int) -> int:
        """The width in pixels of everything, shown as ``room`` says."""
        self._show_room(room)
        for field in self._fields:
            field.updateGeometry()  # the tool bar asks again how wide it is
        return cast(QLayout, self.layout()).sizeHint().width()

    def _show_room(self, room: int) -> None:
        if room == self._room:
            return
        self._room = room
        with_text = Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        for button in self._buttons:
            if not button.property("primary"):
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly if room >= 1 else with_text)
        for caption in self._captions:  # tool tips say it too
            caption.setVisible(room < 2)
        self.model.setMinimumWidth(MODEL_WIDTH if room < 3 else MODEL_NARROW)
        self.model.setMaximumWidth(QWIDGETSIZE_MAX if room < 4 else MODEL_NARROW)
        self.spread.setFixedWidth(SPREAD_WIDTH if room < 3 else SPREAD_NARROW)
        self.seed.setMaximumWidth(QWIDGETSIZE_MAX if room < 3 else self.seed.minimumSizeHint().width())

    def _on_seed(self, seed: int) -> None:
        if not self._filling:
            self._controller.set_seed(seed)

    def _on_spread(self, value: float, dragging: bool) -> None:
        if not self._filling:
            self._controller.set_truncation(value, dragging)

    def _on_spread_typed(self, value: float) -> None:
        if not self._filling:
            self._controller.set_truncation(value)

    def _fill_models(self) -> None:
        self._models.clear()
        controller = self._controller
        current = controller.scene.model_of().path
        for model in known_models.usable(controller.catalogue, controller.models_folder, self._settings):
            action = self._models.addAction(literal(model.line))
            action.setData(model.path)
            action.setToolTip(model.tip)
            action.setCheckable(True)
            action.setChecked(model.path == current)
            action.triggered.connect(self._on_model)
        self._models.addSeparator()
        for key in ("pane_model", "compare_models", "open_model", "open_folder", "models_folder"):
            self._models.addAction(self._actions[key])

    def _on_model(self) -> None:
        action = self.sender()
        data = getattr(action, "data", None)
        if data is not None:
            self.model_chosen.emit(data())


def _row(*widgets: QWidget) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(6, 0, 0, 0)
    layout.setSpacing(6)
    for widget in widgets:
        layout.addWidget(widget)
    return row
