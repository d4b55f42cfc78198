"""Where pictures start: origins mapped once, controls prepared for a start, and where a start stands along controls."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten
from typing import cast

import torch
from torch import Tensor

from explorer.controls.base import WEIGHTS, Control, Moves, StartBound
from explorer.controls.control_set import ControlSet
from explorer.engine.origins import latent_of
from explorer.engine.points import Point
from explorer.generators.base import Generator, Latent, ReadsText
from explorer.generators.editing import Prepare, by_weights, edited, prepared_anew, reweighted
from explorer.memory import BoundedCache
from explorer.scene.cards import ControlPlace, Remark
from explorer.scene.model import Condition, Edit, Start
from explorer.scene.single import shortest

MAPPED_KEPT = 256
PREPARED_KEPT = 64

_MappedKey = tuple[str, Start]
"""Fingerprint of the model, and where the picture starts."""
_PreparedKey = tuple[_MappedKey, int, bytes]
"""The start, the identity of the control, and the point in its space."""


class Starts:
    """The last starts, mapped and prepared for, so that a drag repeats only what it changes."""

    def __init__(self) -> None:
        self._mapped: BoundedCache[_MappedKey, Latent] = BoundedCache(MAPPED_KEPT)
        # With the control itself, whose identity is part of the key: nothing else may get its number meanwhile.
        self._prepared: BoundedCache[_PreparedKey, tuple[StartBound, Control]] = BoundedCache(PREPARED_KEPT)

    def edited(
        self, generator: Generator, point: Point, moves: Moves, keep: bool, remarks: dict[str, Remark]
    ) -> Latent:
        """The latent (batch 1) of one point: its origin, mapped once and kept (``keep``: not where ``generator`` has
        other weights), with ``moves`` made. ``remarks`` hears what has to be known of them, and of the prompts."""
        remarks |= _unread(generator, point.start.condition)
        key = (generator.card.fingerprint, point.start)
        latent = self._mapped.get(key) if keep else None
        if latent is None:
            latent = latent_of(generator, point.start)
        names = list(generator.card.spaces)
        spaces = [move.control.card.space for move in moves if move.control.card.space != WEIGHTS]
        first = min(map(names.index, spaces), default=0)
        if first > max(names.index(name) for name in latent.tensors):
            latent = generator.advance(latent, names[first])
        if not keep:
            return edited(generator, latent, moves, prepared_anew, remarks)
        self._mapped.put(key, latent)
        return edited(generator, latent, moves, self._prepared_for(key), remarks)

    def _prepared_for(self, key: _MappedKey) -> Prepare:
        """Prepares controls for the start ``key``, and keeps them. A start is what the point is without its edits, and
        what edits in earlier spaces have made of it: those of the same space come after."""

        def prepare(control: StartBound, generator: Generator, latent: Latent) -> Control:
            start = latent.tensors[cast(Control, control).card.space].cpu().numpy().tobytes()
            kept = self._prepared.get((key, id(control), start))
            if kept is None:
                kept = (control, control.prepare(generator, latent))
                self._prepared.put((key, id(control), start), kept)
            return kept[1]

        return prepare


def moved(generator: Generator, starts: Starts, point: Point, moves: Moves) -> tuple[Generator, Latent]:
    """The generator that draws ``point`` moved by ``moves``, which may have other weights, and the latent (batch 1)
    that it draws. Raises as :func:`edited` and :func:`reweighted` do."""
    (weights,) = by_weights(moves, 1)
    drawing = reweighted(generator, weights)
    return drawing, starts.edited(drawing, point, moves, not weights, {})


def places(generator: Generator, controls: ControlSet, start: Latent, edits: Sequence[Edit]) -> dict[str, ControlPlace]:
    """Name → where ``start`` (batch 1) stands along each of ``controls`` along which it has a value, and how far its
    slider reaches from there. Of ``edits`` those in spaces before a control's own count."""
    names = list(generator.card.spaces)
    # A start in a later space, as that of a picture of one's own, stands nowhere in those before it.
    reached = names[min(names.index(name) for name in start.tensors) :]
    placed = [control for control in controls.controls if control.place is not None and control.card.space in reached]
    latents: dict[str, Latent] = {}
    for space in {control.card.space for control in placed}:
        earlier = names[: names.index(space)]
        before = [move for move in controls.moves(edits) if move.control.card.space in earlier]
        latents[space] = generator.advance(edited(generator, start, before), space)
    found = {}
    for control in placed:
        latent = latents[control.card.space]
        ready = control.prepare(generator, latent) if isinstance(control, StartBound) else control
        found[control.card.name] = _place(ready, latent.tensors[control.card.space])
    return found


def _place(control: Control, latent: Tensor) -> ControlPlace:
    """Where the point ``latent`` (1, *shape) stands along ``control``, which has a place."""
    place, card = control.place, control.card
    assert place is not None
    stops = place.stops()
    if card.shows == "amount":
        ways = [place.amount_to(latent, torch.tensor([stop], dtype=torch.float64)) for stop in stops]
        stops = tuple(sorted(round(float(way), 4) for way in ways))
        low, high = (min(0.0, stops[0]), max(0.0, stops[-1])) if stops else (card.low, card.high)
    else:
        low, high = (stops[0], stops[-1]) if stops else (card.low, card.high)
    return ControlPlace(value=shortest(float(place.value(latent))), low=low, high=high, stops=stops)


def _unread(generator: Generator, condition: Condition) -> dict[str, Remark]:
    """Which prompts of ``condition`` are longer than the generator reads."""
    if "prompt" not in generator.card.capabilities:
        return {}
    reader = cast(ReadsText, generator)
    remarks = {}
    for name, text in (("prompt", condition.prompt), ("negative prompt", condition.negative_prompt)):
        if text and (behind := reader.unread(text)):
            told = f"is longer than the {reader.tokens} tokens that are read; without effect is “{shorten(behind, 60)}”"
            remarks[f"the {name}"] = Remark(f"{name} cut", told)
    return remarks
