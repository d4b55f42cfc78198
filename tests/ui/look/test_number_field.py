"""The field for numbers, with real keys and clicks: what is typed is the value, or is refused where it is seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QLocale, QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QFocusEvent, QKeySequence, QShortcut, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QPushButton, QToolButton, QVBoxLayout, QWidget
from typing_hand import LEFT, LOCALES, click, double_click, line_of, type_text

from explorer.scene.number_text import NumberError
from explorer.ui.controls.row import AmountBox
from explorer.ui.look import theme
from explorer.ui.look.number_field import NumberField
from explorer.ui.look.number_format import NumberFormat
from explorer.ui.look.numbers import DecimalField, SeedBox, SeedsLine, WholeField, settled
from explorer.ui.look.remark import Remark

ENTER, ESCAPE = Qt.Key.Key_Return, Qt.Key.Key_Escape


class Desk:
    """A window with a field, another one, and a button that takes no focus."""

    def __init__(self) -> None:
        self.window = QDialog()
        self.field = DecimalField(-14.0, 14.0, decimals=2, rounds=True, step=0.1)
        self.other = QLineEdit()
        self.button = QToolButton()
        self.button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self.window)
        for widget in (self.field, self.other, self.button):
            layout.addWidget(widget)
        self.heard: list[float] = []
        self.field.valueChanged.connect(self.heard.append)
        self.window.resize(420, 220)
        self.window.show()
        self.window.activateWindow()
        self.other.setFocus()

    def at(self) -> tuple[float, str]:
        return self.field.value(), self.field.text()


@pytest.fixture(params=LOCALES)
def locale(request: pytest.FixtureRequest) -> Iterator[str]:
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    yield request.param
    QLocale.setDefault(before)


@pytest.fixture
def desk(qapp: QApplication, locale: str) -> Iterator[Desk]:
    made = Desk()
    yield made
    made.window.close()
    made.window.deleteLater()


@pytest.mark.parametrize("hand", [click, double_click])
@pytest.mark.parametrize(
    ("typed", "value", "text"),
    [
        ("1.5", 1.5, "1.50"), ("1,5", 1.5, "1.50"), ("-1.25", -1.25, "−1.25"), ("−1,25", -1.25, "−1.25"),
        ("1٫5", 1.5, "1.50"), ("۱٫۵", 1.5, "1.50"), ("٢", 2.0, "2.00"), (".5", 0.5, "0.50"), ("+3", 3.0, "3.00"),
        ("1e-1", 0.1, "0.10"),
    ],
)  # fmt: skip
def test_a_click_selects_all_and_the_typed_number_is_the_value(
    desk: Desk, hand: object, typed: str, value: float, text: str
) -> None:
    hand(desk.field)  # type: ignore[operator]
    assert line_of(desk.field).selectedText() == "0.00"
    type_text(desk.field, typed)
    assert desk.at() == (0.0, typed)  # nothing is swallowed, and nothing holds before it is taken
    QTest.keyClick(desk.field, ENTER)
    assert desk.at() == (value, text)
    hand(desk.field)  # the field still has the focus
    type_text(desk.field, "2,25")
    QTest.keyClick(desk.field, ENTER)
    assert desk.at() == (2.25, "2.25")
    assert desk.heard == [value, 2.25]


@pytest.mark.parametrize("way", ["Enter", "Tab", "click elsewhere", "a button without focus", "a shortcut"])
def test_it_is_taken_however_one_goes_on(desk: Desk, way: str) -> None:
    seen: list[float] = []
    desk.button.clicked.connect(lambda: seen.append(desk.field.value()))
    action = QAction("Go", desk.window)
    action.setShortcut(QKeySequence("Ctrl+G"))
    action.triggered.connect(lambda: seen.append(desk.field.value()))
    desk.window.addAction(action)
    click(desk.field)
    type_text(desk.field, "-0,5")
    go_on(desk, way)
    assert desk.field.value() == -0.5
    assert desk.heard == [-0.5]
    assert seen == ([-0.5] if way in ("a button without focus", "a shortcut") else [])


def go_on(desk: Desk, way: str) -> None:
    if way == "Enter":
        QTest.keyClick(desk.field, ENTER)
    elif way == "Tab":
        QTest.keyClick(desk.field, Qt.Key.Key_Tab)
    elif way == "click elsewhere":
        QTest.mouseClick(desk.other, LEFT)
    elif way == "a button without focus":
        QTest.mouseClick(desk.button, LEFT)
    else:
        QTest.keyClick(desk.field, Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("abc", "'abc' is no number"),
        ("1.2.3", "'1.2.3' has marks between its digits"),
        ("1,234.5", "has marks between its digits"),
        ("1 234", "has marks between its digits"),
        ("", "An empty text is no number"),
        ("-", "'-' is no number"),
        ("15", "15 is out of range; it must be between −14 and 14."),
        ("-14.01", "−14.01 is out of range"),
        ("nan", "'nan' is no number"),
    ],
)
def test_what_is_refused_leaves_the_old_value_and_says_why(desk: Desk, typed: str, reason: str) -> None:
    desk.field.setValue(0.5)
    click(desk.field)
    QTest.keyClick(desk.field, Qt.Key.Key_Delete)
    type_text(desk.field, typed)
    QTest.keyClick(desk.field, ENTER)
    assert desk.at() == (0.5, typed)  # to be corrected
    assert reason in desk.field.sentence
    assert desk.field.sentence.endswith("It is still 0.50.")
    assert "wrong" in colours(desk.field)
    QTest.keyClick(desk.field, Qt.Key.Key_Tab)
    assert desk.at() == (0.5, "0.50")  # the field shows what holds
    assert reason in desk.field.sentence  # and still says why
    assert "wrong" in colours(desk.field)
    click(desk.field)
    type_text(desk.field, "1")
    assert desk.field.sentence == ""
    QTest.keyClick(desk.field, ENTER)
    assert desk.at() == (1.0, "1.00")
    assert "wrong" not in colours(desk.field)
    assert desk.heard == [0.5, 1.0]


def colours(field: NumberField) -> set[str]:
    """Whether the frame is drawn in the colour of what went wrong."""
    image = field.grab().toImage()
    edge = image.pixelColor(image.width() // 2, 1)
    return {"wrong"} if edge.red() > edge.blue() + 40 else set()


def test_a_quiet_field_says_it_too(desk: Desk) -> None:
    """The amounts of sliders have no frame at rest, so one that is refused gets it."""
    field = AmountBox(-3.0, 3.0, parent=desk.window)
    field.setGeometry(300, 8, 64, 24)
    field.show()
    click(field)
    type_text(field, "99")
    assert red(line_of(field))
    QTest.keyClick(field, Qt.Key.Key_Tab)
    assert (field.value(), field.text(), colours(field)) == (0.0, "0.00", {"wrong"})
    assert not red(line_of(field))
    field.setValue(1.0)
    assert colours(field) == set()
    assert field.lineEdit().palette().base().color().alpha() == 0
    click(field)
    assert field.lineEdit().palette().base().color().alpha() == 255


def red(line: QLineEdit) -> bool:
    """Whether the text is written in the colour of what went wrong."""
    return line.palette().text().color().name() == theme.current().red


def test_it_says_while_one_types_that_it_cannot_become_a_number(desk: Desk) -> None:
    click(desk.field)
    wrong = []
    for letter in "-1.2.":
        type_text(desk.field, letter)
        wrong.append("wrong" in colours(desk.field))
    assert wrong == [False, False, False, False, True]
    QTest.keyClick(desk.field, Qt.Key.Key_Backspace)
    assert "wrong" not in colours(desk.field)
    QTest.keyClick(desk.field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    type_text(desk.field, "15")  # no digit behind it leads back
    assert "wrong" in colours(desk.field)


def test_escape_brings_the_old_value_back_and_then_belongs_to_the_dialog(desk: Desk) -> None:
    desk.field.setValue(2.0)
    click(desk.field)
    type_text(desk.field, "1.2.3")
    QTest.keyClick(desk.field, ENTER)
    QTest.keyClick(desk.field, ESCAPE)
    assert desk.at() == (2.0, "2.00")
    assert (desk.field.sentence, desk.window.isVisible()) == ("", True)
    QTest.keyClick(desk.field, ESCAPE)
    assert not desk.window.isVisible()


def test_enter_reaches_the_dialog_only_with_a_number(desk: Desk) -> None:
    go = QPushButton("Go", desk.window)
    go.setDefault(True)
    go.show()
    pressed: list[float] = []
    go.clicked.connect(lambda: pressed.append(desk.field.value()))
    click(desk.field)
    type_text(desk.field, "x")
    QTest.keyClick(desk.field, ENTER)
    assert pressed == []
    QTest.keyClick(desk.field, ESCAPE)
    type_text(desk.field, "3")
    QTest.keyClick(desk.field, ENTER)
    assert pressed == [3.0]


def test_a_form_is_not_used_with_an_old_number_unseen(desk: Desk) -> None:
    assert settled(desk.window)
    click(desk.field)
    type_text(desk.field, "1,5")
    assert settled(desk.window)  # taken on the way
    assert desk.field.value() == 1.5
    click(desk.field)
    type_text(desk.field, "99")
    QTest.mouseClick(desk.button, LEFT)  # as that of a form
    assert not settled(desk.window)
    assert desk.field.hasFocus()
    assert "99 is out of range" in desk.field.sentence
    assert desk.at() == (1.5, "1.50")
    assert settled(desk.window)  # the second time it is meant
    type_text(desk.field, "x")
    assert not settled(desk.window)
    assert desk.at() == (1.5, "x")


def test_a_value_from_elsewhere_does_not_touch_what_is_being_typed(desk: Desk) -> None:
    click(desk.field)
    type_text(desk.field, "1.")
    desk.field.setValue(3.0)
    type_text(desk.field, "5")
    assert desk.at() == (3.0, "1.5")
    QTest.keyClick(desk.field, ESCAPE)
    assert desk.at() == (3.0, "3.00")
    type_text(desk.field, "4")
    desk.field.setValue(6.0)
    QTest.keyClick(desk.field, ENTER)
    assert desk.at() == (4.0, "4.00")


def test_what_it_says_of_a_value_goes_with_the_value(desk: Desk) -> None:
    click(desk.field)
    type_text(desk.field, "x")
    QTest.keyClick(desk.field, Qt.Key.Key_Tab)
    said = desk.field.sentence
    desk.field.setValue(0.0)  # a refresh of the same
    assert said
    assert desk.field.sentence == said
    desk.field.setValue(1.0)
    assert desk.field.sentence == ""


def test_an_untouched_value_keeps_its_decimals(desk: Desk) -> None:
    desk.field.setValue(1.2345)
    assert desk.field.text() == "1.23"
    click(desk.field)
    assert desk.field.text() == "1.2345"
    QTest.keyClick(desk.field, ENTER)
    QTest.keyClick(desk.field, Qt.Key.Key_Tab)
    assert desk.at() == (1.2345, "1.23")
    click(desk.field)
    type_text(desk.field, "0.005")
    QTest.keyClick(desk.field, ENTER)
    assert desk.at() == (0.005, "0.005")
    assert desk.heard == [1.2345, 0.005]


def test_arrows_and_buttons_step_within_the_range(desk: Desk) -> None:
    desk.field.setValue(13.85)
    click(desk.field)
    for _ in range(3):
        QTest.keyClick(desk.field, Qt.Key.Key_Up)
    assert desk.at() == (14.0, "14.00")
    QTest.keyClick(desk.field, Qt.Key.Key_PageDown)
    assert desk.field.value() == 13.0
    type_text(desk.field, "0,3")
    QTest.keyClick(desk.field, Qt.Key.Key_Down)
    assert desk.field.value() == 0.2  # of what was typed, and without the dust of binary fractions
    type_text(desk.field, "x")
    QTest.keyClick(desk.field, Qt.Key.Key_Up)
    assert desk.at() == (0.2, "x")


def test_a_click_into_what_is_being_typed_goes_on_with_it(desk: Desk) -> None:
    click(desk.field)
    type_text(desk.field, "1.5")
    click(desk.field)
    assert (desk.at(), line_of(desk.field).hasSelectedText()) == ((0.0, "1.5"), False)
    QTest.keyClick(desk.field, Qt.Key.Key_Home)
    type_text(desk.field, "-")
    QTest.keyClick(desk.field, ENTER)
    assert desk.heard == [-1.5]


def test_a_wheel_that_passes_changes_nothing(desk: Desk) -> None:
    def turn() -> None:
        place, none = QPointF(9, 9), Qt.KeyboardModifier.NoModifier
        event = QWheelEvent(
            place, place, QPoint(), QPoint(0, 120), LEFT & ~LEFT, none, Qt.ScrollPhase.NoScrollPhase, False
        )
        QApplication.sendEvent(desk.field, event)

    turn()
    assert desk.field.value() == 0.0
    desk.field.setFocus()
    turn()
    assert desk.field.value() == 0.1


def test_what_is_being_typed_survives_a_look_at_another_window(desk: Desk) -> None:
    click(desk.field)
    type_text(desk.field, "1.2")
    for kind, reason in (
        (QEvent.Type.FocusOut, Qt.FocusReason.ActiveWindowFocusReason),
        (QEvent.Type.FocusIn, Qt.FocusReason.ActiveWindowFocusReason),
    ):
        QApplication.sendEvent(desk.field, QFocusEvent(kind, reason))
    type_text(desk.field, "5")
    QTest.keyClick(desk.field, ENTER)
    assert desk.field.value() == 1.25


def test_a_live_field_is_followed_while_one_types(desk: Desk) -> None:
    field = WholeField(1, 41, suffix=" columns", live=True, parent=desk.window)
    field.setValue(7)
    heard: list[int] = []
    field.valueChanged.connect(heard.append)
    field.show()
    click(field)
    assert line_of(field).selectedText() == "7 columns"
    type_text(field, "12")
    assert heard == [1, 12]
    type_text(field, "9")  # out of range: what held before
    assert heard == [1, 12, 7]
    QTest.keyClick(field, Qt.Key.Key_Tab)
    assert (field.value(), field.text()) == (7, "7 columns")
    assert "129 is out of range; it must be between 1 and 41. It is still 7 columns." in field.sentence
    click(field)
    type_text(field, "9 columns")
    QTest.keyClick(field, ENTER)
    assert (field.value(), field.text()) == (9, "9 columns")


@pytest.mark.parametrize("typed", ["1,000", "1.0", "1.", "1e2", "x"])
def test_a_whole_number_has_no_marks(desk: Desk, typed: str) -> None:
    field = WholeField(0, 5000, special="by itself", parent=desk.window)
    field.show()
    assert field.text() == "by itself"
    field.setValue(2000)
    assert field.text() == "2000"
    click(field)
    type_text(field, typed)
    QTest.keyClick(field, ENTER)
    assert field.value() == 2000
    assert "is no whole number" in field.sentence
    QTest.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(field, Qt.Key.Key_Delete)
    QTest.keyClick(field, ENTER)
    assert (field.value(), field.text()) == (0, "by itself")


def test_seeds_reach_their_end(desk: Desk) -> None:
    field = SeedBox(desk.window)
    field.show()
    click(field)
    type_text(field, "4294967295")
    QTest.keyClick(field, ENTER)
    assert (field.value(), field.text()) == (2**32 - 1, "4294967295")
    QTest.keyClick(field, Qt.Key.Key_Up)
    assert field.value() == 2**32 - 1


def test_a_list_of_seeds(desk: Desk) -> None:
    line = SeedsLine("0-7", desk.window)
    line.show()
    click(line)
    assert line.selectedText() == "0-7"
    type_text(line, "3, 5–6")
    assert line.seeds() == (3, 5, 6)
    click(line)
    assert not line.selectedText()  # one is typing
    desk.other.setFocus()
    click(line)
    assert line.selectedText() == "3, 5–6"
    line.setText("7-0")
    with pytest.raises(NumberError, match="runs backwards"):
        line.seeds()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    number=st.decimals(-14, 14, places=3),
    notation=st.sampled_from([("0123456789", "."), ("0123456789", ","), ("٠١٢٣٤٥٦٧٨٩", "٫"), ("۰۱۲۳۴۵۶۷۸۹", "٫")]),
    sign=st.sampled_from(["-", "−", "–", "\u200e−", "\u061c-"]),
    twice=st.booleans(),
)
def test_any_number_is_the_typed_one(
    desk: Desk, number: float, notation: tuple[str, str], sign: str, twice: bool
) -> None:
    digits, mark = notation
    plain = f"{number:.3f}"
    typed = "".join({"-": sign, ".": mark}.get(one, one if one in "-." else digits[int(one)] if one.isdigit() else one)
                    for one in plain)  # fmt: skip
    (double_click if twice else click)(desk.field)
    type_text(desk.field, typed)
    QTest.keyClick(desk.field, ENTER)
    assert desk.field.value() == float(number)
    assert re.fullmatch(r"−?[0-9]+\.[0-9]{2,3}", desk.field.text())


@given(st.text(alphabet="0123456789.,-−e '٫٣x\u00a0", max_size=8))
def test_what_a_field_takes_is_in_its_range_and_is_written_so_that_it_is_read_again(text: str) -> None:
    form = NumberFormat(-50.0, 50.0, decimals=1, suffix="°")
    try:
        value = form.read(text)
    except NumberError:
        return
    assert -50 <= value <= 50
    assert not form.is_hopeless(text)
    assert form.read(form.text(value)) == pytest.approx(value, abs=5.1e-7)


@pytest.mark.parametrize(
    ("start", "steps", "expected"),
    [
        (0.05, 1, 0.051), (0.05, -1, 0.049), (1.0, -1, 0.99), (1.0, 1, 1.1), (0.0, 1, 0.01), (-1.0, 1, -0.99),
        (30.0, 2, 32.0),
    ],
)  # fmt: skip
def test_a_step_is_a_tenth_of_the_power_of_ten(start: float, steps: int, expected: float) -> None:
    assert NumberFormat().stepped(start, steps) == expected


def test_the_remark_stays_inside_the_window(desk: Desk) -> None:
    low = DecimalField(0.0, 1.0, parent=desk.window)
    low.setGeometry(360, 190, 56, 24)
    low.show()
    click(low)
    type_text(low, "1.2.3")
    QTest.keyClick(low, ENTER)
    remark = desk.window.findChild(Remark)
    assert isinstance(remark, QWidget)
    assert desk.window.rect().contains(remark.geometry())
    assert not remark.geometry().intersects(low.geometry())
    assert remark.height() >= remark.heightForWidth(remark.width())


def test_a_letter_that_begins_no_number_is_the_windows_until_something_is_typed(desk: Desk) -> None:
    """What was typed is there, and K sets a keyframe of it."""
    heard: list[str] = []
    for name in ("K", "E", "Space", "1"):
        shortcut = QShortcut(QKeySequence(name), desk.window)
        shortcut.activated.connect(partial(heard.append, name))
    click(desk.field)
    QTest.keyClicks(desk.field, "3")
    QTest.keyClick(desk.field, ENTER)
    for key in (Qt.Key.Key_K, Qt.Key.Key_Space, Qt.Key.Key_1):
        QTest.keyClick(desk.field, key)
    assert heard == ["K", "Space"]
    assert desk.field.lineEdit().text() == "1"
    QTest.keyClicks(desk.field, "e-1")  # now it is part of a number
    QTest.keyClick(desk.field, ENTER)
    assert (desk.field.value(), heard) == (0.1, ["K", "Space"])
    QTest.keyClicks(desk.field, "x")  # nobody's shortcut
    QTest.keyClick(desk.field, ENTER)
    assert desk.field.value() == 0.1
    assert desk.field.sentence.endswith("It is still 0.10.")
