"""Diffusion models, unconditional, of classes or of texts: folders that diffusers' pipelines are saved as, loaded part
by part and offline."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import torch

from explorer.checkpoint import read_json
from explorer.errors import ModelError
from explorer.generators import own_folder
from explorer.generators.base import Generator, Progress, Verdict, specimen
from explorer.generators.class_labels import LABEL
from explorer.generators.diffusion_component import INDEX, TEXT_UNET, UNET, class_of, load_component
from explorer.generators.diffusion_conditioning import ClassConditioner, Conditioner, Unconditional
from explorer.generators.diffusion_configs import TextUnetConfig
from explorer.generators.diffusion_decoding import Decoding
from explorer.generators.diffusion_folder import PipelineFolder, open_folder
from explorer.generators.diffusion_generator import CAPABILITIES, DiffusionGenerator
from explorer.generators.diffusion_settings import OwnSettings, own_settings
from explorer.generators.diffusion_text import PROMPT, TextConditioner, TextEncoders, embedding_shape
from explorer.generators.flow_generator import FlowGenerator
from explorer.generators.flow_steering import SPACE as STEERING
from explorer.generators.flow_steering import space_of
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ModelCard, SpaceCard


class DiffusionFamily:
    """Finds and loads them."""

    name = "diffusion"
    title = "diffusers pipelines"
    short_title = "diffusion"

    def specimens(self) -> tuple[ModelCard, ...]:
        """With a bottleneck, and without one that can be moved; unconditional, of classes and of texts; drawn by DDIM
        and along a flow."""
        conditions = (("", (), 0), (LABEL, (10,), 10), (PROMPT, (77, 64), 0))
        return tuple(
            specimen(self.name, *_abilities((3, 32, 32), inner, back, space, shape), classes=classes)
            for back in ("ddim", "flow")
            for inner in ((64, 4, 4), None)
            for space, shape, classes in conditions
        )

    def identify(self, path: Path) -> Verdict:
        """Mine: a folder with ``model_index.json``. Broken: another pipeline, or parts that are missing or damaged."""
        if not path.is_dir():
            return Verdict(False, f"It is not a folder with a {INDEX}.")
        if not (path / INDEX).is_file():
            if _is_lone_unet(path):
                return Verdict(
                    True,
                    f"'{path.name}' is only the U-Net of a pipeline; open the folder that holds {INDEX}.",
                    problem=True,
                )
            return Verdict(False, f"It is not a folder with a {INDEX}.")
        try:
            own_settings(open_folder(path))  # not `describe`, which reads all the weights for the fingerprint
        except ModelError as error:
            return Verdict(True, str(error), problem=True)
        return Verdict(True, f"Its {INDEX} describes a diffusion pipeline.")

    def describe(self, path: Path) -> ModelCard:
        """The card, from JSON and headers."""
        return _card(open_folder(path))

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> Generator:
        """The generator, every tensor checked. Nothing is fetched and nothing in the folder is executed."""
        report = progress or (lambda share: None)
        folder = open_folder(path)
        card, settings = _card(folder), own_settings(folder)
        report(0.1)
        unet = load_component(folder.unet)
        report(0.6)
        conditioner = _conditioner(folder, card, unet, settings, device)
        report(0.8)
        decoder, tiny = (None if part is None else load_component(part) for part in (folder.decoder, folder.tiny))
        report(0.9)
        decoding = Decoding(decoder, tiny, device)
        kind = FlowGenerator if STEERING in card.spaces else DiffusionGenerator
        generator = kind(card, unet, decoding, folder.samplers, conditioner, device, settings.h_window)
        report(1.0)
        return generator


def _is_lone_unet(path: Path) -> bool:
    try:
        return class_of(read_json(path / "config.json")) in (UNET, TEXT_UNET)
    except ModelError:
        return False


def _abilities(
    latent: tuple[int, int, int],
    bottleneck: tuple[int, int, int] | None,
    back: str,
    condition: str,
    shape: tuple[int, ...],
) -> tuple[dict[str, SpaceCard], tuple[str, ...]]:
    """Spaces and capabilities of a pipeline with noise of the shape ``latent``, whose U-Net has a ``bottleneck`` of
    one shape or none that can be moved, and is told what to draw in the space ``condition`` (empty: it is not).
    ``back``: of its schedule (:class:`explorer.generators.schedule.Schedule`)."""
    spaces = {"x_T": SpaceCard(shape=latent, prior="normal")}
    capabilities = (*CAPABILITIES, back, *((PROMPT,) if condition == PROMPT else ()))
    if condition:
        spaces[condition] = SpaceCard(shape=shape)
    if bottleneck is not None:
        spaces["h"] = SpaceCard(shape=bottleneck)
        capabilities = (*capabilities, "bottleneck")
    if back == "flow" and condition == LABEL:
        spaces[STEERING] = space_of(*shape)
    return spaces, capabilities


def _told(folder: PipelineFolder, settings: OwnSettings) -> tuple[str, tuple[int, ...]]:
    """The space in which the U-Net is told what to draw, and its shape."""
    if folder.text:
        return PROMPT, embedding_shape(folder.text, folder.unet_config.takes_sizes)
    return (LABEL, (settings.classes,)) if settings.classes else ("", ())


def _conditioner(
    folder: PipelineFolder, card: ModelCard, unet: Any, settings: OwnSettings, device: torch.device
) -> Conditioner:
    if isinstance(folder.unet_config, TextUnetConfig):
        encoders = TextEncoders(folder.text, folder.unet_config.takes_sizes, device)
        _, height, width = folder.picture_shape
        return TextConditioner(
            encoders, folder.unet_config, (height, width), settings.guidance, folder.zero_empty, device
        )
    if settings.classes:
        return ClassConditioner(card, unet, settings.null_class, device)
    return Unconditional()


def _card(folder: PipelineFolder) -> ModelCard:
    config, settings = folder.unet_config, own_settings(folder)
    spaces, capabilities = _abilities(
        config.latent_shape, config.bottleneck_shape, folder.samplers.schedule.back, *_told(folder, settings)
    )
    card = own_folder.describe(
        folder.path,
        folder.files,
        family=DiffusionFamily.name,
        output=IMAGE.card(folder.picture_shape),
        spaces=spaces,
        capabilities=capabilities,
        parameters=sum(network.parameters for network in folder.networks),
        classes=settings.classes,
    )
    fingerprint = card.fingerprint
    # They change what spaces do, so control sets must not be mixed up.
    for name in ("h_window", "null_class"):
        if (value := getattr(settings, name)) not in (None, -1):
            fingerprint = hashlib.sha256(f"{fingerprint} {name} {value}".encode()).hexdigest()
    return msgspec.structs.replace(
        card,
        fingerprint=fingerprint,
        full_steps=settings.full_steps,
        interactive_steps=settings.interactive_steps,
        most_steps=folder.samplers.schedule.num_train_timesteps,
        samplers=folder.samplers.names,
        guidance=settings.guidance,
        tiny_decoder=folder.tiny is not None,
        sampler=folder.samplers.text(),
    )


FAMILY = DiffusionFamily()
