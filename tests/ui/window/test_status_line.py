"""What the status line and its popover say of speed."""

from __future__ import annotations

import re

import msgspec
import pytest
from PySide6.QtWidgets import QGridLayout, QLabel
from pytestqt.qtbot import QtBot
from quiet import QuietClient, controller_on

from explorer.scene.model import ModelRef
from explorer.ui.state.controller import Controller
from explorer.ui.window.status_line import StatusLine, WhySlow

pytestmark = pytest.mark.gui


class Desk:
    """The line below a controller on a toy model."""

    def __init__(self, qtbot: QtBot, panes: int = 1) -> None:
        self.controller: Controller
        self.client: QuietClient
        self.controller, self.client = controller_on(panes)
        self.line = StatusLine(self.controller)
        qtbot.addWidget(self.line)
        self.line.resize(1400, 24)
        self.line.show()

    def draw(self, **milliseconds: float) -> None:
        """Have what is due drawn in that time, and painted."""
        self.client.draw(**milliseconds)
        for pane in range(len(self.controller.feed)):
            self.controller.feed.note_paint(pane, 0.5)

    def text(self) -> str:
        self.line.refresh()
        return self.line.figures.text()


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    return Desk(qtbot)


def test_it_is_empty_until_the_model_has_drawn(desk: Desk) -> None:
    assert desk.text() == ""
    desk.draw(forward_ms=20.0, engine_ms=21.0)
    assert "render 20.0 ms" in desk.text()
    assert "last 1 picture" in desk.text()
    desk.controller.apply(
        msgspec.structs.replace(desk.controller.scene, model=ModelRef(path="other", fingerprint="0f")), "Open other"
    )
    assert desk.line.figures.text() == ""  # not the last model's times, at once
    desk.draw(forward_ms=3.0, engine_ms=4.0)
    assert "render 3.0 ms" in desk.text()


def test_pictures_that_were_kept_are_not_rendered_in_no_time(desk: Desk) -> None:
    desk.draw(forward_ms=20.0, engine_ms=21.0)
    for seed in range(40):
        desk.controller.set_seed(seed)
        desk.draw(forward_ms=0.0, engine_ms=1.0, batch=0)
    assert "render 20.0 ms" in desk.text()
    desk.controller.feed.pace.clear()
    desk.controller.set_seed(50)
    desk.draw(forward_ms=0.0, engine_ms=1.0, batch=0)
    assert "render" not in desk.text()


def test_a_rate_is_said_while_pictures_come(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "fps" not in desk.text()
    now = 100.0
    monkeypatch.setattr(desk.controller.feed.pace, "_clock", lambda: now)
    for seed in range(12):
        now += 0.04
        desk.controller.set_seed(seed + 100)
        desk.draw()
    assert desk.text().startswith("25 fps")
    now += 3.0
    assert "fps" not in desk.text()
    assert "event → screen" in desk.text()


def test_few_pictures_have_no_95th_percentile(desk: Desk) -> None:
    for seed in range(30):
        desk.controller.set_seed(seed + 100)
        desk.draw()
        assert ("p95" in desk.text()) == (len(desk.controller.feed.samples) >= 20)


def test_the_parts_in_the_popover_add_up(qtbot: QtBot) -> None:
    desk = Desk(qtbot, panes=3)
    for seed in range(7):
        desk.controller.set_seed(seed + 100)
        desk.draw(waited_ms=0.33 * seed, forward_ms=1.27 + seed, convert_ms=0.11, engine_ms=9.54 + 2 * seed)
    popover = WhySlow(desk.controller.feed.pace.newest(), desk.line)
    title = next(label.text() for label in popover.findChildren(QLabel) if "Event → screen" in label.text())
    (grid,) = popover.findChildren(QGridLayout)
    parts = [grid.itemAtPosition(row, 1).widget().text() for row in range(grid.rowCount())]  # type: ignore[union-attr]
    total = re.search(r"([\d.]+) ms, mean of 21 pictures", title)
    popover.deleteLater()
    assert total is not None
    assert sum(float(part.removesuffix(" ms")) for part in parts) == pytest.approx(float(total[1]), abs=1e-9)
