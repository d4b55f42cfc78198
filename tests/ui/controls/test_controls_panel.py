"""The control panel: rows of the selected pane, filter, passive ones, methods that do not fit."""

from __future__ import annotations

import gc
import weakref
from typing import TypeVar

import msgspec
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMainWindow, QStyleOptionComboBox
from pytestqt.qtbot import QtBot
from quiet import CARD, MODEL, controller_on

from explorer.scene.cards import ControlCard, ControlPlace, ControlSetCard, MethodCard, ReadySet, SpaceCard
from explorer.scene.editing import edit_of
from explorer.scene.marks import shown_name
from explorer.scene.model import ControlSetRef, Edit, Seed
from explorer.service.protocol import PROTOCOL_VERSION
from explorer.service.replies import (
    ControlsFound,
    ControlsPreview,
    EngineLost,
    JobProgress,
    MethodList,
    PlacesFound,
    Ready,
    Refused,
    Stopped,
)
from explorer.service.requests import Cancel, FindControls, FindPlaces, Request
from explorer.ui.actions.actions import ActionTable
from explorer.ui.canvas.canvas import Canvas
from explorer.ui.comparison.dialog import CompareDialog
from explorer.ui.controls.method_chooser import MethodChooser
from explorer.ui.controls.method_settings import MethodSettings
from explorer.ui.controls.panel import ControlsPanel
from explorer.ui.controls.row import LEAST_SLIDER, WIDEST_NAME, ControlRow
from explorer.ui.look import theme
from explorer.ui.state.catalogue import CANCELLED, GOES_ON, key_of
from explorer.ui.state.controller import Controller
from explorer.ui.window.docks import ROW_WIDTH

pytestmark = pytest.mark.gui
Asked = TypeVar("Asked", bound=Request)


class Panel:
    """A panel in a window, with the table of actions that it needs."""

    def __init__(self, qtbot: QtBot, panes: int = 1, methods: tuple[str, ...] = ("latent_axes",)) -> None:
        self.controller: Controller
        self.controller, self.client = controller_on(panes, methods)
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.table = ActionTable(self.window)
        self.table.bind("reset_all", self.controller.reset_all)
        self.table.bind("linked", self.controller.set_linked)
        canvas = Canvas(self.controller)
        qtbot.addWidget(canvas)
        MethodSettings(self.controller, self.table, canvas, self.window)
        self.panel = ControlsPanel(self.controller, self.table)
        self.window.setCentralWidget(self.panel)
        self.window.resize(400, 500)
        self.window.show()

    def names(self) -> list[str]:
        return [row.card.name for row in self.panel.rows() if row.isVisible()]

    def last(self, kind: type[Asked]) -> Asked:
        """The newest request of this kind."""
        return next(request for request in reversed(self.client.sent) if isinstance(request, kind))

    def answer(self, *badges: str) -> None:
        """Answer the open search with one control per badge."""
        controls = tuple(ControlCard(name=f"z{n}", space="z", badge=badge) for n, badge in enumerate(badges))  # type: ignore[arg-type]
        self.answer_controls(controls)

    def answer_controls(self, controls: tuple[ControlCard, ...]) -> None:
        """Answer the open search."""
        asked = self.last(FindControls)
        card = ControlSetCard(method="m", title="M", space="z", fingerprint="f00d", controls=controls)
        self.client.reply(
            ControlsFound(request_id=asked.request_id, model=asked.model, controls=asked.controls, card=card)
        )


def test_rows_follow_the_selected_pane(qtbot: QtBot) -> None:
    panel = Panel(qtbot, 2, ("latent_axes", "random"))
    assert panel.names() == ["azimuth", "hue", "size", "shape"]
    panel.controller.select_pane(1)
    assert panel.names() == ["random azimuth", "random hue", "random size", "random shape"]


def test_rows_are_kept_while_only_amounts_change(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    rows = panel.panel.rows()
    panel.controller.move_control(0, "hue", 1.1)
    panel.controller.set_seed(8)
    assert panel.panel.rows() == rows
    assert rows[1].slider.value == 1.1
    panel.controller.undo_stack.undo()
    panel.controller.undo_stack.undo()
    assert rows[1].slider.value == 0.0


def test_a_slider_moves_the_scene(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    panel.panel.rows()[2].moved.emit("size", -0.7, False)
    assert edit_of(panel.controller.scene.panes[0], "size").amount == -0.7


def test_the_filter_leaves_what_matches(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    panel.panel.filter.setText("S")
    assert panel.names() == ["size", "shape"]
    panel.panel.filter.clear()
    assert len(panel.names()) == 4


def test_passive_controls_are_folded_and_come_last(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    panel.client.answers_models = False
    panel.controller.set_method(0, ControlSetRef(method="other"))
    assert panel.names() == []
    assert panel.panel.message.text() == "Finding controls…"
    panel.answer("active", "passive", "mixed", "passive")
    assert panel.names() == ["z0", "z2"]
    assert panel.panel.folded.text() == "▸ 2 passive"
    panel.panel.folded.click()
    assert panel.names() == ["z0", "z2", "z1", "z3"]
    tops = [row.mapTo(panel.panel, row.rect().topLeft()).y() for row in panel.panel.rows()]
    assert tops == sorted(tops)


def test_badge_and_figure_say_what_they_were_measured_on(qtbot: QtBot) -> None:
    card = ControlCard(name="z0", space="z", badge="mixed", figure="0.48 nat", details=("KL 0.48 nats", "n = 400 of x"))
    row = ControlRow(card, 60)
    qtbot.addWidget(row)
    assert row.figure.toolTip() == "KL 0.48 nats\nn = 400 of x"
    assert row.badge.toolTip().splitlines()[1:] == ["KL 0.48 nats", "n = 400 of x"]
    assert row.badge.toolTip().startswith("Mixed: ")


def test_the_badge_switch_leaves_the_latents_that_are_used(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    assert not panel.panel.badges.isVisible()  # controls without badges
    panel.client.answers_models = False
    panel.controller.set_method(0, ControlSetRef(method="other"))
    panel.answer("active", "passive", "mixed")
    assert panel.panel.badges.isVisible()
    heard: list[str] = []
    panel.panel.badges.chosen.connect(heard.append)
    panel.panel.badges.buttons["non-passive"].click()
    assert panel.names() == ["z0", "z2"]
    assert not panel.panel.folded.isVisible()
    panel.panel.badges.buttons["active"].click()
    assert panel.names() == ["z0"]
    panel.panel.badges.buttons["active"].click()  # again changes nothing
    panel.panel.badges.buttons["all"].click()
    assert panel.names() == ["z0", "z2"]
    assert panel.panel.folded.isVisible()
    assert heard == ["non-passive", "active", "all"]


def _places(stops: tuple[float, ...]) -> dict[str, ControlPlace]:
    """The answer of the engine for a slider of amounts along learned values."""
    return {"z0": ControlPlace(value=-stops[0], low=min(0.0, stops[0]), high=max(0.0, stops[-1]), stops=stops)}


def _stepped(panel: Panel) -> ControlRow:
    """The row of a slider along five learned values, of which a picture may start at any."""
    panel.client.answers_models = False
    ref = ControlSetRef(method="codes")
    panel.controller.set_method(0, ref)
    steps = tuple(float(step) for step in range(-4, 5))
    card = ControlCard(name="z0", space="z", unit="codes", low=-4.0, high=4.0, detents=steps)
    found = ControlSetCard(method="codes", title="Codes", space="z", fingerprint="f00d", controls=(card,))
    number = panel.last(FindControls).request_id
    panel.client.reply(ControlsFound(request_id=number, model=MODEL, controls=ref, card=found))
    return panel.panel.rows()[0]


def test_a_slider_along_a_codebook_ends_where_the_codebook_ends(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    assert not any(isinstance(one, FindPlaces) for one in panel.client.sent)  # directions have no end
    row = _stepped(panel)
    asked = panel.last(FindPlaces)
    assert (asked.model, asked.controls, asked.start.origin) == (MODEL, ControlSetRef(method="codes"), Seed(3))
    panel.client.reply(PlacesFound(request_id=asked.request_id, places=_places((-3.0, -2.0, -1.0, 0.0, 1.0))))
    QTest.keyClick(row.slider, Qt.Key.Key_End)
    assert edit_of(panel.controller.scene.panes[0], "z0").amount == 1.0
    for _ in range(9):
        QTest.keyClick(row.slider, Qt.Key.Key_Left)
    assert edit_of(panel.controller.scene.panes[0], "z0").amount == -3.0
    assert panel.last(FindPlaces) is asked  # the start is what it was, whatever the amounts

    panel.controller.set_seed(4)
    assert edit_of(panel.controller.scene.panes[0], "z0").amount == -3.0  # amounts stay what they were
    newer = panel.last(FindPlaces)
    assert newer.start.origin == Seed(4)
    panel.client.reply(PlacesFound(request_id=asked.request_id, places=_places((0.0, 9.0))))  # overtaken
    panel.client.reply(PlacesFound(request_id=newer.request_id, places=_places((0.0, 1.0, 2.0, 3.0, 4.0))))
    QTest.keyClick(row.slider, Qt.Key.Key_End)
    assert edit_of(panel.controller.scene.panes[0], "z0").amount == 4.0


def test_a_new_engine_is_asked_where_a_codebook_ends(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    _stepped(panel)
    lost = panel.last(FindPlaces)
    panel.client.reply(EngineLost(sentence="It stopped.", restarting=True))
    panel.client.reply(Ready(version=PROTOCOL_VERSION, pid=2, device="cpu", precision="float32"))
    assert panel.last(FindPlaces).request_id != lost.request_id


def test_a_refused_search_says_why_and_can_be_tried_again(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    panel.client.answers_models = False
    panel.controller.set_method(0, ControlSetRef(method="other"))
    asked = next(request for request in reversed(panel.client.sent) if isinstance(request, FindControls))
    panel.client.reply(Refused(request_id=asked.request_id, sentence="'other' needs a w space."))
    assert panel.panel.message.text() == "'other' needs a w space."
    assert panel.panel.retry.isVisible()
    panel.panel.retry.click()
    panel.answer("")
    assert panel.names() == ["z0"]
    assert not panel.panel.retry.isVisible()


def test_methods_that_do_not_fit_are_listed_with_the_reason(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    refusals = {"sefa": "SeFa works on StyleGAN2 models."}
    panel.controller.catalogue._cards[key_of(MODEL)] = msgspec.structs.replace(CARD, refusals=refusals)
    fits = MethodCard(name="random", title="Random", spaces=("z",), trained=False, paper="")
    other = MethodCard(name="sefa", title="SeFa", spaces=("w",), trained=False, paper="")
    catalogue = panel.controller.catalogue
    catalogue.methods = {"random": fits, "sefa": other}
    catalogue.methods_changed.emit()
    box = panel.panel.method
    index = box.findData("sefa")
    items = box.model()
    assert isinstance(items, QStandardItemModel)
    assert not items.item(index).isEnabled()
    assert box.itemData(index, Qt.ItemDataRole.ToolTipRole) == "SeFa works on StyleGAN2 models."
    assert box.currentData() == "latent_axes"
    catalogue._cards[key_of(MODEL)] = CARD  # of an engine that does not say why
    catalogue.methods_changed.emit()
    tip = box.itemData(box.findData("sefa"), Qt.ItemDataRole.ToolTipRole)
    assert tip == "SeFa does not fit this model."


READY = (
    ReadySet(
        name="curves",
        title="Curves",
        controls=ControlSetRef(path="toy/controls/curves.safetensors", digest="0" * 64),
        note="2: hair, mixed",
    ),
    ReadySet(name="old", title="old", controls=ControlSetRef(path="toy/controls/old.safetensors"), problem="Damaged."),
)


def test_sets_that_come_with_the_model_are_offered_before_methods(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    catalogue, box = panel.controller.catalogue, panel.panel.method
    catalogue._cards[key_of(MODEL)] = msgspec.structs.replace(CARD, ready=READY)
    catalogue.methods_changed.emit()
    assert box.currentData() == "latent_axes"
    assert box.itemText(0) == "Curves  ·  comes with the model"
    assert box.itemData(0, Qt.ItemDataRole.ToolTipRole) == "2: hair, mixed"
    assert box.itemText(1) == "old"
    assert box.itemData(1, Qt.ItemDataRole.ToolTipRole) == "Damaged."
    items = box.model()
    assert isinstance(items, QStandardItemModel)
    assert not items.item(1).isEnabled()
    box.setCurrentIndex(0)
    box.activated.emit(0)
    assert panel.controller.scene.panes[0].controls == READY[0].controls
    assert panel.last(FindControls).controls == READY[0].controls
    assert (box.currentIndex(), closed_text(box)) == (0, "Curves")
    # What is made of it is of the same entry; a file of the user's own has one of its own.
    panel.controller.set_method(0, msgspec.structs.replace(READY[0].controls, units="effect"))
    assert (box.currentIndex(), closed_text(box)) == (0, "Curves")
    panel.controller.set_method(0, ControlSetRef(path="own.safetensors"))
    assert (box.currentIndex(), closed_text(box)) == (0, "own.safetensors")
    box.activated.emit(1)
    assert panel.controller.scene.panes[0].controls == READY[0].controls


def closed_text(box: MethodChooser) -> str:
    """What the list shows while it is closed."""
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    return option.currentText


def test_more_controls_keep_the_amounts_of_those_there_are(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    panel.controller.set_method(0, ControlSetRef(method="latent_axes", k=2))
    panel.controller.move_control(0, "hue", 1.0)
    panel.controller.set_method(0, ControlSetRef(method="latent_axes", k=4))
    assert edit_of(panel.controller.scene.panes[0], "hue").amount == 1.0
    panel.controller.set_method(0, ControlSetRef(method="random", k=4))
    assert panel.controller.scene.panes[0].edits == ()


def _roomy(qtbot: QtBot, method: str) -> Panel:
    """A panel with four controls of ``method`` in a space of 16, one of them moved, named and kept fixed."""
    panel = Panel(qtbot)
    roomy = msgspec.structs.replace(CARD, spaces={"z": SpaceCard(shape=(16,), prior="normal")})
    panel.controller.catalogue._cards[key_of(MODEL)] = roomy
    panel.controller.set_method(0, ControlSetRef(method=method, k=4))
    first = panel.panel.rows()[0].card.name
    panel.panel.menu.rename(first, "smile")
    panel.panel.menu.actions(first)[-1].trigger()
    panel.controller.move_control(0, first, 1.0)
    return panel


def test_more_of_a_set_that_grows_keeps_what_was_done(qtbot: QtBot) -> None:
    panel = _roomy(qtbot, "latent_axes")
    before = panel.controller.scene.panes[0]
    assert panel.panel.more.text() == "More…"
    assert "stay as they are" in panel.panel.more.toolTip()
    panel.panel.more.click()
    now = panel.controller.scene.panes[0]
    assert now == msgspec.structs.replace(before, controls=msgspec.structs.replace(before.controls, k=8))
    assert shown_name(panel.controller.scene, now.controls, "azimuth") == "smile"


def test_more_of_a_set_that_does_not_grow_are_others_and_the_link_says_so(qtbot: QtBot) -> None:
    panel = _roomy(qtbot, "random")
    assert panel.panel.more.text() == "8 others…"
    assert "Random finds its controls together" in panel.panel.more.toolTip()
    assert "do not carry over" in panel.panel.more.toolTip()
    panel.panel.more.click()
    scene = panel.controller.scene
    assert scene.panes[0].controls == ControlSetRef(method="random", k=8)  # what was kept fixed was one of the others
    assert scene.panes[0].edits == ()
    assert shown_name(scene, scene.panes[0].controls, "random azimuth") == "random azimuth"
    panel.controller.undo()
    scene = panel.controller.scene
    assert shown_name(scene, scene.panes[0].controls, "random azimuth") == "smile"
    assert edit_of(scene.panes[0], "random azimuth").amount == 1.0


def test_the_link_button_is_there_for_several_panes_only(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    assert not panel.panel.linked.isVisible()
    panel.controller.duplicate_pane()
    assert panel.panel.linked.isVisible()
    assert panel.panel.pane.text() == "Pane 2 of 2"


def test_without_a_model_it_says_what_will_be_here(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    panel.controller.load(msgspec.structs.replace(panel.controller.scene, model=type(MODEL)(path="")))
    assert "once it is open" in panel.panel.message.text()


def test_a_closed_panel_is_freed(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    alive = weakref.ref(panel.panel)
    panel.window.takeCentralWidget().deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    panel.panel = None  # type: ignore[assignment]
    gc.collect()
    assert alive() is None


def test_list_of_methods_arrives_late(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    card = MethodCard(name="latent_axes", title="Axes of z", spaces=(), trained=False, paper="")
    panel.controller.catalogue.open_model(MODEL)
    request = 10_000
    panel.controller.catalogue._pending[request] = object()  # type: ignore[assignment]
    panel.client.reply(MethodList(request_id=request, methods=(card,)))
    assert panel.panel.method.itemText(0) == "Axes of z"


# --- names, stars, hidden and pinned controls -------------------------------------------------------------------------


def _choose(panel: Panel, control: str, text: str) -> None:
    """Choose an entry of a control's menu."""
    action = next(one for one in panel.panel.menu.actions(control) if one.text().startswith(text))
    action.trigger()


def test_a_control_is_called_what_the_user_calls_it(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    panel.panel.menu.rename("hue", " skin ")
    row = panel.panel.rows()[1]
    assert (row.shown_name, row.card.name, row.name.text()) == ("skin", "hue", "skin")
    assert "hue" in row.name.toolTip()
    panel.panel.filter.setText("ski")
    assert panel.names() == ["hue"]
    panel.panel.filter.setText("hue")
    assert panel.names() == ["hue"]
    panel.controller.move_control(0, "hue", 1.0)
    panel.controller.undo()
    panel.controller.undo()
    assert panel.panel.rows()[1].shown_name == "hue"


def test_pinned_come_first_and_hidden_ones_are_folded_away(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    _choose(panel, "size", "Pin")
    _choose(panel, "azimuth", "Hide")
    assert panel.names() == ["size", "hue", "shape"]
    assert panel.panel.hidden.text().endswith("1 hidden")
    panel.panel.hidden.click()
    assert panel.names() == ["size", "hue", "shape", "azimuth"]
    _choose(panel, "azimuth", "Hide")
    _choose(panel, "size", "Pin")
    assert panel.names() == ["azimuth", "hue", "size", "shape"]
    assert panel.controller.scene.marks == ()


def test_a_star_is_seen_and_stays_when_the_set_grows(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    _choose(panel, "hue", "Star")
    assert panel.panel.rows()[1].name.text() == "★ hue"
    controls = panel.controller.scene.panes[0].controls
    panel.controller.set_method(0, msgspec.structs.replace(controls, k=20, units="effect"))
    assert panel.panel.rows()[1].name.text() == "★ hue"


def test_what_is_kept_fixed_is_left_out_of_the_others(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    _choose(panel, "hue", "Keep fixed")
    assert panel.controller.scene.panes[0].controls.without == ("hue",)
    _choose(panel, "size", "Keep fixed")
    assert panel.controller.scene.panes[0].controls.without == ("hue", "size")
    _choose(panel, "hue", "Keep fixed")
    assert panel.controller.scene.panes[0].controls.without == ("size",)


# --- a search that takes long -----------------------------------------------------------------------------------------


def test_a_search_shows_how_far_it_is_and_what_it_has(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.ui.state.job_list.WORTH_LISTING", 0.0)
    panel = Panel(qtbot)
    panel.client.answers_models = False
    panel.controller.set_method(0, ControlSetRef(method="voynov"))
    asked = panel.client.sent[-1]
    assert isinstance(asked, FindControls)
    panel.client.reply(JobProgress(request_id=asked.request_id, title="Finding controls", share=0.25, remaining=90))
    strip = panel.panel.searching
    assert strip.isVisible()
    assert strip.text.text() == "Searching… 25%, 1 min 30 s left"
    assert strip.text.toolTip().startswith("Voynov:")
    found = ControlSetCard(
        method="voynov", title="Voynov", space="z", fingerprint="f00d",
        controls=(ControlCard(name="direction 1", space="z"),), note="Still searching.",
    )  # fmt: skip
    preview = ControlsPreview(request_id=asked.request_id, model=asked.model, controls=asked.controls, card=found)
    panel.client.reply(preview)
    assert panel.names() == ["direction 1"]
    assert "so far" in panel.panel.message.text()
    assert not panel.panel.more.isVisible()  # more of what is still being looked for would begin again
    panel.controller.move_control(0, "direction 1", 2.0)
    panel.client.draw()
    shown = len(panel.client.shown)
    panel.client.reply(preview)  # other directions under the same names
    assert len(panel.client.shown) == shown + 1
    assert panel.controller.catalogue.is_preview(asked.model, asked.controls)
    strip.cancel.click()
    assert isinstance(panel.client.sent[-1], Cancel)
    panel.client.reply(Stopped(request_id=asked.request_id))
    assert not strip.isVisible()
    assert panel.names() == []  # what an unfinished search had found is not kept
    assert panel.panel.message.text() == CANCELLED
    assert panel.panel.retry.text() == "Try again"


def test_a_search_that_goes_on_where_it_was_says_so_when_it_is_cancelled(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = Panel(qtbot)
    panel.client.answers_models = False
    for name, trained in (("voynov", True), ("pca", False)):
        card = MethodCard(name=name, title=name, trained=trained, spaces=("z",), paper="")
        panel.controller.catalogue.methods = {name: card}
        panel.controller.set_method(0, ControlSetRef(method=name))
        panel.client.reply(Stopped(request_id=panel.last(FindControls).request_id))
        assert panel.panel.message.text() == (f"{CANCELLED} {GOES_ON}" if trained else CANCELLED)
        assert panel.panel.retry.text() == ("Go on" if trained else "Try again")
    panel.panel.retry.click()
    assert panel.panel.message.text() == "Finding controls…"


def test_a_search_that_goes_on_lets_no_slider_slip_from_the_hand(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.ui.state.job_list.WORTH_LISTING", 0.0)
    panel = Panel(qtbot)
    panel.client.answers_models = False
    panel.controller.set_method(0, ControlSetRef(method="voynov"))
    asked = panel.client.sent[-1]
    assert isinstance(asked, FindControls)
    told = {"request_id": asked.request_id, "model": asked.model, "controls": asked.controls}

    def card(figure: str, high: float) -> ControlSetCard:
        controls = (
            ControlCard(name="d", space="z", low=-3.0, high=high, figure=figure, details=(f"now {figure}",)),
            ControlCard(name="e", space="z"),
        )
        return ControlSetCard(method="voynov", title="Voynov", space="z", fingerprint="f00d", controls=controls)

    panel.client.reply(ControlsPreview(**told, card=card("40%", 3.0)))
    row, other = panel.panel.rows()
    place = QPoint(row.slider.width() // 2, row.slider.height() // 2)
    QTest.mousePress(row.slider, Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseMove(row.slider, place + QPoint(10, 0))
    QTest.keyClicks(other.box, "1.2")  # what is being typed stays as well
    panel.client.reply(ControlsPreview(**told, card=card("45%", 3.0)))
    assert (row.figure.text(), row.figure.toolTip()) == ("45%", "now 45%")
    assert "now 45%" in row.name.toolTip()
    QTest.mouseMove(row.slider, place + QPoint(20, 0))
    panel.client.reply(ControlsFound(**told, card=card("50%", 4.0)))
    assert panel.panel.rows() == [row, other]
    assert (row.figure.text(), row.box.maximum()) == ("50%", 4.0 + 3.0 * 7.0)
    assert "1.2" in other.box.lineEdit().text()
    QTest.mouseMove(row.slider, place + QPoint(30, 0))
    QTest.mouseRelease(row.slider, Qt.MouseButton.LeftButton, pos=place + QPoint(30, 0))
    assert edit_of(panel.controller.scene.panes[0], "d").amount == row.slider.value
    assert row.slider.value == pytest.approx(row.slider._value_at(place.x() + 30), abs=1e-4)
    other.box.restore()


def test_the_end_of_a_search_takes_the_place_of_its_previews(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.ui.state.job_list.WORTH_LISTING", 0.0)
    panel = Panel(qtbot)
    panel.client.answers_models = False
    panel.controller.set_method(0, ControlSetRef(method="voynov"))
    asked = panel.client.sent[-1]
    assert isinstance(asked, FindControls)
    card = ControlSetCard(
        method="voynov", title="Voynov", space="z", fingerprint="f00d", controls=(ControlCard(name="d", space="z"),)
    )
    told = {"request_id": asked.request_id, "model": asked.model, "controls": asked.controls}
    panel.client.reply(ControlsPreview(**told, card=msgspec.structs.replace(card, note="Still searching.")))
    panel.controller.move_control(0, "d", 1.0)
    shown = len(panel.client.shown)
    panel.client.reply(ControlsFound(**told, card=card))
    assert len(panel.client.shown) == shown + 1  # the picture of the final direction
    assert not panel.controller.catalogue.is_preview(asked.model, asked.controls)


# --- room -------------------------------------------------------------------------------------------------------------


def test_sliders_take_the_room_that_names_do_not_need(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    rows = panel.panel.rows()
    widest = max(row.fontMetrics().horizontalAdvance(row.name.text()) for row in rows)
    assert {row.name.width() for row in rows} == {widest + 4}  # nothing is cut, nothing is left empty
    assert len({row.slider.x() for row in rows}) == 1
    before = rows[0].slider.width()
    panel.panel.menu.rename("hue", "a name that is longer than any row of the panel can be, of many words")
    rows = panel.panel.rows()
    assert {row.name.width() for row in rows} == {min(row.name.width() for row in rows)}
    assert rows[0].name.width() <= WIDEST_NAME
    qtbot.waitUntil(lambda: LEAST_SLIDER <= rows[0].slider.width() < before)


def test_the_narrowest_panel_can_be_read(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    panel.window.resize(ROW_WIDTH, 500)
    row, field = panel.panel.rows()[0], panel.panel.filter
    assert row.slider.width() >= LEAST_SLIDER
    assert field.width() > field.fontMetrics().horizontalAdvance(field.placeholderText()) + 12
    for widget in (field, panel.panel.method, panel.panel.settings, row):
        assert widget.mapTo(panel.panel, widget.rect().bottomRight()).x() <= ROW_WIDTH


def test_the_list_of_methods_says_what_the_compare_dialog_says(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    kind = {"spaces": ("z",), "paper": ""}
    told = {
        "latent_axes": MethodCard(name="latent_axes", title="Latent axes", trained=False, **kind),
        "voynov": MethodCard(name="voynov", title="Voynov", trained=True, expensive=True, supervised=True, **kind),
        "random_orthogonal": MethodCard(
            name="random_orthogonal", title="Random orthogonal", trained=False, role="chance", **kind
        ),
    }
    catalogue = panel.controller.catalogue
    catalogue._cards[key_of(MODEL)] = msgspec.structs.replace(CARD, methods=tuple(told))
    catalogue.methods = told
    catalogue.methods_changed.emit()
    box = panel.panel.method
    listed = [box.itemText(index) for index in range(box.count())]
    assert listed == [
        "Latent axes", "Voynov  ·  takes minutes, learns from attributes", "Random orthogonal  ·  chance"
    ]  # fmt: skip
    dialog = CompareDialog(panel.controller)
    qtbot.addWidget(dialog)
    assert [dialog.methods.item(row).text() for row in range(dialog.methods.count())] == listed
    box.setCurrentIndex(1)
    assert closed_text(box) == "Voynov"  # the closed list has room for the title only


def test_links_below_the_rows_begin_where_the_rows_do(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    panel.client.answers_models = False
    panel.controller.set_method(0, ControlSetRef(method="other"))
    panel.answer("active", "passive")
    link, row = panel.panel.folded, panel.panel.rows()[0]
    panel.window.setStyleSheet(theme._sheet(theme.DARK))
    panel.window.repaint()
    edge = link.mapTo(panel.panel, QPoint(0, 0)).x()
    image = link.grab().toImage()
    ground = image.pixel(0, 0)
    ink = next(x for x in range(image.width()) if any(image.pixel(x, y) != ground for y in range(image.height())))
    assert abs(edge + ink - row.badge.mapTo(panel.panel, QPoint(0, 0)).x()) <= 3


def test_a_number_of_a_case_is_called_what_it_is(qtbot: QtBot) -> None:
    cases = ("as in seed @", "its own", "draw #")
    card = ControlCard(name="noise: x", space="z", unit="", low=-8.0, high=8.0, cases=cases)
    row = ControlRow(card, 0)
    qtbot.addWidget(row)
    row.set_edit(Edit("noise: x"))
    assert (row.box.text(), row.box.toolTip()) == ("its own", "Its own")
    row.set_edit(Edit("noise: x", 3.0))
    assert (row.box.text(), row.box.toolTip()) == ("draw 3", "Draw 3")
    row.set_edit(Edit("noise: x", -5.0))
    assert row.box.toolTip() == "As in seed 4"
    assert row.box.text() in ("as in seed 4", "in seed 4", "seed 4")  # as much as there is room for
    assert row.box.value() == -5.0
    moved: list[tuple[str, float, bool]] = []
    row.moved.connect(lambda *arguments: moved.append(arguments))
    row.box.setFocus()
    row.box.selectAll()
    qtbot.keyClicks(row.box, "2")
    qtbot.keyClick(row.box, Qt.Key.Key_Return)
    assert moved == [("noise: x", 2.0, False)]


def test_a_level_is_called_by_its_name(qtbot: QtBot) -> None:
    card = ControlCard(
        name="sex", space="z", unit="", low=0.0, high=1.0, shows="value", detents=(0.0, 1.0), labels=("female", "male")
    )
    row = ControlRow(card, 0)
    qtbot.addWidget(row)
    row.set_edit(Edit("sex", value=1.0))
    assert row.box.text() == row.box.toolTip() == "male"
    row.set_edit(Edit("sex", value=0.0))
    assert row.box.text() == "female"
    assert "0 female · 1 male" in row.slider.toolTip()
    long = msgspec.structs.replace(card, labels=("a name that is longer than the field", "b"))
    row.set_card(long, 0)
    row.set_edit(Edit("sex", value=0.0))
    assert row.box.text().endswith("…")
    assert row.box.toolTip() == long.labels[0]


def test_controls_of_cases_are_folded_below_the_others(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    panel.client.answers_models = False
    panel.controller.set_method(0, ControlSetRef(method="other"))
    cards = (
        ControlCard(name="rung", space="z", unit="", low=-8.0, high=8.0, cases=("see", "imagine", "do")),
        ControlCard(name="light", space="z"),
    )
    panel.answer_controls(cards)
    assert panel.names() == ["light"]
    assert panel.panel.folded.text() == "▸ 1 on noise and question"
    panel.panel.folded.click()
    assert panel.names() == ["light", "rung"]


def test_a_safe_range_is_a_line_under_the_slider_and_a_sentence_in_its_tip(qtbot: QtBot) -> None:
    row = ControlRow(ControlCard(name="PC 1", space="z", safe=(-1.25, 3.0)), 0)
    qtbot.addWidget(row)
    assert row.slider._underlined == (-1.25, 3.0)
    assert "The line under it, −1.25 to 3" in row.slider.toolTip()
    row.set_card(ControlCard(name="PC 1", space="z"), 0)
    assert row.slider._underlined is None
    assert "The line under it" not in row.slider.toolTip()
