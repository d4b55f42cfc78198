"""What the command palette lists: every action, every model, the methods of the selected pane, and its sliders."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from PySide6.QtGui import QAction, QKeySequence

from explorer.scene.defaults import default_controls
from explorer.ui.actions.actions import ActionTable
from explorer.ui.actions.palette import PaletteEntry
from explorer.ui.controls.panel import ControlsPanel
from explorer.ui.state.controller import Controller


def collect(
    controller: Controller,
    actions: ActionTable,
    panels: Iterable[QAction],
    controls: ControlsPanel,
    open_model: Callable[[str], None],
) -> list[PaletteEntry]:
    """The entries of this moment; what is disabled now is left out.

    ``panels`` show or hide one panel each; ``open_model`` takes a shipped name.
    """
    native = QKeySequence.SequenceFormat.NativeText
    entries = [
        PaletteEntry(row.text, action.trigger, row.menu, action.shortcut().toString(native))
        for row, action in actions.bound()
        if action.isEnabled() and row.key != "palette"
    ]
    entries += [
        PaletteEntry(f"{'Hide' if action.isChecked() else 'Show'} {action.text()}", action.trigger, "Panel")
        for action in panels
    ]
    entries += [
        PaletteEntry(f"Open {card.name}", partial(open_model, card.name), "Model")
        for card in controller.catalogue.models
        if card.spaces
    ]
    scene = controller.scene
    card = controller.model_card(scene.selected)
    for ready in card.ready if card else ():
        if not ready.problem:
            use = partial(controller.set_method, scene.selected, ready.controls)
            entries.append(PaletteEntry(f"Use {ready.title}", use, "Ready set"))
    for ref in [default_controls(card, name) for name in card.methods] if card else []:
        title = controller.catalogue.method_title(ref.method)
        entries.append(PaletteEntry(f"Use {title}", partial(controller.set_method, scene.selected, ref), "Method"))
    entries += [
        PaletteEntry(row.card.name, row.slider.setFocus, "Slider") for row in controls.rows() if not row.isHidden()
    ]
    return entries
