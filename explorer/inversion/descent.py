"""Optimisation of a point by the gradient of how unlike its picture is: what the ways in z, w and w_plus share."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from explorer.errors import ExplorerError
from explorer.generators.base import Generator, Latent
from explorer.inversion.base import Attempt, psnr
from explorer.inversion.likeness import Likeness
from explorer.scene.inversion import InversionOptions
from explorer.scene.model import Quality

STEPS = 500
ENOUGH = 60.0  # decibels: 8 bits a subpixel show no more
MOST_DRAWN, FEWEST_DRAWN = 256, 8  # points among which a start is chosen
DRAWN_PIXELS = 1 << 20  # in all of their pictures together: of large ones fewer are drawn
AT_ONCE = 32
DRAWN_PSI = 0.8  # a little towards the mean, where most pictures are good
DRAWING = 0.1  # of the progress
RACING = 0.25  # of the steps, after which one of several starts is left
RATE = 0.1  # of a step, in deviations of the space
WARM_UP, COOLING = 0.05, 0.5  # shares of the steps
PRIOR = 1e-3
"""Of what lies outside the shell of drawn points: a mean square of 2 deviations where drawn points have 1 costs as much
as an error of 36 dB."""


def descend(attempt: Attempt, options: InversionOptions, space: str, starts: int) -> None:
    """Look in ``space``, from the mean of the model and the best of many drawn points on: ``starts`` of them go
    together until one leads. Adam, whose rate rises, stays and falls. Raises :class:`ExplorerError` where the model has
    no gradient."""
    drawn = Drawn(attempt.generator, space, options.seed)
    points = drawn.best(attempt, starts)
    steps = options.steps or STEPS
    loss, racing = Likeness(attempt.target), round(steps * RACING) if starts > 1 else 0
    x, optimiser = _movable(points)
    for step in range(steps):
        if step == racing and len(x) > 1:
            with torch.no_grad():
                pictures = _rendered(attempt.generator, space, x)
                leading = x[int(loss(pictures).argmin())][None]
            x, optimiser = _movable(leading)
        optimiser.param_groups[0]["lr"] = RATE * drawn.scale * _pace(step / steps)
        with torch.enable_grad():
            pictures = _rendered(attempt.generator, space, x)
            if not pictures.requires_grad:
                raise ExplorerError(
                    f"'{attempt.generator.card.name}' has no gradient from its pictures to its latents, and without "
                    "one no point can be optimised."
                )
            attempt.offer(Latent({space: x}), pictures)
            total = (loss(pictures) + PRIOR * drawn.outside(x)).sum()
            optimiser.zero_grad()
            total.backward()  # type: ignore[no-untyped-call]
        if not torch.isfinite(total):
            raise ExplorerError(
                f"The picture of '{attempt.generator.card.name}' is not finite after {step} steps; take fewer."
            )
        optimiser.step()
        attempt.report(DRAWING + (1.0 - DRAWING) * (step + 1) / steps)
        if attempt.psnr >= ENOUGH:
            break
    attempt.offer(Latent({space: x}))
    attempt.report(1.0)


class Drawn:
    """Points of the model in one space: where they lie, and which is a good beginning."""

    def __init__(self, generator: Generator, space: str, seed: int) -> None:
        self._generator, self._space = generator, space
        self._seeds = [int(one) for one in np.random.default_rng(seed).integers(2**32, size=MOST_DRAWN)]
        with torch.no_grad():
            latent = generator.advance(generator.sample(self._seeds, 1.0), space)
        points = latent.tensors[space].to(generator.device, torch.float32)
        self._mean = points.mean(0)
        self._deviation = points.std(0).clamp_min(1e-6 * points.std().clamp_min(1e-6))
        self.scale = float(points.std(0).square().mean().sqrt())

    def squared(self, points: Tensor) -> Tensor:
        """(B,) mean square of ``points`` in deviations from the mean."""
        return ((points - self._mean) / self._deviation).square().flatten(1).mean(1)

    def outside(self, points: Tensor) -> Tensor:
        """(B,) how far they lie outside the shell of drawn points."""
        return (self.squared(points) - 1.0).clamp_min(0.0)

    def best(self, attempt: Attempt, count: int) -> Tensor:
        """(count, *shape): of the mean and drawn points, and of what the model's encoder says if it has one, those
        whose pictures come nearest."""
        generator, space = self._generator, self._space
        height, width = generator.card.size
        drawn = min(MOST_DRAWN, max(FEWEST_DRAWN, DRAWN_PIXELS // (height * width)))
        points, figures = [self._mean[None]], [-math.inf]
        with torch.no_grad():
            groups = [self._seeds[start : start + AT_ONCE] for start in range(0, drawn, AT_ONCE)]
            for done, seeds in enumerate(groups, 1):
                latent = generator.advance(generator.sample(seeds, DRAWN_PSI), space)
                tried = Latent({space: latent.tensors[space].to(generator.device, torch.float32)})
                if done == 1:
                    tried = tried.with_space(space, torch.cat([self._mean[None], tried.tensors[space]]))
                pictures = generator.render(tried, Quality())
                attempt.offer(tried, pictures)
                points.append(tried.tensors[space])
                figures += psnr(pictures, attempt.target)
                attempt.report(DRAWING * done / len(groups))
        order = sorted(range(len(figures)), key=lambda row: -figures[row])[:count]
        return torch.cat(points)[order]


def _movable(points: Tensor) -> tuple[Tensor, torch.optim.Adam]:
    x = points.detach().clone().requires_grad_(True)
    return x, torch.optim.Adam([x], betas=(0.9, 0.99))


def _rendered(generator: Generator, space: str, x: Tensor) -> Tensor:
    return generator.render(Latent({space: x}), Quality(precision="float32"))


def _pace(share: float) -> float:
    """Of the rate, after ``share`` of the steps: up within the first, down over the last, by cosines."""
    rising, falling = min(1.0, share / WARM_UP + 1e-3), min(1.0, (1.0 - share) / COOLING)
    return rising * (0.5 - 0.5 * math.cos(math.pi * falling))
