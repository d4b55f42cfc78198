"""What can be done with one control besides moving it: a name, a star, a place in the list, conditional edits."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QObject, QPoint
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QInputDialog, QMenu, QWidget

from explorer.scene.cards import WITHOUT_END
from explorer.scene.marks import mark_of, with_mark
from explorer.scene.model import Mark
from explorer.ui.state.controller import Controller

replace = msgspec.structs.replace


class ControlMenu(QObject):
    """The menu of a row of the selected pane."""

    def __init__(self, controller: Controller, parent: QWidget) -> None:
        super().__init__(parent)
        self._controller = controller
        self._parent = parent
        self._control = ""

    def actions(self, control: str) -> list[QAction]:
        """What the menu of ``control`` offers, in its order."""
        self._control = control
        mark = self._mark()
        scene = self._controller.scene
        without = scene.panes[scene.selected].controls.without
        rows = (
            ("Rename…", self._rename, None),
            ("Star", self._star, mark.starred),
            ("Pin to the top", self._pin, mark.pinned),
            ("Hide", self._hide, mark.hidden),
            ("Keep fixed: others leave its direction out", self._condition, control in without),
        )
        made = []
        for text, handler, checked in rows:
            action = QAction(text, self)
            action.setCheckable(checked is not None)
            action.setChecked(bool(checked))
            action.triggered.connect(handler)
            made.append(action)
        return made

    def show(self, control: str, point: QPoint) -> None:
        """Open the menu at ``point`` of the screen."""
        menu = QMenu(self._parent)
        actions = self.actions(control)
        for action in actions[:4]:
            menu.addAction(action)
        menu.addSeparator()
        menu.addAction(actions[4])
        menu.exec(point)
        menu.deleteLater()
        for action in actions:
            action.deleteLater()

    def rename(self, control: str, name: str) -> None:
        """Call ``control`` of the selected pane ``name``; its own name again where that is empty."""
        self._control = control
        name = name.strip()
        self._apply(replace(self._mark(), name="" if name == control else name), f"Rename {control}")

    def _rename(self) -> None:
        mark = self._mark()
        name, accepted = QInputDialog.getText(
            self._parent, "Rename control", f"What {self._control} does:", text=mark.name or self._control
        )
        if accepted:
            self.rename(self._control, name)

    def _star(self, on: bool) -> None:
        self._apply(replace(self._mark(), starred=on), f"{'Star' if on else 'Unstar'} {self._control}")

    def _pin(self, on: bool) -> None:
        self._apply(replace(self._mark(), pinned=on), f"{'Pin' if on else 'Unpin'} {self._control}")

    def _hide(self, on: bool) -> None:
        self._apply(replace(self._mark(), hidden=on), f"{'Hide' if on else 'Show'} {self._control}")

    def _condition(self, on: bool) -> None:
        controller = self._controller
        selected = controller.scene.selected
        controls = controller.scene.panes[selected].controls
        others = tuple(name for name in controls.without if name != self._control)
        controller.set_method(selected, replace(controls, without=(*others, self._control) if on else others))

    def _mark(self) -> Mark:
        scene = self._controller.scene
        return mark_of(scene, scene.panes[scene.selected].controls, self._control)

    def _apply(self, mark: Mark, text: str) -> None:
        scene, card = self._controller.scene, self._controller.controls_card()
        said = replace(mark, controls=scene.panes[scene.selected].controls)
        grows = card is not None and card.grows_to == WITHOUT_END
        self._controller.apply(with_mark(scene, said, grows), text)
