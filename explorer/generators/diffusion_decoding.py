"""Between latents and pictures: the autoencoder of a pipeline, and the small one that may lie beside it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from explorer.scene.model import Decoder


class Decoding:
    """``decoder`` None: latents are pictures. ``tiny`` decodes the same latents faster, for what moves."""

    def __init__(self, decoder: Any | None, tiny: Any | None, device: torch.device) -> None:
        self._decoder, self._tiny = (
            None if network is None else network.eval().requires_grad_(False).to(device) for network in (decoder, tiny)
        )
        self._device = device

    def decoded(self, x: Tensor, half: bool = False, decoder: Decoder = "") -> Tensor:
        """(B, C, H, W) in [-1, 1] of latents ``x``; by the tiny decoder where that is said and there is one."""
        network = self._tiny if decoder == "tiny" and self._tiny is not None else self._decoder
        if network is not None:
            scale, shift = _scaling(network.config, x)
            # Some autoencoders leave the range of half precision, and say so.
            half = half and not network.config.get("force_upcast", False)
            with torch.autocast(self._device.type, torch.float16, enabled=half):
                x = network.decode(x * scale + shift, return_dict=False)[0]
        return x.float().clamp(-1.0, 1.0)

    def encoded(self, outputs: Tensor) -> Tensor:
        """The latents of pictures (B, C, H, W) in [-1, 1]: the mean, where the encoder gives a distribution."""
        if self._decoder is None:
            return outputs
        found = self._decoder.encode(outputs)
        z: Tensor = found.latent_dist.mean if hasattr(found, "latent_dist") else found.latents
        scale, shift = _scaling(self._decoder.config, z)
        return (z - shift) / scale


def _scaling(config: Any, x: Tensor) -> tuple[Tensor | float, Tensor | float]:
    """(scale, shift) from what a denoiser sees to what the autoencoder takes."""
    mean, deviation = config.get("latents_mean"), config.get("latents_std")
    if mean is not None and deviation is not None:
        means, deviations = (torch.tensor(values, device=x.device).view(1, -1, 1, 1) for values in (mean, deviation))
        return deviations / config.scaling_factor, means
    return 1.0 / config.scaling_factor, config.get("shift_factor") or 0.0
