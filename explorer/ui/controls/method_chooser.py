"""The list of methods above the sliders: those that fit the selected pane's model, and why the others do not."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QStyleOptionComboBox, QWidget

from explorer.scene.cards import MethodCard
from explorer.scene.defaults import default_controls
from explorer.ui.state.controller import Controller


class MethodChooser(QComboBox):
    """Shows the selected pane's method; choosing another one gives the pane its controls."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.setToolTip("The method that found these controls")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        self.activated.connect(self._choose)

    def refresh(self) -> None:
        """List the methods of now, with the pane's own one chosen."""
        controller = self._controller
        scene = controller.scene
        card = controller.model_card(scene.selected)
        chosen = scene.panes[scene.selected].controls
        self.clear()
        self.setEnabled(card is not None)
        if card is None:
            return
        if chosen.path:
            self.addItem(chosen.path.replace("\\", "/").rpartition("/")[2], "")
        for name in card.methods:
            self._add(name)
        for method in controller.catalogue.methods.values():
            if method.name not in card.methods:
                self._add(method.name, card.why_not(method))
        index = 0 if chosen.path else self.findData(chosen.method)
        if index < 0:  # a scene may name a method that this program does not have
            self.insertItem(0, controller.catalogue.method_title(chosen.method), "")
            index = 0
        self.setCurrentIndex(index)

    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        # What is said of the methods is for choosing; the closed list has room for the title.
        super().initStyleOption(option)
        if self.currentData():
            option.currentText = self._controller.catalogue.method_title(self.currentData())

    def showPopup(self) -> None:
        view = self.view()
        view.setMinimumWidth(view.sizeHintForColumn(0) + view.verticalScrollBar().sizeHint().width())
        super().showPopup()

    def _add(self, name: str, why_not: str = "") -> None:
        catalogue = self._controller.catalogue
        method = catalogue.methods.get(name)
        title = catalogue.method_title(name)
        self.addItem(title if why_not else listed(title, method_hints(method)), name)
        last = self.count() - 1
        self.setItemData(last, why_not or method_tip(method), Qt.ItemDataRole.ToolTipRole)
        items = self.model()
        if why_not and isinstance(items, QStandardItemModel):
            items.item(last).setEnabled(False)

    def _choose(self, index: int) -> None:
        selected = self._controller.scene.selected
        name = self.itemData(index)
        model = self._controller.model_card(selected)
        if name and model is not None:
            self._controller.set_method(selected, default_controls(model, name))


def method_hints(method: MethodCard | None) -> str:
    """What one should know before choosing ``method``: ``takes minutes, learns from attributes``, ``chance``, or
    nothing; nothing while it is not known."""
    told = (
        ("takes minutes", method is not None and method.expensive),
        ("learns from attributes", method is not None and method.supervised),
        ("chance", method is not None and method.role == "chance"),
    )
    return ", ".join(text for text, holds in told if holds)


def listed(title: str, said: str) -> str:
    """A method in a list: its title, and what is ``said`` of it where there is something."""
    return f"{title}  ·  {said}" if said else title


def method_tip(method: MethodCard | None) -> str:
    """What the method does, and its paper; nothing while it is not known."""
    return f"{method.description}\n{method.paper}".strip() if method else ""
