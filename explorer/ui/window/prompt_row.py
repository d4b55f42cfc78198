"""The row below the tool bar for models that read text: what to draw, what to keep away from, and how."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QToolBar, QWidget

from explorer.scene.model import Condition, Scene
from explorer.scene.validate import GREATEST_GUIDANCE, LONGEST_PROMPT
from explorer.ui.look.numbers import DecimalField
from explorer.ui.look.widgets import field_caption
from explorer.ui.state.controller import Controller
from explorer.ui.window.steps_field import StepsField

GUIDANCE_WIDTH = 56
LEAST_TEXT_WIDTH = 90
PROMPT_SHARE, NEGATIVE_SHARE = 3, 2


class PromptLine(QLineEdit):
    """A text that is taken on Enter and when the focus goes; Escape brings the one of the scene back."""

    def __init__(self, name: str, placeholder: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown = ""
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        self.setToolTip(tip)
        self.setMaxLength(LONGEST_PROMPT)
        self.setMinimumWidth(LEAST_TEXT_WIDTH)

    def show_text(self, text: str) -> None:
        """Show the text of the scene; what somebody is typing stays while the scene's is the same."""
        if text != self._shown or not self.hasFocus():
            self._shown = text
            if text != self.text():
                self.setText(text)
                self.setCursorPosition(0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.setText(self._shown)
            self.clearFocus()
            return
        super().keyPressEvent(event)


class PromptRow(QToolBar):
    """Reads the scene, changes it through the controller; hidden for models that read no text."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__("Prompt", parent)
        self._controller = controller
        self._filling = False
        self.setObjectName("prompt")
        self.setMovable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.prompt = PromptLine("Prompt", "What to draw", "What the picture shall show. Enter takes it")
        self.negative = PromptLine(
            "Negative prompt", "What to keep away from", "What the picture is led away from, where guidance is above 1"
        )
        self.guidance = DecimalField(0.0, GREATEST_GUIDANCE, decimals=2, step=0.5)
        self.guidance.setAccessibleName("Guidance")
        self.guidance.setFixedWidth(GUIDANCE_WIDTH)
        self.steps = StepsField(controller)
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(6, 0, 0, 0)
        layout.setSpacing(6)
        for caption, field, share in (
            ("Prompt", self.prompt, PROMPT_SHARE),
            ("without", self.negative, NEGATIVE_SHARE),
            ("Guidance", self.guidance, 0),
        ):
            layout.addWidget(field_caption(caption))
            layout.addWidget(field, share)
        layout.addWidget(self.steps)
        self.addWidget(row)
        self.prompt.editingFinished.connect(self._on_texts)
        self.negative.editingFinished.connect(self._on_texts)
        self.guidance.valueChanged.connect(self._on_guidance)
        controller.changed.connect(self._on_changed)
        controller.drafts.chosen.connect(self.steps.show_values)
        controller.catalogue.models_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Bring every field in line with the scene, and show the row where its model reads text."""
        card = self._controller.model_card(self._controller.scene.selected)
        reads = card is not None and "prompt" in card.capabilities
        self.setVisible(reads)
        if card is None or not reads:
            return
        self.steps.show_values()
        said = self._said()
        self._filling = True
        self.prompt.show_text(said.prompt)
        self.negative.show_text(said.negative_prompt)
        self.guidance.setValue(card.guidance if said.guidance is None else said.guidance)
        self._filling = False
        self.guidance.setToolTip(
            "How strongly the picture follows the prompt, and is led away from the other; 1 and less: it is not led. "
            f"The model's own: {card.guidance:g}"
        )

    def _said(self) -> Condition:
        return self._controller.scene.condition_of()

    def _on_changed(self, old: Scene, new: Scene) -> None:
        # A slider drag must not wait for texts that are laid out again.
        if (old.model_of(), old.condition_of(), old.quality) != (new.model_of(), new.condition_of(), new.quality):
            self.refresh()

    def _on_texts(self) -> None:
        said = self._said()
        told = msgspec.structs.replace(said, prompt=self.prompt.text(), negative_prompt=self.negative.text())
        if told != said:
            changed = "Prompt" if told.prompt != said.prompt else "Negative prompt"
            self._controller.set_condition(told, changed)

    def _on_guidance(self, guidance: float) -> None:
        card = self._controller.model_card(self._controller.scene.selected)
        if self._filling or card is None:
            return
        own = None if guidance == card.guidance else float(guidance)
        told = msgspec.structs.replace(self._said(), guidance=own)
        self._controller.set_condition(told, f"Guidance {guidance:g}")
