"""GANs whose generator is one ``Sequential`` over z ~ N(0, I), in one PyTorch file: what all of them share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from explorer.checkpoint import check_finite
from explorer.controls.base import WeightEdits
from explorer.errors import ModelError
from explorer.generators.base import Generator, Latent, Progress, Verdict, specimen
from explorer.generators.normal_prior import NormalPrior
from explorer.generators.state_dicts import SUFFIXES, state_dicts
from explorer.generators.weights import WeightViews, grouped, named_tensors
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.reading import fingerprint_of
from explorer.scene.cards import ModelCard, SpaceCard
from explorer.scene.model import Quality

CAPABILITIES = ("truncation", "affine", "activations", "weights")
MAX_BYTES = 256 << 20  # a network beyond this is none of these; larger files are not read to find out


class SequentialGan(NormalPrior):
    """A loaded generator. Always float32: these are so small that half precision gains nothing."""

    def __init__(self, card: ModelCard, network: nn.Sequential, device: torch.device) -> None:
        self.card = card
        self.device = device
        self.network = network.eval().requires_grad_(False).to(device)
        self._views: WeightViews[nn.Sequential] = WeightViews()

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        """(B, C, H, W) in [-1, 1]; any quality is full quality. Differentiable in z."""
        z = latent.tensors["z"].to(self.device, torch.float32)
        pictures: Tensor = self.network(z)
        return pictures.reshape(len(z), *self.card.shape)

    def first_affine_weights(self, layers: tuple[int, int] | None = None) -> Sequence[Tensor]:
        """What SeFa factorises: the matrix (units, width of z) of the first layer. There are no layers to choose."""
        if layers is not None:
            raise ValueError(f"'{self.card.name}' has no layers to choose from")
        first = next(layer for layer in self.network if isinstance(layer, nn.Linear | nn.ConvTranspose2d))
        if isinstance(first, nn.Linear):
            return [first.weight]
        return [first.weight.flatten(1).T]  # z is one pixel, so a transposed convolution of it is a matrix

    def first_activations(self, z: Tensor) -> Tensor:
        """(B, units): what the first layer and its ReLU make of ``z`` (B, width); PCA looks at its spread."""
        first = next(index for index, layer in enumerate(self.network) if isinstance(layer, nn.ReLU))
        activations: Tensor = self.network[: first + 1](z.to(self.device, torch.float32))
        return activations.flatten(1)

    def weight_parts(self) -> dict[str, dict[str, Tensor]]:
        """The layers, counted from 1; each ends with its ReLU."""
        ends = [index for index, layer in enumerate(self.network) if isinstance(layer, nn.ReLU)]

        def title(name: str) -> str:
            return f"layer {sum(end < int(name.split('.')[0]) for end in ends) + 1}"

        return grouped(named_tensors(self.network), title)

    def reweighted(self, edits: WeightEdits) -> Generator:
        """This generator after ``edits`` of its weights."""

        def build(network: nn.Sequential) -> Generator:
            return SequentialGan(self.card, network, self.device)

        return self._views.view(edits, self.network, self.card.name, build)


class SequentialGanFamily(ABC):
    """Finds and loads those of one layout: a subclass says which state dicts are of it, and what they make."""

    name: ClassVar[str]
    title: ClassVar[str]
    short_title: ClassVar[str]
    reason: ClassVar[str]
    """Why a file is of this family, in one sentence."""
    other: ClassVar[str]
    """Why a readable file is not, in one sentence."""

    @abstractmethod
    def matches(self, state: Mapping[str, Any]) -> bool:
        """Whether ``state`` is meant to be of this layout, broken or not."""

    @abstractmethod
    def built(self, state: Mapping[str, Any], path: Path) -> tuple[nn.Sequential, tuple[int, int, int]]:
        """The network with the tensors of ``state``, of which shapes alone are looked at, and the (channels, height,
        width) of its pictures. Raises :class:`ModelError` with one sentence."""

    def specimens(self) -> tuple[ModelCard, ...]:
        """One: the models differ in size alone."""
        return (specimen(self.name, _spaces(64), CAPABILITIES),)

    def identify(self, path: Path) -> Verdict:
        """Mine: a PyTorch or safetensors file that holds a state dict of this layout, at its top or further within.
        Broken: that one makes no generator, or the file cannot be read."""
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            return Verdict(False, f"It is not a {', '.join(SUFFIXES)} file.")
        if path.stat().st_size > MAX_BYTES:
            return Verdict(False, f"It is too large for a {self.short_title}.")
        try:
            state = self._state(path)
            if state is None:
                return Verdict(False, self.other)
            self.built(state, path)
        except ModelError as error:
            return Verdict(True, str(error), problem=True)
        return Verdict(True, self.reason)

    def describe(self, path: Path) -> ModelCard:
        """The card, from names and shapes of the tensors."""
        return self._card(path, *self.built(self._read(path), path))

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> Generator:
        """The generator, every tensor checked."""
        state = self._read(path)
        network, shape = self.built(state, path)
        for key, tensor in state.items():
            check_finite(key, tensor, path)
        generator = SequentialGan(self._card(path, network, shape), network, device)
        if progress is not None:
            progress(1.0)
        return generator

    def _state(self, path: Path) -> dict[str, Any] | None:
        return next((state for state in state_dicts(path).values() if self.matches(state)), None)

    def _read(self, path: Path) -> dict[str, Any]:
        if path.is_file() and path.stat().st_size > MAX_BYTES:
            raise ModelError(f"'{path.name}' is too large for a {self.short_title}; open it as another family.")
        state = self._state(path)
        if state is None:
            raise ModelError(f"'{path.name}' is no {self.short_title}. {self.other}")
        return state

    def _card(self, path: Path, network: nn.Sequential, shape: tuple[int, int, int]) -> ModelCard:
        first = next(layer for layer in network if isinstance(layer, nn.Linear | nn.ConvTranspose2d))
        width = first.in_features if isinstance(first, nn.Linear) else first.in_channels
        return ModelCard(
            name=path.stem,
            family=self.name,
            path=str(path),
            output=IMAGE.card(shape),
            spaces=_spaces(width),
            fingerprint=fingerprint_of([path]),
            capabilities=CAPABILITIES,
            parameters=sum(tensor.numel() for tensor in network.parameters()),
        )


def _spaces(width: int) -> dict[str, SpaceCard]:
    return {"z": SpaceCard(shape=(width,), prior="normal")}
