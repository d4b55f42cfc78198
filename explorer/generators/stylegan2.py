"""StyleGAN2 generators: a folder with ``config.json``, ``model.safetensors`` and, if it likes, ``card.json``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import torch
from torch import Tensor

from explorer.checkpoint import load_exactly, read_json, read_safetensors, safetensors_shapes
from explorer.controls.base import WeightEdits
from explorer.errors import ModelError
from explorer.generators import own_folder
from explorer.generators.base import Generator, Latent, Progress, Verdict, specimen, standard_normal
from explorer.generators.own_folder import CONFIG, WEIGHTS
from explorer.generators.stylegan2_network import SQRT2, EqualisedLinear, NetworkConfig, StyleGAN2, ToPicture
from explorer.generators.weights import WeightViews, grouped, named_tensors
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ModelCard, SpaceCard
from explorer.scene.model import Quality

SPACES = ("z", "w", "w_plus", "style")

CAPABILITIES = ("truncation", "affine", "mapping", "features", "weights")


class StyleGAN2Generator:
    """A loaded StyleGAN2: spaces z → w → w_plus → style, constant noise, so that a latent has exactly one picture."""

    def __init__(self, card: ModelCard, network: StyleGAN2, device: torch.device) -> None:
        self.card = card
        self.device = device
        self.network = network.eval().requires_grad_(False).to(device)
        self._views: WeightViews[StyleGAN2] = WeightViews()

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        """Prior points z ~ N(0, I), one a seed; truncation waits in the latent until w is filled in."""
        z = standard_normal(seeds, self.card.spaces["z"].shape).to(self.device)
        return Latent({"z": z}, torch.full((len(seeds),), float(truncation_psi), device=self.device))

    def advance(self, latent: Latent, space: str) -> Latent:
        """``latent`` with ``space`` and what lies between filled in. w is truncated. Differentiable.

        Raises KeyError when ``latent`` holds neither ``space`` nor one before it.
        """
        if space in latent.tensors:
            return latent
        index = SPACES.index(space) if space in SPACES else 0
        if index == 0:
            raise KeyError(space)
        latent = self.advance(latent, SPACES[index - 1])
        before = latent.tensors[SPACES[index - 1]].to(self.device, torch.float32)
        if space == "style":
            return latent.with_space(space, self.network.styles(before))
        if space == "w_plus":
            return latent.with_space(space, self.network.broadcast(before))
        w = self.network.mapping(before)
        psi = latent.truncation_psi
        return latent.with_space(space, w if psi is None else self.network.truncate(w, psi.to(self.device)))

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        """(B, C, H, W) in [-1, 1] of the last space present. Half precision on CUDA when ``quality`` asks.
        Differentiable."""
        half = quality.precision == "float16" and self.device.type == "cuda"
        styles = self.advance(latent, "style").tensors["style"].to(self.device, torch.float32)
        return self.network.synthesis(styles, dtype=torch.float16 if half else torch.float32).clamp(-1.0, 1.0)

    def features(self, latent: Latent, size: int) -> Tensor:
        """(B, C, s, s) float32: what the block of s = ``size`` pixels computes, or the nearest smaller block; the
        blocks after it are not run. Differentiable."""
        size = max(4, min(1 << (size.bit_length() - 1), self.network.config.resolution))
        styles = self.advance(latent, "style").tensors["style"].to(self.device, torch.float32)
        return self.network.features(styles, size)

    def style_affines(self, layers: tuple[int, int] | None = None) -> list[Tensor]:
        """The effective weights (channels, width of w) that turn w into styles, one a modulated layer.

        ``layers``: only those that read the given layers of w_plus, first and last included.
        """
        first, last = layers or (0, self.network.w_layers - 1)
        found = [
            layer.affine.effective_weight for index, layer in self.network.modulated_layers() if first <= index <= last
        ]
        if not found:
            raise ValueError(f"'{self.card.name}' has layers 0 to {self.network.w_layers - 1}, not {first} to {last}")
        return found

    def first_affine_weights(self, layers: tuple[int, int] | None = None) -> Sequence[Tensor]:
        """What SeFa factorises: :meth:`style_affines`."""
        return self.style_affines(layers)

    def style_layers(self) -> list[tuple[int, bool]]:
        """(channels, whether it turns features into colours) of every modulated layer, in the order in which the space
        ``style`` holds them."""
        return [
            (layer.affine.weight.shape[0], isinstance(layer, ToPicture)) for _, layer in self.network.modulated_layers()
        ]

    def mapping_layers(self) -> list[tuple[Tensor, Tensor]]:
        """(weight, bias) of every layer from z to the untruncated w, all gains multiplied in.

        z is scaled to unit mean square, z / sqrt(mean z² + 1e-8); each layer is a leaky rectifier, with slope 0.2, of
        weight x + bias. The activation's own gain commutes with it and is part of both.
        """
        layers = [cast(EqualisedLinear, layer) for layer in self.network.mapping.layers]
        return [
            (layer.effective_weight.detach() * SQRT2, layer.bias.detach() * (layer.bias_gain * SQRT2))
            for layer in layers
        ]

    def weight_parts(self) -> dict[str, dict[str, Tensor]]:
        """``mapping``, with the mean of w, and every block of the synthesis network by the size of its features."""
        # Written beside the weights, but no picture is computed with it.
        return grouped(named_tensors(self.network, lambda name: name != "w_std"), _part)

    def reweighted(self, edits: WeightEdits) -> Generator:
        """This generator after ``edits`` of its weights."""
        return self._views.view(
            edits, self.network, self.card.name, lambda network: StyleGAN2Generator(self.card, network, self.device)
        )


def _part(name: str) -> str:
    """The part of the network that the tensor ``name`` belongs to."""
    if not name.startswith("blocks."):
        return "mapping"
    size = 4 << int(name.split(".")[1])
    return f"block {size} × {size}"


class StyleGAN2Family:
    """Finds and loads them."""

    name = "stylegan2"
    title = "StyleGAN2"
    short_title = "StyleGAN2"

    def specimens(self) -> tuple[ModelCard, ...]:
        """One: the models differ in size alone."""
        with torch.device("meta"):
            network = StyleGAN2(NetworkConfig(resolution=8, channels=(8, 8)))
        return (specimen(self.name, _spaces(network), CAPABILITIES),)

    def identify(self, path: Path) -> Verdict:
        """Mine: a folder whose ``config.json`` says so."""
        return own_folder.identify(path, self.name, _config)

    def describe(self, path: Path) -> ModelCard:
        """The card, from ``config.json``, the header of the weights and ``card.json``."""
        config = _config(path)
        safetensors_shapes(path / WEIGHTS)  # readable, or it says why not
        with torch.device("meta"):
            network = StyleGAN2(config)
        return own_folder.describe(
            path,
            [path / CONFIG, path / WEIGHTS],
            family=self.name,
            output=IMAGE.card((config.picture_channels, config.resolution, config.resolution)),
            spaces=_spaces(network),
            capabilities=CAPABILITIES,
            parameters=sum(parameter.numel() for parameter in network.parameters()),
        )

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> Generator:
        """The generator, every tensor checked."""
        card = self.describe(path)
        state = read_safetensors(path / WEIGHTS)
        if progress is not None:
            progress(0.5)
        # The sizes are compared before memory is spent: a false config.json must not cost any.
        with torch.device("meta"):
            expected = {key: tuple(tensor.shape) for key, tensor in StyleGAN2(_config(path)).state_dict().items()}
        _check_shapes(state, expected, path / WEIGHTS)
        network = StyleGAN2(_config(path))
        load_exactly(network, state, path / WEIGHTS)
        generator = StyleGAN2Generator(card, network, device)
        if progress is not None:
            progress(1.0)
        return generator


def save_stylegan2(network: StyleGAN2, folder: Path) -> None:
    """Write ``config.json`` and ``model.safetensors`` into ``folder``."""
    own_folder.save(network, {"family": StyleGAN2Family.name, **network.config.to_dict()}, folder)


def _check_shapes(state: dict[str, Any], expected: dict[str, tuple[int, ...]], path: Path) -> None:
    """Refuse weights whose sizes are not those that the description asks for."""
    for key, shape in expected.items():
        if key in state and tuple(state[key].shape) != shape:
            raise ModelError(
                f"'{path.name}': the tensor '{key}' has shape {tuple(state[key].shape)} where {shape} belongs; "
                "its description does not fit its weights."
            )


def _spaces(network: StyleGAN2) -> dict[str, SpaceCard]:
    config, layers, styles = network.config, network.w_layers, tuple(network.style_widths)
    return {
        "z": SpaceCard(shape=(config.z_dim,), prior="normal", sphere=True),
        "w": SpaceCard(shape=(config.w_dim,)),
        "w_plus": SpaceCard(shape=(layers, config.w_dim), layers=layers),
        "style": SpaceCard(shape=(sum(styles),), widths=styles),
    }


def _config(path: Path) -> NetworkConfig:
    found = read_json(path / CONFIG)
    found.pop("family", None)
    try:
        return msgspec.convert(found, NetworkConfig)
    except (msgspec.ValidationError, ValueError) as error:
        raise ModelError(f"'{CONFIG}' in '{path.name}' does not describe a StyleGAN2: {error}.") from error


FAMILY = StyleGAN2Family()
