"""What all VAEs share once their network is loaded: a standard normal prior, and the posterior of a picture."""

from __future__ import annotations

from torch import Tensor

from explorer.generators.autoencoder_generator import AutoencoderGenerator, Codec
from explorer.generators.base import Latent
from explorer.generators.normal_prior import NormalPrior

CAPABILITIES = ("truncation", "encode", "posterior", "weights")


class VaeGenerator(NormalPrior, AutoencoderGenerator[Codec]):
    """A loaded VAE, whose network encodes a picture as means and log-variances."""

    def encode(self, outputs: Tensor) -> Latent:
        """The mean of q(z|x) of pictures (B, C, H, W) in [-1, 1]."""
        return Latent({"z": self.posterior(outputs)[0]})

    def posterior(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, each (B, latents), of q(z|x) for pictures (B, C, H, W) in [-1, 1]."""
        mean, log_variance = self._encoded(outputs)
        return mean, log_variance
