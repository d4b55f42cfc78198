"""What the file of a scheduler comes to, whichever it is: how pictures are drawn around a network."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import msgspec
from torch import Tensor

from explorer.errors import ModelError
from explorer.numerics.samplers import Callback, Denoiser, Limit

FILE = "scheduler_config.json"
Config = TypeVar("Config", bound=msgspec.Struct)


class Plan(NamedTuple):
    """The way of one picture: ``timesteps`` fall, and ``landings`` say where each step ends: the signal power that the
    sample has then, or the share of noise where the model is a flow."""

    timesteps: tuple[float, ...]
    landings: tuple[float, ...]


class Schedule(Protocol):
    """A sampler of the folder's own noise levels."""

    back: ClassVar[str]
    """The capability of what it draws: which sampler is run backwards to encode a picture."""

    @property
    def num_train_timesteps(self) -> int:
        """As many steps as a picture may take."""

    def plan(self, count: int) -> Plan:
        """The way of a picture in ``count`` steps. Raises ValueError where there is none."""

    def run(
        self, denoise: Denoiser, x: Tensor, plan: Plan, start: int, stop: int, callback: Callback | None = None
    ) -> Tensor:
        """The sample (B, ...) after steps ``start`` .. ``stop - 1`` of ``plan`` from ``x``, the one before them."""

    def way_back(self, denoise: Denoiser, x: Tensor, plan: Plan, refinements: int) -> Iterator[Tensor]:
        """From ``x`` to the noise from which the steps of ``plan`` arrive at it: the sample after each step backwards,
        solved by ``refinements`` iterations. Raises ValueError where it cannot be told."""

    def mixture(self, t: float) -> tuple[float, float]:
        """(signal, noise): what is noised at the training step ``t`` is signal · x_0 + noise · ε."""

    def step_of(self, noise: float) -> float:
        """The training step whose noise has the deviation ``noise`` (0..1), or the nearest that there is."""

    def whole(self, t: float) -> float:
        """The training step at which the network may be asked, for ``t`` in [0, T): itself where it may be at all."""

    def aim(self, clean: Tensor, noise: Tensor, t: float) -> Tensor:
        """What the network should predict of the mixture (:meth:`mixture`) of ``clean`` and ``noise`` at ``t``."""

    def clean(self, x: Tensor, predicted: Tensor, t: float) -> Tensor:
        """(B, ...): the x_0 that the network's prediction for ``x`` at the training step ``t`` stands for."""

    def limit(self) -> Limit | None:
        """What is done to the predicted x_0 at every step; None where it stays as it is."""

    def sampler_text(self, class_name: str) -> str:
        """How pictures are drawn, for the card, where the folder's own scheduler is a ``class_name``."""


class FiniteNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """Settings among which no number may be infinite, or none at all."""

    def __post_init__(self) -> None:
        """Raises ValueError naming the first that is."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"'{name}' is {value}, which is no number to compute with")


def converted(
    folder: Path, class_name: str, entries: Mapping[str, Any], kind: type[Config], no_effect: Collection[str]
) -> Config:
    """``entries`` of the file of the ``class_name`` in ``folder`` as a ``kind``. Raises :class:`ModelError` for a value
    of another type, and for a key that is neither in ``kind`` nor among those that have ``no_effect``."""
    for key, value in entries.items():
        # What is switched off has no effect, whatever it is.
        known = key.startswith("_") or key in kind.__struct_fields__ or key in no_effect
        if not known and value not in (None, False):
            raise ModelError(
                f"The {class_name} of '{folder.name}' sets '{key}', which this program does not know and which may "
                "change its pictures; remove the key if they do not depend on it."
            )
    try:
        return msgspec.convert(dict(entries), kind)
    except msgspec.ValidationError as error:
        raise ModelError(f"'scheduler/{FILE}' cannot be used: {error}.") from error
