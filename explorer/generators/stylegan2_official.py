"""StyleGAN2 as StyleGAN2-ADA's and StyleGAN3's repositories write it: what the names and shapes of its tensors say."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from explorer.errors import ModelError
from explorer.generators.official_pickles import OfficialNetwork, is_official, read_network
from explorer.generators.stylegan2_network import NetworkConfig, upsampling_filter
from explorer.pickled_tensors import read_stored

IS_STYLEGAN2: Final = "synthesis.b4.const"
"""The tensor that every such network has."""
_LAYERS = {"conv0": "conv0", "conv1": "conv1", "torgb": "to_picture"}
_BLOCK = re.compile(r"synthesis\.b(\d+)\.(const|skip\.weight|(conv0|conv1|torgb)\.(.+))")
_MAPPING = re.compile(r"mapping\.fc(\d+)\.(weight|bias)")
_UPSAMPLING_KERNEL = re.compile(r"blocks\.\d+\.conv0\.weight")


class OfficialLayout:
    """See the module."""

    origin = "NVIDIA's repository"

    def config(self, path: Path) -> NetworkConfig | None:
        """The shape of the network in such a file; None for any other file."""
        network = read_network(path) if is_official(path) else None
        return _config(network, path) if network is not None and IS_STYLEGAN2 in network.tensors else None

    def state(self, path: Path) -> dict[str, Tensor]:
        """Its tensors under our names."""
        network = read_network(path)
        if network is None:
            raise ModelError(f"'{path.name}' holds no network of NVIDIA's StyleGAN; open another file.")
        config = _config(network, path)
        _check_filters(network, path)
        stored = {own_name(name): one for name, one in network.tensors.items() if not name.endswith("resample_filter")}
        return completed(read_stored(path, stored, change=as_ours), config)


def own_name(name: str) -> str:
    """What we call the tensor with an official ``name``; that name where we have none for it."""
    if match := _MAPPING.fullmatch(name):
        return f"mapping.layers.{match[1]}.{match[2]}"
    if name == "mapping.w_avg":
        return "w_mean"
    if match := _BLOCK.fullmatch(name):
        block = f"blocks.{int(match[1]).bit_length() - 3}"
        if match[3]:
            return f"{block}.{_LAYERS[match[3]]}.{'noise' if match[4] == 'noise_const' else match[4]}"
        return f"{block}.{'constant' if match[2] == 'const' else 'skip'}"
    return name


def as_ours(name: str, tensor: Tensor) -> Tensor:
    """A tensor that is called ``name`` by us, as we compute with it: kernels of upsampling layers are turned by half a
    turn, for theirs are convolved, and ours correlated."""
    return tensor.flip(2, 3) if _UPSAMPLING_KERNEL.fullmatch(name) else tensor


def completed(state: dict[str, Tensor], config: NetworkConfig) -> dict[str, Tensor]:
    """``state`` with what some files leave out because their networks do without: noise, the deviation of w."""
    state.setdefault("w_std", torch.ones(config.w_dim))
    for index in range(len(config.channels)):
        for layer in ("conv0", "conv1") if index else ("conv1",):
            size = 4 << index
            state.setdefault(f"blocks.{index}.{layer}.noise", torch.zeros(size, size))
            state.setdefault(f"blocks.{index}.{layer}.noise_strength", torch.zeros(()))
    return state


def _config(network: OfficialNetwork, path: Path) -> NetworkConfig:
    shape = functools.partial(_shape, network, path)
    sizes = sorted({int(match[1]) for name in network.tensors if (match := _BLOCK.fullmatch(name))})
    if sizes != [4 << index for index in range(len(sizes))]:
        raise ModelError(f"'{path.name}' has blocks of {sizes} pixels, of which some are missing; it is incomplete.")
    resolution = sizes[-1]
    for layer in ("mapping.fc0", "synthesis.b4.conv1"):
        if (activation := network.value(layer, "activation", "lrelu")) != "lrelu":
            raise ModelError(f"'{path.name}' was trained with '{activation}' layers; only 'lrelu' is supported.")
    colours = f"synthesis.b{resolution}.torgb.weight"
    architecture = "skip" if "synthesis.b4.torgb.weight" in network.tensors else "resnet"
    if architecture == "resnet" and resolution > 4 and f"synthesis.b{resolution}.skip.weight" not in network.tensors:
        raise ModelError(
            f"'{path.name}' is of the architecture 'orig', without skip connections; only 'skip' and 'resnet' are "
            "supported."
        )
    layers = sum(name.startswith("mapping.fc") and name.endswith("weight") for name in network.tensors)
    widths = [shape(f"mapping.fc{index}.weight", 2) for index in range(layers)]
    if not widths:
        raise ModelError(f"'{path.name}' lacks the tensor 'mapping.fc0.weight'; it is incomplete.")
    label_width, classes = shape("mapping.embed.weight", 2) if "mapping.embed.weight" in network.tensors else (0, 0)
    try:
        return NetworkConfig(
            resolution=resolution,
            channels=tuple(shape(f"synthesis.b{size}.conv1.weight", 4)[0] for size in sizes),
            z_dim=widths[0][1] - label_width,
            w_dim=widths[-1][0],
            mapping_layers=layers,
            mapping_width=widths[0][0],
            mapping_lr_multiplier=_number(network.value("mapping.fc0", "bias_gain", _multiplier(network)), path),
            architecture="skip" if architecture == "skip" else "resnet",
            picture_channels=shape(colours, 4)[0],
            classes=classes,
            label_width=label_width,
            clamp=_limit(network.value("synthesis.b4.conv1", "conv_clamp", None), path),
        )
    except ValueError as error:
        raise ModelError(f"'{path.name}' describes no StyleGAN2 that this program draws: {error}.") from error


def _multiplier(network: OfficialNetwork) -> Any:
    return network.value("mapping", "lr_multiplier", 0.01)


def _shape(network: OfficialNetwork, path: Path, name: str, dimensions: int) -> tuple[int, ...]:
    stored = network.tensors.get(name)
    if stored is None or len(stored.shape) != dimensions:
        raise ModelError(f"'{path.name}' lacks the tensor '{name}', or it has another shape; it is incomplete.")
    return stored.shape


def _number(value: Any, path: Path) -> float:
    if type(value) not in (int, float) or not 0 < value < 1e6:
        raise ModelError(f"'{path.name}' says '{value}' where a number above 0 belongs; it is damaged.")
    return float(value)


def _limit(value: Any, path: Path) -> float | None:
    return None if value is None else _number(value, path)


def _check_filters(network: OfficialNetwork, path: Path) -> None:
    """Only the filter [1, 3, 3, 1] is drawn with; it is stored in every layer."""
    usual = upsampling_filter()[0, 0] / 4
    filters = {name: one for name, one in network.tensors.items() if name.endswith("resample_filter")}
    for name, stored in read_stored(path, filters, change=lambda name, one: one).items():
        if stored.shape != usual.shape or not torch.allclose(stored.float(), usual, atol=1e-5):
            raise ModelError(
                f"'{path.name}' resizes with a filter of its own ('{name}'); only [1, 3, 3, 1] is supported."
            )


LAYOUT = OfficialLayout()
