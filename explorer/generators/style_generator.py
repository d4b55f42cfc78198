"""What StyleGAN2 and StyleGAN3 generators do alike: their spaces, truncation, classes, and what methods read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Generic, TypeVar, cast

import torch
from torch import Tensor

from explorer.controls.base import WeightEdits
from explorer.generators.base import Generator, Latent, standard_normal
from explorer.generators.class_labels import LABEL, drawn_labels, first_class, label_of
from explorer.generators.style_mapping import SQRT2, EqualisedLinear, StyleNetwork
from explorer.generators.weights import WeightViews, grouped, named_tensors
from explorer.scene.cards import ModelCard, SpaceCard
from explorer.scene.model import Condition, Quality

SPACES = ("z", "w", "w_plus", "style")
MEAN_SAMPLES = 4096

Network = TypeVar("Network", bound=StyleNetwork)


class StyleGenerator(Generic[Network]):
    """A loaded StyleGAN: spaces z → w → w_plus → style, constant noise, so that a latent has exactly one picture. A
    conditional one has the space label behind z."""

    def __init__(self, card: ModelCard, network: Network, device: torch.device) -> None:
        self.card = card
        self.device = device
        self.network = network.eval().requires_grad_(False).to(device)
        self._views: WeightViews[Network] = WeightViews()

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        """Prior points z ~ N(0, I), one a seed, of a conditional model with a class that is drawn for the seed, too;
        truncation waits in the latent until w is filled in."""
        z = standard_normal(seeds, self.card.spaces["z"].shape).to(self.device)
        psi = torch.full((len(seeds),), float(truncation_psi), device=self.device)
        classes = self.network.mapping.classes
        return Latent({"z": z}, psi, drawn_labels(seeds, classes).to(self.device) if classes else None)

    def advance(self, latent: Latent, space: str) -> Latent:
        """``latent`` with ``space`` and what lies between filled in. w is truncated. Differentiable.

        Raises KeyError when ``latent`` holds neither ``space`` nor one before it.
        """
        names = list(self.card.spaces)
        if space in latent.tensors:
            return latent
        index = names.index(space) if space in names else 0
        if index == 0:
            raise KeyError(space)
        latent = self.advance(latent, names[index - 1])
        if space == LABEL:
            return latent.with_space(space, self._label(latent))
        before = latent.tensors[names[index - 1]].to(self.device, torch.float32)
        if space == "style":
            return latent.with_space(space, self.network.styles(before))
        if space == "w_plus":
            return latent.with_space(space, self.network.broadcast(before))
        z = latent.tensors["z"].to(self.device, torch.float32)
        w = self.network.mapping(z, before if LABEL in names else None)
        psi = latent.truncation_psi
        return latent.with_space(space, w if psi is None else self.network.truncate(w, psi.to(self.device)))

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        """(B, C, H, W) in [-1, 1] of the last space present. Half precision on CUDA when ``quality`` asks.
        Differentiable."""
        half = quality.precision == "float16" and self.device.type == "cuda"
        styles = self.advance(latent, "style").tensors["style"].to(self.device, torch.float32)
        return self.network.synthesis(styles, dtype=torch.float16 if half else torch.float32).clamp(-1.0, 1.0)

    def conditioned(self, latent: Latent, condition: Condition) -> Latent:
        """``latent`` with the classes of ``condition``, where it names some. A point behind z has its class in it
        already, and stays as it is."""
        if not condition.classes:
            return latent
        label = label_of(self.card, condition.classes).to(self.device)
        return replace(latent, label=label.repeat(latent.batch, 1))

    def _label(self, latent: Latent) -> Tensor:
        """The classes of ``latent``; of a point that has none, as those that a method makes of z alone, the first."""
        if latent.label is not None:
            return latent.label.to(self.device, torch.float32)
        return first_class(latent.batch, self.network.mapping.classes).to(self.device)

    def features(self, latent: Latent, size: int) -> Tensor:
        """(B, C, s, s) float32: what the layers of pictures of s = ``size`` pixels compute, or the nearest smaller
        ones; the layers after these are not run. Differentiable."""
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
        return [(layer.affine.weight.shape[0], layer.to_colours) for _, layer in self.network.modulated_layers()]

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
        """``mapping``, with the mean of w, and the parts of the synthesis network."""
        # The deviation is written beside the weights, but no picture is computed with it.
        return grouped(named_tensors(self.network, lambda name: name != "w_std"), self.network.part_of)

    def reweighted(self, edits: WeightEdits) -> Generator:
        """This generator after ``edits`` of its weights."""
        return self._views.view(
            edits, self.network, self.card.name, lambda network: type(self)(self.card, network, self.device)
        )


def style_spaces(network: StyleNetwork, z_dim: int) -> dict[str, SpaceCard]:
    """The spaces of ``network``, in the order in which a point passes through them."""
    layers, widths, styles = network.w_layers, tuple(cast(Tensor, network.w_mean).shape), tuple(network.style_widths)
    classes = network.mapping.classes
    return {
        "z": SpaceCard(shape=(z_dim,), prior="normal", sphere=True),
        **({LABEL: SpaceCard(shape=(classes,))} if classes else {}),
        "w": SpaceCard(shape=widths),
        "w_plus": SpaceCard(shape=(layers, *widths), layers=layers),
        "style": SpaceCard(shape=(sum(styles),), widths=styles),
    }


def style_capabilities(classes: int) -> tuple[str, ...]:
    """What such a generator can do. Of a conditional one w depends on more than z."""
    return ("truncation", "affine", *(() if classes else ("mapping",)), "features", "weights")


def mean_of_w(network: StyleNetwork, z_dim: int) -> Tensor:
    """(W,) of :data:`MEAN_SAMPLES` points, for files that do not hold it."""
    seeds, classes = range(MEAN_SAMPLES), network.mapping.classes
    with torch.inference_mode():
        z = standard_normal(seeds, (z_dim,))
        w: Tensor = network.mapping(z, drawn_labels(seeds, classes) if classes else None)
    return w.mean(0).clone()
