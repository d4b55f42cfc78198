"""What the command palette lists: every action, every model, the methods of the selected pane, and its sliders."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QKeySequence

from explorer.scene.defaults import default_controls
from explorer.ui.actions.palette import PaletteEntry

if TYPE_CHECKING:
    from explorer.ui.window.main_window import MainWindow


def collect(window: MainWindow) -> list[PaletteEntry]:
    """The entries of this moment; what is disabled now is left out."""
    controller = window.controller
    native = QKeySequence.SequenceFormat.NativeText
    entries = [
        PaletteEntry(row.text, action.trigger, row.menu, action.shortcut().toString(native))
        for row, action in window.table.bound()
        if action.isEnabled() and row.key != "palette"
    ]
    entries += [
        PaletteEntry(f"{'Hide' if action.isChecked() else 'Show'} {action.text()}", action.trigger, "Panel")
        for action in window.panel_actions()
    ]
    entries += [
        PaletteEntry(f"Open {card.name}", partial(window.open_model, card.name), "Model")
        for card in controller.catalogue.models
        if card.spaces
    ]
    scene = controller.scene
    card = controller.model_card(scene.selected)
    for controls in [default_controls(card, name) for name in card.methods] if card else []:
        title = controller.catalogue.method_title(controls.method)
        entries.append(PaletteEntry(f"Use {title}", partial(controller.set_method, scene.selected, controls), "Method"))
    entries += [
        PaletteEntry(row.card.name, row.slider.setFocus, "Slider")
        for row in window.controls.rows()
        if not row.isHidden()
    ]
    return entries
