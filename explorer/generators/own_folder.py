"""Folders that this program writes: ``config.json`` with the family, ``model.safetensors``, perhaps ``card.json``; and
the card of any folder that may have a ``card.json``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import safetensors.torch
from torch import nn

from explorer.checkpoint import read_card, read_json, safetensors_shapes
from explorer.errors import ModelError
from explorer.files import atomic_write
from explorer.generators.base import Verdict
from explorer.reading import fingerprint_of
from explorer.scene.cards import ModelCard, OutputCard, SpaceCard

CONFIG, WEIGHTS = "config.json", "model.safetensors"


def identify(path: Path, family: str, read_config: Callable[[Path], object]) -> Verdict:
    """Mine: a folder whose ``config.json`` says so. Broken: where ``read_config`` or the header of the weights raises
    :class:`ModelError`.
    """
    if not (path / CONFIG).is_file():
        return Verdict(False, "It is not a folder with a config.json.")
    try:
        found = read_json(path / CONFIG)
    except ModelError as error:
        return Verdict(False, str(error))
    if found.get("family") != family:
        return Verdict(False, f"Its config.json does not say family '{family}'.")
    try:
        read_config(path)
        safetensors_shapes(path / WEIGHTS)
    except ModelError as error:
        return Verdict(True, str(error), problem=True)
    return Verdict(True, f"Its config.json says family '{family}'.")


def describe(
    path: Path,
    files: Sequence[Path],
    *,
    family: str,
    output: OutputCard,
    spaces: dict[str, SpaceCard],
    capabilities: tuple[str, ...],
    parameters: int,
    notes: str = "",
    classes: int = 0,
) -> ModelCard:
    """The card of the model at ``path``, a folder or a file: what the family knows, and licence, origin, notes and the
    example's seed from ``card.json``. ``files`` are what its fingerprint is taken of; ``notes`` hold where there
    is no ``card.json``. Raises :class:`ModelError` for a damaged ``card.json``.
    """
    said = read_card(path)
    return ModelCard(
        name=path.resolve().name if path.is_dir() else path.stem,
        family=family,
        path=str(path),
        output=output,
        spaces=spaces,
        fingerprint=fingerprint_of(list(files)),
        capabilities=capabilities,
        licence=said.get("licence", ""),
        origin=said.get("origin", ""),
        notes=said.get("notes", notes),
        example_seed=said.get("example_seed", 0),
        parameters=parameters,
        classes=classes,
    )


def save(network: nn.Module, config: object, folder: Path) -> None:
    """Write ``config`` as ``config.json``, and the network's tensors as ``model.safetensors``, into ``folder``."""
    atomic_write(folder / CONFIG, msgspec.json.format(msgspec.json.encode(config), indent=2) + b"\n")
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in network.state_dict().items()}
    # Through bytes: a full disk is an OSError then, and not an error of the library's own.
    atomic_write(folder / WEIGHTS, safetensors.torch.save(tensors))
