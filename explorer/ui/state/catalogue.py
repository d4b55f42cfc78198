"""What the engine has told: models, methods, the card of every opened model, the control set of every pane."""

from __future__ import annotations

from pathlib import PureWindowsPath
from typing import get_args

import msgspec
from PySide6.QtCore import QObject, Signal

from explorer.export.carried import Reference
from explorer.scene.cards import ControlSetCard, MethodCard, ModelCard, Role
from explorer.scene.marks import origin_of
from explorer.scene.model import ControlSetRef, Mark, ModelRef, Scene
from explorer.service.replies import (
    ControlsFound,
    ControlsPreview,
    MethodList,
    ModelList,
    ModelOpened,
    Refused,
    Stopped,
)
from explorer.service.requests import Cancel, FindControls, ListMethods, ListModels, OpenModel
from explorer.ui.state.bridge import EngineClient
from explorer.ui.state.leaving import Leaving
from explorer.ui.state.replies import Replies

CANCELLED = "The search for controls was cancelled."
OPENING_CANCELLED = "Opening this model was cancelled."
GOES_ON = "What it has learned is kept: asked for again, it goes on from there."

ModelKey = tuple[str, str]
Place = tuple[ModelKey, ControlSetRef]
"""A control set on a model."""

Question = ListModels | ListMethods | OpenModel | FindControls
Answer = ModelList | MethodList | ModelOpened | ControlsFound | Refused | Stopped


def key_of(model: ModelRef) -> ModelKey:
    """What tells two models apart here; the fingerprint is learnt later, so it is not part of it."""
    return (model.path, model.family)


def named(ref: ModelRef, card: ModelCard) -> ModelRef:
    """``ref`` with what its ``card`` knows: the fingerprint, and the name where the model came with the program."""
    return msgspec.structs.replace(ref, path=card.called(ref.path), fingerprint=card.fingerprint)


def _place(asked: FindControls) -> Place:
    return key_of(asked.model), asked.controls


class Catalogue(QObject):
    """Asks the engine once for what the scene mentions, and keeps the answers; asks a restarted engine again.

    A search that no pane of the scene has wanted for a while is given up, so that it is not in the way of others.
    """

    models_changed = Signal()  # the list of models, or the set of opened ones
    methods_changed = Signal()
    model_opened = Signal(object, object)  # ModelRef asked for, ModelCard
    model_refused = Signal(object, str, object, object)  # ModelRef asked for, the sentence, FamilyVerdicts, FileUse
    model_stopped = Signal(object)  # ModelRef asked for, whose opening the user has cancelled
    controls_found = Signal(object, object)  # ModelRef, ControlSetRef
    controls_previewed = Signal(object, object)  # ModelRef, ControlSetRef: what a search has found so far, in full now
    controls_refused = Signal(object, object, object)  # ModelRef, ControlSetRef, Refused or Stopped
    search_left = Signal(int)  # number of a search that no pane wants any more, as it is given up

    def __init__(self, client: EngineClient, replies: Replies, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._client = client
        self._pending: dict[int, Question] = {}
        self._cards: dict[ModelKey, ModelCard] = {}
        self._refs: dict[ModelKey, ModelRef] = {}
        self._sets: dict[Place, ControlSetCard] = {}
        self._references: dict[Place, tuple[Reference, ...]] = {}
        self._problems: dict[object, str] = {}
        self._previewed: set[Place] = set()  # known by a preview alone
        self._stopped: set[Place] = set()  # whose search the user has cancelled, and of which nothing is known since
        self._wanted: set[Place] = set()  # by the panes of the scene
        self._given_up: dict[int, FindControls] = {}  # told to stop; what they found all the same is kept
        self._leaving = Leaving(self)
        self._leaving.due.connect(self._give_up)
        self.models: tuple[ModelCard, ...] = ()
        self.plugin_problems: dict[str, str] = {}  # installed families that could not be loaded, and why
        self.is_listed = False  # whether the engine has said which models there are, be it none
        self.methods: dict[str, MethodCard] = {}
        for kind in get_args(Answer):
            replies.on(kind, self._answered)
        replies.on(ControlsPreview, self._preview)

    # --- what is known ---

    def model(self, ref: ModelRef) -> ModelCard | None:
        """The card of an opened model, or None while it is not known."""
        return self._cards.get(key_of(ref))

    def controls(self, model: ModelRef, ref: ControlSetRef) -> ControlSetCard | None:
        """The control set ``ref`` on ``model``, or None while it is not known."""
        return self._sets.get((key_of(model), ref))

    def references(self, scene: Scene) -> tuple[Reference, ...]:
        """The files that the control sets of ``scene`` and of its bookmarks name, as far as these are known."""
        panes = [(scene.model, pane) for pane in scene.panes]
        panes += [(bookmark.model, pane) for bookmark in scene.bookmarks for pane in bookmark.panes]
        found: dict[str, Reference] = {}
        for model, pane in panes:
            for reference in self._references.get((key_of(pane.model or model), pane.controls), ()):
                found.setdefault(reference.text, reference)
        return tuple(found.values())

    def set_with(self, model: ModelRef, mark: Mark) -> ControlSetRef | None:
        """A known set on ``model`` that has the control of ``mark``, as its method found it where that is known; None
        where there is none."""
        known = [
            ref
            for (key, ref), card in self._sets.items()
            if key == key_of(model)
            and origin_of(ref) == mark.controls
            and mark.count in (0, ref.k)
            and mark.control in {one.name for one in card.controls}
        ]
        return min(known, key=lambda ref: (bool(ref.without), ref.like is not None, ref.units), default=None)

    def problem(self, model: ModelRef, ref: ControlSetRef | None = None) -> str:
        """Why the model, or the control set on it, could not be had; empty when nothing is wrong."""
        return self._problems.get(key_of(model) if ref is None else (key_of(model), ref), "")

    def shipped_name(self, path: str, fingerprint: str) -> str:
        """The name of the shipped model that is meant (:data:`explorer.export.carried.ShippedName`), of those that the
        engine has listed."""
        known = next((card for card in self.models if card.fingerprint and card.fingerprint == fingerprint), None)
        return known.name if known is not None and PureWindowsPath(path).name == known.name else ""

    def opened(self) -> list[tuple[ModelRef, ModelCard]]:
        """Models opened in this session, in the order of opening, shipped ones included."""
        return [(ref, self._cards[key]) for key, ref in self._refs.items()]

    def method_title(self, name: str) -> str:
        """The title of a method, or its name while the list is under way."""
        card = self.methods.get(name)
        return card.title if card else name.replace("_", " ").capitalize()

    def with_role(self, role: Role) -> MethodCard | None:
        """The method that the program uses as ``role``, or None while the list is under way."""
        return next((card for card in self.methods.values() if card.role == role), None)

    def is_quick(self, method: str) -> bool:
        """Whether ``method`` finds something by itself within seconds; assumed while its card is not known."""
        card = self.methods.get(method)
        return card is None or card.is_quick

    def search(self, model: ModelRef, ref: ControlSetRef) -> int | None:
        """The number of the search for this control set that is under way, or None."""
        return next(
            (
                number
                for number, asked in self._pending.items()
                if isinstance(asked, FindControls) and key_of(asked.model) == key_of(model) and asked.controls == ref
            ),
            None,
        )

    def goes_on(self, method: str) -> bool:
        """Whether a search of ``method`` that was cancelled begins where it was, and not anew."""
        card = self.methods.get(method)
        return card is not None and card.trained

    def is_finding(self, model: ModelRef, ref: ControlSetRef) -> bool:
        """Whether the engine is at work on this control set."""
        return self.search(model, ref) is not None

    def is_preview(self, model: ModelRef, ref: ControlSetRef) -> bool:
        """Whether what is known of this control set is what its search has found so far."""
        return (key_of(model), ref) in self._previewed

    def is_stopped(self, model: ModelRef, ref: ControlSetRef) -> bool:
        """Whether the user has cancelled the search for this control set, and nothing of it is known since."""
        return (key_of(model), ref) in self._stopped

    # --- asking ---

    def begin(self) -> None:
        """Ask for the lists of models and methods."""
        self._ask(ListModels(request_id=self._client.next_request_id()))
        self._ask(ListMethods(request_id=self._client.next_request_id()))

    def open_model(self, ref: ModelRef) -> int:
        """Ask the engine to identify and load; answered by `model_opened` or `model_refused`."""
        self._problems.pop(key_of(ref), None)
        request = OpenModel(request_id=self._client.next_request_id(), model=ref)
        self._ask(request)
        return request.request_id

    def opening(self, ref: ModelRef) -> int | None:
        """The number of the question by which ``ref`` is being opened, or None."""
        return next(
            (
                number
                for number, asked in self._pending.items()
                if isinstance(asked, OpenModel) and key_of(asked.model) == key_of(ref)
            ),
            None,
        )

    def stop_opening(self, ref: ModelRef) -> None:
        """Have the engine give up opening ``ref``; answered by `model_stopped`, or as before where it was done."""
        number = self.opening(ref)
        if number is not None:
            self._client.send(Cancel(request_id=number))

    def ensure(self, scene: Scene) -> None:
        """Ask for every card that ``scene`` mentions and that is neither known, nor under way, nor refused; what it
        does not mention is not looked for any longer."""
        panes = list(enumerate(scene.panes)) if scene.model.path else []
        self._wanted = {(key_of(scene.model_of(index)), pane.controls) for index, pane in panes}
        self._leaving.note(number for number, asked in self._pending.items() if self._is_left(asked))
        for index, pane in panes:
            model = scene.model_of(index)
            if not (self.model(model) or self.problem(model) or self.opening(model) is not None):
                self.open_model(model)
            known = self.controls(model, pane.controls) or self.problem(model, pane.controls)
            if not known and not self.is_finding(model, pane.controls):
                self._ask(FindControls(request_id=self._client.next_request_id(), model=model, controls=pane.controls))

    def retry(self, scene: Scene) -> None:
        """Forget refusals and ask again for what ``scene`` needs."""
        self._problems.clear()
        self.ensure(scene)

    # --- answers ---

    def _answered(self, reply: Answer) -> None:
        """Take ``reply`` if it answers one of our questions."""
        if (left := self._given_up.pop(reply.request_id, None)) is not None:
            if isinstance(reply, ControlsFound):
                self._found(left, reply)
            return  # nobody is told
        asked = self._pending.pop(reply.request_id, None)
        if asked is None:
            return
        if isinstance(reply, ModelList):
            self.models, self.plugin_problems = reply.models, reply.plugin_problems
            self.is_listed = True
            self.models_changed.emit()
        elif isinstance(reply, MethodList):
            self.methods = {card.name: card for card in reply.methods}
            self.methods_changed.emit()
        elif isinstance(reply, ModelOpened) and isinstance(asked, OpenModel):
            model = named(asked.model, reply.card)
            self._cards[key_of(asked.model)] = self._cards[key_of(model)] = reply.card
            self._refs[key_of(model)] = model
            self.models_changed.emit()
            self.model_opened.emit(asked.model, reply.card)
        elif isinstance(reply, ControlsFound) and isinstance(asked, FindControls):
            self._found(asked, reply)
        elif isinstance(reply, Refused | Stopped):
            self._refused(asked, reply)

    def engine_lost(self, suspect: ModelKey | None = None) -> None:
        """The engine is gone: ask the next one what this one has not answered, under new numbers.

        Not for the model ``suspect``, whose loading took the engine along: that one is refused.
        """
        open_questions, self._pending = list(self._pending.values()), {}
        self._given_up.clear()
        for asked in open_questions:
            if isinstance(asked, OpenModel) and key_of(asked.model) == suspect:
                sentence = f"The engine stopped while it loaded '{asked.model.path}'; it may not fit into memory."
                self._problems[suspect] = sentence
                self.model_refused.emit(asked.model, sentence, (), None)
                continue
            if not self._is_left(asked):
                self._ask(msgspec.structs.replace(asked, request_id=self._client.next_request_id()))

    # --- searches that are left ---

    def _is_left(self, asked: Question) -> bool:
        """Whether this is a search that no pane wants."""
        return isinstance(asked, FindControls) and _place(asked) not in self._wanted

    def _give_up(self, number: int) -> None:
        """Stop a search that has been left for long enough."""
        asked = self._pending.get(number)
        if isinstance(asked, FindControls) and self._is_left(asked):
            del self._pending[number]
            self._given_up[number] = asked
            self._forget_preview(_place(asked))
            self.search_left.emit(number)
            self._client.send(Cancel(request_id=number))

    def _forget_preview(self, place: Place) -> None:
        """What an unfinished search had found is not kept."""
        if place in self._previewed:
            self._previewed.discard(place)
            del self._sets[place]

    def _found(self, asked: FindControls, reply: ControlsFound) -> None:
        place = _place(asked)
        self._sets[place] = reply.card
        self._references[place] = reply.references
        self._stopped.discard(place)
        previewed = place in self._previewed
        self._previewed.discard(place)
        self.controls_found.emit(asked.model, asked.controls)
        if previewed:
            self.controls_previewed.emit(asked.model, asked.controls)

    def _preview(self, reply: ControlsPreview) -> None:
        """Show what a search of ours has found so far."""
        asked = self._pending.get(reply.request_id)
        if not isinstance(asked, FindControls):
            return
        place = _place(asked)
        self._sets[place] = reply.card
        self._stopped.discard(place)
        self._previewed.add(place)
        self.controls_found.emit(asked.model, asked.controls)
        self.controls_previewed.emit(asked.model, asked.controls)

    def _ask(self, request: Question) -> None:
        self._pending[request.request_id] = request
        self._client.send(request)

    def _refused(self, asked: Question, reply: Refused | Stopped) -> None:
        sentence = reply.sentence if isinstance(reply, Refused) else CANCELLED
        if isinstance(asked, OpenModel) and isinstance(reply, Stopped):
            self._problems[key_of(asked.model)] = OPENING_CANCELLED
            self.model_stopped.emit(asked.model)
        elif isinstance(asked, OpenModel):
            self._problems[key_of(asked.model)] = sentence
            self.model_refused.emit(asked.model, sentence, getattr(reply, "reasons", ()), getattr(reply, "use", None))
        elif isinstance(asked, ListModels):
            self.is_listed = True
            self.models_changed.emit()
        elif isinstance(asked, FindControls):
            place = _place(asked)
            self._forget_preview(place)
            if isinstance(reply, Stopped):
                self._stopped.add(place)
                if self.goes_on(asked.controls.method):
                    sentence = f"{CANCELLED} {GOES_ON}"
            self._problems[place] = sentence
            self.controls_refused.emit(asked.model, asked.controls, reply)
