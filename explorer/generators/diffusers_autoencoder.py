"""The autoencoder of a diffusion pipeline by itself: a folder ``vae`` or ``vqvae`` of diffusers."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from explorer.checkpoint import read_card, read_json
from explorer.errors import ExplorerError, ModelError
from explorer.generators import own_folder
from explorer.generators.base import Generator, Latent, Progress, Verdict, specimen
from explorer.generators.diffusion_component import (
    DECODERS,
    INDEX,
    Component,
    class_of,
    load_component,
    lone_component,
    one_line,
)
from explorer.generators.diffusion_configs import DecoderConfig
from explorer.generators.diffusion_decoding import Decoding
from explorer.generators.normal_prior import NormalPrior
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ModelCard, SpaceCard
from explorer.scene.model import Quality

CAPABILITIES = ("truncation", "encode")
USUAL_SIZE = 256
"""Pixels a side where the folder does not say."""
LARGEST_SIZE = 4096


class DiffusersAutoencoderFamily:
    """Finds and loads them. ``card.json`` may set ``size``, the pixels a side of its pictures."""

    name = "diffusers_autoencoder"
    title = "autoencoders of diffusers"
    short_title = "autoencoder"

    def specimens(self) -> tuple[ModelCard, ...]:
        """One: the models differ in size alone."""
        return (specimen(self.name, _spaces((4, 8, 8)), CAPABILITIES),)

    def identify(self, path: Path) -> Verdict:
        """Mine: a folder whose ``config.json`` names an autoencoder. Broken: where its parts are missing or damaged."""
        if (path / INDEX).is_file() or not (path / "config.json").is_file():
            return Verdict(False, "It is not the folder of an autoencoder of diffusers.")
        try:
            if class_of(read_json(path / "config.json")) not in DECODERS:
                return Verdict(False, f"Its config.json names none of {', '.join(DECODERS)}.")
        except ModelError as error:
            return Verdict(False, str(error))
        try:
            _read(path)
        except ModelError as error:
            return Verdict(True, str(error), problem=True)
        return Verdict(True, "Its config.json describes an autoencoder of diffusers.")

    def describe(self, path: Path) -> ModelCard:
        """The card, from JSON and headers."""
        return _card(path, *_read(path))

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> Generator:
        """The generator, every tensor checked."""
        part, config = _read(path)
        card = _card(path, part, config)
        network = load_component(part)
        if progress is not None:
            progress(0.8)
        generator = DiffusersAutoencoder(card, Decoding(network, None, device), device)
        _check(generator)
        if progress is not None:
            progress(1.0)
        return generator


class DiffusersAutoencoder(NormalPrior):
    """Space ``z``: latents as the pipeline's denoiser sees them, with a variance of about 1. Nothing was trained to
    draw from its prior: noise decodes to texture, and a picture of one's own is where to begin."""

    def __init__(self, card: ModelCard, decoding: Decoding, device: torch.device) -> None:
        self.card, self.device, self._decoding = card, device, decoding

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        """(B, C, H, W) in [-1, 1]. Differentiable in z, except where a codebook is looked up."""
        half = self.device.type == "cuda" and quality.precision == "float16"
        return self._decoding.decoded(latent.tensors["z"].to(self.device, torch.float32), half)

    @torch.no_grad()
    def encode(self, outputs: Tensor) -> Latent:
        """The latents of pictures (B, C, H, W) in [-1, 1], of a VAE the mean. Raises :class:`ModelError` unless they
        have the size that the card says."""
        if tuple(outputs.shape[1:]) != self.card.shape:
            raise ModelError(
                f"'{self.card.name}' encodes pictures of shape {self.card.shape} (channels, height, width), "
                f"not {tuple(outputs.shape[1:])}; resize them first."
            )
        return Latent({"z": self._decoding.encoded(outputs.to(self.device, torch.float32))})


def _spaces(shape: tuple[int, int, int]) -> dict[str, SpaceCard]:
    return {"z": SpaceCard(shape=shape, prior="normal")}


def _read(path: Path) -> tuple[Component, DecoderConfig]:
    part = lone_component(path, class_of(read_json(path / "config.json")))
    return part, part.read_config(DecoderConfig)


def _card(path: Path, part: Component, config: DecoderConfig) -> ModelCard:
    grow = config.growth(part.class_name)
    size = read_card(path).get("size", config.sample_size or USUAL_SIZE)
    if type(size) is not int or not grow <= size <= LARGEST_SIZE or size % grow:
        raise ModelError(
            f"'card.json': 'size' is {size!r}; it is the pixels a side of the pictures, a multiple of {grow}, "
            f"{LARGEST_SIZE} at most."
        )
    return own_folder.describe(
        path,
        list(part.files),
        family=DiffusersAutoencoderFamily.name,
        output=IMAGE.card((config.out_channels, size, size)),
        spaces=_spaces((config.latent_channels, size // grow, size // grow)),
        capabilities=CAPABILITIES,
        parameters=part.parameters,
        notes=f"{part.class_name}, by itself: it encodes pictures and decodes them; its prior draws none.",
    )


@torch.no_grad()
def _check(generator: DiffusersAutoencoder) -> None:
    """Read a picture, so that an encoder that does not fit says so now and not when it is needed."""
    card = generator.card
    try:
        back = generator.encode(torch.zeros(1, *card.shape)).tensors["z"]
    except (ExplorerError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # the library raises whatever it stumbles over
        raise ModelError(f"The layers of '{card.name}' do not fit together ({one_line(error)}).") from error
    if tuple(back.shape[1:]) != card.spaces["z"].shape or not bool(back.isfinite().all()):
        raise ModelError(f"'{card.name}' does not read what it draws; its config.json does not fit its weights.")


FAMILY = DiffusersAutoencoderFamily()
