"""The text of ours in an MP4 file, found without a decoder: the boxes of ISO/IEC 14496-12, and in them the metadata of
QuickTime (File Format Specification, "Metadata"), as libav writes it."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from explorer.export.provenance import KEY
from explorer.reading import opened

MOST_BOXES = 100_000
LONGEST_KEY = 1024
_HEAD = 8  # bytes of a box before its content: the length of all of it, and its kind
_OF_DATA = 8  # bytes of a value before its text: of which type it is, and of which language


class _Box(NamedTuple):
    kind: bytes
    start: int  # of its content
    end: int


def text_in(path: Path) -> bytes | None:
    """The text of ours in the MP4 file ``path``; None where there is none. The pictures are not read. Raises OSError,
    and ValueError or struct.error where the file is damaged."""
    with opened(path) as file:
        whole = _Box(b"", 0, file.seek(0, io.SEEK_END))
        for film in _inside(file, whole, b"moov"):
            for place in (film, *_inside(file, film, b"udta")):
                for metadata in _inside(file, place, b"meta"):
                    if (text := _text(file, metadata)) is not None:
                        return text
    return None


def _text(file: BinaryIO, metadata: _Box) -> bytes | None:
    """The value of the key of ours."""
    if _read(file, metadata.start, 8)[4:] != b"hdlr":  # a version comes before the boxes in it
        metadata = metadata._replace(start=metadata.start + 4)
    listed = (key for keys in _inside(file, metadata, b"keys") for key in _keys(file, keys))
    names = [_read(file, key.start, min(key.end - key.start, LONGEST_KEY)) for key in listed]
    if KEY.encode() not in names:
        return None
    number = struct.pack(">I", names.index(KEY.encode()) + 1)
    for values in _inside(file, metadata, b"ilst"):
        for value in _inside(file, values, number):
            for data in _inside(file, value, b"data"):
                return _read(file, data.start + _OF_DATA, data.end - data.start - _OF_DATA)
    return None


def _keys(file: BinaryIO, keys: _Box) -> Iterator[_Box]:
    return _boxes(file, keys._replace(start=keys.start + 8))  # behind the version and their count


def _inside(file: BinaryIO, around: _Box, kind: bytes) -> Iterator[_Box]:
    return (box for box in _boxes(file, around) if box.kind == kind)


def _boxes(file: BinaryIO, around: _Box) -> Iterator[_Box]:
    """The boxes in another one. Raises ValueError where one is longer than that, or there are very many."""
    place = around.start
    for _ in range(MOST_BOXES):
        if place + _HEAD > around.end:
            return
        length, kind = struct.unpack(">I4s", _read(file, place, _HEAD))
        start = place + _HEAD
        if length == 1:
            (length,) = struct.unpack(">Q", _read(file, start, 8))
            start += 8
        end = place + length if length else around.end
        if not start <= end <= around.end:
            raise ValueError("a box that is longer than what it is in")
        yield _Box(kind, start, end)
        place = end
    raise ValueError("more boxes than any film has")


def _read(file: BinaryIO, place: int, count: int) -> bytes:
    file.seek(place)
    return file.read(max(count, 0))
