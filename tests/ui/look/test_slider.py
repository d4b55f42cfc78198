"""The slider: mouse, keys, wheel, and what counts as one drag."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from explorer.scene.cards import ControlCard
from explorer.scene.model import Edit
from explorer.ui.controls.row import ControlRow
from explorer.ui.look import theme
from explorer.ui.look.slider import RADIUS, STEPS, FloatSlider

pytestmark = pytest.mark.gui
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def slider(qtbot: QtBot) -> FloatSlider:
    made = FloatSlider(-3.0, 3.0)
    made.resize(220, 24)
    made.show()
    qtbot.addWidget(made)
    return made


def heard(slider: FloatSlider) -> list[tuple[float, bool]]:
    said: list[tuple[float, bool]] = []
    slider.moved.connect(lambda value, dragging: said.append((value, dragging)))
    return said


def x_of(slider: FloatSlider, value: float) -> QPoint:
    span = slider.width() - 2 * (RADIUS + 4)
    return QPoint(round(RADIUS + 4 + (value + 3) / 6 * span), slider.height() // 2)


def test_a_drag_ends_with_one_release(slider: FloatSlider) -> None:
    said = heard(slider)
    QTest.mousePress(slider, LEFT, pos=x_of(slider, 0.0))
    for value in (0.5, 1.0, 1.5):
        QTest.mouseMove(slider, x_of(slider, value))
    QTest.mouseRelease(slider, LEFT, pos=x_of(slider, 1.5))
    assert [dragging for _, dragging in said] == [True, True, True, False]
    assert said[-1][0] == pytest.approx(1.5, abs=0.03)


def test_a_press_on_the_handle_does_not_move_it(slider: FloatSlider) -> None:
    slider.set_value(1.0)
    said = heard(slider)
    QTest.mousePress(slider, LEFT, pos=x_of(slider, 1.0) + QPoint(3, 0))
    assert said == []
    QTest.mouseRelease(slider, LEFT, pos=x_of(slider, 1.0))
    assert said == [(1.0, False)]


def test_zero_can_be_hit_with_the_mouse(slider: FloatSlider) -> None:
    slider.set_value(1.0)
    QTest.mousePress(slider, LEFT, pos=x_of(slider, 1.0))
    QTest.mouseMove(slider, x_of(slider, 0.0) + QPoint(1, 0))
    assert slider.value == 0.0


def test_a_double_click_resets(slider: FloatSlider) -> None:
    slider.set_value(2.0)
    QTest.mouseDClick(slider, LEFT, pos=x_of(slider, 2.0))
    assert slider.value == 0.0


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (Qt.Key.Key_Right, 1.0 + 6 / STEPS),
        (Qt.Key.Key_Left, 1.0 - 6 / STEPS),
        (Qt.Key.Key_PageUp, 2.0),
        (Qt.Key.Key_PageDown, 0.0),
        (Qt.Key.Key_Home, 0.0),
        (Qt.Key.Key_Delete, 0.0),
        (Qt.Key.Key_End, 3.0),
    ],
)
def test_keys(slider: FloatSlider, key: Qt.Key, expected: float) -> None:
    slider.set_value(1.0)
    said = heard(slider)
    QTest.keyClick(slider, key)
    assert slider.value == pytest.approx(expected)
    assert said[-1][1] is False  # the release of the key ends the drag


def test_shift_makes_keys_finer(slider: FloatSlider) -> None:
    QTest.keyClick(slider, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert slider.value == pytest.approx(0.6 / STEPS)


def test_a_value_beyond_the_range_is_kept(slider: FloatSlider) -> None:
    slider.set_value(7.5)
    assert slider.value == 7.5
    slider.grab()


def test_a_typed_value_moves_the_row_and_an_empty_one_resets_it(qtbot: QtBot) -> None:
    row = ControlRow(ControlCard(name="pose", space="z", badge="active", figure="2.1 nat"), 60)
    qtbot.addWidget(row)
    row.show()
    said: list[tuple[str, float, bool]] = []
    row.moved.connect(lambda *heard: said.append(heard))
    for text in ("-1.25", ""):
        row.box.selectAll()
        QTest.keyClick(row.box, Qt.Key.Key_Delete)
        QTest.keyClicks(row.box, text)
        QTest.keyClick(row.box, Qt.Key.Key_Return)
    assert said == [("pose", -1.25, False), ("pose", 0.0, False)]
    assert row.slider.value == 0.0


def test_showing_an_amount_says_nothing(qtbot: QtBot) -> None:
    row = ControlRow(ControlCard(name="pose", space="z"), 0)
    qtbot.addWidget(row)
    said: list[object] = []
    row.moved.connect(lambda *heard: said.append(heard))
    row.set_edit(Edit(row.card.name, 1.234))
    assert said == []
    assert (row.box.value(), row.box.text()) == (1.234, "1.23")
    assert row.slider.value == 1.234


@pytest.fixture
def stepped(qtbot: QtBot) -> FloatSlider:
    """Learned values that are not evenly spaced; zero is none of them."""
    made = FloatSlider(-3.0, 3.0, detents=(-2.4, -0.9, 0.7, 2.1))
    made.resize(220, 24)
    made.show()
    qtbot.addWidget(made)
    return made


def test_a_drag_stops_at_detents_and_at_zero(stepped: FloatSlider) -> None:
    QTest.mousePress(stepped, LEFT, pos=x_of(stepped, 1.6))
    assert stepped.value == 2.1
    shown = []
    for value in (1.5, 1.3, 0.4, 0.2, -0.6, -2.9):
        QTest.mouseMove(stepped, x_of(stepped, value))
        shown.append(stepped.value)
    assert shown == [2.1, 0.7, 0.7, 0.0, -0.9, -2.4]


@pytest.mark.parametrize("key", [Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.NoModifier])
def test_alt_and_the_switch_move_between_detents(stepped: FloatSlider, key: Qt.KeyboardModifier) -> None:
    stepped.set_snapping(key == Qt.KeyboardModifier.AltModifier)
    QTest.mousePress(stepped, LEFT, key, x_of(stepped, 1.4))
    assert stepped.value == pytest.approx(1.4, abs=0.03)


def test_keys_and_the_wheel_go_to_the_next_detent(qtbot: QtBot, stepped: FloatSlider) -> None:
    stops = []
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_PageDown):
        QTest.keyClick(stepped, key)
        stops.append(stepped.value)
    assert stops == [0.7, 2.1, 2.1, 0.7, -2.4]
    stepped.set_value(1.5)  # typed, between two of them
    QTest.keyClick(stepped, Qt.Key.Key_Left)
    assert stepped.value == 0.7
    QTest.keyClick(stepped, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert stepped.value == pytest.approx(0.7 + 0.6 / STEPS)
    stepped.set_value(0.0)
    stepped.setFocus()
    turned = []
    for angle in (60, 60, 120, 30, -120):
        QApplication.sendEvent(stepped, wheel(angle))
        turned.append(stepped.value)
    assert turned == [0.0, 0.7, 2.1, 2.1, 2.1]
    QApplication.sendEvent(stepped, wheel(-30))
    assert stepped.value == 0.7


def wheel(angle: int) -> QWheelEvent:
    place, none = QPointF(20, 10), Qt.KeyboardModifier.NoModifier
    phase, buttons = Qt.ScrollPhase.NoScrollPhase, Qt.MouseButton.NoButton
    return QWheelEvent(place, place, QPoint(), QPoint(0, angle), buttons, none, phase, False)


def test_another_range_leaves_the_value_and_moves_the_stops(stepped: FloatSlider) -> None:
    stepped.set_value(2.1)
    stepped.set_range(-1.0, 3.0, (-1.0, 0.0, 1.0, 2.0, 3.0))
    assert stepped.value == 2.1
    QTest.keyClick(stepped, Qt.Key.Key_Right)
    assert stepped.value == 3.0
    QTest.keyClick(stepped, Qt.Key.Key_Right)
    assert stepped.value == 3.0  # the end
    for _ in range(9):
        QTest.keyClick(stepped, Qt.Key.Key_Left)
    assert stepped.value == -1.0


def test_detents_have_ticks(stepped: FloatSlider) -> None:
    with_ticks = stepped.grab().toImage()
    plain = FloatSlider(-3.0, 3.0)
    plain.resize(stepped.size())
    without = plain.grab().toImage()
    plain.deleteLater()
    row = stepped.height() // 2 - 4  # above the groove
    beside = [x for x in range(stepped.width()) if abs(x - x_of(stepped, 0).x()) > 12]  # the ring of the focus
    changed = {x for x in beside if with_ticks.pixel(x, row) != without.pixel(x, row)}
    wanted = {x_of(stepped, detent).x() for detent in (-2.4, -0.9, 0.7, 2.1)}
    assert all(any(abs(x - place) <= 1 for place in wanted) for x in changed)
    assert all(any(abs(x - place) <= 1 for x in changed) for place in wanted)


def test_the_box_writes_a_minus_sign_and_takes_a_hyphen(qtbot: QtBot) -> None:
    row = ControlRow(ControlCard(name="pose", space="z"), 0)
    qtbot.addWidget(row)
    row.show()
    row.set_edit(Edit(row.card.name, -0.194))
    assert row.box.text() == "−0.19"
    for typed, amount in (("-1.5", -1.5), ("−0.25", -0.25), ("2", 2.0)):
        row.box.selectAll()
        row.box.lineEdit().insert(typed)  # as a key press does; QTest has keys for Latin-1 only
        QTest.keyClick(row.box, Qt.Key.Key_Return)
        assert row.box.value() == amount
    row.set_edit(Edit(row.card.name, -0.001))
    assert row.box.text() == "0.00"
    row.set_edit(Edit(row.card.name, -0.19))
    row.box.stepBy(1)  # reads its own text again
    assert row.box.text() == "−0.09"


def test_where_it_is_no_number_a_band_says_between_which_it_lies(qtbot: QtBot) -> None:
    slider = FloatSlider(0.0, 10.0)
    qtbot.addWidget(slider)
    slider.resize(300, 22)
    slider.set_value(5.0)

    def painted(value: float) -> bool:
        """Whether there is more than the track, five pixels below the middle less one."""
        shot = slider.grab().toImage()
        place = QPoint(round(slider._x_of(value)), slider.height() // 2 + 3)
        return bool(shot.pixelColor(place) != shot.pixelColor(2, 2))

    assert [painted(value) for value in (2.0, 4.0, 6.5, 9.0)] == [False] * 4
    slider.set_interval((3.0, 7.0))
    assert [painted(value) for value in (2.0, 4.0, 6.5, 9.0)] == [False, True, True, False]
    slider.set_interval(None)
    assert not painted(4.0)


def test_a_line_under_it_shows_part_of_its_range(slider: FloatSlider) -> None:
    slider.clearFocus()  # whose ring would cross it
    green = theme.color(theme.current().green).rgb()

    def line() -> list[int]:
        """The columns in which it is drawn."""
        shot = slider.grab().toImage()
        return [x for x in range(shot.width()) if shot.pixelColor(x, slider.height() // 2 + 8).rgb() == green]

    assert line() == []
    slider.set_underlined((-1.5, 2.0))
    drawn = line()
    assert drawn == list(range(drawn[0], drawn[-1] + 1))
    assert drawn[0] == pytest.approx(x_of(slider, -1.5).x(), abs=2)
    assert drawn[-1] == pytest.approx(x_of(slider, 2.0).x(), abs=2)
    slider.set_underlined((-9.0, 9.0))  # no further than the slider
    assert line()[0] == pytest.approx(x_of(slider, -3.0).x(), abs=2)
    slider.set_underlined(None)
    assert line() == []
