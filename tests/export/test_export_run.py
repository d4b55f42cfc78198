"""Every kind of export: the right frames in the file, nothing half written, one sentence for what cannot be."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image
from small_disk import small_disk

from explorer.controls import control_set as control_sets
from explorer.engine.engine import Engine
from explorer.errors import Cancelled, ExplorerError, ExportError, SceneError
from explorer.export import frames as frame_module
from explorer.export import run as export
from explorer.export.compose import rgb
from explorer.export.frames import pinned, shoot
from explorer.export.options import ExportOptions, SheetOptions, decode_options, encode_options
from explorer.export.run import run
from explorer.export.stills import sequence_files
from explorer.reading import sha256_of
from explorer.scene.model import Pane, Scene, Timeline, view_of
from explorer.scene.store import load_scene
from explorer.scene.timeline import at, frame_times

KINDS = {
    "mp4": "a.mp4",
    "gif": "a.gif",
    "png": "a.png",
    "png_sequence": "a",
    "sheet_png": "sheet.png",
    "sheet_pdf": "sheet.pdf",
}


def options(kind: str, **changes: object) -> ExportOptions:
    return ExportOptions(kind=kind, **changes)


def expected(engine: Engine, scene: Scene, asked: ExportOptions) -> list[np.ndarray]:
    return list(shoot(engine, scene, asked).frames())


def test_options_travel_as_bytes() -> None:
    asked = options("gif", height=128, sheet=SheetOptions(seeds=(1, 2)))
    assert decode_options(encode_options(asked)) == asked


def test_a_frame_shows_what_the_engine_renders_at_its_time(engine: Engine, scene: Scene) -> None:
    made = expected(engine, scene, options("mp4", labels=False, pane=0))
    times = frame_times(scene.timeline)
    assert len(made) == len(times) == 20
    for number in (0, 7, 10, 19):
        (picture,) = engine.render([view_of(at(scene, times[number]), 0)])
        difference = made[number].astype(int) - rgb(picture.bgrx)
        assert np.abs(difference).max() <= 1  # another batch may round one level otherwise


def test_the_chunks_of_a_film_do_not_exceed_the_batch(
    engine: Engine, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    render = engine.render

    def counting(views: list, exact: bool = False, height: int = 0) -> list:
        sizes.append(len(views))
        assert exact
        return render(views, exact, height=height)

    monkeypatch.setattr(engine, "render", counting)
    expected(engine, scene, options("mp4"))
    assert max(sizes) == frame_module.BATCH
    assert sum(sizes) == 40


def test_a_png_is_the_scene_as_it_stands(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    path = run(engine, scene, tmp_path / "a.png", options("png", labels=False, pane=0))
    (picture,) = engine.render([view_of(pinned(engine, scene), 0)], exact=True)
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), rgb(picture.bgrx))


def test_a_sequence_is_a_folder_of_exact_frames_and_its_scene(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    path = run(engine, scene, tmp_path / "film", options("png_sequence"))
    files = sequence_files(path)
    assert [file.name for file in files[:2]] == ["frame_00000.png", "frame_00001.png"]
    for file, frame in zip(files, expected(engine, scene, options("png_sequence")), strict=True):
        with Image.open(file) as image:
            assert np.array_equal(np.asarray(image), frame)
    assert load_scene(path / "scene.json") == pinned(engine, scene)
    assert {file.name for file in path.iterdir()} == {*(file.name for file in files), "scene.json", "provenance.json"}


def test_a_sequence_replaces_an_older_one_and_nothing_else(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    run(engine, scene, tmp_path / "film", options("png_sequence"))
    short = replace(scene, timeline=replace(scene.timeline, duration=0.3))
    run(engine, short, tmp_path / "film", options("png_sequence"))
    assert len(sequence_files(tmp_path / "film")) == 6
    (tmp_path / "film" / "thesis.txt").write_text("mine")
    with pytest.raises(ExportError, match="holds other files"):
        run(engine, short, tmp_path / "film", options("png_sequence"))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["film", "models"]


def test_a_sheet_of_controls_has_a_row_a_control_and_a_column_an_amount(
    engine: Engine, scene: Scene, tmp_path: Path
) -> None:
    asked = options("sheet_png", labels=False, sheet=SheetOptions(amounts=(-1.0, 0.0, 1.0)))
    cells = expected(engine, scene, asked)
    assert len(cells) == 4 * 3
    shot = shoot(engine, scene, asked)
    assert [cell.row for cell in shot.cells[::3]] == [
        control.card.name for control in engine.control_set(scene.model, scene.panes[0].controls).controls
    ]
    assert [cell.column for cell in shot.cells[:3]] == ["-1", "0", "+1"]
    # Amount 0 of a control of the second pane's kind: the other edits of the pane stay.
    path = run(engine, scene, tmp_path / "s.png", asked)
    with Image.open(path) as image:
        sheet = np.asarray(image)
    gap, size = 2, 16
    for index, cell in enumerate(cells):
        row, column = divmod(index, 3)
        top, left = gap + row * (size + gap), gap + column * (size + gap)
        assert np.array_equal(sheet[top : top + size, left : left + size], cell)


def test_a_sheet_of_seeds_moves_the_control_that_moves(engine: Engine, scene: Scene) -> None:
    asked = options("sheet_png", sheet=SheetOptions(rows="seeds", seeds=(5, 6), amounts=(0.0, 2.0)))
    shot = shoot(engine, scene, asked)
    name = scene.panes[0].edits[0].control
    assert [cell.row for cell in shot.cells] == ["seed 5", "seed 5", "seed 6", "seed 6"]
    assert shot.cells[1].view.start.origin.seed == 5
    assert {edit.control: edit.amount for edit in shot.cells[1].view.edits}[name] == 2.0
    assert name in shot.title


def test_the_labels_of_a_sheet_are_drawn(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    asked = options("sheet_png", height=64, sheet=SheetOptions(amounts=(-1.0, 1.0)))
    bare = run(engine, scene, tmp_path / "bare.png", replace(asked, labels=False))
    labelled = run(engine, scene, tmp_path / "labelled.png", asked)
    with Image.open(bare) as one, Image.open(labelled) as other:
        assert other.width > one.width
        assert other.height > one.height
        head = np.asarray(other)[: other.height - one.height]
        assert head.min() < 60  # ink
        assert head.max() == 255  # paper


@pytest.mark.parametrize(
    ("kind", "name", "changes", "sentence"),
    [
        ("mp4", "a.avi", {}, "unknown extension"),
        ("mp4", "a.png", {}, "must end in .mp4"),
        ("png_sequence", "a.png", {}, "without an extension"),
        ("mp4", "a.mp4", {"crf": 52}, "between 0"),
        ("mp4", "a.mp4", {"height": -1}, "height"),
        ("mp4", "a.mp4", {"pane": 2}, "no pane 2"),
        ("sheet_png", "a.png", {"sheet": SheetOptions(amounts=())}, "at least one amount"),
        ("sheet_png", "a.png", {"sheet": SheetOptions(amounts=(float("nan"),))}, "sheet.amounts"),
        ("sheet_png", "a.png", {"sheet": SheetOptions(rows="seeds")}, "at least one seed"),
        ("sheet_png", "a.png", {"sheet": SheetOptions(rows="seeds", seeds=(2**32,))}, "seed"),
        ("sheet_png", "a.png", {"sheet": SheetOptions(controls=("smile",))}, "no control 'smile'"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    engine: Engine, scene: Scene, tmp_path: Path, kind: str, name: str, changes: dict, sentence: str
) -> None:
    with pytest.raises(ExplorerError, match=sentence) as caught:
        run(engine, scene, tmp_path / name, options(kind, **changes))
    assert "\n" not in str(caught.value)
    assert [one.name for one in tmp_path.iterdir()] == ["models"]


def test_a_film_in_which_nothing_moves_is_refused(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="Nothing moves"):
        run(engine, replace(scene, timeline=Timeline()), tmp_path / "a.mp4", options("mp4"))


def test_a_scene_that_is_not_valid_is_refused(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="truncation_psi"):
        run(engine, replace(scene, truncation_psi=9.0), tmp_path / "a.png", options("png"))


@pytest.mark.parametrize("kind", KINDS)
def test_progress_rises_to_one(engine: Engine, scene: Scene, tmp_path: Path, kind: str) -> None:
    shares: list[float] = []
    run(engine, scene, tmp_path / KINDS[kind], options(kind), shares.append)
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_cancelling_leaves_nothing_behind(engine: Engine, scene: Scene, tmp_path: Path, kind: str) -> None:
    target = tmp_path / KINDS[kind]
    calls = 0

    def cancel(share: float) -> None:
        nonlocal calls
        calls += 1
        if calls > (1 if kind == "png" else 5):
            raise Cancelled

    with pytest.raises(Cancelled):
        run(engine, scene, target, options(kind), cancel)
    assert [one.name for one in tmp_path.iterdir()] == ["models"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_fills_up_is_one_sentence_and_nothing_stays(
    engine: Engine, scene: Scene, tmp_path: Path, kind: str
) -> None:
    with small_disk(500), pytest.raises(ExportError, match=r"could not be written .*; nothing was left behind"):
        run(engine, scene, tmp_path / KINDS[kind], options(kind))
    assert [one.name for one in tmp_path.iterdir()] == ["models"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_old_file_survives_a_failed_export(engine: Engine, scene: Scene, tmp_path: Path, kind: str) -> None:
    target = run(engine, scene, tmp_path / KINDS[kind], options(kind))
    old = _contents(target)
    with small_disk(500), pytest.raises(ExportError):
        run(engine, scene, target, options(kind))
    assert _contents(target) == old


def _contents(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else sorted(path.iterdir())
    return {file.name: file.read_bytes() for file in files}


@pytest.mark.parametrize("kind", KINDS)
def test_a_place_that_is_no_folder_is_one_sentence(engine: Engine, scene: Scene, tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ExportError, match=r"cannot be written .*choose another folder"):
        run(engine, scene, tmp_path / "file" / KINDS[kind], options(kind))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs POSIX, and root may write anywhere")
@pytest.mark.parametrize("kind", KINDS)
def test_a_read_only_folder_is_one_sentence(engine: Engine, scene: Scene, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(ExportError, match="cannot be written"):
        run(engine, scene, folder / KINDS[kind], options(kind))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.mp4", "mp4"),
        ("A.MP4", "mp4"),
        ("a.gif", "gif"),
        ("a.png", "png"),
        ("a.pdf", "sheet_pdf"),
        ("a", "png_sequence"),
    ],
)
def test_the_extension_chooses_the_kind(name: str, kind: str) -> None:
    assert export.kind_of(Path(name)) == kind


def test_a_control_set_file_is_pinned_by_its_digest(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    file = tmp_path / "set.safetensors"
    found = engine.control_set(scene.model, scene.panes[0].controls)
    control_sets.save(found, file)
    controls = msgspec.structs.replace(scene.panes[0].controls, path=str(file), method="")
    own = replace(scene, panes=(Pane(controls=controls),), timeline=Timeline())
    assert pinned(engine, own).panes[0].controls.digest == sha256_of(file)
    assert pinned(engine, own).model.fingerprint == engine.card(scene.model).fingerprint


def test_a_film_keeps_the_control_set_that_it_began_with(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    """Also where the file is written again between two of its frames, and also for a set that others are matched to."""
    file = tmp_path / "set.safetensors"
    source = scene.panes[0].controls
    control_sets.save(engine.control_set(scene.model, source), file)
    controls = msgspec.structs.replace(source, path=str(file), method="", settings=())
    film = replace(scene, panes=tuple(replace(pane, controls=controls) for pane in scene.panes))
    whole = list(shoot(engine, pinned(engine, film), options("mp4")).frames())

    def rewrite(share: float) -> None:
        if share > 0:
            other = engine.control_set(scene.model, msgspec.structs.replace(source, seed=9))
            control_sets.save(other, file)

    path = run(engine, film, tmp_path / "film", options("png_sequence"), rewrite)
    for picture, frame in zip(sequence_files(path), whole, strict=True):
        with Image.open(picture) as image:
            assert np.array_equal(np.asarray(image), frame)
    like = replace(film, panes=(replace(film.panes[0], controls=replace(source, like=controls)),))
    assert pinned(engine, like).panes[0].controls.like.digest == sha256_of(file)
