"""One step of a diffusion model asked by itself, with weights that are being learned: what training around it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.func import functional_call

from explorer.generators.base import Latent
from explorer.generators.diffusion_conditioning import Conditioner
from explorer.generators.diffusion_decoding import Decoding
from explorer.generators.diffusion_scheduler import FolderSamplers
from explorer.generators.weights import named_tensors

Changes = Mapping[str, Tensor]
"""Name of a tensor of the U-Net → what is added to it; may want gradients."""


class Denoises(Protocol):
    """What every model of the family adds (:class:`Denoising`), and what it is made of."""

    samplers: FolderSamplers

    def latents_of(self, outputs: Tensor) -> Tensor:
        """As :meth:`Denoising.latents_of`."""

    def predicted(self, x: Tensor, times: Tensor, told: Latent, changes: Changes, led: bool = False) -> Tensor:
        """As :meth:`Denoising.predicted`."""


class Denoising:
    """The part of a :class:`explorer.generators.diffusion_generator.DiffusionGenerator` that answers for one step."""

    device: torch.device
    conditioner: Conditioner
    _unet: Any
    _decoding: Decoding

    def latents_of(self, outputs: Tensor) -> Tensor:
        """(B, *x_T): what the network sees of pictures (B, C, H, W) in [-1, 1] where no noise is."""
        with torch.no_grad():
            return self._decoding.encoded(outputs.to(self.device, torch.float32))

    def predicted(self, x: Tensor, times: Tensor, told: Latent, changes: Changes, led: bool = False) -> Tensor:
        """(B, *x_T): what the network with ``changes`` predicts of noisy samples ``x`` (B, *x_T) at the training steps
        ``times`` (B,), when it is told what ``told`` (B points) says. In full precision, with nothing added in the
        middle; differentiable by ``changes``. ``led``: with the guidance of ``told``; else without any."""
        self._add(None, len(x))
        if not led and told.guidance is not None:
            told = replace(told, guidance=torch.ones_like(told.guidance))
        own = named_tensors(self._unet, changes.__contains__)
        weights = {name: own[name] + change for name, change in changes.items()}

        def network(*arguments: Any, **named: Any) -> Any:
            return functional_call(self._unet, weights, arguments, named)

        conditioning = self.conditioner.conditioning(told)
        times = times if conditioning.guidance is None else times.repeat(2)
        return conditioning.predicted(network, x, times.to(self.device))[:, : x.shape[1]]

    def _add(self, h: Tensor | None, batch: int) -> None:
        raise TypeError(f"{type(self).__name__} does not say how something is added in the middle")
