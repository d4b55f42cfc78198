"""The list above the sliders: the control sets that come with the selected pane's model, the methods that fit it, and
why the others do not."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QStyleOptionComboBox, QWidget

from explorer.scene.cards import MethodCard, ModelCard, ReadySet
from explorer.scene.defaults import default_controls
from explorer.scene.model import ControlSetRef
from explorer.ui.state.controller import Controller

TITLE = Qt.ItemDataRole.UserRole + 1
"""What the closed list shows of an entry; its data is what choosing it means: a method's name, or a ready set."""


class MethodChooser(QComboBox):
    """Shows the selected pane's method, or the set that it has ready; choosing another one gives the pane its
    controls."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.setToolTip("The method that found these controls, or the set that comes with the model")
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
        for ready in card.ready:
            text = listed(ready.title, "" if ready.problem else "comes with the model")
            self._add(text, ready.title, ready, ready.note, ready.problem)
        if card.ready:
            self.insertSeparator(self.count())
        for name in card.methods:
            self._add_method(name)
        for method in controller.catalogue.methods.values():
            if method.name not in card.methods:
                self._add_method(method.name, card.why_not(method))
        index = self._index_of(chosen, card)
        if index < 0:  # a file of the user's own, or a method that a scene names and this program does not have
            file = chosen.path.replace("\\", "/").rpartition("/")[2]
            title = file or controller.catalogue.method_title(chosen.method)
            self.insertItem(0, title, "")
            self.setItemData(0, title, TITLE)
            index = 0
        self.setCurrentIndex(index)

    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        # What is said of the methods is for choosing; the closed list has room for the title.
        super().initStyleOption(option)
        option.currentText = self.currentData(TITLE) or option.currentText

    def showPopup(self) -> None:
        view = self.view()
        view.setMinimumWidth(view.sizeHintForColumn(0) + view.verticalScrollBar().sizeHint().width())
        super().showPopup()

    def _index_of(self, chosen: ControlSetRef, model: ModelCard) -> int:
        """Which entry ``chosen`` is of, whatever was made of its controls since; -1 where it is of none."""
        if not chosen.path:
            return self.findData(chosen.method)
        return next((at for at, ready in enumerate(model.ready) if ready.controls.path == chosen.path), -1)

    def _add_method(self, name: str, why_not: str = "") -> None:
        catalogue = self._controller.catalogue
        method = catalogue.methods.get(name)
        title = catalogue.method_title(name)
        self._add(title if why_not else listed(title, method_hints(method)), title, name, method_tip(method), why_not)

    def _add(self, text: str, title: str, data: str | ReadySet, tip: str, why_not: str) -> None:
        self.addItem(text, data)
        last = self.count() - 1
        self.setItemData(last, title, TITLE)
        self.setItemData(last, why_not or tip, Qt.ItemDataRole.ToolTipRole)
        items = self.model()
        if why_not and isinstance(items, QStandardItemModel):
            items.item(last).setEnabled(False)

    def _choose(self, index: int) -> None:
        selected = self._controller.scene.selected
        data = self.itemData(index)
        model = self._controller.model_card(selected)
        if isinstance(data, ReadySet):
            self._controller.set_method(selected, data.controls)
        elif data and model is not None:
            self._controller.set_method(selected, default_controls(model, data))


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
