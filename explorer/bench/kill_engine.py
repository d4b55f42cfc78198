"""The engine process is killed in the middle of a drag, again and again, under a real canvas."""

from __future__ import annotations

import os
import random
import signal
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from explorer.bench.screen import Screen
from explorer.errors import ExplorerError
from explorer.scene.cards import ControlCard
from explorer.ui.state.pace import percentile

MODEL = "faces-stylegan2"
SIZE = 512  # pixels of the picture on the canvas
STEPS = 16  # movements of one drag
PAUSE_MS = 8  # between two of them, as of a mouse


@dataclass(frozen=True)
class Round:
    """One engine that was killed. ``seconds``: from its death to the picture of the drag's end on the screen."""

    seconds: float
    same_picture: bool
    one_step: bool
    zombies: int
    processes: int


def measure(rounds: int, say: Callable[[str], None] = lambda line: None, model: str = MODEL) -> dict[str, object]:
    """Kill the engine ``rounds`` times while a slider of ``model`` is dragged.

    ``same_picture``: rounds after which the picture of the drag's end, and after undo that of before, were those of an
    engine that lived, bit for bit; ``one_step``: rounds that were one step of undo; ``zombies``: processes that nobody
    had asked after; ``processes``: the most engines at once. Raises :class:`ExplorerError`.
    """
    screen = Screen(crashes_allowed=rounds)
    chance = random.Random(rounds)
    try:
        say(f"{model}: opening")
        controls = screen.open(model, SIZE).controls
        done = []
        for number in range(rounds):
            say(f"{model}: engine {number + 1} of {rounds} is killed")
            done.append(_round(screen, chance.choice(controls), chance))
    finally:
        screen.close()
    seconds = [one.seconds for one in done]
    return {
        "model": model,
        "killed": rounds,
        "same_picture": sum(one.same_picture for one in done),
        "one_step": sum(one.one_step for one in done),
        "zombies": sum(one.zombies for one in done),
        "processes": max(one.processes for one in done),
        "left_processes": len(_children()),
        "seconds": {
            "median": round(statistics.median(seconds), 2),
            "p95": round(percentile(seconds, 0.95), 2),
            "max": round(max(seconds), 2),
        },
    }


def _round(screen: Screen, control: ControlCard, chance: random.Random) -> Round:
    controller = screen.controller
    begin = chance.uniform(control.low, control.high)
    end = chance.uniform(control.low, control.high)
    pictures = {}
    for amount in (end, begin):  # by an engine that lives
        controller.move_control(0, control.name, amount)
        screen.settle()
        pictures[amount] = _pixels(screen)
    before, steps = controller.scene, controller.undo_stack.index()
    killed, engine = 0.0, _engine(screen)
    fatal = chance.randrange(2, STEPS - 2)
    for step in range(1, STEPS + 1):
        amount = end if step == STEPS else begin + (end - begin) * step / STEPS
        controller.move_control(0, control.name, amount, dragging=True)
        if step == fatal:
            killed = time.perf_counter()
            os.kill(engine, signal.SIGKILL)
        _pause(PAUSE_MS)
    controller.move_control(0, control.name, end)
    screen.until(lambda: _engine(screen) not in (0, engine))
    screen.settle()
    seconds = time.perf_counter() - killed
    same = _pixels(screen) == pictures[end]
    children = _children()
    zombies = sum(child.status() == psutil.STATUS_ZOMBIE for child in children)
    is_one = controller.undo_stack.index() == steps + 1
    controller.undo()
    screen.settle()
    is_one = is_one and controller.scene == before
    return Round(seconds, same and _pixels(screen) == pictures[begin], is_one, zombies, len(children) - zombies)


def _engine(screen: Screen) -> int:
    """The number of the engine process that has said that it is there; 0 while there is none."""
    ready = screen.controller.engine
    return ready.pid if ready is not None else 0


def _pixels(screen: Screen) -> bytes:
    picture = screen.controller.feed.picture(0)
    if picture is None or not picture.pixels:
        raise ExplorerError("There is no picture on the canvas; try the model in the window.")
    return picture.pixels


def _children() -> list[psutil.Process]:
    """Engines, those that are dead and not asked after included: they have no command any more."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if child.status() == psutil.STATUS_ZOMBIE or "explorer.service.server" in child.cmdline():
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def _pause(milliseconds: int) -> None:
    """Let the event loop run so long."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()
    QApplication.processEvents()
