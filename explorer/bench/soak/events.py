"""What the hand does in a soak: sliders, numbers, keys, panes, models, methods, the timeline, docks."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from explorer.bench.driving import CONTROL, NO_MODIFIER, Steps
from explorer.bench.soak.actor import MOST_PANES, Actor, Event
from explorer.scene.defaults import default_controls
from explorer.ui.actions.shortcuts_page import ShortcutsPage
from explorer.ui.look.lazy_dock import LazyDock

Key = Qt.Key
SHIFT = Qt.KeyboardModifier.ShiftModifier
SHORTCUTS = (
    (Key.Key_R, NO_MODIFIER), (Key.Key_BracketRight, NO_MODIFIER), (Key.Key_BracketLeft, NO_MODIFIER),
    (Key.Key_B, NO_MODIFIER), (Key.Key_D, NO_MODIFIER), (Key.Key_U, NO_MODIFIER), (Key.Key_P, NO_MODIFIER),
    (Key.Key_L, NO_MODIFIER), (Key.Key_Z, NO_MODIFIER), (Key.Key_0, CONTROL), (Key.Key_C, CONTROL),
    (Key.Key_D, SHIFT), (Key.Key_Tab, CONTROL),
)  # fmt: skip
PALETTE = ("RANDOM SEED", "NEXT SEED", "LIGHT", "RESET ALL", "SHOW PIXELS")
PLAYED = 0.4
"""Seconds that a film plays."""


def passed(seconds: float) -> Callable[[], bool]:
    """Whether so much time has passed since now."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() >= until


def drag(actor: Actor) -> Steps:
    """A slider to and fro; now and then its pictures are awaited."""
    row = actor.some_row()
    if row is None:
        return
    slider, chance = row.slider, actor.chance
    here = QPoint(round(slider._x_of(slider.value)), slider.height() // 2)
    actor.press(slider, here)
    for number in range(chance.randint(3, 12)):
        here = actor.point(slider, chance.random())
        actor.move(slider, here)
        if number % 4 == 3:
            yield "the slider's picture", actor.is_drawn if chance.random() < 0.5 else lambda: True
    actor.release(slider, here)


def type_number(actor: Actor) -> Steps:
    """A number into the field beside a slider."""
    row = actor.some_row()
    if row is None:
        return
    number = actor.chance.uniform(row.card.low, row.card.high)
    actor.click(row.box)
    actor.key(Key.Key_A, CONTROL)
    actor.type(f"{number:.2f}")
    actor.key(Key.Key_Return)
    actor.on_canvas()
    yield from ()


def slider_keys(actor: Actor) -> Steps:
    """Arrows, Page Up, Home on a slider."""
    row = actor.some_row()
    if row is None:
        return
    row.slider.setFocus()
    for _ in range(actor.chance.randint(1, 6)):
        actor.key(actor.chance.choice((Key.Key_Left, Key.Key_Right, Key.Key_PageUp, Key.Key_PageDown, Key.Key_Home)))
        yield "the next key", lambda: True
    actor.on_canvas()


def shortcut(actor: Actor) -> Steps:
    """One of the window's shortcuts."""
    actor.on_canvas()
    actor.key(*actor.chance.choice(SHORTCUTS))
    yield from ()


def type_seed(actor: Actor) -> Steps:
    """A seed into the tool bar, or the spread."""
    bar, chance = actor.window.bar, actor.chance
    field, text = chance.choice(
        ((bar.seed, str(chance.randrange(1000))), (bar.spread_box, f"{chance.uniform(0.2, 1.2):.2f}"))
    )
    if not actor.is_there(field):
        return
    actor.click(field)
    actor.key(Key.Key_A, CONTROL)
    actor.type(text)
    actor.key(Key.Key_Return)
    actor.on_canvas()
    yield from ()


def add_pane(actor: Actor) -> Steps:
    """Another method beside this one, or a copy of it."""
    if len(actor.controller.scene.panes) < MOST_PANES:
        actor.on_canvas()
        actor.key(Key.Key_T, actor.chance.choice((CONTROL, CONTROL | SHIFT)))
    yield from ()


def remove_pane(actor: Actor) -> Steps:
    """Close the selected pane, where there are others."""
    if len(actor.controller.scene.panes) > 1:
        actor.on_canvas()
        actor.key(Key.Key_W, CONTROL)
    yield from ()


def select_pane(actor: Actor) -> Steps:
    """A click on a picture."""
    cells = actor.window.canvas.cells()
    if cells:
        _, cell = actor.chance.choice(cells)
        actor.press(actor.window.canvas, cell.picture.center())
        actor.release(actor.window.canvas, cell.picture.center())
    yield from ()


def change_model(actor: Actor) -> Steps:
    """Another shipped model: everywhere, in the selected pane, or beside it."""
    controller, chance = actor.controller, actor.chance
    name = chance.choice(actor.models)
    alone = chance.random() < 0.6 or len(controller.scene.panes) >= MOST_PANES
    if alone:
        actor.window.open_model(name)
    else:
        actor.window.commands.place_model(name, chance.choice(("pane", "beside")))
    yield f"{name} is open", lambda: not controller.is_opening()


def change_method(actor: Actor) -> Steps:
    """Another quick method in the selected pane, as the list above the sliders does it. None is quick on a diffusion
    model."""
    controller = actor.controller
    card = controller.model_card()
    if card is None or card.most_steps:
        return
    quick = [name for name in card.methods if controller.catalogue.is_quick(name)]
    if quick:
        method = actor.chance.choice(quick)
        controller.set_method(controller.scene.selected, default_controls(card, method))
    yield from ()


def cancel_search(actor: Actor) -> Steps:
    """A method that learns, which is cancelled before it has."""
    controller = actor.controller
    card, scene = controller.model_card(), controller.scene
    long = [name for name in card.methods if controller.catalogue.goes_on(name)] if card is not None else []
    if card is None or not long:
        return
    before = scene.panes[scene.selected].controls
    asked = default_controls(card, actor.chance.choice(long))
    controller.set_method(scene.selected, asked)

    def search() -> int | None:
        return controller.catalogue.search(scene.model_of(), asked)

    def listed() -> bool:
        return search() is None or search() in {job.request_id for job in controller.jobs.running()}

    yield "the search to be listed", listed
    if (number := search()) is not None:
        controller.jobs.cancel(number)
    yield "the search to be over", lambda: search() is None
    controller.set_method(scene.selected, before)


def undo(actor: Actor) -> Steps:
    """Some steps back, and some of them forward again."""
    actor.on_canvas()
    for _ in range(actor.chance.randint(1, 6)):
        actor.key(Key.Key_Z, CONTROL)
        yield "what is undone", actor.is_known
    for _ in range(actor.chance.randint(0, 4)):
        actor.key(Key.Key_Z, CONTROL | SHIFT)
        yield "what is redone", actor.is_known


def keyframes(actor: Actor) -> Steps:
    """Keyframes of the sliders or of the seed, here and there."""
    timeline, chance = actor.window.timeline, actor.chance
    actor.window.docks["timeline"].reveal()
    yield "the timeline", lambda: timeline.view.isVisible()
    timeline.header.duration.setValue(0.5)
    for _ in range(chance.randint(1, 3)):
        view = timeline.view.viewport()
        ruler = actor.point(view, chance.uniform(0.3, 0.95), 0)
        if actor.is_there(view):
            actor.press(view, ruler + QPoint(0, 6))
            actor.release(view, ruler + QPoint(0, 6))
        actor.on_canvas()
        actor.key(Key.Key_K, chance.choice((NO_MODIFIER, NO_MODIFIER, SHIFT)))
        yield "the keyframe", actor.is_known


def play(actor: Actor) -> Steps:
    """Play what there is for a while, else traverse a slider."""
    player = actor.window.timeline.player
    actor.on_canvas()
    has_keys = bool(actor.controller.scene.timeline.amounts or actor.controller.scene.timeline.origin.keys)
    actor.key(Key.Key_Space if has_keys else Key.Key_T)
    yield "some of the film", passed(PLAYED)
    player.stop()
    actor.window.timeline.leave()


def clear_timeline(actor: Actor) -> Steps:
    """No keyframes any more."""
    actor.window.table["clear_timeline"].trigger()
    yield from ()


def docks(actor: Actor) -> Steps:
    """A dock on or off, and another to the front."""
    window, chance = actor.window, actor.chance
    chance.choice(window.docks.toggles()).trigger()
    chance.choice(window.docks.values()).reveal()
    yield "the dock", passed(0.1)


def every_dock(actor: Actor) -> Steps:
    """All of them to the front, one after the other; a panel that is made when it is first seen is there afterwards,
    however low the dock is."""
    for dock in actor.window.docks.values():
        dock.reveal()
        yield f"the dock {dock.row.name}", passed(0.05)
        panel = dock.widget()
        if isinstance(panel, LazyDock):
            panel.panel.update()


def resize(actor: Actor) -> Steps:
    """Another size of the window."""
    actor.window.resize(actor.chance.randint(1024, 1440), actor.chance.randint(700, 900))
    yield "the window's size", passed(0.05)


def theme(actor: Actor) -> Steps:
    """Light or dark."""
    actor.window.table[actor.chance.choice(("theme_light", "theme_dark"))].trigger()
    yield from ()


def palette(actor: Actor) -> Steps:
    """The palette of commands, and one of them, typed."""
    actor.on_canvas()
    actor.key(Key.Key_K, CONTROL)
    yield "the palette", lambda: actor.window.palette_box.isVisible()
    actor.type(actor.chance.choice(PALETTE))
    actor.key(actor.chance.choice((Key.Key_Return, Key.Key_Escape)))
    yield "the palette to close", lambda: not actor.window.palette_box.isVisible()


def shortcuts_page(actor: Actor) -> Steps:
    """The page of all shortcuts, and away with it."""
    yield from actor.wait_for_dialog(actor.window.table["shortcuts"].trigger, ShortcutsPage)
    actor.key(Key.Key_Escape)
    yield "the page to close", lambda: QApplication.activeModalWidget() is None


EVENTS = (
    Event("drag a slider", drag, 8),
    Event("type a number", type_number, 4),
    Event("keys on a slider", slider_keys, 2),
    Event("shortcut", shortcut, 6),
    Event("type a seed", type_seed, 2),
    Event("add a pane", add_pane, 3),
    Event("remove a pane", remove_pane, 2),
    Event("select a pane", select_pane, 2),
    Event("change the model", change_model, 2),
    Event("change the method", change_method, 3),
    Event("cancel a search", cancel_search),
    Event("undo and redo", undo, 3),
    Event("keyframes", keyframes, 2),
    Event("play", play),
    Event("clear the timeline", clear_timeline),
    Event("docks on and off", docks, 2),
    Event("every dock", every_dock),
    Event("resize the window", resize),
    Event("theme", theme),
    Event("palette", palette),
    Event("shortcuts page", shortcuts_page),
)
