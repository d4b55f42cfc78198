"""Adaptive discriminator augmentation (Karras et al., "Training Generative Adversarial Networks with Limited Data",
NeurIPS 2020): everything the discriminator sees is transformed at random, with a probability that follows how much it
overfits.

Because each transformation is left out with probability 1 - p, a generator cannot match the transformed data without
matching the data. Pictures leave the frame by reflection, as in the paper; they are resampled bilinearly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

Group = Literal["flip", "turn", "shift", "geometry", "colour"]
GROUPS: tuple[Group, ...] = get_args(Group)
EVERY = 4  # steps between two changes of p, as in the paper
SHIFT = 0.125  # largest integer shift, and the deviation of the fractional one, in picture sides
LUMA = 1.0 / math.sqrt(3.0)


class Adaptive:
    """The probability ``p`` in [0, 1], raised while the discriminator is too sure of real pictures.

    r_t = E[sign(D(real))] over the last four steps is held at ``target`` (0: p stays 0); p can cross 0 to 1 within
    ``kimg`` thousand pictures.
    """

    def __init__(self, target: float, kimg: float) -> None:
        self.target, self.kimg = target, kimg
        self.p, self.r, self._signs, self._seen, self._steps = 0.0, 0.0, 0.0, 0, 0

    def observe(self, logits: Tensor) -> None:
        """Take note of the discriminator's logits (B,) of real pictures, transformed as it saw them."""
        if not self.target:
            return
        self._signs += float(logits.detach().sign().sum())
        self._seen += len(logits)
        self._steps += 1
        if self._steps == EVERY:
            self.r = self._signs / self._seen
            change = self._seen / (1000.0 * self.kimg)
            self.p = min(1.0, max(0.0, self.p + math.copysign(change, self.r - self.target)))
            self._signs, self._seen, self._steps = 0.0, 0, 0

    def state(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return {"p": self.p, "r": self.r, "signs": self._signs, "seen": self._seen, "steps": self._steps}

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        self.p, self.r = state["p"], state["r"]
        self._signs, self._seen, self._steps = state["signs"], state["seen"], state["steps"]


def augment(images: Tensor, p: float, groups: Sequence[Group], random: torch.Generator) -> Tensor:
    """``images`` (B, C, H, H) in [-1, 1], C of 1 or 3, each transformation of ``groups`` applied with probability
    ``p``; differentiable in ``images``. ``random`` is on the CPU.

    *flip* mirrors left and right; *turn* rotates by multiples of 90 degrees; *shift* moves by whole pixels;
    *geometry* scales, rotates and moves by fractions of a pixel; *colour* changes brightness and contrast, mirrors the
    luma, and of colour pictures rotates the hue and changes the saturation. Strengths are the paper's (appendix B).
    """
    if p <= 0.0:
        return images
    images = _move(images, p, groups, random)
    if "geometry" in groups:
        images = _warp(images, p, random)
    if "colour" in groups:
        images = _tint(images, p, random)
    return images


def _chosen(count: int, p: float, random: torch.Generator) -> Tensor:
    return torch.rand(count, generator=random) < p


def _move(images: Tensor, p: float, groups: Sequence[Group], random: torch.Generator) -> Tensor:
    """What moves pixels onto pixels: exact, by the index that every pixel is fetched from."""
    count, channels, side, _ = images.shape
    row, column = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    y, x = row.expand(count, side, side), column.expand(count, side, side)
    if "flip" in groups:
        flipped = _chosen(count, p, random) & (torch.rand(count, generator=random) < 0.5)
        x = torch.where(flipped[:, None, None], side - 1 - x, x)
    if "turn" in groups:
        turns = torch.randint(4, (count,), generator=random) * _chosen(count, p, random)
        for turn in (1, 2, 3):  # a quarter more for every sample that turns at least that often
            more = (turns >= turn)[:, None, None]
            x, y = torch.where(more, side - 1 - y, x), torch.where(more, x, y)
    if "shift" in groups:
        largest = SHIFT * side
        by = ((torch.rand(count, 2, generator=random) * 2 - 1) * largest).round().long()
        by = by * _chosen(count, p, random)[:, None]
        y, x = (_reflected(place + by[:, axis, None, None], side) for axis, place in enumerate((y, x)))
    index = (y * side + x).view(count, 1, side * side).expand(-1, channels, -1)
    return images.flatten(2).gather(2, index.to(images.device)).view_as(images)


def _reflected(place: Tensor, side: int) -> Tensor:
    """Indices folded into 0 .. side - 1 at the border pixels' centres."""
    place = place.abs() % max(1, 2 * (side - 1))
    return torch.minimum(place, 2 * (side - 1) - place)


def _warp(images: Tensor, p: float, random: torch.Generator) -> Tensor:
    count = len(images)
    matrix = torch.eye(3).repeat(count, 1, 1)
    changed = torch.zeros(count, dtype=torch.bool)
    rotation = 1.0 - math.sqrt(1.0 - min(p, 1.0))  # before and after the anisotropic scale: together p

    def rotate() -> tuple[Tensor, Tensor]:
        chosen = _chosen(count, rotation, random)
        angle = (torch.rand(count, generator=random) * 2 - 1) * math.pi * chosen
        return _matrix(angle.cos(), -angle.sin(), angle.sin(), angle.cos()), chosen

    def scale(isotropic: bool) -> tuple[Tensor, Tensor]:
        chosen = _chosen(count, p, random)
        factor = torch.exp2(0.2 * torch.randn(count, generator=random) * chosen)
        zero = torch.zeros(count)
        return _matrix(factor, zero, zero, factor if isotropic else 1.0 / factor), chosen

    for step, chosen in (scale(True), rotate(), scale(False), rotate()):
        matrix, changed = step @ matrix, changed | chosen
    chosen = _chosen(count, p, random)
    # Coordinates run from -1 to 1: a side is 2.
    matrix[:, :2, 2] = 2.0 * SHIFT * torch.randn(count, 2, generator=random) * chosen[:, None]
    changed = changed | chosen
    grid = functional.affine_grid(matrix[:, :2].to(images.device), list(images.shape), align_corners=False)
    warped = functional.grid_sample(images, grid.to(images.dtype), padding_mode="reflection", align_corners=False)
    return torch.where(changed.to(images.device)[:, None, None, None], warped, images)


def _matrix(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """(B, 3, 3) homogeneous matrices of the linear maps [[a, b], [c, d]]."""
    matrix = torch.eye(3).repeat(len(a), 1, 1)
    matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 1, 0], matrix[:, 1, 1] = a, b, c, d
    return matrix


def _tint(images: Tensor, p: float, random: torch.Generator) -> Tensor:
    count, channels = images.shape[:2]
    axis = torch.full((3,), LUMA)  # the grey diagonal of the colour cube
    grey = torch.outer(axis, axis)
    eye = torch.eye(3)
    brightness = 0.2 * torch.randn(count, generator=random) * _chosen(count, p, random)
    contrast = torch.exp2(0.5 * torch.randn(count, generator=random) * _chosen(count, p, random))
    flip = (torch.rand(count, generator=random) < 0.5) & _chosen(count, p, random)
    mirror = eye - 2.0 * grey * flip[:, None, None]
    matrix = mirror * contrast[:, None, None]
    offset = (mirror @ (contrast * brightness)[:, None, None].expand(-1, 3, 1))[..., 0]
    if channels == 3:
        angle = (torch.rand(count, generator=random) * 2 - 1) * math.pi * _chosen(count, p, random)
        cross = LUMA * torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
        cosine, sine = angle.cos()[:, None, None], angle.sin()[:, None, None]
        hue = cosine * eye + sine * cross + (1.0 - cosine) * grey  # Rodrigues' formula
        saturation = torch.exp2(torch.randn(count, generator=random) * _chosen(count, p, random))
        spread = grey + (eye - grey) * saturation[:, None, None]
        matrix = spread @ hue @ matrix
        offset = (spread @ hue @ offset[..., None])[..., 0]
    else:  # a grey picture lies on the diagonal, where all this is one number
        matrix, offset = matrix.sum(2, keepdim=True)[:, :1], offset[:, :1]
    matrix, offset = matrix.to(images), offset.to(images)
    return torch.einsum("bij,bjhw->bihw", matrix, images) + offset[:, :, None, None]
