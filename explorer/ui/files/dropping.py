"""What a file is, told from its first bytes and its name: a scene, a control set, something that carries a scene, or a
model."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

from explorer.errors import ExplorerError
from explorer.files import PICTURE_SUFFIXES
from explorer.reading import check_json, foreign, opened

Kind = Literal["scene", "carrier", "carrier or picture", "picture", "controls", "foreign", "model or foreign", "model"]
"""``foreign``: what another program found on a model."""

CARRIERS = (".mp4", ".gif", ".png", ".pdf", ".svg")
FOREIGN = (".npz", ".npy", ".csv", ".tsv", ".tab", ".txt")
MODEL_OR_FOREIGN = (".pt", ".pth", ".pkl")
LARGEST_HEADER = 100 * 2**20  # safetensors' own limit


def kind_of(path: Path) -> Kind:
    """The kind of ``path``. Whatever is nothing else is taken for a model, whose families say what is wrong with it."""
    if path.is_dir():  # a model, or an exported sequence of frames
        return "carrier" if (path / "provenance.json").is_file() else "model"
    if path.suffix.lower() in CARRIERS:
        return "carrier or picture" if path.suffix.lower() in PICTURE_SUFFIXES else "carrier"
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return "picture"
    if path.suffix.lower() == ".json":
        return "scene"
    if path.suffix.lower() == ".safetensors" and _holds_controls(path):
        return "controls"
    if path.suffix.lower() in FOREIGN:
        return "foreign"
    return "model or foreign" if path.suffix.lower() in MODEL_OR_FOREIGN and path.is_file() else "model"


def _holds_controls(path: Path) -> bool:
    """Whether the header of a safetensors file is that of a control set."""
    with suppress(ExplorerError, OSError), foreign(path, "a control set"), opened(path) as file:
        length = int.from_bytes(file.read(8), "little")
        if length > LARGEST_HEADER:
            return False
        header = msgspec.json.decode(check_json(file.read(length)), type=dict[str, msgspec.Raw])
        metadata = msgspec.json.decode(header.get("__metadata__", b"{}"), type=dict[str, str])
        return "controls" in msgspec.json.decode(metadata.get("latent_explorer", ""), type=dict[str, msgspec.Raw])
    return False
