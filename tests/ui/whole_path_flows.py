"""The whole path of flows, in the real program: ``python tests/ui/whole_path_flows.py FOLDER``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from driving import Hand, run
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from whole_path import Steps, exported, names_of, opened

from explorer.export.embed import read
from explorer.scene.editing import edit_of
from explorer.scene.model import ControlSetRef
from explorer.ui.landscape.dock import LandscapeDock
from explorer.ui.look.numbers import DecimalField

MODEL = "known-curved"
STEPS = 6000


def flows(folder: Path) -> Callable[[Hand], Steps]:
    """Train with previews, cancel, go on; drag, type, mix; the landscape and its point; keyframes, play, export; undo
    everything, and open what was written."""

    def script(hand: Hand) -> Steps:
        controller = hand.controller
        yield from opened(hand, MODEL)
        first = controller.scene
        yield from trained(hand)
        yield from mixed(hand)
        yield from seen(hand, folder)
        yield from animated(hand)
        yield from exported(hand, folder / "clip.mp4")
        made = controller.scene
        hand.window.files.save_scene_to(folder / "flows.scene.json")
        while controller.undo_stack.canUndo():
            controller.undo()
        assert controller.scene == first, "undo takes back all of it"
        hand.window.files.open(folder / "flows.scene.json")
        yield "the scene again", hand.settled
        assert controller.scene.panes == made.panes
        assert controller.scene.timeline == made.timeline

    return script


def trained(hand: Hand) -> Steps:
    """A search that is cancelled is not begun anew."""
    controller, panel = hand.controller, hand.window.controls
    settings = (("samples", 512), ("steps", STEPS), ("waves", 32))
    controller.set_method(0, ControlSetRef(method="volume_preserving", k=3, settings=settings))
    model, wanted = controller.scene.model, controller.scene.panes[0].controls
    catalogue = controller.catalogue
    yield "a preview", lambda: catalogue.is_preview(model, wanted)
    number = catalogue.search(model, wanted)
    share = next(job.share for job in controller.jobs.jobs() if job.request_id == number)
    hand.click(panel.searching.cancel)
    yield "it is cancelled", lambda: catalogue.is_stopped(model, wanted)
    assert "goes on from there" in panel.message.text()
    hand.click(panel.retry)
    shares: list[float] = []

    def goes_on() -> bool:
        again = catalogue.search(model, wanted)
        shares.extend(job.share for job in controller.jobs.jobs() if job.request_id == again and job.share > 0)
        return catalogue.controls(model, wanted) is not None and again is None

    yield "the search", goes_on
    assert not shares or shares[0] >= share, f"cancelled at {share:.0%}, it went on at {shares[0]:.0%}"
    yield "the picture", hand.settled


def typed(hand: Hand, name: str, text: str) -> None:
    """Type an amount into the row of ``name``, with Enter."""
    box: DecimalField = next(row.box for row in hand.window.controls.rows() if row.card.name == name)
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, text)
    QTest.keyClick(box, Qt.Key.Key_Return)


def mixed(hand: Hand) -> Steps:
    """Drag one flow, and type two of them in either order: the same picture, to the bit."""
    controller = hand.controller
    one, two, _ = names_of(hand)
    still = hand.pixels()
    yield from hand.drag_slider(one, 0.9)
    assert hand.pixels() != still
    pictures = []
    for order in ((one, two), (two, one)):
        controller.reset_all()
        yield "nothing is moved", hand.settled
        assert hand.pixels() == still
        for name in order:
            typed(hand, name, "1,25" if name == one else "-0.75")
            yield f"the picture with {name}", hand.settled
        assert edit_of(controller.scene.panes[0], one).amount == 1.25
        assert edit_of(controller.scene.panes[0], two).amount == -0.75
        pictures.append(hand.pixels())
    assert pictures[0] == pictures[1] != still


def seen(hand: Hand, folder: Path) -> Steps:
    """The landscape, its point, and its figure, which carries the scene."""
    hand.window.table["landscape"].trigger()
    dock = hand.window.docks.panel(LandscapeDock)
    yield "the landscape", lambda: dock.is_made and dock.panel.landscapes.landscape is not None
    panel = dock.panel
    assert panel.plot.scale.label.startswith("curl (1 / ")
    assert "Also moved: " in panel.sentence.text()
    landscape = panel.landscapes.landscape
    assert landscape is not None
    panel.plot._point.setPos(*landscape.path[50])
    panel.plot._point.sigPositionChangeFinished.emit(panel.plot._point)
    yield "the picture of the point", hand.settled
    amount = edit_of(hand.controller.scene.panes[0], landscape.control).amount
    assert abs(amount - landscape.amounts[50]) < 1e-3
    hand.shoot("flows-landscape")
    panel.export(folder / "landscape.svg")
    assert read(folder / "landscape.svg")[0].panes == hand.controller.scene.panes


def animated(hand: Hand) -> Steps:
    """Two keyframes of the flows, played."""
    window, controller = hand.window, hand.controller
    window.timeline.header.duration.setValue(0.5)
    window.timeline.header.fps.setValue(8)
    name = names_of(hand)[0]
    window.table["add_key"].trigger()
    window.timeline.go_to(0.5)
    yield "the end", hand.settled
    yield from hand.drag_slider(name, 0.2)
    window.table["add_key"].trigger()
    assert [key.time for key in controller.scene.timeline.amounts[0].keys] == [0.0, 0.5]
    window.table["play"].trigger()
    shown: set[float] = set()
    yield "some frames are played", lambda: shown.add(window.timeline.playhead) or len(shown) > 2
    window.table["play"].trigger()
    yield "it rests", lambda: not window.timeline.player.playing and hand.settled()


if __name__ == "__main__":
    sys.exit(run(flows(Path(sys.argv[1]))))
