"""Kinds of output: what a generator makes, and all that the program does with it that depends on which kind it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from explorer.outputs import signed_scale
from explorer.scene.cards import OutputCard

DIFFERENCE_GAIN = 4.0
"""A difference view shows |a - b| times this, so that an eighth of the range is half-bright."""

THUMBNAIL = 16
"""The longest side of a thumbnail."""


class Output(ABC):
    """A kind of output: found by :mod:`explorer.outputs.registry` as the module-level ``OUTPUT`` of a file in this
    folder, or of an installed package.

    Outputs are (B, *shape) float tensors, batch first, in [-1, 1] (the range). A *picture* is what canvas, films and
    sheets show of an output: (B, 1 or 3, h, w) in [-1, 1], on the same device.
    """

    kind: ClassVar[str]
    """What model cards call it."""

    @abstractmethod
    def card(self, shape: Sequence[int]) -> OutputCard:
        """What is known of outputs of ``shape``, without the batch, before one is made: a family puts it into its
        model's card. Raises :class:`explorer.errors.ModelError` where no output of this kind has that shape."""

    @abstractmethod
    def picture(self, outputs: Tensor, height: int = 0) -> Tensor:
        """The pictures that show ``outputs``, in the size that the card says.

        ``height``: what the picture will be scaled to, 0 where nobody says. A kind that draws its outputs draws them
        at that height, and as wide as :func:`explorer.outputs.sizes.at_height` says; one whose outputs have pixels of
        their own leaves these as they are, for whoever asked to scale.
        """

    @abstractmethod
    def features(self, outputs: Tensor) -> Tensor:
        """(B, F) float32 by which effects are told apart and matched: in closed form, alike for every model of the
        kind, tolerant to small shifts."""

    @abstractmethod
    def thumbnails(self, outputs: Tensor, side: int = THUMBNAIL) -> Tensor:
        """(B, C, h, w) float32: ``outputs``, averaged until no side is longer than ``side``, as planes that a network
        of convolutions reads (a kind without height has h = 1). Linear in the outputs, so that the thumbnail of a
        difference is the difference of the thumbnails; differentiable."""

    def distance(self, outputs: Tensor, others: Tensor) -> Tensor:
        """(B,) float64: how far two batches lie apart, pair by pair: the root mean square of the difference in shares
        of the range, 0..1. τ, calibrated steps and difference views are in this unit."""
        wide = torch.float32 if outputs.device.type == "mps" else torch.float64  # Apple's devices have no float64
        return (outputs.to(wide) - others.to(wide)).square().flatten(1).mean(1).sqrt() / 2

    def difference(self, before: Tensor, after: Tensor, height: int = 0) -> Tensor:
        """Grey pictures (B, 1, h, w) of how far each pixel moved: black is "the same"; brightness is the mean over
        channels of |after - before|, times :data:`DIFFERENCE_GAIN`."""
        distance = (self.picture(after, height) - self.picture(before, height)).abs() / 2.0  # 0..1 of the pixel range
        return distance.mean(dim=1, keepdim=True).mul(DIFFERENCE_GAIN).clamp(0, 1).mul(2).sub(1)

    def signed_difference(self, before: Tensor, after: Tensor, height: int = 0) -> Tensor:
        """Coloured pictures (B, 3, h, w) of what each pixel has become: the mean over channels of after - before, in
        shares of the range, in the colours of :mod:`explorer.outputs.signed_scale`; where nothing has changed, its
        middle."""
        change = ((self.picture(after, height) - self.picture(before, height)) / 2.0).mean(dim=1)
        stops = torch.tensor(signed_scale.STOPS, dtype=change.dtype, device=change.device) / 127.5 - 1
        place = (change / signed_scale.END).clamp(-1, 1).add(1).mul((len(stops) - 1) / 2)
        below = place.floor().clamp(max=len(stops) - 2).long()
        colours = torch.lerp(stops[below], stops[below + 1], (place - below)[..., None])
        return colours.movedim(-1, 1)

    def before_after(self, before: Tensor, after: Tensor, split: float, height: int = 0) -> Tensor:
        """Pictures: ``before`` left of the divider, ``after`` right of it; ``split`` 0..1 of the width."""
        joined = self.picture(after, height).clone()
        column = round(split * joined.shape[-1])
        joined[..., :column] = self.picture(before, height)[..., :column]
        return joined
