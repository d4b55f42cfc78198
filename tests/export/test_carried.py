"""An export carries what its scene names, and is replayed where nothing of that is; what it does not carry it says."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from explorer.controls import control_set as control_sets
from explorer.engine.engine import Engine
from explorer.engine.named_files import named_in
from explorer.errors import ExportError, SceneError
from explorer.export import carried
from explorer.export import run as export
from explorer.export.carried import CarriedFile, Reference, restored, texts_in
from explorer.export.embed import contents_of, not_carried, read
from explorer.export.frames import pinned, shoot
from explorer.export.options import ExportKind, ExportOptions
from explorer.export.provenance import decode, encode
from explorer.export.references import files_of, gathered
from explorer.export.replay import frames, rerun, verify
from explorer.export.run import SUFFIXES, run
from explorer.files import state_folder
from explorer.generators.registry import shipped_name
from explorer.scene.labels import Label, Labels, save_labels
from explorer.scene.model import (
    AmountKey,
    AmountTrack,
    Bookmark,
    ControlSetRef,
    Edit,
    Mark,
    ModelRef,
    Pane,
    Scene,
    Seed,
    Timeline,
)
from explorer.scene.store import load_scene, save_scene
from explorer.worlds.base import Factor
from explorer.worlds.predictor.network import PredictorConfig, PredictorNetwork, save_predictor

MODEL = ModelRef(path="toy0")
Replaced = Callable[[ControlSetRef, str], Scene]


def another_engine() -> Engine:
    """One that has found nothing yet."""
    return Engine(torch.device("cpu"))


def labels_at(engine: Engine, path: Path) -> Path:
    """Labels that say of 40 samples whether they are brighter than most."""
    generator = engine.generator(MODEL)
    with torch.no_grad():
        from explorer.scene.model import Quality

        means = generator.render(generator.sample(range(40)), Quality()).mean((1, 2, 3))
    said = tuple(Label(seed=seed, value=int(mean > means.median())) for seed, mean in enumerate(means))
    save_labels(Labels(attribute="bright", fingerprint=generator.card.fingerprint, model="toy", labels=said), path)
    return path


def classifier_at(path: Path) -> Path:
    """Redness, with its weights in a file of their own and its name in another."""
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["x"], ["m"], axes=[2, 3], keepdims=0),
            helper.make_node("MatMul", ["m", "W"], ["y"]),
        ],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array(np.array([[1.0], [0.0], [0.0]], np.float32), "W")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    path.with_suffix(".json").write_text('{"names": ["redness"]}')
    return path


def predictor_at(folder: Path) -> Path:
    """A predictor of random weights, as a training leaves it."""
    torch.manual_seed(0)
    config = PredictorConfig(
        world="shapes", factors=(Factor("x", (0.0, 1.0, 2.0)),), channels=3, size=16, widths=(4, 4), features=4
    )
    save_predictor(PredictorNetwork(config), folder / "model")
    (folder / "checkpoint.pt").write_bytes(bytes(5 << 20))  # decides nothing, and is not carried
    return folder


def film(controls: ControlSetRef, name: str) -> Scene:
    track = AmountTrack(pane=0, control=name, keys=(AmountKey(0.0, -2.0), AmountKey(1.0, 2.0)))
    timeline = Timeline(duration=1.0, fps=4, loop="once", amounts=(track,))
    return Scene(model=MODEL, panes=(Pane(controls=controls, edits=(Edit(name, 1.0),)),), timeline=timeline)


def learned(engine: Engine, attributes: str) -> Scene:
    """A film of the first direction that is learned from ``attributes``."""
    asked = (("attributes", attributes), ("samples", 60))
    controls = ControlSetRef(method="interfacegan", k=1, settings=asked)
    return film(controls, engine.control_set(MODEL, controls).controls[0].card.name)


@pytest.fixture
def labelled(engine: Engine) -> Scene:
    """A film whose labels lie in the program's state folder, as those of the window do."""
    return learned(engine, str(labels_at(engine, state_folder() / "labels" / "used" / "bright-1234.json")))


@pytest.mark.parametrize("kind", ["mp4", "gif", "png", "png_sequence", "sheet_png", "sheet_pdf"])
def test_an_export_with_labels_is_replayed_without_the_state_folder(
    kind: ExportKind, engine: Engine, labelled: Scene, tmp_path: Path
) -> None:
    options = ExportOptions(kind=kind, labels=False, **({"crf": 0} if kind == "mp4" else {}))
    path = run(engine, labelled, tmp_path / f"film{SUFFIXES[kind]}", options)
    before = list(shoot(engine, pinned(engine, labelled), options).frames())
    shutil.rmtree(state_folder())
    elsewhere = another_engine()
    assert verify(elsewhere, path).identical
    for frame, old in zip(frames(elsewhere, path), before, strict=True):
        assert np.array_equal(frame, old)
    # And what is exported from there carries it too.
    again = tmp_path / f"again{SUFFIXES[kind]}"
    comparison = rerun(elsewhere, path, again)
    assert comparison is not None
    assert comparison.identical
    shutil.rmtree(state_folder())
    assert verify(another_engine(), again).identical


def test_the_scene_of_a_film_is_opened_with_its_labels(engine: Engine, labelled: Scene, tmp_path: Path) -> None:
    path = run(engine, labelled, tmp_path / "film.png", ExportOptions(kind="png", labels=False))
    shutil.rmtree(state_folder())
    scene, _, provenance = read(path)
    opened, missing = restored(scene, provenance.references, shipped_name)
    assert missing == ()
    (named,) = named_in(opened.panes[0].controls)
    assert named.paths[0].is_file()
    assert named.paths[0].name == "bright-1234.json"
    assert named.paths[0].is_relative_to(state_folder())
    with Image.open(path) as image:
        (frame,) = shoot(another_engine(), opened, ExportOptions(kind="png", labels=False)).frames()
        assert np.array_equal(np.asarray(image), frame)
    assert restored(opened, provenance.references, shipped_name) == (opened, ())  # it is there now


def test_a_scene_file_carries_what_it_was_saved_with(engine: Engine, labelled: Scene, tmp_path: Path) -> None:
    path = tmp_path / "mine.scene.json"
    scene = pinned(engine, labelled)
    references = files_of(scene.model, scene.panes[0].controls)
    assert [one.noun for one in references] == ["labels"]
    save_scene(scene, path, references)
    assert load_scene(path) == read(path)[0] == scene
    assert contents_of(path).references == references
    options = ExportOptions(kind="png", labels=False)
    before = list(shoot(engine, scene, options).frames())
    shutil.rmtree(state_folder())
    rerun(another_engine(), path, tmp_path / "again.png", options=options)
    with Image.open(tmp_path / "again.png") as image:
        assert np.array_equal(np.asarray(image), before[0])
    damaged = path.read_text().replace('"noun"', '"nun"')
    path.write_text(damaged)
    assert load_scene(path) == scene
    with pytest.raises(SceneError, match=r"What 'mine.scene.json' carries beside its scene is damaged"):
        contents_of(path)
    save_scene(scene, path)
    assert b"references" not in path.read_bytes()


def test_what_is_there_is_used_as_it_is(engine: Engine, labelled: Scene, tmp_path: Path) -> None:
    scene = pinned(engine, labelled)
    assert restored(scene, gathered(scene), shipped_name) == (scene, ())
    (path,) = named_in(scene.panes[0].controls)[0].paths
    references = gathered(scene)
    path.write_bytes(path.read_bytes().replace(b'"bright"', b'"b"'))  # another file of the same name
    opened, missing = restored(scene, references, shipped_name)
    assert missing == ()
    assert opened != scene


def everything(engine: Engine, folder: Path) -> dict[str, Scene]:
    folder.mkdir()
    own, foreign = folder / "own.safetensors", folder / "deep" / "runs" / "directions.npy"
    source = ControlSetRef(method="random_orthogonal", k=2, seed=1)
    found = engine.control_set(MODEL, source)
    control_sets.save(found, own)
    foreign.parent.mkdir(parents=True)
    np.save(foreign, np.eye(10, dtype=np.float32)[:2])
    in_w = ControlSetRef(path=str(foreign), settings=(("space", "w"),))
    names = [control.card.name for control in found.controls]
    several = f"{classifier_at(folder / 'red.onnx')} + {labels_at(engine, folder / 'bright.json')}"
    return {
        "labels": learned(engine, str(folder / "bright.json")),
        "classifier": learned(engine, str(folder / "red.onnx")),
        "several": learned(engine, several),
        "predictor": learned(engine, str(predictor_at(folder / "trained"))),
        "own set": film(ControlSetRef(path=str(own)), names[0]),
        "foreign set": film(in_w, engine.control_set(MODEL, in_w).controls[0].card.name),
        "derived": film(ControlSetRef(path=str(own), units="effect", tau=0.03), names[0]),
        "matched to": film(replace(source, like=ControlSetRef(path=str(own))), names[0]),
    }


def test_everything_that_a_scene_names_travels(engine: Engine, tmp_path: Path) -> None:
    options = ExportOptions(kind="mp4", crf=0, labels=False)
    exported = {}
    for name, scene in everything(engine, tmp_path / "mine").items():
        exported[name] = run(engine, scene, tmp_path / f"{name}.mp4", options)
        told = not_carried(exported[name])
        assert told.startswith("The file does not carry the model 'toy0' (fingerprint "), name
        assert " and " not in told, name
    shutil.rmtree(tmp_path / "mine")
    for name, path in exported.items():
        assert verify(another_engine(), path).identical, name


def test_what_is_too_large_is_named_and_missed(
    engine: Engine, labelled: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carried, "MOST_CARRIED", 100)
    path = run(engine, labelled, tmp_path / "film.png", ExportOptions(kind="png"))
    _, _, provenance = read(path)
    (labels,) = (one for one in provenance.references if one.files)
    told = f"the labels '{labels.text}' (SHA-256 {labels.files[0].sha256[:12]}…)"
    sentence = not_carried(path)
    assert sentence.startswith("The file does not carry the model 'toy0' (fingerprint ")
    assert sentence.endswith(f" and {told}; a replay needs them.")
    assert verify(another_engine(), path).identical
    shutil.rmtree(state_folder())
    with pytest.raises(ExportError) as missed:
        verify(another_engine(), path)
    assert str(missed.value) == f"'film.png' needs {told}, which it does not carry and which is not here; put it back."


def test_a_model_that_is_missing_is_named(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    path = run(engine, scene, tmp_path / "film.png", ExportOptions(kind="png"))
    (tmp_path / "models" / "toy0").rename(tmp_path / "models" / "elsewhere")
    with pytest.raises(ExportError, match=r"needs the model 'toy0' \(fingerprint 0+…\), which it does not carry"):
        verify(another_engine(), path)


def test_a_bookmark_does_not_keep_a_film_from_its_replay(engine: Engine, labelled: Scene, tmp_path: Path) -> None:
    gone = Pane(controls=ControlSetRef(path=str(tmp_path / "gone.npy"), digest="0" * 64))
    mark = Bookmark(name="old", model=MODEL, origin=Seed(0), truncation_psi=1.0, panes=(gone,))
    path = run(engine, replace(labelled, bookmarks=(mark,)), tmp_path / "film.png", ExportOptions(kind="png"))
    assert "the control set" in not_carried(path)
    assert verify(another_engine(), path).identical
    scene, _, provenance = read(path)
    assert [one.text for one in restored(scene, provenance.references, shipped_name)[1]] == [str(tmp_path / "gone.npy")]


def test_a_set_that_is_no_longer_what_was_opened_is_named_and_not_carried(engine: Engine, tmp_path: Path) -> None:
    file, source = tmp_path / "own.safetensors", ControlSetRef(method="random_orthogonal", k=2)
    control_sets.save(engine.control_set(MODEL, source), file)
    scene = pinned(engine, film(ControlSetRef(path=str(file)), "direction 1"))
    control_sets.save(engine.control_set(MODEL, replace(source, seed=5)), file)
    (reference,) = (one for one in gathered(scene) if one.files)
    assert not reference.is_carried
    assert reference.files[0].sha256 == scene.panes[0].controls.digest
    assert restored(scene, (reference,), shipped_name)[1] == (reference,)


def test_a_home_that_cannot_be_written_does_not_keep_a_film_from_its_replay(
    engine: Engine, labelled: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = run(engine, labelled, tmp_path / "film.png", ExportOptions(kind="png"))
    shutil.rmtree(state_folder())
    (tmp_path / "home").write_text("a file, in which no folder can be made")
    scene, _, provenance = read(path)
    with monkeypatch.context() as patched:
        patched.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "home"))
        opened, missing = restored(scene, provenance.references, shipped_name)
    assert missing == ()
    assert named_in(opened.panes[0].controls)[0].paths[0].is_file()


def file_of(data: bytes, name: str = "a.json", **changes: object) -> CarriedFile:
    import hashlib

    made = CarriedFile(name=name, sha256=hashlib.sha256(data).hexdigest(), size=len(data), data=data)
    return msgspec.structs.replace(made, **changes)


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (file_of(b"x", sha256="0" * 64), "is damaged"),
        (file_of(b"x", "../a.json"), "leads elsewhere"),
        (file_of(b"x", "/elsewhere/a.json"), "leads elsewhere"),
        (file_of(b"x", "/etc/passwd"), "leads elsewhere"),  # which is there, and is not read to see whether it is that
        (file_of(b"x", "a\0b"), "leads elsewhere"),
        (file_of(b"x", "a/" * 2000 + "b"), "leads elsewhere"),
        (file_of(b"x", "."), "leads elsewhere"),
        (file_of(b"x", "C:\\a.json"), "leads elsewhere"),
    ],
)
def test_files_that_would_do_harm_are_not_written(file: CarriedFile, sentence: str, tmp_path: Path) -> None:
    reference = Reference(noun="labels", text="/nowhere/a.json", entry="a.json", files=(file,))
    scene = film(ControlSetRef(method="interfacegan", settings=(("attributes", "/nowhere/a.json"),)), "a")
    with pytest.raises(SceneError, match=sentence):
        restored(scene, (reference,), shipped_name)
    assert not any(one.is_file() for one in state_folder().rglob("*"))


PATHS = st.lists(st.sampled_from(["/a/x.json", "/a/y.onnx", "shapes", "/b/z"]), min_size=1, max_size=4, unique=True)


@given(parts=PATHS, separator=st.sampled_from([" + ", "+", ",", " ,  "]), gone=st.sets(st.integers(0, 3)))
@settings(max_examples=40, deadline=None)
def test_only_the_parts_that_are_away_get_another_path(parts: list[str], separator: str, gone: set[int]) -> None:
    away = [part for number, part in enumerate(parts) if number in gone and part.startswith("/")]
    references = tuple(
        Reference(noun="labels", text=part, entry=Path(part).name, files=(file_of(part.encode(), Path(part).name),))
        for part in away
    )
    settings_ = (("attributes", separator.join(parts)), ("samples", 3))
    controls = ControlSetRef(method="interfacegan", settings=settings_)
    scene = replace(film(controls, "a"), marks=(Mark(controls=controls, control="a", name="b"),))
    assert set(parts) <= texts_in(scene)
    opened, missing = restored(scene, references, shipped_name)
    assert missing == ()
    text = dict(opened.panes[0].controls.settings)["attributes"]
    assert opened.marks[0].controls == opened.panes[0].controls
    pieces = [piece.strip() for piece in text.replace("+", ",").split(",")]
    assert len(pieces) == len(parts)
    for piece, part in zip(pieces, parts, strict=True):
        if part in away:
            assert Path(piece).read_bytes() == part.encode()
        else:
            assert piece == part
    assert carried.unaccompanied(references) == ""


def test_exports_of_before_are_read(engine: Engine, labelled: Scene, tmp_path: Path) -> None:
    path = run(engine, labelled, tmp_path / "film.png", ExportOptions(kind="png"))
    _, _, provenance = read(path)
    document = msgspec.json.decode(encode(provenance))
    del document["references"]
    old = decode(msgspec.json.encode(document), "old.png")
    assert old == replace(provenance, references=())


def test_as_much_as_is_ever_carried_travels_in_every_container(
    engine: Engine, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = np.random.default_rng(0).bytes(carried.MOST_CARRIED)
    reference = Reference(noun="labels", text="/a.json", entry="a.json", files=(file_of(data),))
    monkeypatch.setattr(export, "gathered", lambda scene: (reference,))
    for kind in ("mp4", "gif", "png", "sheet_pdf", "png_sequence"):
        path = run(engine, scene, tmp_path / f"film{SUFFIXES[kind]}", ExportOptions(kind=kind))
        _, _, provenance = read(path)
        assert provenance.references == (reference,)
