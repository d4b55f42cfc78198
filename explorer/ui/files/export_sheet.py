"""The part of the export dialog about contact sheets: what the rows are, and which amounts the columns show."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QWidget,
)

from explorer.export import ranges
from explorer.export.options import MOST_COLUMNS, RangeMode, SheetOptions
from explorer.scene.cards import ControlCard
from explorer.scene.model import Seed
from explorer.scene.validate import SEED_LIMIT
from explorer.ui.files.export_plan import MOST_SEEDS, even_amounts
from explorer.ui.look.numbers import DecimalField, SeedsLine, WholeField
from explorer.ui.state.controller import Controller

replace = msgspec.structs.replace


class SheetForm(QWidget):
    """Rows: one a control or one a seed. Columns: amounts, evenly spaced, or a range of the literature."""

    changed = Signal()

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        shown = controller.shown_scene
        pane = shown.panes[controller.scene.selected]
        card = controller.controls_card()
        self._model = controller.model_card(controller.scene.selected)
        self._cards = card.controls if card else ()
        self._names = tuple(control.name for control in card.controls) if card else ()
        self._moved = tuple(edit.control for edit in pane.edits)
        self._active = tuple(one.name for one in card.controls if one.badge not in ("", "passive")) if card else ()
        low, high = (card.controls[0].low, card.controls[0].high) if card and card.controls else (-3.0, 3.0)
        self.rows = QComboBox(self)
        self.rows.addItem("One row a control")
        self.rows.addItem("One row a seed")
        self.which = QComboBox(self)
        self._choices: list[tuple[str, ...]] = []
        for text, names in (
            (f"All {len(self._names)} controls", ()),
            (f"The {len(self._active)} that are not passive", self._active),
            (f"The {len(self._moved)} that are moved now", self._moved),
        ):
            if names or not self._choices:
                self._choices.append(names)
                self.which.addItem(text)
        self.control = QComboBox(self)
        self.control.addItems(self._names)
        if (latest := controller.moved_last(controller.scene.selected)) in self._names:
            self.control.setCurrentIndex(self._names.index(latest))
        origin = controller.seen_origin()
        first = origin.seed if isinstance(origin, Seed) else 0
        self.seeds = SeedsLine(f"{first}-{min(first + 7, SEED_LIMIT - 1)}", self)
        self.seeds.setToolTip("Seeds like 0-4, 7, 42")
        self.low, self.high = _amount_box(low, self), _amount_box(high, self)
        self.columns = WholeField(1, MOST_COLUMNS, suffix=" columns", live=True, parent=self)
        self.columns.setValue(7)
        self.range = QComboBox(self)
        self.range.setAccessibleName("Range")
        for mode in ranges.RANGES:
            self.range.addItem(mode.title, mode.name)
        self.base = QCheckBox("First a column with the picture as it stands", self)
        amounts = QHBoxLayout()
        amounts.setSpacing(6)
        self._between = (self.low, QLabel("to", self), self.high, QLabel("in", self))
        for widget in (*self._between, self.columns):
            amounts.addWidget(widget)
        amounts.addStretch(1)
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setVerticalSpacing(7)
        self._form.addRow(self.rows)
        self._form.addRow("Controls", self.which)
        self._form.addRow("Control", self.control)
        self._form.addRow("Seeds", self.seeds)
        self._form.addRow("Range", self.range)
        self._amounts = QLabel("Amounts", self)
        self._form.addRow(self._amounts, amounts)
        self._form.addRow(self.base)
        self.rows.currentIndexChanged.connect(self._on_rows)
        self.which.currentIndexChanged.connect(self._offer)
        self.control.currentIndexChanged.connect(self._offer)
        self.range.currentIndexChanged.connect(self._on_range)
        self.base.toggled.connect(self._tell)
        self.seeds.textChanged.connect(self._tell)
        for box in (self.low, self.high):
            box.valueChanged.connect(self._tell)
        self.columns.valueChanged.connect(self._tell)
        self._on_rows()
        if self._shown() and all(one.detents for one in self._shown()):
            # From an end of a codebook half of the slider's amounts lead nowhere.
            self.range.setCurrentIndex(self.range.findData("codebook"))

    def options(self) -> SheetOptions:
        """The form as options. Raises :class:`NumberError` for seeds that cannot be read."""
        mode: RangeMode = self.range.currentData()
        asked = SheetOptions(range=mode, base=self.base.isChecked())
        if mode == "amounts":
            amounts = even_amounts(self.low.value(), self.high.value(), self.columns.value())
            asked = replace(asked, amounts=amounts)
        elif mode != "codebook":
            asked = replace(asked, columns=self.columns.value())
        if self.rows.currentIndex() == 0:
            return replace(asked, controls=self._choices[self.which.currentIndex()])
        controls = (self.control.currentText(),) if self._names else ()
        return replace(asked, rows="seeds", controls=controls, seeds=self.seeds.seeds(MOST_SEEDS))

    def _shown(self) -> list[ControlCard]:
        """The controls of the rows."""
        if self.rows.currentIndex() == 1:
            return [card for card in self._cards if card.name == self.control.currentText()]
        names = self._choices[self.which.currentIndex()]
        return [card for card in self._cards if not names or card.name in names]

    def _offer(self) -> None:
        """Grey the ranges that these controls do not have, with the reason."""
        items = self.range.model()
        assert isinstance(items, QStandardItemModel)
        for index, mode in enumerate(ranges.RANGES):
            reason = ranges.obstacle(mode.name, self._model, self._shown()) if self._model else ""
            items.item(index).setEnabled(not reason)
            self.range.setItemData(index, reason or mode.help, Qt.ItemDataRole.ToolTipRole)
        if not items.item(self.range.currentIndex()).isEnabled():
            self.range.setCurrentIndex(0)
        self._on_range()

    def _on_range(self) -> None:
        mode = self.range.currentData()
        for widget in self._between:
            widget.setVisible(mode == "amounts")
        self._amounts.setText("Amounts" if mode == "amounts" else "Points")
        for part in (self._amounts, self.columns):
            part.setVisible(mode != "codebook")
        self.range.setToolTip(str(self.range.currentData(Qt.ItemDataRole.ToolTipRole)))
        self._tell()

    def _on_rows(self) -> None:
        seeds = self.rows.currentIndex() == 1
        self._form.setRowVisible(self.which, not seeds and len(self._choices) > 1)
        self._form.setRowVisible(self.control, seeds)
        self._form.setRowVisible(self.seeds, seeds)
        self._offer()

    def _tell(self) -> None:
        self.changed.emit()


def _amount_box(value: float, parent: QWidget) -> DecimalField:
    box = DecimalField(-100.0, 100.0, decimals=2, step=0.5, live=True, parent=parent)
    box.setValue(value)
    return box
