"""Attributes of pictures: a world's factors, read from any picture by a small network trained on that world.

The networks come with the program, one folder a world under ``models/predictors``. They are for pictures that a
generator drew as much as for the world's own: they were trained on blurred, noisy and paler pictures too, and with
factors drawn independently, so that none is guessed from another. The closed forms of
:meth:`explorer.worlds.base.World.measure` are for the world's own pictures; nothing here uses them, so that a factor is
read in one way everywhere, with the errors that the card names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from explorer.checkpoint import read_card, read_json
from explorer.errors import ExplorerError, ModelError
from explorer.files import package_folder
from explorer.reading import fingerprint_of, reading
from explorer.worlds.base import Factor
from explorer.worlds.predictor.files import CARD, CONFIG, FAMILY, WEIGHTS
from explorer.worlds.predictor.network import PredictorNetwork, load_predictor

_BATCH = 250


class FactorError(msgspec.Struct, frozen=True, kw_only=True):
    """How far a predictor is off one factor, on pictures that it was not trained on.

    ``error``: mean absolute difference in the factor's unit (around the circle for cyclic ones); for a category the
    share of pictures read wrongly. ``constant``: the same of the best guess that does not look. ``independent``: with
    factors drawn independently from the grid; ``corrupted``: on blurred, noisy, paler pictures.
    """

    error: float
    constant: float
    independent: float
    corrupted: float

    @property
    def relative(self) -> float:
        """0 for perfect reading, 1 for guessing."""
        return self.error / self.constant if self.constant > 0 else float("nan")


class Attributes:
    """What a predictor reads from pictures (B, C, H, W) in [-1, 1]; those of another size are resampled to its own.
    ``fingerprint``: of the files that it was loaded from, if any."""

    def __init__(
        self, network: PredictorNetwork, errors: dict[str, FactorError], device: torch.device, fingerprint: str = ""
    ) -> None:
        self.world, self.factors, self.channels = network.config.world, network.config.factors, network.config.channels
        self.names = tuple(factor.name for factor in self.factors)
        self.errors = errors
        self.fingerprint = fingerprint
        self._network, self._device = network, device

    def measure(self, pictures: Tensor) -> NDArray[np.float32]:
        """(B, K) values in the factors' own units: categories at a level, cyclic ones in [low, low + period), numbers
        also beyond their range where a picture looks like it."""
        return self.both(pictures)[0]

    def features(self, pictures: Tensor) -> Tensor:
        """(B, d) the numbers before the heads, on the CPU: a space in which pictures that differ in a factor differ."""
        return self.both(pictures)[1]

    def both(self, pictures: Tensor) -> tuple[NDArray[np.float32], Tensor]:
        """What :meth:`measure` and :meth:`features` give, in one pass."""
        config = self._network.config
        if pictures.ndim != 4 or pictures.shape[1] != config.channels:
            raise ExplorerError(
                f"The attribute predictor of '{self.world}' reads pictures of {config.channels} channels, not "
                f"{tuple(pictures.shape)}."
            )
        parts = [torch.empty(0, config.features, device=self._device)]
        with torch.no_grad():
            for part in torch.split(pictures, _BATCH):
                batch = part.to(self._device, torch.float32)
                if batch.shape[-2:] != (config.size, config.size):
                    batch = functional.interpolate(batch, (config.size,) * 2, mode="bilinear", antialias=True)
                parts.append(self._network.features(batch.contiguous(memory_format=torch.channels_last)))
            found = torch.cat(parts)
            return self._network.read(self._network.heads(found)), found.cpu()


def predictors_folder() -> Path:
    """Where the predictors that come with the program lie, one folder a world."""
    return package_folder("models") / "predictors"


def predicted_world(path: Path) -> str:
    """The world whose factors the predictor in folder ``path`` reads; empty where there is none in it."""
    if not (path / CONFIG).is_file():
        return ""
    try:
        found = read_json(path / CONFIG)
    except ModelError:
        return ""
    return str(found.get("world", "?")) if found.get("family") == FAMILY else ""


def has_predictor(world: str) -> bool:
    """Whether a predictor of ``world`` comes with the program."""
    return predicted_world(predictors_folder() / world) == world


def load_attributes(folder: Path, device: torch.device | None = None) -> Attributes:
    """The predictor in ``folder``, every tensor checked. Raises :class:`ModelError` with one sentence."""
    place = device or torch.device("cpu")
    try:
        with reading():  # the fingerprint is of the very bytes that are loaded
            network = load_predictor(folder, place)
            errors = msgspec.convert(read_card(folder).get("errors", {}), dict[str, FactorError])
            fingerprint = fingerprint_of([folder / CONFIG, folder / WEIGHTS])
    except msgspec.ValidationError as error:
        raise ModelError(f"The errors in '{CARD}' of '{folder.name}' cannot be read: {error}.") from error
    return Attributes(network, errors, place, fingerprint)


def attributes_of(world: str, device: torch.device | None = None) -> Attributes:
    """The shipped predictor of ``world``. Raises :class:`ExplorerError` saying how to train one where there is none."""
    folder = predictors_folder() / world
    if not folder.is_dir():
        raise ExplorerError(
            f"There is no attribute predictor of the world '{world}'; train one with 'latent-explorer train "
            f"{world}-predictor -o runs/{world}-predictor' and copy its folder 'model' to '{folder}'."
        )
    return load_attributes(folder, device)


def distance(factor: Factor, a: NDArray[np.floating[Any]], b: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """|a - b|, around the circle for a cyclic factor; 0 or 1 for a category. Element by element, broadcasting."""
    away = np.abs(np.asarray(a, np.float64) - b)
    if factor.kind == "category":
        return np.asarray(away > 0, np.float64)
    return np.minimum(away % factor.period, -away % factor.period) if factor.cyclic else away
