"""Whatever can be exported can be read again: no size is refused that we have written, and no text is too long."""

from __future__ import annotations

import contextlib
import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from mutations import mutations
from PIL import Image, PngImagePlugin
from PIL.PngImagePlugin import PngInfo

from explorer.engine.engine import Engine
from explorer.errors import ExportError, SceneError
from explorer.export import embed, frames, png_file, replay
from explorer.export.embed import from_pdf
from explorer.export.options import ExportOptions, SheetOptions
from explorer.export.png_file import pixels_in, text_in, with_text
from explorer.export.provenance import KEY
from explorer.export.run import run
from explorer.export.stills import write_png
from explorer.scene.model import Scene

PICTURE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


@pytest.mark.parametrize("kind", ["png", "png_sequence", "sheet_png"])
def test_a_picture_that_pillow_takes_for_a_bomb_is_replayed(
    engine: Engine, scene: Scene, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As four panes of 7,680 pixels are, whose pixels are more than Pillow's own limit."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    monkeypatch.setattr(PngImagePlugin, "MAX_TEXT_MEMORY", 10)
    path = tmp_path / ("a" if kind == "png_sequence" else "a.png")
    options = ExportOptions(kind=kind, height=24, labels=False, sheet=SheetOptions(amounts=(0.5,)))
    run(engine, scene, path, options)
    assert replay.verify(engine, path).identical
    assert replay.rerun(engine, path, tmp_path / f"again{path.suffix}") == replay.verify(engine, path)


def test_pixels_that_were_changed_are_still_told(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    run(engine, scene, path, ExportOptions(kind="png", height=24))
    _, _, record = replay.read(path)
    pixels = pixels_in(path).copy()
    pixels[3, 4] ^= 1
    write_png(path, pixels, record)
    assert "changed after it was written" in replay.verify(engine, path).sentence
    write_png(path, pixels[1:], record)
    with pytest.raises(ExportError, match=r"'a\.png' is not the picture that was exported"):
        replay.verify(engine, path)


@pytest.mark.parametrize(
    "options",
    [ExportOptions(kind="png", height=24), ExportOptions(kind="sheet_png", height=24, sheet=SheetOptions())],
    ids=["panes", "sheet"],
)
def test_more_pixels_than_can_be_read_again_are_refused_before_anything_is_drawn(
    engine: Engine, scene: Scene, tmp_path: Path, options: ExportOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "MOST_PIXELS", 1000)

    def draw(*rest: object, **more: object) -> None:
        pytest.fail("something was drawn")

    engine.control_set(scene.model, scene.panes[0].controls)
    monkeypatch.setattr(Engine, "render", draw)
    with pytest.raises(ExportError, match="million pixels, and at most"):
        run(engine, scene, tmp_path / "a.png", options)
    assert not (tmp_path / "a.png").exists()


def test_more_pixels_than_can_be_exported_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_png(tmp_path / "a.png", PICTURE)
    monkeypatch.setattr(png_file, "MOST_PIXELS", 599)
    with pytest.raises(ValueError, match="30×20 pixels"):
        pixels_in(tmp_path / "a.png")


@given(text=st.text(st.characters(max_codepoint=127, exclude_characters="\0"), max_size=200))
def test_a_text_is_read_as_it_was_written(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("png")
    write_png(folder / "plain.png", PICTURE)
    (folder / "told.png").write_bytes(with_text((folder / "plain.png").read_bytes(), text))
    assert text_in(folder / "plain.png") is None
    assert text_in(folder / "told.png") == text.encode()
    assert np.array_equal(pixels_in(folder / "told.png"), PICTURE)
    with Image.open(folder / "told.png") as image:  # another reader of the same format
        assert image.info[KEY] == text


@pytest.mark.parametrize("how", ["iTXt", "packed iTXt", "tEXt", "zTXt"])
def test_a_text_that_another_program_has_written_again_is_read(how: str, tmp_path: Path) -> None:
    told = PngInfo()
    if "iTXt" in how:
        told.add_itxt(KEY, "{größe}", lang="de", zip="packed" in how)
    else:
        told.add_text(KEY, "{größe}", zip=how == "zTXt")
    Image.fromarray(PICTURE).save(tmp_path / "a.png", pnginfo=told)
    assert text_in(tmp_path / "a.png") == "{größe}".encode("utf-8" if "iTXt" in how else "latin-1")


def test_a_text_that_grows_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png_file, "LONGEST_TEXT", 1000)
    told = PngInfo()
    told.add_text(KEY, "x" * 100_000, zip=True)
    Image.fromarray(PICTURE).save(tmp_path / "a.png", pnginfo=told)
    with pytest.raises(ValueError, match="too long"):
        text_in(tmp_path / "a.png")


def test_damaged_files_are_refused_or_read_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_png(path, PICTURE)
    for damaged in mutations(with_text(path.read_bytes(), "{}"), 300):
        path.write_bytes(damaged)
        with contextlib.suppress(ValueError, zlib.error):
            assert text_in(path) is None or isinstance(text_in(path), bytes)


def test_a_file_of_very_many_chunks_takes_no_time(tmp_path: Path) -> None:
    empty = png_file._written(b"teXt", b"")
    plain = io.BytesIO()
    Image.fromarray(PICTURE).save(plain, "PNG")
    data = plain.getvalue()
    (tmp_path / "a.png").write_bytes(data[:33] + empty * 300_000 + data[33:])
    with pytest.raises(ValueError, match="cut"):
        text_in(tmp_path / "a.png")


def test_a_scene_with_a_very_long_text_is_carried_by_every_kind(
    engine: Engine, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than the 64 MiB that Pillow takes of texts, in the kinds that it has read."""
    monkeypatch.setattr(PngImagePlugin, "MAX_TEXT_MEMORY", 1000)
    named = replace(scene, panes=tuple(replace(pane, name="n" * 5000) for pane in scene.panes))
    path = run(engine, named, tmp_path / "a.png", ExportOptions(kind="png", labels=False))
    assert replay.read(path)[0].panes[0].name == "n" * 5000
    assert replay.verify(engine, path).identical


def _figure(attachment: bytes) -> bytes:
    """As Qt writes a PDF with an attachment: compressed, and named from another object."""
    packed = zlib.compress(attachment)
    stream = b"7 0 obj\n<</Type/EmbeddedFile/Length %d>>\nstream\n%s\nendstream\nendobj\n" % (len(packed), packed)
    return b"%PDF-1.4\n" + stream + b"8 0 obj\n<</EF <</F 7 0 R>>\n/Type/Filespec>>\nendobj\n%%EOF\n"


def test_a_figure_gives_back_a_scene_of_any_length() -> None:
    """Of a million keyframes it is some 70 MB."""
    attachment = b'{"x": "' + bytes(range(97, 123)) * 2_700_000 + b'"}'
    assert from_pdf(_figure(attachment)) == attachment


def test_a_figure_that_grows_beyond_measure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "UNPACKED_BYTES", 1000)
    with pytest.raises(SceneError, match="far larger than a scene"):
        from_pdf(_figure(bytes(1 << 20)))
