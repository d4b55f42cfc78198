"""The steps of the selected pane's picture, and in which of them one of its sliders acts."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from explorer.scene import trajectory_text as text
from explorer.scene.editing import edit_of
from explorer.scene.marks import shown_name
from explorer.scene.model import Pane
from explorer.scene.trajectory import steps_in, window_of
from explorer.ui.look.numbers import WholeField
from explorer.ui.look.widgets import SectionTitle, Segments, WrappedLabel, action_button, field_caption
from explorer.ui.state.controller import Controller
from explorer.ui.trajectory.asking import Trajectories
from explorer.ui.trajectory.strip import Strip

LATEST = "Slider moved last"
NONE = "–"
SHOWN = {"fitting": "Some steps", "all": "Every step"}


class ResizingArea(QScrollArea):
    """Says when it has another size."""

    resized = Signal()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit()


class TrajectoryPanel(QWidget):
    """Follows the selected pane and its sliders; asks for nothing while nobody sees it."""

    def __init__(self, controller: Controller, all_steps: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._all_steps = all_steps
        self._names: tuple[str, ...] = ()
        self._filling = False
        self.trajectories = Trajectories(controller, self)
        self.control = QComboBox()
        self.control.addItem(LATEST)
        self.control.setToolTip("Which slider acts in the steps that are chosen here")
        self.control.setAccessibleName("Slider of the window")
        self.first, self.last = WholeField(1, 1), WholeField(1, 1)
        self.shown = Segments(SHOWN, "As many pictures as have room side by side, or all of them, to be scrolled")
        self.strip, self.area = Strip(), ResizingArea()
        self.sentence, self.hint = WrappedLabel(), WrappedLabel()
        self._build(all_steps)
        self.control.activated.connect(self.refresh)
        self.first.valueChanged.connect(self._typed)
        self.last.valueChanged.connect(self._typed)
        self.shown.chosen.connect(self.refresh)
        self.strip.window_chosen.connect(self._choose)
        self.strip.end_moved.connect(self._keep_seen)
        self.area.resized.connect(self.refresh)
        self.trajectories.changed.connect(self._show)
        controller.shown.connect(self.refresh)
        controller.changed.connect(self.refresh)
        controller.drafts.settled.connect(self.refresh)
        controller.feed.picture_changed.connect(self.refresh)
        controller.catalogue.controls_found.connect(self.refresh)
        self.refresh()

    @property
    def chosen(self) -> str:
        """The name of the control whose window is shown; empty where no slider is moved."""
        index = self.control.currentIndex()
        if 0 < index <= len(self._names):
            return self._names[index - 1]
        return self._controller.moved_last(self._pane_number()) if self._controller.has_model else ""

    def refresh(self, *_: object) -> None:
        """Ask for what is not known yet, unless a hand moves something, and show what is."""
        if not self.isVisible():
            return
        if self._controller.drafts.drafting:
            self.trajectories.give_up()
        self._show()
        for layout in (self._outside, self._inside):  # how many pictures have room is known only then
            layout.activate()
        self._lay_out()
        self.trajectories.look_at(0 if self.shown.value == "all" else self.strip.fitting(self.area.viewport().width()))
        self.trajectories.refresh()
        self._show_state()

    # --- events ---

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.trajectories.give_up()

    # --- inside ---

    def _build(self, all_steps: QAction) -> None:
        self.title = SectionTitle("Trajectory", self.shown)
        self.control.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.control.setMinimumContentsLength(len(LATEST))
        for field, name in ((self.first, "First step"), (self.last, "Last step")):
            field.setAccessibleName(name)
            field.setToolTip(f"{name} in which the slider acts, counted from the noise")
        row = QHBoxLayout()
        row.setContentsMargins(10, 0, 10, 0)
        for widget in (
            self.control, field_caption("acts in steps"), self.first, field_caption("to"), self.last,
            action_button(all_steps, with_icon=False),
        ):  # fmt: skip
            row.addWidget(widget)
        row.addStretch(1)
        self.area.setWidget(self.strip)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setMinimumHeight(self.strip.minimumSizeHint().height())
        self.sentence.setContentsMargins(10, 0, 10, 6)
        self.steps = QWidget()
        self._inside = inside = QVBoxLayout(self.steps)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(4)
        inside.addLayout(row)
        inside.addWidget(self.area, 1)
        inside.addWidget(self.sentence)
        self.hint.setContentsMargins(10, 10, 10, 10)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.hint)
        self.stack.addWidget(self.steps)
        self._outside = layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.title)
        layout.addWidget(self.stack, 1)

    def _pane_number(self) -> int:
        return min(self._controller.scene.selected, len(self._controller.shown_scene.panes) - 1)

    def _pane(self) -> Pane:
        return self._controller.shown_scene.panes[self._pane_number()]

    def _show(self) -> None:
        """Everything that is known now."""
        self._fill()
        seen, name = self.trajectories.trajectory, self.chosen
        self.strip.show_trajectory(seen)
        self.strip.show_older(not self.trajectories.is_current)
        self._lay_out()
        window = edit_of(self._pane(), name).window if name else None
        steps = steps_in(window, seen.noises) if name and seen is not None else None
        self.strip.show_window(steps)
        self._fill_fields(steps)
        self._all_steps.setEnabled(window is not None)
        self._show_state()

    def _show_state(self) -> None:
        """What is said, and what stands in the place of steps that there are none of."""
        controller, seen, name = self._controller, self.trajectories.trajectory, self.chosen
        card = controller.model_card(self._pane_number()) if controller.has_model else None
        if card is None or not card.full_steps or self.trajectories.problem:
            self.stack.setCurrentWidget(self.hint)
            self.shown.hide()
            in_one_go = card is not None and not card.full_steps
            said = text.in_one_go(card) if card is not None and in_one_go else self.trajectories.problem
            self.hint.setText(said or (text.WAITING if controller.has_model else text.NO_MODEL))
            return
        self.stack.setCurrentWidget(self.steps)
        self.shown.show()
        if seen is None:
            self.sentence.setText(text.WAITING)
            return
        pane = self._pane()
        control, window = controller.control_card(self._pane_number(), name), edit_of(pane, name).window
        called = shown_name(controller.shown_scene, pane.controls, name)
        told = text.acts(called, window, seen, card, control) if name else text.NO_CONTROL
        more = text.OLDER if not self.trajectories.is_current else text.STEERED if seen.steered else ""
        self.sentence.setText(f"{told} {more}".strip())

    def _lay_out(self) -> None:
        view = self.area.viewport()
        width = max(view.width(), self.strip.full_width()) if self.shown.value == "all" else view.width()
        self.strip.resize(width, view.height())

    def _fill(self) -> None:
        """The chooser, with the sliders of the pane that are moved."""
        pane = self._pane()
        names = tuple(edit.control for edit in pane.edits) if self._controller.has_model else ()
        if names == self._names:
            return
        kept = self._names[self.control.currentIndex() - 1] if self.control.currentIndex() > 0 else ""
        self._names = names
        self.control.clear()
        self.control.addItem(LATEST)
        self.control.addItems([shown_name(self._controller.shown_scene, pane.controls, name) for name in names])
        self.control.setCurrentIndex(names.index(kept) + 1 if kept in names else 0)

    def _fill_fields(self, steps: tuple[int, int] | None) -> None:
        self._filling = True
        for field in (self.first, self.last, self.control):
            field.setEnabled(steps is not None)
        first, past = steps or (0, 0)
        if steps is not None:
            count = self.strip.count
            self.first.setRange(1, max(past, first + 1))
            self.last.setRange(min(first + 1, count), count)
        if past > first:
            self.first.setValue(first + 1)
            self.last.setValue(past)
        else:  # there is no slider, or no step lies in its window
            self.first.set_blank(NONE)
            self.last.set_blank(NONE)
        self._filling = False

    def _keep_seen(self, handle: QWidget) -> None:
        """Scroll to the end of the window that the hand moves, or goes to."""
        self.area.ensureWidgetVisible(handle, self.strip.picture_size().width(), 0)

    # --- what the user does ---

    def _typed(self, *_: object) -> None:
        if not self._filling:
            self._choose(self.first.value() - 1, self.last.value(), False)

    def _choose(self, first: int, past: int, dragging: bool) -> None:
        seen, name = self.trajectories.trajectory, self.chosen
        if seen is not None and name:
            window = window_of(first, past, seen.noises)
            self._controller.set_window(self._pane_number(), name, window, dragging)
