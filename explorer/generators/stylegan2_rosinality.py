"""StyleGAN2 as the repository ``stylegan2-pytorch`` (rosinality) writes it: a checkpoint with ``g_ema`` and, where it
was converted, ``latent_avg``, the mean of w."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from explorer.checkpoint import read_torch
from explorer.errors import ModelError
from explorer.generators.state_dicts import TORCH_SUFFIXES
from explorer.generators.stylegan2_network import NetworkConfig, upsampling_filter
from explorer.generators.stylegan2_official import as_ours, completed

_IS_ROSINALITY = {"input.input", "conv1.conv.weight", "style.1.weight"}
MEAN = "latent_avg"
_MULTIPLIER = 0.01  # of the mapping's learning rate: no file says it, and all are trained with this one
_LEARNED = {"conv.weight": "weight", "activate.bias": "bias", "noise.weight": "noise_strength"}
_STYLES = {"conv.modulation.weight": "affine.weight", "conv.modulation.bias": "affine.bias"}
_LAYER = re.compile(r"(conv1|convs\.(\d+))\.(.+)")
_COLOURS = re.compile(r"(to_rgb1|to_rgbs\.(\d+))\.(.+)")
_MAPPING = re.compile(r"style\.(\d+)\.(weight|bias)")
_NOISE = re.compile(r"noises\.noise_(\d+)")
_FILTER = re.compile(r".*\.(blur|upsample)\.kernel")


class RosinalityLayout:
    """See the module."""

    origin = "stylegan2-pytorch"

    def config(self, path: Path) -> NetworkConfig | None:
        """The shape of the network in such a file; None for any other file."""
        if not path.is_file() or path.suffix.lower() not in TORCH_SUFFIXES:
            return None
        try:
            state = read_torch(path).get("g_ema")
        except ModelError:
            return None  # whose it is, nobody can tell
        return _config(_state(path), path) if isinstance(state, dict) and set(state) >= _IS_ROSINALITY else None

    def state(self, path: Path) -> dict[str, Tensor]:
        """Its tensors under our names. Without ``latent_avg`` there is no mean of w: who loads it estimates it."""
        state, config = _state(path), _config(_state(path), path)
        _check_filters(state, path)
        found = {}
        for name, tensor in state.items():
            if not _FILTER.fullmatch(name):
                own = _own_name(name)
                found[own] = as_ours(own, _shaped(own, tensor))
        mean = read_torch(path).get(MEAN)
        if isinstance(mean, Tensor):
            found["w_mean"] = mean.flatten()
        return completed(found, config)


def _state(path: Path) -> dict[str, Tensor]:
    state = read_torch(path).get("g_ema")
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise ModelError(f"'{path.name}' holds no network as 'g_ema'; it is incomplete.")
    return state


def _own_name(name: str) -> str:
    """What we call the tensor ``name``; that name where we have none for it."""
    if name == "input.input":
        return "blocks.0.constant"
    if match := _MAPPING.fullmatch(name):
        return f"mapping.layers.{int(match[1]) - 1}.{match[2]}"
    if match := _NOISE.fullmatch(name):
        return f"{_place(int(match[1]) - 1)}.noise"
    if (match := _LAYER.fullmatch(name)) and (part := (_LEARNED | _STYLES).get(match[3])):
        return f"{_place(-1 if match[2] is None else int(match[2]))}.{part}"
    if match := _COLOURS.fullmatch(name):
        block = 0 if match[2] is None else int(match[2]) + 1
        part = ({"bias": "bias", "conv.weight": "weight"} | _STYLES).get(match[3], match[3])
        return f"blocks.{block}.to_picture.{part}"
    return name


def _place(number: int) -> str:
    """The layer that is called ``convs.NUMBER``; -1: the one before these."""
    return "blocks.0.conv1" if number < 0 else f"blocks.{number // 2 + 1}.conv{number % 2}"


def _shaped(own: str, tensor: Tensor) -> Tensor:
    """Without the dimensions of size 1 that this layout begins or ends with."""
    if own.endswith(("noise_strength",)):
        return tensor.reshape(()) if tensor.numel() == 1 else tensor
    if own.endswith(".noise"):
        return tensor.reshape(tensor.shape[-2:])
    if own.endswith("to_picture.bias"):
        return tensor.flatten()
    return tensor[0] if own.endswith((".conv0.weight", ".conv1.weight", "to_picture.weight", "constant")) else tensor


def _config(state: dict[str, Tensor], path: Path) -> NetworkConfig:
    blocks = sum(bool(_COLOURS.fullmatch(name)) and name.endswith("conv.weight") for name in state)
    layers = sum(bool(_MAPPING.fullmatch(name)) and name.endswith("weight") for name in state)
    try:
        mapping = [state[f"style.{index}.weight"].shape for index in range(1, layers + 1)]
        names = ["conv1", *(f"convs.{2 * index + 1}" for index in range(blocks - 1))]
        return NetworkConfig(
            resolution=2 << blocks,
            channels=tuple(state[f"{name}.conv.weight"].shape[1] for name in names),
            z_dim=mapping[0][1],
            w_dim=mapping[-1][0],
            mapping_layers=layers,
            mapping_width=mapping[0][0],
            mapping_lr_multiplier=_MULTIPLIER,
            picture_channels=state["to_rgb1.conv.weight"].shape[1],
        )
    except (KeyError, IndexError) as error:
        raise ModelError(f"'{path.name}' lacks the tensor {error} of a StyleGAN2; it is incomplete.") from error
    except ValueError as error:
        raise ModelError(f"'{path.name}' describes no StyleGAN2 that this program draws: {error}.") from error


def _check_filters(state: dict[str, Any], path: Path) -> None:
    """Only the filter [1, 3, 3, 1] is drawn with; it is stored in every layer that resizes."""
    usual = upsampling_filter()[0, 0]
    for name, tensor in state.items():
        if not _FILTER.fullmatch(name):
            continue
        if tensor.shape != usual.shape or not torch.allclose(tensor.float(), usual, atol=1e-5):
            raise ModelError(
                f"'{path.name}' resizes with a filter of its own ('{name}'); only [1, 3, 3, 1] is supported."
            )


LAYOUT = RosinalityLayout()
