"""The timeline under the hand: gestures are single steps of undo, playing and scrubbing change nothing stored."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
import quiet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from quiet import CARD, QuietClient, controller_on

from explorer.scene import timeline as keys
from explorer.scene.cards import ControlCard, ControlPlace, ControlSetCard
from explorer.scene.editing import edit_of, side_by_side, with_edit
from explorer.scene.model import AmountKey, Blend, ControlSetRef, Edit, OriginKey, Quality, Seed, Timeline
from explorer.service.replies import PlacesFound
from explorer.service.requests import FindPlaces
from explorer.ui.canvas.pane_text import start
from explorer.ui.look.number_field import NumberField
from explorer.ui.state.controller import Controller
from explorer.ui.timeline.edit import captured
from explorer.ui.timeline.paint import key_centre
from explorer.ui.timeline.panel import NOTHING_TO_PLAY, OWN_SEED, SEED_ALONE, TimelinePanel
from explorer.ui.timeline.player import Player

pytestmark = pytest.mark.gui


class Desk:
    """A panel on a toy model, with a clock in the test's hand."""

    def __init__(self, qtbot: QtBot, panes: int = 1) -> None:
        self.now = 0.0
        self.controller: Controller
        self.client: QuietClient
        self.controller, self.client = controller_on(panes)
        self.panel = TimelinePanel(self.controller, player=Player(clock=self.clock))
        qtbot.addWidget(self.panel)
        self.panel.resize(900, 220)
        self.panel.show()
        self.view = self.panel.view

    def clock(self) -> float:
        return self.now

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.panel.player.tick()

    @property
    def timeline(self) -> Timeline:
        return self.controller.scene.timeline

    def shown(self, name: str = "azimuth", pane: int = 0) -> float:
        return edit_of(self.controller.shown_scene.panes[pane], name).amount

    def two_keys(self) -> None:
        """azimuth from -1 at 0 s to 2 at 4 s, set as a user would."""
        self.controller.move_control(0, "azimuth", -1.0)
        self.panel.add_key()
        self.panel.go_to(4.0)
        self.controller.move_control(0, "azimuth", 2.0)
        self.panel.add_key()

    def at_key(self, row: int, index: int) -> QPoint:
        return key_centre(self.view.geometry_now(), row, self.view.rows[row], index).toPoint()

    def at_time(self, time: float, row: int = 0) -> QPoint:
        geometry = self.view.geometry_now()
        return QPoint(round(geometry.x(time)), geometry.row_top(row) + 3)

    def drag(self, start: QPoint, end: QPoint, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        port = self.view.viewport()
        QTest.mousePress(port, Qt.MouseButton.LeftButton, modifier, start)
        for step in range(1, 11):
            QTest.mouseMove(port, start + (end - start) * step / 10)
        QTest.mouseRelease(port, Qt.MouseButton.LeftButton, modifier, end)


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    made = Desk(qtbot)
    yield made
    made.panel.player.stop()


def test_keyframes_as_a_user_sets_them(desk: Desk) -> None:
    desk.two_keys()
    (track,) = desk.timeline.amounts
    assert track.keys == (AmountKey(0.0, -1.0), AmountKey(4.0, 2.0))
    assert not desk.timeline.origin.keys  # one seed all along: none of the timeline's business
    desk.controller.undo()
    assert desk.timeline.amounts[0].keys == (AmountKey(0.0, -1.0),)
    desk.controller.redo()
    assert len(desk.timeline.amounts[0].keys) == 2


def test_another_seed_at_the_second_key_makes_the_seed_move(desk: Desk) -> None:
    desk.controller.move_control(0, "azimuth", 1.0)
    desk.panel.add_key()
    desk.panel.go_to(2.0)
    desk.controller.set_seed(77)
    desk.panel.add_key()
    assert desk.timeline.origin.keys == (OriginKey(0.0, Seed(3)), OriginKey(2.0, Seed(77)))
    desk.panel.go_to(1.0)
    assert isinstance(desk.controller.shown_scene.origin, Blend)


def test_a_key_before_anything_moved_counts_as_zero(desk: Desk) -> None:
    desk.panel.add_key()  # nothing moved: the seed is kept
    assert desk.timeline.origin.keys == (OriginKey(0.0, Seed(3)),)
    desk.panel.go_to(2.0)
    desk.controller.move_control(0, "hue", 1.5)
    desk.panel.add_key()
    (track,) = desk.timeline.amounts
    assert track.keys == (AmountKey(0.0, 0.0), AmountKey(2.0, 1.5))


def test_playing_neither_changes_the_scene_nor_the_history(desk: Desk) -> None:
    desk.two_keys()
    desk.panel.go_to(0.0)
    before, steps = desk.controller.scene, desk.controller.undo_stack.count()
    desk.panel.toggle_play()
    seen = []
    for _ in range(40):
        desk.pass_time(0.05)
        seen.append(desk.shown())
    assert seen == sorted(seen)
    assert seen[0] < 0 < seen[-1]
    assert desk.controller.scene is before
    assert desk.controller.undo_stack.count() == steps
    desk.panel.toggle_play()
    assert not desk.panel.player.playing
    assert desk.shown() == keys.amount_at(desk.timeline.amounts[0], desk.panel.playhead)


def test_while_it_plays_pictures_are_interactive_and_then_full(desk: Desk) -> None:
    desk.two_keys()
    desk.panel.go_to(1.0)
    assert desk.client.shown[-1][1].quality.steps == 0
    desk.panel.toggle_play()
    desk.pass_time(0.5)
    assert desk.client.shown[-1][1].quality.steps == 4
    desk.panel.toggle_play()
    assert desk.client.shown[-1][1].quality.steps == 0


def test_a_slow_model_gets_the_newest_time_only(desk: Desk) -> None:
    desk.two_keys()
    desk.panel.go_to(0.0)
    desk.client.draw()
    desk.panel.toggle_play()
    asked = len(desk.client.shown)
    desk.pass_time(1.0)  # 24 frames became due while the model was at work
    assert len(desk.client.shown) == asked + 1
    assert desk.panel.playhead == 1.0


def test_nothing_to_play_says_what_to_do(desk: Desk) -> None:
    said: list[object] = []
    desk.controller.noticed.connect(said.append)
    desk.panel.toggle_play()
    assert not desk.panel.player.playing
    assert [notice.sentence for notice in said] == [NOTHING_TO_PLAY]  # type: ignore[attr-defined]


def test_a_seed_that_is_set_is_seen_whatever_the_playhead_shows(desk: Desk) -> None:
    own = desk.controller.scene.origin
    desk.panel.add_origin_key()
    desk.panel.go_to(4.0)
    desk.controller.set_seed(8)
    desk.panel.add_origin_key()
    desk.controller.set_seed(own.seed)
    desk.panel.go_to(4.0)
    assert desk.controller.shown_scene.origin == Seed(8)
    desk.controller.set_seed(own.seed)  # as the scene has it already
    assert desk.controller.shown_scene.origin == own
    desk.panel.go_to(4.0)
    assert desk.controller.shown_scene.origin == Seed(8)
    desk.panel.go_to(2.0)
    caption = start(desk.controller.catalogue, desk.controller.shown_scene, 0)
    assert caption == f"between seeds {own.seed} and 8"


def test_a_seed_that_the_timeline_does_not_move_gets_no_key(qtbot: QtBot) -> None:
    desk = Desk(qtbot)
    said: list[str] = []
    desk.controller.noticed.connect(lambda notice: said.append(notice.sentence))
    sets = [desk.controller.scene.panes[0].controls, ControlSetRef(method="random")]
    desk.controller.load(side_by_side(desk.controller.scene, sets, (10, 20)))
    desk.panel.add_origin_key()
    desk.panel.add_key()
    assert said == [OWN_SEED, OWN_SEED]
    assert desk.timeline == Timeline()
    desk.controller.move_control(0, "azimuth", 1.0)
    desk.panel.add_key()
    assert not desk.timeline.origin.keys
    assert len(desk.timeline.amounts) == 4
    desk.controller.close()


def test_films_are_drafts_throughout_and_a_scrubbing_hand_that_rests_is_not(desk: Desk, qtbot: QtBot) -> None:
    desk.two_keys()
    desk.controller.drafts._rest.setInterval(0)
    shown, draft = desk.client.shown, Quality(steps=CARD.interactive_steps)
    shown.clear()
    desk.panel.go_to(0.0)
    assert shown[-1][1].quality == Quality()
    desk.panel.toggle_play()
    for _ in range(3):
        desk.pass_time(0.5)
        qtbot.wait(10)
        assert shown[-1][1].quality == draft
    desk.panel.toggle_play()
    assert shown[-1][1].quality == Quality()
    rulers = [QPoint(desk.at_time(time).x(), 8) for time in (1.0, 2.0, 3.0)]
    area = desk.view.viewport()
    QTest.mousePress(area, Qt.MouseButton.LeftButton, pos=rulers[0])
    QTest.mouseMove(area, rulers[1])
    assert shown[-1][1].quality == draft
    qtbot.waitUntil(lambda: shown[-1][1].quality == Quality())
    QTest.mouseMove(area, rulers[2])
    assert shown[-1][1].quality == draft
    QTest.mouseRelease(area, Qt.MouseButton.LeftButton, pos=rulers[2])
    assert shown[-1][1].quality == Quality()
    assert not desk.controller.drafts.drafting


def test_scrubbing_shows_that_moment(desk: Desk) -> None:
    desk.two_keys()
    before = desk.controller.scene
    desk.drag(QPoint(desk.at_time(0.0).x(), 8), QPoint(desk.at_time(2.0).x(), 8))
    assert desk.panel.playhead == pytest.approx(2.0, abs=1 / 24)
    assert desk.shown() == pytest.approx(0.5, abs=0.05)
    assert desk.controller.scene is before


def test_the_hand_wins_at_a_paused_playhead_until_it_moves_on(desk: Desk) -> None:
    desk.two_keys()
    desk.panel.go_to(2.0)
    along = desk.shown()
    desk.controller.move_control(0, "azimuth", 1.7)
    assert desk.shown() == 1.7
    desk.controller.undo()
    assert desk.shown() == along
    # The stored scene has 2.0 already; what is seen is not that, so the hand must still be able to set it.
    desk.controller.move_control(0, "azimuth", 2.0)
    assert desk.shown() == 2.0
    desk.panel.go_to(0.0)
    assert desk.shown() == -1.0
    desk.controller.set_seed(5)
    assert desk.controller.shown_scene.origin == Seed(5)


def test_dragging_a_key_in_time_is_one_step(desk: Desk) -> None:
    desk.two_keys()
    before, steps = desk.controller.scene, desk.controller.undo_stack.count()
    desk.drag(desk.at_key(0, 1), desk.at_key(0, 1) - QPoint(180, 7))
    moved = desk.timeline.amounts[0].keys[1]
    assert moved.time < 3.5
    assert moved.amount == 2.0  # a sideways drag keeps the amount
    assert moved.time * 24 == pytest.approx(round(moved.time * 24))
    assert desk.panel.playhead == moved.time  # the picture of the key is under the eye
    assert desk.controller.undo_stack.count() == steps + 1
    desk.controller.undo()
    assert desk.controller.scene == before


def test_dragging_a_key_up_changes_its_amount(desk: Desk) -> None:
    desk.two_keys()
    desk.drag(desk.at_key(0, 0), desk.at_key(0, 0) - QPoint(-5, 40))
    key = desk.timeline.amounts[0].keys[0]
    assert key == AmountKey(0.0, 0.0)  # 40 of 160 pixels are a quarter of -2 .. 2
    assert desk.shown() == 0.0


def test_a_key_does_not_pass_its_neighbour(desk: Desk) -> None:
    desk.two_keys()
    desk.drag(desk.at_key(0, 1), desk.at_time(0.0) - QPoint(60, 0))
    times = [key.time for key in desk.timeline.amounts[0].keys]
    assert times == [0.0, pytest.approx(1 / 24)]


def test_delete_enter_and_arrows_work_from_the_keyboard(desk: Desk) -> None:
    desk.two_keys()
    view = desk.view
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Home)
    assert desk.panel.playhead == 0.0
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert desk.panel.playhead == pytest.approx(1 / 24)
    QTest.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    assert desk.panel.playhead == 4.0
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert view.selected == (0, 1)
    QTest.keyClick(view, Qt.Key.Key_Return)
    field = view.focusWidget()
    QTest.keyClicks(field, "-0,75")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert desk.timeline.amounts[0].keys[1] == AmountKey(4.0, -0.75)
    assert not field.isVisible()
    assert view.hasFocus()
    view.select((0, 1))
    QTest.keyClick(view, Qt.Key.Key_Delete)
    assert desk.timeline.amounts[0].keys == (AmountKey(0.0, -1.0),)
    view.select((0, 0))
    QTest.keyClick(view, Qt.Key.Key_Delete)
    assert not desk.timeline.amounts


def test_typing_nonsense_says_so_and_changes_nothing(desk: Desk) -> None:
    desk.two_keys()
    before = desk.controller.scene
    desk.view.select((0, 0))
    QTest.keyClick(desk.view, Qt.Key.Key_Return)
    field = desk.view.focusWidget()
    assert isinstance(field, NumberField)
    assert field.text() == "−1.00"
    for text in ("abc", "nan", "inf", "1e9", "1.2.3", "1,000.5"):
        field.selectAll()
        QTest.keyClicks(field, text)
        QTest.keyClick(field, Qt.Key.Key_Return)
        assert field.isVisible()
        assert (field.text(), field.sentence.endswith(" It is still −1.00.")) == (text, True)
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert not field.isVisible()
    assert desk.controller.scene is before


def test_a_typed_key_is_kept_when_the_focus_goes(desk: Desk) -> None:
    desk.two_keys()
    desk.view.select((0, 0))
    QTest.keyClick(desk.view, Qt.Key.Key_Return)
    field = desk.view.focusWidget()
    QTest.keyClicks(field, "0,123456")
    desk.panel.header.fps.setFocus()
    assert not field.isVisible()
    assert desk.timeline.amounts[0].keys[0] == AmountKey(0.0, 0.123456)
    desk.view.select((0, 0))
    QTest.keyClick(desk.view, Qt.Key.Key_Return)
    QTest.keyClick(desk.view.focusWidget(), Qt.Key.Key_Return)  # untouched: it stays what it is
    assert desk.timeline.amounts[0].keys[0] == AmountKey(0.0, 0.123456)


def test_double_click_adds_a_key_on_the_curve(desk: Desk) -> None:
    desk.two_keys()
    along = keys.amount_at(desk.timeline.amounts[0], 2.0)
    QTest.mouseDClick(desk.view.viewport(), Qt.MouseButton.LeftButton, pos=desk.at_time(2.0))
    assert desk.timeline.amounts[0].keys[1] == AmountKey(2.0, along)
    assert desk.view.selected == (0, 1)


def test_the_header_sets_timing_and_interpolation(desk: Desk) -> None:
    desk.two_keys()
    desk.panel.header.duration.setValue(2.0)
    desk.panel.header.fps.setValue(12)
    desk.panel.header.loop.setCurrentIndex(0)
    desk.panel.header.loop.activated.emit(0)
    desk.panel.header.between.activated.emit(1)
    timeline = desk.timeline
    assert (timeline.duration, timeline.fps, timeline.loop) == (2.0, 12, "once")
    assert timeline.amounts[0].interpolation == "lerp"
    assert desk.panel.playhead == 2.0
    for _ in range(4):
        desk.controller.undo()
    assert (desk.panel.header.duration.value(), desk.panel.header.fps.value()) == (4.0, 24)
    assert desk.panel.header.loop.currentText() == "Ping-pong"


def test_linked_panes_are_keyed_and_dragged_together(qtbot: QtBot) -> None:
    desk = Desk(qtbot, panes=3)
    desk.two_keys()
    assert [row.tracks for row in desk.view.rows] == [(0, 1, 2)]
    desk.drag(desk.at_key(0, 1), desk.at_key(0, 1) - QPoint(100, 0))
    assert len({track.keys for track in desk.timeline.amounts}) == 1
    desk.view.select((0, 0))
    QTest.keyClick(desk.view, Qt.Key.Key_Delete)
    QTest.keyClick(desk.view, Qt.Key.Key_Delete)
    assert len(desk.timeline.amounts) in (0, 3)


def test_traverse_makes_a_timeline_and_plays_it(desk: Desk) -> None:
    desk.panel.traverse(0, "hue")
    assert desk.panel.player.playing
    assert [key.amount for key in desk.timeline.amounts[0].keys] == [-2, 2]
    desk.pass_time(1.0)
    assert -2 < desk.shown("hue") < 2
    desk.controller.undo()
    assert not desk.panel.player.playing
    assert desk.shown("hue") == 0


def test_another_model_ends_the_preview(desk: Desk) -> None:
    desk.two_keys()
    desk.panel.toggle_play()
    scene = desk.controller.scene
    desk.controller.apply(replace(scene, model=replace(scene.model, path="other"), timeline=Timeline()), "Open")
    assert not desk.panel.player.playing
    assert desk.controller.shown_scene is desk.controller.scene
    assert desk.panel.playhead == 0


def test_another_scene_is_seen_as_it_stands(desk: Desk) -> None:
    desk.two_keys()
    desk.panel.go_to(2.0)
    desk.controller.new_scene()
    assert desk.controller.shown_scene is desk.controller.scene
    desk.controller.undo()
    assert desk.shown() == edit_of(desk.controller.scene.panes[0], "azimuth").amount == 2.0
    assert desk.panel.playhead == 4.0  # the moment at which the timeline shows this


def loaded(desk: Desk, azimuth: float, hue: float = 0.0) -> None:
    """A scene comes from a file, with azimuth going from -1 to 2 in 4 s, and sliders standing where they were left."""
    desk.two_keys()
    scene = desk.controller.scene
    pane = with_edit(with_edit(scene.panes[0], Edit("azimuth", azimuth)), Edit("hue", hue))
    desk.controller.load(replace(scene, panes=(pane,)))


@given(st.integers(0, 96), st.floats(-2, 2, width=16))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_playhead_and_the_sliders_agree_when_a_scene_comes(qtbot: QtBot, frame: int, hue: float) -> None:
    desk = Desk(qtbot)
    desk.two_keys()
    azimuth = edit_of(keys.at(desk.controller.scene, frame / 24).panes[0], "azimuth").amount
    loaded(desk, azimuth, hue)
    shown = keys.at(desk.controller.scene, desk.panel.playhead)
    assert desk.shown() == azimuth == edit_of(shown.panes[0], "azimuth").amount
    assert desk.shown("hue") == hue
    assert desk.panel.header.time.text() == f"{desk.panel.playhead:.2f} s"
    desk.controller.close()


def test_a_playhead_that_shows_nothing_says_so(desk: Desk) -> None:
    loaded(desk, 1.234567)
    assert desk.shown() == 1.234567
    assert desk.panel.header.time.text() == "as set"
    parked = desk.view.viewport().grab().toImage()
    desk.panel.go_to(0.0)
    assert desk.shown() == -1.0
    assert desk.panel.header.time.text() == "0.00 s"
    assert desk.view.viewport().grab().toImage() != parked
    desk.controller.load(desk.controller.scene)
    assert desk.panel.header.time.text() == "as set"
    desk.panel.add_key()  # what is seen is a moment of the timeline now
    assert desk.panel.header.time.text() == "0.00 s"
    assert desk.timeline.amounts[0].keys[0].amount == 1.234567


def test_a_film_is_seen_from_its_start(desk: Desk) -> None:
    loaded(desk, 1.234567)
    desk.panel.show_start()
    assert (desk.panel.playhead, desk.shown()) == (0.0, -1.0)
    loaded(desk, 2.0)
    desk.panel.show_start()
    assert (desk.panel.playhead, desk.shown()) == (4.0, 2.0)


def test_a_moving_slider_does_not_paint_the_timeline(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.two_keys()
    shown: list[object] = []
    monkeypatch.setattr(desk.view, "set_content", lambda *content: shown.append(content))
    desk.controller.move_control(0, "hue", 1.0)
    assert not shown
    desk.controller.set_linked(False)
    assert shown


def test_the_context_menu_edits_what_is_under_it(desk: Desk) -> None:
    desk.two_keys()
    menu = desk.view.menu_at(desk.at_key(0, 1).toPointF())
    assert menu is not None
    assert [action.text() for action in menu.actions() if action.text()] == [
        "Type amount…", "Delete keyframe", "Between keyframes", "Remove this track",
    ]  # fmt: skip
    next(action for action in menu.actions() if action.text() == "Delete keyframe").trigger()
    assert len(desk.timeline.amounts[0].keys) == 1
    assert desk.view.menu_at(QPoint(300, 8).toPointF()) is None
    menu.deleteLater()


def test_a_closed_panel_is_freed(qtbot: QtBot) -> None:
    controller, _ = controller_on()
    panel = TimelinePanel(controller)
    panel.show()
    gone = weakref.ref(panel)
    view = weakref.ref(panel.view)
    panel.close()
    panel.deleteLater()
    del panel
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert gone() is None
    assert view() is None
    controller.move_control(0, "azimuth", 1.0)


@pytest.fixture
def desk_of_values(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A slider that sets a value, which is 66.6 where nothing is set."""
    cards = (ControlCard(name="light", space="z", unit="°", low=54.0, high=132.3, shows="value"),)
    found = ControlSetCard(method="causes", title="Causes", space="z", fingerprint="f00d", controls=cards)
    monkeypatch.setattr(quiet, "controls", lambda ref: found)
    desk = Desk(qtbot)
    asked = next(one for one in reversed(desk.client.sent) if isinstance(one, FindPlaces))
    place = ControlPlace(value=66.6, low=54.0, high=132.3)
    desk.client.reply(PlacesFound(request_id=asked.request_id, places={"light": place}))
    yield desk
    desk.panel.player.stop()


def test_a_value_that_moves_later_begins_where_the_picture_stands(desk_of_values: Desk) -> None:
    """K at 0 s before anything is set keeps the seed and says so; do() at 2 s then moves from the factual value."""
    desk = desk_of_values
    said: list[str] = []
    desk.controller.noticed.connect(lambda notice: said.append(notice.sentence))
    desk.panel.add_key()
    assert said == [SEED_ALONE]
    desk.panel.go_to(2.0)
    desk.controller.move_control(0, "light", 110.0)
    desk.panel.add_key()
    (track,) = desk.timeline.amounts
    assert (track.holds, track.keys) == ("value", (AmountKey(0.0, 66.6), AmountKey(2.0, 110.0)))
    geometry, image = desk.view.geometry_now(), desk.view.viewport().grab().toImage()
    below = range(geometry.row_top(2) + 2, desk.view.viewport().height() - 2)
    assert len({image.pixel(geometry.left + 9, y) for y in below}) == 1  # no line of 0, which is not in its band
    desk.panel.go_to(4.0)
    desk.controller.move_control(0, "light", 66.6)  # sets it free
    assert edit_of(desk.controller.scene.panes[0], "light").is_nothing
    desk.panel.add_key()
    assert desk.timeline.amounts[0].keys[-1] == AmountKey(4.0, 66.6)
    assert said == [SEED_ALONE]


def test_a_value_of_another_seed_is_not_taken_for_that_of_this_one(desk: Desk) -> None:
    scene = keys.set_origin_key(keys.set_origin_key(desk.controller.scene, 0.0, Seed(3)), 4.0, Seed(8))
    set_at = replace(scene, panes=(with_edit(scene.panes[0], Edit("light", value=110.0)),))
    shown = replace(keys.at(scene, 4.0), panes=set_at.panes)
    made = captured(set_at, shown, 4.0, None, {(0, "light"): 66.6})
    assert made.timeline.amounts[0].keys == (AmountKey(4.0, 110.0),)
    made = captured(set_at, replace(shown, origin=Seed(3)), 2.0, None, {(0, "light"): 66.6})
    assert made.timeline.amounts[0].keys == (AmountKey(0.0, 66.6), AmountKey(2.0, 110.0))


def test_a_value_is_keyed_as_one_and_never_among_amounts(desk: Desk) -> None:
    scene = desk.controller.scene
    desk.controller.apply(replace(scene, panes=(with_edit(scene.panes[0], Edit("hue", value=30.0)),)), "Set")
    desk.panel.add_key()
    desk.panel.go_to(4.0)
    here = desk.controller.scene
    desk.controller.apply(replace(here, panes=(with_edit(here.panes[0], Edit("hue", value=90.0)),)), "Set")
    desk.panel.add_key()
    (track,) = desk.timeline.amounts
    assert (track.holds, [key.amount for key in track.keys]) == ("value", [30.0, 90.0])
    desk.panel.go_to(2.0)
    assert edit_of(desk.controller.shown_scene.panes[0], "hue").value == pytest.approx(60.0)
    notices: list[str] = []
    desk.controller.noticed.connect(lambda notice: notices.append(notice.sentence))
    before = desk.controller.scene
    desk.controller.apply(replace(before, panes=(with_edit(before.panes[0], Edit("hue", 1.0)),)), "Move")
    desk.panel.add_key()
    assert notices == ["The track of 'hue' holds values, so it cannot have a key of an amount; remove the track first."]
    assert desk.timeline == before.timeline
