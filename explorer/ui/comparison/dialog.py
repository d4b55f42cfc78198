"""The dialog that puts methods side by side: which, how many directions, on which seeds, in which units."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QPalette, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from explorer.scene.cards import MethodCard
from explorer.scene.comparison import MOST_NULLS, CompareOptions, usual_nulls
from explorer.scene.defaults import room
from explorer.scene.edit_text import UNITS
from explorer.scene.model import ControlSetRef, Units
from explorer.scene.number_text import NumberError
from explorer.ui.controls.method_chooser import listed, method_hints, method_tip
from explorer.ui.look.numbers import DecimalField, SeedsLine, WholeField, settled
from explorer.ui.look.widgets import Segments, WrappedLabel, accept_row
from explorer.ui.state.controller import Controller

CHOSEN_AT_FIRST = 3  # methods that are ticked when nobody has chosen, besides chance
DIRECTIONS = 6
MOST_PANES = 48  # more pictures at once are stamps
PURPOSE = "Each ticked method becomes a column of pictures; one slider moves all of them."
OF = {  # what tau is of, in the order of the choices
    "effect": "of the range of the pixels, root mean square, for an amount of 1",
    "arc": "of the range of the pixels, added up on the way to an amount of 1",
    "native": "",
}
FEWEST_LINES = 8  # of the list that are seen on the smallest screen
NAME = Qt.ItemDataRole.UserRole


class CompareDialog(QDialog):
    """Asks; ``side_by_side`` carries the control sets and the seeds, ``table`` the options of a table."""

    side_by_side = Signal(object, object)  # tuple of ControlSetRef, tuple of int
    table = Signal(object)  # CompareOptions

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("compare_dialog")
        self.setWindowTitle("Compare methods")
        self._controller = controller
        self._card = controller.model_card()
        self.methods = QListWidget()
        self.methods.setAccessibleName("Methods")
        self.methods.setMinimumSize(520, FEWEST_LINES * self.fontMetrics().height())
        self.methods.setSpacing(1)
        self.k = WholeField(1, live=True)
        self.k.setToolTip("How many directions every method finds")
        self.seeds = SeedsLine()
        self.seeds.setPlaceholderText("the scene's own; or 1,2,3 or 0-2 for a row of each")
        self.units = Segments({key: UNITS[key] for key in OF}, "What an amount of 1 means on every slider")
        self.tau = DecimalField(0.01, 0.3, decimals=2, step=0.01)
        self.tau.setValue(ControlSetRef().tau)
        self.tau.setToolTip("An amount of 1 changes a picture by this much on every slider, in the mean over 16 points")
        self._of = QLabel()
        self.match = QCheckBox("Order and sign directions so that a row means the same everywhere")
        self.match.setChecked(True)
        self.measure = QCheckBox("Measure them too: the table of effects, with chance and ceiling")
        self.attributes = QLineEdit()
        self.attributes.setPlaceholderText("the model's own world")
        self.attributes.setToolTip(
            "What the effects are measured with: a world, a classifier (.onnx) or labels (.json), joined by +"
        )
        self.trials = WholeField(1, 10)
        self.trials.setToolTip("How often every method is run, each time with another seed of its own")
        self.nulls = WholeField(0, MOST_NULLS)
        self.nulls.setToolTip("Random frames whose mean is the chance level of every number: more of them, less noise")
        self.message = WrappedLabel()
        self.message.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._build()
        self._fill()
        self.methods.itemChanged.connect(self._refresh)
        self.seeds.textChanged.connect(self._refresh)
        self.k.valueChanged.connect(self._refresh)
        self.units.chosen.connect(self._refresh)
        self.measure.toggled.connect(self._refresh)
        self._refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # Texts know how high they are once they know how wide: until then the dialog is too tall for a small screen.
        QTimer.singleShot(0, self, self.adjustSize)

    # --- what is asked for ---

    def chosen(self) -> list[str]:
        """The names of the ticked methods, in the order of the list."""
        items = [self.methods.item(index) for index in range(self.methods.count())]
        return [item.data(NAME) for item in items if item.checkState() == Qt.CheckState.Checked]

    def sets(self) -> tuple[ControlSetRef, ...]:
        """A control set a method; all are matched to the first, where that is wanted."""
        found: list[ControlSetRef] = []
        for name in self.chosen():
            made = ControlSetRef(
                method=name,
                k=self.k.value(),
                settings=self._settings(name),
                units=cast(Units, self.units.value),
                tau=self.tau.value(),
                like=found[0] if found and self.match.isChecked() else None,
            )
            found.append(made)
        return tuple(found)

    def rows(self) -> tuple[int, ...]:
        """The seeds of the rows; empty: the scene's own origin. Raises :class:`NumberError` for another text."""
        return self.seeds.seeds() if self.seeds.text().strip() else ()

    def options(self) -> CompareOptions:
        """What the table is made of."""
        return CompareOptions(
            methods=tuple(name for name in self.chosen() if name != self._chance()),
            k=self.k.value(),
            seeds=tuple(range(self.trials.value())),
            attributes=self.attributes.text().strip(),
            tau=self.tau.value(),
            calibration="arc" if self.units.value == "arc" else "chord",
            nulls=self.nulls.value(),
            settings={name: dict(made) for name in self.chosen() if (made := self._settings(name))},
        )

    def accept(self) -> None:
        """Put them side by side, and have them measured where that is wanted."""
        if not settled(self) or not self._refresh():
            return
        self.side_by_side.emit(self.sets(), self.rows())
        if self.measure.isChecked():
            self.table.emit(self.options())
        super().accept()

    # --- following the form ---

    def _refresh(self, *_: object) -> bool:
        """Say what will be shown, or what is in the way; whether it can be done."""
        chosen, problem, rows = self.chosen(), "", 1
        try:
            rows = max(1, len(self.rows()))
        except NumberError as error:
            problem = str(error)
        count = len(chosen) * rows
        self._form.setRowVisible(self._change, self.units.value != "native")
        self._of.setText(OF[self.units.value])
        self.nulls.setSpecialValueText(f"{usual_nulls(self.k.value())}, as usual")
        for row in (self.attributes, self.trials, self.nulls):
            self._form.setRowVisible(row, self.measure.isChecked())
        if not chosen:
            problem = "Tick at least one method."
        elif count > MOST_PANES:
            problem = f"That would be {count} pictures at once; choose fewer methods or rows, at most {MOST_PANES}."
        slow = [self._title(name) for name in chosen if (card := self._method(name)) and card.expensive]
        text = f"{len(chosen)} × {rows} pictures, {self.k.value()} linked sliders."
        if slow:
            text += f" {', '.join(slow)} {'learns its' if len(slow) == 1 else 'learn their'} directions: minutes."
        if self.measure.isChecked():
            text += " The table follows in the Comparison panel; it takes minutes."
        self.message.setForegroundRole(QPalette.ColorRole.BrightText if problem else QPalette.ColorRole.PlaceholderText)
        self.message.setText(problem or text)
        self._go.setEnabled(not problem)
        return not problem

    def _fill(self) -> None:
        card = self._card
        if card is None:
            return
        most = min(map(room, card.spaces.values()))
        self.k.setRange(1, most)
        self.k.setValue(min(DIRECTIONS, most))
        shown = {pane.controls.method for pane in self._controller.scene.panes}
        chance = self._chance()
        quick = [name for name in card.methods if name != chance and self._controller.catalogue.is_quick(name)]
        ticked = shown if len(shown) > 1 else {*quick[:CHOSEN_AT_FIRST], chance}
        for name in card.methods:
            self._add(name, name in ticked, self._missing(name))
        for method in self._controller.catalogue.methods.values():
            if method.name not in card.methods:
                self._add(method.name, False, card.why_not(method))

    def _add(self, name: str, ticked: bool, why_not: str) -> None:
        method = self._method(name)
        hints = method_hints(method)
        if why_not:
            hints = "needs a file" if self._missing(name) else "does not fit this model"
        item = QListWidgetItem(listed(self._title(name), hints))
        item.setData(NAME, name)
        item.setToolTip(why_not or method_tip(method))
        item.setFlags(Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
        item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
        if why_not:
            item.setFlags(Qt.ItemFlag.NoItemFlags)
        self.methods.addItem(item)

    def _missing(self, name: str) -> str:
        """What has to be chosen before the method can search, as a sentence; empty where nothing has."""
        method, given = self._method(name), dict(self._settings(name))
        files = (
            [one.title for one in method.settings if one.kind == "file" and not given.get(one.name)] if method else []
        )
        if not files:
            return ""
        return (
            f"{self._title(name)} needs a file ({files[0]}): choose the method in a pane, and the file in its settings."
        )

    def _settings(self, name: str) -> tuple[tuple[str, bool | int | float | str], ...]:
        """The settings that a pane on the canvas uses the method with, if one does."""
        panes = self._controller.scene.panes
        return next((pane.controls.settings for pane in panes if pane.controls.method == name), ())

    def _method(self, name: str) -> MethodCard | None:
        return self._controller.catalogue.methods.get(name)

    def _chance(self) -> str:
        """The name of the method that draws its directions at random; empty while it is not known."""
        method = self._controller.catalogue.with_role("chance")
        return method.name if method is not None else ""

    def _title(self, name: str) -> str:
        return self._controller.catalogue.method_title(name)

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addWidget(WrappedLabel(PURPOSE))
        layout.addWidget(self.methods, 1)
        self._form = QFormLayout()
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        units = QHBoxLayout()
        units.addWidget(self.units)
        units.addStretch(1)
        self._change = QWidget()
        change = QHBoxLayout(self._change)
        change.setContentsMargins(0, 0, 0, 0)
        change.addWidget(self.tau)
        self._of.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        change.addWidget(self._of)
        change.addStretch(1)
        self._form.addRow("Directions", self.k)
        self._form.addRow("Rows (seeds)", self.seeds)
        self._form.addRow("Units", units)
        self._form.addRow("Change τ", self._change)
        self._form.addRow("", self.match)
        self._form.addRow("", self.measure)
        self._form.addRow("Attributes", self.attributes)
        self._form.addRow("Runs", self.trials)
        self._form.addRow("Random frames", self.nulls)
        layout.addLayout(self._form)
        layout.addWidget(self.message)
        buttons, self._go = accept_row(self, "Show side by side")
        layout.addWidget(buttons)
