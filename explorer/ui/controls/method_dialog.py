"""The dialog of a method's settings: a field for each, with what it means, checked before the search begins."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from explorer.errors import ControlError
from explorer.scene.cards import MethodCard, ModelCard, SettingCard
from explorer.scene.defaults import room
from explorer.scene.model import ControlSetRef, Scalar
from explorer.scene.region import read_region
from explorer.ui.look.number_line import NumberLine
from explorer.ui.look.numbers import DecimalField, SeedBox, WholeField, settled
from explorer.ui.look.remark import Remark
from explorer.ui.look.widgets import Segments, WrappedLabel, link_button

TWO_LINES = 100  # letters of a help text that two lines of the dialog hold
HELP = "Point at a setting to read what it means."
UNITS = {"native": "The method's own", "effect": "Equal visible change"}


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
        self._method, self._model, self._chosen = method, model, chosen
        self._read: dict[str, Callable[[], Scalar]] = {}
        self.fields: dict[str, QWidget] = {}
        most = max(room(space) for space in model.spaces.values())
        self.k = WholeField(1, most)
        self.k.setValue(min(chosen.k, most))
        self.seed = SeedBox()
        self.seed.setValue(chosen.seed)
        self.units = Segments(UNITS, "What an amount of 1 means on every slider of this set")
        self.units.set_value(chosen.units)
        self.help = WrappedLabel("", self)  # hidden where no setting has one
        self.help.hide()
        self.help.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._build()

    def controls(self) -> ControlSetRef:
        """The control set that the fields ask for."""
        defaults = {setting.name: setting.default for setting in self._method.settings}
        values = {name: read() for name, read in self._read.items()}
        settings = tuple((name, value) for name, value in values.items() if value != defaults[name])
        return msgspec.structs.replace(
            self._chosen,
            k=self.k.value(),
            seed=self.seed.value(),
            settings=settings,
            units="effect" if self.units.value == "effect" else "native",
        )

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        for text in (self._method.description, self._method.paper):
            if text:
                label = WrappedLabel(text)
                label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
                layout.addWidget(label)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("Directions", self.k)
        form.addRow("Seed", self.seed)
        given = dict(self._chosen.settings)
        for setting in self._method.settings:
            field = self._field(setting, given.get(setting.name, setting.default))
            field.setToolTip(setting.help)
            for part in (field, *field.findChildren(QWidget)):
                part.installEventFilter(self)
            field.setAccessibleName(setting.title)
            self.fields[setting.name] = field
            form.addRow(setting.title, field)
        units = QHBoxLayout()
        units.addWidget(self.units)
        units.addStretch(1)
        form.addRow("Units", units)
        layout.addLayout(form)
        longest = max((len(setting.help) for setting in self._method.settings), default=0)
        if longest:
            self.help.setMinimumHeight(self.fontMetrics().height() * (2 if longest <= TWO_LINES else 3))
            self.help.setText(HELP)
            layout.addWidget(self.help)
            self.help.show()
        if self._method.expensive:
            note = WrappedLabel("This method learns its directions, which takes minutes; the sliders follow meanwhile.")
            note.setForegroundRole(QPalette.ColorRole.PlaceholderText)
            layout.addWidget(note)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        go = QPushButton("Find controls")
        go.setDefault(True)
        buttons.addButton(go, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self.setMinimumWidth(480)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # What a setting means is said where it can be read, for whichever field is used or pointed at.
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.Enter) and isinstance(watched, QWidget):
            for setting in self._method.settings:
                field = self.fields.get(setting.name)
                if setting.help and field is not None and (field is watched or field.isAncestorOf(watched)):
                    self.help.setText(f"{setting.title}: {setting.help}")
        return super().eventFilter(watched, event)

    def _field(self, setting: SettingCard, value: Scalar) -> QWidget:
        """The widget of one setting; how it is read goes into ``_read``."""
        kind = type(setting.default)
        if setting.choices or setting.kind == "space":
            return self._choice(setting, value)
        if kind is bool:
            box = QCheckBox()
            box.setChecked(bool(value))
            self._read[setting.name] = box.isChecked
            return box
        if kind is int:
            low, high = (None if end is None else int(end) for end in (setting.low, setting.high))
            whole = WholeField(low, high, special=setting.empty if low == 0 else "")
            whole.setValue(int(value))
            self._read[setting.name] = whole.value
            return whole
        if kind is float:
            number = DecimalField(setting.low, setting.high)
            number.setValue(float(value))
            self._read[setting.name] = number.value
            return number
        return self._text(setting, str(value))

    def _choice(self, setting: SettingCard, value: Scalar) -> QWidget:
        """One of the choices, or one of the model's spaces."""
        box = QComboBox()
        choices = setting.choices or ("", *self._model.spaces)
        for choice in choices:
            box.addItem(str(choice) or "by itself", choice)
        box.setCurrentIndex(max(0, choices.index(value) if value in choices else 0))
        self._read[setting.name] = box.currentData
        return box

    def _text(self, setting: SettingCard, value: str) -> QWidget:
        line = NumberLine(value) if setting.kind == "region" else QLineEdit(value)
        self._read[setting.name] = lambda: line.text().strip()
        line.setPlaceholderText(setting.empty)
        if setting.kind == "region" and self._model.makes_pictures:
            beside = link_button("Draw on the picture", "Drag a rectangle over the selected pane's picture")
            beside.clicked.connect(self._draw)
        elif setting.kind in ("file", "attributes"):
            beside = link_button("Browse…", "Choose a file")
            beside.clicked.connect(lambda: self._browse(line, setting.title))
        else:
            return line
        both = QWidget()
        row = QHBoxLayout(both)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(line, 1)
        row.addWidget(beside)
        return both

    def accept(self) -> None:
        """End with what the fields hold, unless a number, or a region, was refused."""
        if settled(self) and self._regions_fit():
            super().accept()

    def _regions_fit(self) -> bool:
        """Whether every region that is typed is one; else it is said beside its field."""
        for setting in self._method.settings:
            text = str(self._read[setting.name]()) if setting.kind == "region" else ""
            try:
                if text:
                    read_region(text)
            except ControlError as error:
                self.fields[setting.name].setFocus()
                Remark(self.fields[setting.name], str(error))
                return False
        return True

    def _draw(self) -> None:
        if settled(self):
            self.done(self.DRAW)

    def _browse(self, line: QLineEdit, title: str) -> None:
        path, _ = QFileDialog.getOpenFileName(self, title, line.text())
        if path:
            line.setText(path)
