"""The stepped control: an offset that differs by the noise that is left, one direction for every window of it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.controls.base import Control, PointControl
from explorer.controls.linear import LinearControl
from explorer.scene.cards import ControlCard, ControlLaws
from explorer.scene.model import Scalar, StepWindow


@dataclass(frozen=True, eq=False)
class SteppedControl(PointControl):
    """h ↦ h + amount · σ_i · u_i in the steps of window i: Haas et al., "Discovering Interpretable Directions in the
    Semantic Latent Space of Diffusion Models", FG 2024, section 3.

    ``directions`` (S, *shape of the space) are the u_i and ``sigmas`` (S,) the σ_i, one for each of ``windows``, which
    lie in shares of noise, from noise to picture, and do not overlap: so they are the same steps of a picture in
    whatever number of steps it is drawn.
    """

    kind: ClassVar[str] = "stepped"
    laws: ClassVar[ControlLaws] = ControlLaws(composes=True, commutes=True)

    card: ControlCard
    directions: Tensor
    sigmas: Tensor
    windows: tuple[StepWindow, ...]

    def __post_init__(self) -> None:
        """Raises ValueError for windows that are none, overlap, or are not as many as directions and deviations."""
        super().__post_init__()
        if self.directions.dim() < 2 or not self.directions.is_floating_point():
            raise ValueError(f"directions of {self.directions.dtype} and of shape {tuple(self.directions.shape)}")
        if not len(self.windows) == len(self.directions) == self.sigmas.numel() > 0:
            raise ValueError(f"{len(self.directions)} directions for {len(self.windows)} windows")
        if any(not 0 <= one.low < one.high <= 1 for one in self.windows):
            raise ValueError("a window that is none")
        if any(later.high > earlier.low for earlier, later in itertools.pairwise(self.windows)):
            raise ValueError("windows that overlap, or do not go from noise to picture")

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.directions.shape[1:])

    def steps(self) -> tuple[tuple[StepWindow, Control], ...]:
        """In each window the straight line along its direction."""
        offsets = self._offsets()
        return tuple((window, LinearControl(self.card, one)) for window, one in zip(self.windows, offsets, strict=True))

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        """By the mean of what is added over all levels of noise."""
        lengths = torch.tensor([one.high - one.low for one in self.windows], dtype=torch.float64)
        mean: Tensor = torch.tensordot(lengths, self._offsets().double().cpu(), dims=1).to(latent)
        return latent + amount.reshape(-1, *([1] * mean.dim())) * mean

    def in_unit(self, factor: float, card: ControlCard) -> Self:
        """Along directions whose deviations are ``factor`` times as large, turned round where it is below 0."""
        turned = self.directions * math.copysign(1.0, factor)
        return replace(self, card=card, directions=turned, sigmas=self.sigmas * abs(factor))

    def tensors(self) -> dict[str, Tensor]:
        edges = torch.tensor([(one.high, one.low) for one in self.windows], dtype=torch.float64)
        return {"directions": self.directions, "sigmas": self.sigmas, "windows": edges}

    def parameters(self) -> dict[str, Scalar]:
        return {}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        edges, sigmas = tensors["windows"], tensors["sigmas"]
        if edges.dim() != 2 or edges.shape[1] != 2 or sigmas.dim() != 1:
            raise ValueError(f"windows of shape {tuple(edges.shape)} for deviations of shape {tuple(sigmas.shape)}")
        windows = tuple(StepWindow(high, low) for high, low in edges.double().tolist())
        return cls(card, tensors["directions"], sigmas, windows)

    def _offsets(self) -> Tensor:
        """(S, *shape): what an amount of 1 adds in each window."""
        return self.directions * self.sigmas.to(self.directions).reshape(-1, *([1] * len(self.shape)))


KIND = SteppedControl
