"""A diffusers pipeline folder, checked before anything is loaded: JSON and file headers only, no diffusers, no weights.

Every fault is a :class:`explorer.errors.ModelError` of one sentence. Nothing named in the folder is ever imported: the
classes that may be loaded are the ones listed here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from explorer.checkpoint import read_json, safetensors_shapes
from explorer.errors import ModelError
from explorer.generators.diffusion_scheduler import FILE, SchedulerConfig, read_scheduler

Config = TypeVar("Config", bound=msgspec.Struct)

INDEX = "model_index.json"
WEIGHTS = "diffusion_pytorch_model.safetensors"
UNET = "UNet2DModel"
DECODERS = ("AutoencoderKL", "VQModel", "AutoencoderTiny")
OPENS = "it opens unconditional pipelines: a UNet2DModel, a scheduler and, for latent diffusion, an autoencoder"


class UnetConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed of ``unet/config.json``; the defaults are those of diffusers."""

    in_channels: int = 3
    out_channels: int = 3
    sample_size: int | tuple[int, int] | None = None
    block_out_channels: tuple[int, ...] = (224, 448, 672, 896)
    mid_block_type: str | None = "UNetMidBlock2D"
    time_embedding_type: str = "positional"
    class_embed_type: str | None = None
    num_class_embeds: int | None = None

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of x_t."""
        size = self.sample_size or 0
        height, width = size if isinstance(size, tuple) else (size, size)
        return self.in_channels, height, width

    @property
    def bottleneck_shape(self) -> tuple[int, int, int] | None:
        """(C, H, W) of the middle block's output; None without a middle block."""
        if self.mid_block_type is None:
            return None
        shrink = 2 ** (len(self.block_out_channels) - 1)
        _, height, width = self.latent_shape
        return self.block_out_channels[-1], math.ceil(height / shrink), math.ceil(width / shrink)


class DecoderConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed of the autoencoder's ``config.json``."""

    latent_channels: int = 4
    out_channels: int = 3
    block_out_channels: tuple[int, ...] = (64,)
    num_decoder_blocks: tuple[int, ...] = (3, 3, 3, 1)  # AutoencoderTiny
    upsampling_scaling_factor: int = 2  # AutoencoderTiny


@dataclass(frozen=True)
class Component:
    """One network of the folder: its subfolder, its class and the names and sizes in the headers of its weights."""

    folder: Path
    class_name: str
    parameters: int
    weights: tuple[Path, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything that decides what the network computes."""
        return self.folder / "config.json", *self.weights


@dataclass(frozen=True)
class PipelineFolder:
    """A folder that passed every check that needs no weights. ``decoder`` is None for diffusion in pixels."""

    path: Path
    unet: Component
    unet_config: UnetConfig
    decoder: Component | None
    decoder_config: DecoderConfig | None
    scheduler_class: str
    scheduler: SchedulerConfig

    @property
    def picture_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of what comes out."""
        channels, height, width = self.unet_config.latent_shape
        if self.decoder is None or self.decoder_config is None:
            return channels, height, width
        config = self.decoder_config
        if self.decoder.class_name == "AutoencoderTiny":
            grow = config.upsampling_scaling_factor ** (len(config.num_decoder_blocks) - 1)
        else:
            grow = 2 ** (len(config.block_out_channels) - 1)
        return config.out_channels, height * grow, width * grow

    @property
    def files(self) -> list[Path]:
        """Every file that decides what the pipeline computes."""
        scheduler = self.path / "scheduler" / FILE
        return [scheduler, *self.unet.files, *(self.decoder.files if self.decoder else ())]


def open_folder(path: Path) -> PipelineFolder:
    """Check ``path``, a folder with ``model_index.json``, as far as JSON and headers tell."""
    entries = _entries(path)
    unet = _component(path, "unet", entries.pop("unet"), (UNET,))
    decoder_name = next((name for name in ("vqvae", "vae") if name in entries), "")
    decoder = _component(path, decoder_name, entries.pop(decoder_name), DECODERS) if decoder_name else None
    scheduler_class = entries.pop("scheduler")
    scheduler = read_scheduler(path, scheduler_class)
    if entries:
        raise ModelError(
            f"'{path.name}' also has {', '.join(sorted(entries))}, which this program does not know; {OPENS}."
        )
    unet_config = _unet_config(unet.folder)
    decoder_config = None
    if decoder is not None:
        decoder_config = _read(decoder.folder / "config.json", DecoderConfig)
        if decoder_config.latent_channels != unet_config.in_channels:
            raise ModelError(
                f"The U-Net of '{path.name}' makes {unet_config.in_channels} channels and its {decoder.class_name} "
                f"takes {decoder_config.latent_channels}; they do not belong together."
            )
    return PipelineFolder(path, unet, unet_config, decoder, decoder_config, scheduler_class, scheduler)


def _entries(path: Path) -> dict[str, str]:
    """Component → class name of ``model_index.json``, the parts that are switched off left out."""
    index = read_json(path / INDEX)
    pipeline = index.get("_class_name")
    if not isinstance(pipeline, str):
        raise ModelError(f"'{path.name}' asks for program code of its own ({INDEX}), which is never run; {OPENS}.")
    found: dict[str, str] = {}
    for name, entry in index.items():
        if name.startswith("_") or not isinstance(entry, list) or entry == [None, None]:
            continue
        if len(entry) != 2 or not all(isinstance(part, str) for part in entry):
            raise ModelError(f"'{INDEX}' of '{path.name}' does not say what its part '{name}' is; download it again.")
        library, class_name = entry
        if library != "diffusers" and name in ("unet", "vae", "vqvae", "scheduler"):
            raise ModelError(
                f"'{path.name}' asks for '{library}.{class_name}' as its {name}, which is never run; only parts of "
                "diffusers are."
            )
        found[name] = class_name
    for name in ("unet", "scheduler"):
        if name not in found:
            raise ModelError(
                f"'{path.name}' is a {pipeline} without a {name}, which this program does not know; {OPENS}."
            )
    if found["unet"] != UNET:
        raise ModelError(
            f"'{path.name}' is a {pipeline} around a {found['unet']}, which this program does not know; {OPENS}."
        )
    return found


def _component(path: Path, name: str, class_name: str, allowed: tuple[str, ...]) -> Component:
    folder = path / name
    if class_name not in allowed:
        raise ModelError(
            f"The {name} of '{path.name}' is a {class_name}, which this program does not know; it knows "
            f"{', '.join(allowed)}."
        )
    if not folder.is_dir():
        raise ModelError(f"'{path.name}' lacks the folder '{name}'; copy the whole folder of the model.")
    own = read_json(folder / "config.json").get("_class_name", class_name)
    if own != class_name:
        raise ModelError(
            f"'{INDEX}' of '{path.name}' calls its {name} a {class_name}, but '{name}/config.json' describes a {own}; "
            "the folder mixes two models."
        )
    files = _weights(path, folder)
    shapes = [shape for file in files for shape in safetensors_shapes(file).values()]
    return Component(folder, class_name, sum(math.prod(shape) for shape in shapes), files)


def _weights(path: Path, folder: Path) -> tuple[Path, ...]:
    """The safetensors files of one network: one file, or the shards that an index names."""
    single, shards = folder / WEIGHTS, folder / f"{WEIGHTS}.index.json"
    where = f"'{folder.name}' of '{path.name}'"
    if single.is_file():
        return (single,)
    if shards.is_file():
        named = read_json(shards).get("weight_map")
        if not isinstance(named, dict) or not all(isinstance(f, str) and Path(f).name == f for f in named.values()):
            raise ModelError(f"'{shards.name}' in {where} does not list the weights' files; download it again.")
        files = tuple(folder / file for file in sorted(set(named.values())))
        for file in files:
            if not file.is_file():
                raise ModelError(f"{where} lacks the file '{file.name}' of its weights; download it again.")
        return files
    if variants := sorted(folder.glob("diffusion_pytorch_model.*.safetensors")):
        raise ModelError(
            f"{where} holds its weights only as '{variants[0].name}'; save the pipeline again without a variant, "
            f"as '{WEIGHTS}'."
        )
    if (folder / "diffusion_pytorch_model.bin").is_file():
        raise ModelError(
            f"{where} holds its weights only as a pickle (.bin), which may carry code and is never opened; "
            "save the pipeline again as safetensors."
        )
    raise ModelError(f"{where} lacks its weights '{WEIGHTS}'; copy the whole folder of the model.")


def _unet_config(folder: Path) -> UnetConfig:
    config = _read(folder / "config.json", UnetConfig)
    name = folder.parent.name
    if config.class_embed_type is not None or config.num_class_embeds is not None:
        raise ModelError(f"The U-Net of '{name}' wants a class label; this program opens unconditional ones.")
    if config.time_embedding_type != "positional":
        raise ModelError(
            f"The U-Net of '{name}' takes its noise level as '{config.time_embedding_type}'; this program knows "
            "'positional'."
        )
    channels, height, width = config.latent_shape
    if config.sample_size is None or not (1 <= height <= 4096 and 1 <= width <= 4096 and 1 <= channels <= 4096):
        raise ModelError(f"'config.json' in the U-Net of '{name}' does not say the size of its pictures (sample_size).")
    if config.out_channels not in (channels, 2 * channels):
        raise ModelError(f"The U-Net of '{name}' takes {channels} channels and returns {config.out_channels}.")
    return config


def _read(path: Path, kind: type[Config]) -> Config:
    found = read_json(path)
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise ModelError(f"'{path.parent.name}/{path.name}' cannot be used: {error}.") from error
