"""The fields for how diffusion models draw: the sampler, and its steps, of a finished picture and of a draft."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from explorer.scene.cards import ModelCard
from explorer.scene.samplers import SAMPLERS
from explorer.scene.steps import steps_at_rest, steps_while_moving
from explorer.ui.look.numbers import WholeField
from explorer.ui.look.widgets import field_caption
from explorer.ui.state.controller import Controller

BOX_WIDTH = 52
SAMPLER_WIDTH = 92


class StepsField(QWidget):
    """Shown for models whose pictures are made in steps. Reads the scene, changes it through the controller."""

    draft_steps_chosen = Signal(int)  # 0: the model's own number

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._filling = False
        self.at_rest, self.draft = WholeField(1, 1, parent=self), WholeField(1, 1, parent=self)
        for box, name in ((self.at_rest, "Steps"), (self.draft, "Steps of a draft")):
            box.setAccessibleName(name)
            box.setFixedWidth(BOX_WIDTH)
        self.captions = (field_caption("Steps", self), field_caption("draft", self))
        self.sampler = QComboBox(self)
        self.sampler.setAccessibleName("Sampler")
        self.sampler.setFixedWidth(SAMPLER_WIDTH)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.sampler)
        for caption, box in zip(self.captions, (self.at_rest, self.draft), strict=True):
            layout.addWidget(caption)
            layout.addWidget(box)
        self.sampler.activated.connect(self._on_sampler)
        self.at_rest.valueChanged.connect(self._on_at_rest)
        self.draft.valueChanged.connect(self._on_draft)

    def show_values(self) -> bool:
        """Bring both numbers in line with the scene; returns whether the selected pane's model has any."""
        controller = self._controller
        card = controller.model_card(controller.scene.selected)
        if card is None or not card.full_steps:
            return False
        quality = controller.scene.quality
        at_rest = steps_at_rest(card, quality)
        self._filling = True
        self.at_rest.setRange(1, card.most_steps or card.full_steps)
        self.at_rest.setValue(at_rest)
        self.draft.setRange(1, at_rest)
        self.draft.setValue(steps_while_moving(card, quality, controller.drafts.chosen_steps))
        self._filling = False
        self._show_sampler(card, quality.sampler)
        self._explain(card)
        return True

    def _show_sampler(self, card: ModelCard, chosen: str) -> None:
        self.sampler.setVisible(len(card.samplers) > 1)
        names = [self.sampler.itemData(index) for index in range(self.sampler.count())]
        if names != list(card.samplers):
            self.sampler.clear()
            for name in card.samplers:
                self.sampler.addItem(SAMPLERS[name], name)
        self.sampler.setCurrentIndex(self.sampler.findData(chosen or card.samplers[0]) if card.samplers else -1)

    def _on_sampler(self, index: int) -> None:
        self._controller.set_sampler(self.sampler.itemData(index))

    def _explain(self, card: ModelCard) -> None:
        self.sampler.setToolTip(f"Sampler: how pictures are drawn from noise. The model's own: {card.sampler}")
        self.at_rest.setToolTip(
            f"Sampler steps of a finished picture, and of exports; 1 to {self.at_rest.maximum()}. "
            f"The model's own number: {card.full_steps}"
        )
        self.draft.setToolTip(
            "Sampler steps of a draft, which is shown while a slider or the playhead moves. "
            f"The model's own number: {card.interactive_steps}"
        )

    def _on_at_rest(self, steps: int) -> None:
        if not self._filling:
            self._controller.set_steps(steps)

    def _on_draft(self, steps: int) -> None:
        card = self._controller.model_card(self._controller.scene.selected)
        if not self._filling and card is not None:
            self.draft_steps_chosen.emit(0 if steps == card.interactive_steps else steps)
