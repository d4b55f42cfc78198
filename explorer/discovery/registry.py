"""The methods there are: every module of this package with a ``METHOD``, and those of installed plugins."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points

import explorer.discovery as package
from explorer.controls.control_set import ControlSet
from explorer.discovery.base import Method
from explorer.errors import ControlError
from explorer.generators.base import Generator, Progress
from explorer.plugins import declared
from explorer.scene.cards import MethodCard, ModelCard
from explorer.scene.model import Scalar

ENTRY_POINTS = "explorer.methods"
"""Group of entry points; each names a ``METHOD`` object, or a module that has one."""


@dataclass(frozen=True)
class BrokenMethod:
    """A plugin that cannot be loaded: it is listed with its error, and fits no model."""

    name: str
    problem: str

    @property
    def card(self) -> MethodCard:
        return MethodCard(
            name=self.name, title=self.name, families=(), spaces=(), trained=False, paper="", problem=self.problem
        )

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
    found: dict[str, Method] = {method.card.name: method for _, method in declared(package, "METHOD")}
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            loaded = entry.load()
            plugin: Method = getattr(loaded, "METHOD", loaded)
            name = plugin.card.name
            if name in found:
                raise ValueError(f"its name '{name}' is taken")
        except Exception as error:  # noqa: BLE001  (whatever a plugin does wrong, the program starts)
            sentence = (
                f"The plugin '{entry.name}' could not be loaded ({type(error).__name__}: {error}); update or remove it."
            )
            found.setdefault(entry.name, BrokenMethod(entry.name, sentence))
        else:
            found[name] = plugin
    return dict(sorted(found.items()))


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
        close = difflib.get_close_matches(name, [*found, *aliases], 1)
        hint = f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(found)}."
        raise ControlError(f"There is no method '{name}'; {hint}")
    return aliases[name]


def _is_plugin(one: Method) -> bool:
    return not type(one).__module__.startswith(package.__name__)


def fitting(model: ModelCard) -> tuple[str, ...]:
    """The names of the methods that fit ``model``: the most telling first, chance last."""
    fit = {name: one.card for name, one in methods().items() if not one.refusal(model)}
    first = _preferred(model)
    return tuple(sorted(fit, key=lambda name: (first.get(name, _effort(fit[name])), name)))


def refusals(model: ModelCard) -> dict[str, str]:
    """Why each method that does not fit ``model`` does not, in one sentence."""
    return {name: reason for name, one in methods().items() if (reason := one.refusal(model))}


def _effort(card: MethodCard) -> int:
    """Where a method that has no place of its own stands: what is quick first, what cannot begin alone last."""
    return 50 + 10 * card.supervised + 20 * card.expensive + 42 * card.needs_file


def _preferred(model: ModelCard) -> dict[str, int]:
    """Where the methods of this package stand in the list; others follow them, before chance."""
    if "posterior" in model.capabilities:
        order = ("latent_axes", "pca", "sefa")
    elif "w" in model.spaces:
        order = ("pca", "sefa", "latent_axes")
    else:
        order = ("sefa", "pca", "latent_axes")
    # A turn is chosen for two axes that someone has looked at, so it comes after what finds directions by itself.
    return {name: place for place, name in enumerate(order)} | {
        "rotated_axes": 90,
        "true_directions": 95,
        "random_orthogonal": 100,
    }
