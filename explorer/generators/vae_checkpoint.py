"""VAE checkpoints of other programs, a file or a folder that holds one: what all layouts share.

Which layout a checkpoint is of, its tensors' names say (:mod:`explorer.generators.vae_layouts`). Two things no file
says, and both go wrong in silence: which half of the codes are means, and what follows the decoder. A layout knows
them, a look at pictures that are encoded and drawn again checks it, and a file ``NAME.json`` beside the checkpoint
overrides it: ``order`` (``halves``, ``interleaved``), ``activation`` (``sigmoid``, ``tanh``, ``none``) and ``shape``.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
import torch
from torch import Tensor

import explorer.generators.vae_layouts as layouts
from explorer.checkpoint import check_finite, read_json
from explorer.errors import ModelError
from explorer.generators import own_folder
from explorer.generators.base import Generator, Progress, Verdict, specimen
from explorer.generators.layered_vae import (
    Activation,
    Looks,
    Order,
    guessed_activation,
    is_other_order,
    look,
    other_order,
)
from explorer.generators.sequential_gan import MAX_BYTES
from explorer.generators.state_dicts import SUFFIXES, state_dicts
from explorer.generators.vae_generator import CAPABILITIES, VaeGenerator
from explorer.generators.vae_layouts.base import Built, Layout, Shape
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.plugins import declared
from explorer.scene.cards import ModelCard, SpaceCard

NAMES = ("model.pt", "chkpt.pth.tar", "last", "last.ckpt")
"""Checkpoints within a folder, the first that is there; else the latest epoch (``model-100.pt``)."""
EPOCH = re.compile(r"model-(\d+)\.pt")
SPECS, PYTHAE = "specs.json", "model_config.json"
OTHERS = ("config.json", "model_index.json")
"""Folders with one of these are of other families."""
WHY_NOT = "It holds no encoder and decoder in a layout that is known here."


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file beside the checkpoint says of it."""

    order: Order | None = None
    activation: Activation | None = None
    shape: tuple[int, int, int] | None = None


class VaeCheckpointFamily:
    """Finds and loads them."""

    name = "vae_checkpoint"
    title = "VAE checkpoints of other programs"
    short_title = "VAE checkpoint"

    def specimens(self) -> tuple[ModelCard, ...]:
        """One: the models differ in size alone."""
        return (specimen(self.name, _spaces(10), CAPABILITIES),)

    def identify(self, path: Path) -> Verdict:
        """Mine: a state dict of a known layout, in a PyTorch or safetensors file or in a folder with one. Broken: its
        tensors make no VAE, what is beside it does not fit, or the file cannot be read."""
        file = _checkpoint(path)
        if file is None and any((path / name).is_file() for name in (SPECS, PYTHAE)):
            return Verdict(True, _missing(path), problem=True)
        if file is None:
            return Verdict(False, f"It is no {', '.join(SUFFIXES)} file, and no folder with {', '.join(NAMES)}.")
        if file.stat().st_size > MAX_BYTES:
            return Verdict(False, f"It is too large for a {self.short_title}.")
        try:
            layout, state = _layout(file)
            if layout is None:
                return Verdict(False, WHY_NOT)
            _built(layout, state, file)
        except ModelError as error:
            return Verdict(True, str(error), problem=True)
        return Verdict(True, f"Its tensors are named as those of {layout.title}.")

    def describe(self, path: Path) -> ModelCard:
        """The card, from names and shapes of the tensors and a look at what they draw."""
        return self._opened(path)[0]

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> Generator:
        """The generator, every tensor checked."""
        card, built = self._opened(path)
        if progress is not None:
            progress(1.0)
        return VaeGenerator(card, built.network, device)

    def _opened(self, path: Path) -> tuple[ModelCard, Built]:
        file = _checkpoint(path)
        if file is None:
            raise ModelError(_missing(path))
        if file.stat().st_size > MAX_BYTES:
            raise ModelError(f"'{file.name}' is too large for a {self.short_title}; open it as another family.")
        layout, state = _layout(file)
        if layout is None:
            raise ModelError(f"'{file.name}' is no {self.short_title}. {WHY_NOT}")
        built = _built(layout, state, file)
        for key, tensor in state.items():
            check_finite(key, tensor, file)
        card = own_folder.describe(
            path,
            [*(one for one in (path / SPECS, _beside(file)) if one.is_file()), file],
            family=self.name,
            output=IMAGE.card(built.shape),
            spaces=_spaces(built.latents),
            capabilities=CAPABILITIES,
            parameters=sum(tensor.numel() for tensor in built.network.parameters()),
            notes=_settled(built, layout, _override(file)),
        )
        return card, built


def _missing(path: Path) -> str:
    return f"'{NAMES[0]}' is missing in '{path}'; copy the whole folder of the model."


@cache
def _layouts() -> tuple[Layout, ...]:
    return tuple(layout for _, layout in declared(layouts, "LAYOUT"))


def _spaces(latents: int) -> dict[str, SpaceCard]:
    return {"z": SpaceCard(shape=(latents,), prior="normal")}


def _checkpoint(path: Path) -> Path | None:
    """The checkpoint at ``path``, a file or a folder; None where there is none."""
    if path.is_file():
        return path if path.suffix.lower() in SUFFIXES or path.name in NAMES else None
    if not path.is_dir() or any((path / other).exists() for other in OTHERS):
        return None
    epochs = {int(match[1]): file for file in path.iterdir() if (match := EPOCH.fullmatch(file.name))}
    files = [path / name for name in NAMES] + [epochs[number] for number in sorted(epochs, reverse=True)]
    return next((file for file in files if file.is_file()), None)


def _layout(file: Path) -> tuple[Layout | None, dict[str, Tensor]]:
    """The layout of the first state dict in ``file`` that has a known one, and its tensors."""
    for state in state_dicts(file).values():
        tensors = {key: value for key, value in state.items() if isinstance(value, Tensor)}
        for layout in _layouts():
            if layout.matches(tensors):
                return layout, tensors
    return None, {}


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")


def _override(file: Path) -> Override:
    if not _beside(file).is_file():
        return Override()
    try:
        return msgspec.convert(read_json(_beside(file)), Override)
    except msgspec.ValidationError as error:
        raise ModelError(f"'{_beside(file).name}' cannot be used: {error}.") from error


def _description(file: Path) -> tuple[Shape | None, int | None]:
    """The shape of the pictures and the number of latents, where the program that wrote ``file`` wrote them beside."""
    for name, key in ((SPECS, "img_size"), (PYTHAE, "input_dim")):
        if (file.parent / name).is_file():
            entries = read_json(file.parent / name)
            sizes, latents = entries.get(key), entries.get("latent_dim")
            shape = None
            if isinstance(sizes, list) and len(sizes) == 3 and all(type(size) is int for size in sizes):
                shape = sizes[0], sizes[1], sizes[2]
            return shape, latents if type(latents) is int else None
    return None, None


def _built(layout: Layout, state: dict[str, Tensor], file: Path) -> Built:
    """The network, run once without numbers, so that layers that do not fit one another say so now."""
    told, latents = _description(file)
    shape = _override(file).shape or told
    built = layout.built(state, shape, file)
    expected = shape or built.shape, built.latents if latents is None else latents
    if expected != (built.shape, built.latents):
        raise ModelError(
            f"'{file.name}' makes pictures of {built.shape} (channels, height, width) from {built.latents} latents "
            f"where its description says {expected[0]} and {expected[1]}; they do not belong together."
        )
    if built.shape[0] not in (1, 3):
        raise ModelError(f"'{file.name}' makes pictures of {built.shape[0]} channels, which are no grey and no colour.")
    built.network.eval().requires_grad_(False)
    try:
        pictures = built.network.decode(torch.zeros(1, built.latents))
        mean, log_variance = built.network.encode(pictures)
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"The layers of '{file.name}' do not fit one another as those of {layout.title} do; it is incomplete or of "
            "another architecture."
        ) from error
    if tuple(pictures.shape[1:]) != built.shape or mean.shape != (1, built.latents) != log_variance.shape:
        raise ModelError(
            f"'{file.name}' makes pictures of {tuple(pictures.shape[1:])} and codes of {mean.shape[1]} numbers where "
            f"{built.shape} and {built.latents} were expected; it is of another architecture."
        )
    return built


def _settled(built: Built, layout: Layout, override: Override) -> str:
    """Settle the order of the codes and the activation of ``built``; what a user has to know of it, for the card."""
    network = built.network
    if override.activation is not None:
        network.activation = override.activation
    elif built.is_guessed:
        network.activation = guessed_activation(network, built.latents)
    if override.order is not None:
        network.order = override.order
    looks = look(network, built.latents)
    changed = override.order is None and is_other_order(looks)
    if changed:
        network.order = other_order(network.order)
        looks = look(network, built.latents)
    return f"Layout of {layout.title}. {_told(network.order, changed, looks, override)}"


def _told(order: Order, changed: bool, looks: Looks, override: Override) -> str:
    error = (
        f"Pictures of prior points come back from their codes at {looks.decibels:.1f} dB (chance {looks.chance:.1f})"
    )
    if looks.other_decibels is None:
        return f"{error}."
    whose: Literal["", ", as a file beside it says"] = ", as a file beside it says" if override.order else ""
    turned = ", unlike that program's" if changed else ""
    return (
        f"{error}, means and log-variances {order}{turned}{whose}; in the other order at {looks.other_decibels:.1f} dB."
    )


FAMILY = VaeCheckpointFamily()
