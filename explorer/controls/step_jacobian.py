"""The control along a singular direction of ∂ x̂₀ / ∂ h at one level of noise, found for the picture at hand."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from explorer.controls.base import PointControl
from explorer.memory import BoundedCache
from explorer.numerics.subspace import singular_directions
from explorer.scene.cards import ControlCard, ControlLaws
from explorer.scene.model import Scalar

ITERATIONS = 12
DIFFERENCE = 0.01
"""The step of differences, as a share of the length of a unit: far above the rounding of float32."""
FRAMES_KEPT = 32
_FRAMES: WeakKeyDictionary[Any, BoundedCache[Hashable, Tensor]] = WeakKeyDictionary()
"""Generator → the frames of its last starts, which all controls of a set share."""


@dataclass(frozen=True, eq=False)
class StepJacobianControl(PointControl):
    """h ↦ h + amount · ``scale`` · v, v the ``index``-th right singular vector (0 to ``count`` - 1) of ∂ x̂₀ / ∂ h at
    the level ``noise`` (0..1) of the picture that is moved, rows of x̂₀ within ``mask`` alone: Haas et al., FG 2024,
    section 4. With ``held`` > 0 among the directions orthogonal to as many leading ones of the rows outside: Chen et
    al., LOCO-Edit, NeurIPS 2024, section 3.

    ``mask`` (H, W) of x_T, 1 inside and 0 outside. ``reference`` (*shape of h): the direction of the model's example
    picture, of length 1, on whose side v points; unprepared, the control moves along it.
    """

    kind: ClassVar[str] = "step_jacobian"
    laws: ClassVar[ControlLaws] = ControlLaws(composes=True, commutes=True)

    card: ControlCard
    reference: Tensor
    mask: Tensor
    index: int
    count: int
    held: int
    noise: float
    scale: float
    own: Tensor | None = None
    """(B, *shape) the directions of the points that it was prepared for."""

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        super().__post_init__()
        if not self.reference.is_floating_point() or self.mask.dim() != 2 or not bool(self.mask.any()):
            raise ValueError(f"a mask of shape {tuple(self.mask.shape)} and a direction of {self.reference.dtype}")
        if not (0 <= self.index < self.count and self.held >= 0 and self.held + self.count <= self.reference.numel()):
            raise ValueError(f"direction {self.index} of {self.count}, {self.held} held")
        if not (0 <= self.noise <= 1 and math.isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"noise {self.noise} and scale {self.scale}")

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.reference.shape)

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        directions = (self.reference if self.own is None else self.own).to(latent)
        return latent + amount.reshape(-1, *([1] * (latent.dim() - 1))) * self.scale * directions

    def prepare(self, generator: Any, latent: Any) -> StepJacobianControl:
        """The same, along the direction of each point of ``latent``."""
        points = [latent.each(lambda one, row=row: one[row : row + 1]) for row in range(latent.batch)]
        return replace(self, own=torch.stack([self.direction(generator, one) for one in points]))

    def direction(self, generator: Any, latent: Any) -> Tensor:
        """(*shape) of length 1: that of the one point of ``latent``."""
        start = b"".join(one.cpu().numpy().tobytes() for name, one in sorted(_told(latent).items()))
        key = start, self.mask.numpy().tobytes(), self.count, self.held, self.noise, self.scale
        frames = _FRAMES.setdefault(generator, BoundedCache(FRAMES_KEPT))
        rows = frames.get(key)
        if rows is None:
            rows = frame(generator, latent, self)
            frames.put(key, rows)
        row = rows[self.index]
        along = float(row @ self.reference.to(row).flatten())
        return (-row if along < 0 else row).reshape(self.shape)

    def tensors(self) -> dict[str, Tensor]:
        return {"reference": self.reference, "mask": self.mask}

    def parameters(self) -> dict[str, Scalar]:
        numbers: dict[str, Scalar] = {"index": self.index, "count": self.count, "held": self.held}
        return {**numbers, "noise": self.noise, "scale": self.scale}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        whole = [parameters[name] for name in ("index", "count", "held")]
        if any(type(one) is not int for one in whole):
            raise ValueError(f"index, count and held of {whole}")
        index, count, held = map(int, whole)
        noise, scale = float(parameters["noise"]), float(parameters["scale"])
        return cls(card, tensors["reference"], tensors["mask"].float(), index, count, held, noise, scale)


def _told(latent: Any) -> dict[str, Tensor]:
    """What the prediction depends on."""
    tensors = {name: one for name, one in latent.tensors.items() if name != "h"}
    return tensors | {name: one for name, one in latent.travelling.items() if one is not None}


def frame(generator: Any, latent: Any, control: StepJacobianControl) -> Tensor:
    """(count, d) orthonormal: the leading directions of the one point of ``latent``. The same for a start."""
    width, device = control.reference.numel(), generator.device

    def function(rows: Tensor) -> Tensor:
        h = rows.reshape(-1, *control.shape)
        predicted: Tensor = generator.predicted_by_h(latent, control.noise, h).flatten(1)
        return predicted

    inside = control.mask.to(device).expand(generator.card.spaces["x_T"].shape).flatten()
    source = torch.Generator("cpu").manual_seed(0)
    drawn = torch.randn(control.count + control.held, width, generator=source).to(device)
    step = DIFFERENCE * control.scale
    with torch.inference_mode(False):
        drawn, without = drawn.clone(), None
        if control.held:
            without = singular_directions(function, drawn[: control.held], ITERATIONS, step, 1 - inside)[1]
        return singular_directions(function, drawn[control.held :], ITERATIONS, step, inside, without)[1].detach()


KIND = StepJacobianControl
