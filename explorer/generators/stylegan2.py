"""StyleGAN2 generators: folders of this program (``config.json``, ``model.safetensors`` and, if they like,
``card.json``), the pickles of NVIDIA's repositories, and checkpoints of stylegan2-pytorch."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import msgspec
import torch
from torch import Tensor

from explorer.checkpoint import load_exactly, read_json, read_safetensors, safetensors_shapes
from explorer.errors import ModelError
from explorer.generators import own_folder, stylegan2_official, stylegan2_rosinality
from explorer.generators.base import Generator, Progress, Verdict, specimen
from explorer.generators.own_folder import CONFIG, WEIGHTS
from explorer.generators.style_generator import StyleGenerator, mean_of_w, style_capabilities, style_spaces
from explorer.generators.stylegan2_network import NetworkConfig, StyleGAN2
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ModelCard


class StyleGAN2Generator(StyleGenerator[StyleGAN2]):
    """A loaded StyleGAN2."""


class StyleGAN2Family:
    """Finds and loads them."""

    name = "stylegan2"
    title = "StyleGAN2"
    short_title = "StyleGAN2"

    def specimens(self) -> tuple[ModelCard, ...]:
        """Two: without classes and with."""
        found = []
        for classes in (0, 2):
            config = NetworkConfig(resolution=8, channels=(8, 8), classes=classes, label_width=classes)
            with torch.device("meta"):
                spaces = style_spaces(StyleGAN2(config), config.z_dim)
            found.append(specimen(self.name, spaces, style_capabilities(classes), classes=classes))
        return tuple(found)

    def identify(self, path: Path) -> Verdict:
        """Mine: a folder whose ``config.json`` says so, NVIDIA's pickle, or a checkpoint of stylegan2-pytorch."""
        if path.is_dir():
            return own_folder.identify(path, self.name, OWN.config)
        try:
            layout, _ = _known_layout(path)
        except _UnknownLayoutError as error:
            return Verdict(False, str(error))
        except ModelError as error:
            return Verdict(True, str(error), problem=True)
        return Verdict(True, f"It holds the network of a StyleGAN2, as {layout.origin} writes it.")

    def describe(self, path: Path) -> ModelCard:
        """The card, from the description and the shapes of the weights, and ``card.json`` of a folder."""
        _, config = _known_layout(path)
        if path.is_dir():
            safetensors_shapes(path / WEIGHTS)  # readable, or it says why not
        with torch.device("meta"):
            network = StyleGAN2(config)
        return own_folder.describe(
            path,
            [path / CONFIG, path / WEIGHTS] if path.is_dir() else [path],
            family=self.name,
            output=IMAGE.card((config.picture_channels, config.resolution, config.resolution)),
            spaces=style_spaces(network, config.z_dim),
            capabilities=style_capabilities(config.classes),
            parameters=sum(parameter.numel() for parameter in network.parameters()),
            classes=config.classes,
        )

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> Generator:
        """The generator, every tensor checked. Its tensors are those that were read: none is copied."""
        card = self.describe(path)
        layout, config = _known_layout(path)
        state = layout.state(path)
        if progress is not None:
            progress(0.5)
        # Built without memory: a false description costs none, and the weights are in memory once.
        with torch.device("meta"):
            network = StyleGAN2(config)
        without_mean = "w_mean" not in state
        state.setdefault("w_mean", torch.zeros(config.w_dim))
        load_exactly(network, state, path / WEIGHTS if path.is_dir() else path)
        network.fill_constants()
        if without_mean:
            network.w_mean = mean_of_w(network, config.z_dim)
        generator = StyleGAN2Generator(card, network, device)
        if progress is not None:
            progress(1.0)
        return generator


def save_stylegan2(network: StyleGAN2, folder: Path) -> None:
    """Write ``config.json`` and ``model.safetensors`` into ``folder``."""
    own_folder.save(network, {"family": StyleGAN2Family.name, **network.config.to_dict()}, folder)


class Layout(Protocol):
    """A way in which such networks are written. Its functions raise :class:`ModelError` with one sentence."""

    origin: str
    """Who writes it."""

    def config(self, path: Path) -> NetworkConfig | None:
        """The shape of the network at ``path``, from names and shapes alone; None where it is not written so."""

    def state(self, path: Path) -> dict[str, Tensor]:
        """Its tensors under our names."""


class OwnLayout:
    """``config.json`` and ``model.safetensors``, as this program writes them."""

    origin = "this program"

    def config(self, path: Path) -> NetworkConfig | None:
        if not path.is_dir():
            return None
        described = read_json(path / CONFIG)
        described.pop("family", None)
        try:
            return msgspec.convert(described, NetworkConfig)
        except (msgspec.ValidationError, ValueError) as error:
            raise ModelError(f"'{CONFIG}' in '{path.name}' does not describe a StyleGAN2: {error}.") from error

    def state(self, path: Path) -> dict[str, Tensor]:
        return read_safetensors(path / WEIGHTS)


OWN = OwnLayout()
_LAYOUTS: tuple[Layout, ...] = (OWN, stylegan2_official.LAYOUT, stylegan2_rosinality.LAYOUT)


class _UnknownLayoutError(ModelError):
    """What is no StyleGAN2 at all."""


def _known_layout(path: Path) -> tuple[Layout, NetworkConfig]:
    """How the network at ``path`` is written, and its shape. Raises :class:`ModelError`."""
    for layout in _LAYOUTS:
        if (config := layout.config(path)) is not None:
            return layout, config
    raise _UnknownLayoutError(f"'{path.name}' is neither a folder, nor a pickle or a checkpoint of a StyleGAN2.")


FAMILY = StyleGAN2Family()
