"""What the families of our own autoencoders share: their folder, their card, exact loading.

A folder has ``config.json``, ``model.safetensors`` and, if it likes, ``card.json``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Generic, Protocol, TypeVar

import msgspec
import torch
from torch import nn

from explorer.checkpoint import load_exactly, read_json, read_safetensors, safetensors_shapes
from explorer.errors import ModelError
from explorer.generators import own_folder
from explorer.generators.base import Generator, Progress, Verdict, specimen
from explorer.generators.budget import built_from
from explorer.generators.own_folder import CONFIG, WEIGHTS
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ModelCard, SpaceCard


class PictureConfig(Protocol):
    """What every ``config.json`` says."""

    @property
    def size(self) -> int:
        """Pixels a side."""

    @property
    def channels(self) -> int: ...

    def problem(self) -> str:
        """What is impossible about its numbers, as the end of a sentence; empty when they are fine."""


Config = TypeVar("Config", bound=PictureConfig)
Network = TypeVar("Network", bound=nn.Module)


def save_autoencoder(network: nn.Module, folder: Path) -> None:
    """Write a network that carries its ``config`` into ``folder``: ``config.json`` and ``model.safetensors``."""
    own_folder.save(network, network.config, folder)


class AutoencoderFamily(ABC, Generic[Config, Network]):
    """Finds and loads the autoencoders of one kind."""

    name: ClassVar[str]
    title: ClassVar[str]
    short_title: ClassVar[str]
    noun: ClassVar[str]  # for sentences: what config.json should describe
    capabilities: ClassVar[tuple[str, ...]]

    @abstractmethod
    def config_type(self) -> type[Config]:
        """The struct of ``config.json``."""

    @abstractmethod
    def specimen_config(self) -> Config:
        """One that a model may have: all models of the family have its spaces, of other widths."""

    @abstractmethod
    def network(self, config: Config) -> Network:
        """The network that ``config`` describes, without its weights."""

    @abstractmethod
    def spaces(self, config: Config) -> dict[str, SpaceCard]:
        """The latent spaces."""

    @abstractmethod
    def generator(self, card: ModelCard, network: Network, device: torch.device) -> Generator:
        """The generator around a network with its weights. Raises :class:`ModelError` where these make no sense."""

    def capabilities_of(self, path: Path) -> tuple[str, ...]:
        """What the model in the folder ``path`` can do."""
        return self.capabilities

    def files(self, path: Path) -> list[Path]:
        """The files of a model: what its fingerprint is taken of."""
        return [path / CONFIG, path / WEIGHTS]

    def count(self, path: Path, config: Config) -> int:
        """How many numbers were trained."""
        return sum(parameter.numel() for parameter in self._built(path, config).parameters())

    def _built(self, path: Path, config: Config) -> Network:
        """The network of the model in ``path``, without memory: a false ``config`` costs none."""
        try:
            with built_from(len(safetensors_shapes(path / WEIGHTS))):
                return self.network(config)
        except ValueError as error:
            raise ModelError(f"'{CONFIG}' in '{path.name}' does not describe {self.noun}: {error}.") from error

    def specimens(self) -> tuple[ModelCard, ...]:
        """One: the models differ in size alone."""
        return (specimen(self.name, self.spaces(self.specimen_config()), self.capabilities),)

    def identify(self, path: Path) -> Verdict:
        """Mine: a folder whose ``config.json`` says so."""
        return own_folder.identify(path, self.name, self._config)

    def describe(self, path: Path) -> ModelCard:
        """The card, from ``config.json``, the header of the weights and ``card.json``."""
        config = self._config(path)
        safetensors_shapes(path / WEIGHTS)  # readable, or it says why not
        return own_folder.describe(
            path,
            self.files(path),
            family=self.name,
            output=IMAGE.card((config.channels, config.size, config.size)),
            spaces=self.spaces(config),
            capabilities=self.capabilities_of(path),
            parameters=self.count(path, config),
        )

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> Generator:
        """The generator, every tensor checked."""
        card = self.describe(path)
        state = read_safetensors(path / WEIGHTS)
        if progress is not None:
            progress(0.5)
        network = self._built(path, self._config(path))
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
