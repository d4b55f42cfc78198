"""What a way to invert is, and the best point so far: found in one place, so that it never worsens."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from explorer.ending import Progress
from explorer.errors import ExplorerError
from explorer.generators.base import Generator, Latent
from explorer.numerics.distances import decibels
from explorer.scene.cards import ModelCard, WayCard
from explorer.scene.inversion import InversionOptions
from explorer.scene.model import Quality

Preview = Callable[[Tensor, float], None]
"""Called with the picture (C, H, W) of the best point so far and its PSNR in decibels."""

ROUNDING = 120.0  # decibels: beyond lies the rounding of single precision


def psnr(pictures: Tensor, target: Tensor) -> list[float]:
    """Of each of ``pictures`` (B, C, H, W) to ``target`` (1, C, H, W), both in [-1, 1], in decibels (the peak is the
    range of the pixels; at most :data:`ROUNDING`)."""
    squared = ((pictures.detach().float().clamp(-1.0, 1.0) - target) / 2.0).square().flatten(1).mean(1)
    return [min(decibels(error), ROUNDING) for error in squared.tolist()]


class Attempt:
    """One picture (1, C, H, W) that a point is looked for, and the best that was offered so far."""

    def __init__(
        self,
        generator: Generator,
        target: Tensor,
        progress: Progress | None = None,
        preview: Preview | None = None,
    ) -> None:
        self.generator = generator
        self.target = target.to(generator.device, torch.float32)
        self.best: Latent | None = None
        self.psnr = -torch.inf
        self.picture = self.target[0]  # of the best point
        self._progress = progress
        self._preview = preview

    def offer(self, latent: Latent, rendered: Tensor | None = None) -> None:
        """Take the best of the points of ``latent`` if it is better than all before. ``rendered``: their pictures in
        full quality, where they are known."""
        if rendered is None:
            with torch.no_grad():
                rendered = self.generator.render(latent, Quality())
        figures = psnr(rendered, self.target)
        row = max(range(len(figures)), key=figures.__getitem__)
        if figures[row] > self.psnr:
            self.psnr = figures[row]
            self.best = latent.each(lambda tensor: tensor[row : row + 1].detach().clone())
            self.picture = rendered[row].detach().clone()
            if self._preview is not None:
                self._preview(self.picture, self.psnr)

    def best_found(self) -> Latent:
        """The best point. Raises :class:`ExplorerError` where none gave a picture of finite numbers."""
        if self.best is None:
            raise ExplorerError(f"'{self.generator.card.name}' gave no picture that can be compared; try another way.")
        return self.best

    def report(self, share: float) -> None:
        """Say how far it is, 0..1. Raises :class:`explorer.errors.Cancelled` when it is to stop."""
        if self._progress is not None:
            self._progress(share)


class Inversion(Protocol):
    """A way to invert: found by :mod:`explorer.inversion.registry` as the module-level ``INVERSION`` of a file in this
    folder."""

    name: ClassVar[str]
    title: ClassVar[str]
    """As a part of a sentence: ``found by …``."""
    description: ClassVar[str]
    place: ClassVar[int]
    """Of the ways that fit a model, the one with the lowest is the usual one."""

    def refusal(self, model: ModelCard) -> str:
        """Why it does not fit ``model``, in one sentence, or empty."""

    def steps(self, model: ModelCard) -> int:
        """How many steps it takes on ``model`` where nobody says; 0 where it goes in none."""

    def run(self, attempt: Attempt, options: InversionOptions) -> None:
        """Offer points to ``attempt``, and report the share. Raises :class:`explorer.errors.ExplorerError` with one
        sentence."""


def card_of(way: Inversion, model: ModelCard) -> WayCard:
    """What the window lists."""
    return WayCard(name=way.name, title=way.title, description=way.description, steps=way.steps(model))
