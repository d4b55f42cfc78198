"""Every field of the window and of its dialogs into which a number is typed, in every language of the desktop."""

from __future__ import annotations

import ast
import importlib
import math
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QCoreApplication, QEvent, QLocale, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QDialog, QLineEdit, QPushButton, QWidget
from quiet import CARD as PLAIN
from quiet import QuietClient
from typing_hand import LOCALES, click, double_click, line_of, type_text

import explorer.ui
from explorer.discovery import registry as methods
from explorer.scene.cards import SettingCard, WayCard
from explorer.scene.imports import ImportCard
from explorer.scene.model import ControlSetRef, Edit, Seed
from explorer.scene.trajectory import Trajectory
from explorer.service import replies, requests
from explorer.service.replies import Ready
from explorer.ui.actions.shortcuts_page import ShortcutsPage
from explorer.ui.causes.bind_dialog import BindDialog
from explorer.ui.causes.mapping_dialog import MappingDialog
from explorer.ui.comparison.dialog import CompareDialog
from explorer.ui.controls.method_dialog import MethodDialog
from explorer.ui.files.export_dialog import KINDS, ExportDialog
from explorer.ui.files.import_dialog import ImportDialog
from explorer.ui.files.model_chooser import ModelChooser
from explorer.ui.files.refusal_dialog import RefusalDialog
from explorer.ui.look.lazy_dock import LazyDock
from explorer.ui.look.number_field import NumberField
from explorer.ui.look.number_line import NumberLine
from explorer.ui.look.numbers import WholeField
from explorer.ui.state.controller import Controller
from explorer.ui.state.session import Session
from explorer.ui.state.settings import Settings
from explorer.ui.window.main_window import MainWindow

pytestmark = pytest.mark.gui
WAY = WayCard(name="w", title="optimisation in w", description="One w for all layers.", steps=500)
CARD = msgspec.structs.replace(PLAIN, capabilities=("truncation",), inversions=(WAY,))
WITHOUT_NUMBERS = (ShortcutsPage, RefusalDialog, MappingDialog, ModelChooser, BindDialog)
ASKED = (
    SettingCard(name="layers", title="Layers", default="", kind="layers"),
    SettingCard(name="eps", title="Step", default=0.2, low=0.0, high=10.0),
    SettingCard(name="steps", title="Steps", default=16, low=0),
)
TEXTS = {
    "Prompt",
    "Negative prompt",
    "Arrow",
    "Command",
    "Attribute",
    "File to write",
    "Filter controls",
    "Attributes",
    "qt_spinbox_lineedit",
    "",
}
"""Lines for other texts than numbers, by their accessible or object names."""


class Steps(QuietClient):
    """It knows the steps of every picture, too: what windows of steps are typed over."""

    def send(self, request: requests.Request) -> None:
        super().send(request)
        if isinstance(request, requests.DrawTrajectory):
            noises = tuple(1 - (index + 1) / CARD.full_steps for index in range(CARD.full_steps))
            seen = Trajectory(noises=noises, shown=(0,), width=1, height=1, pictures=(bytes(3),))
            self.reply(replies.TrajectoryDrawn(request_id=request.request_id, trajectory=seen))


class Desk:
    """The window on a quiet client with every dock made, and its dialogs with all their fields seen."""

    def __init__(self, folder: Path) -> None:
        self.client: Steps
        self.controller = Controller(self._connect)
        self.window = MainWindow(self.controller, Settings(), Session())
        self.window.resize(1600, 1000)
        self.window.show()
        self.client.reply(Ready(version=1, pid=1, device="cpu", precision="float32"))
        self.window.begin(None, None, None)
        self.controller.catalogue.methods = {name: method.card for name, method in methods.methods().items()}
        for dock in self.window.findChildren(LazyDock):
            dock.panel.show()
        self.controller.move_control(0, self.window.controls.rows()[0].card.name, 1.0)
        self.client.draw()
        self.window.docks["trajectory"].reveal()
        QApplication.processEvents()
        export = ExportDialog(self.controller, str(folder), self.window)
        export.kind.setCurrentIndex([kind.kind for kind in KINDS].index("sheet_png"))
        export.sheet.rows.setCurrentIndex(1)
        compare = CompareDialog(self.controller, self.window)
        compare.measure.setChecked(True)
        chosen = ControlSetRef(method="x", k=2)
        foreign = ImportCard(title="Flows", text="2 controls of width 4", questions=ASKED)
        self.dialogs: list[QDialog] = [export, compare, ImportDialog("a.pt", foreign, CARD, self.window)]
        self.dialogs += [
            MethodDialog(card, CARD, chosen, self.window) for card in self.controller.catalogue.methods.values()
        ]

        self.fields = self.window.findChildren(NumberField)  # once: whatever is raised changes their order

    def _connect(self, on_reply: object) -> QuietClient:
        self.client = Steps(on_reply)  # type: ignore[arg-type]
        self.client.card, self.client.models = CARD, (CARD,)
        return self.client

    def children(self, kind: type[QWidget]) -> list[QWidget]:
        """Those of the window, which owns its dialogs."""
        return self.window.findChildren(kind)

    def close(self) -> None:
        self.window.close_unasked()
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(params=LOCALES)
def desk(request: pytest.FixtureRequest, qapp: QApplication, tmp_path: Path) -> Iterator[Desk]:
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    made = Desk(tmp_path)
    yield made
    made.close()
    QLocale.setDefault(before)


@pytest.fixture
def plain_desk(qapp: QApplication, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.close()


def modules() -> Iterator[str]:
    for found in pkgutil.walk_packages(explorer.ui.__path__, "explorer.ui."):
        yield found.name


def test_every_dialog_of_the_window_is_looked_at(plain_desk: Desk) -> None:
    for name in modules():
        importlib.import_module(name)
    dialogs = {kind for kind in QDialog.__subclasses__() if kind.__module__.startswith("explorer.ui.")}
    assert dialogs == {type(dialog) for dialog in plain_desk.dialogs} | set(WITHOUT_NUMBERS)


def test_every_number_is_typed_into_the_one_field(plain_desk: Desk) -> None:
    fields = plain_desk.children(QAbstractSpinBox)
    assert [field for field in fields if not isinstance(field, NumberField)] == []
    window = [field for field in fields if field.window() is plain_desk.window]
    # At least seed, spread, four sliders, duration, frames a second, a key's seed and amount, pictures, an angle.
    assert len(window) >= 12
    assert len(fields) > 12 + 4 + 4 + 3 * len(methods.methods())
    cards = (method.card for method in methods.methods().values())
    named = {
        one.title for card in cards for one in card.settings if isinstance(one.default, str) and one.kind != "region"
    }
    for line in plain_desk.children(QLineEdit):
        assert isinstance(line, QLineEdit)
        if not isinstance(line, NumberLine):
            assert what(line) in TEXTS | named, f"'{what(line)}' may be a number; that is typed into a NumberField"


def what(line: QLineEdit) -> str:
    return line.accessibleName() or line.objectName()


def test_no_other_field_for_numbers_is_made_anywhere() -> None:
    """A locale, a validator, a spin box of Qt, or a text that is read by float() or int(), outside the mechanism."""
    banned = {"QSpinBox", "QDoubleSpinBox", "QIntValidator", "QDoubleValidator", "QLocale"}
    makers: dict[str, set[str]] = {}
    for name in modules():
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        for node in ast.walk(ast.parse(Path(spec.origin).read_text())):
            if isinstance(node, ast.ImportFrom):
                makers.setdefault(name, set()).update(alias.name for alias in node.names if alias.name in banned)
            if isinstance(node, ast.Call) and _reads_a_text(node):
                makers.setdefault(name, set()).add(ast.unparse(node))
            if isinstance(node, ast.Attribute) and node.attr in ("getInt", "getDouble", "toDouble", "toInt"):
                makers.setdefault(name, set()).add(node.attr)
    assert {name: names for name, names in makers.items() if names} == {}


def _reads_a_text(call: ast.Call) -> bool:
    is_number = isinstance(call.func, ast.Name) and call.func.id in ("float", "int")
    return is_number and bool(call.args) and ".text()" in ast.unparse(call.args[0])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data())
def test_what_is_typed_into_any_field_is_its_value(desk: Desk, data: st.DataObject) -> None:
    field = desk.fields[data.draw(st.integers(0, len(desk.fields) - 1), "field")]
    text = data.draw(numbers_of(field), "number")
    digits, mark, sign = data.draw(st.sampled_from(NOTATIONS), "notation")
    table = {**dict(zip("0123456789", digits, strict=True)), ".": mark, "-": sign}
    enter(field, "".join(table[letter] for letter in text), data.draw(st.booleans(), "twice"))
    assert field.value() == float(text)
    assert field.sentence == ""
    shown = field.text()
    assert re.match(r"−?[0-9]+(\.[0-9]+)?(?![0-9,.'٬])", shown) or field.value() == field.minimum()


NOTATIONS = [
    ("0123456789", ".", "-"),
    ("0123456789", ",", "−"),
    ("٠١٢٣٤٥٦٧٨٩", "٫", "\u061c-"),
    ("۰۱۲۳۴۵۶۷۸۹", "٫", "\u200e−"),
]


def numbers_of(field: NumberField) -> st.SearchStrategy[str]:
    """Numbers of the range, as Python writes them."""
    low = -(10**6) if field.minimum() is None else field.minimum()
    high = 10**6 if field.maximum() is None else field.maximum()
    assert low is not None
    assert high is not None
    if isinstance(field, WholeField):
        return st.integers(int(low), int(high)).map(str)
    return st.integers(math.ceil(low * 10**6), math.floor(high * 10**6)).map(lambda number: f"{number / 10**6:.6f}")


def enter(field: NumberField, text: str, twice: bool = False) -> None:
    """Type ``text`` over what stands in ``field``, and go on."""
    reveal(field)
    (double_click if twice else click)(field)
    assert field.hasFocus()
    assert line_of(field).selectedText() == field.text()
    type_text(field, text)
    QTest.keyClick(field, Qt.Key.Key_Tab)


def reveal(field: QWidget) -> None:
    """Bring ``field`` to the front: its dialog, its dock, and what is hidden until it is needed."""
    part: QWidget | None = field
    while part is not None:
        part.show()
        part.raise_()
        if part.isWindow():
            part.activateWindow()
        part = None if part.isWindow() else part.parentWidget()
    QApplication.processEvents()
    assert field.isVisible()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data())
def test_what_no_field_can_read_changes_none(desk: Desk, data: st.DataObject) -> None:
    field = desk.fields[data.draw(st.integers(0, len(desk.fields) - 1), "field")]
    before = field.value(), field.text()
    scene = desk.controller.scene
    enter(field, data.draw(st.sampled_from(["1,234.5", "1.234,5", "1 234", "1'234", "abc", "1.2.3", "--1", "1e999"])))
    assert field.value() == before[0]
    assert desk.controller.scene == scene
    assert field.text() == before[1]


def test_no_dialog_goes_on_over_a_number_that_it_refused(plain_desk: Desk) -> None:
    """Whether its button is pressed with the mouse, which takes the focus from the field, or by the keyboard."""
    for dialog in plain_desk.dialogs:
        go = next(button for button in dialog.findChildren(QPushButton) if button.isDefault())
        field = next(field for field in dialog.findChildren(NumberField) if field.isVisibleTo(dialog))
        before = field.value()
        for press in (lambda go=go: QTest.mouseClick(go, Qt.MouseButton.LeftButton), lambda go=go: go.click()):
            reveal(field)
            click(field)
            type_text(field, "1.2.3")
            press()
            assert dialog.isVisible(), type(dialog)
            assert (field.value(), field.hasFocus(), bool(field.sentence)) == (before, True, True)
            QTest.keyClick(field, Qt.Key.Key_Escape)
        dialog.hide()


def test_the_scene_holds_what_was_typed_in_the_window(desk: Desk) -> None:
    """The same from end to end: seed, truncation, an amount, the timing of the film, the number of pictures."""
    window = desk.window
    row = window.controls.rows()[0]
    header = window.timeline.header
    for field, text in (
        (window.bar.seed, "42"), (window.bar.spread_box, "0,65"), (row.box, "−1,25"), (header.duration, "2,5"),
        (header.fps, "30"),
    ):  # fmt: skip
        enter(field, text)
    scene = desk.controller.scene
    assert scene.origin == Seed(42)
    assert scene.truncation_psi == 0.65
    assert scene.panes[0].edits == (Edit(row.card.name, -1.25),)
    assert (scene.timeline.duration, scene.timeline.fps) == (2.5, 30)
    assert (row.box.text(), header.duration.text(), window.bar.seed.text()) == ("−1.25", "2.50 s", "42")
