"""Control sets: our own files, those of other programs, those that are kept, and those that come with a model."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.hostile.entry import Entry, Harm
from tests.hostile.workshop import WIDTH, card, engine, shared_model

if TYPE_CHECKING:
    from explorer.controls.base import Control
    from explorer.scene.cards import SpaceCard

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


def _paths(folder: Path) -> Path:
    import torch

    paths = torch.randn(3, 9, WIDTH, generator=torch.Generator().manual_seed(0))
    torch.save(paths, folder / "paths_latent_codes.pt")
    return folder / "paths_latent_codes.pt"


@cache
def _example(kind: str) -> tuple[Control, SpaceCard]:
    """A control of this kind, and the space that it moves: always the same."""
    from hypothesis import HealthCheck, given, settings
    from test_control_laws import EXAMPLES

    drawn: list[tuple[Control, SpaceCard]] = []

    @settings(max_examples=4, database=None, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(EXAMPLES[kind]())
    def draw(example: tuple[Control, SpaceCard]) -> None:
        drawn.append(example)

    draw()
    return drawn[-1]


def _of_kind(kind: str, folder: Path) -> Path:
    from explorer.controls import control_set
    from explorer.controls.control_set import ControlSet

    control, _ = _example(kind)
    own = ControlSet(kind, kind, "f00d", control.card.space, (control,))
    control_set.save(own, folder / f"{kind}.safetensors")
    return folder / f"{kind}.safetensors"


def move(path: Path) -> Iterable[str]:
    """Load the set, see whether it fits the space that it was made for, and move a point of it."""
    import msgspec
    import torch

    from explorer.controls import control_set

    opened = control_set.load(path)
    kind = next((control.kind for control in opened.controls if control.kind in KINDS), KINDS[0])
    own, space = _example(kind)
    model = msgspec.structs.replace(card(), fingerprint=opened.fingerprint, spaces={own.card.space: space})
    opened.check(model)
    for control in opened.controls:
        control.move(torch.zeros(1, *space.shape), torch.tensor([1.0]))  # where to, an engine sees when it opens them
    shown = opened.card
    texts = [text for one in shown.controls for text in (one.name, one.unit, one.figure, *one.details)]
    return [shown.title, shown.note, *texts]


KINDS = (
    "bent", "codebook", "conditional", "deformation", "intervention", "linear", "motion", "scaled", "towards",
)  # fmt: skip
"""Of controls that move a point without looking at a generator."""


def _kept(folder: Path) -> Path:
    """What the engine keeps of a set that took it long."""
    kept_set(folder)
    (place,) = (folder / "cache" / "controls").iterdir()
    return place


def kept_set(home: Path) -> None:
    """Ask an engine that knows nothing yet for a set that is kept in ``home``."""
    import torch

    from explorer.engine import control_store
    from explorer.engine.engine import Engine
    from explorer.scene.model import ControlSetRef, ModelRef

    before, patience = os.environ["LATENT_EXPLORER_HOME"], control_store.WORTH_KEEPING
    os.environ["LATENT_EXPLORER_HOME"], control_store.WORTH_KEEPING = str(home), 0.0
    try:
        found = Engine(torch.device("cpu")).control_set(
            ModelRef(path=str(shared_model())), ControlSetRef(method="random_orthogonal", k=3, seed=5)
        )
    finally:
        os.environ["LATENT_EXPLORER_HOME"], control_store.WORTH_KEEPING = before, patience
    if len(found.controls) != 3:
        raise Harm("is another set")


def kept(path: Path) -> None:
    """Whatever is kept, the set is there."""
    home = path.parent
    while not (home / "cache").exists():
        home = home.parent
    kept_set(home)


OWN: tuple[str, ...] = ("random_orthogonal", "latentclr", "voynov", "warped")

ENTRIES = (
    *(Entry(f"controls of {name}", {name: partial(_foreign, name)}, use) for name in FORMATS),
    Entry("controls of stylespace", {"stylespace": partial(_foreign, "stylespace")}, use),
    Entry("controls of adapters", {"adapters": _adapter}, use_adapter),
    Entry("controls of latent paths", {"paths": _paths}, use),
    Entry("kinds of controls", {kind: partial(_of_kind, kind) for kind in KINDS}, move),
    Entry("kept controls", {"kept": _kept}, kept, writes=True),
    Entry("controls of our own", {kind: partial(_own, kind) for kind in OWN}, use),
)
