"""The field of the tool bar for the class of a conditional model."""

from __future__ import annotations

from typing import cast

import msgspec
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from explorer.scene.model import Blend, Origin, StoredLatent
from explorer.ui.look.widgets import field_caption
from explorer.ui.state.controller import Controller

BY_SEED, STORED, BLEND = "by seed", "stored", "blend"
BOX_WIDTH = 92
TIP = (
    "Class of the picture, by its number in the training, from 0. “by seed”: the one that is drawn for the seed. "
    "The method Classes has a slider for each, to blend several"
)
TIP_STORED = (
    "Class of the picture, by its number in the training, from 0. No seed draws one for this picture: it is of class 0 "
    "until another is chosen"
)
TIP_BEHIND = "This picture starts from a stored point whose class is part of it; choose a seed to choose a class"


class ClassField(QWidget):
    """Shown for models that were trained with classes. Reads the scene, changes it through the controller."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.caption = field_caption("Class", self)
        self.box = QComboBox(self)
        self.box.setAccessibleName("Class")
        self.box.setFixedWidth(BOX_WIDTH)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.caption)
        layout.addWidget(self.box)
        self.box.activated.connect(self._on_chosen)

    def show_values(self) -> bool:
        """Bring the field in line with the scene; returns whether the selected pane's model has classes."""
        controller = self._controller
        card = controller.model_card(controller.scene.selected)
        if card is None or not card.classes:
            return False
        names = [BY_SEED, *map(str, range(card.classes))]
        if self.box.count() < len(names) or self.box.itemText(len(names) - 1) != names[-1]:
            self.box.clear()
            self.box.addItems(names)
        origin = controller.seen_origin()
        behind = _is_behind(origin, next(iter(card.spaces)))
        stored = isinstance(origin, StoredLatent) and not behind
        self.box.setItemText(0, STORED if behind else BY_SEED)
        self._drawn.setEnabled(not stored)
        # As the engine starts from a stored point of which no class is said.
        unsaid = ((0, 1.0),) if stored else ()
        self._show(controller.scene.condition_of().classes or unsaid, card.classes)
        self.box.setEnabled(not behind)
        self.box.setToolTip(TIP_BEHIND if behind else TIP_STORED if stored else TIP)
        return True

    @property
    def _drawn(self) -> QStandardItem:
        """The line for the class that a seed draws."""
        return cast(QStandardItemModel, self.box.model()).item(0)

    def _show(self, classes: tuple[tuple[int, float], ...], count: int) -> None:
        """``classes``, of which only one has a line of its own."""
        while self.box.count() > count + 1:
            self.box.removeItem(count + 1)
        single = len(classes) == 1 and classes[0][0] < count
        if classes and not single:
            self.box.addItem(BLEND)
        self.box.setCurrentIndex(1 + classes[0][0] if single else self.box.count() - 1 if classes else 0)

    def _on_chosen(self, index: int) -> None:
        if self.box.itemText(index) == BLEND:
            return
        condition = self._controller.scene.condition_of()
        classes = ((index - 1, 1.0),) if index else ()
        text = f"Class {index - 1}" if index else "Class by seed"
        self._controller.set_condition(msgspec.structs.replace(condition, classes=classes), text)


def _is_behind(origin: Origin, first: str) -> bool:
    """Whether ``origin`` lies behind the space ``first``, so that its class cannot be chosen any more."""
    if isinstance(origin, Blend):
        return any(_is_behind(part, first) for part in origin.origins)
    return isinstance(origin, StoredLatent) and origin.space != first
