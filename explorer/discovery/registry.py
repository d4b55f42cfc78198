"""The methods there are: every module of this package with a ``METHOD``, and those of installed plugins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import msgspec

import explorer.discovery as package
from explorer.controls.control_set import ControlSet
from explorer.discovery.base import Method
from explorer.discovery.request import CheckedMethod, checked_settings, effort
from explorer.errors import ControlError, instead
from explorer.generators.base import Generator, Progress
from explorer.generators.registry import families
from explorer.plugins import added, declared
from explorer.scene.cards import WITHOUT_END, MethodCard, ModelCard, Role
from explorer.scene.defaults import room
from explorer.scene.model import ControlSetRef, Scalar

ENTRY_POINTS = "explorer.methods"
"""Group of entry points; each names a ``METHOD`` object, or a module that has one."""


@dataclass(frozen=True)
class BrokenMethod:
    """A plugin that cannot be loaded: it is listed with its error, and fits no model."""

    name: str
    problem: str

    @property
    def card(self) -> MethodCard:
        return MethodCard(name=self.name, title=self.name, spaces=(), trained=False, paper="", problem=self.problem)

    def refusal(self, model: ModelCard) -> str:
        return self.problem

    def discover(
        self,
        generator: Generator,
        k: int,
        seed: int = 0,
        settings: Mapping[str, Scalar] | None = None,
        progress: Progress | None = None,
    ) -> ControlSet:
        raise ControlError(self.problem)


@cache
def methods() -> dict[str, Method]:
    """Name → method, sorted by name. A plugin never replaces a method of this package, and never stops the program."""
    own: dict[str, Method] = {method.card.name: method for _, method in declared(package, "METHOD")}
    plugged = added(own, ENTRY_POINTS, "METHOD", lambda method: method.card.name)
    broken = {name: BrokenMethod(name, problem) for name, problem in plugged.problems.items()}
    return dict(sorted({**broken, **plugged.found}.items()))


def method(name: str) -> Method:
    """The method called ``name``, or that has ``name`` among its aliases. Raises :class:`ControlError` naming those
    there are.
    """
    found = methods()
    if name in found:
        return found[name]
    aliases: dict[str, Method] = {}
    for one in sorted(found.values(), key=_is_plugin):  # a plugin takes no alias of this package either
        for alias in one.card.aliases:
            aliases.setdefault(alias, one)
    if name not in aliases:
        raise ControlError(f"There is no method '{name}'; {instead(name, [*found, *aliases])}")
    return aliases[name]


def _is_plugin(one: Method) -> bool:
    return not type(one).__module__.startswith(package.__name__)


def cards() -> tuple[MethodCard, ...]:
    """The cards of all methods by name, each with the ``families`` that have a model which it fits. A plugin takes no
    role of a method of this package."""
    specimens = {name: family.specimens() for name, family in families().items()}
    return tuple(
        msgspec.structs.replace(
            one.card,
            families=tuple(name for name, them in specimens.items() if not all(map(one.refusal, them))),
            role=one.card.role if one.card.role and one in all_with_role(one.card.role) else "",
        )
        for one in methods().values()
    )


def searched_with(name: str, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Of ``settings`` those that the search of the method called ``name`` depends on: the others are for
    :func:`afterwards`."""
    later = _later(method(name).card)
    return {setting: value for setting, value in settings.items() if setting not in later}


def afterwards(found: ControlSet, name: str, settings: Mapping[str, Scalar]) -> ControlSet:
    """``found``, which the method called ``name`` has searched with what :func:`searched_with` leaves of ``settings``,
    as all of these say that it is shown. Raises :class:`ControlError` where they are none of the method's."""
    one = method(name)
    if not isinstance(one, CheckedMethod) or not _later(one.card):
        return found
    every = checked_settings(one.card, settings)
    return replace(one.afterwards(found, every), settings=every)


def _later(card: MethodCard) -> set[str]:
    return {setting.name for setting in card.settings if setting.afterwards}


def with_role(role: Role) -> Method:
    """The method that the program itself uses as ``role``. Raises KeyError where there is none."""
    for one in all_with_role(role):
        return one
    raise KeyError(role)


SHARED_ROLES: tuple[Role, ...] = ("capacity",)
"""Roles that several methods of this package have side by side."""


def all_with_role(role: Role) -> tuple[Method, ...]:
    """Every method that the program itself uses as ``role``: one, but for :data:`SHARED_ROLES`. Those of this package
    come before what a plugin brings, which takes no role that one of them has."""
    having = [one for one in methods().values() if one.card.role == role]
    own = [one for one in having if not _is_plugin(one)] or having
    return tuple(own if role in SHARED_ROLES else own[:1])


def grows_to(controls: ControlSetRef, model: ModelCard) -> int:
    """Up to how many controls may be asked for in place of ``controls.k`` before those that there are become others; 0
    for files, and where the controls are put into the order of another set, which depends on all of them."""
    if not controls.method or controls.like is not None:
        return 0
    one = method(controls.method)
    if isinstance(one, CheckedMethod):
        return one.grows_to(model, checked_settings(one.card, dict(controls.settings)))
    return WITHOUT_END if one.card.grows else 0


def with_methods(model: ModelCard) -> ModelCard:
    """``model`` with the methods that fit it, how many controls each begins with, and why the others do not fit."""
    fit = fitting(model)
    return msgspec.structs.replace(
        model,
        methods=fit,
        first_counts={name: _first_count(methods()[name].card, model) for name in fit},
        refusals=refusals(model),
    )


def fitting(model: ModelCard) -> tuple[str, ...]:
    """The names of the methods that fit ``model``: the most telling first, chance last."""
    fit = {name: one for name, one in methods().items() if not one.refusal(model)}
    return tuple(sorted(fit, key=lambda name: (_place(fit[name], model), name)))


def refusals(model: ModelCard) -> dict[str, str]:
    """Why each method that does not fit ``model`` does not, in one sentence."""
    return {name: reason for name, one in methods().items() if (reason := one.refusal(model))}


def _place(one: Method, model: ModelCard) -> int:
    return one.place(model) if isinstance(one, CheckedMethod) else effort(one.card)


def _first_count(card: MethodCard, model: ModelCard) -> int:
    """What the method proposes, and no more than every space of ``model`` where it may look has room for."""
    spaces = [space for name, space in model.spaces.items() if name in card.spaces] or model.spaces.values()
    return min([card.first_count, *map(room, spaces)])
