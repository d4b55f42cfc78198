"""Generators: every family's folders and files are loaded and drawn; and what lists and describes them."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from tests.hostile.entry import Entry, Harm, Refusal, Write

FAMILIES = {
    "causal_diffusion": 1, "causal_vae": 2, "cvae": 2, "dcgan": 1, "diffusers_autoencoder": 1, "diffusion": 13,
    "known_factors": 6, "mlp_gan": 1, "onnx": 6, "qlae": 1, "stylegan2": 2, "stylegan3": 2, "vae": 1,
    "vae_checkpoint": 1,
}  # fmt: skip
"""Family → how many kinds of small models it has in the tests."""


def _write(family: str, number: int, folder: Path) -> Path:
    if family == "qlae":  # codes have to ascend, which those of random weights do not
        from explorer.files import package_folder

        shutil.copytree(package_folder("models") / "shapes-qlae", folder / "model")
    else:
        from test_specimens import TINY

        TINY[family][number](folder / "model")
    return folder / "model"


VAE_LAYOUTS = ("of_dent_burgess", "of_disentanglement_pytorch", "of_disent", "of_pythae")


def _vae_layout(name: str, folder: Path) -> Path:
    import test_vae_checkpoints as layouts
    import torch

    torch.manual_seed(0)
    (folder / "model").mkdir()
    path: Path = getattr(layouts, name)(folder / "model")[0]
    return path


def _autoencoder(name: str, folder: Path) -> Path:
    import tiny_pipelines

    getattr(tiny_pipelines, name)().save_pretrained(folder / "model")
    return folder / "model"


def _large_texts(folder: Path) -> Path:
    from tiny_texts import save_stable_xl

    save_stable_xl(folder / "model")
    return folder / "model"


def _with_controls(folder: Path) -> Path:
    """A model with a control set of its own beside it."""
    from explorer.controls import control_set
    from explorer.discovery import registry as methods
    from explorer.scene.model import ModelRef
    from tests.hostile.workshop import engine, shared_model

    shutil.copytree(shared_model(), folder / "model")
    found = methods.method("random_orthogonal").discover(engine().generator(ModelRef(path=str(shared_model()))), 2)
    (folder / "model" / "controls").mkdir()
    control_set.save(found, folder / "model" / "controls" / "some.safetensors")
    return folder / "model"


def ready(path: Path) -> Iterable[str]:
    """The sets that come with a model, which may be of no use: then it is said why."""
    from explorer.engine.ready_sets import with_sets
    from explorer.generators import registry

    sets = with_sets(registry.describe(str(path))).ready
    return [text for one in sets for text in (one.name, one.title, one.note, one.problem)]


def draw(path: Path) -> Iterable[str]:
    """Load the model and draw two pictures, which must be finite; returns what it is called."""
    import torch

    from explorer.generators import registry
    from explorer.scene.model import Quality

    generator = registry.load(str(path), torch.device("cpu"))
    with torch.no_grad():
        drawn = generator.render(generator.sample([0, 1]), Quality(steps=1))
    if not bool(drawn.isfinite().all()):
        raise Harm("draws numbers that are not finite")
    card = generator.card
    return card.name, card.licence, card.origin, card.notes


def inspect(path: Path) -> Iterable[str]:
    """As ``latent-explorer inspect``."""
    from explorer.cli.catalogue import inspect as command

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        command(str(path))
    return printed.getvalue().splitlines()


def listed(path: Path) -> Iterable[str]:
    """As the list of a models folder, in which the model is."""
    from explorer.generators.models_folder import models_in

    models = models_in(path.parent)
    return [*(one.name for one in models), *(one.problem for one in models)]


def told(path: Path) -> None:
    """What is said of a file that no family opens."""
    from explorer.file_kinds import registry

    said = registry.sentence(path)
    registry.use(path)
    if said:
        raise Refusal(said)


def _various() -> dict[str, Write]:
    chosen = {"stylegan2": 2, "diffusion": 1, "onnx": 1, "vae_checkpoint": 1, "dcgan": 1, "mlp_gan": 1, "vae": 1}
    return {
        f"{name} {number}": partial(_write, name, number) for name, count in chosen.items() for number in range(count)
    }


MORE: dict[str, dict[str, Write]] = {
    "vae_checkpoint": {name: partial(_vae_layout, name) for name in VAE_LAYOUTS},
    "diffusers_autoencoder": {name: partial(_autoencoder, name) for name in ("tiny_vq", "tiny_taesd")},
    "diffusion": {"two texts": _large_texts},
}


def _family(name: str, count: int) -> Entry:
    seeds = {f"{name} {number}": partial(_write, name, number) for number in range(count)} | MORE.get(name, {})
    return Entry(f"model {name}", seeds, draw)


def _of_a_kind(case: str, folder: Path) -> Path:
    from test_file_kinds import FILES

    name, write, _ = FILES[case]
    write(folder / name)
    return folder / name


KINDS = ("zip", "notebook", "TorchScript", "ONNX", "scene", "control set", "LoRA", "part folder", "classifier",
         "old classifier", "direction", "arrays", "table", "training")  # fmt: skip


ENTRIES = (
    *(_family(name, count) for name, count in FAMILIES.items()),
    Entry("inspect", _various(), inspect),
    Entry("models folder", _various(), listed),
    Entry("sets of a model", {"one": _with_controls}, ready),
    Entry("kinds of files", {case: partial(_of_a_kind, case) for case in KINDS}, told),
)
