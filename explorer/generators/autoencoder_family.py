"""What the families of our own autoencoders share: their folder, their card, exact loading.

A folder has ``config.json``, ``model.safetensors`` and, if it likes, ``card.json``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Generic, Protocol, TypeVar

import msgspec
import safetensors.torch
import torch
from torch import nn

from explorer.checkpoint import load_exactly, read_card, read_json, read_safetensors, safetensors_shapes
from explorer.errors import ModelError
from explorer.files import atomic_path, atomic_write, fingerprint_of
from explorer.generators import own_folder
from explorer.generators.base import Generator, Progress, Verdict
from explorer.generators.convolutions import TrunkConfig
from explorer.generators.own_folder import CONFIG, WEIGHTS
from explorer.scene.cards import ModelCard, SpaceCard

Config = TypeVar("Config", bound=TrunkConfig)
Network = TypeVar("Network", bound=nn.Module)


class Described(Protocol):
    """A network that carries its ``config.json``."""

    config: TrunkConfig

    def state_dict(self) -> dict[str, torch.Tensor]: ...


def save_autoencoder(network: Described, folder: Path) -> None:
    """Write ``config.json`` and ``model.safetensors`` into ``folder``."""
    atomic_write(folder / CONFIG, msgspec.json.format(msgspec.json.encode(network.config), indent=2) + b"\n")
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in network.state_dict().items()}
    with atomic_path(folder / WEIGHTS) as temporary:
        safetensors.torch.save_file(tensors, temporary)


class AutoencoderFamily(ABC, Generic[Config, Network]):
    """Finds and loads the autoencoders of one kind."""

    name: ClassVar[str]
    title: ClassVar[str]
    noun: ClassVar[str]  # for sentences: what config.json should describe
    capabilities: ClassVar[tuple[str, ...]]

    @abstractmethod
    def config_type(self) -> type[Config]:
        """The struct of ``config.json``."""

    @abstractmethod
    def network(self, config: Config) -> Network:
        """The network that ``config`` describes, without its weights."""

    @abstractmethod
    def spaces(self, config: Config) -> dict[str, SpaceCard]:
        """The latent spaces."""

    @abstractmethod
    def generator(self, card: ModelCard, network: Network, device: torch.device) -> Generator:
        """The generator around a network with its weights. Raises :class:`ModelError` where these make no sense."""

    def identify(self, path: Path) -> Verdict:
        """Mine: a folder whose ``config.json`` says so."""
        return own_folder.identify(path, self.name, self._config)

    def describe(self, path: Path) -> ModelCard:
        """The card, from ``config.json``, the header of the weights and ``card.json``."""
        config = self._config(path)
        safetensors_shapes(path / WEIGHTS)  # readable, or it says why not
        with torch.device("meta"):
            parameters = sum(parameter.numel() for parameter in self.network(config).parameters())
        card = read_card(path)
        return ModelCard(
            name=path.resolve().name,
            family=self.name,
            path=str(path),
            size=(config.size, config.size),
            channels=config.channels,
            spaces=self.spaces(config),
            fingerprint=fingerprint_of([path / CONFIG, path / WEIGHTS]),
            capabilities=self.capabilities,
            licence=card.get("licence", ""),
            origin=card.get("origin", ""),
            notes=card.get("notes", ""),
            parameters=parameters,
        )

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> Generator:
        """The generator, every tensor checked."""
        card = self.describe(path)
        state = read_safetensors(path / WEIGHTS)
        if progress is not None:
            progress(0.5)
        # Built without memory first: a false config.json must not cost any.
        with torch.device("meta"):
            network = self.network(self._config(path))
        load_exactly(network, state, path / WEIGHTS)
        generator = self.generator(card, network, device)
        if progress is not None:
            progress(1.0)
        return generator

    def _config(self, path: Path) -> Config:
        found = read_json(path / CONFIG)
        try:
            config = msgspec.convert(found, self.config_type())
        except msgspec.ValidationError as error:
            raise ModelError(f"'{CONFIG}' in '{path.name}' does not describe {self.noun}: {error}.") from error
        if problem := config.problem():
            raise ModelError(f"'{CONFIG}' in '{path.name}' does not describe {self.noun}: {problem}.")
        return config
