"""Quantised latent autoencoders: every latent takes one of a few learned values (Hsu et al., NeurIPS 2023)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from explorer.controls.base import Control
from explorer.controls.codebook import CodebookControl
from explorer.errors import ModelError
from explorer.generators.autoencoder_family import AutoencoderFamily
from explorer.generators.autoencoder_generator import AutoencoderGenerator
from explorer.generators.base import Generator, Latent
from explorer.generators.qlae_network import QlaeConfig, QlaeNetwork
from explorer.scene.cards import ControlCard, ModelCard, SpaceCard

RARE = 1e-3  # a value that fewer pictures take is no stop of the slider


class QlaeGenerator(AutoencoderGenerator[QlaeNetwork]):
    """A loaded QLAE. The decoder takes any point of z; those that data have, and that pictures are encoded to, lie on
    the codebook."""

    def __init__(self, card: ModelCard, network: QlaeNetwork, device: torch.device) -> None:
        super().__init__(card, network, device)
        codebook, usage = network.codebook.cpu(), network.usage.cpu().double()
        if bool((codebook.diff(dim=1) <= 0).any()):
            raise ModelError(f"The codebook of '{card.name}' does not ascend; the file is damaged.")
        if bool((usage < 0).any()) or bool(((usage.sum(dim=1) - 1.0).abs() > 1e-3).any()):
            raise ModelError(f"The usage of the codes of '{card.name}' does not sum to one; the file is damaged.")
        self.codebook: Tensor = codebook
        self.usage: Tensor = usage

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        """One point a seed: every latent takes each of its values as often as the data do, independently of the others.
        There is no truncation."""
        return Latent({"z": self._network.draw(seeds, self.usage)})

    def axis_controls(self) -> tuple[Control, ...]:
        """Steps along the codebook of every latent, in falling order of the entropy of its values."""
        entropies = -(self.usage * self.usage.clamp_min(1e-12).log()).sum(dim=1)
        order = entropies.argsort(descending=True, stable=True).tolist()
        return tuple(self._control(latent, float(entropies[latent])) for latent in order)

    def _control(self, latent: int, entropy: float) -> CodebookControl:
        """Values that data hardly take are left out; of a latent that is constant, all are kept."""
        usage, values = self.usage[latent], self.codebook[latent]
        taken = usage >= RARE
        shown = values[taken] if int(taken.sum()) > 1 else values
        steps = len(shown) - 1
        card = ControlCard(
            name=f"z{latent}",
            space="z",
            unit="codes",
            low=-float(steps),
            high=float(steps),
            figure=f"{entropy:.2f} nat",
            details=(
                f"{int(taken.sum())} of {len(values)} codes used",
                f"Entropy {entropy:.2f} of {math.log(len(values)):.2f} nats",
                *(f"{value:+.3f}: {share:.1%} of pictures" for value, share in zip(values, usage, strict=True)),
            ),
            detents=tuple(float(step) for step in range(-steps, steps + 1)),
        )
        return CodebookControl(card, shown, latent, len(self.codebook))


class QlaeFamily(AutoencoderFamily[QlaeConfig, QlaeNetwork]):
    """Finds and loads them."""

    name = "qlae"
    title = "QLAEs"
    short_title = "QLAE"
    noun = "a QLAE"
    capabilities = ("encode", "codebook", "axes", "weights")

    def config_type(self) -> type[QlaeConfig]:
        return QlaeConfig

    def specimen_config(self) -> QlaeConfig:
        return QlaeConfig()

    def network(self, config: QlaeConfig) -> QlaeNetwork:
        return QlaeNetwork(config)

    def spaces(self, config: QlaeConfig) -> dict[str, SpaceCard]:
        return {"z": SpaceCard(shape=(config.latents,))}

    def generator(self, card: ModelCard, network: QlaeNetwork, device: torch.device) -> Generator:
        return QlaeGenerator(card, network, device)


FAMILY = QlaeFamily()
