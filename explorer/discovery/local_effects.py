"""What fields do to the picture, point by point: inner products of their effects, from derivatives of the generator.

G(z) = JᵀJ, J the Jacobian of the picture, makes all of them: the effects J u of two velocities have the inner product
uᵀ G w. It is measured once where the space is narrow enough, and learning then draws no pictures; elsewhere the
velocities alone are multiplied by J, at every step anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from explorer.discovery.pictures import PictureMap, Spread
from explorer.discovery.request import Request
from explorer.discovery.trained import Unfinished
from explorer.errors import ControlError
from explorer.generators.base import Latent
from explorer.generators.editing import rows_of
from explorer.numerics.derivatives import central_product, forward_product, transposed_product
from explorer.numerics.linalg import fix_signs

WIDEST = 128
"""Dimensions up to which whole JᵀJ are measured: each takes a derivative a dimension, and as many numbers squared."""
POINTS, WIDE_POINTS, NARROW = 4096, 1024, 16
"""Points at which they are measured in spaces of up to :data:`NARROW` dimensions, and in wider ones."""
FRESH, FRESH_SHARE = 256, 8
"""So many points at most, or one of so many, are kept to tell what holds where nothing was learned."""
PRODUCT_POINTS, PRODUCT_FRESH = 2048, 32
BATCH, PRODUCT_BATCH = 256, 32
PROBES = 512
"""Random products that show the leading directions where JᵀJ is not measured."""
MEASURED = "effects"
"""The part of an unfinished search that holds what was measured."""

Inner = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Sampled:
    """Some points (B, d) of the space. ``inner`` takes k velocities at each, (k, B, d), to the inner products
    (B, k, k) of their effects; differentiable."""

    points: Tensor
    inner: Inner


class LocalEffects(Protocol):
    """The effects at prior points. ``typical``: the mean squared effect of a unit velocity of any direction, tr E[G] /
    d; ``leading`` (m, d): unit directions, the mean squared effect falling; ``pictures``: drawn so far; ``batch``:
    points of a step of learning that cost little."""

    typical: float
    leading: Tensor
    batch: int

    @property
    def pictures(self) -> int: ...

    def drawn(self, count: int, source: torch.Generator) -> Sampled:
        """``count`` points to learn from, with what ``source`` gives."""

    def fresh(self) -> Sampled:
        """Points that :meth:`drawn` never gives."""


class MeasuredEffects:
    """From ``metrics`` (n, d, d), JᵀJ at ``points`` (n, d). Needs two points at least."""

    batch = BATCH

    def __init__(self, points: Tensor, metrics: Tensor, pictures: int) -> None:
        self.pictures = pictures
        self._points, self._metrics = points, metrics
        self._learned = len(points) - max(1, min(FRESH, len(points) // FRESH_SHARE))
        mean = metrics[: self._learned].double().mean(0).cpu()
        self.typical = float(mean.trace()) / len(mean)
        self.leading = fix_signs(torch.linalg.eigh(mean)[1].flip(1).T).float()

    def drawn(self, count: int, source: torch.Generator) -> Sampled:
        return self._at(torch.randint(self._learned, (count,), generator=source))

    def fresh(self) -> Sampled:
        return self._at(torch.arange(self._learned, len(self._points)))

    def _at(self, rows: Tensor) -> Sampled:
        rows = rows.to(self._points.device)
        metrics = self._metrics[rows]

        def inner(velocities: Tensor) -> Tensor:
            units = velocities.transpose(0, 1)
            return units @ metrics @ units.mT

        return Sampled(self._points[rows], inner)


class EffectProducts:
    """From products of velocities with the Jacobian at ``latents``, at every step anew. ``step`` as
    :meth:`PictureMap.difference_step` says. Random products at :data:`PROBES` points show ``leading``."""

    batch = PRODUCT_BATCH

    def __init__(self, map_: PictureMap, latents: Latent, step: float | None, asked: Request) -> None:
        self._map, self._latents, self._step = map_, latents, step
        self._learned = latents.batch - max(1, min(PRODUCT_FRESH, latents.batch // FRESH_SHARE))
        values, leading = map_.probed(max(PROBES, 2 * asked.k), asked.seed, 1.0, asked.watch)
        self.typical = float(values.sum()) / map_.width
        self.leading = leading.float()

    @property
    def pictures(self) -> int:
        return self._map.calls

    def drawn(self, count: int, source: torch.Generator) -> Sampled:
        return self._at(torch.randint(self._learned, (count,), generator=source))

    def fresh(self) -> Sampled:
        return self._at(torch.arange(self._learned, self._latents.batch))

    def _at(self, rows: Tensor) -> Sampled:
        points = self._latents.tensors[self._map.space][rows.to(self._map.generator.device)].float()

        def inner(velocities: Tensor) -> Tensor:
            k = len(velocities)
            effects = []
            for part in torch.split(torch.arange(k * len(rows)), self._map.batch):
                function = self._map.around(rows_of(self._latents, rows[part % len(rows)]))
                effects.append(_product(velocities.flatten(0, 1)[part], function, self._step))
            found = torch.cat(effects).reshape(k, len(rows), -1).transpose(0, 1)
            return found @ found.mT

        return Sampled(points, inner)


class _Product(torch.autograd.Function):
    """J u for rows u (n, d), which is linear in u: its gradient is a product with Jᵀ, and no second derivative."""

    @staticmethod
    def forward(ctx: Any, units: Tensor, function: Callable[[Tensor], Tensor], step: float | None) -> Tensor:
        ctx.function, ctx.width = function, units.shape[1]
        here = torch.zeros_like(units)
        if step is None:
            return forward_product(function, here, units)
        return central_product(function, here, units, step)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = gradients
        here = torch.zeros(len(gradient), ctx.width, dtype=gradient.dtype, device=gradient.device)
        return transposed_product(ctx.function, here, lambda values: gradient), None, None


def _product(units: Tensor, function: Callable[[Tensor], Tensor], step: float | None) -> Tensor:
    found: Tensor = _Product.apply(units, function, step)  # type: ignore[no-untyped-call]
    return found


def local_effects(asked: Request, map_: PictureMap, spread: Spread, unfinished: Unfinished) -> LocalEffects:
    """As the settings ``derivatives`` and ``samples`` of ``asked`` say. What an interrupted search has measured is not
    measured again. Raises :class:`ControlError` where derivatives are not finite, or 0 everywhere."""
    chosen, samples = asked.text("derivatives"), asked.number("samples")
    gradients = map_.generator.card.differentiable  # which products are taken with
    whole = (map_.width <= WIDEST or not gradients) if chosen == "auto" else chosen == "whole"
    step = map_.difference_step(spread)
    if whole:
        count = samples or (POINTS if map_.width <= NARROW else WIDE_POINTS)
        found: LocalEffects = _measured(asked, map_, max(2, count), step, unfinished)
    else:
        latents = map_.points(max(2, samples or PRODUCT_POINTS), asked.seed)
        found = EffectProducts(map_, latents, step, asked)
    if not found.typical > 0:
        raise ControlError(
            f"No direction of {asked.space} changes the picture of '{asked.model.name}', so there is nothing to learn "
            "from; choose another model."
        )
    return found


def _measured(
    asked: Request, map_: PictureMap, count: int, step: float | None, unfinished: Unfinished
) -> MeasuredEffects:
    latents = map_.points(count, asked.seed)
    kept = unfinished.parts.get(MEASURED)
    metrics: list[Tensor] = []
    if kept is not None:
        metrics = [kept["metrics"].to(map_.generator.device)]
        map_.calls = kept["pictures"]

    def keep() -> None:
        if metrics:
            metrics[:] = [torch.cat(metrics)]
            unfinished.parts[MEASURED] = {"metrics": metrics[0].cpu(), "pictures": map_.calls}
        unfinished.keep()

    done = sum(map(len, metrics))
    at_once = max(1, map_.batch // map_.width)
    while done < count:
        try:
            asked.watch(done / count)
        except BaseException:
            keep()
            raise
        rows = torch.arange(done, min(count, done + at_once))
        metrics.append(map_.metrics(rows_of(latents, rows), step))
        done += len(rows)
        if unfinished.is_due:
            keep()
    keep()
    asked.watch(1.0)
    points = latents.tensors[map_.space].float()
    return MeasuredEffects(points, metrics[0], map_.calls)
