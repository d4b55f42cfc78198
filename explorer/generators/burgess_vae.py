"""Checkpoints in the layout of the ``disentangling-vae`` code base: a folder with ``specs.json`` and ``model.pt``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from explorer.checkpoint import load_exactly, read_json, read_torch
from explorer.errors import ModelError
from explorer.generators import own_folder
from explorer.generators.base import Generator, Progress, Verdict, specimen
from explorer.generators.burgess_network import BurgessNetwork
from explorer.generators.vae_generator import CAPABILITIES, VaeGenerator
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ModelCard, SpaceCard

SPECS, WEIGHTS = "specs.json", "model.pt"


def _spaces(latents: int) -> dict[str, SpaceCard]:
    return {"z": SpaceCard(shape=(latents,), prior="normal")}


class BurgessVaeFamily:
    """Finds and loads them."""

    name = "burgess_vae"
    title = "checkpoints of disentangling-vae"
    short_title = "disentangling-vae"

    def specimens(self) -> tuple[ModelCard, ...]:
        """One: the models differ in size alone."""
        return (specimen(self.name, _spaces(10), CAPABILITIES),)

    def identify(self, path: Path) -> Verdict:
        """Mine: a folder with ``specs.json`` that names the model type Burgess. Broken: sizes or weights do not fit."""
        if not (path / SPECS).is_file():
            return Verdict(False, "It is not a folder with a specs.json.")
        try:
            specs = read_json(path / SPECS)
        except ModelError as error:
            return Verdict(False, str(error))
        if specs.get("model_type") != "Burgess":
            return Verdict(False, "Its specs.json does not name the model type 'Burgess'.")
        try:
            _sizes(specs, path)
            if not (path / WEIGHTS).is_file():
                raise ModelError(f"'{WEIGHTS}' is missing in '{path}'; copy the whole folder of the model.")
        except ModelError as error:
            return Verdict(True, str(error), problem=True)
        return Verdict(True, "Its specs.json names the model type 'Burgess'.")

    def describe(self, path: Path) -> ModelCard:
        """The card, from ``specs.json`` and, where somebody added one, ``card.json``."""
        specs = read_json(path / SPECS)
        channels, size, latents = _sizes(specs, path)
        if not (path / WEIGHTS).is_file():
            raise ModelError(f"'{WEIGHTS}' is missing in '{path}'; copy the whole folder of the model.")
        loss, data = specs.get("loss", ""), specs.get("dataset", "")
        with torch.device("meta"):
            parameters = sum(p.numel() for p in BurgessNetwork(size, channels, latents).parameters())
        return own_folder.describe(
            path,
            [path / SPECS, path / WEIGHTS],
            family=self.name,
            output=IMAGE.card((channels, size, size)),
            spaces=_spaces(latents),
            capabilities=CAPABILITIES,
            parameters=parameters,
            notes=f"Loss {loss}, trained on {data}." if loss and data else "",
        )

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> Generator:
        """The generator, every tensor checked."""
        card = self.describe(path)
        state = read_torch(path / WEIGHTS)
        if progress is not None:
            progress(0.5)
        with torch.device("meta"):
            network = BurgessNetwork(card.size[0], card.shape[0], card.spaces["z"].shape[0])
        load_exactly(network, state, path / WEIGHTS)
        generator = VaeGenerator(card, network, device)
        if progress is not None:
            progress(1.0)
        return generator


def _sizes(specs: dict[str, Any], path: Path) -> tuple[int, int, int]:
    """(channels, pixels, latents). Raises :class:`ModelError` unless they are what this architecture can be."""
    shape, latents = specs.get("img_size"), specs.get("latent_dim")
    if (
        not (isinstance(shape, list) and len(shape) == 3 and shape[0] in (1, 3) and shape[1] == shape[2])
        or shape[1] not in (32, 64)
        or not (type(latents) is int and 1 <= latents <= 4096)
    ):
        raise ModelError(
            f"'{SPECS}' in '{path.name}' asks for pictures {shape} and {latents} latents; this architecture has "
            "1 or 3 channels, 32 or 64 pixels, and at least one latent."
        )
    return int(shape[0]), int(shape[1]), int(latents)


FAMILY = BurgessVaeFamily()
