"""Pictures: too many pixels, frames, chunks, colours and texts; metadata that lies."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from tests.hostile.construct.base import Construct, Made

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SUFFIXES = frozenset({".png", ".jpg", ".gif", ".webp", ".bmp", ".tif", ".ppm"})


def fits(file: Path, head: bytes) -> bool:
    """Whether the file is a picture."""
    return file.suffix in SUFFIXES


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, rows: bytes, *more: bytes, depth: int = 8, colours: int = 2, passes: int = 0) -> bytes:
    """A PNG file that says so of itself."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, passes))
    return SIGNATURE + head + b"".join(more) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@cache
def _zeros(megabytes: int) -> bytes:
    """So many MB of zeros, compressed."""
    packer = zlib.compressobj(9)
    block = bytes(1 << 20)
    return b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()


SMALL = zlib.compress(bytes(4 * 13))


def _is(data: bytes) -> Construct:
    return lambda made: made.write(data)


def _of(write) -> Construct:
    return lambda made: made.write(write())


def _in_png(*parts: bytes) -> Construct:
    """More chunks behind the head of the picture that there is, or of another."""

    def construct(made: Made) -> None:
        data = made.data
        if data.startswith(SIGNATURE):
            made.write(data[:33] + b"".join(parts) + data[33:])
        else:
            made.write(png(4, 4, SMALL, *parts))

    return construct


def _sized(width: int, height: int) -> Construct:
    """The picture that there is, which says that it is as large as that."""

    def construct(made: Made) -> None:
        data = bytearray(made.data)
        if data.startswith(SIGNATURE):
            data[16:24] = struct.pack(">II", width, height)
            data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
        elif data[:3] == b"GIF":
            data[6:10] = struct.pack("<HH", min(width, 65535), min(height, 65535))
        elif data[:2] == b"\xff\xd8":
            place = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
            data[place + 5 : place + 9] = struct.pack(">HH", min(height, 65500), min(width, 65500))
        elif data[:2] == b"BM":
            data[18:26] = struct.pack("<ii", width, height)
        elif data[:1] == b"P":
            made.write(b"P6 %d %d 255\n" % (width, height) + bytes(100))
            return
        else:
            data[20:28] = struct.pack("<II", width, height)
        made.write(bytes(data))

    return construct


def _gif(frames: int, width: int = 4, height: int = 4) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(3) + b"\xff" * 3
    frame = (
        b"\x21\xf9\x04\x00\x01\x00\x00\x00\x2c"
        + struct.pack("<HHHHB", 0, 0, width, height, 0)
        + b"\x02\x02\x84\x51\x00"
    )
    return head + frame * frames + b";"


@cache
def _comments() -> bytes:
    return _gif(1)[:-1] + b"\x21\xfe\x01a\x00" * 800_000 + b";"


@cache
def _long_comment() -> bytes:
    return _gif(1)[:-1] + b"\x21\xfe" + (b"\xff" + b"latent_explorer=" + b"{" * 239) * 40_000 + b"\x00;"


def _frames_of_pngs() -> bytes:
    control = chunk(b"acTL", struct.pack(">II", 100_000, 0))
    frame = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 4, 4, 0, 0, 1, 10, 0, 0))
    return png(4, 4, SMALL, control, frame)


def _exif(data: bytes) -> Construct:
    def construct(made: Made) -> None:
        written = io.BytesIO()
        Image.new("RGB", (8, 8)).save(written, "JPEG" if made.file.suffix == ".jpg" else "PNG", exif=data)
        made.write(written.getvalue())

    return construct


@cache
def _tiff_pages() -> bytes:
    written = io.BytesIO()
    pages = [Image.new("L", (2, 2)) for _ in range(2000)]
    pages[0].save(written, "TIFF", save_all=True, append_images=pages[1:])
    return written.getvalue()


def _tiff_circle() -> bytes:
    written = io.BytesIO()
    Image.new("L", (2, 2)).save(written, "TIFF")
    data = bytearray(written.getvalue())
    (first,) = struct.unpack("<I", data[4:8])
    (count,) = struct.unpack("<H", data[first : first + 2])
    data[first + 2 + 12 * count : first + 6 + 12 * count] = struct.pack("<I", first)
    return bytes(data)


def _deep() -> bytes:
    written = io.BytesIO()
    Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(written, "TIFF")
    return written.getvalue()


CONSTRUCTIONS: dict[str, Construct] = {
    "60,000 pixels": _sized(60_000, 60_000),
    "12,000 pixels": _sized(12_000, 12_000),
    "2**31 pixels": _sized(2**31 - 1, 2**31 - 1),
    "no pixels": _sized(0, 0),
    "a line": _sized(65_500, 1),
    "a bomb of 9,000": _of(lambda: png(9_000, 9_000, _zeros(232))),
    "a bomb of 13,000": _of(lambda: png(13_000, 13_000, _zeros(484))),
    "a deep bomb": _of(lambda: png(8_000, 8_000, _zeros(489), depth=16)),
    "a grey bomb of bits": _of(lambda: png(60_000, 60_000, _zeros(430), depth=1, colours=0)),
    "more rows than it says": _of(lambda: png(4, 4, _zeros(400))),
    "passes": _of(lambda: png(9_400, 9_400, _zeros(253), passes=1)),
    "a text of a GB": _in_png(chunk(b"zTXt", b"latent_explorer\0\0" + _zeros(300))),
    "a text in languages": _in_png(chunk(b"iTXt", b"latent_explorer\0\1\0\0\0" + _zeros(300))),
    "a long text": _in_png(chunk(b"iTXt", b"latent_explorer\0\0\0\0\0" + b"{" * 3_000_000)),
    "an odd text": _in_png(chunk(b"iTXt", b"latent_explorer\0\0\0\0\0\xff\xfe\x00\xd8")),
    "a text in Latin-1": _in_png(chunk(b"tEXt", b'latent_explorer\0{"\xe9":1}')),
    "many texts": _in_png(chunk(b"tEXt", b"latent_explorer\0{}") * 100_000),
    "many empty chunks": _in_png(chunk(b"abCd", b"") * 200_000),
    "colours of a GB": _in_png(chunk(b"iCCP", b"a\0\0" + _zeros(300))),
    "a chunk longer than the file": _in_png(struct.pack(">I", 2**31 - 1) + b"tEXt"),
    "frames of a PNG": _of(_frames_of_pngs),
    "a palette of none": _is(png(4, 4, SMALL, colours=3)),
    "an unknown depth": _is(png(4, 4, SMALL, depth=7)),
    "100,000 frames": _of(lambda: _gif(100_000)),
    "a large GIF": _of(lambda: _gif(3, 65_535, 65_535)),
    "comments": _of(_comments),
    "a long comment": _of(_long_comment),
    "pages": _of(_tiff_pages),
    "pages in a circle": _of(_tiff_circle),
    "numbers that are none": _of(_deep),
    "turned by 99": _exif(b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0\0\0\0\0"),
    "metadata in a circle": _exif(b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0"),
    "metadata that is none": _exif(b"Exif\0\0" + b"\xff" * 60_000),
    "a large header": _is(b"P6 " + b"9" * 5000 + b" 1 255\n"),
    "comments in a header": _is(b"P6 " + b"#\n" * 500_000),
    "an EPS": _is(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(/etc/passwd) (r) file\n"),
    "an icon": _is(b"\0\0\1\0\xff\xff" + b"\0" * 100_000),
}
