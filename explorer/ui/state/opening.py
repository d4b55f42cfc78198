"""Opening a model: the one asked for last becomes the scene's when it is loaded; until then the old one stays."""

from __future__ import annotations

from pathlib import PurePath

import msgspec
from PySide6.QtCore import QObject, Signal

from explorer.scene import editing
from explorer.scene.cards import FamilyVerdict, ModelCard
from explorer.scene.defaults import default_controls
from explorer.scene.model import ModelRef, Seed
from explorer.service.client import SLOT_BYTES
from explorer.ui.state.catalogue import ModelKey, key_of, named
from explorer.ui.state.holder import SceneHolder
from explorer.ui.state.notice import Notice


class Opening(QObject):
    """What the user asked to open and what has come of it."""

    changed = Signal(str)  # name of what is being opened; empty: nothing is

    def __init__(self, holder: SceneHolder, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._holder = holder
        self._asked: ModelRef | None = None
        self._reserved = SLOT_BYTES
        holder.catalogue.model_opened.connect(self._on_opened)
        holder.catalogue.model_refused.connect(self._on_refused)

    @property
    def key(self) -> ModelKey | None:
        """The model that is being opened."""
        return key_of(self._asked) if self._asked is not None else None

    def open(self, ref: ModelRef) -> None:
        """Open ``ref``. What was asked for before and is not loaded yet will not be shown any more."""
        known = self._holder.catalogue.model(ref)
        self._set(ref)
        if known is not None:
            self._on_opened(ref, known)
        else:
            self._holder.catalogue.open_model(ref)

    def _set(self, ref: ModelRef | None) -> None:
        self._asked = ref
        self.changed.emit(PurePath(ref.path).name if ref is not None else "")

    def _on_opened(self, ref: ModelRef, card: ModelCard) -> None:
        holder = self._holder
        size = card.size[0] * card.size[1] * 4
        if size > self._reserved:
            # Pictures that were asked for before there was room for them fail, or have failed; ask again.
            self._reserved = size
            holder.client.reserve(size)
            holder.feed.again(awaited=True)
        if key_of(ref) == self.key:
            self._set(None)
            if card.methods:
                fresh = editing.with_model(holder.scene, named(ref, card), default_controls(card, card.methods[0]))
                if not holder.has_model:  # later models keep the seed that the user has
                    fresh = msgspec.structs.replace(fresh, origin=Seed(card.example_seed))
                holder.apply(fresh, f"Open {card.name}" if holder.has_model else "")
            else:
                holder.say(f"'{card.name}' opened, but no method of this program finds controls on it.", "warning")
        elif ref.fingerprint and ref.fingerprint != card.fingerprint:
            holder.say(
                f"'{card.name}' is not the file that this scene was made with; the pictures may differ.", "warning"
            )

    def _on_refused(self, ref: ModelRef, sentence: str, reasons: tuple[FamilyVerdict, ...]) -> None:
        if key_of(ref) == self.key:
            self._set(None)
        self._holder.noticed.emit(Notice(sentence, "error", refused=ref, reasons=reasons))
