"""Scripts of the whole path, run in the real program: ``python tests/ui/whole_path.py SCRIPT FOLDER [MODEL…]``."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from driving import Hand, run
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import QApplication

from explorer.export.embed import read
from explorer.scene.comparison import CompareOptions
from explorer.scene.editing import edit_of
from explorer.scene.model import ModelRef
from explorer.scene.store import encode_scene, load_scene
from explorer.ui.comparison.dialog import CompareDialog
from explorer.ui.files.export_dialog import ExportDialog
from explorer.ui.look import theme
from explorer.ui.state.session import Session, kept_session

Steps = Iterator[tuple[str, Callable[[], bool]]]
CONTROL = Qt.KeyboardModifier.ControlModifier


def opened(hand: Hand, model: str) -> Steps:
    """Open ``model`` and wait for its first picture."""
    problem = hand.controller.catalogue.problem
    hand.window.open_model(model)
    yield f"{model} is open", lambda: hand.controller.scene.model.path == model or bool(problem(ModelRef(path=model)))
    assert hand.controller.scene.model.path == model, problem(ModelRef(path=model))
    yield f"the first picture of {model}", hand.settled


def names_of(hand: Hand) -> list[str]:
    """The sliders that are on the screen."""
    return [row.card.name for row in hand.window.controls.rows() if row.isVisible()]


def moved_by_hand(hand: Hand, model: str) -> Steps:
    """Open a model, drag two sliders: the picture follows, and undo takes each drag back as one step."""
    controller = hand.controller
    yield from opened(hand, model)
    first, still = controller.scene, hand.pixels()
    steps = controller.undo_stack.index()
    for name, to in zip(names_of(hand), (0.95, 0.1), strict=False):
        before = hand.pixels()
        yield from hand.drag_slider(name, to)
        assert hand.pixels() != before, f"{name} of {model} moved nothing"
        edit = edit_of(controller.scene.panes[0], name)
        assert abs(edit.amount) > 0.5 or edit.holds == "value"
    hand.shoot(f"{Path(model).name}-moved")
    assert controller.undo_stack.index() == steps + 2, "a drag is one step"
    hand.key(Qt.Key.Key_Z, CONTROL)
    yield "the picture after undo", hand.settled
    hand.key(Qt.Key.Key_Z, CONTROL)
    yield "the picture after undo", hand.settled
    assert controller.scene == first
    assert hand.pixels() == still, "undo shows another picture than the one before"


def work(folder: Path, models: list[str]) -> Callable[[Hand], Steps]:
    """Open every model, drag, compare, set keyframes, save, export; what is left behind is written to ``left.json``."""

    def script(hand: Hand) -> Steps:
        window, controller = hand.window, hand.controller
        for model in models:
            yield from moved_by_hand(hand, model)
        yield from opened(hand, models[0])
        yield from compared(hand)
        yield from animated(hand)
        window.files.save_scene_to(folder / "kept.json")
        yield from exported(hand, folder / "clip.mp4")
        for scheme in ("light", "dark"):
            app = QApplication.instance()
            assert isinstance(app, QApplication)
            theme.apply(app, scheme)  # type: ignore[arg-type]
            QApplication.processEvents()
            hand.shoot(f"path-{scheme}")
        window.timeline.leave()
        yield "the picture of the scene as it stands", hand.settled
        pixels = [hand.pixels(0).hex(), hand.pixels(1).hex()]
        left = {"scene": encode_scene(controller.scene).decode(), "pixels": pixels}
        (folder / "left.json").write_text(json.dumps(left))

    return script


def compared(hand: Hand) -> Steps:
    """A second method beside the first: same seed, linked sliders, another picture."""
    window, controller = hand.window, hand.controller
    hand.key(Qt.Key.Key_T, CONTROL)
    yield "a second pane", lambda: len(controller.scene.panes) == 2 and hand.settled()
    one, two = controller.scene.panes
    assert one.controls.method != two.controls.method
    window.canvas.setFocus()
    controller.select_pane(0)
    assert hand.pixels(0) == hand.pixels(1), "unmoved, both panes show the same seed"
    name = names_of(hand)[0]
    yield from hand.drag_slider(name, 0.9)
    assert controller.scene.panes[1].edits, "linked sliders move together"
    assert hand.pixels(0) != hand.pixels(1), "two methods move the picture in two ways"
    hand.shoot("path-compare")


def animated(hand: Hand) -> Steps:
    """Two keyframes with the keyboard and the mouse; then the playhead half way."""
    window, controller = hand.window, hand.controller
    window.timeline.header.duration.setValue(0.5)
    window.timeline.header.fps.setValue(8)
    name = names_of(hand)[0]
    view = window.timeline.view
    view.setFocus()
    hand.key(Qt.Key.Key_K)
    assert [len(track.keys) for track in controller.scene.timeline.amounts] == [1, 1]
    hand.key(Qt.Key.Key_End)
    yield from hand.drag_slider(name, 0.1)
    view.setFocus()
    hand.key(Qt.Key.Key_K)
    keys = controller.scene.timeline.amounts[0].keys
    assert [key.time for key in keys] == [0.0, 0.5]
    assert keys[0].amount > 0.5 > -0.5 > keys[1].amount
    geometry = view.geometry_now()
    ruler = QPoint(round(geometry.x(0.25)), 8)
    hand.press(view.viewport(), ruler)
    hand.release(view.viewport(), ruler)
    yield "the picture at a quarter of a second", hand.settled
    assert window.timeline.playhead == 0.25
    half = edit_of(controller.shown_scene.panes[0], name).amount
    assert keys[1].amount < half < keys[0].amount
    hand.key(Qt.Key.Key_Space)
    yield "it plays", lambda: window.timeline.player.playing
    shown: set[float] = set()
    yield "some frames are played", lambda: shown.add(window.timeline.playhead) or len(shown) > 2
    hand.key(Qt.Key.Key_Space)
    yield "it rests", lambda: not window.timeline.player.playing and hand.settled()


def exported(hand: Hand, path: Path) -> Steps:
    """Ctrl+E, a file name, Enter; the job ends and the file carries the scene."""
    controller = hand.controller
    QTimer.singleShot(0, hand.window.table["export"].trigger)  # the dialog runs its own loop
    yield "the export dialog", lambda: isinstance(QApplication.activeModalWidget(), ExportDialog)
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, ExportDialog)
    dialog.path.setText(str(path))
    dialog.height_box.setValue(128)
    assert dialog.summary.text().startswith("8 frames"), dialog.summary.text()
    hand.click(dialog._go)
    yield "the export", lambda: bool(controller.jobs.jobs()) and not controller.jobs.running()
    (job,) = [job for job in controller.jobs.jobs() if job.path == str(path)]
    assert job.state == "done", job.sentence
    assert path.stat().st_size > 1000
    carried, _, _ = read(path)
    assert carried.timeline == controller.scene.timeline
    assert carried.panes == controller.scene.panes
    assert any(str(path) in sentence for sentence in hand.said())


def again(folder: Path, models: list[str]) -> Callable[[Hand], Steps]:
    """Started anew: the state is back, with the same pictures; the saved scene and the video open it too."""

    def script(hand: Hand) -> Steps:
        controller = hand.controller
        left = json.loads((folder / "left.json").read_text())
        assert encode_scene(controller.scene).decode() == left["scene"]
        yield "the pictures of the last session", hand.settled
        assert [hand.pixels(0).hex(), hand.pixels(1).hex()] == left["pixels"]
        assert not any("did not end" in sentence for sentence in hand.said())
        controller.randomise()
        hand.window.files.open(folder / "kept.json")
        assert controller.scene == load_scene(folder / "kept.json")
        controller.randomise()
        hand.window.files.open(folder / "clip.mp4")
        yield "the pictures of the video's scene", hand.settled
        assert controller.scene.timeline == load_scene(folder / "kept.json").timeline

    return script


def kill_engine(folder: Path, models: list[str]) -> Callable[[Hand], Steps]:
    """kill -9 of the engine while a slider is held: a banner, a new engine, the same picture, one step of undo."""

    def script(hand: Hand) -> Steps:
        controller = hand.controller
        yield from opened(hand, models[0])
        name, pid, steps = names_of(hand)[0], controller.client.pid, controller.undo_stack.index()
        slider = next(row.slider for row in hand.window.controls.rows() if row.card.name == name)
        places = [QPoint(slider.width() // 2 + step, slider.height() // 2) for step in (0, 15, 30, 20)]
        hand.press(slider, places[0])
        hand.move(slider, places[1])
        yield "the picture under the hand", hand.settled
        scene, pixels = controller.scene, hand.pixels()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        yield "the window says that the engine died", lambda: any("restarted" in said for said in hand.said())
        hand.shoot("engine-killed")
        assert controller.scene == scene
        assert hand.pixels() == pixels, "the picture stays while there is no engine"
        hand.move(slider, places[2])  # the hand goes on
        yield "another engine", lambda: controller.client.pid not in (None, pid) and controller.engine is not None
        yield "the picture from the new engine", hand.settled
        assert hand.pixels() != pixels
        hand.move(slider, places[1])
        yield "the same state again", hand.settled
        assert controller.scene == scene
        assert hand.pixels() == pixels, "the new engine draws the same picture"
        hand.move(slider, places[3])
        hand.release(slider, places[3])
        yield "the last picture", hand.settled
        assert controller.undo_stack.index() == steps + 1
        assert not any("restarted" in said for said in hand.said())

    return script


def edit(folder: Path, models: list[str]) -> Callable[[Hand], Steps]:
    """Work until the autosave holds it, a slider still held; then say so and wait to be killed."""

    def script(hand: Hand) -> Steps:
        controller = hand.controller
        yield from opened(hand, models[0])
        controller.set_seed(4321)
        name = names_of(hand)[1]
        slider = next(row.slider for row in hand.window.controls.rows() if row.card.name == name)
        for step in (0, 20, 40):
            place = QPoint(slider.width() // 2 + step, slider.height() // 2)
            hand.move(slider, place) if step else hand.press(slider, place)
            yield "the picture under the hand", hand.settled
        kept = folder / "home" / "state" / "autosave.json"
        yield (
            "the autosave",
            lambda: kept.exists() and (left := kept_session(kept)) is not None and left.scene == controller.scene,
        )
        done = {"scene": encode_scene(controller.scene).decode(), "engine": controller.client.pid}
        print(json.dumps(done), flush=True)
        yield "the end", lambda: False

    return script


def restored(folder: Path, models: list[str]) -> Callable[[Hand], Steps]:
    """After the crash: everything is back, the window says so, and the undo history begins anew."""

    def script(hand: Hand) -> Steps:
        controller = hand.controller
        wanted = (folder / "wanted.json").read_text()
        assert encode_scene(controller.scene).decode() == wanted
        said = hand.said()
        assert any("did not end by being closed" in sentence for sentence in said), said
        yield "the picture of the restored scene", hand.settled
        hand.shoot("restored")
        assert Session.last_path().parent == folder / "home" / "state"

    return script


def directions(folder: Path, models: list[str]) -> Callable[[Hand], Steps]:
    """Methods side by side, one slider for all, a set of one's own from two of them, the table, and their exports."""

    def script(hand: Hand) -> Steps:
        window, controller = hand.window, hand.controller
        yield from opened(hand, models[0])
        QTimer.singleShot(0, window.table["side_by_side"].trigger)
        yield "the dialog", lambda: isinstance(QApplication.activeModalWidget(), CompareDialog)
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, CompareDialog)
        dialog.k.setValue(2)
        dialog.seeds.setText("3,8")
        methods = dialog.chosen()
        hand.click(dialog._go)
        yield "a column a method, a row a seed", lambda: len(controller.scene.panes) == 2 * len(methods) > 4
        yield "the pictures of all methods", hand.settled
        still = [hand.pixels(pane) for pane in range(len(controller.scene.panes))]
        assert len(set(still)) == 2, "unmoved, a row is one picture"
        yield from hand.drag_slider(names_of(hand)[0], 0.9)
        moved = [hand.pixels(pane) for pane in range(len(controller.scene.panes))]
        assert len(set(moved)) > 4, "one slider moves every method in its own way"
        hand.shoot("directions-grid")
        for pane in (0, 1):
            controller.select_pane(pane)
            menu = window.controls.menu.actions(window.controls.rows()[0].card.name)
            next(action for action in menu if action.text() == "Star").trigger()
        mine = folder / "mine.safetensors"
        controller.jobs.start_saving(controller.scene.model, window.own_sets.starred(), str(mine), "mine")
        yield "the set is saved", lambda: mine.exists() and not controller.jobs.running()
        window.files.importing.use_controls(mine)
        yield "the set of one's own in its column", hand.settled
        assert controller.scene.columns == len(methods)
        assert {pane.controls.path for pane in controller.scene.panes[1 :: len(methods)]} == {str(mine)}
        yield from hand.drag_slider(names_of(hand)[1], 0.9)
        hand.shoot("directions-mine")
        window.comparison.compare(CompareOptions(methods=tuple(methods[:1]), k=2, bases=8, observed=400, nulls=2))
        model = controller.scene.model
        yield "the table", lambda: controller.comparing.under_way(model) is None
        report = controller.comparing.report(model)
        assert report is not None, controller.comparing.problem(model)
        assert {row.role for row in report.methods} >= {"method", "chance"}
        hand.shoot("directions-table")
        controller.jobs.start_comparison_table(report, str(folder / "table.html"))
        yield "the page", lambda: not controller.jobs.running()
        assert all(row.title in (folder / "table.html").read_text() for row in report.methods)
        window.table["traverse"].trigger()
        yield "it plays", lambda: window.timeline.player.playing
        window.timeline.player.stop()
        window.timeline.header.duration.setValue(0.5)
        window.timeline.header.fps.setValue(8)
        yield "it rests", hand.settled
        yield from exported(hand, folder / "grid.mp4")

    return script


SCRIPTS = {
    "directions": directions,
    "work": work,
    "again": again,
    "kill_engine": kill_engine,
    "edit": edit,
    "restored": restored,
}

if __name__ == "__main__":
    sys.exit(run(SCRIPTS[sys.argv[1]](Path(sys.argv[2]), sys.argv[3:])))
