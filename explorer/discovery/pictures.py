"""The picture as a function of an offset to a point of one space: what derivatives of a generator are taken of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.discovery.sampling import bottleneck_rows, deviations_along, space_moments
from explorer.errors import ControlError
from explorer.generators.base import Generator, Latent, Progress
from explorer.generators.editing import rows_of
from explorer.numerics.derivatives import (
    central_product,
    forward_mode_passes,
    forward_product,
    jacobian_columns,
    transposed_product,
)
from explorer.numerics.linalg import fix_signs
from explorer.outputs.registry import output_of
from explorer.scene.model import Quality

POINTS = 2000
"""Points from which the spread of a space without a prior is measured."""
BOTTLENECKS = 64
"""The same for the bottleneck of a diffusion model, where each point is a run of the sampler."""
BATCH_PIXELS = {"cpu": 1 << 17, "cuda": 1 << 21}
"""Pixels drawn at a time: as many as are quickest on a processor, and few enough for the memory of any."""
LARGEST = 128
"""Pixels a side to which pictures are averaged where many columns of a Jacobian are held at once."""
DIFFERENCE = 1e-3
"""The step of first differences, as a share of the typical distance of a point from the mean: far above the noise of
float32, and small against the bends of a picture."""


@dataclass(frozen=True)
class Spread:
    """How far the points of a space lie apart. ``typical``: their root mean square distance from the mean."""

    typical: float
    along: Callable[[Tensor], Tensor]
    """(k,) float64 standard deviations along the rows of unit directions (k, d)."""


def spread_of(generator: Generator, space: str, seed: int, progress: Progress | None = None) -> tuple[Spread, int]:
    """The spread of ``space``, flattened, and the pictures it took: known for a prior, measured otherwise."""
    card = generator.card.spaces[space]
    if card.prior:
        one = 1.0 if card.prior == "normal" else 1 / math.sqrt(3)  # uniform on [-1, 1]
        flat = torch.full((1,), one, dtype=torch.float64)
        return Spread(one * math.sqrt(math.prod(card.shape)), lambda rows: flat.expand(len(rows)).clone()), 0
    if space == "h":
        points = bottleneck_rows(generator, BOTTLENECKS, seed, progress).double()
        centred = points - points.mean(0)
        typical = float(centred.square().sum(1).mean().sqrt())
        return Spread(typical, lambda rows: (centred @ rows.cpu().double().T).std(0)), BOTTLENECKS
    seen = space_moments(generator, space, POINTS, seed, progress)
    return Spread(float(seen.covariance.trace().sqrt()), lambda rows: deviations_along(rows, seen)), 0


class PictureMap:
    """Pictures of points of ``space`` moved by offsets (B, width): flattened, float32, of the model's best quality that
    can be had often (a diffusion model runs as few steps as while a slider moves).

    ``layers``: only these layers of w_plus are moved, first and last included; ``space`` is then the space of one
    layer. ``size``: pictures are averaged down to at most this many pixels a side; 0: as they are.
    """

    def __init__(self, generator: Generator, space: str, layers: tuple[int, int] | None = None, size: int = 0) -> None:
        self.generator = generator
        self.layers = layers
        self.space = "w_plus" if layers else space
        self.width = math.prod(generator.card.spaces[space].shape)
        self.calls = 0  # pictures so far
        self._quality = Quality(steps=generator.card.interactive_steps, precision="float32")
        card = generator.card
        self._kind, self._side = output_of(card), _evenly(max(card.shape[1:]), size) if size else 0
        self.pixels = self._averaged(torch.empty(1, *card.shape)).numel()
        self.batch = max(1, BATCH_PIXELS.get(generator.device.type, 1 << 17) // math.prod(card.shape[1:]))

    def points(self, count: int, seed: int, truncation_psi: float = 1.0) -> Latent:
        """``count`` prior points, filled in as far as the space that is moved; the same for a seed."""
        seeds = np.random.default_rng(seed).integers(0, 2**32, count)
        with torch.no_grad():
            latent = self.generator.sample([int(one) for one in seeds], truncation_psi)
            return self.generator.advance(latent, self.space)

    def around(self, points: Latent, row: int | None = None) -> Callable[[Tensor], Tensor]:
        """The function from offsets (B, width) to pictures (B, pixels): around point ``row``, or, when None, the first
        offset around the first point and so on."""

        def pictures(offsets: Tensor) -> Tensor:
            count = len(offsets)
            held = points.each(
                lambda one: one[:count] if row is None else one[row : row + 1].expand(count, *one.shape[1:])
            )
            place = held.tensors[self.space]
            if self.layers is None:
                moved = place + offsets.reshape(place.shape)
            else:
                number = torch.arange(place.shape[1], device=place.device)[:, None]
                moved = place + offsets[:, None] * ((number >= self.layers[0]) & (number <= self.layers[1]))
            drawn = self.generator.render(held.with_space(self.space, moved), self._quality).float()
            self.calls += count
            return self._averaged(drawn).flatten(1)

        return pictures

    def _averaged(self, outputs: Tensor) -> Tensor:
        return self._kind.thumbnails(outputs, self._side) if self._side else outputs

    def difference_step(self, spread: Spread) -> float | None:
        """None where forward mode passes through the generator, else the step of central differences.

        Through a sampler it is not tried: attention has no forward derivative, and h is written into a buffer.
        """
        step = DIFFERENCE * spread.typical
        if "steps" in self.generator.card.capabilities or not self.generator.card.differentiable:
            return step
        points = self.points(1, 0)
        source = torch.Generator("cpu").manual_seed(0)
        tangent = torch.randn(1, self.width, generator=source).to(self.generator.device) / math.sqrt(self.width)
        return None if forward_mode_passes(self.around(points), torch.zeros_like(tangent), tangent, step) else step

    def jacobians(
        self, count: int, seed: int, truncation_psi: float, step: float | None, progress: Progress
    ) -> Iterator[Tensor]:
        """``count`` times (width, pixels): the derivative of the picture by each axis, at a prior point of its own.

        ``step``: as :meth:`difference_step` says. ``progress`` hears the finished share before each.
        """
        device = self.generator.device
        points = self.points(count, seed, truncation_psi)
        axes, origin = torch.eye(self.width, device=device), torch.zeros(self.width, device=device)
        for row in range(count):
            progress(row / count)
            yield self.checked(jacobian_columns(self.around(points, row), origin, axes, self.batch, step))

    def metrics(self, points: Latent, step: float | None) -> Tensor:
        """(n, width, width) JᵀJ at each of the n ``points``, all columns of J of all of them together.

        ``step``: as :meth:`difference_step` says. Raises as :meth:`checked`.
        """
        axes = torch.eye(self.width, device=self.generator.device)
        origin = torch.zeros(self.width, device=self.generator.device)
        if self.width > self.batch:
            each = [
                jacobian_columns(self.around(points, row), origin, axes, self.batch, step)
                for row in range(points.batch)
            ]
            columns = torch.stack(each)
        else:
            rows = torch.arange(points.batch).repeat_interleave(self.width)
            tangents = axes.repeat(points.batch, 1)
            function, here = self.around(rows_of(points, rows)), torch.zeros_like(tangents)
            product = (
                forward_product(function, here, tangents)
                if step is None
                else central_product(function, here, tangents, step)
            )
            columns = product.reshape(points.batch, self.width, -1)
        return self.checked(columns @ columns.mT)

    def gradients(self, count: int, seed: int, truncation_psi: float, part: Tensor | None = None) -> Iterator[Tensor]:
        """(B, width) a batch, ``count`` in all: Jᵀu at prior points of their own, with u of ±1 a pixel.

        The mean of g gᵀ is that of JᵀJ over all points, without bias (Hutchinson 1990), for one picture a point.
        ``part`` (pixels,): J has the rows of these pixels only. Raises :class:`ControlError` where pictures have no
        gradients.
        """
        if refusal := self.generator.card.without_gradients("A product with the transposed Jacobian"):
            raise ControlError(refusal)
        points = self.points(count, seed, truncation_psi)
        source = torch.Generator("cpu").manual_seed(seed)
        device = self.generator.device

        def signs(values: Tensor) -> Tensor:
            drawn = torch.randint(0, 2, values.shape, generator=source) * 2 - 1
            return (drawn if part is None else drawn * part).to(values)

        for start in range(0, count, self.batch):
            stop = min(count, start + self.batch)
            some = rows_of(points, slice(start, stop))
            here = torch.zeros(stop - start, self.width, device=device)
            yield self.checked(transposed_product(self.around(some), here, signs))

    def checked(self, derivatives: Tensor, where: str = "at some points") -> Tensor:
        """``derivatives``, taken ``where``, themselves. Raises :class:`ControlError` where one is not finite."""
        if not bool(derivatives.isfinite().all()):
            raise ControlError(
                f"The derivatives of the picture of '{self.generator.card.name}' are not finite {where}; choose "
                "another seed, or a lower truncation where the method has one."
            )
        return derivatives

    def probed(self, count: int, seed: int, truncation_psi: float, progress: Progress) -> tuple[Tensor, Tensor]:
        """Eigenvalues (m,), falling, and eigenvectors (m, width), as rows, of the mean of JᵀJ, from ``count`` pictures
        at as many points; m = min(count, width). The eigenvalues sum to the estimated trace.
        """
        found: list[Tensor] = []
        for some in self.gradients(count, seed, truncation_psi):
            progress(len(found) * self.batch / count)
            found.append(some.cpu().double())
        progress(1.0)
        _, singular, vectors = torch.linalg.svd(torch.cat(found), full_matrices=False)
        return singular.square() / count, fix_signs(vectors)


def _evenly(longest: int, most: int) -> int:
    """At most ``most`` pixels for ``longest``, so that each is the mean of as many wherever that can be."""
    return math.ceil(longest / math.ceil(longest / most))
