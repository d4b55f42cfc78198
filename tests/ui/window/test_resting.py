"""The window gives memory back when it rests, and not while pictures follow each other."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot
from quiet import controller_on

from explorer.ui.window import lifecycle
from explorer.ui.window.lifecycle import Resting

pytestmark = pytest.mark.gui


def test_memory_is_given_back_after_the_rest_and_once(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    monkeypatch.setattr(lifecycle.memory, "give_back", lambda: given.append(1))
    monkeypatch.setattr(lifecycle, "RESTED_MS", 400)
    controller, _ = controller_on()
    resting = Resting(controller.feed, controller)
    for pane in (0, 1, 0):
        controller.feed.picture_changed.emit(pane)
        assert resting._rest.interval() == 400  # whichever pane it was
        qtbot.wait(20)
    assert not given
    qtbot.waitUntil(lambda: bool(given), timeout=10000)
    qtbot.wait(500)
    assert given == [1]
