"""A model that came with the program is named in all that is written, wherever its folder lies; and files that another
copy of the program wrote with the path of its own folder are read as that model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace
from PIL import Image

from explorer.cli.arguments import model_reference
from explorer.engine.engine import Engine
from explorer.errors import ExportError, ModelError
from explorer.export.embed import read
from explorer.export.frames import pinned
from explorer.export.options import ExportKind, ExportOptions
from explorer.export.png_file import pixels_in
from explorer.export.provenance import KEY, GeneratorRecord, decode, encode
from explorer.export.replay import rerun, verify
from explorer.export.run import SUFFIXES, run
from explorer.export.stills import write_png
from explorer.generators.registry import describe, resolve, shipped_models, shipped_name
from explorer.scene.model import (
    AmountKey,
    AmountTrack,
    Bookmark,
    ControlSetRef,
    Edit,
    ModelRef,
    Pane,
    Scene,
    Seed,
    Timeline,
)

NAME = "known-distinct"
ELSEWHERE = f"/elsewhere/latent-explorer/models/{NAME}"
AXES = ControlSetRef(method="random_orthogonal", k=2)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(torch.device("cpu"))


def folder() -> Path:
    return shipped_models()[NAME]


def scene_of(path: str, fingerprint: str = "") -> Scene:
    """A scene whose model, second pane and bookmark name ``path``, and in which a control moves."""
    model = ModelRef(path=path, fingerprint=fingerprint)
    pane = Pane(controls=AXES, edits=(Edit("random 1", 1.0),))
    track = AmountTrack(pane=0, control="random 1", keys=(AmountKey(0.0, -1.0), AmountKey(1.0, 1.0)))
    return Scene(
        model=model,
        panes=(pane, replace(pane, model=model)),
        bookmarks=(Bookmark(name="there", model=model, origin=Seed(3), truncation_psi=1.0, panes=(pane,)),),
        timeline=Timeline(duration=1.0, fps=2, loop="once", amounts=(track,)),
    )


def paths_in(scene: Scene) -> set[str]:
    return {one.path for one in (scene.model, scene.panes[1].model, scene.bookmarks[0].model) if one is not None}


@pytest.mark.parametrize("kind", list(SUFFIXES))
def test_what_is_written_holds_the_name_and_no_path(kind: ExportKind, engine: Engine, tmp_path: Path) -> None:
    path = run(engine, scene_of(str(folder())), tmp_path / f"out{SUFFIXES[kind]}", ExportOptions(kind=kind, height=32))
    scene, _, provenance = read(path)
    assert provenance is not None
    assert paths_in(scene) == {NAME}
    assert {record.path for record in provenance.generators} == {NAME}
    assert provenance.references == ()
    assert str(folder().parent) not in encode(provenance)
    for file in [path] if path.is_file() else path.iterdir():
        assert str(folder().parent).encode() not in file.read_bytes()
    assert verify(engine, path).identical


def test_a_copy_of_the_folder_is_the_model_as_long_as_its_bytes_are(engine: Engine, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder(), tmp_path / "models" / NAME))
    scene = scene_of(str(copy))
    known = engine.card(scene.model).fingerprint
    assert shipped_name(str(copy)) == ""
    assert shipped_name(str(copy), known) == NAME
    assert shipped_name(str(copy), "f" * 64) == ""
    assert shipped_name(str(copy.rename(copy.with_name("another"))), known) == ""


def test_names_folders_and_ways_to_them_lead_to_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(folder())
    (tmp_path / NAME).symlink_to(folder())
    monkeypatch.chdir(folder().parent)
    for text in (NAME, f"./{NAME}", f"{folder()}/", str(tmp_path / NAME)):
        assert shipped_name(text) == NAME, text
        assert model_reference(text) == ModelRef(path=NAME), text
    assert shipped_name(str(tmp_path / "link")) == ""  # of another name, though it leads there
    known = describe(NAME).fingerprint
    assert shipped_name(f"C:\\Programs\\_models\\{NAME}", known) == NAME
    assert shipped_name(str(folder() / "model.safetensors"), known) == ""
    assert shipped_name("") == ""
    assert resolve(ELSEWHERE, known) == folder()
    assert resolve(ELSEWHERE) == Path(ELSEWHERE)


def from_elsewhere(engine: Engine, path: Path, fingerprint: str) -> Path:
    """A picture as a program before wrote it whose models lie at :data:`ELSEWHERE`."""
    run(engine, scene_of(NAME), path, ExportOptions(kind="png"))
    _, _, provenance = read(path)
    assert provenance is not None
    scene = dict(provenance.scene)
    text = {"path": ELSEWHERE, "fingerprint": fingerprint, "family": ""}
    scene["model"] = scene["panes"][1]["model"] = scene["bookmarks"][0]["model"] = text
    record = replace(provenance.generators[0], path=ELSEWHERE)
    write_png(path, pixels_in(path), replace(provenance, scene=scene, generators=(record,)))
    with Image.open(path) as image:
        assert ELSEWHERE in str(image.info[KEY])
    return path


def test_a_picture_of_another_machine_is_replayed_and_written_anew_by_name(engine: Engine, tmp_path: Path) -> None:
    path = from_elsewhere(engine, tmp_path / "a.png", describe(NAME).fingerprint)
    assert verify(engine, path).identical
    again = rerun(engine, path, tmp_path / "b.png")
    assert again is not None
    assert again.identical
    scene, _, provenance = read(tmp_path / "b.png")
    assert provenance is not None
    assert paths_in(scene) == {NAME}
    assert ELSEWHERE not in encode(provenance)


def test_another_model_of_that_name_is_not_taken_for_it(engine: Engine, tmp_path: Path) -> None:
    path = from_elsewhere(engine, tmp_path / "a.png", "f" * 64)
    scene, _, _ = read(path)
    with pytest.raises((ModelError, ExportError), match=ELSEWHERE):
        verify(engine, path)
    with pytest.raises(ModelError, match=ELSEWHERE):
        engine.card(scene.model)


def test_a_scene_that_names_another_copy_is_drawn(engine: Engine) -> None:
    """The last session of an installation that has moved since."""
    scene = scene_of(ELSEWHERE, describe(NAME).fingerprint)
    assert engine.card(scene.model) == engine.card(ModelRef(path=NAME))
    assert engine.describe(scene.model).shipped
    assert paths_in(pinned(engine, scene)) == {NAME}


ROOT = Path(__file__).parents[2]
KEPT = sorted(path for folder in ("docs", "tests") for path in (ROOT / folder).rglob("*.png"))


def generators_of(path: Path) -> tuple[GeneratorRecord, ...]:
    with Image.open(path) as image:
        text = image.info.get(KEY)
    return decode(text.encode(), path.name).generators if text else ()


def test_pictures_in_this_repository_name_no_machine() -> None:
    records = [record for path in KEPT for record in generators_of(path)]
    assert len(records) > 8
    assert {record.path for record in records} <= set(shipped_models())
