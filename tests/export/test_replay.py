"""Provenance: every file carries its scene, and rendering it again gives the same bits."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from PIL import Image

from explorer.engine.engine import Engine
from explorer.errors import ExportError, ModelError, SceneError
from explorer.export import carried, embed, provenance, replay
from explorer.export.compose import scaled
from explorer.export.frames import pinned, shoot
from explorer.export.options import ExportOptions, SheetOptions
from explorer.export.run import run
from explorer.scene.model import Bookmark, Scene, Seed
from explorer.scene.store import save_scene

KINDS = {
    "mp4": "a.mp4",
    "gif": "a.gif",
    "png": "a.png",
    "png_sequence": "a",
    "sheet_png": "sheet.png",
    "sheet_pdf": "sheet.pdf",
}


def contents(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else sorted(path.iterdir())
    return {file.name if path.is_dir() else "": file.read_bytes() for file in files}


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_carries_its_scene_and_options(engine: Engine, scene: Scene, tmp_path: Path, kind: str) -> None:
    bookmark = Bookmark(name="größe 漢字 😀", model=scene.model, origin=Seed(9), truncation_psi=0.5, panes=scene.panes)
    scene = replace(scene, bookmarks=(bookmark,) * 300)  # more than one GIF block, more than one PNG limit
    options = ExportOptions(kind=kind, height=24, crf=30, sheet=SheetOptions(amounts=(0.5,)))
    path = run(engine, scene, tmp_path / KINDS[kind], options)
    found, found_options, record = replay.read(path)
    assert found == pinned(engine, scene)
    assert found_options == options
    assert record is not None
    assert [one.fingerprint for one in record.generators] == [engine.card(scene.model).fingerprint]
    assert record.device == "cpu"


@pytest.mark.parametrize("kind", KINDS)
def test_replay_is_bit_identical_and_the_file_byte_identical(
    engine: Engine, scene: Scene, tmp_path: Path, kind: str
) -> None:
    path = run(engine, scene, tmp_path / KINDS[kind], ExportOptions(kind=kind, height=32))
    fresh = Engine(torch.device("cpu"))  # nothing of the first rendering is left in a cache
    assert replay.verify(fresh, path).identical
    again = tmp_path / "again" / KINDS[kind]
    comparison = replay.rerun(fresh, path, again)
    assert comparison is not None
    assert comparison.identical
    assert contents(again) == contents(path)


def test_a_file_from_before_there_was_a_choice_replays_with_repeated_pixels(
    engine: Engine, scene: Scene, tmp_path: Path
) -> None:
    path = run(engine, scene, tmp_path / "film", ExportOptions(kind="png_sequence", height=128))
    record = json.loads((path / "provenance.json").read_text())
    del record["options"]["scaling"]
    (path / "provenance.json").write_text(json.dumps(record))
    assert replay.verify(engine, path).identical
    smooth = run(engine, scene, tmp_path / "smooth", ExportOptions(kind="png_sequence", height=128, scaling="smooth"))
    assert replay.verify(engine, smooth).identical
    assert replay.read(smooth)[2].frames.sha256 != replay.read(path)[2].frames.sha256


def test_a_sheet_enlarges_as_it_is_asked(engine: Engine, scene: Scene) -> None:
    sheet = SheetOptions(amounts=(0.0, 1.0))
    cells = [
        next(shoot(engine, scene, ExportOptions(kind="sheet_png", height=128, scaling=how, sheet=sheet)).frames())
        for how in ("pixels", "smooth")
    ]
    own = next(shoot(engine, scene, ExportOptions(kind="sheet_png", sheet=sheet)).frames())
    for cell, how in zip(cells, ("pixels", "smooth"), strict=True):
        assert np.array_equal(cell, scaled(own, 128, how))
    assert not np.array_equal(*cells)


def test_replay_renders_the_frames_of_the_file(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    path = run(engine, scene, tmp_path / "film", ExportOptions(kind="png_sequence"))
    for file, frame in zip(sorted(path.glob("*.png")), replay.frames(engine, path), strict=True):
        with Image.open(file) as image:
            assert np.array_equal(np.asarray(image), frame)


def test_other_threads_than_the_first_time_change_nothing(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    path = run(engine, scene, tmp_path / "a.png", ExportOptions(kind="png"))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(before + 1)
        assert replay.verify(engine, path).identical
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_a_film_is_compared_with_the_sequence_made_of_it(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    film = run(engine, scene, tmp_path / "a.mp4", ExportOptions(kind="mp4"))
    comparison = replay.rerun(engine, film, tmp_path / "frames")
    assert comparison is not None
    assert comparison.identical
    assert comparison.sentence == "bit-identical: 20 frames"
    assert replay.rerun(engine, film, tmp_path / "still.png") is None  # other pictures: nothing to compare


def test_another_compression_shows_the_same_frames_and_another_size_does_not(
    engine: Engine, scene: Scene, tmp_path: Path
) -> None:
    options = ExportOptions(kind="mp4", crf=0, height=32)
    film = run(engine, scene, tmp_path / "a.mp4", options)
    smaller = replay.rerun(engine, film, tmp_path / "b.mp4", options=replace(options, crf=30))
    assert smaller is not None
    assert smaller.identical
    assert replay.rerun(engine, film, tmp_path / "c.mp4", options=replace(options, height=64)) is None


def test_a_scene_file_is_exported_too(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    save_scene(scene, tmp_path / "a.scene.json")
    assert replay.rerun(engine, tmp_path / "a.scene.json", tmp_path / "a.gif") is None
    assert replay.read(tmp_path / "a.gif")[0] == pinned(engine, scene)
    assert replay.read(tmp_path / "a.scene.json")[0] == scene
    with pytest.raises(ExportError, match="is a scene, not an export"):
        replay.verify(engine, tmp_path / "a.scene.json")


@pytest.mark.parametrize(("kind", "crf"), [("png", 18), ("mp4", 0)])
def test_altered_pixels_are_found(engine: Engine, scene: Scene, tmp_path: Path, kind: str, crf: int) -> None:
    from explorer.export.stills import write_png
    from explorer.export.video import write_mp4

    path = run(engine, scene, tmp_path / KINDS[kind], ExportOptions(kind=kind, crf=crf, labels=False, pane=0))
    assert replay.verify(engine, path).identical
    _, _, record = replay.read(path)
    frames = [frame.copy() for frame in replay.frames(engine, path)]
    frames[-1][0, 0, 0] ^= 1
    if kind == "png":
        write_png(path, frames[0], record)
    else:
        write_mp4(path, frames, scene.timeline.fps, crf, "toy0", lambda: record)
    comparison = replay.verify(engine, path)
    assert not comparison.identical
    assert comparison.first == comparison.last == len(frames) - 1
    assert "changed after it was written" in comparison.sentence


def test_a_changed_generator_is_refused(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    path = run(engine, scene, tmp_path / "a.gif", ExportOptions(kind="gif"))
    (tmp_path / "models" / "toy0" / "toy.txt").write_text("1")
    with pytest.raises(ModelError, match="made with another 'toy0'"):
        replay.verify(Engine(torch.device("cpu")), path)


def test_a_changed_control_set_file_is_not_taken_for_the_old_one(
    engine: Engine, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from explorer.controls import control_set as control_sets

    file = tmp_path / "set.safetensors"
    found = engine.control_set(scene.model, scene.panes[0].controls)
    control_sets.save(found, file)
    panes = tuple(replace(pane, controls=replace(pane.controls, path=str(file))) for pane in scene.panes)
    path = run(engine, replace(scene, panes=panes), tmp_path / "a.png", ExportOptions(kind="png"))
    assert replay.verify(engine, path).identical
    control_sets.save(dataclasses.replace(found, note="renamed"), file)
    assert replay.verify(engine, path).identical  # with the set that the picture carries
    with pytest.raises(ExportError, match="has changed since"):
        replay.verify(engine, path, places=replay.Places(controls=f"{tmp_path}/models/../{file.name}"))
    monkeypatch.setattr(carried, "MOST_CARRIED", 0)
    control_sets.save(found, file)
    path = run(engine, replace(scene, panes=panes), tmp_path / "b.png", ExportOptions(kind="png"))
    control_sets.save(dataclasses.replace(found, note="renamed"), file)
    with pytest.raises(ExportError, match="does not carry and which is not here as it was; put it back, or say with"):
        replay.verify(engine, path)


def test_a_difference_is_located_by_its_block() -> None:
    old, new = provenance.Digester(200), provenance.Digester(200)
    frame = np.zeros((2, 2, 3), np.uint8)
    for number in range(200):
        old.add(frame)
        new.add(frame + (number == 77))
    comparison = replay.compare(old.result(), new.result())
    assert (comparison.first, comparison.last) == (76, 79)
    assert "frames 76 to 79 of 200 frames" in comparison.sentence
    assert len(old.result().blocks) == 50


def test_digests_are_sha256_of_the_bytes() -> None:
    import hashlib

    frames = [np.full((2, 3, 3), value, np.uint8) for value in range(5)]
    digester = provenance.Digester(5)
    for frame in frames:
        digester.add(frame)
    result = digester.result()
    assert result.sha256 == hashlib.sha256(b"".join(frame.tobytes() for frame in frames)).hexdigest()
    assert (result.count, result.height, result.width, result.block) == (5, 2, 3, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_file_is_one_sentence(engine: Engine, scene: Scene, tmp_path: Path, kind: str) -> None:
    path = run(engine, scene, tmp_path / KINDS[kind], ExportOptions(kind=kind))
    target = path if path.is_file() else path / "provenance.json"
    data = target.read_bytes()
    for length in (0, 3, 20, len(data) // 2):
        target.write_bytes(data[:length])
        try:
            replay.read(path)  # a still's scene stands before its pixels, so half a file may be enough
        except SceneError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert length == len(data) // 2
            assert kind in ("png", "sheet_png", "mp4")


@pytest.mark.parametrize("kind", ["mp4", "gif", "png", "pdf", "txt", "folder", "json"])
def test_a_foreign_file_is_one_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"foreign.{kind}"
    if kind == "folder":
        path.mkdir()
    elif kind == "mp4":
        path.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(100))
    elif kind in ("gif", "png", "pdf"):
        Image.new("RGB", (4, 4)).save(path)
    else:
        path.write_text('{"a": 1}' if kind == "json" else "hello")
    with pytest.raises(SceneError, match=r"carries no scene|or it is truncated or damaged"):
        replay.read(path)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="cannot be read"):
        replay.read(tmp_path / "none.mp4")


def test_a_file_from_a_newer_program_asks_for_an_update(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    path = run(engine, scene, tmp_path / "film", ExportOptions(kind="png_sequence"))
    document = json.loads((path / "provenance.json").read_bytes())
    (path / "provenance.json").write_text(json.dumps({**document, "version": 2}))
    with pytest.raises(SceneError, match="newer Latent Explorer"):
        replay.read(path)
    document["scene"]["version"] = 99
    (path / "provenance.json").write_text(json.dumps(document))
    with pytest.raises(SceneError, match="newer Latent Explorer"):
        replay.read(path)


@given(st.binary(max_size=2000))
def test_a_gif_comment_of_any_length_comes_back(noise: bytes) -> None:
    import io

    buffer = io.BytesIO()
    Image.effect_noise((17, 9), 50).save(buffer, "GIF", comment=noise[:200] or b"x")
    text = noise.hex()
    data = embed.with_gif_comment(buffer.getvalue(), text)
    assert embed.from_gif(data) == text.encode()
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.size == (17, 9)


@given(st.binary(max_size=300))
def test_any_bytes_after_a_gif_header_are_no_crash(noise: bytes) -> None:
    embed.from_gif(b"GIF89a" + noise)
    embed.from_pdf(b"%PDF" + noise)


def test_the_pdf_is_read_by_another_program(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    import shutil

    path = run(engine, scene, tmp_path / "sheet.pdf", ExportOptions(kind="sheet_pdf", height=64))
    if shutil.which("pdftotext"):
        text = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True).stdout
        assert "+3" in text
        assert "toy0" in text
    data = path.read_bytes()
    # Independent of any reader: the cross-reference table points at every object, and the lengths are true.
    table = int(data.rsplit(b"startxref\n", 1)[1].split()[0])
    lines = data[table:].split(b"\n")
    count = int(lines[1].split()[1])
    for number in range(1, count):
        place = int(lines[2 + number][:10])
        assert data[place:].startswith(f"{number} 0 obj\n".encode())
    assert msgspec.json.decode(embed.from_pdf(data) or b"")["format"] == provenance.FORMAT


def test_a_film_whose_pictures_cannot_be_read_is_one_sentence(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    path = run(engine, scene, tmp_path / "a.mp4", ExportOptions(kind="mp4", height=24, crf=0))
    data = bytearray(path.read_bytes())
    place = data.index(b"stsz") + 12
    data[place : place + 4] = b"\xff" * 4  # the film has that many frames
    path.write_bytes(bytes(data))
    with pytest.raises(ExportError, match=r"'a\.mp4' is not an export whose pictures can be read"):
        replay.verify(engine, path)
