"""The networks of a latent diffusion model, built from diffusers' modules, and what training does to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from explorer.errors import ExplorerError
from explorer.generators.diffusion_component import load_component
from explorer.generators.diffusion_folder import open_folder
from explorer.generators.registry import resolve
from explorer.training.batch import Source


def build_autoencoder(size: int, channels: int, widths: Sequence[int], latents: int, seed: int) -> Any:
    """An AutoencoderKL that halves (channels, size, size) ``len(widths) - 1`` times, down to ``latents`` channels."""
    from diffusers import AutoencoderKL

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AutoencoderKL(
            in_channels=channels,
            out_channels=channels,
            down_block_types=("DownEncoderBlock2D",) * len(widths),
            up_block_types=("UpDecoderBlock2D",) * len(widths),
            block_out_channels=tuple(widths),
            layers_per_block=1,
            latent_channels=latents,
            norm_num_groups=_groups(widths),
            sample_size=size,
            scaling_factor=1.0,
            mid_block_add_attention=False,
        )


def autoencoder_of(name_or_path: str, source: Source) -> Any:
    """The AutoencoderKL of another latent diffusion model, by the name of one that ships or the path of a pipeline's
    folder; its weights stay as they are. Raises :class:`ExplorerError` where it does not fit the pictures."""
    path = resolve(name_or_path)
    folder = open_folder(path)
    if folder.decoder is None or folder.decoder.class_name != "AutoencoderKL":
        raise ExplorerError(f"'{path.name}' has no AutoencoderKL; name a latent diffusion model that has.")
    if folder.picture_shape != (source.channels, source.size, source.size):
        raise ExplorerError(
            f"The autoencoder of '{path.name}' draws pictures of shape {folder.picture_shape}, and those of "
            f"'{source.name}' have {(source.channels, source.size, source.size)}; set 'size', or name another."
        )
    return load_component(folder.decoder).requires_grad_(False)


def build_unet(size: int, channels: int, widths: Sequence[int], seed: int, classes: int | None = None) -> Any:
    """A UNet2DModel on (channels, size, size), halved ``len(widths) - 1`` times; attention in the middle only. Of
    ``classes``, it is told one a picture."""
    from diffusers import UNet2DModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return UNet2DModel(
            sample_size=size,
            in_channels=channels,
            out_channels=channels,
            block_out_channels=tuple(widths),
            down_block_types=("DownBlock2D",) * len(widths),
            up_block_types=("UpBlock2D",) * len(widths),
            layers_per_block=1,
            norm_num_groups=_groups(widths),
            attention_head_dim=min(32, widths[-1]),
            num_class_embeds=classes,
        )


def _groups(widths: Sequence[int]) -> int:
    """The most groups, up to 16, that every width can be divided into with two channels or more each."""
    return next(groups for groups in (16, 8, 4, 2, 1) if all(w % groups == 0 and w // groups >= 2 for w in widths))


@torch.no_grad()
def standardise_latents(autoencoder: Any, means: Tensor) -> None:
    """Change the 1x1 convolutions on both sides of the latents so that each latent channel has mean 0 and variance 1.

    ``means`` (B, C, h, w) are posterior means of pictures. Encoder and decoder still undo each other, and the exported
    folder needs no scaling factor.
    """
    centre = means.double().mean(dim=(0, 2, 3))
    spread = means.double().std(dim=(0, 2, 3), correction=0)
    count = len(centre)
    into, out_of = autoencoder.quant_conv, autoencoder.post_quant_conv
    weight, bias = out_of.weight.double(), out_of.bias.double()  # (C, C, 1, 1): z = spread z' + centre goes in
    out_of.bias.copy_(bias + weight[:, :, 0, 0] @ centre)
    out_of.weight.copy_(weight * spread[None, :, None, None])
    into.weight[:count] = (into.weight[:count].double() / spread[:, None, None, None]).to(into.weight)
    into.bias[:count] = ((into.bias[:count].double() - centre) / spread).to(into.bias)
    into.bias[count:] -= 2.0 * spread.log().to(into.bias)
