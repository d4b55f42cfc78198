"""What is asked of a comparison: checked before anything is searched for, and turned into rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from explorer.discovery import registry
from explorer.discovery.request import check_count, checked_settings, mapped_space
from explorer.errors import ControlError
from explorer.scene.cards import MethodCard, ModelCard
from explorer.scene.cards import Role as MethodRole
from explorer.scene.comparison import MOST_NULLS, CompareOptions, Role, usual_nulls
from explorer.scene.model import ControlSetRef, Scalar
from explorer.scene.validate import GREATEST_TAU, LEAST_TAU

ALWAYS: tuple[MethodRole, ...] = ("chance", "ceiling", "truth", "capacity")
"""Roles of the methods that a table may hold without being asked for."""

NULL_SEEDS = 1_000_000
"""Where the seeds of the random frames begin whose mean is the null: nobody compares with a million seeds."""

LEAST_BASES, MOST_BASES = 4, 4096
LEAST_OBSERVED, MOST_OBSERVED = 200, 1_000_000
HURRIED_BASES, HURRIED_OBSERVED, HURRIED_NULLS, HURRIED_SHARE = 16, 1000, 3, 0.1


@dataclass(frozen=True)
class Row:
    """One row of the table to come: a method's name, what it was called in the request, its settings."""

    method: str
    role: Role
    asked: str = ""
    settings: tuple[tuple[str, Scalar], ...] = ()

    def controls(self, k: int, seed: int) -> ControlSetRef:
        """The set that the method finds with ``seed``."""
        return ControlSetRef(method=self.method, k=k, seed=seed, settings=self.settings)


def checked(options: CompareOptions) -> CompareOptions:
    """``options`` with settings under the methods' own names and the number of random frames; ``quick`` carried out
    (:func:`hurried`).

    Raises :class:`ControlError` with one sentence for what no comparison can be made with.
    """
    if not options.methods:
        raise ControlError("No method is named; name at least one to compare.")
    if not options.seeds:
        raise ControlError("No seed is named; name at least one.")
    if len(set(options.seeds)) < len(options.seeds):
        raise ControlError("A seed is named twice; name each once.")
    if not all(0 <= seed < NULL_SEEDS for seed in options.seeds):
        raise ControlError(f"The seeds of a comparison must be between 0 and {NULL_SEEDS - 1}.")
    _within("τ", options.tau, LEAST_TAU, GREATEST_TAU)
    _within("The number of base codes", options.bases, LEAST_BASES, MOST_BASES)
    _within("The number of observed pictures", options.observed, LEAST_OBSERVED, MOST_OBSERVED)
    _within("The number of random frames (0: as many as usual)", options.nulls, 0, MOST_NULLS)
    names = [registry.method(name).card.name for name in options.methods]
    always = [one.card.name for role in ALWAYS for one in registry.all_with_role(role)]
    settings: dict[str, dict[str, Scalar]] = {}
    for called, given in options.settings.items():
        method = registry.method(called).card
        if method.name not in (*names, *always):
            raise ControlError(f"Settings are given for '{called}', which is not among the methods compared.")
        settings[method.name] = {**settings.get(method.name, {}), **given}
        checked_settings(method, settings[method.name])
    nulls = options.nulls or (HURRIED_NULLS if options.quick else usual_nulls(max(1, options.k)))
    found = msgspec.structs.replace(options, settings=settings, nulls=nulls)
    cards = [registry.method(name).card for name in dict.fromkeys((*names, *always))]
    return hurried(found, cards) if options.quick else found


def hurried(options: CompareOptions, cards: Sequence[MethodCard]) -> CompareOptions:
    """``options`` with at most :data:`HURRIED_BASES` base codes and :data:`HURRIED_OBSERVED` observed pictures, and a
    tenth of the ``steps`` of every trained method among ``cards`` whose steps are not given.
    """
    settings = dict(options.settings)
    for card in cards:
        steps = next((one for one in card.settings if one.name == "steps"), None)
        if card.trained and steps is not None and "steps" not in settings.get(card.name, {}):
            fewer = max(round(int(steps.default) * HURRIED_SHARE), int(steps.low or 1))
            settings[card.name] = {**settings.get(card.name, {}), "steps": fewer}
    return msgspec.structs.replace(
        options,
        bases=min(options.bases, HURRIED_BASES),
        observed=min(options.observed, HURRIED_OBSERVED),
        settings=settings,
    )


def rows(options: CompareOptions, model: ModelCard) -> tuple[Row, ...]:
    """The rows of a table of ``model`` in their order: chance, the methods as they are asked for, where the truth is
    known what classes of paths can express of it, the ceiling; all but the methods are there whether they are asked for
    or not. ``options`` are :func:`checked`.

    Raises :class:`ControlError` where the model has no room for so many directions.
    """
    check_count(model, mapped_space(model), options.k)
    asked = {registry.method(name).card.name: name for name in reversed(options.methods)}
    truth = registry.with_role("truth")
    chance = registry.with_role("chance").card.name
    ceiling = (registry.with_role("ceiling") if truth.refusal(model) else truth).card.name
    capacities = [one for one in registry.all_with_role("capacity") if not one.refusal(model)]
    names = sorted((one.card.name for one in capacities), key=registry.fitting(model).index)
    roles: dict[str, Role] = {chance: "chance", **dict.fromkeys(names, "capacity"), ceiling: "ceiling"}
    order = [chance, *(name for name in reversed(asked) if name not in roles), *names, ceiling]
    return tuple(
        _row(registry.method(name).card, roles.get(name, "method"), options, asked.get(name, "")) for name in order
    )


def _row(card: MethodCard, role: Role, options: CompareOptions, asked: str) -> Row:
    settings = dict(options.settings.get(card.name, {}))
    for setting in card.settings:
        # All rows are measured with the same attributes, so whoever learns from some learns from these.
        if setting.kind == "attributes" and options.attributes and setting.name not in settings:
            settings[setting.name] = options.attributes
    return Row(card.name, role, asked if asked != card.name else "", tuple(sorted(settings.items())))


def null_seeds(count: int) -> tuple[int, ...]:
    """The seeds of the ``count`` random frames, besides those of the row of chance, whose mean is the null."""
    return tuple(range(NULL_SEEDS, NULL_SEEDS + count))


def _within(what: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ControlError(f"{what} is {value:g}; it must be between {low:g} and {high:g}.")
