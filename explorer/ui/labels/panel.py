"""The labelling panel: one sample after another, yes or no by the keys, and how well the answers are learned."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSignalBlocker, Qt
from PySide6.QtGui import QFont, QHideEvent, QKeyEvent, QPalette, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from explorer.scene.model import ModelRef, Scene
from explorer.ui.actions.actions import ActionTable
from explorer.ui.labels import text
from explorer.ui.labels.curve import LabellingCurve
from explorer.ui.labels.sample import Said, SampleStrip, SampleView
from explorer.ui.look.widgets import ElidedLabel, WrappedLabel, action_button, link_button
from explorer.ui.state.controller import Controller

HEADER_HEIGHT = 38
LEAST_SIDE, SIDE_WIDTH = 170, 330  # of what is known so far
KEYS = {
    Qt.Key.Key_Right: "yes", Qt.Key.Key_Y: "yes", Qt.Key.Key_Left: "no", Qt.Key.Key_N: "no",
    Qt.Key.Key_Space: "skip", Qt.Key.Key_S: "skip", Qt.Key.Key_Backspace: "back", Qt.Key.Key_Z: "back",
}  # fmt: skip
STRIP = 20  # samples of a strip, at most
SAID: dict[int | None, Said] = {1: "yes", 0: "no", None: "skipped"}
BUTTONS = {
    "no": ("No  ←", "It does not show the attribute (← or N)"),
    "skip": ("Skip  Space", "It cannot be told (Space or S)"),
    "yes": ("Yes  →", "It shows the attribute (→ or Y)"),
    "back": ("Back  ⌫", "Take the last answer back (Backspace or Z)"),
}


class LabellingPanel(QWidget):
    """Follows the selected pane's model; the labels are the controller's."""

    def __init__(self, controller: Controller, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._labelling = controller.labelling
        self.attribute = QComboBox()
        self.line = QLineEdit()
        self.attribute.setLineEdit(self.line)
        self.attribute.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.attribute.setCompleter(None)  # type: ignore[arg-type]  # half a name must not become another
        self.attribute.setMinimumWidth(110)
        self.attribute.setMaximumWidth(260)
        self.attribute.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.line.setPlaceholderText("such as glasses")
        self.attribute.setAccessibleName("Attribute")
        self.attribute.setToolTip("What you look for; another name begins another list of labels")
        self.state = ElidedLabel()
        self.state.setForegroundRole(QPalette.ColorRole.BrightText)
        self.state.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.retry = link_button("Try again")
        self.sample = SampleView()
        self.coming, self.answered = SampleStrip("Next"), SampleStrip("Answered")
        self.buttons = {key: _answer(*said) for key, said in BUTTONS.items()}
        self.keys = ElidedLabel("Click the picture to answer by keys.")
        self.keys.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.counts, self.figure, self.beside = QLabel(), QLabel(), QLabel()
        self.curve = LabellingCurve()
        self.advice = WrappedLabel()
        self._build(actions)
        self._act = {
            "yes": lambda: self._labelling.answer(1),
            "no": lambda: self._labelling.answer(0),
            "skip": self._labelling.skip,
            "back": self._labelling.back,
        }
        for key, button in self.buttons.items():
            button.clicked.connect(self._act[key])
        self.retry.clicked.connect(self._labelling.retry)
        self.line.editingFinished.connect(self._name)
        self.line.returnPressed.connect(self._leave_name)
        self.attribute.activated.connect(self._choose)
        self._labelling.changed.connect(self.refresh)
        controller.changed.connect(self._on_changed)
        controller.catalogue.models_changed.connect(self._follow)
        QApplication.instance().focusChanged.connect(self._show_keys)  # type: ignore[union-attr]
        self._follow()
        self.refresh()

    def model(self) -> ModelRef:
        """The selected pane's model."""
        return self._controller.scene.model_of()

    def begin(self) -> None:
        """Take the keys: into the name while there is none."""
        labels = self._labelling.current
        (self.attribute if labels is not None and not labels.attribute else self.sample).setFocus()

    def refresh(self) -> None:
        """Bring everything in line with the labels."""
        labelling, labels = self._labelling, self._labelling.current
        images = labelling.upcoming(STRIP + 1)
        self.sample.show_sample(images[0] if images else None, self._hint())
        self.sample.setToolTip(text.sample(labels.queue[0]) if labels and images and images[0] else "")
        self.coming.show_samples([(image, None) for image in images[1:]])
        self.answered.show_samples([(image, SAID[value]) for image, value in labelling.recent(STRIP)])
        problem = labelling.problem or labelling.drawing_problem or (labels.problem if labels else "")
        self.state.setText(problem)
        self.state.setToolTip(problem)
        self.retry.setVisible(bool(problem) and problem != labelling.problem)
        with QSignalBlocker(self.attribute):
            names = labelling.attributes()
            if names != [self.attribute.itemText(index) for index in range(self.attribute.count())]:
                self.attribute.clear()
                self.attribute.addItems(names)
            name = labels.attribute if labels else ""
            if not self.line.isModified():
                self.attribute.setCurrentText(name)
                self.line.setModified(False)
        self.attribute.setEnabled(labels is not None)
        can_answer = labels is not None and bool(labels.attribute) and bool(images) and images[0] is not None
        for key, button in self.buttons.items():
            button.setEnabled(can_answer if key != "back" else labels is not None and bool(labels.answered))
        newest = labels.newest if labels else None
        self.counts.setText(text.counts(labels) if labels else "")
        self.figure.setText(text.figure(newest))
        self.figure.setVisible(newest is not None)
        better = newest is not None and text.is_better(newest)
        self.figure.setForegroundRole(QPalette.ColorRole.Accent if better else QPalette.ColorRole.WindowText)
        self.beside.setText(text.beside(newest))
        self.curve.show_points(labels.trained if labels else [])
        kept = "The labels are kept while there is no engine."
        self.advice.setText(kept if labelling.is_down else text.advice(labels) if labels else "")
        self._show_keys()

    # --- keys and focus ---

    def event(self, event: QEvent) -> bool:
        # What the window does with these keys (play, show one pane) waits while the panel has them.
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and self._meaning(event) is not None
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        meaning = self._meaning(event)
        if meaning is not None:
            if not event.isAutoRepeat():  # a key that is held must not answer for pictures that nobody has seen
                self._act[meaning]()
            event.accept()
        elif event.key() == Qt.Key.Key_Escape and self._is_naming():
            self.line.setModified(False)
            self.refresh()
            self.sample.setFocus()
        else:
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._follow()
        self._labelling.set_active(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._labelling.set_active(False)

    def _meaning(self, event: QKeyEvent) -> str | None:
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        return KEYS.get(Qt.Key(event.key())) if plain and not self._is_naming() else None

    def _is_naming(self) -> bool:
        return self.attribute.hasFocus() or self.line.hasFocus()

    def _show_keys(self, *_: object) -> None:
        focus = QApplication.focusWidget()
        away = focus is None or not self.isAncestorOf(focus) or self._is_naming()
        self.keys.setVisible(away and self.buttons["yes"].isEnabled())

    # --- the attribute ---

    def _name(self) -> None:
        name, changed = self.line.text(), self.line.isModified()
        self.line.setModified(False)
        if changed:
            self._labelling.name(name)
        self.refresh()

    def _leave_name(self) -> None:
        self._name()
        if self._labelling.current is not None and self._labelling.current.attribute:
            self.sample.setFocus()

    def _choose(self, index: int) -> None:
        self.line.setModified(False)
        self._labelling.name(self.attribute.itemText(index))
        self.sample.setFocus()

    # --- following ---

    def _follow(self) -> None:
        controller = self._controller
        card = controller.model_card(controller.scene.selected) if controller.has_model else None
        self._labelling.follow(self.model(), card)

    def _on_changed(self, old: Scene, new: Scene) -> None:
        if (old.model, old.selected, old.panes) != (new.model, new.selected, new.panes):
            self._follow()

    def _hint(self) -> str:
        labelling = self._labelling
        if labelling.card is None:
            return "Open a model to label its samples."
        if labelling.is_down:
            return "The engine has stopped. The labels are kept, and samples come when it is back."
        return labelling.drawing_problem or "Drawing samples…"

    def _build(self, actions: ActionTable) -> None:
        header = QWidget()
        header.setFixedHeight(HEADER_HEIGHT)
        row = QHBoxLayout(header)
        row.setContentsMargins(10, 0, 8, 0)
        row.setSpacing(8)
        row.addWidget(QLabel("Does it have"))
        row.addWidget(self.attribute, 1)
        row.addWidget(QLabel("?"))
        row.addWidget(self.state, 1)
        row.addWidget(self.retry)
        for key in ("open_labels", "save_labels", "copy_labels"):
            button = link_button("")
            button.setDefaultAction(actions[key])
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
            row.addWidget(button)
        more = link_button("More ▾")
        menu = QMenu(more)
        menu.addActions([actions["rename_labels"], actions["forget_labels"]])
        more.setMenu(menu)
        more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        row.addWidget(more)
        row.addWidget(action_button(actions["use_labels"], with_icon=False, primary=True))
        answers = QHBoxLayout()
        answers.setSpacing(8)
        for button in self.buttons.values():
            answers.addWidget(button)
        answers.addStretch(1)
        middle = QVBoxLayout()
        middle.setSpacing(8)
        middle.addWidget(self.coming)
        middle.addLayout(answers)
        middle.addWidget(self.answered)
        middle.addWidget(self.keys)
        middle.addStretch(1)
        large = QFont(self.font())
        large.setPointSizeF(large.pointSizeF() * 1.5)
        large.setBold(True)
        self.figure.setFont(large)
        self.beside.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        for label in (self.figure, self.beside, self.curve):
            label.setToolTip(text.EXPLANATION)
        side = QWidget()
        side.setMinimumWidth(LEAST_SIDE)
        side.setMaximumWidth(SIDE_WIDTH)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        for widget in (self.counts, self.advice, self.figure, self.beside):
            column.addWidget(widget)
        column.addWidget(self.curve, 1)
        body = QHBoxLayout()
        body.setContentsMargins(10, 2, 10, 8)
        body.setSpacing(16)
        body.addWidget(self.sample)
        body.addLayout(middle, 3)
        body.addWidget(side, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(header)
        layout.addLayout(body, 1)


def _answer(said: str, tool_tip: str) -> QToolButton:
    """A button of one answer. Clicking it leaves the keys with the picture."""
    button = QToolButton()
    button.setText(said)
    button.setToolTip(tool_tip)
    button.setProperty("answer", True)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setMinimumWidth(max(84, button.sizeHint().width()))
    return button
