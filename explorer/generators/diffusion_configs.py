"""What is needed of the ``config.json`` of denoisers and autoencoders; the defaults are those of diffusers."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec

from explorer.errors import ModelError
from explorer.generators.diffusion_component import TEXT_UNET, TINY, Component

Count = Annotated[int, msgspec.Meta(ge=1, le=1 << 20)]
Widths = Annotated[tuple[Count, ...], msgspec.Meta(min_length=1, max_length=16)]
Factor = Annotated[int, msgspec.Meta(ge=1, le=16)]
"""What networks have; each block halves or doubles the size of pictures, so their number is an exponent."""


class UnetConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Of a ``UNet2DModel``."""

    in_channels: Count = 3
    out_channels: Count = 3
    sample_size: int | tuple[int, int] | None = None
    block_out_channels: Widths = (224, 448, 672, 896)
    mid_block_type: str | None = "UNetMidBlock2D"
    time_embedding_type: str = "positional"
    class_embed_type: str | None = None
    num_class_embeds: int | None = None

    @property
    def takes_sizes(self) -> bool:
        """Whether it is one of SD XL's kind, which is told of the whole prompt and of sizes, too."""
        return False

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


class TextUnetConfig(UnetConfig, frozen=True, kw_only=True):
    """Of a ``UNet2DConditionModel``. ``time_cond_proj_dim``: it takes the strength of guidance as an input (latent
    consistency models); ``addition_embed_type`` ``text_time``: the whole prompt's embedding and sizes, too (SD XL)."""

    in_channels: Count = 4
    out_channels: Count = 4
    block_out_channels: Widths = (320, 640, 1280, 1280)
    mid_block_type: str | None = "UNetMidBlock2DCrossAttn"
    cross_attention_dim: int | tuple[int, ...] = 1280
    encoder_hid_dim_type: str | None = None
    encoder_hid_dim: int | None = None
    addition_embed_type: str | None = None
    addition_time_embed_dim: int | None = None
    projection_class_embeddings_input_dim: int | None = None
    time_cond_proj_dim: int | None = None
    attention_type: str = "default"

    @property
    def takes_sizes(self) -> bool:
        return self.addition_embed_type == "text_time"


class DecoderConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Of an autoencoder."""

    latent_channels: Count = 4
    in_channels: Count = 3
    out_channels: Count = 3
    sample_size: int | None = None
    block_out_channels: Widths = (64,)
    num_decoder_blocks: Widths = (3, 3, 3, 1)  # AutoencoderTiny
    upsampling_scaling_factor: Factor = 2  # AutoencoderTiny
    scaling_factor: float = 1.0
    shift_factor: float | None = None
    latents_mean: tuple[float, ...] | None = None
    latents_std: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for what no latent can be divided by, or moved by."""
        for name in ("scaling_factor", "latents_std"):
            if not all(0.0 < abs(number) < math.inf for number in _numbers(getattr(self, name))):
                raise ValueError(f"'{name}' is {getattr(self, name)}, and latents are divided by it")
        for name in ("shift_factor", "latents_mean"):
            if not all(math.isfinite(number) for number in _numbers(getattr(self, name))):
                raise ValueError(f"'{name}' is {getattr(self, name)}, and latents are moved by it")

    def growth(self, class_name: str) -> int:
        """Pixels a side that one place of a latent becomes."""
        if class_name == TINY:
            return int(self.upsampling_scaling_factor ** (len(self.num_decoder_blocks) - 1))
        return int(2 ** (len(self.block_out_channels) - 1))


def _numbers(value: float | tuple[float, ...] | None) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else () if value is None else (value,)


def read_unet(part: Component) -> UnetConfig:
    """The denoiser's configuration. Raises :class:`ModelError` for one that is not known here."""
    name = part.folder.parent.name
    config: UnetConfig = part.read_config(TextUnetConfig if part.class_name == TEXT_UNET else UnetConfig)
    if config.class_embed_type is not None or (isinstance(config, TextUnetConfig) and config.num_class_embeds):
        raise ModelError(
            f"The U-Net of '{name}' takes classes as '{config.class_embed_type or TEXT_UNET}'; this program knows "
            "those that count them by num_class_embeds and take no text."
        )
    if config.num_class_embeds is not None and not 1 <= config.num_class_embeds <= 1 << 20:
        raise ModelError(f"The U-Net of '{name}' has {config.num_class_embeds} classes; that cannot be.")
    if config.time_embedding_type != "positional":
        raise ModelError(
            f"The U-Net of '{name}' takes its noise level as '{config.time_embedding_type}'; this program knows "
            "'positional'."
        )
    if isinstance(config, TextUnetConfig):
        _check_text_unet(name, config)
    channels, height, width = config.latent_shape
    if config.sample_size is None or not (1 <= height <= 4096 and 1 <= width <= 4096):
        raise ModelError(f"'config.json' in the U-Net of '{name}' does not say the size of its pictures (sample_size).")
    if config.out_channels not in (channels, 2 * channels):
        raise ModelError(
            f"The U-Net of '{name}' takes {channels} channels and returns {config.out_channels}; one that also takes a "
            "picture or a mask (inpainting, depth, upscaling) cannot be drawn from noise and a prompt alone."
        )
    return config


def _check_text_unet(name: str, config: TextUnetConfig) -> None:
    settings = {
        "addition_embed_type": (config.addition_embed_type, (None, "text_time")),
        "encoder_hid_dim_type": (config.encoder_hid_dim_type, (None,)),
        "encoder_hid_dim": (config.encoder_hid_dim, (None,)),
        "attention_type": (config.attention_type, ("default",)),
    }
    for key, (value, known) in settings.items():
        if value not in known:
            raise ModelError(
                f"The U-Net of '{name}' sets '{key}' to {value!r}, which this program does not know; it opens Stable "
                "Diffusion 1, 2 and XL."
            )
    if isinstance(config.cross_attention_dim, tuple) and len(set(config.cross_attention_dim)) != 1:
        raise ModelError(f"The blocks of the U-Net of '{name}' read embeddings of several widths; no text fits all.")
