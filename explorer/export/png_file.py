"""PNG files of our own (PNG specification, third edition): a text before the pixels, and both read back.

Any size that is exported can be read: the bound is that of our own exports, and not a guess of what may be meant.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL.PngImagePlugin import PngImageFile

from explorer.export.options import MOST_PIXELS
from explorer.export.provenance import KEY
from explorer.reading import opened

LONGEST_TEXT = 64 << 20  # bytes of ours, with all that it carries, which is a tenth of that
MOST_CHUNKS = 200_000  # of at least 8 KB each, where there are very many
SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEAD = KEY.encode() + b"\0\0\0\0\0"  # of the text: its name, neither compressed nor translated


class _Chunk(NamedTuple):
    kind: bytes
    length: int  # of its content, at which the file stands


def text_in(path: Path) -> bytes | None:
    """The text of ours in the PNG file ``path``, however another program has written it again; None where there is
    none. The pixels are not read. Raises OSError, and ValueError or zlib.error where the file is damaged."""
    with opened(path) as file:
        for chunk in _chunks(file):
            if chunk.kind == b"IDAT":
                return None
            if chunk.kind in (b"iTXt", b"tEXt", b"zTXt"):
                key, _, content = file.read(chunk.length).partition(b"\0")
                if key == KEY.encode():
                    return _text(chunk.kind, content)
    return None


def _text(kind: bytes, content: bytes) -> bytes:
    """The text in what follows the name in a chunk (11.3.3)."""
    packed = kind == b"zTXt"
    if kind == b"iTXt":
        packed = content[:1] == b"\x01"
        _, _, content = content[2:].split(b"\0", 2)  # behind the language, and the name in it
    elif packed:
        content = content[1:]
    if not packed:
        return content
    unpacking = zlib.decompressobj()
    text = unpacking.decompress(content, LONGEST_TEXT)
    if unpacking.unconsumed_tail:
        raise ValueError("a text that is too long")
    return text


def with_text(data: bytes, text: str) -> bytes:
    """The PNG ``data`` with ``text`` (ASCII) in one more chunk behind its header, uncompressed: readers look for texts
    before the pixels."""
    place = len(SIGNATURE) + 12 + 13  # behind a chunk of 13 bytes
    if data[12:16] != b"IHDR":
        raise ValueError("a PNG begins with IHDR")
    return data[:place] + _written(b"iTXt", _HEAD + text.encode("ascii")) + data[place:]


def pixels_in(path: Path, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """(H, W, 3) of the PNG file ``path``, which is to have the ``size`` (H, W). Raises OSError, and whatever Pillow
    does, where the file is damaged, and ValueError where it has another size, or more pixels than can be exported."""
    # Without its texts, of which Pillow takes so much and no more, and not by Image.open, which guesses what size a
    # picture can be meant to have.
    parts = [SIGNATURE]
    with opened(path) as file:
        for chunk in _chunks(file):
            if chunk.kind in (b"IHDR", b"PLTE", b"IDAT"):
                parts.append(_written(chunk.kind, file.read(chunk.length)))
    parts.append(_written(b"IEND", b""))
    with PngImageFile(io.BytesIO(b"".join(parts))) as image:
        if size is not None and (image.height, image.width) != size:
            raise ValueError(f"{image.width}×{image.height} pixels in place of {size[1]}×{size[0]}")
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"{image.width}×{image.height} pixels")
        return np.asarray(image.convert("RGB"), np.uint8)


def _chunks(file: BinaryIO) -> Iterator[_Chunk]:
    """The chunks of a PNG file; at each of them the file stands at its content. Raises ValueError where it is cut."""
    if file.read(len(SIGNATURE)) != SIGNATURE:
        raise ValueError("it does not begin as a PNG")
    size = file.seek(0, io.SEEK_END)
    place = len(SIGNATURE)
    for _ in range(MOST_CHUNKS):
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            break
        length, kind = struct.unpack(">I4s", head)
        place += 12 + length
        if place > size:
            break
        yield _Chunk(kind, length)
        if kind == b"IEND":
            return
    raise ValueError("it is cut")


def _written(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
