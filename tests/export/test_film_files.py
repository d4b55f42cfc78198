"""Films: the frames that an MP4 or a GIF holds, their time, and that the same frames give the same bytes."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image, ImageSequence

from explorer.engine.engine import Engine
from explorer.errors import ExportError
from explorer.export import gif, video
from explorer.export.embed import read
from explorer.export.frames import shoot
from explorer.export.options import ExportOptions
from explorer.export.provenance import Provenance
from explorer.export.run import run
from explorer.export.video import read_mp4, write_mp4
from explorer.scene.model import Scene


def options(kind: str, **changes: object) -> ExportOptions:
    return ExportOptions(kind=kind, **changes)


def expected(engine: Engine, scene: Scene, asked: ExportOptions) -> list[np.ndarray]:
    return list(shoot(engine, scene, asked).frames())


@pytest.mark.parametrize("crf", [0, 12])
def test_an_mp4_holds_the_frames(engine: Engine, scene: Scene, tmp_path: Path, crf: int) -> None:
    asked = options("mp4", crf=crf, height=32)
    path = run(engine, scene, tmp_path / "a.mp4", asked)
    frames = expected(engine, scene, asked)
    decoded = list(read_mp4(path))
    assert len(decoded) == 20
    height, width = frames[0].shape[:2]
    for frame, found in zip(frames, decoded, strict=True):
        assert found.shape[0] % 2 == found.shape[1] % 2 == 0
        error = np.abs(found[:height, :width].astype(int) - frame)
        if crf == 0:
            assert error.max() == 0
        else:
            assert error.mean() < 6  # 4:2:0 halves the colours' resolution
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.average_rate == 10
        assert float(stream.duration * stream.time_base) == pytest.approx(2.0)
        if crf:
            assert stream.codec_context.pix_fmt == "yuv420p"
            assert stream.codec_context.colorspace == 1


def test_a_flat_colour_survives_the_video(tmp_path: Path, engine: Engine, scene: Scene) -> None:
    provenance = _provenance(engine, scene, tmp_path)
    for colour in ((255, 0, 0), (0, 255, 0), (10, 20, 200), (128, 128, 128), (255, 255, 255), (0, 0, 0)):
        frame = np.empty((32, 48, 3), np.uint8)
        frame[...] = colour
        write_mp4(tmp_path / "flat.mp4", [frame] * 3, 24, 10, "", lambda: provenance)
        for found in read_mp4(tmp_path / "flat.mp4"):
            assert np.abs(found.astype(int) - frame).max() <= 3


def test_a_film_of_any_length_takes_the_memory_of_a_few_frames(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    provenance = _provenance(engine, scene, tmp_path)
    alive = most = 0

    def gone() -> None:
        nonlocal alive
        alive -= 1

    def frames() -> Iterator[np.ndarray]:
        nonlocal alive, most
        for number in range(500):
            frame = np.full((16, 16, 3), number % 256, np.uint8)
            weakref.finalize(frame, gone)
            alive += 1
            most = max(most, alive)
            yield frame

    write_mp4(tmp_path / "long.mp4", frames(), 24, 18, "", lambda: provenance)
    assert sum(1 for _ in read_mp4(tmp_path / "long.mp4")) == 500
    assert most <= 3


@pytest.mark.parametrize("kind", ["mp4", "lossless mp4", "gif"])
def test_the_same_frames_give_the_same_bytes_whatever_lies_in_memory(tmp_path: Path, kind: str) -> None:
    """An encoder that reads memory which nobody has written repeats itself in a fresh process, and not in this one."""
    noise = np.random.default_rng(0)
    y, x = np.mgrid[0:302, 0:396]
    frames = [np.stack([(x * y + 5 * i) % 256, x % 256, (y + i) % 256], -1).astype(np.uint8) for i in range(8)]

    def among_rubbish() -> Iterator[np.ndarray]:
        for frame in frames:
            for size in noise.integers(100, 60_000, 200):
                noise.integers(0, 256, size, np.uint8)
            yield frame.copy()

    written = set()
    for _ in range(6):
        if kind == "gif":
            gif._encode(tmp_path / "a.gif", among_rubbish(), gif._palette(frames), 10)
            written.add((tmp_path / "a.gif").read_bytes())
        else:
            video._encode(tmp_path / "a.mp4", among_rubbish(), 10, 0 if kind.startswith("lossless") else 18)
            written.add((tmp_path / "a.mp4").read_bytes())
    assert len(written) == 1


def _provenance(engine: Engine, scene: Scene, tmp_path: Path) -> Provenance | None:
    run(engine, scene, tmp_path / "one.png", options("png"))
    return read(tmp_path / "one.png")[2]


def test_a_gif_holds_the_frames_and_keeps_time(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    scene = replace(scene, timeline=replace(scene.timeline, fps=24))
    asked = options("gif", labels=False, pane=0)
    path = run(engine, scene, tmp_path / "a.gif", asked)
    frames = expected(engine, scene, asked)
    with Image.open(path) as image:
        assert image.info["loop"] == 0
        found = [(frame.info["duration"], np.asarray(frame.convert("RGB"))) for frame in ImageSequence.Iterator(image)]
    assert len(found) == len(frames) == 48
    assert sum(duration for duration, _ in found) == 2000
    for frame, (_, pixels) in zip(frames, found, strict=True):
        # Dithering trades single pixels for the right colour on average.
        blocks = (pixels.astype(float) - frame).reshape(4, 4, 4, 4, 3).mean(axis=(1, 3))
        assert np.abs(blocks).mean() < 8


def test_a_gif_of_few_colours_is_exact(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (256, 3)).astype(np.uint8)
    frames = [colours[rng.permutation(256)].reshape(16, 16, 3) for _ in range(5)]
    provenance = _provenance(engine, scene, tmp_path)
    gif.write_gif(tmp_path / "few.gif", frames, frames, 10, lambda: provenance)
    with Image.open(tmp_path / "few.gif") as image:
        for frame, found in zip(frames, ImageSequence.Iterator(image), strict=True):
            assert np.array_equal(np.asarray(found.convert("RGB")), frame)


def test_a_gif_faster_than_viewers_show_is_refused(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    fast = replace(scene, timeline=replace(scene.timeline, fps=60))
    with pytest.raises(ExportError, match="at most 50 frames per second"):
        run(engine, fast, tmp_path / "a.gif", options("gif"))
