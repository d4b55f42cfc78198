"""Conditional VAEs: the factors of a picture are coordinates of the point, each with a slider of its own name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from explorer.causal.base import Values
from explorer.causal.coding import Coding
from explorer.causal.model import StructuralModel
from explorer.controls.base import Control
from explorer.controls.codebook import CodebookControl
from explorer.controls.linear import LinearControl
from explorer.errors import ModelError
from explorer.generators.autoencoder_family import AutoencoderFamily
from explorer.generators.autoencoder_generator import AutoencoderGenerator
from explorer.generators.base import Generator, Latent, specimen
from explorer.generators.causes import CAUSES, at_ends, read_causes
from explorer.generators.conditions import Condition, coding_of
from explorer.generators.cvae_network import ConditionalVaeConfig, ConditionalVaeNetwork
from explorer.scene.cards import ControlCard, ModelCard, SpaceCard
from explorer.worlds.base import Factor


class ConditionalVaeGenerator(AutoencoderGenerator[ConditionalVaeNetwork]):
    """A loaded conditional VAE. Space z: the latents, then one coordinate a factor. A picture's point has the factors
    as read from it, and the latents for these. With ``causes``, a structural model of just these factors, it is a deep
    structural causal model (Pawlowski, Castro and Glocker, NeurIPS 2020): the latents are the picture's own noise."""

    def __init__(
        self,
        card: ModelCard,
        network: ConditionalVaeNetwork,
        device: torch.device,
        causes: StructuralModel | None = None,
    ) -> None:
        super().__init__(card, network, device)
        self._causes = causes

    def around(self, network: ConditionalVaeNetwork) -> ConditionalVaeGenerator:
        return ConditionalVaeGenerator(self.card, network, self.device, self._causes)

    def structural_model(self) -> StructuralModel:
        """How the factors come about. Raises :class:`ModelError` for a model whose folder does not say it."""
        if self._causes is None:
            raise ModelError(f"'{self.card.name}' does not say what causes what; its folder has no '{CAUSES}'.")
        return self._causes

    def coding(self) -> Coding:
        """Where the factors lie in z."""
        config = self._network.config
        width = config.latents + len(config.conditions)
        return coding_of(config.conditions, config.latents, width, self.structural_model())

    def observed(self) -> Values:
        """The factors of the rows that come with the model."""
        config, rows = self._network.config, self._network.rows
        return self.coding().values(torch.cat([rows.new_zeros(len(rows), config.latents), rows], dim=1))

    def encode(self, outputs: Tensor) -> Latent:
        latent = super().encode(outputs)
        if self._causes is None:
            return latent
        errors = {condition.factor.name: condition.error for condition in self._network.config.conditions}
        return Latent({"z": at_ends(latent.tensors["z"], self.coding(), self._causes, errors)})

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        """One point a seed: z = psi · N(0, I), and factors as they occur together in the data. Truncation is applied
        here, to z alone."""
        return Latent({"z": self._network.draw(list(seeds), truncation_psi)})

    def axis_controls(self) -> tuple[Control, ...]:
        """The factors in their own units, then the latents in standard deviations."""
        config = self._network.config
        latents, conditions = config.latents, config.conditions
        width = latents + len(conditions)
        axes = torch.eye(width)
        factors = [factor_control(condition, latents + k, width) for k, condition in enumerate(conditions)]
        free = [LinearControl(ControlCard(name=f"z{axis}", space="z"), axes[axis]) for axis in range(latents)]
        return (*factors, *free)


def factor_control(condition: Condition, axis: int, width: int, space: str = "z") -> Control:
    """The slider of one factor, coordinate ``axis`` of a point of ``width`` numbers: steps from level to
    level of a category, and for a number its own unit, or where it has none, standard deviations of the data."""
    factor = condition.factor
    if factor.kind == "category":
        steps = len(factor.values) - 1
        card = ControlCard(
            name=factor.name,
            space=space,
            unit="levels",
            low=-float(steps),
            high=float(steps),
            details=(" → ".join(factor.labels or map(str, factor.values)),),
            detents=tuple(float(step) for step in range(-steps, steps + 1)),
        )
        return CodebookControl(card, torch.arange(steps + 1.0), axis, width)
    unit = 1.0 if factor.unit else condition.deviation
    span = (factor.period if factor.cyclic else factor.high - factor.low) / unit
    reach = f"{factor.low:.3g} to {factor.high:.3g}{factor.unit} in the data{', cyclic' if factor.cyclic else ''}"
    card = ControlCard(
        name=factor.name,
        space=space,
        unit=factor.unit or "σ",
        low=-span,
        high=span,
        details=(reach, f"mean {condition.mean:.3g}{factor.unit}, σ {condition.deviation:.3g}{factor.unit}"),
    )
    return LinearControl(card, torch.eye(width)[axis] * (unit / condition.deviation))


class ConditionalVaeFamily(AutoencoderFamily[ConditionalVaeConfig, ConditionalVaeNetwork]):
    """Finds and loads them."""

    name = "cvae"
    title = "conditional VAEs"
    short_title = "conditional VAE"
    noun = "a conditional VAE"
    capabilities = ("truncation", "encode", "axes", "weights")

    def config_type(self) -> type[ConditionalVaeConfig]:
        return ConditionalVaeConfig

    def specimen_config(self) -> ConditionalVaeConfig:
        condition = Condition(factor=Factor("factor", (0.0, 1.0)), mean=0.5, deviation=0.5)
        return ConditionalVaeConfig(conditions=(condition,))

    def network(self, config: ConditionalVaeConfig) -> ConditionalVaeNetwork:
        return ConditionalVaeNetwork(config)

    def spaces(self, config: ConditionalVaeConfig) -> dict[str, SpaceCard]:
        return {"z": SpaceCard(shape=(config.latents + len(config.conditions),))}

    def generator(self, card: ModelCard, network: ConditionalVaeNetwork, device: torch.device) -> Generator:
        factors = [condition.factor for condition in network.config.conditions]
        causes = read_causes(Path(card.path), factors) if "causes" in card.capabilities else None
        return ConditionalVaeGenerator(card, network, device, causes)

    def specimens(self) -> tuple[ModelCard, ...]:
        """Two: without and with a structural model of the factors."""
        spaces = self.spaces(self.specimen_config())
        return tuple(specimen(self.name, spaces, self.capabilities + more) for more in ((), ("causes",)))

    def capabilities_of(self, path: Path) -> tuple[str, ...]:
        return self.capabilities + (("causes",) if (path / CAUSES).is_file() else ())

    def files(self, path: Path) -> list[Path]:
        return super().files(path) + ([path / CAUSES] if (path / CAUSES).is_file() else [])


FAMILY = ConditionalVaeFamily()
