"""What the hand does with files and jobs in a soak: exports, imports, own pictures, scenes, comparisons, cancelling."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from explorer.bench.driving import Steps
from explorer.bench.soak.actor import Actor, Event
from explorer.bench.soak.events import passed
from explorer.export.options import ExportOptions
from explorer.scene.comparison import CompareOptions
from explorer.scene.defaults import default_controls
from explorer.scene.measures import MeasureOptions
from explorer.ui.files.export_dialog import ExportDialog
from explorer.ui.files.import_dialog import ImportDialog

STILL = 2
"""Index of the kind of export that is a picture."""


def confirmed(actor: Actor) -> Steps:
    """Enter in the dialog; where something is in the way there, Escape."""
    actor.key(Qt.Key.Key_Return)
    late = passed(1.0)
    yield "the dialog to take Enter", lambda: QApplication.activeModalWidget() is None or late()
    if QApplication.activeModalWidget() is not None:
        actor.key(Qt.Key.Key_Escape)
    yield "the dialog to close", lambda: QApplication.activeModalWidget() is None


def export_still(actor: Actor) -> Steps:
    """The dialog of exports, a file name, Enter."""
    path = actor.folder / f"still-{actor.chance.randrange(10**9)}.png"
    yield from actor.wait_for_dialog(actor.window.table["export"].trigger, ExportDialog)
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, ExportDialog)
    dialog.kind.setCurrentIndex(STILL)
    dialog.path.setText(str(path))
    dialog.height_box.setValue(actor.chance.choice((64, 128, 200)))
    yield from confirmed(actor)
    yield "the picture's file", lambda: not actor.controller.jobs.running()
    path.unlink(missing_ok=True)  # where a view shows nothing here, the job says so


def cancel_export(actor: Actor) -> Steps:
    """A film whose export is cancelled."""
    controller = actor.controller
    timeline = controller.scene.timeline
    if not (timeline.amounts or timeline.origin.keys):
        return
    path = actor.folder / f"film-{actor.chance.randrange(10**9)}.mp4"
    number = controller.jobs.start_export(controller.scene, str(path), ExportOptions(height=128))
    yield "some of the export", passed(actor.chance.uniform(0.0, 0.3))
    controller.jobs.cancel(number)
    yield "the export to end", lambda: not controller.jobs.running()
    path.unlink(missing_ok=True)


def cancel_measures(actor: Actor) -> Steps:
    """The measures of the model, cancelled."""
    controller = actor.controller
    card = controller.model_card()
    if card is None or not card.worlds:
        return
    number = controller.jobs.start_measures(
        controller.scene.model_of(), MeasureOptions(world=card.worlds[0], n=500), card.name
    )
    yield "some of the measures", passed(actor.chance.uniform(0.0, 0.5))
    controller.jobs.cancel(number)
    yield "the measures to end", lambda: not controller.jobs.running()


def own_set(actor: Actor) -> Steps:
    """What the pane has is saved as a set of one's own, and that is opened."""
    controller = actor.controller
    chosen = actor.window.own_sets.pane()
    if not chosen:
        return
    path = actor.folder / f"set-{actor.chance.randrange(10**9)}.safetensors"
    controller.jobs.start_saving(controller.scene.model_of(), chosen, str(path), "mine")
    yield "the set's file", lambda: not controller.jobs.running()
    actor.window.files.open(path)
    yield "the set in the pane", actor.is_known


def foreign_set(actor: Actor) -> Steps:
    """An array of directions that another program wrote, and the dialog that asks what it is."""
    controller = actor.controller
    card = controller.model_card()
    width = card.spaces["z"].shape[-1] if card is not None and "z" in card.spaces else 0
    if not width:
        return
    path = actor.folder / f"directions-{actor.chance.randrange(10**9)}.npy"
    np.save(path, np.eye(width)[actor.chance.sample(range(width), 2)])
    yield from actor.wait_for_dialog(lambda: actor.window.files.open(path), ImportDialog)
    yield from confirmed(actor)
    yield "the directions in the pane", actor.is_known


def own_picture(actor: Actor) -> Steps:
    """A picture of one's own; the search for its point is stopped after a while."""
    controller, chance = actor.controller, actor.chance
    card = controller.model_card()
    if card is None or not card.inversions:
        return
    image = QImage(64, 64, QImage.Format.Format_RGB32)
    image.fill(chance.randrange(0x1000000))
    for _ in range(40):
        image.setPixel(chance.randrange(64), chance.randrange(64), chance.randrange(0x1000000))
    path = actor.folder / f"own-{chance.randrange(10**9)}.png"
    image.save(str(path))
    actor.window.files.open(path)
    yield "some of the search", passed(chance.uniform(0.2, 1.0))
    controller.inverting.stop()
    yield "the point of the picture", lambda: controller.inverting.progress is None
    path.unlink()


def save_and_open(actor: Actor) -> Steps:
    """The scene to a file, something else, and the file again."""
    path = actor.folder / "scene.json"
    assert actor.window.files.save_scene_to(path)
    actor.controller.randomise()
    actor.window.files.open(path)
    yield "the scene of the file", actor.is_known


def bookmark(actor: Actor) -> Steps:
    """A state that is kept, with its small picture."""
    actor.window.table["add_bookmark"].trigger()
    yield "the bookmark", passed(0.1)


def compare(actor: Actor) -> Steps:
    """Two methods side by side, and the table of chance, of which half are cancelled: others would take a while."""
    controller, chance = actor.controller, actor.chance
    drawn = controller.catalogue.with_role("chance")
    card = controller.model_card()
    quick = [name for name in card.methods if controller.catalogue.is_quick(name)] if card is not None else []
    if card is None or card.most_steps or len(quick) < 2 or drawn is None or drawn.name not in quick:
        return
    model, methods = controller.scene.model_of(), chance.sample(quick, 2)
    actor.window.comparison.show_side_by_side(tuple(default_controls(card, name) for name in methods), ())
    yield "both methods", actor.is_known
    if actor.brief:
        return
    actor.window.comparison.compare(CompareOptions(methods=(drawn.name,), k=2, bases=8, observed=200, nulls=2))
    if chance.random() < 0.5:
        yield "some of the table", passed(chance.uniform(0.0, 0.5))
        for job in controller.jobs.running():
            controller.jobs.cancel(job.request_id)
    yield "the table", lambda: controller.comparing.under_way(model) is None and not controller.jobs.running()


FILE_EVENTS = (
    Event("export a still", export_still),
    Event("cancel an export", cancel_export),
    Event("cancel measures", cancel_measures),
    Event("set of one's own", own_set),
    Event("set of another program", foreign_set),
    Event("own picture", own_picture),
    Event("save and open", save_and_open),
    Event("bookmark", bookmark),
    Event("compare", compare),
)
