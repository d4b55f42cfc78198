"""What a training reads: recipes, pictures, its own checkpoint; and the searches that go on from one."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from tests.hostile.entry import Entry
from tests.hostile.workshop import engine, once, shared_model


def _recipe(name: str, folder: Path) -> Path:
    from explorer.training.base import RECIPES

    shutil.copy(RECIPES / f"{name}.toml", folder)
    return folder / f"{name}.toml"


def recipe(path: Path) -> Iterable[str]:
    """Read the recipe, and find its pictures."""
    from explorer.training.base import read_recipe
    from explorer.training.data import source_of

    found = read_recipe(str(path))
    source_of(found)
    return [found.name, found.licence]


def _pictures(folder: Path) -> Path:
    import numpy as np
    from PIL import Image

    home = folder / "pictures"
    home.mkdir()
    random = np.random.default_rng(0)
    for number in range(17):
        suffix = ("png", "jpg", "gif", "bmp")[number % 4]
        Image.fromarray(random.integers(0, 256, (20, 18, 3), np.uint8)).save(home / f"{number:02}.{suffix}")
    return home


def pictures(path: Path) -> Iterable[str]:
    """A folder of pictures to train on."""
    from explorer.training.folder import FolderSource

    source = FolderSource(path, 16)
    source.draw(4, 0)
    return source.notes


def _toy():
    from explorer.training.base import Recipe

    return Recipe(
        name="toy", trainer="vae", data="digits", steps=3, batch=4, checkpoint_every=2,
        settings={"widths": [4, 4, 4], "hidden": 8, "latents": 3, "evaluation": 4, "warm_up": 1},
    )  # fmt: skip


def _begun(folder: Path) -> Path:
    def write(place: Path) -> None:
        import torch

        from explorer.errors import Cancelled
        from explorer.training.loop import train

        def stop(done: int, *rest: object) -> None:
            if done == 2:
                raise Cancelled

        try:
            train(_toy(), place / "run", torch.device("cpu"), stop)
        except Cancelled:
            return
        raise RuntimeError("the training was to be stopped")

    shutil.copytree(once("training", write) / "run", folder / "run")
    return folder / "run"


def resumed(path: Path) -> None:
    """Go on with a training, for its last step."""
    import torch

    from explorer.training.loop import train

    train(_toy(), path, torch.device("cpu"))


SEARCH = {"steps": 6, "batch": 3, "directions": "global"}


def _search(folder: Path) -> Path:
    from explorer.discovery import registry as methods
    from explorer.discovery.base import Watch
    from explorer.errors import Cancelled
    from explorer.scene.model import ModelRef

    def stop(share: float) -> None:
        if share >= 0.5:
            raise Cancelled

    generator = engine().generator(ModelRef(path=str(shared_model())))
    try:
        methods.method("latentclr").discover(generator, 2, 0, SEARCH, Watch(stop, checkpoint=folder / "search.pt"))
    except Cancelled:
        return folder / "search.pt"
    raise RuntimeError("the search was to be stopped")


def searched(path: Path) -> None:
    """Go on with a search; whatever its file holds, it ends well."""
    from explorer.discovery import registry as methods
    from explorer.discovery.base import Watch
    from explorer.scene.model import ModelRef

    generator = engine().generator(ModelRef(path=str(shared_model())))
    methods.method("latentclr").discover(generator, 2, 0, SEARCH, Watch(None, checkpoint=path))


RECIPES = ("shapes-btcvae", "shapes-stylegan2")

ENTRIES = (
    Entry("recipe", {name: partial(_recipe, name) for name in RECIPES}, recipe),
    Entry("training pictures", {"pictures": _pictures}, pictures),
    Entry("training checkpoint", {"begun": _begun}, resumed, writes=True),
    Entry("search checkpoint", {"search": _search}, searched, writes=True),
)
