"""Control sets: our own files, those of other programs, those that are kept, and those that come with a model."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from tests.hostile.entry import Entry, Harm
from tests.hostile.workshop import card, engine, shared_model

FORMATS = (
    "gradctrl", "pdetraversal", "latent_flow", "warpedganspace", "ganspace", "ganspace_edit", "interfacegan",
    "rosinality", "householder", "voynov", "latentclr", "orojar", "plain_arrays",
)  # fmt: skip


def _foreign(name: str, folder: Path) -> Path:
    from test_import_formats import WRITERS

    return WRITERS[name](folder)


def use(path: Path) -> Iterable[str]:
    """Describe the set, open it on the shared model, and draw a picture with each control at its ends."""
    from explorer.importers.asking import describe
    from explorer.scene.imports import is_open
    from explorer.scene.model import ControlSetRef

    settings: tuple[tuple[str, object], ...] = ()
    if path.suffix.lower() != ".safetensors":
        asked = describe(path, card())
        if asked.holds == "path":
            return _points(path, asked)
        chosen = {one.name: one.choices[0] for one in asked.questions if is_open(one) and one.choices}
        settings = tuple(sorted(chosen.items()))
    return _moved(ControlSetRef(path=str(path), settings=settings))


def _points(path: Path, asked) -> Iterable[str]:
    from explorer.importers.registry import read_path
    from explorer.scene.imports import is_open

    answers = {one.name: one.choices[0] for one in asked.questions if is_open(one)}
    read_path(path, card(), answers)
    return ()


def _moved(controls) -> Iterable[str]:
    import torch

    from explorer.generators.editing import rendered
    from explorer.scene.model import Edit, ModelRef, Quality

    model = ModelRef(path=str(shared_model()))
    opened = engine().control_set(model, controls)
    generator = engine().generator(model)
    start = generator.sample([0])
    for control in opened.controls[:4]:
        for amount in (control.card.low, control.card.high, 1.0):
            with torch.no_grad():
                edits = [(start, opened.moves([Edit(control.card.name, amount)]))]
                drawn = rendered(generator, edits, Quality(steps=1))
            if not bool(drawn.isfinite().all()):
                raise Harm("moves to numbers that are not finite")
    shown = opened.card
    texts = [text for one in shown.controls for text in (one.name, one.unit, one.figure, *one.details)]
    return [shown.title, shown.note, *texts]


def _own(kind: str, folder: Path) -> Path:
    """A set of two controls of one kind."""
    import torch

    from explorer.controls import control_set
    from explorer.discovery import registry as methods
    from explorer.scene.model import ModelRef

    generator = engine().generator(ModelRef(path=str(shared_model())))
    settings = {"steps": 2} if kind in ("latentclr", "voynov", "warped") else {}
    torch.manual_seed(0)
    found = methods.method(kind).discover(generator, 2, 0, settings)
    control_set.save(found, folder / "set.safetensors")
    return folder / "set.safetensors"


def _adapter(folder: Path) -> Path:
    from test_adapters import kohya, written

    return written(folder, kohya())


def use_adapter(path: Path) -> Iterable[str]:
    """Open the adapter for a diffusion model, and make its change of weights."""
    from explorer.generators.diffusion import FAMILY
    from explorer.importers.registry import open_controls

    opened = open_controls(path, FAMILY.specimens()[0])
    for control in opened.controls:
        if not all(bool(change.isfinite().all()) for change in control.weight_changes(1.0).values()):
            raise Harm("changes weights by numbers that are not finite")
    return [opened.title, opened.note, *(text for one in opened.card.controls for text in (one.name, *one.details))]


OWN: tuple[str, ...] = ("random_orthogonal", "latentclr", "voynov", "warped")

ENTRIES = (
    *(Entry(f"controls of {name}", {name: partial(_foreign, name)}, use) for name in FORMATS),
    Entry("controls of stylespace", {"stylespace": partial(_foreign, "stylespace")}, use),
    Entry("controls of adapters", {"adapters": _adapter}, use_adapter),
    Entry("controls of our own", {kind: partial(_own, kind) for kind in OWN}, use),
)
