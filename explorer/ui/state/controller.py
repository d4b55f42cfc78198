"""The controller: the scene, and what the hand does to it."""

from __future__ import annotations

import secrets

import msgspec
from PySide6.QtCore import Signal

from explorer.scene import editing, linking
from explorer.scene.defaults import default_controls
from explorer.scene.edit_text import slider_text, window_text
from explorer.scene.following import EVERY
from explorer.scene.inversion import InversionOptions
from explorer.scene.model import (
    Blend,
    Condition,
    ControlSetRef,
    Edit,
    ModelRef,
    Origin,
    Pane,
    PaneView,
    Scene,
    Seed,
    StepWindow,
    own_picture,
)
from explorer.scene.samplers import SAMPLERS
from explorer.scene.two_models import Place
from explorer.scene.views import VIEWS
from explorer.ui.state.inverting import Source
from explorer.ui.state.scene_state import SceneState

replace = msgspec.structs.replace


class Controller(SceneState):
    """Every change that the hand makes is a step of undo; those of one drag are one step."""

    moved = Signal(object)  # pane → control: sliders that the hand has set, even where that changed nothing
    origin_set = Signal()  # by the hand, even where that changed nothing

    # --- origin ---

    def set_seed(self, seed: int, merge_key: object = None) -> None:
        """Have the selected pane, and the others that start where it does, start from ``seed`` (taken modulo 2**32)."""
        seed %= editing.SEED_COUNT
        self.set_origin(Seed(seed), f"Seed {seed}", merge_key)

    def set_origin(self, origin: Origin, text: str, merge_key: object = None) -> None:
        """Have the selected pane start from any origin, and with it the others that start where it does."""
        self.apply(editing.with_origin(self._scene, self._scene.selected, origin), text, merge_key)
        self.origin_set.emit()

    def randomise(self) -> None:
        """Another seed, short enough to be read out loud."""
        self.set_seed(secrets.randbelow(1_000_000))

    def step_seed(self, step: int) -> None:
        """The seed that is seen in the selected pane, ``step`` further; where none is seen, the user is told."""
        origin = self.seen_origin()
        if isinstance(origin, Seed):
            self.set_seed(origin.seed + step)
        else:
            stored = "a picture of your own" if own_picture(origin) is not None else "a stored point"
            what = "a mixture of two keyframes" if isinstance(origin, Blend) else stored
            self.say(f"This picture starts from {what}, which has no next seed; type a seed, or press R for a new one.")

    def seen_origin(self) -> Origin:
        """Where the selected pane starts, as the canvas shows it."""
        shown = self.shown_scene
        return shown.origin_of(min(self._scene.selected, len(shown.panes) - 1))

    def set_truncation(self, psi: float, dragging: bool = False) -> None:
        """Scale the prior around its mean by ``psi``, 0..1.5."""
        if dragging:
            self.begin_gesture()
        psi = min(max(psi, 0.0), editing.TRUNCATION_MAX)
        self.apply(replace(self._scene, truncation_psi=psi), f"Spread {psi:g}", ("truncation", self._gesture))
        if not dragging:
            self.end_gesture()

    def set_condition(self, condition: Condition, text: str, merge_key: object = None) -> None:
        """Tell the selected pane's model what to draw, and with it the panes that are told the same."""
        self.apply(editing.with_condition(self._scene, self._scene.selected, condition), text, merge_key)

    def invert(self, source: Source, options: InversionOptions | None = None) -> None:
        """Look for the point of the selected pane's model whose picture is nearest to ``source``."""
        if not self.has_model:
            self.say("Open a model first: the point of one is looked for that gives your picture.", "warning")
            return
        chosen = replace(options or InversionOptions(), condition=self._scene.condition_of())
        self.inverting.start(self._scene, self._scene.model_of(), source, chosen)

    # --- sliders ---

    def move_control(self, pane: int, name: str, number: float, dragging: bool = False) -> None:
        """Move control ``name`` of ``pane`` by the amount ``number``, or to that value where its slider shows values,
        and its partners in other panes while sliders are linked. A value slider that is put where the picture stands
        anyway sets its variable free again.

        While ``dragging`` the moves are one step of undo and pictures are interactive; the call with
        ``dragging=False`` ends the step and asks for full quality.
        """
        if dragging:
            self.begin_gesture()
        partners = self.partners(pane, name)
        card = self.control_card(pane, name)
        holds = card.shows if card is not None else "amount"
        place = self.places.known().get(name) if pane == self._scene.selected else None
        free = holds == "value" and place is not None and number == place.value
        edits = {
            index: Edit(control) if free else Edit.of(control, number, holds) for index, control in partners.items()
        }
        moved = editing.with_edits(self._scene, edits)
        text = f"{name}{' =' if holds == 'value' else ''} {slider_text(number, holds, card)}"
        lead = pane if self._scene.linked else None
        self._last_moved |= partners
        self.late.note(moved)
        self.apply(moved, text, ("amount", pane, name, self._gesture), lead)
        self.moved.emit(partners)
        if not dragging:
            self.end_gesture()

    def set_window(self, pane: int, name: str, window: StepWindow | None, dragging: bool = False) -> None:
        """Have control ``name`` of ``pane`` act in the steps of ``window`` alone (None: in all), and its partners in
        other panes whose models make pictures in steps while sliders are linked. ``dragging``: as in
        :meth:`move_control`."""
        if dragging:
            self.begin_gesture()
        scene, partners = self._scene, self.partners(pane, name)
        for index, control in partners.items():
            card = self.model_card(index)
            if index == pane or (card is not None and card.full_steps):
                scene = editing.with_pane(scene, index, editing.with_window(scene.panes[index], control, window))
        self._last_moved |= partners
        text = f"{name}{window_text(window) or ' in all steps'}"
        self.apply(scene, text, ("window", pane, name, self._gesture), pane if self._scene.linked else None)
        if not dragging:
            self.end_gesture()

    def reset_all(self) -> None:
        """Move every control of every pane back to 0."""
        self.apply(editing.without_edits(self._scene), "Reset all sliders", lead=EVERY)

    def set_linked(self, linked: bool) -> None:
        """Whether one slider moves its partners in the other panes too."""
        self.apply(replace(self._scene, linked=linked), "Link sliders" if linked else "Unlink sliders")

    # --- steps of diffusion models ---

    def set_steps(self, steps: int) -> None:
        """How many sampler steps a finished picture takes; the model's own number is kept as such."""
        card = self.model_card(self._scene.selected)
        own = card is not None and steps == card.full_steps
        quality = replace(self._scene.quality, steps=0 if own else steps)
        self.apply(replace(self._scene, quality=quality), f"{steps} sampler steps")

    def set_sampler(self, sampler: str) -> None:
        """By which sampler pictures are drawn; the model's own is kept as such."""
        card = self.model_card(self._scene.selected)
        own = card is not None and sampler in card.samplers[:1]
        quality = replace(self._scene.quality, sampler="" if own else sampler)
        self.apply(replace(self._scene, quality=quality), f"Sampler {SAMPLERS[sampler]}")

    def set_draft_steps(self, steps: int) -> None:
        """How many sampler steps a draft takes; 0: the model's own number. No part of the scene: it changes no finished
        picture."""
        self.drafts.choose(steps)
        self._refresh()

    # --- panes ---

    def add_pane(self) -> None:
        """Add a pane after the selected one, with the next method that is not on the canvas yet. Among linked ones it
        begins with the amounts of the selected one, control by control."""
        scene = self._scene
        source = scene.panes[scene.selected]
        card = self.model_card(scene.selected)
        used = {pane.controls.method for pane in scene.panes}
        quick = [name for name in card.methods if self.catalogue.is_quick(name)] if card else []
        method = next((name for name in quick if name not in used), source.controls.method) if card else ""
        fresh = card is not None and method and method != source.controls.method
        controls = default_controls(card, method) if card and fresh else source.controls
        pane = Pane(controls=controls, model=source.model, origin=source.origin, view=source.view)
        if controls == source.controls:
            pane = replace(pane, edits=source.edits)
        mine, theirs = self.catalogue.controls(scene.model_of(), controls), self.controls_card()
        if scene.linked and mine and theirs:
            pane = linking.adopted(pane, mine, source, theirs)
        added = editing.insert_pane(scene, scene.selected + 1, pane)
        self.late.note(added)
        self.apply(added, "Add pane", lead=added.selected - 1 if scene.linked else None)

    def duplicate_pane(self, pane: int | None = None) -> None:
        """Add a copy of ``pane`` (default: the selected one) after it."""
        index = self._scene.selected if pane is None else pane
        self.apply(editing.insert_pane(self._scene, index + 1, self._scene.panes[index]), "Duplicate pane")

    def remove_pane(self, pane: int | None = None) -> None:
        """Close ``pane`` (default: the selected one); the last one stays."""
        self.apply(editing.remove_pane(self._scene, self._scene.selected if pane is None else pane), "Close pane")

    def move_pane(self, step: int) -> None:
        """Exchange the selected pane, or its column in a table of panes, with its neighbour (-1 left, 1 right)."""
        self.apply(editing.move_pane(self._scene, self._scene.selected, step), "Move pane")

    def rename_pane(self, name: str) -> None:
        """Call the selected pane, or its column in a table of panes, ``name``; after its method where that is empty."""
        self.apply(editing.with_name(self._scene, self._scene.selected, name.strip()), "Rename pane")

    def select_pane(self, pane: int) -> None:
        """Make the control panel show ``pane``."""
        self.apply(replace(self._scene, selected=pane % len(self._scene.panes)), "")

    def set_method(self, pane: int, controls: ControlSetRef) -> None:
        """Use another control set in ``pane``; its sliders start at 0, unless it is the old set with more controls."""
        title = self.catalogue.method_title(controls.method) if controls.method else "control set"
        old = self.catalogue.controls(self._scene.model_of(pane), self._scene.panes[pane].controls)
        grows = old is not None and controls.k <= old.grows_to
        self.apply(editing.with_controls(self._scene, pane, controls, grows), f"Use {title}")

    def set_view(self, pane: int, view: PaneView, everywhere: bool = False) -> None:
        """Show the picture or another view of it (:mod:`explorer.scene.views`); in all panes, if ``everywhere``."""
        scene = self._scene
        for index in range(len(scene.panes)) if everywhere else (pane,):
            scene = editing.with_view(scene, index, view)
        self.apply(scene, f"Show {VIEWS[view].title.lower()}")

    def set_split(self, pane: int, split: float, dragging: bool = False) -> None:
        """Where the divider of before / after stands, 0..1 from the left."""
        if dragging:
            self.begin_gesture()
        moved = replace(self._scene.panes[pane], split=min(max(split, 0.0), 1.0))
        self.apply(editing.with_pane(self._scene, pane, moved), "Move divider", ("split", pane, self._gesture))
        if not dragging:
            self.end_gesture()

    # --- models ---

    def open_model(self, path: str, family: str = "", place: Place = "scene") -> None:
        """Open a shipped name or a path; when it loads it becomes the model of ``place``, when not, all stays."""
        self.opening.open(ModelRef(path=path, family=family), place)

    def new_scene(self) -> None:
        """The same model from the beginning: one pane, every slider at zero, no timeline. Bookmarks stay."""
        card = self.model_card()
        method = card.methods[0] if card and card.methods else ""
        controls = default_controls(card, method) if card and method else self._scene.panes[0].controls
        fresh = Scene(model=self._scene.model_of(), panes=(Pane(controls=controls),))
        self.load_document(replace(fresh, bookmarks=self._scene.bookmarks), "New scene", None)
