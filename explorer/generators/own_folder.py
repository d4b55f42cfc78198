"""Folders that this program writes: ``config.json`` with the family, ``model.safetensors``, perhaps ``card.json``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from explorer.checkpoint import read_json, safetensors_shapes
from explorer.errors import ModelError
from explorer.generators.base import Verdict

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
