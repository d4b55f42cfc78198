"""Where the processes of the harness keep what all cases share: valid files, and models that files are opened on."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from explorer.engine.engine import Engine
    from explorer.scene.cards import ModelCard

WORKSHOP = "LATENT_EXPLORER_HOSTILE"
"""The environment variable that names the folder."""
WIDTH = 10
"""Of the points of the shared model."""


def workshop() -> Path:
    """The folder of this run."""
    return Path(os.environ[WORKSHOP])


def once(name: str, write: Callable[[Path], object]) -> Path:
    """The folder ``name`` of the workshop, which ``write`` fills once for all processes."""
    place = workshop() / name
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=place.parent, prefix=".made-"))
        inside = made / "inside"
        inside.mkdir()
        write(inside)
        try:
            inside.rename(place)
        except OSError:  # another process was faster
            if not place.exists():
                raise
        shutil.rmtree(made)
    return place


def shared_model() -> Path:
    """A small StyleGAN2 on which control sets are opened: z and w of width 10, 4 layers."""

    def write(folder: Path) -> None:
        import torch

        from explorer.generators.stylegan2 import save_stylegan2
        from explorer.generators.stylegan2_network import NetworkConfig, StyleGAN2

        torch.manual_seed(0)
        shape = {"z_dim": WIDTH, "w_dim": WIDTH, "mapping_layers": 1, "mapping_width": WIDTH}
        save_stylegan2(StyleGAN2(NetworkConfig(resolution=8, channels=(6, 5), **shape)), folder / "style")

    return once("shared model", write) / "style"


@cache
def engine() -> Engine:
    """One engine on the CPU, with the shared model."""
    import torch

    from explorer.engine.engine import Engine

    return Engine(torch.device("cpu"))


def card() -> ModelCard:
    """Of the shared model."""
    from explorer.scene.model import ModelRef

    return engine().card(ModelRef(path=str(shared_model())))
