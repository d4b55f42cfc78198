"""Unconditional diffusion models: folders that diffusers' pipelines are saved as, loaded part by part and offline."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch

from explorer.checkpoint import read_card
from explorer.errors import ModelError
from explorer.generators import own_folder
from explorer.generators.base import Generator, Progress, Verdict, specimen
from explorer.generators.diffusion_component import INDEX, TEXT_UNET, UNET, load_component, one_line
from explorer.generators.diffusion_folder import PipelineFolder, open_folder
from explorer.generators.diffusion_generator import CAPABILITIES, DiffusionGenerator
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ModelCard, SpaceCard
from explorer.scene.model import Quality

FULL_STEPS, INTERACTIVE_STEPS = 50, 8


class DiffusionFamily:
    """Finds and loads them.

    ``card.json`` may set ``full_steps``, ``interactive_steps`` and ``h_window`` (highest and lowest training step).
    """

    name = "diffusion"
    title = "diffusers pipelines"
    short_title = "diffusion"

    def specimens(self) -> tuple[ModelCard, ...]:
        """With a bottleneck, and without one that can be moved, drawn by DDIM and along a flow."""
        return tuple(
            specimen(self.name, *_abilities((3, 32, 32), inner, back))
            for back in ("ddim", "flow")
            for inner in ((64, 4, 4), None)
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
            _own_settings(open_folder(path))  # not `describe`, which reads all the weights for the fingerprint
        except ModelError as error:
            return Verdict(True, str(error), problem=True)
        return Verdict(True, f"Its {INDEX} describes an unconditional diffusion pipeline.")

    def describe(self, path: Path) -> ModelCard:
        """The card, from JSON and headers."""
        return _card(open_folder(path))

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> Generator:
        """The generator, every tensor checked. Nothing is fetched and nothing in the folder is executed."""
        report = progress or (lambda share: None)
        folder = open_folder(path)
        card = _card(folder)
        report(0.1)
        unet = load_component(folder.unet)
        report(0.6)
        decoder = load_component(folder.decoder) if folder.decoder is not None else None
        report(0.9)
        generator = DiffusionGenerator(card, unet, decoder, folder.scheduler, device, _own_settings(folder).h_window)
        _check_shapes(generator)
        report(1.0)
        return generator


def _is_lone_unet(path: Path) -> bool:
    config = path / "config.json"
    if not config.is_file() or config.stat().st_size >= 1 << 20:
        return False
    return any(name.encode() in config.read_bytes() for name in (UNET, TEXT_UNET))


def _abilities(
    latent: tuple[int, int, int], bottleneck: tuple[int, int, int] | None, back: str
) -> tuple[dict[str, SpaceCard], tuple[str, ...]]:
    """Spaces and capabilities of a pipeline with noise of the shape ``latent``, and whose U-Net has a ``bottleneck`` of
    one shape or none that can be moved. ``back``: of its sampler (:class:`explorer.generators.schedule.Schedule`)."""
    spaces = {"x_T": SpaceCard(shape=latent, prior="normal")}
    if bottleneck is None:
        return spaces, (*CAPABILITIES, back)
    return {**spaces, "h": SpaceCard(shape=bottleneck)}, (*CAPABILITIES, back, "bottleneck")


def _card(folder: PipelineFolder) -> ModelCard:
    config = folder.unet_config
    spaces, capabilities = _abilities(config.latent_shape, config.bottleneck_shape, folder.scheduler.back)
    settings = _own_settings(folder)
    card = own_folder.describe(
        folder.path,
        folder.files,
        family=DiffusionFamily.name,
        output=IMAGE.card(folder.picture_shape),
        spaces=spaces,
        capabilities=capabilities,
        parameters=sum(network.parameters for network in folder.networks),
    )
    fingerprint, window = card.fingerprint, settings.h_window
    if window is not None:  # it changes what h does, so control sets in h must not be mixed up
        fingerprint = hashlib.sha256(f"{fingerprint} h_window {window}".encode()).hexdigest()
    return msgspec.structs.replace(
        card,
        fingerprint=fingerprint,
        full_steps=settings.full_steps,
        interactive_steps=settings.interactive_steps,
        most_steps=folder.scheduler.num_train_timesteps,
        sampler=folder.scheduler.sampler_text(folder.scheduler_class),
    )


@dataclass(frozen=True)
class _OwnSettings:
    """What a folder's ``card.json`` says of how to render."""

    full_steps: int
    interactive_steps: int
    h_window: tuple[int, int] | None


def _own_settings(folder: PipelineFolder) -> _OwnSettings:
    card = read_card(folder.path)
    return _OwnSettings(
        full_steps=_steps(card, "full_steps", FULL_STEPS, folder),
        interactive_steps=_steps(card, "interactive_steps", INTERACTIVE_STEPS, folder),
        h_window=_h_window(card, folder),
    )


def _steps(card: dict[str, Any], key: str, default: int, folder: PipelineFolder) -> int:
    total = folder.scheduler.num_train_timesteps
    count = card.get(key, min(default, total))
    if not isinstance(count, int) or not 1 <= count <= total:
        raise ModelError(f"'card.json': '{key}' is {count!r}; it is a number of sampler steps, 1..{total}.")
    try:
        folder.scheduler.plan(count)
    except ValueError as error:
        raise ModelError(
            f"'{folder.path.name}' cannot be drawn in {count} steps: {error}; say another number as '{key}' in its "
            "card.json."
        ) from error
    return count


def _h_window(card: dict[str, Any], folder: PipelineFolder) -> tuple[int, int] | None:
    window = card.get("h_window")
    if window is None:
        return None
    last = folder.scheduler.num_train_timesteps
    if (
        not isinstance(window, list)
        or len(window) != 2
        or not all(isinstance(step, int) and 0 <= step <= last for step in window)
        or window[0] < window[1]
    ):
        raise ModelError(f"'card.json': 'h_window' is {window!r}; it is [highest, lowest] training step, in 0..{last}.")
    return window[0], window[1]


@torch.no_grad()
def _check_shapes(generator: DiffusionGenerator) -> None:
    """Run one picture of one step through it, so that parts that do not fit say so now and not under a slider."""
    card = generator.card
    try:
        latent = generator.sample([0])
        latent = generator.advance(latent, "h") if "h" in card.spaces else latent
        made = tuple(generator.render(latent, Quality(steps=1)).shape[1:])
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        reason = one_line(error)
        raise ModelError(f"The parts of '{card.name}' do not fit together ({reason}).") from error
    if made != card.shape:
        raise ModelError(f"'{card.name}' makes pictures of shape {made} where {card.shape} was expected.")


FAMILY = DiffusionFamily()
