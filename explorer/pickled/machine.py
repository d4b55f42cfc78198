"""The machine that follows a pickle: a stack, a memo, and one method for every kind of instruction."""

from __future__ import annotations

import codecs
import struct
import sys
from collections.abc import Iterable
from typing import Any, Final

from explorer.pickled.records import (
    BYTES,
    ENCODE,
    MAPPINGS,
    PERSISTENT,
    SETS,
    Admits,
    ForeignNameError,
    Name,
    Payload,
    Record,
)
from explorer.pickled.source import Source

SHORTEST_PAYLOAD = 2048
"""Bytes; a shorter run is an ordinary ``bytes``. Of a longer one as many are kept as its head."""
MOST_VALUES = 400_000
"""What one pickle may put on the stack, and into containers, altogether; published networks have some 50,000."""
LONGEST_TEXT = 4 << 20
MOST_TEXT = 32 << 20
"""Bytes of one text, and of all texts together; a network's source code is some 30,000."""
_LONGEST_NUMBER = 64  # bytes of one whole number
_LONGEST_KEY = 8  # values of a tuple that is a key

MARK: Final = object()


class Machine:
    """The stack, the memo, and one method for every kind of instruction (:mod:`pickletools` documents these)."""

    def __init__(self, source: Source, admits: Admits, persistent: bool) -> None:
        self.source, self.admits, self.persistent = source, admits, persistent
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def charge(self, values: int, text: int = 0) -> None:
        """Count what the file makes this process hold. Raises ValueError beyond the budget, which is that of the
        source: several pickles in one file share it."""
        self.source.values += values
        self.source.text += text
        if self.source.values > MOST_VALUES or self.source.text > MOST_TEXT:
            raise ValueError("more values than any network has")

    # What the instructions are made of

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is MARK:
            raise ValueError("a mark in place of a value")
        return value

    def top(self) -> Any:
        value = self.stack[-1]
        if value is MARK:
            raise ValueError("a mark in place of a value")
        return value

    def since_mark(self) -> list[Any]:
        """Take off all above the last mark, and the mark."""
        for depth in range(len(self.stack) - 1, -1, -1):
            if self.stack[depth] is MARK:
                values = self.stack[depth + 1 :]
                del self.stack[depth:]
                return values
        raise ValueError("no mark")

    def number(self, code: str) -> int:
        """The next bytes as the whole number that ``code`` says."""
        return int(struct.unpack(code, self.source.read(struct.calcsize(code)))[0])

    def raw(self, length: int) -> bytes | Payload:
        """The next ``length`` bytes; what is long is left where it is."""
        if length <= SHORTEST_PAYLOAD:
            return self.source.read(length)
        start = self.source.place
        head = self.source.read(SHORTEST_PAYLOAD)
        self.source.skip(length - SHORTEST_PAYLOAD)
        self.charge(0, SHORTEST_PAYLOAD)
        return Payload(start, length, head)

    def words(self, length: int) -> str:
        """The next ``length`` bytes as a text."""
        if length > LONGEST_TEXT:
            raise ValueError(f"a text of {length} bytes")
        self.charge(0, length)
        return self.source.read(length).decode("utf-8", "surrogatepass")

    def old_text(self, length: int) -> str | Payload:
        """The next ``length`` bytes as Python 2 wrote both texts and bytes."""
        raw = self.raw(length)
        return raw if isinstance(raw, Payload) else raw.decode("latin1")

    def long(self, length: int) -> int:
        if not 0 <= length <= _LONGEST_NUMBER:
            raise ValueError(f"a number of {length} bytes")
        return int.from_bytes(self.source.read(length), "little", signed=True)

    def name(self, module: object, name: object) -> Name:
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("a name that is no text")
        text = f"{module}.{name}"
        if not self.admits(text):
            raise ForeignNameError(text)
        return Name(text)

    def named_line(self) -> Name:
        return self.name(self.text_line().decode(), self.text_line().decode())

    def text_line(self) -> bytes:
        """The next line, which counts as a text."""
        line = self.source.line()
        self.charge(0, len(line))
        return line

    def digits(self) -> bytes:
        """The next line, which writes a number down."""
        return self.source.line(_LONGEST_NUMBER)

    def remember(self, place: int) -> None:
        if not 0 <= place <= self.source.values:
            raise ValueError(f"place {place} of {self.source.values} in the memo")
        self.memo[place] = self.top()

    def outside(self, key: Any) -> Record:
        if not self.persistent:
            raise ValueError("it names something outside itself")
        return Record(PERSISTENT, (key,))

    def made(self, called: object, arguments: object, named: dict[Any, Any] | None = None) -> Any:
        """What stands for the result of a call: plain containers themselves, of others a record."""
        if not isinstance(called, Name) or not isinstance(arguments, tuple):
            raise ValueError("a call of something that is no name")
        if called.text in MAPPINGS and not named:
            pairs = arguments[0] if arguments else ()
            self.charge(len(pairs))
            return dict(self.keyed(pairs.items() if isinstance(pairs, dict) else pairs))
        if called.text in SETS:
            members = arguments[0] if arguments else ()
            self.charge(len(members))
            return self.members(members)
        if called.text == ENCODE:
            text, encoding = arguments
            if encoding != "latin1" or not isinstance(text, str):
                raise ValueError(f"bytes in the encoding {encoding!r}")
            self.charge(0, len(text))
            return text.encode("latin1")
        if called.text in BYTES:
            if arguments:  # how protocol 2 writes no bytes; with a number it would fill the memory
                raise ValueError("bytes of a number")
            return b""
        return Record(called.text, arguments, named or {})

    def extend(self, values: list[Any]) -> None:
        target = self.top()
        if isinstance(target, Record):
            target.entries.extend(values)
        elif isinstance(target, list):
            target.extend(values)
        else:
            raise ValueError(f"entries for a {type(target).__name__}")

    def fill(self, values: list[Any]) -> None:
        pairs = list(zip(values[::2], values[1::2], strict=True))
        target = self.top()
        if isinstance(target, Record):
            target.items.extend(pairs)
        elif isinstance(target, dict):
            target.update(self.keyed(pairs))
        else:
            raise ValueError(f"items for a {type(target).__name__}")

    def dictionary(self, values: list[Any]) -> None:
        self.push({})
        self.fill(values)

    def item(self) -> None:
        value, key = self.pop(), self.pop()
        self.fill([key, value])

    def add(self, values: list[Any]) -> None:
        target = self.top()
        if not isinstance(target, set):
            raise ValueError(f"members for a {type(target).__name__}")
        target.update(self.members(values))

    def build(self) -> None:
        """Give the object below the state on top; a plain container has none, whatever the file says."""
        state, target = self.pop(), self.top()
        if isinstance(target, Record):
            target.state = state
        elif not isinstance(target, dict):
            raise ValueError(f"a state for a {type(target).__name__}")

    def tuple_of(self, count: int) -> None:
        values = tuple(self.pop() for _ in range(count))[::-1]
        self.push(values)

    def call(self) -> None:
        arguments, called = self.pop(), self.pop()
        self.push(self.made(called, arguments))

    def call_named(self) -> None:
        named, arguments, called = self.pop(), self.pop(), self.pop()
        if not isinstance(named, dict):
            raise ValueError("named arguments that are no dictionary")
        self.push(self.made(called, arguments, named))

    def call_old(self) -> None:
        called, *arguments = self.since_mark()
        self.push(self.made(called, tuple(arguments)))

    def call_oldest(self) -> None:
        called = self.named_line()
        self.push(self.made(called, tuple(self.since_mark())))

    def drop(self) -> None:
        self.stack.pop()

    def stack_name(self) -> None:
        name, module = self.pop(), self.pop()
        self.push(self.name(module, name))

    def whole_line(self) -> int | bool:
        line = self.digits()
        if line in (b"00", b"01"):
            return line == b"01"
        return int(line.removesuffix(b"L"))

    def quoted_line(self) -> str:
        line = self.text_line().strip()
        if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
            raise ValueError("a text without quotation marks")
        return bytes(codecs.escape_decode(line[1:-1])[0]).decode("latin1")

    def unicode_line(self) -> str:
        return self.text_line().decode("raw-unicode-escape")

    def members(self, values: Iterable[Any]) -> set[Any]:
        return {self.key(value) for value in values}

    def keyed(self, pairs: Iterable[Any]) -> Iterable[tuple[Any, Any]]:
        for key, value in pairs:
            yield self.key(key), value

    def key(self, value: Any) -> Any:
        """``value`` where it may be a key: hashing what is nested as deep as a file likes would end the process, and
        numbers can be chosen so that all their hashes are one."""
        if value is None or isinstance(value, str | float | bytes | Name | Record):
            return value
        if isinstance(value, int) and abs(value) < sys.hash_info.modulus:
            return value
        if isinstance(value, tuple) and len(value) <= _LONGEST_KEY:
            self.charge(len(value))
            if all(isinstance(part, str | bytes) or (isinstance(part, int) and abs(part) < 1 << 31) for part in value):
                return value
        raise ValueError(f"a {type(value).__name__} for a key")
