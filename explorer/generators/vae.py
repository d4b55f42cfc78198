"""Our own convolutional VAEs: a folder with ``config.json``, ``model.safetensors`` and, if it likes, ``card.json``."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import safetensors.torch
import torch

from explorer.checkpoint import load_exactly, read_card, read_json, read_safetensors, safetensors_shapes
from explorer.errors import ModelError
from explorer.files import atomic_path, atomic_write, fingerprint_of
from explorer.generators import own_folder
from explorer.generators.base import Generator, Progress, Verdict
from explorer.generators.own_folder import CONFIG, WEIGHTS
from explorer.generators.vae_generator import CAPABILITIES, VaeGenerator
from explorer.generators.vae_network import VaeConfig, VaeNetwork
from explorer.scene.cards import ModelCard, SpaceCard


def save_vae(network: VaeNetwork, folder: Path) -> None:
    """Write ``config.json`` and ``model.safetensors`` into ``folder``."""
    atomic_write(folder / CONFIG, msgspec.json.format(msgspec.json.encode(network.config), indent=2) + b"\n")
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in network.state_dict().items()}
    with atomic_path(folder / WEIGHTS) as temporary:
        safetensors.torch.save_file(tensors, temporary)


class VaeFamily:
    """Finds and loads them."""

    name = "vae"
    title = "VAEs"

    def identify(self, path: Path) -> Verdict:
        """Mine: a folder whose ``config.json`` says so."""
        return own_folder.identify(path, self.name, _config)

    def describe(self, path: Path) -> ModelCard:
        """The card, from ``config.json``, the header of the weights and ``card.json``."""
        config = _config(path)
        shapes = safetensors_shapes(path / WEIGHTS)
        card = read_card(path)
        return ModelCard(
            name=path.resolve().name,
            family=self.name,
            path=str(path),
            size=(config.size, config.size),
            channels=config.channels,
            spaces={"z": SpaceCard(shape=(config.latents,), prior="normal")},
            fingerprint=fingerprint_of([path / CONFIG, path / WEIGHTS]),
            capabilities=CAPABILITIES,
            licence=card.get("licence", ""),
            origin=card.get("origin", ""),
            notes=card.get("notes", ""),
            parameters=sum(math.prod(shape) for shape in shapes.values()),
        )

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> Generator:
        """The generator, every tensor checked."""
        card = self.describe(path)
        state = read_safetensors(path / WEIGHTS)
        if progress is not None:
            progress(0.5)
        # Built without memory first: a false config.json must not cost any.
        with torch.device("meta"):
            network = VaeNetwork(_config(path))
        load_exactly(network, state, path / WEIGHTS)
        generator = VaeGenerator(card, network, network, device)
        if progress is not None:
            progress(1.0)
        return generator


def _config(path: Path) -> VaeConfig:
    found = read_json(path / CONFIG)
    try:
        config = msgspec.convert(found, VaeConfig)
    except msgspec.ValidationError as error:
        raise ModelError(f"'{CONFIG}' in '{path.name}' does not describe a VAE: {error}.") from error
    if problem := config.problem():
        raise ModelError(f"'{CONFIG}' in '{path.name}' does not describe a VAE: {problem}.")
    return config


FAMILY = VaeFamily()
