"""PNG files: one picture, or a folder of numbered frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from explorer.export.compose import Frame
from explorer.export.embed import SEQUENCE_FILE
from explorer.export.provenance import KEY, Provenance, encode
from explorer.files import atomic_folder
from explorer.scene.model import Scene
from explorer.scene.store import encode_scene

SCENE_FILE = "scene.json"


def write_png(path: Path, picture: Frame, provenance: Provenance | None = None) -> None:
    """Write ``picture`` (H, W, 3), with the provenance in an iTXt chunk before the pixels. Raises OSError."""
    chunks = PngInfo()
    if provenance is not None:
        chunks.add_itxt(KEY, encode(provenance))
    Image.fromarray(picture).save(path, format="PNG", pnginfo=chunks, compress_level=6)


def write_sequence(
    path: Path, frames: Iterable[Frame], count: int, scene: Scene, describe: Callable[[], Provenance]
) -> None:
    """Write ``frames`` as ``frame_00000.png`` … into the folder ``path``, with ``scene.json`` and ``provenance.json``.

    The folder appears when all is written, or not at all. Raises :class:`ExportError` when ``path`` holds anything but
    an earlier sequence of this program, and when it cannot be written.
    """
    digits = max(5, len(str(count - 1)))
    with atomic_folder(path, _replaceable) as folder:
        for number, frame in enumerate(frames):
            write_png(folder / f"frame_{number:0{digits}}.png", frame)
        (folder / SCENE_FILE).write_bytes(encode_scene(scene))
        (folder / SEQUENCE_FILE).write_text(encode(describe()) + "\n", encoding="ascii")


def sequence_files(path: Path) -> list[Path]:
    """The frames of the sequence in the folder ``path``, in order."""
    return sorted(path.glob("frame_*.png"))


def _replaceable(path: Path) -> bool:
    known = {SCENE_FILE, SEQUENCE_FILE}
    return all(one.name in known or (one.name.startswith("frame_") and one.suffix == ".png") for one in path.iterdir())
