"""The dialog of a method's settings: a field for each, with what it means, checked before the search begins."""

from __future__ import annotations

from typing import cast

import msgspec
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QDialog, QFormLayout, QHBoxLayout, QVBoxLayout, QWidget

from explorer.scene.cards import MethodCard, ModelCard
from explorer.scene.defaults import room
from explorer.scene.edit_text import UNITS
from explorer.scene.model import ControlSetRef, Units
from explorer.ui.look.numbers import SeedBox, WholeField
from explorer.ui.look.setting_fields import SettingFields
from explorer.ui.look.widgets import Scrolled, Segments, WrappedLabel, accept_row

FRAME = 40
"""Pixels of the screen's height that are left to the dialog's title bar."""
SEED = "Where the random numbers of the search begin; the same seed finds the same controls."
UNIT = "What an amount of 1 means on every slider of this set."


class MethodDialog(QDialog):
    """Edits ``chosen``; :meth:`controls` is the result. Settings that stand at their default are not written down.

    It ends with :data:`DRAW` when the user wants to draw a region: that needs the canvas, which the dialog covers.
    """

    DRAW = 2

    def __init__(
        self, method: MethodCard, model: ModelCard, chosen: ControlSetRef, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("method_dialog")
        self.setWindowTitle(f"{method.title}: settings")
        self._method, self._chosen = method, chosen
        most = max(room(space) for space in model.spaces.values())
        self.k = WholeField(1, most)
        self.k.setValue(min(chosen.k, most))
        self.seed = SeedBox()
        self.seed.setValue(chosen.seed)
        self.units = Segments(UNITS, UNIT)
        self.units.set_value(chosen.units)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("Controls", self.k)
        form.addRow("Seed", self.seed)
        self.settings = SettingFields(method.settings, model, dict(chosen.settings), form, self)
        self.settings.explain(self.k, "Controls", f"How many are looked for, {most} at most; a method may find fewer.")
        self.settings.explain(self.seed, "Seed", SEED)
        self.settings.explain(self.units, "Units", UNIT)
        self.settings.draw_asked.connect(self._draw)
        self._build(form)

    def controls(self) -> ControlSetRef:
        """The control set that the fields ask for."""
        return msgspec.structs.replace(
            self._chosen,
            k=self.k.value(),
            seed=self.seed.value(),
            settings=self.settings.changed(),
            units=cast(Units, self.units.value),
        )

    def _build(self, form: QFormLayout) -> None:
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        for text in (self._method.description, self._method.paper):
            if text:
                label = WrappedLabel(text)
                label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
                layout.addWidget(label)
        units = QHBoxLayout()
        units.addWidget(self.units)
        units.addStretch(1)
        form.addRow("Units", units)
        fields = QWidget()
        fields.setLayout(form)
        form.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(Scrolled(fields), 1)
        layout.addWidget(self.settings.help)
        if self._method.expensive:
            note = WrappedLabel("This method learns its directions, which takes minutes; the sliders follow meanwhile.")
            note.setForegroundRole(QPalette.ColorRole.PlaceholderText)
            layout.addWidget(note)
        layout.addWidget(accept_row(self, "Find controls")[0])
        self.setMinimumWidth(480)
        self.setMaximumHeight(self.screen().availableGeometry().height() - FRAME)
        self.resize(self.sizeHint().boundedTo(self.maximumSize()))  # or Qt takes two thirds of the screen at most

    def accept(self) -> None:
        """End with what the fields hold, unless a number, or a region, was refused."""
        if self.settings.fit():
            super().accept()

    def _draw(self) -> None:
        self.done(self.DRAW)
