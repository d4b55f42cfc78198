"""What every exported file carries: scene, options, program, generators, digests of the frames. No torch here.

So the window can open the scene of any exported file.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec
import numpy as np

from explorer import __version__
from explorer.errors import SceneError, clause
from explorer.export.carried import Reference
from explorer.export.compose import Frame
from explorer.export.options import ExportOptions
from explorer.reading import check_json
from explorer.scene.model import Scene
from explorer.scene.store import decode_scene

FORMAT = "latent-explorer-export"
FIGURE_FORMAT = "latent-explorer-figure"
VERSION = 1
KEY = "latent_explorer"
"""The name under which containers keep it: an MP4 tag, a PNG text chunk, a GIF comment, a PDF attachment."""

BLOCKS = 64


class FrameDigests(msgspec.Struct, frozen=True, kw_only=True):
    """SHA-256 of the frames before encoding (red, green, blue; rows from the top): of all, and of up to 64 blocks."""

    count: int
    height: int  # of the first frame, in pixels
    width: int
    sha256: str
    block: int  # frames in a block; the last may hold fewer
    blocks: tuple[str, ...]  # the first 16 digits each: where a re-rendering differs


class GeneratorRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Which generator made the pictures. ``path``: its name where it came with the program."""

    name: str
    family: str
    path: str
    fingerprint: str


class _Carrier(msgspec.Struct, frozen=True, kw_only=True):
    """A scene in a file that is none. ``references``: what the scene names outside itself."""

    version: int = VERSION
    program: str = __version__
    generators: tuple[GeneratorRecord, ...]
    references: tuple[Reference, ...] = ()
    scene: dict[str, Any]  # the scene file's document

    def restored(self, where: str) -> Scene:
        """The scene. Raises :class:`SceneError` naming ``where`` when it is newer than this program or damaged."""
        return decode_scene(msgspec.json.encode(self.scene), where)


class FigureProvenance(_Carrier, frozen=True, kw_only=True):
    """What a figure was drawn of, which has no frames that could be rendered again. ``shows``: what it is a figure of,
    ``the landscape of 'Field 2'``."""

    format: str = FIGURE_FORMAT
    shows: str


class Provenance(_Carrier, frozen=True, kw_only=True):
    """How a file was made. ``threads`` and ``batch`` are kept because the last bits of a float depend on them."""

    format: str = FORMAT
    torch: str
    device: str
    threads: int
    batch: int
    options: ExportOptions
    frames: FrameDigests


class Digester:
    """Digests frames as they pass."""

    def __init__(self, count: int) -> None:
        self.count = 0
        self.block = max(1, -(-count // BLOCKS))
        self._all = hashlib.sha256()
        self._part = hashlib.sha256()
        self._blocks: list[str] = []
        self._shape = (0, 0)

    def add(self, frame: Frame) -> None:
        """Count in one more frame (H, W, 3)."""
        data = np.ascontiguousarray(frame).data
        self._all.update(data)
        self._part.update(data)
        if self.count == 0:
            self._shape = frame.shape[:2]
        self.count += 1
        if self.count % self.block == 0:
            self._close()

    def _close(self) -> None:
        self._blocks.append(self._part.hexdigest()[:16])
        self._part = hashlib.sha256()

    def result(self) -> FrameDigests:
        """The digests; call once, after the last frame."""
        if self.count % self.block:
            self._close()
        return FrameDigests(
            count=self.count,
            height=self._shape[0],
            width=self._shape[1],
            sha256=self._all.hexdigest(),
            block=self.block,
            blocks=tuple(self._blocks),
        )


def encode(provenance: Provenance | FigureProvenance) -> str:
    """``provenance`` as one line of JSON, ASCII only, so that every container keeps it unchanged."""
    document = {"format": provenance.format, **msgspec.to_builtins(provenance)}  # first, by which a reader knows it
    return json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def decode(data: bytes, where: str) -> Provenance | FigureProvenance:
    """Read back what :func:`encode` wrote. Raises :class:`SceneError` with one sentence for anything else."""
    kinds: dict[str, type[Provenance | FigureProvenance]] = {FORMAT: Provenance, FIGURE_FORMAT: FigureProvenance}
    try:
        head = msgspec.json.decode(check_json(data))
        if not isinstance(head, dict) or head.get("format") not in kinds:
            raise SceneError(f"'{where}' carries no scene of Latent Explorer.")
        version = head.get("version")
        if isinstance(version, int) and version > VERSION:
            raise SceneError(f"'{where}' was exported by a newer Latent Explorer; update the program to replay it.")
        return msgspec.convert(head, kinds[head["format"]])
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise SceneError(f"The scene that '{where}' carries is damaged ({clause(error)}).") from error
