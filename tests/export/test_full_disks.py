"""A disk that fills while an export is written: one sentence, nothing left, and no room taken."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from small_disk import mounted, small_disk

from explorer.engine.engine import Engine
from explorer.errors import ExportError
from explorer.export import gif, video
from explorer.export.compose import Frame
from explorer.export.options import ExportOptions
from explorer.export.run import run
from explorer.scene.model import Scene


def noise(count: int) -> Iterator[Frame]:
    """Frames that cannot be made smaller."""
    source = np.random.default_rng(0)
    return (source.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(count))


def describe() -> None:
    """Nothing is told of it."""


WRITERS: dict[str, Callable[[Path], None]] = {
    "film.mp4": lambda path: video.write_mp4(path, noise(6), 25, 18, "title", describe),  # type: ignore[arg-type, return-value]
    "lossless.mp4": lambda path: video.write_mp4(path, noise(3), 25, 0, "title", describe),  # type: ignore[arg-type, return-value]
    "film.gif": lambda path: gif.write_gif(path, noise(6), noise(2), 25, describe),  # type: ignore[arg-type, return-value]
}


def held_open(folder: Path) -> list[str]:
    """Files of ``folder``, deleted ones too, that this process has open."""
    found = []
    for number in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(number.readlink()))
        except OSError:  # that of this very listing
            continue
    return [path for path in found if path.startswith(str(folder))]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="what is open is read from /proc")
@pytest.mark.parametrize("name", WRITERS)
def test_an_encoder_whose_disk_fills_at_any_byte_keeps_nothing_open(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for module in (video, gif):
        monkeypatch.setattr(module, "encode", lambda told: "{}")
    path = tmp_path / name
    WRITERS[name](path)
    size = path.stat().st_size
    places = [*range(0, size, max(1, size // 25)), *range(max(0, size - 2600), size, 130)]
    for limit in places:
        path.unlink()
        with pytest.raises(OSError, match=r"File too large|Errno 27"), small_disk(limit):
            WRITERS[name](path)
        assert held_open(tmp_path) == [], limit
        assert [one.name for one in tmp_path.iterdir()] in ([name], [])
        path.touch()
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("name", ["a.mp4", "a.gif", "a.png", "a", "sheet.png", "sheet.pdf"])
def test_an_export_to_a_full_disk_is_one_sentence_and_its_room_is_free(
    engine: Engine, scene: Scene, tmp_path: Path, name: str
) -> None:
    kinds = {".mp4": "mp4", ".gif": "gif", ".png": "png", ".pdf": "sheet_pdf", "": "png_sequence"}
    kind = "sheet_png" if name == "sheet.png" else kinds[Path(name).suffix]
    with mounted(tmp_path / "disk", "32k") as disk:
        (disk / "taken").write_bytes(os.urandom(20_000))
        before = shutil.disk_usage(disk).free
        with pytest.raises(ExportError, match=r"No space left on device\); nothing was left behind\. Free some space"):
            run(engine, scene, disk / "new" / name, ExportOptions(kind=kind, height=200))  # type: ignore[arg-type]
        assert [path.name for path in disk.iterdir()] == ["taken"]
        assert shutil.disk_usage(disk).free == before
        assert held_open(disk) == []
