"""The control panel: rows of the selected pane, filter, passive ones, methods that do not fit."""

from __future__ import annotations

import gc
import weakref

import msgspec
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot
from quiet import CARD, MODEL, controller_on

from explorer.scene.cards import ControlCard, ControlSetCard, MethodCard
from explorer.scene.editing import amount_of
from explorer.scene.model import ControlSetRef
from explorer.service.protocol import ControlsFound, FindControls, MethodList, Refused
from explorer.ui.actions import ActionTable
from explorer.ui.catalogue import key_of
from explorer.ui.controller import Controller
from explorer.ui.controls_panel import ControlsPanel

pytestmark = pytest.mark.gui


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
        self.panel = ControlsPanel(self.controller, self.table)
        self.window.setCentralWidget(self.panel)
        self.window.resize(400, 500)
        self.window.show()

    def names(self) -> list[str]:
        return [row.card.name for row in self.panel.rows() if row.isVisible()]

    def answer(self, *badges: str) -> None:
        """Answer the open search with one control per badge."""
        asked = next(request for request in reversed(self.client.sent) if isinstance(request, FindControls))
        controls = tuple(ControlCard(name=f"z{n}", space="z", badge=badge) for n, badge in enumerate(badges))  # type: ignore[arg-type]
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
    assert amount_of(panel.controller.scene.panes[0], "size") == -0.7


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
    assert panel.panel.passive.text() == "▸ 2 passive"
    panel.panel.passive.click()
    assert panel.names() == ["z0", "z2", "z1", "z3"]
    tops = [row.mapTo(panel.panel, row.rect().topLeft()).y() for row in panel.panel.rows()]
    assert tops == sorted(tops)


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
    assert not panel.panel.passive.isVisible()
    panel.panel.badges.buttons["active"].click()
    assert panel.names() == ["z0"]
    panel.panel.badges.buttons["active"].click()  # again changes nothing
    panel.panel.badges.buttons["all"].click()
    assert panel.names() == ["z0", "z2"]
    assert panel.panel.passive.isVisible()
    assert heard == ["non-passive", "active", "all"]


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
    fits = MethodCard(name="random", title="Random", families=(), spaces=("z",), trained=False, paper="")
    other = MethodCard(name="sefa", title="SeFa", families=("stylegan2",), spaces=("w",), trained=False, paper="")
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


def test_more_controls_keep_the_amounts_of_those_there_are(qtbot: QtBot) -> None:
    panel = Panel(qtbot)
    panel.controller.set_method(0, ControlSetRef(method="latent_axes", k=2))
    panel.controller.move_control(0, "hue", 1.0)
    panel.controller.set_method(0, ControlSetRef(method="latent_axes", k=4))
    assert amount_of(panel.controller.scene.panes[0], "hue") == 1.0
    panel.controller.set_method(0, ControlSetRef(method="random", k=4))
    assert panel.controller.scene.panes[0].edits == ()


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
    card = MethodCard(name="latent_axes", title="Axes of z", families=(), spaces=(), trained=False, paper="")
    panel.controller.catalogue.open_model(MODEL)
    request = 10_000
    panel.controller.catalogue._pending[request] = object()  # type: ignore[assignment]
    panel.client.reply(MethodList(request_id=request, methods=(card,)))
    assert panel.panel.method.itemText(0) == "Axes of z"
