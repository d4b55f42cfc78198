"""A hand that does not wait: 2,000 random slider events at 240 a second, with the real engine and a real canvas."""

from __future__ import annotations

import random

import numpy as np
import psutil
import pytest
from PySide6.QtCore import QElapsedTimer, QTimer
from pytestqt.qtbot import QtBot

from explorer.engine.engine import Engine
from explorer.service.client import ServiceClient
from explorer.ui.canvas.canvas import Canvas
from explorer.ui.state.controller import Controller

EVENTS = 2000
RATE = 240
PATIENCE = 120_000  # milliseconds: a limit for a hang, not a measurement


@pytest.mark.gui
def test_the_last_state_is_the_last_picture(qtbot: QtBot) -> None:
    controller = Controller(ServiceClient)
    canvas = Canvas(controller)
    qtbot.addWidget(canvas)
    canvas.resize(300, 330)
    canvas.show()
    controller.client.start()
    try:
        controller.open_model("shapes-btcvae")
        qtbot.waitUntil(lambda: controller.controls_card() is not None, timeout=PATIENCE)
        card = controller.controls_card()
        assert card is not None
        names = [control.name for control in card.controls]
        revisions: list[int] = []
        memory: list[int] = []

        def arrived(pane: int) -> None:
            picture = controller.feed.picture(pane)
            assert picture is not None
            revisions.append(picture.revision)

        controller.feed.picture_changed.connect(arrived)
        chance = random.Random(3)
        sent = 0
        clock = QElapsedTimer()

        def events() -> None:
            nonlocal sent
            while sent < min(EVENTS, clock.elapsed() * RATE // 1000):
                controller.move_control(0, chance.choice(names), chance.uniform(-3, 3), dragging=True)
                sent += 1
                if sent in (EVENTS // 4, EVENTS):
                    memory.append(int(psutil.Process().memory_info().rss))

        timer = QTimer(canvas)
        timer.setInterval(2)
        timer.timeout.connect(events)
        clock.start()
        timer.start()
        qtbot.waitUntil(lambda: sent >= EVENTS, timeout=PATIENCE)
        timer.stop()
        last = controller.scene
        controller.end_gesture()

        def settled() -> bool:
            picture = controller.feed.picture(0)
            return picture is not None and picture.is_current and picture.painted

        qtbot.waitUntil(settled, timeout=PATIENCE)
        picture = controller.feed.picture(0)
        assert picture is not None
        assert picture.image is not None
        assert picture.view is not None
        assert {edit.control: edit.amount for edit in picture.view.edits} == {
            edit.control: edit.amount for edit in last.panes[0].edits if edit.amount
        }
        pixels = np.frombuffer(picture.pixels, np.uint8).reshape(picture.image.height(), picture.image.width(), 4)
        expected = Engine().render([picture.view])[0].bgrx
        assert np.abs(pixels.astype(int) - expected).max() <= 1
        assert revisions == sorted(set(revisions))
        assert len(revisions) <= EVENTS + 2
        assert memory[1] < memory[0] * 1.05
    finally:
        controller.close()
