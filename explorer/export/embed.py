"""Where each kind of file keeps its provenance, and how it is found again (by content, not by the file's name)."""

from __future__ import annotations

import html
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from explorer.errors import SceneError
from explorer.export import mp4_file, png_file
from explorer.export.carried import Reference, references_in, unaccompanied
from explorer.export.options import ExportOptions
from explorer.export.provenance import FIGURE_FORMAT, FORMAT, KEY, FigureProvenance, Provenance, decode
from explorer.reading import UNPACKED_BYTES, foreign, opened, read_file, whole
from explorer.scene.model import Scene
from explorer.scene.store import BESIDE, Touched, decode_document, order_of_touch
from explorer.scene.store import FORMAT as SCENE_FORMAT

SEQUENCE_FILE = "provenance.json"
GIF_MARK = KEY.encode() + b"="
SVG_HEAD, SVG_FOOT = b'<metadata id="%s">' % KEY.encode(), b"</metadata>\n"


class Contents(NamedTuple):
    """What a file carries: the scene, how it was exported (``provenance``: None of a scene file), what it says of the
    files that the scene names, and in which order the scene moved its controls when it was saved
    (:func:`explorer.scene.store.order_of_touch`)."""

    scene: Scene
    options: ExportOptions
    provenance: Provenance | FigureProvenance | None
    references: tuple[Reference, ...]
    touched: Touched


def contents_of(path: Path) -> Contents:
    """What ``path`` carries: an exported file or folder, a figure, or a scene file.

    Raises :class:`SceneError` with one sentence when there is no scene, or it is damaged or newer than this program.
    """
    path = Path(path)
    with _read_whole(path):
        data = _text_in(path)
        if data is None:
            raise SceneError(f"'{path.name}' carries no scene of Latent Explorer.")
        if _is_scene(data):
            scene, document = decode_document(data, path.name)
            references = references_in(document.get(BESIDE, []), path.name)
            return Contents(scene, ExportOptions(scaling="smooth"), None, references, order_of_touch(document))
        provenance = decode(data, path.name)
        options = provenance.options if isinstance(provenance, Provenance) else ExportOptions(kind="png")
        scene = provenance.restored(path.name)
        return Contents(scene, options, provenance, provenance.references, order_of_touch(provenance.scene))


def read(path: Path) -> tuple[Scene, ExportOptions, Provenance | FigureProvenance | None]:
    """The scene that ``path`` carries, and how it was exported; raises as :func:`contents_of` does."""
    contents = contents_of(path)
    return contents.scene, contents.options, contents.provenance


def carries_scene(path: Path) -> bool:
    """Whether the file ``path`` carries a scene, sound or not. Raises :class:`SceneError` where it is damaged."""
    with _read_whole(Path(path)):
        return _text_in(Path(path)) is not None


def not_carried(path: Path) -> str:
    """One sentence that says what the exported file or folder at ``path`` lacks to be replayed elsewhere; empty where
    it has all that it needs. Raises as :func:`read`."""
    _, _, provenance = read(path)
    return unaccompanied(provenance.references) if provenance is not None else ""


@contextmanager
def _read_whole(path: Path) -> Iterator[None]:
    """A block that reads what ``path`` carries: whatever is wrong with it is one :class:`SceneError`."""
    with foreign(path, "a scene, or what this program has exported", SceneError):
        try:
            yield
        except OSError as error:
            raise SceneError(f"'{path}' cannot be read ({error.strerror or error}); check the path.") from error


def _is_scene(data: bytes) -> bool:
    """Whether ``data`` is a scene file, and not something that carries one."""
    head = data[:200]
    return SCENE_FORMAT.encode() in head and not any(name.encode() in head for name in (FORMAT, FIGURE_FORMAT))


def _text_in(path: Path) -> bytes | None:
    if path.is_dir():
        listed = path / SEQUENCE_FILE
        return read_file(listed, whole) if listed.is_file() else None
    with opened(path) as file:
        head = file.read(12)
    if head.startswith(b"\x89PNG"):
        return png_file.text_in(path)
    if head.startswith((b"GIF87a", b"GIF89a")):
        return from_gif(read_file(path, whole))
    if head.startswith(b"%PDF"):
        return from_pdf(read_file(path, whole))
    if head[4:8] == b"ftyp":
        return mp4_file.text_in(path)
    if head.startswith((b"<?xml", b"<svg")):
        return from_svg(read_file(path, whole))
    if head.lstrip()[:1] == b"{":
        return read_file(path, whole)
    return None


# --- GIF: a comment extension before the trailer (GIF89a specification, sections 24 and 27) --------------------------


def with_gif_comment(data: bytes, text: str) -> bytes:
    """The GIF ``data`` with one more comment, put before the trailer byte."""
    if not data.endswith(b";"):
        raise ValueError("a GIF ends with its trailer byte")
    body = GIF_MARK + text.encode("ascii")
    blocks = b"".join(bytes([len(part)]) + part for part in _parts(body, 255))
    return data[:-1] + b"\x21\xfe" + blocks + b"\x00;"


def from_gif(data: bytes) -> bytes | None:
    """The comment of ours in a GIF; None when there is none or the file is cut."""
    try:
        for comment in _gif_comments(data):
            if comment.startswith(GIF_MARK):
                return comment[len(GIF_MARK) :]
    except IndexError:
        return None
    return None


def _parts(body: bytes, length: int) -> Iterator[bytes]:
    return (body[start : start + length] for start in range(0, len(body), length))


def _gif_comments(data: bytes) -> Iterator[bytes]:
    place = 13 + _table_bytes(data[10])
    while (kind := data[place]) != 0x3B:  # the trailer
        if kind == 0x21:  # an extension: label, then sub-blocks
            label = data[place + 1]
            place, body = _sub_blocks(data, place + 2)
            if label == 0xFE:
                yield body
        elif kind == 0x2C:  # an image: descriptor, colour table, code size, sub-blocks
            place += 10 + _table_bytes(data[place + 9]) + 1
            while length := data[place]:
                place += 1 + length
            place += 1
        else:
            return


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _sub_blocks(data: bytes, place: int) -> tuple[int, bytes]:
    parts = []
    while length := data[place]:
        parts.append(data[place + 1 : place + 1 + length])
        place += 1 + length
    return place + 1, b"".join(parts)


# --- SVG --------------------------------------------------------------------------------------------------------------


def with_svg_metadata(data: bytes, text: str) -> bytes:
    """The SVG ``data`` with ``text`` (ASCII) as metadata before its end."""
    place = data.rfind(b"</svg>")
    if place < 0:
        raise ValueError("an SVG ends with </svg>")
    return data[:place] + SVG_HEAD + html.escape(text, quote=False).encode("ascii") + SVG_FOOT + data[place:]


def from_svg(data: bytes) -> bytes | None:
    """The metadata of ours in an SVG; None when there is none."""
    _, head, rest = data.rpartition(SVG_HEAD)
    text, foot, _ = rest.partition(SVG_FOOT)
    return html.unescape(text.decode("ascii", "replace")).encode() if head and foot else None


# --- PDF: an embedded file stream ------------------------------------------------------------------------------------


def from_pdf(data: bytes) -> bytes | None:
    """The attachment of ours in a PDF that this program wrote; None when there is none."""
    match = re.search(rb"/Type /EmbeddedFile /Length (\d+) >>\nstream\n", data)
    return data[match.end() : match.end() + int(match[1])] if match else _from_figure(data)


def _from_figure(data: bytes) -> bytes | None:
    """The attachment of a figure's PDF, which Qt writes, compressed. Raises :class:`SceneError` for one that grows
    beyond measure."""
    named = re.search(rb"/EF <</F (\d+) 0 R>>\n/Type/Filespec", data)
    place = data.find(b"\n%s 0 obj\n" % named[1]) if named else -1
    start = data.find(b"stream\n", place) + len(b"stream\n")
    if place < 0 or start < place:
        return None
    unpacking = zlib.decompressobj()
    try:
        attachment = unpacking.decompress(data[start:], len(data) + UNPACKED_BYTES)
    except zlib.error:
        return None
    if not unpacking.eof and unpacking.unconsumed_tail:
        raise SceneError("What this PDF carries is far larger than a scene; it was not read.")
    return attachment
