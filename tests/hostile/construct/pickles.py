"""Pickles: tuples that share themselves, depth, names, numbers and lengths without end."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

from tests.hostile.construct.base import Construct, Made
from tests.hostile.texts import TEXTS

PROTOCOL = b"\x80\x02"


def fits(file: Path, head: bytes) -> bool:
    """Whether the file is a pickle and nothing more."""
    return head[:1] == b"\x80"


def shared_tuples(levels: int, opening: bytes = b")") -> bytes:
    """A value of 2 ** levels leaves in a few bytes each."""
    return opening + b"".join(b"q" + bytes([n]) + b"h" + bytes([n]) + b"\x86" for n in range(levels))


def shared_lists(levels: int) -> bytes:
    """The same of lists, each of which is twice in the next."""
    parts = [b"]q\x00"]
    for number in range(1, levels):
        parts.append(b"]q" + bytes([number]) + b"(" + (b"h" + bytes([number - 1])) * 2 + b"e")
    return b"".join(parts)


def text(value: str) -> bytes:
    """The instruction that puts a text on the stack."""
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def dictionary(key: str, value: bytes) -> bytes:
    """The instructions of a dictionary of one entry."""
    return b"}(" + text(key) + value + b"u"


LONG = 20_000
BODIES: dict[str, bytes] = {
    "tuples within themselves": shared_tuples(40),
    "tuples within themselves, deeper": shared_tuples(200),
    "lists within themselves": shared_lists(60),
    "a list that holds itself": b"]q\x00h\x00a",
    "a dictionary that holds itself": b"}q\x00" + text("a") + b"h\x00s",
    "deep lists": b"]" * 50_000 + b"a" * 49_999,
    "deep tuples": b")" + b"\x85" * 100_000,
    "a long number": b"\x8b" + struct.pack("<i", LONG) + b"\x7f" * LONG,
    "a number of digits": b"L" + b"9" * 100_000 + b"L\n",
    "an old number of digits": b"I" + b"9" * 100_000 + b"\n",
    "a fraction of digits": b"F" + b"9" * 100_000 + b"\n",
    "a text without end": b"X\xff\xff\xff\xff",
    "a text of 2**63 bytes": b"\x8d" + struct.pack("<Q", 2**63) + b"a",
    "bytes of 2**62": b"\x8e" + struct.pack("<Q", 2**62) + b"a",
    "a place far in the memo": b"Nr\xff\xff\xff\xff",
    "a name that runs": b"cos\nsystem\n(" + text("true") + b"tR",
    "a name that runs, older": b"(S'true'\nios\nsystem\n",
    "builtins": b"cbuiltins\neval\n(" + text("1") + b"tR",
    "a name of a name": b"c" + b"a." * 5000 + b"b\nc\n)R",
    "an odd name": "c\u202ex\ny\n".encode() + b")R",
    "an extension": b"\x82\x01",
    "half a letter": text("\ud800"),
    "a set of lists": b"\x8f(]e\x90",
    "a list as a name": b"}(]Nu",
    "marks": b"(" * 500_000,
    "numbers": b"(" + b"K\x01" * 900_000 + b"l",
    "texts": b"(" + text("a" * 100) * 90_000 + b"l",
    "copies": b"(" + text("a" * 4000) + b"2" * 500_000 + b"l",
    "built from nothing": b"NNb",
    "nothing": b"",
    "a state for a dictionary": b"ccollections\nOrderedDict\n)R}(" + text("__class__") + text("x") + b"ub",
    "an array": b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tC\x01btR(K\x01(\x8a\x08"
    + b"\xff" * 7
    + b"\x7ft",
    "a scalar of a million": b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n("
    + text("V1000000000")
    + b"tRC\x01attR",
}


def _whole(body: bytes) -> Construct:
    return lambda made: made.write(PROTOCOL + body + b".")


def _as_value(body: bytes) -> Construct:
    """In place of a value that the file has, if it is a dictionary of plain values."""

    def construct(made: Made) -> None:
        try:
            content = pickle.loads(made.data)  # a file of our own
        except Exception:  # noqa: BLE001  # it needs names of others: all of it is replaced
            content = None
        if not isinstance(content, dict):
            return made.write(PROTOCOL + dictionary("lat_comp", body) + b".")
        key = made.any_of(list(content))
        rest = pickle.dumps({other: value for other, value in content.items() if other != key}, 2)[:-1]
        return made.write(rest + b"(" + text(str(key)) + body + b"u.")

    return construct


def _before(made: Made) -> None:
    """The file's own, with 2 ** 60 leaves beside it."""
    made.write(PROTOCOL + shared_tuples(60) + b"0" + made.data[2:])


def _name(made: Made) -> None:
    try:
        content = pickle.loads(made.data)
    except Exception:  # noqa: BLE001
        return
    if isinstance(content, dict):
        content[made.any_of(TEXTS).encode("utf-8", "replace").decode()] = content.pop(made.any_of(list(content)))
        made.write(pickle.dumps(content, 2))


CONSTRUCTIONS: dict[str, Construct] = {
    **{name: _whole(body) for name, body in BODIES.items()},
    **{f"a value: {name}": _as_value(body) for name, body in BODIES.items()},
    "tuples before it": _before,
    "a key": _name,
}
