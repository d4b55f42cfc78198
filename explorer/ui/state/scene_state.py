"""The only mutable state of the window: the current scene, which says when it has changed.

Widgets read fields of the new scene and never ask each other; a change is a new scene given to `SceneState.apply`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Literal

import msgspec
from PySide6.QtCore import QObject, Signal

from explorer.scene import linking, two_models
from explorer.scene.cards import ControlCard, ControlSetCard, ModelCard
from explorer.scene.causes import ANSWERS, METHODS, rung_of
from explorer.scene.following import EVERY
from explorer.scene.model import (
    ControlSetRef,
    ModelRef,
    Pane,
    Scene,
    View,
    compared_with,
    view_of,
)
from explorer.scene.model_text import distinct_names
from explorer.scene.views import VIEWS, title_of_do
from explorer.service.replies import EngineLost, Ready
from explorer.ui.state.bridge import Connect, EngineBridge
from explorer.ui.state.catalogue import Catalogue, ModelKey
from explorer.ui.state.comparing import Comparing
from explorer.ui.state.document import Document
from explorer.ui.state.drafts import Drafts
from explorer.ui.state.drawn_order import DrawnOrder
from explorer.ui.state.feed import Feed, Picture
from explorer.ui.state.inverting import Inverting
from explorer.ui.state.job_list import JobList
from explorer.ui.state.labelling import Labelling
from explorer.ui.state.late_sets import LateSets
from explorer.ui.state.measuring import Measuring
from explorer.ui.state.models_folder import ModelsFolder
from explorer.ui.state.notice import Kind, Notice
from explorer.ui.state.opening import Opening
from explorer.ui.state.outcomes import Outcomes
from explorer.ui.state.places import Places
from explorer.ui.state.replies import Replies
from explorer.ui.state.undo import Step, UndoStack
from explorer.ui.state.unsteadiness import Unsteady

replace = msgspec.structs.replace
PREFIX_END = " · "  # between the model of a pane and what it shows
UNDO_LIMIT = 500
Motion = Literal["still", "scrubbed", "playing"]
NO_MODEL = Scene(model=ModelRef(path=""))
"""The scene of a window without a model; `SceneState.has_model` tells."""


class SceneState(QObject):
    """The scene, its history, what is known of it, and its way to the engine."""

    changed = Signal(object, object)  # old scene, new scene
    shown = Signal(object)  # the scene on the canvas: the preview while the timeline plays, else the scene
    loaded = Signal()  # another scene has replaced the whole one
    noticed = Signal(object)  # Notice
    engine_ready = Signal(object)  # Ready
    engine_lost = Signal(object)  # EngineLost
    engine_starting = Signal()  # the user has asked for another one

    def __init__(self, connect: Connect, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.bridge = EngineBridge(connect, self)
        self.client = self.bridge.client
        self.replies = Replies(self)
        self.replies.on(Ready, self._on_ready)
        self.replies.on(EngineLost, self._on_lost)
        self.feed = Feed(self.client, self.replies, self)
        self.jobs = JobList(self.client, self.replies, self)
        self.measuring = Measuring(self.jobs, self.replies, self)
        self.comparing = Comparing(self.jobs, self.replies, self)
        self.inverting = Inverting(self.jobs, self.replies, self)
        self.labelling = Labelling(self.client, self.replies, self)
        self.catalogue = Catalogue(self.client, self.replies, self)
        self.models_folder = ModelsFolder(self.client, self.replies, self)
        self.undo_stack = UndoStack(self._set, UNDO_LIMIT, self)
        self.document = Document(self.undo_stack, self)
        self.late = LateSets(self.catalogue, self.undo_stack, self)
        self.engine: Ready | None = None
        self._suspect: ModelKey | None = None  # the model that the engine loaded when it died
        self._last_moved: dict[int, str] = {}  # pane → control that the hand has moved last; no part of the picture
        self._scene = NO_MODEL
        self._preview: Scene | None = None
        self._motion: Motion = "still"
        self._gesture = 0
        self.drafts = Drafts(self)
        self.drafts.rested.connect(self._refresh)
        self.opening = Opening(self, self)
        self.places = Places(self, self)
        self.outcomes = Outcomes(self, self)
        self.unsteady = Unsteady(self, self)
        self.drawn_order = DrawnOrder(self, self)
        self.replies.on(Ready, self.engine_ready.emit)
        self.replies.on(EngineLost, self._ask_the_next)
        self.bridge.replied.connect(self.replies.deliver)
        self.catalogue.controls_found.connect(self._on_controls_found)
        self.catalogue.controls_previewed.connect(self._on_previewed)
        self.catalogue.controls_refused.connect(self._on_refused)
        self.catalogue.search_left.connect(self.jobs.left)
        self.catalogue.model_opened.connect(self.measuring.model_opened)
        self.catalogue.model_opened.connect(self.comparing.model_opened)
        self.catalogue.begin()

    # --- reading ---

    @property
    def scene(self) -> Scene:
        """The current scene. Never a preview."""
        return self._scene

    @property
    def shown_scene(self) -> Scene:
        """What the canvas shows: the preview while one is set, else the scene."""
        return self._preview or self._scene

    @property
    def has_model(self) -> bool:
        return bool(self._scene.model.path)

    def model_card(self, pane: int | None = None) -> ModelCard | None:
        """The card of a pane's model (default: the selected one), or None while it is under way."""
        return self.catalogue.model(self._scene.model_of(pane))

    def controls_card(self, pane: int | None = None) -> ControlSetCard | None:
        """The control set of a pane (default: the selected one), or None while it is under way."""
        index = self._scene.selected if pane is None else pane
        return self.catalogue.controls(self._scene.model_of(index), self._scene.panes[index].controls)

    def control_card(self, pane: int, name: str) -> ControlCard | None:
        """The card of one control of a pane, or None when it is unknown."""
        card = self.controls_card(pane)
        return next((control for control in card.controls if control.name == name), None) if card else None

    def moved_last(self, pane: int) -> str:
        """The control of the pane that the hand has moved last, where it is moved still; else one that is moved, or
        nothing."""
        names = [edit.control for edit in self.shown_scene.panes[pane].edits]
        latest = self._last_moved.get(pane, "")
        return latest if latest in names else names[0] if names else ""

    def pane_title(self, pane: int) -> str:
        """What the pane is called: its own name, or its method's title, or its control file's name."""
        title, shown = self.set_title(pane), self.shown_scene.panes[pane]
        if shown.view == "original":  # no control makes it
            return VIEWS[shown.view].title
        if shown.view == "between" and not shown.name:  # it is of two models, or of two methods
            models = [self.model_prefix(index) for index in (pane, compared_with(self.shown_scene, pane))]
            if models[0] == models[1]:
                return VIEWS[shown.view].title
            return f"{models[0]}difference from {models[1].removesuffix(PREFIX_END)}"
        if self.sets_variables(pane):
            if shown.view == "image" and (shown.name or not shown.edits):
                return title
            of_do = title_of_do(shown.view, self.answer_title(pane))
            which = f"{shown.name} · " if shown.name else self.model_prefix(pane)  # this comes first
            return f"{which}{of_do.lower()}" if which else of_do
        return title if shown.view in ("image", "before_after") else f"{VIEWS[shown.view].title} · {title}"

    def answer_title(self, pane: int) -> str:
        """What the picture of a pane is called whose sliders set variables: by the question that it answers."""
        card = self.catalogue.controls(self.shown_scene.model_of(pane), self.shown_scene.panes[pane].controls)
        return ANSWERS[rung_of(card.controls if card is not None else (), self.shown_scene.panes[pane].edits)]

    def sets_variables(self, pane: int) -> bool:
        """Whether the sliders of the pane set variables of a causal graph, or will, as soon as they are there."""
        chosen = self.shown_scene.panes[pane].controls
        card = self.catalogue.controls(self.shown_scene.model_of(pane), chosen)
        return chosen.method in METHODS if card is None else card.graph is not None

    def set_title(self, pane: int) -> str:
        """What the control set of the pane is called, whatever the pane shows of it."""
        chosen = self.shown_scene.panes[pane]
        card = self.catalogue.controls(self.shown_scene.model_of(pane), chosen.controls)
        title = chosen.name or (card.title if card else self.catalogue.method_title(chosen.controls.method))
        return title if chosen.name else f"{self.model_prefix(pane)}{title}"

    def model_prefix(self, pane: int) -> str:
        """What tells the model of the pane from those of others, before what it shows; empty where all show one."""
        shown = self.shown_scene
        if not two_models.has_several(shown):
            return ""
        refs = {shown.model_of(index).path: shown.model_of(index) for index in range(len(shown.panes))}
        cards = {path: self.catalogue.model(ref) for path, ref in refs.items()}
        names = {path: card.name if card else PurePath(path).name for path, card in cards.items()}
        return f"{distinct_names(names)[shown.model_of(pane).path]}{PREFIX_END}"

    def partners(self, pane: int, name: str) -> dict[int, str]:
        """Pane → control that moves with ``name`` of ``pane`` (:func:`explorer.scene.linking.partners`)."""
        cards = [self.controls_card(index) for index in range(len(self._scene.panes))]
        models = [self.model_card(index) for index in range(len(self._scene.panes))]
        return linking.partners(self._scene, cards, pane, name, models)

    # --- the one way to change ---

    def apply(self, scene: Scene, text: str, merge_key: object = None, lead: int | None = None) -> None:
        """Make ``scene`` the current one, as one step of undo called ``text``.

        Steps with the same ``merge_key`` (not None) that follow each other are one step. An empty ``text`` changes the
        scene without a step; that is for what nobody would undo, such as the selected pane. ``lead``: the pane whose
        sliders those of other panes follow in this step, be it later (:mod:`explorer.scene.following`).
        """
        if scene == self._scene:
            return
        if text:
            self.undo_stack.push(Step(self._scene, scene, text, merge_key, lead))
        else:
            self._set(scene)

    def load(self, scene: Scene, text: str = "") -> None:
        """Replace the whole scene (a bookmark, a session). With ``text`` it can be undone, without it history ends."""
        if text:
            self.apply(scene, text, lead=EVERY)
        else:
            self.undo_stack.clear()
            self._set(scene)
        self.loaded.emit()

    def load_document(self, scene: Scene, text: str, path: Path | None) -> None:
        """As :meth:`load`; from now on the scene belongs to ``path``, where it stands as it is (None: to no file)."""
        if not self.has_model:
            self.undo_stack.clear()
            self._set(scene)
        elif scene != self._scene:
            files = self.document.path, path
            self.undo_stack.push(Step(self._scene, scene, text, lead=EVERY, files=files))
        self.document.settle(path)
        self.loaded.emit()

    def begin_gesture(self) -> None:
        """A drag begins or goes on: until `end_gesture` its changes are one step of undo, and pictures are drafts
        whenever the hand does not rest."""
        self.drafts.hold()

    def end_gesture(self) -> None:
        """The drag ended: the next one is a new step, and the pictures are rendered in full quality."""
        self._gesture += 1
        if self.drafts.release():
            self._refresh()

    @property
    def gesture(self) -> int:
        """Number of the drag under way, to be part of a merge key."""
        return self._gesture

    def undo(self) -> None:
        """One step back."""
        self.undo_stack.undo()

    def redo(self) -> None:
        """One step forward again."""
        self.undo_stack.redo()

    def set_preview(self, scene: Scene | None, motion: Motion = "still") -> None:
        """Show ``scene`` on the canvas without making it the current one (the timeline); None shows the scene again.

        ``motion``: whether it plays, or a hand moves the playhead; pictures are drafts then.
        """
        if scene != self._preview or motion != self._motion:
            if motion == "scrubbed" and scene != self._preview:
                self.drafts.hold()
            elif motion != "scrubbed" and self._motion == "scrubbed":
                self.drafts.release()
            self._preview, self._motion = scene, motion
            self.drafts.playing = motion == "playing"
            self._refresh()
            self.shown.emit(self.shown_scene)

    def say(self, sentence: str, kind: Kind = "info", action: str = "") -> None:
        """Tell the user ``sentence`` in a dismissable strip over the canvas."""
        self.noticed.emit(Notice(sentence, kind, action))

    # --- the engine ---

    def is_opening(self) -> bool:
        """Whether a model that the user asked for is still being loaded."""
        return self.opening.key is not None

    def restart_engine(self) -> None:
        """Start the engine process again, after it died too often or when a model hangs."""
        self.engine_starting.emit()
        self.client.restart()

    def close(self) -> None:
        """End the engine process."""
        self.bridge.close()

    # --- inside ---

    def _set(self, scene: Scene) -> None:
        old, self._scene = self._scene, scene
        if self._preview is not None and len(self._preview.panes) != len(scene.panes):
            self._preview = None  # panes are told by their number; the timeline has another one right away
        self._refresh()
        self.changed.emit(old, scene)
        if self._preview is None:
            self.shown.emit(scene)
        self.catalogue.ensure(scene)

    def _refresh(self) -> None:
        moment = time.perf_counter()
        scene = self.shown_scene
        views = [self._view(scene, pane) for pane in range(len(scene.panes))] if scene.model.path else []
        self.feed.show(views, moment)

    def _view(self, scene: Scene, pane: int) -> View:
        quality = self.drafts.quality(scene.quality, self.catalogue.model(scene.model_of(pane)))
        view = view_of(scene, pane, quality)
        other = view.against
        if other is not None and self.catalogue.is_stopped(other.model, other.controls):
            view = replace(view, against=replace(other, edits=()))
        if self.catalogue.is_stopped(view.model, view.controls):
            # There are no sliders, and nothing that they could move; a search that is asked for again brings both back.
            return replace(view, edits=())
        return view

    def _on_ready(self, ready: Ready) -> None:
        self.engine = ready

    def _on_lost(self, lost: EngineLost) -> None:
        # An engine that was up and died while it loaded a model would die of it again.
        self._suspect = self.opening.key if self.engine is not None else None
        self.engine = None

    def _ask_the_next(self, lost: EngineLost) -> None:
        """Everybody knows that the engine is gone."""
        self.catalogue.engine_lost(self._suspect)
        self.engine_lost.emit(lost)

    def _on_controls_found(self, model: ModelRef, controls: ControlSetRef) -> None:
        """What could not be moved or drawn while its controls were looked for can be now."""
        scene = self.late.caught_up(model, controls, self._scene)
        if scene != self._scene:
            self._set(scene)
        self._refresh()
        self._draw_anew(controls, lambda pane, picture: bool(picture.error))

    def _on_refused(self, model: ModelRef, controls: ControlSetRef, reply: object) -> None:
        """Sliders that a search had shown until now are gone: so is what they did to the pictures."""
        self._refresh()
        self._draw_anew(controls, lambda pane, picture: _is_moved(picture))

    def _on_previewed(self, model: ModelRef, controls: ControlSetRef) -> None:
        """A search has found other directions under the names that panes move by now."""
        self._draw_anew(controls, lambda pane, picture: _is_moved(picture))

    def _draw_anew(self, controls: ControlSetRef, needs: Callable[[Pane, Picture], bool]) -> None:
        """Ask again for the pictures of the panes that show ``controls`` and ``needs`` it."""
        panes = enumerate(zip(self.shown_scene.panes, self.feed.pictures(), strict=False))
        shown = [(index, *both) for index, both in panes if _shows(*both, controls)]
        self.feed.anew([index for index, pane, picture in shown if needs(pane, picture)])


def _is_moved(picture: Picture) -> bool:
    """Whether controls have a part in what was asked for."""
    asked = picture.asked
    return asked is not None and bool(asked.edits or (asked.against is not None and asked.against.edits))


def _shows(pane: Pane, picture: Picture, controls: ControlSetRef) -> bool:
    """Whether ``controls`` make the picture of ``pane``, or the one that it is compared with."""
    other = picture.asked.against if picture.asked is not None else None
    return pane.controls == controls or (other is not None and other.controls == controls)
