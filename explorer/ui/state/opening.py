"""Opening a model: the one asked for last becomes the scene's, or a pane's, when it is loaded; until then all stays."""

from __future__ import annotations

from pathlib import PurePath

import msgspec
from PySide6.QtCore import QObject, Signal

from explorer.errors import ExplorerError
from explorer.scene import editing, two_models
from explorer.scene.cards import FamilyVerdict, FileUse, ModelCard
from explorer.scene.defaults import default_controls
from explorer.scene.model import ModelRef, Scene, Seed
from explorer.scene.two_models import Place
from explorer.service.client import SLOT_BYTES
from explorer.service.replies import JobProgress
from explorer.ui.state.catalogue import ModelKey, key_of, named
from explorer.ui.state.holder import SceneHolder
from explorer.ui.state.notice import Notice


class Opening(QObject):
    """What the user asked to open and what has come of it."""

    changed = Signal(str)  # name of what is being opened; empty: nothing is
    progressed = Signal(float)  # share 0..1 of it that is loaded

    def __init__(self, holder: SceneHolder, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._holder = holder
        self._asked: ModelRef | None = None
        self._place: Place = "scene"
        self.share = 0.0  # of it that is loaded
        self._reserved = SLOT_BYTES
        holder.catalogue.model_opened.connect(self._on_opened)
        holder.catalogue.model_refused.connect(self._on_refused)
        holder.catalogue.model_stopped.connect(self._on_stopped)
        holder.replies.on(JobProgress, self._on_progress)

    @property
    def key(self) -> ModelKey | None:
        """The model that is being opened."""
        return key_of(self._asked) if self._asked is not None else None

    def open(self, ref: ModelRef, place: Place = "scene") -> None:
        """Open ``ref`` as the model of the whole scene, of the selected pane, or of a new pane beside it. What was
        asked for before and is not loaded yet is given up."""
        known = self._holder.catalogue.model(ref)
        before = self._asked
        self._set(ref, place)
        if before is not None and key_of(before) != key_of(ref):
            self._give_up(before)
        if known is not None:
            self._on_opened(ref, known)
        elif self._holder.catalogue.opening(ref) is None:
            self._holder.catalogue.open_model(ref)

    def cancel(self) -> None:
        """Give up what is being opened; the scene stays as it is."""
        asked = self._asked
        if asked is not None:
            self._set(None)
            self._give_up(asked)
            self._holder.say(f"'{PurePath(asked.path).name}' was not opened: you cancelled it. Nothing has changed.")

    def _give_up(self, ref: ModelRef) -> None:
        scene = self._holder.scene
        if key_of(ref) not in {key_of(scene.model_of(pane)) for pane in range(len(scene.panes))}:
            self._holder.catalogue.stop_opening(ref)

    def _set(self, ref: ModelRef | None, place: Place = "scene") -> None:
        self._asked, self._place, self.share = ref, place, 0.0
        self.changed.emit(PurePath(ref.path).name if ref is not None else "")

    def _on_opened(self, ref: ModelRef, card: ModelCard) -> None:
        holder = self._holder
        size = card.size[0] * card.size[1] * 4
        if size > self._reserved:
            # Pictures that were asked for before there was room for them fail, or have failed; ask again.
            try:
                holder.client.reserve(size)
            except ExplorerError as error:
                holder.say(str(error), "error")
            else:
                self._reserved = size
                holder.feed.again(awaited=True)
        if key_of(ref) == self.key:
            place = self._place
            self._set(None)
            if card.methods:
                self._show(named(ref, card), card, place)
            else:
                holder.say(f"'{card.name}' opened, but no method of this program finds controls on it.", "warning")
        elif ref.fingerprint and ref.fingerprint != card.fingerprint:
            holder.say(
                f"'{card.name}' is not the file that this scene was made with; the pictures may differ.", "warning"
            )

    def _show(self, ref: ModelRef, card: ModelCard, place: Place) -> None:
        holder = self._holder
        scene = holder.scene
        if place == "scene" or not holder.has_model:
            holder.apply(self._fresh(ref, card), f"Open {card.name}" if holder.has_model else "")
            return
        neighbour = holder.catalogue.model(scene.model_of())
        text = f"{card.name} beside {neighbour.name}" if place == "beside" and neighbour else f"{card.name} in the pane"
        holder.apply(holder.late.brought(two_models.with_pane_model(scene, ref, card, neighbour, place)), text)

    def _fresh(self, ref: ModelRef, card: ModelCard) -> Scene:
        holder = self._holder
        fresh = editing.with_model(holder.scene, ref, default_controls(card, card.methods[0]))
        if not holder.has_model:  # later models keep the seed that the user has
            fresh = msgspec.structs.replace(fresh, origin=Seed(card.example_seed))
        return fresh

    def _on_progress(self, progress: JobProgress) -> None:
        if self._asked is not None and progress.request_id == self._holder.catalogue.opening(self._asked):
            self.share = progress.share
            self.progressed.emit(progress.share)

    def _on_stopped(self, ref: ModelRef) -> None:
        if key_of(ref) == self.key:
            self._set(None)

    def _on_refused(
        self, ref: ModelRef, sentence: str, reasons: tuple[FamilyVerdict, ...], use: FileUse | None
    ) -> None:
        if key_of(ref) == self.key:
            self._set(None)
        self._holder.noticed.emit(Notice(sentence, "error", refused=ref, reasons=reasons, use=use))
