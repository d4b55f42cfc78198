"""Control sets that come with a model: listed on its card, named by it, and drawn wherever it lies."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace
from toys import ToyFamily

from explorer import files
from explorer.controls import control_set
from explorer.controls.control_set import ControlSet
from explorer.engine.engine import Engine
from explorer.engine.named_files import named_in
from explorer.errors import ControlError
from explorer.export.embed import read
from explorer.export.options import ExportOptions
from explorer.export.replay import verify
from explorer.export.run import run
from explorer.files import set_file, shipped_set
from explorer.generators import registry
from explorer.scene.cards import ReadySet
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Pane, Scene

SOURCE = ControlSetRef(method="random_orthogonal", k=2, seed=1)
PNG = ExportOptions(kind="png", labels=False)
Ship = Callable[[Path], None]


def toy_at(folder: Path, seed: int = 0) -> Path:
    folder.mkdir(parents=True)
    (folder / "toy.txt").write_text(str(seed))
    return folder


def kept(found: ControlSet, folder: Path, name: str = "mine") -> Path:
    path = folder / "controls" / f"{name}.safetensors"
    control_set.save(found, path)
    return path


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    families = {"toy": ToyFamily()}
    monkeypatch.setattr(registry, "families", lambda: families)
    return Engine(torch.device("cpu"))


@pytest.fixture
def ship(monkeypatch: pytest.MonkeyPatch) -> Ship:
    """Makes the models in a folder those that come with the program."""

    def shipped(models: Path) -> None:
        for module in (files, registry):
            monkeypatch.setattr(module, "package_folder", lambda name: models)

    return shipped


def ready_of(engine: Engine, model: str) -> tuple[ReadySet, ...]:
    reference = ModelRef(path=model)
    assert engine.card(reference).ready == engine.describe(reference).ready
    return engine.card(reference).ready


def test_a_folder_of_controls_beside_the_card_is_offered(engine: Engine, tmp_path: Path) -> None:
    model = toy_at(tmp_path / "own")
    assert ready_of(engine, str(model)) == ()
    found = dataclasses.replace(engine.control_set(ModelRef(path=str(model)), SOURCE), note="what strips show")
    path = kept(found, model)
    (model / "controls" / "notes.txt").write_text("no set")
    (ready,) = ready_of(engine, str(model))
    assert (ready.name, ready.title, ready.note) == ("mine", found.title, "what strips show")
    assert ready.controls.path == str(path)
    opened = engine.control_set(ModelRef(path=str(model)), ready.controls)
    assert [one.card for one in opened.controls] == [one.card for one in found.controls]
    kept(dataclasses.replace(found, note="new"), model)  # another file of the same name
    (renewed,) = ready_of(engine, str(model))
    assert renewed.note == "new"
    with pytest.raises(ControlError, match="has changed since it was chosen"):
        Engine(torch.device("cpu")).control_set(ModelRef(path=str(model)), ready.controls)


def test_a_set_that_cannot_be_used_says_why(engine: Engine, tmp_path: Path) -> None:
    model, other = toy_at(tmp_path / "own"), toy_at(tmp_path / "other", 1)
    kept(engine.control_set(ModelRef(path=str(other)), SOURCE), model, "foreign")
    (model / "controls" / "damaged.safetensors").write_bytes(b"nothing")
    damaged, foreign = ready_of(engine, str(model))
    assert "is not a readable control set" in damaged.problem
    assert foreign.problem.startswith("This control set was found on another generator")


def test_a_shipped_model_names_its_sets_and_exports_are_replayed_elsewhere(
    engine: Engine, ship: Ship, tmp_path: Path
) -> None:
    here = tmp_path / "here" / "models"
    ship(here)
    toy = toy_at(here / "toy0")
    kept(engine.control_set(ModelRef(path="toy0"), SOURCE), toy)
    (ready,) = ready_of(engine, "toy0")
    assert ready.controls.path == "toy0/controls/mine.safetensors"
    (named,) = named_in(ready.controls)
    assert named.paths == (toy / "controls" / "mine.safetensors",)
    name = engine.control_set(ModelRef(path="toy0"), ready.controls).controls[0].card.name
    scene = Scene(model=ModelRef(path="toy0"), panes=(Pane(controls=ready.controls, edits=(Edit(name, 1.5),)),))
    picture = run(engine, scene, tmp_path / "picture.png", PNG)
    written, _, _ = read(picture)
    assert written.panes[0].controls == ready.controls
    by_path = Pane(controls=replace(ready.controls, path=str(named.paths[0])), edits=scene.panes[0].edits)
    written, _, _ = read(run(engine, Scene(model=ModelRef(path=str(toy)), panes=(by_path,)), tmp_path / "2.png", PNG))
    assert written.panes[0].controls == ready.controls
    assert written.model.path == "toy0"

    elsewhere = tmp_path / "elsewhere" / "models"
    elsewhere.parent.mkdir()
    here.rename(elsewhere)
    ship(elsewhere)
    assert verify(Engine(torch.device("cpu")), picture).identical

    # A program that comes with another set of that name, or with none, draws the one that the picture carries.
    kept(engine.control_set(ModelRef(path="toy0"), replace(SOURCE, seed=2)), elsewhere / "toy0")
    assert verify(Engine(torch.device("cpu")), picture).identical
    shutil.rmtree(elsewhere / "toy0" / "controls")
    assert verify(Engine(torch.device("cpu")), picture).identical


def test_only_what_lies_with_a_shipped_model_is_named_by_it(ship: Ship, tmp_path: Path) -> None:
    models = tmp_path / "models"
    toy_at(models / "toy0")
    ship(models)
    assert set_file("toy0/controls/a.safetensors") == models / "toy0" / "controls" / "a.safetensors"
    for text in ("other/controls/a.safetensors", "../controls/a.safetensors", "/controls/a.safetensors", "a", ""):
        assert set_file(text) == Path(text)
        assert shipped_set(text) == ""
    assert shipped_set(str(models / "toy0" / ".." / "toy0" / "controls" / "a.npy")) == "toy0/controls/a.npy"
    assert shipped_set(str(models / "toy0" / "a.npy")) == ""
    assert set_file("~/a.safetensors") == Path.home() / "a.safetensors"
