"""A diffusers pipeline folder, checked before anything is loaded: JSON and file headers only, no diffusers, no weights.

Every fault is a :class:`explorer.errors.ModelError` of one sentence. Nothing named in the folder is ever imported: the
classes that may be loaded are the ones listed in :mod:`explorer.generators.diffusion_component`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from explorer.checkpoint import read_json
from explorer.errors import ModelError
from explorer.generators.diffusion_component import (
    DECODERS,
    INDEX,
    TEXT_UNET,
    TINY,
    UNET,
    Component,
    class_of,
    component,
    lone_component,
)
from explorer.generators.diffusion_configs import DecoderConfig, TextUnetConfig, UnetConfig, read_unet
from explorer.generators.diffusion_scheduler import FolderSamplers, read_scheduler
from explorer.generators.diffusion_text_folder import TextPart, take_text_parts
from explorer.generators.schedule import FILE

OPENS = (
    "it opens pipelines of a UNet2DModel, or of a UNet2DConditionModel with CLIP text encoders, a scheduler and, for "
    "latent diffusion, an autoencoder"
)
LEFT_OUT = ("safety_checker", "feature_extractor", "image_encoder")
"""Parts that change no picture drawn from noise and a text."""


@dataclass(frozen=True)
class PipelineFolder:
    """A folder that passed every check that needs no weights. ``pipeline``: the class that its index names; ``decoder``
    is None for diffusion in pixels, ``tiny`` a small decoder beside it; ``text`` is empty where no text is read;
    ``zero_empty``: an empty negative prompt is zeros and not what the encoders make of it."""

    path: Path
    pipeline: str
    unet: Component
    unet_config: UnetConfig
    decoder: Component | None
    decoder_config: DecoderConfig | None
    tiny: Component | None
    text: tuple[TextPart, ...]
    zero_empty: bool
    samplers: FolderSamplers

    @property
    def picture_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of what comes out."""
        channels, height, width = self.unet_config.latent_shape
        if self.decoder is None or self.decoder_config is None:
            return channels, height, width
        grow = self.decoder_config.growth(self.decoder.class_name)
        return self.decoder_config.out_channels, height * grow, width * grow

    @property
    def networks(self) -> list[Component]:
        """All of them, those first that every picture needs."""
        others = (self.decoder, self.tiny)
        return [self.unet, *(part.encoder for part in self.text), *(part for part in others if part is not None)]

    @property
    def files(self) -> list[Path]:
        """Every file that decides what the pipeline computes."""
        scheduler = self.path / "scheduler" / FILE
        texts = [file for part in self.text for file in part.files]
        others = [part for part in (self.decoder, self.tiny) if part is not None]
        return [scheduler, *self.unet.files, *texts, *(file for part in others for file in part.files)]


def open_folder(path: Path) -> PipelineFolder:
    """Check ``path``, a folder with ``model_index.json``, as far as JSON and headers tell."""
    pipeline, entries = entries_of(path)
    _require(path, pipeline, entries)
    unet = component(path, "unet", entries.pop("unet"), (UNET, TEXT_UNET))
    decoder_name = next((name for name in ("vqvae", "vae") if name in entries), "")
    decoder = component(path, decoder_name, entries.pop(decoder_name), DECODERS) if decoder_name else None
    text = take_text_parts(path, entries) if unet.class_name == TEXT_UNET else ()
    samplers = read_scheduler(path, entries.pop("scheduler"))
    if unknown := sorted(set(entries) - {*LEFT_OUT}):
        raise ModelError(f"'{path.name}' also has {', '.join(unknown)}, which this program does not know; {OPENS}.")
    unet_config = read_unet(unet)
    if isinstance(unet_config, TextUnetConfig):
        _check_text(path, unet_config, text)
    decoder_config = decoder.read_config(DecoderConfig) if decoder is not None else None
    if decoder is not None and decoder_config is not None and decoder_config.latent_channels != unet_config.in_channels:
        raise ModelError(
            f"The U-Net of '{path.name}' takes {unet_config.in_channels} channels and its {decoder.class_name} "
            f"{decoder_config.latent_channels}: it takes a picture or a mask beside the noise, or they do not belong "
            "together."
        )
    zero_empty = bool(read_json(path / INDEX).get("force_zeros_for_empty_prompt", unet_config.takes_sizes))
    tiny = _tiny_decoder(path, decoder, decoder_config)
    return PipelineFolder(path, pipeline, unet, unet_config, decoder, decoder_config, tiny, text, zero_empty, samplers)


def entries_of(path: Path) -> tuple[str, dict[str, str]]:
    """The pipeline's class, and component → class name, of ``model_index.json``, the parts that are switched off left
    out."""
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
        expected = _LIBRARIES.get(name, library)
        if library != expected:
            raise ModelError(
                f"'{path.name}' asks for '{library}.{class_name}' as its {name}, which is never run; only parts of "
                f"{expected} are."
            )
        found[name] = class_name
    return pipeline, found


_LIBRARIES = {
    **dict.fromkeys(("unet", "vae", "vqvae", "scheduler"), "diffusers"),
    **dict.fromkeys(("text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2"), "transformers"),
}


def _require(path: Path, pipeline: str, entries: dict[str, str]) -> None:
    for name in ("unet", "scheduler"):
        if name not in entries:
            raise ModelError(
                f"'{path.name}' is a {pipeline} without a {name}, which this program does not know; {OPENS}."
            )
    if entries["unet"] not in (UNET, TEXT_UNET):
        raise ModelError(
            f"'{path.name}' is a {pipeline} around a {entries['unet']}, which this program does not know; {OPENS}."
        )


def _check_text(path: Path, config: TextUnetConfig, text: tuple[TextPart, ...]) -> None:
    """Raise :class:`ModelError` unless the U-Net reads what the text encoders say."""
    if not text:
        raise ModelError(f"'{path.name}' has a U-Net that reads text ({TEXT_UNET}) and no text encoder; {OPENS}.")
    widths = config.cross_attention_dim
    width = widths[0] if isinstance(widths, tuple) else widths
    if sum(part.config.hidden_size for part in text) != width or len({part.length for part in text}) != 1:
        made = " + ".join(f"{part.length} × {part.config.hidden_size}" for part in text)
        raise ModelError(
            f"The text encoders of '{path.name}' say {made} numbers and its U-Net reads {width} a token; they do not "
            "belong together."
        )
    if config.takes_sizes:
        sizes = 6 * (config.addition_time_embed_dim or 0) + text[-1].config.projection_dim
        if sizes != config.projection_class_embeddings_input_dim:
            raise ModelError(
                f"The U-Net of '{path.name}' takes {config.projection_class_embeddings_input_dim} numbers of sizes and "
                f"the whole prompt, not the {sizes} of SD XL; a refiner, which starts from pictures, is not opened."
            )


def _tiny_decoder(path: Path, decoder: Component | None, config: DecoderConfig | None) -> Component | None:
    """A small autoencoder that lies beside the one of the pipeline, in a folder of any name; the first by name.

    Raises :class:`ModelError` where it does not decode the same latents to the same size.
    """
    if decoder is None or config is None or decoder.class_name == TINY:
        return None
    for folder in sorted(path.iterdir()):
        if folder == decoder.folder or not (folder / "config.json").is_file():
            continue
        if class_of(read_json(folder / "config.json")) != TINY:
            continue
        tiny = lone_component(folder, TINY)
        own = tiny.read_config(DecoderConfig)
        shape = own.latent_channels, own.out_channels, own.growth(TINY)
        if shape != (config.latent_channels, config.out_channels, config.growth(decoder.class_name)):
            raise ModelError(
                f"The {TINY} in '{folder.name}' of '{path.name}' does not decode what its {decoder.class_name} does; "
                "they do not belong together."
            )
        return tiny
    return None
