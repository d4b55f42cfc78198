"""Drives the real program from inside its own event loop: a script of steps, each waiting for what the window shows.

A script is a generator that yields (what it waits for, condition). The window is made by the program's own ``main``,
with the real engine process; the mouse and the keys go through the window system's end of Qt, so hit tests, focus and
shortcuts are real.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from typing import TypeVar

from PySide6.QtCore import QObject, QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from explorer.ui.window.app import main
from explorer.ui.window.main_window import MainWindow

PATIENCE = 180.0  # seconds for one step: a limit for a hang, not a measurement
LEFT = Qt.MouseButton.LeftButton
NO_MODIFIER = Qt.KeyboardModifier.NoModifier
CONTROL = Qt.KeyboardModifier.ControlModifier

Steps = Iterator[tuple[str, Callable[[], bool]]]
"""What is waited for, and whether it has come."""


class Hand:
    """The user: mouse, keys, eyes."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.controller = window.controller

    def said(self) -> list[str]:
        """What the window tells its user now."""
        return self.window.toasts.sentences()

    def place(self, widget: QWidget, point: QPoint) -> QPoint:
        """``point`` of ``widget`` in pixels of its window."""
        return widget.mapTo(widget.window(), point)

    def press(self, widget: QWidget, point: QPoint) -> None:
        """Press the left button there, and hold it."""
        QTest.mousePress(widget.window().windowHandle(), LEFT, pos=self.place(widget, point))

    def move(self, widget: QWidget, point: QPoint) -> None:
        """Move the mouse there."""
        QTest.mouseMove(widget.window().windowHandle(), self.place(widget, point))

    def release(self, widget: QWidget, point: QPoint) -> None:
        """Let the left button go there."""
        QTest.mouseRelease(widget.window().windowHandle(), LEFT, pos=self.place(widget, point))

    def click(self, widget: QWidget) -> None:
        """Press and release in the middle of ``widget``."""
        middle = widget.rect().center()
        self.press(widget, middle)
        self.release(widget, middle)

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = NO_MODIFIER) -> None:
        """Type one key into the window, or the dialog over it."""
        over = QApplication.activeModalWidget() or self.window
        QTest.keyClick(over.windowHandle(), key, modifier)

    def type(self, text: str) -> None:
        """Type ``text`` (digits, signs, capital letters) key by key."""
        for letter in text:
            self.key(Qt.Key(ord(letter.upper())))

    def pixels(self, pane: int = 0) -> bytes:
        """The picture of a pane, as it came from the engine."""
        picture = self.controller.feed.picture(pane)
        assert picture is not None
        return bytes(picture.pixels)

    def settled(self) -> bool:
        """Whether every pane shows the state of now, without a failure, and every control set is known."""
        pictures = self.controller.feed.pictures()
        for picture in pictures:
            assert not picture.error, picture.error
        known = all(self.controller.controls_card(pane) is not None for pane in range(len(pictures)))
        return bool(pictures) and known and all(picture.is_current for picture in pictures)

    def drag_slider(self, name: str, to: float) -> Steps:
        """Take the handle of a slider and bring it ``to`` a share 0..1 of its way; pictures are awaited on the way."""
        slider = next(row.slider for row in self.window.controls.rows() if row.card.name == name)
        start = QPoint(round(slider._x_of(slider.value)), slider.height() // 2)
        end = QPoint(round(8 + to * (slider.width() - 16)), slider.height() // 2)
        self.press(slider, start)
        for step in range(1, 13):
            self.move(slider, start + (end - start) * step / 12)
            if step % 4 == 0:
                yield f"the picture follows the slider {name}", self.settled
        self.release(slider, end)
        yield f"the full picture after the slider {name}", self.settled


AnyHand = TypeVar("AnyHand", bound=Hand)


class Runner(QObject):
    """Runs a script inside the event loop; a failure is printed and ends the program with code 3."""

    def __init__(self, window: MainWindow, script: Steps, said: Callable[[], list[str]]) -> None:
        super().__init__(window)
        self._window = window
        self._script = script
        self._said = said
        self._waiting: tuple[str, Callable[[], bool]] = ("the window", lambda: QApplication.activeWindow() is not None)
        self._since = time.monotonic()
        self._busy = False
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._step)
        self._timer.start(10)
        window.activateWindow()

    def _step(self) -> None:
        if self._busy:  # a modal dialog runs its own loop inside a step
            return
        self._busy = True
        try:
            what, condition = self._waiting
            if condition():
                self._waiting = next(self._script)
                self._since = time.monotonic()
            elif time.monotonic() - self._since > PATIENCE:
                raise TimeoutError(f"waited {PATIENCE:.0f} s for: {what}; said: {self._said()}")
        except StopIteration:
            self._timer.stop()
            self._window.close_unasked()
        except BaseException:  # noqa: BLE001  (whatever it is, the parent must hear of it)
            traceback.print_exc()
            self._timer.stop()
            self._window.controller.close()
            sys.stderr.flush()
            os._exit(3)
        finally:
            self._busy = False


def run(hand: Callable[[MainWindow], AnyHand], script: Callable[[AnyHand], Steps], model: str | None = None) -> int:
    """Start the program, with ``model`` if it is given, run ``script`` in it with a ``hand``, and return the program's
    exit code."""
    runners: list[Runner] = []

    def made(window: MainWindow) -> None:
        user = hand(window)
        runners.append(Runner(window, script(user), user.said))

    return main(model, made=made)
