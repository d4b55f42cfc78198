"""What generators share that draw from z ~ N(0, I) and have no other space."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from explorer.generators.base import Latent, standard_normal
from explorer.scene.cards import ModelCard


class OneSpace:
    """Its points lie in z alone."""

    card: ModelCard
    device: torch.device

    def advance(self, latent: Latent, space: str) -> Latent:
        """``latent`` itself: there is one space. Raises KeyError for any other than ``z``."""
        if space != "z":
            raise KeyError(space)
        return latent


class NormalPrior(OneSpace):
    """Its prior is a standard normal one."""

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        """Prior points z = psi · N(0, I), one a seed. Truncation is applied here, so that an edit keeps its length."""
        z = standard_normal(seeds, self.card.spaces["z"].shape)
        return Latent({"z": (z * truncation_psi).to(self.device)})
