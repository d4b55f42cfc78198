"""Generators whose derivatives are known in closed form: a linear map and a quadratic one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from explorer.generators.base import Latent, standard_normal
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ModelCard, SpaceCard
from explorer.scene.model import Quality


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class PlainMap:
    """x_p = a_p z + ½ zᵀ H_p z, for ``linear`` (pixels, d) and ``curved`` (pixels, d, d); 64 pixels."""

    def __init__(self, linear: Tensor, curved: Tensor | None = None, capabilities: tuple[str, ...] = ()) -> None:
        self.device = torch.device("cpu")
        self.linear, self.curved = linear, curved
        self.drawn = 0
        self.card = ModelCard(
            name="plain",
            family="plain",
            path="plain",
            output=IMAGE.card((1, 8, 8)),
            spaces={"z": SpaceCard(shape=(linear.shape[1],), prior="normal")},
            fingerprint="a" * 64,
            capabilities=capabilities,
        )

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        return Latent({"z": standard_normal(seeds, self.card.spaces["z"].shape) * truncation_psi})

    def advance(self, latent: Latent, space: str) -> Latent:
        return latent

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        z = latent.tensors["z"]
        self.drawn += len(z)
        pictures = z @ self.linear.T
        if self.curved is not None:
            pictures = pictures + torch.einsum("bi,pij,bj->bp", z, self.curved, z) / 2
        return pictures.reshape(-1, 1, 8, 8)
