"""The control panel: the selected pane's method and its sliders."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from explorer.scene.cards import ControlCard, ControlSetCard
from explorer.scene.defaults import room
from explorer.scene.editing import edit_of
from explorer.scene.marks import mark_of, ordered
from explorer.scene.model import ControlSetRef, Mark, ModelRef, Scene
from explorer.scene.trajectory_text import mark_text
from explorer.ui.actions.actions import ActionTable
from explorer.ui.controls.menu import ControlMenu
from explorer.ui.controls.method_chooser import MethodChooser
from explorer.ui.controls.row import WIDEST_NAME, ControlRow, titled
from explorer.ui.controls.search_strip import SearchStrip
from explorer.ui.look.dock_panel import DockPanel
from explorer.ui.look.widgets import SectionTitle, Segments, WrappedLabel, link_button
from explorer.ui.state.controller import Controller

SELECTIONS: dict[str, str] = {"all": "All", "non-passive": "Non-passive", "active": "Active"}
"""Which latents, by their badges; as :data:`explorer.scene.measures.Selection`."""

PREVIEW = "These are the directions that the search has so far; they follow it while it goes on."
AGAIN, GO_ON = "Try again", "Go on"
MORE = "Find {k} controls with this method; those that there are stay as they are"
OTHERS = (
    "Find {k} controls in place of these\n{title} finds its controls together, so all of them will be others:\n"
    "sliders go back to zero; keyframes, names and stars of these do not carry over"
)
ABOVE_FOLDED = 3  # widgets of the list above the folded ones: the message, the retry link, the line that unfolds them
FOLDED_TIP = (
    "Passive controls change next to nothing; those on noise and question are chosen in the dock Causes as well"
)
Shown = tuple[ModelRef, ControlSetRef, ControlSetCard | None, str, tuple[Mark, ...]]


class ControlsPanel(DockPanel):
    """Sliders of the selected pane. Rows are rebuilt when the control set changes, else only their values move."""

    def __init__(self, controller: Controller, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._shown: Shown | None = None
        self._rows: dict[str, ControlRow] = {}
        self._snapping = True
        reset = link_button("")
        reset.setDefaultAction(actions["reset_all"])
        reset.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.method = MethodChooser(controller)
        self.settings = link_button("")
        self.settings.setDefaultAction(actions["method_settings"])
        self.settings.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter controls…")
        self.menu = ControlMenu(controller, self)
        self.searching = SearchStrip(controller)
        self.linked = QToolButton()
        self.linked.setDefaultAction(actions["linked"])
        self.linked.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.badges = Segments(SELECTIONS, "Which sliders are listed, by their badges")
        self.pane = QLabel()
        self.pane.setForegroundRole(self.palette().ColorRole.PlaceholderText)
        self.folded = link_button("", FOLDED_TIP)
        self.folded.setCheckable(True)
        self.hidden = link_button("", "Controls that you have hidden")
        self.hidden.setCheckable(True)
        self.more = link_button("More…")
        self.message = WrappedLabel()
        self.message.setForegroundRole(self.palette().ColorRole.PlaceholderText)
        self.retry = link_button(AGAIN)
        self._build(reset)
        self.filter.textChanged.connect(self._offer_clearing)
        self.filter.textChanged.connect(self._apply_filter)
        self.badges.chosen.connect(self._apply_filter)
        self.folded.toggled.connect(self._apply_filter)
        self.hidden.toggled.connect(self._apply_filter)
        self.more.clicked.connect(self._find_more)
        self.retry.clicked.connect(self._try_again)
        self.searching.toggled.connect(self._say_again)
        controller.changed.connect(self._on_changed)
        controller.shown.connect(self._show_amounts)
        controller.places.changed.connect(self._show_places)
        controller.outcomes.changed.connect(self._show_amounts)
        catalogue = controller.catalogue
        catalogue.controls_found.connect(self._on_found)
        catalogue.controls_refused.connect(self._on_refused)
        catalogue.models_changed.connect(self.refresh)
        catalogue.methods_changed.connect(self.refresh)
        self.refresh()

    # --- what is shown ---

    def rows(self) -> list[ControlRow]:
        """The rows, in the order of the set."""
        return list(self._rows.values())

    def set_snapping(self, snapping: bool) -> None:
        """Whether sliders with ticks stop at these only."""
        self._snapping = snapping
        for row in self._rows.values():
            row.slider.set_snapping(snapping)

    def refresh(self) -> None:
        """Bring everything in line with the scene and the catalogue."""
        controller = self._controller
        scene = controller.scene
        self.method.refresh()
        count = len(scene.panes)
        self.linked.setVisible(count > 1)
        self.pane.setVisible(count > 1)
        self.pane.setText(f"Pane {scene.selected + 1} of {count}")
        pane = scene.panes[scene.selected]
        model = scene.model_of()
        card = controller.controls_card()
        problem = controller.catalogue.problem(model) or controller.catalogue.problem(model, pane.controls)
        shown: Shown = (model, pane.controls, card, problem, scene.marks)
        self.searching.refresh()
        if shown != self._shown:
            self._shown = shown
            self._rebuild(card, problem)
        self._show_amounts()

    def _build(self, reset: QToolButton) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.title = SectionTitle("Controls", reset)
        layout.addWidget(self.title)
        top = QHBoxLayout()
        top.setContentsMargins(10, 0, 10, 4)
        top.setSpacing(6)
        top.addWidget(self.method, 1)
        top.addWidget(self.settings)
        layout.addLayout(top)
        below = QHBoxLayout()
        below.setContentsMargins(10, 0, 10, 4)
        below.addWidget(self.filter)
        layout.addLayout(below)
        badges = QHBoxLayout()
        badges.setContentsMargins(10, 0, 10, 4)
        badges.addWidget(self.badges)
        badges.addStretch(1)
        layout.addLayout(badges)
        panes = QHBoxLayout()
        panes.setContentsMargins(10, 0, 6, 2)
        panes.addWidget(self.pane)
        panes.addStretch(1)
        panes.addWidget(self.linked)
        layout.addLayout(panes)
        layout.addWidget(self.searching)
        self._list = QWidget()
        self._column = QVBoxLayout(self._list)
        self._column.setContentsMargins(0, 2, 0, 8)
        self._column.setSpacing(0)
        for widget in (self.message, self.retry, self.folded, self.hidden, self.more):
            self._column.addLayout(_indented(widget))
        self._column.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(self._list)
        self._scroll.viewport().setBackgroundRole(self.palette().ColorRole.Window)
        self._list.setBackgroundRole(self.palette().ColorRole.Window)
        layout.addWidget(self._scroll, 1)

    def _rebuild(self, card: ControlSetCard | None, problem: str) -> None:
        scene = self._controller.scene
        of = scene.panes[scene.selected].controls
        controls = ordered(scene, of, card.controls) if card else ()
        metrics = self.fontMetrics()
        width = max((metrics.horizontalAdvance(control.figure) for control in controls if control.figure), default=0)
        marks = {control.name: mark_of(scene, of, control.name) for control in controls}
        names = (titled(control, marks[control.name]) for control in controls)
        widest = min(max(map(metrics.horizontalAdvance, names), default=0) + 4, WIDEST_NAME)
        # Folded ones come last, below the message, the retry link and the line that unfolds them.
        listed = sorted(controls, key=_is_folded)
        if [_row_key(row.card) for row in self._rows.values()] != list(map(_row_key, listed)):
            self._make_rows(listed)
        for control in listed:  # those of a search follow it, also while one of them is held
            self._rows[control.name].set_card(control, width + 4 if width else 0, marks[control.name], widest)
        self._show_places()
        self._say(card, problem)
        self._apply_filter()

    def _make_rows(self, controls: Sequence[ControlCard]) -> None:
        for row in self._rows.values():
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows = {}
        for index, control in enumerate(controls):
            row = ControlRow(control, 0)
            row.moved.connect(self._move)
            row.menu_wanted.connect(self.menu.show)
            row.slider.set_snapping(self._snapping)
            self._rows[control.name] = row
            self._column.insertWidget(index + ABOVE_FOLDED * _is_folded(control), row)
        self._order_tabs()

    def _order_tabs(self) -> None:
        """Tab goes down the sliders, each followed by its typed value."""
        previous: QWidget = self.linked
        for row in self._rows.values():
            QWidget.setTabOrder(previous, row.slider)
            QWidget.setTabOrder(row.slider, row.box)
            previous = row.box

    def _say(self, card: ControlSetCard | None, problem: str) -> None:
        if not self._controller.has_model:
            text = "The sliders of a model appear here once it is open."
        elif problem:
            text = problem
        elif card is None:
            text = "Finding controls…" if self.searching.isHidden() else ""  # which says so, too
        elif self._previewed():
            text = PREVIEW
        else:
            text = card.note if card.controls else "This method found no controls on this model."
        self.message.setText(text)
        self.message.setVisible(bool(text))
        self.retry.setVisible(bool(problem) and self._controller.has_model)
        scene, catalogue = self._controller.scene, self._controller.catalogue
        asked = scene.panes[scene.selected].controls
        is_stopped = catalogue.is_stopped(scene.model_of(), asked)
        self.retry.setText(GO_ON if is_stopped and catalogue.goes_on(asked.method) else AGAIN)
        whole = bool(card and asked.method and len(card.controls) == asked.k and not self._previewed())
        k = self._larger(card) if whole and card else 0
        self.more.setVisible(k > 0)
        if card and k:
            stay = k <= card.grows_to
            self.more.setText("More…" if stay else f"{k} others…")
            self.more.setToolTip((MORE if stay else OTHERS).format(k=k, title=card.title))

    def _say_again(self) -> None:
        if self._shown is not None:
            _, _, card, problem, _ = self._shown
            self._say(card, problem)

    def _previewed(self) -> bool:
        """Whether the sliders are those of a search that is still under way."""
        scene = self._controller.scene
        pane = scene.panes[scene.selected]
        return self._controller.catalogue.is_preview(scene.model_of(), pane.controls)

    def _larger(self, card: ControlSetCard) -> int:
        """How many controls to ask for in place of all those of ``card``: twice as many, or what the space has room
        for; 0 where it has room for no more."""
        model = self._controller.model_card(self._controller.scene.selected)
        space = model.spaces.get(card.space) if model else None
        return min(2 * len(card.controls), room(space)) if space and len(card.controls) < room(space) else 0

    def _offer_clearing(self) -> None:
        # Not before there is something to clear: the button's icon costs a hundredth of a second of the window's start.
        if not self.filter.isClearButtonEnabled():
            self.filter.setClearButtonEnabled(True)

    def _apply_filter(self, *_: object) -> None:
        wanted = self.filter.text().strip().casefold()
        folded = [row.card for row in self._rows.values() if _is_folded(row.card)]
        badged = any(row.card.badge for row in self._rows.values())
        selection = self.badges.value if badged else "all"
        self.badges.setVisible(badged)
        for row in self._rows.values():
            names = f"{row.shown_name}\n{row.card.name}".casefold()
            matches = wanted in names and _is_in(selection, row.card)
            unfolded = not _is_folded(row.card) or self.folded.isChecked() or bool(wanted)
            row.setVisible(matches and unfolded and (not _is_hidden(row) or self.hidden.isChecked()))
        hidden = sum(map(_is_hidden, self._rows.values()))
        self.hidden.setVisible(hidden > 0)
        self.hidden.setText(f"{'▾' if self.hidden.isChecked() else '▸'} {hidden} hidden")
        self.folded.setVisible(bool(folded) and not wanted and selection == "all")
        self.folded.setText(f"{'▾' if self.folded.isChecked() else '▸'} {_folded_text(folded)}")

    def _show_amounts(self, *_: object) -> None:
        scene = self._controller.shown_scene
        pane = scene.panes[min(self._controller.scene.selected, len(scene.panes) - 1)]
        if pane.edits:
            self._controller.outcomes.refresh()
        now, intervals = self._controller.outcomes.now(), self._controller.outcomes.intervals()
        model = self._controller.model_card() if pane.edits else None
        for name, row in self._rows.items():
            edit = edit_of(pane, name)
            row.set_edit(edit, now.get(name), intervals.get(name))
            row.window_mark.show_window(edit.window, "" if edit.window is None else mark_text(edit.window, model))

    def _show_places(self) -> None:
        places = self._controller.places.known()
        for name, row in self._rows.items():
            row.set_place(places.get(name))
        self._show_amounts()

    # --- what the user does ---

    def _move(self, name: str, number: float, dragging: bool) -> None:
        self._controller.move_control(self._controller.scene.selected, name, number, dragging)
        if not dragging:  # an effect that was only touched stands where its causes put it
            self._show_amounts()

    def _find_more(self) -> None:
        scene = self._controller.scene
        asked = scene.panes[scene.selected].controls
        card = self._controller.controls_card()
        k = self._larger(card) if card is not None else 0
        if card is None or not k:
            return
        # What is kept fixed is named, and these names are of other controls in a set that does not grow.
        fixed = asked.without if k <= card.grows_to else ()
        self._controller.set_method(scene.selected, msgspec.structs.replace(asked, k=k, without=fixed))

    def _try_again(self) -> None:
        self._controller.catalogue.retry(self._controller.scene)
        self._controller.feed.again()
        self.refresh()

    # --- what happens elsewhere ---

    def _on_changed(self, old: Scene, new: Scene) -> None:
        same_panes = [(pane.model, pane.controls) for pane in old.panes] == [
            (pane.model, pane.controls) for pane in new.panes
        ]
        if not same_panes or old.model != new.model or old.selected != new.selected or old.marks != new.marks:
            self.refresh()

    def _on_found(self, model: ModelRef, controls: ControlSetRef) -> None:
        self.refresh()

    def _on_refused(self, model: ModelRef, controls: ControlSetRef, reply: object) -> None:
        self.refresh()


def _is_passive(control: ControlCard) -> bool:
    return control.badge == "passive"


def _is_folded(control: ControlCard) -> bool:
    return _is_passive(control) or control.cases is not None


def _folded_text(controls: Sequence[ControlCard]) -> str:
    passive = sum(map(_is_passive, controls))
    counts = ((passive, "passive"), (len(controls) - passive, "on noise and question"))
    return ", ".join(f"{count} {what}" for count, what in counts if count)


def _row_key(control: ControlCard) -> tuple[str, str, bool]:
    """What a row is made for; all else it can take over from another card."""
    return control.name, control.shows, _is_folded(control)


def _is_hidden(row: ControlRow) -> bool:
    return row.mark is not None and row.mark.hidden


def _is_in(selection: str, control: ControlCard) -> bool:
    return selection == "all" or (control.badge == "active" if selection == "active" else not _is_passive(control))


def _indented(widget: QWidget) -> QHBoxLayout:
    """``widget`` below the rows, its text where theirs begins."""
    row = QHBoxLayout()
    if isinstance(widget, QToolButton):
        widget.setProperty("flush", True)
        # A tool button keeps a pixel of border and a space at either side of its text.
        row.setContentsMargins(9 - widget.fontMetrics().horizontalAdvance(" "), 2, 10, 2)
        row.addWidget(widget)
        row.addStretch(1)
    else:
        row.setContentsMargins(10, 8, 10, 4)
        row.addWidget(widget)
    return row
