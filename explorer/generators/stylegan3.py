"""StyleGAN3 generators, configurations T and R: the pickles of NVIDIA's repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import torch

from explorer.checkpoint import load_exactly
from explorer.errors import ModelError
from explorer.generators import own_folder
from explorer.generators.base import Generator, Progress, Verdict, specimen
from explorer.generators.official_pickles import OfficialNetwork, is_official, read_network
from explorer.generators.style_generator import StyleGenerator, mean_of_w, style_capabilities, style_spaces
from explorer.generators.stylegan3_network import NetworkConfig, StyleGAN3
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.pickled_tensors import read_stored
from explorer.scene.cards import ModelCard

IS_STYLEGAN3: Final = "synthesis.input.weight"
"""The tensor that every such network has."""
_INPUT = {"freqs": "frequencies"}
_LAYER = re.compile(r"synthesis\.L(\d+)_\d+_\d+\.(.+)")
_MAPPING = re.compile(r"mapping\.fc(\d+)\.(weight|bias)")
_SETTINGS = {
    "channel_base": "channel_base", "channel_max": "channel_max", "num_layers": "layers",
    "num_critical": "critical_layers", "first_cutoff": "first_cutoff", "first_stopband": "first_stopband",
    "last_stopband_rel": "last_stopband", "margin_size": "margin", "output_scale": "output_scale",
    "conv_kernel": "kernel", "filter_size": "filter_size", "lrelu_upsampling": "finer",
    "use_radial_filters": "radial", "conv_clamp": "clamp",
}  # fmt: skip
"""What the official code calls a setting of the synthesis network → what we call it."""


class StyleGAN3Generator(StyleGenerator[StyleGAN3]):
    """A loaded StyleGAN3. The first numbers of a style are the rotation and the translation of the picture."""


class StyleGAN3Family:
    """Finds and loads them."""

    name = "stylegan3"
    title = "StyleGAN3"
    short_title = "StyleGAN3"

    def specimens(self) -> tuple[ModelCard, ...]:
        """Two: without classes and with."""
        found = []
        for classes in (0, 2):
            config = NetworkConfig(resolution=16, channel_base=64, channel_max=8, classes=classes, label_width=classes)
            with torch.device("meta"):
                spaces = style_spaces(StyleGAN3(config), config.z_dim)
            found.append(specimen(self.name, spaces, _capabilities(classes), classes=classes))
        return tuple(found)

    def identify(self, path: Path) -> Verdict:
        """Mine: NVIDIA's pickle of such a network."""
        if not is_official(path):
            return Verdict(False, "It is not a pickle.")
        try:
            network = read_network(path)
        except ModelError as error:
            return Verdict(False, str(error))  # of which StyleGAN it is a broken pickle, the other family says
        if network is None or IS_STYLEGAN3 not in network.tensors:
            return Verdict(False, "It is not the pickle of a StyleGAN3.")
        try:
            _config(network, path)
        except ModelError as error:
            return Verdict(True, str(error), problem=True)
        return Verdict(True, "It holds the network of a StyleGAN3, as NVIDIA's repository writes it.")

    def describe(self, path: Path) -> ModelCard:
        """The card, from the settings that the pickle holds."""
        config = _config(_network(path), path)
        with torch.device("meta"):
            network = StyleGAN3(config)
        return own_folder.describe(
            path,
            [path],
            family=self.name,
            output=IMAGE.card((config.picture_channels, config.resolution, config.resolution)),
            spaces=style_spaces(network, config.z_dim),
            capabilities=_capabilities(config.classes),
            parameters=sum(parameter.numel() for parameter in network.parameters()),
            classes=config.classes,
        )

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> Generator:
        """The generator, every tensor checked. Its tensors are those that were read: none is copied."""
        card, official = self.describe(path), _network(path)
        config = _config(official, path)
        stored = {own_name(name): one for name, one in official.tensors.items()}
        state = read_stored(path, stored, change=lambda name, tensor: tensor)
        if progress is not None:
            progress(0.5)
        with torch.device("meta"):
            network = StyleGAN3(config)
        without_mean = "w_mean" not in state
        load_exactly(network, {"w_std": torch.ones(config.w_dim), "w_mean": torch.zeros(config.w_dim), **state}, path)
        if without_mean:
            network.w_mean = mean_of_w(network, config.z_dim)
        generator = StyleGAN3Generator(card, network, device)
        if progress is not None:
            progress(1.0)
        return generator


def _capabilities(classes: int) -> tuple[str, ...]:
    return (*style_capabilities(classes), "motion")


def _network(path: Path) -> OfficialNetwork:
    network = read_network(path)
    if network is None or IS_STYLEGAN3 not in network.tensors:
        raise ModelError(f"'{path.name}' is not the pickle of a StyleGAN3; open it as another family.")
    return network


def own_name(name: str) -> str:
    """What we call the tensor with an official ``name``; that name where we have none for it."""
    if match := _MAPPING.fullmatch(name):
        return f"mapping.layers.{match[1]}.{match[2]}"
    if name == "mapping.w_avg":
        return "w_mean"
    if match := _LAYER.fullmatch(name):
        return f"layers.{match[1]}.{'magnitude' if match[2] == 'magnitude_ema' else match[2]}"
    if name.startswith("synthesis.input."):
        leaf = name.removeprefix("synthesis.input.")
        return f"input.{_INPUT.get(leaf, leaf)}"
    return name


def _config(network: OfficialNetwork, path: Path) -> NetworkConfig:
    layers = sum(bool(_MAPPING.fullmatch(name)) and name.endswith("weight") for name in network.tensors)
    shapes = {name: one.shape for name, one in network.tensors.items()}
    label = shapes.get("mapping.embed.weight", (0, 0))
    multiplier = network.value("mapping", "lr_multiplier", 0.01)
    settings: dict[str, Any] = {}
    for official, own in _SETTINGS.items():
        value = network.value("synthesis", official, settings)  # what is nowhere has the value of the paper
        if value is not settings:
            settings[own] = value
    try:
        first, last = shapes["mapping.fc0.weight"], shapes[f"mapping.fc{layers - 1}.weight"]
        return NetworkConfig(
            resolution=network.value("synthesis", "img_resolution", None),
            picture_channels=network.value("synthesis", "img_channels", None),
            z_dim=first[1] - label[0],
            w_dim=last[0],
            mapping_layers=layers,
            mapping_lr_multiplier=network.value("mapping.fc0", "bias_gain", multiplier),
            classes=label[1],
            label_width=label[0],
            **settings,
        )
    except (KeyError, IndexError) as error:
        raise ModelError(f"'{path.name}' lacks the mapping's tensors ({error}); it is incomplete.") from error
    except (TypeError, ValueError) as error:
        raise ModelError(f"'{path.name}' describes no StyleGAN3 that this program draws: {error}.") from error


FAMILY = StyleGAN3Family()
