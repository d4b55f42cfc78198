"""Fields for settings: one for each, with what it means, checked before anything is done with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QCheckBox, QComboBox, QDialog, QFileDialog, QFormLayout, QHBoxLayout, QLineEdit, QWidget

from explorer.errors import ControlError
from explorer.scene.cards import ModelCard, SettingCard
from explorer.scene.imports import is_open
from explorer.scene.model import Scalar
from explorer.scene.number_text import NumberError, read_range
from explorer.scene.region import read_region
from explorer.ui.look.number_line import NumberLine
from explorer.ui.look.numbers import DecimalField, WholeField, settled
from explorer.ui.look.remark import Remark
from explorer.ui.look.widgets import WrappedLabel, link_button

TWO_LINES = 120  # letters of a title and its help that two lines of the dialog hold
HELP = "Point at a setting to read what it means."
OPEN = "Choose…"
NUMBERS: dict[str, Callable[[str], object]] = {"region": read_region, "layers": read_range}
"""Kind of text of several numbers → what reads it, and raises for another."""


class SettingFields(QObject):
    """Adds a row for each of ``settings`` to ``form``, at ``values`` where they have one, else at its default."""

    draw_asked = Signal()  # the user wants to draw a region, which needs what the dialog covers

    def __init__(
        self,
        settings: Sequence[SettingCard],
        model: ModelCard,
        values: Mapping[str, Scalar],
        form: QFormLayout,
        dialog: QDialog,
    ) -> None:
        super().__init__(dialog)
        self._settings, self._model, self._dialog = settings, model, dialog
        self._read: dict[str, Callable[[], Scalar]] = {}
        self.fields: dict[str, QWidget] = {}
        self._told: dict[QWidget, str] = {}  # field → what is said of it while it is used
        self.help = WrappedLabel("", dialog)  # hidden where no field has one
        self.help.hide()
        self.help.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        for setting in settings:
            field = self._field(setting, values.get(setting.name, setting.default))
            self.explain(field, setting.title, setting.help)
            field.setAccessibleName(setting.title)
            self.fields[setting.name] = field
            form.addRow(setting.title, field)

    def explain(self, field: QWidget, title: str, text: str) -> None:
        """Say ``text``, if it is any, where it can be read whenever ``field``, which may be the dialog's own, is used
        or pointed at."""
        field.setToolTip(text)
        for part in (field, *field.findChildren(QWidget)):
            part.installEventFilter(self)
        self._told[field] = f"{title}: {text}" if text else HELP
        if not text:
            return
        longest = max(map(len, self._told.values()))
        self.help.setMinimumHeight(self._dialog.fontMetrics().height() * (2 if longest <= TWO_LINES else 3))
        self.help.setText(HELP)
        self.help.show()

    def changed(self) -> tuple[tuple[str, Scalar], ...]:
        """(name, value) of what does not stand at its default."""
        values = ((setting, self._read[setting.name]()) for setting in self._settings)
        return tuple((setting.name, value) for setting, value in values if value != setting.default)

    def fit(self) -> bool:
        """Whether every number was taken, every open choice made, and every region and range is one; else the first
        that is not says so beside its field."""
        return settled(self._dialog) and all(map(self._fits, self._settings))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.Enter) and isinstance(watched, QWidget):
            for field, text in self._told.items():
                if field is watched or field.isAncestorOf(watched):
                    self.help.setText(text)
        return super().eventFilter(watched, event)

    def _fits(self, setting: SettingCard) -> bool:
        sentence = ""
        if is_open(setting) and self._read[setting.name]() not in setting.choices:
            sentence = "Choose one: the file does not say."
        elif setting.kind in NUMBERS and (text := str(self._read[setting.name]())):
            try:
                NUMBERS[setting.kind](text)
            except (ControlError, NumberError) as error:
                sentence = str(error)
        if sentence:
            field = self.fields[setting.name]
            field.setFocus()
            remark = Remark(field, sentence)
            if isinstance(field, QComboBox):  # as soon as one is chosen, it lies in the way
                field.currentIndexChanged.connect(remark.hide)
        return not sentence

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
            whole = WholeField(low, high, special=setting.empty if setting.default == low else "")
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
        if value in choices:
            box.setCurrentIndex(choices.index(value))
        elif is_open(setting):
            box.setPlaceholderText(OPEN)
            box.setCurrentIndex(-1)
        self._read[setting.name] = lambda: "" if box.currentIndex() < 0 else box.currentData()
        return box

    def _text(self, setting: SettingCard, value: str) -> QWidget:
        line = NumberLine(value) if setting.kind in NUMBERS else QLineEdit(value)
        self._read[setting.name] = lambda: line.text().strip()
        line.setPlaceholderText(setting.empty)
        if setting.kind == "region" and self._model.makes_pictures:
            beside = link_button("Draw on the picture", "Drag a rectangle over the selected pane's picture")
            beside.clicked.connect(self._draw)
        elif setting.kind in ("file", "attributes", "controls"):
            beside = link_button("Browse…", "Choose a file")
            beside.clicked.connect(lambda: self._browse(line, setting.title))
        elif setting.kind == "folder":
            beside = link_button("Browse…", "Choose a folder")
            beside.clicked.connect(lambda: self._browse_folder(line, setting.title))
        else:
            return line
        both = QWidget()
        row = QHBoxLayout(both)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(line, 1)
        row.addWidget(beside)
        return both

    def _draw(self) -> None:
        if settled(self._dialog):
            self.draw_asked.emit()

    def _browse_folder(self, line: QLineEdit, title: str) -> None:
        if path := QFileDialog.getExistingDirectory(self._dialog, title, line.text()):
            line.setText(path)

    def _browse(self, line: QLineEdit, title: str) -> None:
        path, _ = QFileDialog.getOpenFileName(self._dialog, title, line.text())
        if path:
            line.setText(path)
