"""Causal diffusion autoencoders: pictures of factors that cause one another, sampled from a noise that is kept."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import torch

from explorer.checkpoint import safetensors_shapes
from explorer.generators.autoencoder_family import AutoencoderFamily
from explorer.generators.base import Generator
from explorer.generators.causal_diffusion_generator import SPACE, CausalDiffusionGenerator
from explorer.generators.causal_diffusion_network import TRAIN_STEPS, CausalDiffusionConfig, CausalDiffusionNetwork
from explorer.generators.causes import CAUSES, read_causes
from explorer.generators.conditions import Condition
from explorer.generators.own_folder import WEIGHTS
from explorer.scene.cards import ModelCard, SpaceCard
from explorer.worlds.base import Factor
from explorer.worlds.predictor.network import PredictorConfig


class CausalDiffusionFamily(AutoencoderFamily[CausalDiffusionConfig, CausalDiffusionNetwork]):
    """Finds and loads them. A folder has ``config.json``, ``model.safetensors`` and ``causes.safetensors``."""

    name = "causal_diffusion"
    title = "causal diffusion autoencoders"
    short_title = "causal diffusion autoencoder"
    noun = "a causal diffusion autoencoder"
    capabilities = ("steps", "encode", "axes", "causes")

    def config_type(self) -> type[CausalDiffusionConfig]:
        return CausalDiffusionConfig

    def specimen_config(self) -> CausalDiffusionConfig:
        factor = Factor("factor", (0.0, 1.0))
        condition = Condition(factor=factor, mean=0.5, deviation=0.5)
        return CausalDiffusionConfig(
            conditions=(condition,), reader=PredictorConfig(world="specimen", factors=(factor,))
        )

    def network(self, config: CausalDiffusionConfig) -> CausalDiffusionNetwork:
        return CausalDiffusionNetwork(config)

    def spaces(self, config: CausalDiffusionConfig) -> dict[str, SpaceCard]:
        return {SPACE: SpaceCard(shape=(config.point_width,))}

    def files(self, path: Path) -> list[Path]:
        return [*super().files(path), path / CAUSES]

    def count(self, path: Path, config: CausalDiffusionConfig) -> int:
        """From the header alone: a list of models must not wait for the library of the U-Net."""
        shapes = safetensors_shapes(path / WEIGHTS)
        untrained = ("rows", "autoencoder.standard.")
        return sum(math.prod(shape) for name, shape in shapes.items() if not name.startswith(untrained))

    def describe(self, path: Path) -> ModelCard:
        """The card, from ``config.json``, the headers and ``card.json``."""
        config = self._config(path)
        safetensors_shapes(path / CAUSES)  # readable, or it says why not
        return msgspec.structs.replace(
            super().describe(path),
            full_steps=config.full_steps,
            interactive_steps=config.interactive_steps,
            most_steps=TRAIN_STEPS,
            sampler="deterministic DDIM",
        )

    def generator(self, card: ModelCard, network: CausalDiffusionNetwork, device: torch.device) -> Generator:
        factors = [condition.factor for condition in network.config.conditions]
        return CausalDiffusionGenerator(card, network, read_causes(Path(card.path), factors), device)


FAMILY = CausalDiffusionFamily()
