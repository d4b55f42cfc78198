"""Protocol buffers, read field by field without a description of theirs, and no further into memory than is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MOST_FIELDS = 4_000_000
"""Of one file: the largest graphs of networks have some hundred thousand."""
_PAGE = 1 << 16
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5


@dataclass(frozen=True)
class Span:
    """Where in the file a text, some bytes or an inner message lie."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


class Message:
    """The bytes of ``file``, of which one page is held at a time."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._number, self._page = file, -1, b""
        self._fields = 0
        self.whole = Span(0, size)

    def fields(self, span: Span) -> Iterator[tuple[int, int | Span]]:
        """(number, value) of every field within ``span``: a whole number, or where its bytes lie. Raises ValueError
        where it does not fit the format."""
        place = span.start
        while place < span.end:
            self._fields += 1
            if self._fields > MOST_FIELDS:
                raise ValueError("it has more fields than any network")
            key, place = self._varint(place, span.end)
            kind = key & 7
            if kind == _VARINT:
                value, place = self._varint(place, span.end)
                yield key >> 3, value
                continue
            if kind == _BYTES:
                length, place = self._varint(place, span.end)
            elif kind in (_FIXED_64, _FIXED_32):
                length = 8 if kind == _FIXED_64 else 4
            else:
                raise ValueError(f"a field of the unknown kind {kind}")
            if length > span.end - place:
                raise ValueError("a field is longer than what holds it")
            yield key >> 3, Span(place, place + length)
            place += length

    def bytes(self, span: Span) -> bytes:
        """What lies there."""
        self._file.seek(span.start)
        found = self._file.read(span.length)
        if len(found) < span.length:
            raise ValueError("it ends within a field")
        return found

    def text(self, span: int | Span, longest: int = 1 << 16) -> str:
        """The text there, of at most ``longest`` bytes."""
        if isinstance(span, int) or span.length > longest:
            raise ValueError("a text is none, or longer than any name")
        return self.bytes(span).decode("utf-8")

    def numbers(self, value: int | Span) -> list[int]:
        """Whole numbers of a repeated field: one alone, or several packed; below 0 as they are."""
        if isinstance(value, int):
            return [_signed(value)]
        found, place = [], value.start
        while place < value.end:
            self._fields += 1
            if self._fields > MOST_FIELDS:
                raise ValueError("it has more fields than any network")
            number, place = self._varint(place, value.end)
            found.append(_signed(number))
        return found

    def _varint(self, place: int, end: int) -> tuple[int, int]:
        value = shift = 0
        while place < end and shift < 70:
            byte = self._byte(place)
            place += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & (1 << 64) - 1, place
            shift += 7
        raise ValueError("a number has no end")

    def _byte(self, place: int) -> int:
        number, within = divmod(place, _PAGE)
        if number != self._number:
            self._file.seek(number * _PAGE)
            self._number, self._page = number, self._file.read(_PAGE)
        if within >= len(self._page):
            raise ValueError("it ends within a number")
        return self._page[within]


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def written_field(number: int, content: bytes) -> bytes:
    """The field ``number`` that holds ``content``: appended to a message, it is one of its fields."""
    return _written(number << 3 | _BYTES) + _written(len(content)) + content


def _written(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
