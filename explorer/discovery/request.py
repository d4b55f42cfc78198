"""What every method does with a request before it begins and when it has ended: refusal, settings, number of controls,
space, layers, the control set. One sentence for each fault.
"""

from __future__ import annotations

import difflib
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from explorer.controls.base import WEIGHTS, Control
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery.base import Watch
from explorer.errors import ControlError
from explorer.generators.base import Generator, Progress
from explorer.scene.cards import WITHOUT_END, ControlCard, MethodCard, ModelCard, SettingCard
from explorer.scene.defaults import room
from explorer.scene.model import Scalar
from explorer.scene.region import region_setting, without_regions

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
LAYER_SETTINGS = (
    SettingCard(
        name="first_layer", title="First layer", default=0, low=0, help="The first layer that the controls move."
    ),
    SettingCard(
        name="last_layer",
        title="Last layer",
        default=-1,
        low=-1,
        empty="the last",
        help="The last layer that the controls move; -1 is the last there is.",
    ),
)
_LAYERS = {setting.name for setting in LAYER_SETTINGS}


def in_digits(value: float, digits: int = 3) -> str:
    """``value`` in so many significant digits, and from 10 ** ``digits`` on as a whole number: ``9.88``, ``1,021``."""
    shown = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e+" in shown or abs(value) >= 10**digits else shown


@dataclass(frozen=True)
class Request:
    """What was asked of a method, checked. ``space``: where it looks; calling ``watch`` reports the finished share;
    ``layers``: the first and the last one that controls move, None where these are all there are.
    """

    method: MethodCard
    model: ModelCard
    k: int
    seed: int
    settings: dict[str, Scalar]
    space: str
    watch: Watch
    layers: tuple[int, int] | None = None
    started: float = field(default_factory=time.perf_counter)

    def number(self, name: str) -> int:
        """The whole number that the setting ``name`` holds."""
        return int(self.settings[name])

    def real(self, name: str) -> float:
        """The number that the setting ``name`` holds."""
        return float(self.settings[name])

    def text(self, name: str) -> str:
        """The text that the setting ``name`` holds."""
        return str(self.settings[name])

    @property
    def moved(self) -> str:
        """The space in which controls move: that of the search, or ``w_plus`` where they move some layers only."""
        return "w_plus" if self.layers else self.space

    def linear(
        self,
        name: str,
        direction: Tensor,
        deviation: float,
        figure: str,
        *details: str,
        unit: str = "",
        reach: float = 3.0,
    ) -> LinearControl:
        """The control along the unit vector ``direction`` (d,) of the space; one unit is ``deviation``, the standard
        deviation of the space along it, which the tool tip says after ``details``; ``unit`` goes on from there. The
        slider spans ``reach`` units each way.
        """
        card = ControlCard(
            name=name,
            space=self.moved,
            low=-reach,
            high=reach,
            figure=figure,
            details=(*details, f"1 σ = {deviation:.3g} in {self.space}{unit}"),
            layers=self.layers,
        )
        return LinearControl(card, (direction * deviation).float().reshape(self.model.spaces[self.space].shape))

    def found(self, controls: Sequence[Control], evaluations: int = 0, note: str = "", labels: int = 0) -> ControlSet:
        """The control set of ``controls``, with what it cost: seconds so far, ``evaluations`` (pictures that the
        generator drew, whole or in part), ``labels`` (values of attributes that somebody or something read).
        """
        return ControlSet(
            method=self.method.name,
            title=self.method.title,
            fingerprint=self.model.fingerprint,
            space=self.moved,
            controls=tuple(controls),
            version=self.method.version,
            seed=self.seed,
            settings=self.settings,
            cost={
                "seconds": time.perf_counter() - self.started,
                "generator_evaluations": float(evaluations),
                "labels": float(labels),
            },
            note=note,
        )


class CheckedMethod(ABC):
    """A method that checks what it is asked before it searches: what those of this package are."""

    card: ClassVar[MethodCard]

    @abstractmethod
    def refusal(self, model: ModelCard) -> str:
        """Why this method does not fit ``model`` in one sentence, or an empty string when it does."""

    def place(self, model: ModelCard) -> int:
        """Where it stands among the methods that fit ``model``: the most telling first, at 0, chance last, at 100."""
        return effort(self.card)

    def grows_to(self, model: ModelCard, settings: Mapping[str, Scalar]) -> int:
        """Up to how many controls of ``model`` may be asked for before those of a smaller set become others; 0 where
        any other number gives others. ``settings`` are :func:`checked_settings`."""
        return WITHOUT_END if self.card.grows else 0

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        """The space in which it looks for directions of ``model``. Raises :class:`ControlError` where there is none."""
        return mapped_space(model)

    @abstractmethod
    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """Find what was ``asked`` for; made by :meth:`Request.found`."""

    def afterwards(self, found: ControlSet, settings: Mapping[str, Scalar]) -> ControlSet:
        """``found``, which was searched with the defaults of all settings that are ``afterwards``, as ``settings``, all
        of them, say that it is shown."""
        return found

    def begin(
        self,
        generator: Generator,
        k: int,
        seed: int,
        settings: Mapping[str, Scalar] | None,
        progress: Progress | None,
    ) -> Request:
        """Check what is asked and start the clock.

        Raises :class:`ControlError` when the method does not fit the model, a setting is wrong, or ``k`` exceeds the
        space.
        """
        model = generator.card
        if reason := self.refusal(model):
            raise ControlError(reason)
        chosen = checked_settings(self.card, settings)
        _check_region(self.card, chosen, model)
        space = self.where(model, chosen)
        check_count(model, space, k)
        watch = progress if isinstance(progress, Watch) else Watch(progress)
        layers = layer_range(model, chosen) if chosen.keys() >= _LAYERS else None
        return Request(self.card, model, k, seed, chosen, space, watch, layers)

    def discover(
        self,
        generator: Generator,
        k: int,
        seed: int = 0,
        settings: Mapping[str, Scalar] | None = None,
        progress: Progress | None = None,
    ) -> ControlSet:
        """As :meth:`explorer.discovery.base.Method.discover`."""
        return self.search(self.begin(generator, k, seed, settings, progress), generator)


def names_in(text: str) -> list[str]:
    """The names in a text with commas between them."""
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def checked_settings(method: MethodCard, given: Mapping[str, Scalar] | None) -> dict[str, Scalar]:
    """All settings of ``method``: those given, checked, and the defaults. Raises :class:`ControlError` naming what is
    wrong.
    """
    return settled(method.title, method.settings, given or {})


def settled(title: str, settings: Sequence[SettingCard], given: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """All of ``settings``, which what is called ``title`` has: those given, checked, and the defaults. Raises
    :class:`ControlError` naming what is wrong."""
    known = {setting.name: setting for setting in settings}
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean '{close[0]}'?" if close else f"it has {', '.join(known) or 'none'}."
            raise ControlError(f"{title} has no setting '{name}'; {hint}")
    return {name: _checked(title, setting, given.get(name, setting.default)) for name, setting in known.items()}


def _checked(title: str, setting: SettingCard, value: Scalar) -> Scalar:
    wanted = type(setting.default)
    if wanted is float and type(value) is int:
        value = float(value)
    if type(value) is not wanted:
        raise ControlError(f"'{setting.name}' of {title} is {value!r}; it must be {_KINDS[wanted]}.")
    if setting.choices and value not in setting.choices:
        choices = ", ".join(str(choice) for choice in setting.choices)
        raise ControlError(f"'{setting.name}' of {title} is {value!r}; it must be one of {choices}.")
    if isinstance(value, int | float):
        low, high = setting.low, setting.high
        if (low is not None and value < low) or (high is not None and value > high) or not math.isfinite(value):
            limits = f"at least {low:g}" if high is None else f"between {low or 0:g} and {high:g}"
            raise ControlError(f"'{setting.name}' of {title} is {value}; it must be {limits}.")
    return value


def _check_region(method: MethodCard, settings: Mapping[str, Scalar], model: ModelCard) -> None:
    """Raise :class:`ControlError` where a part of the picture is asked for, and ``model`` makes no pictures."""
    setting = region_setting(method)
    if setting is not None and settings[setting.name] and (refusal := without_regions(model)):
        raise ControlError(refusal)


def check_count(model: ModelCard, space: str, k: int) -> None:
    """Raise :class:`ControlError` unless ``space`` has room for ``k`` independent controls."""
    # Changes of weights lie in no space of the model; their method knows how many there are.
    most = max(k, 1) if space == WEIGHTS else room(model.spaces[space])
    if k < 1:
        raise ControlError(f"{k} controls were asked for; ask for 1 to {most}.")
    if k > most:
        raise ControlError(
            f"{k} controls were asked for, but space '{space}' of '{model.name}' has {most} dimensions; "
            f"ask for at most {most}."
        )


def layer_range(model: ModelCard, settings: Mapping[str, Scalar]) -> tuple[int, int] | None:
    """The layers (first, last) that ``settings`` ask for, or None when these are all there are.

    Raises :class:`ControlError` when the model has no layers, or not these.
    """
    first, last = int(settings["first_layer"]), int(settings["last_layer"])
    layers = model.spaces["w_plus"].shape[0] if "w_plus" in model.spaces else 0
    if first == 0 and last in (-1, layers - 1):
        return None
    if not layers:
        raise ControlError(f"'{model.name}' has no layers to choose from; leave first_layer at 0 and last_layer at -1.")
    end = layers - 1 if last == -1 else last
    if not first <= end < layers:
        raise ControlError(
            f"Layers {first} to {end} were asked for, but '{model.name}' has layers 0 to {layers - 1}; "
            "choose a range among these."
        )
    return first, end


def effort(card: MethodCard) -> int:
    """The place of a method that has none of its own: what is quick first, what cannot begin alone last."""
    return 50 + 10 * card.supervised + 20 * card.expensive + 42 * card.needs_file


def mapped_space(model: ModelCard) -> str:
    """The space in which directions are looked for by default.

    ``w`` where there is a mapping network, ``h`` where a diffusion model shows its bottleneck, else the first space.
    """
    if "w" in model.spaces:
        return "w"
    return "h" if "bottleneck" in model.capabilities else next(iter(model.spaces))
