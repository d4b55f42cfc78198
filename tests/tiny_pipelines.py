"""Pipelines of random weights, saved by diffusers itself, small enough to run in milliseconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    DDIMPipeline,
    DDIMScheduler,
    DDPMPipeline,
    DDPMScheduler,
    FlowMatchEulerDiscreteScheduler,
    LDMPipeline,
    UNet2DModel,
    VQModel,
)


def tiny_unet(channels: int = 3, size: int = 16, seed: int = 0, **changes: Any) -> UNet2DModel:
    torch.manual_seed(seed)
    settings: dict[str, Any] = {
        "sample_size": size, "in_channels": channels, "out_channels": channels, "layers_per_block": 1,
        "block_out_channels": (8, 16), "norm_num_groups": 4, "attention_head_dim": 8,
        "down_block_types": ("DownBlock2D", "AttnDownBlock2D"), "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
    }  # fmt: skip
    return UNet2DModel(**{**settings, **changes})


def save_pixels(folder: Path, **scheduler: Any) -> Path:
    """Diffusion in pixels, 3×16×16, a DDPM that predicts the noise."""
    DDPMPipeline(tiny_unet(), DDPMScheduler(**scheduler)).save_pretrained(folder)
    return folder


def save_ddim(folder: Path, **scheduler: Any) -> Path:
    """Diffusion in pixels with a DDIM scheduler."""
    DDIMPipeline(tiny_unet(), DDIMScheduler(clip_sample=False, **scheduler)).save_pretrained(folder)
    return folder


def save_flow(folder: Path, **changes: Any) -> Path:
    """A flow in pixels, whose U-Net has the ``changes``."""
    DDPMPipeline(tiny_unet(**changes), FlowMatchEulerDiscreteScheduler()).save_pretrained(folder)
    return folder


def tiny_kl(**changes: Any) -> AutoencoderKL:
    torch.manual_seed(1)
    settings: dict[str, Any] = {
        "block_out_channels": (8, 8), "norm_num_groups": 4, "layers_per_block": 1, "sample_size": 16,
        "down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2,
    }  # fmt: skip
    return AutoencoderKL(**{**settings, **changes})


def tiny_vq() -> VQModel:
    torch.manual_seed(1)
    return VQModel(
        block_out_channels=(8, 8), norm_num_groups=4, latent_channels=4, num_vq_embeddings=16, sample_size=16,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip


def tiny_taesd() -> AutoencoderTiny:
    torch.manual_seed(1)
    return AutoencoderTiny(
        encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8), num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
    )  # fmt: skip


DECODERS: dict[str, Callable[[], Any]] = {
    "AutoencoderKL": lambda: tiny_kl(scaling_factor=0.5),
    "VQModel": tiny_vq,
    "AutoencoderTiny": tiny_taesd,
}


def save_latent(folder: Path, decoder: str = "AutoencoderKL", **scheduler: Any) -> Path:
    """Latent diffusion, 4×8×8 latents, 3×16×16 pictures."""
    chosen = DDIMScheduler(clip_sample=False, **scheduler)
    LDMPipeline(vqvae=DECODERS[decoder](), unet=tiny_unet(4, 8), scheduler=chosen).save_pretrained(folder)
    return folder


def change_json(path: Path, **changes: Any) -> None:
    """Set keys of a JSON file; ``None`` stays ``null``, ``...`` removes the key."""
    found = json.loads(path.read_text())
    for key, value in changes.items():
        if value is ...:
            found.pop(key)
        else:
            found[key] = value
    path.write_text(json.dumps(found))
