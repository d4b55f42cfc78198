"""From the event to the screen, through the real engine process and a real widget."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import psutil
from PySide6.QtCore import QElapsedTimer, QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from explorer.errors import ExplorerError
from explorer.scene.cards import ControlSetCard
from explorer.service.client import CRASHES_ALLOWED, ServiceClient
from explorer.ui.canvas.canvas import Canvas
from explorer.ui.state.controller import Controller
from explorer.ui.state.pace import Sample

EVENTS = 150  # one at a time, the next after the picture of the one before
STORM = 480  # at 240 a second: two seconds of a hand that does not wait
STORM_HZ = 240
HEARTBEAT_MS = 2
PATIENCE = 180.0  # seconds for a model to load on a slow machine


@dataclass(frozen=True)
class Figures:
    """What one model does on one canvas. Times in milliseconds, memory in bytes.

    ``event_to_screen``, ``paint``: of single events. ``asked``, ``drawn``, ``dropped``, ``stalls`` (gaps between turns
    of the window's event loop beyond the heartbeat): of the storm.
    """

    event_to_screen: list[float]
    paint: list[float]
    copy: list[float]
    asked: int
    drawn: int
    dropped: int
    storm_event_to_screen: list[float]
    stalls: list[float]
    window_memory: int
    engine_memory: int


class Screen:
    """One engine process and one canvas for all models. ``crashes_allowed``: as of the client."""

    def __init__(self, crashes_allowed: int = CRASHES_ALLOWED) -> None:
        self._app = QApplication.instance() or QApplication([])
        self.controller = Controller(partial(ServiceClient, crashes_allowed=crashes_allowed))
        self._canvas = Canvas(self.controller)
        self._problem = ""
        self.controller.noticed.connect(self._on_notice)
        # Wakes a wait for something that never comes, so that it ends at its limit.
        self._waker = QTimer(self._canvas)
        self._waker.setInterval(100)
        self._waker.start()
        self.controller.client.start()

    def close(self) -> None:
        """End the engine process and the canvas."""
        self.controller.close()
        self._canvas.close()
        self._canvas.deleteLater()

    def measure(self, model: str, size: int) -> Figures:
        """Drive the first slider of ``model`` on a picture of ``size`` x ``size`` pixels.

        Raises :class:`ExplorerError` when the model cannot be opened.
        """
        controller, feed = self.controller, self.controller.feed
        control = self.open(model, size).controls[0]
        chance = random.Random(size)  # other amounts on every canvas: the engine keeps the pictures of old ones
        feed.samples.clear()
        for _ in range(EVENTS):
            before = len(feed.samples)
            controller.move_control(0, control.name, chance.uniform(control.low, control.high), dragging=True)
            self.until(lambda wanted=before + 1: len(feed.samples) >= wanted)  # type: ignore[misc]
        single = list(feed.samples)
        asked, drawn, storm, stalls = self._storm(control.name, control.low, control.high, size + 1)
        controller.move_control(0, control.name, 0.0, dragging=False)
        self.settle()
        picture = feed.picture(0)
        engine = picture.frame.engine_memory if picture is not None and picture.frame is not None else 0
        return Figures(
            event_to_screen=[sample.total for sample in single],
            paint=[sample.paint for sample in single],
            copy=[sample.copy for sample in single],
            asked=asked,
            drawn=drawn,
            dropped=asked - drawn,
            storm_event_to_screen=[sample.total for sample in storm],
            stalls=stalls,
            window_memory=int(psutil.Process().memory_info().rss),
            engine_memory=engine,
        )

    def open(self, model: str, size: int) -> ControlSetCard:
        """Show ``model`` on a picture of ``size`` x ``size`` pixels; returns its sliders. Raises
        :class:`ExplorerError`."""
        controller = self.controller
        controller.open_model(model)
        self.until(lambda: controller.model_card() is not None and controller.model_card().path.endswith(model))  # type: ignore[union-attr]
        self.until(lambda: controller.controls_card() is not None)
        card = controller.controls_card()
        assert card is not None
        self._fit(size)
        self.settle()
        return card

    def _storm(self, name: str, low: float, high: float, seed: int) -> tuple[int, int, list[Sample], list[float]]:
        """Events at :data:`STORM_HZ` whether or not pictures keep up; (asked, drawn, samples, stalls)."""
        controller, feed = self.controller, self.controller.feed
        self.settle()
        feed.samples.clear()
        chance = random.Random(seed)
        sent = 0
        stalls: list[float] = []
        beat = QElapsedTimer()
        beat.start()
        clock = QElapsedTimer()
        clock.start()

        def event() -> None:
            nonlocal sent
            # By time, not by tick: a slow window gets the events it owes at once, as a real pointer's arrive.
            while sent < min(STORM, clock.elapsed() * STORM_HZ / 1000):
                controller.move_control(0, name, chance.uniform(low, high), dragging=True)
                sent += 1

        def heartbeat() -> None:
            stalls.append(max(0.0, beat.nsecsElapsed() / 1e6 - HEARTBEAT_MS))
            beat.restart()

        events, heart = QTimer(), QTimer()
        events.setInterval(1)
        events.timeout.connect(event)
        heart.setInterval(HEARTBEAT_MS)
        heart.timeout.connect(heartbeat)
        events.start()
        heart.start()
        self.until(lambda: sent >= STORM)
        events.stop()
        heart.stop()
        self.settle()
        return STORM, len(feed.samples), list(feed.samples), stalls

    def _fit(self, size: int) -> None:
        """Make the canvas as large as it must be for a picture of ``size`` pixels."""
        self._canvas.resize(size + 64, size + 96)
        self._canvas.show()
        for _ in range(4):
            (_, cell), *_ = self._canvas.cells()
            missing = size - cell.picture.width()
            if missing == 0:
                break
            self._canvas.resize(self._canvas.width() + missing, self._canvas.height() + missing)
            self._app.processEvents()

    def settle(self) -> None:
        """Wait until the picture on the canvas is of the current state, and painted."""
        feed = self.controller.feed
        self.until(
            lambda: (
                len(feed) > 0
                and all(
                    (picture := feed.picture(pane)) is not None and picture.is_current and picture.painted
                    for pane in range(len(feed))
                )
            )
        )

    def until(self, done: Callable[[], bool]) -> None:
        """Run the event loop until ``done``; raises :class:`ExplorerError` on a failure that the window would show."""
        limit = time.monotonic() + PATIENCE
        while not done():
            self._app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
            if self._problem:
                raise ExplorerError(self._problem)
            if time.monotonic() > limit:
                raise ExplorerError("The engine did not answer in time; see its log, and try the model in the window.")

    def _on_notice(self, notice: object) -> None:
        if getattr(notice, "kind", "") == "error":
            self._problem = str(getattr(notice, "sentence", notice))
