"""The ways to invert there are: every module of this package with an ``INVERSION``."""

from __future__ import annotations

from functools import cache

import msgspec

import explorer.inversion as package
from explorer.errors import ExplorerError, instead
from explorer.inversion.base import Inversion, card_of
from explorer.plugins import declared
from explorer.scene.cards import ModelCard


@cache
def inversions() -> dict[str, Inversion]:
    """Name → way, the usual ones first."""
    found = [way for _, way in declared(package, "INVERSION")]
    return {way.name: way for way in sorted(found, key=lambda way: (way.place, way.name))}


def refusal(way: Inversion, model: ModelCard) -> str:
    """Why ``way`` does not fit ``model``, in one sentence, or empty."""
    if not model.makes_pictures:
        return f"'{model.name}' makes {model.output.description}, and a point is looked for by pictures alone."
    return way.refusal(model)


def with_inversions(model: ModelCard) -> ModelCard:
    """``model`` with the ways that fit it."""
    fit = tuple(card_of(way, model) for way in inversions().values() if not refusal(way, model))
    return msgspec.structs.replace(model, inversions=fit)


def chosen(name: str, model: ModelCard) -> Inversion:
    """The way called ``name``; the usual one of ``model`` where that is empty. Raises :class:`ExplorerError` with one
    sentence where there is none, or it does not fit."""
    known = inversions()
    if not name:
        way = next((way for way in known.values() if not refusal(way, model)), None)
        if way is None:
            reasons = " ".join(dict.fromkeys(refusal(way, model) for way in known.values()))
            raise ExplorerError(f"No point of '{model.name}' can be found for a picture: {reasons}")
        return way
    if name not in known:
        raise ExplorerError(f"There is no way '{name}' to invert a picture; {instead(name, known)}")
    if reason := refusal(known[name], model):
        fit = ", ".join(way.name for way in known.values() if not refusal(way, model))
        raise ExplorerError(f"{reason} Ways that fit: {fit}." if fit else reason)
    return known[name]
