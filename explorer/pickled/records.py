"""What stands for the parts of a pickle that are no plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

Admits = Callable[[str], bool]
"""Whether ``module.name`` may be named."""

MAPPINGS = frozenset(
    {"collections.OrderedDict", "builtins.dict", "__builtin__.dict", "dnnlib.util.EasyDict", "dnnlib.EasyDict"}
)
SETS = frozenset({"builtins.set", "builtins.frozenset", "__builtin__.set", "__builtin__.frozenset"})
BYTES = frozenset({"builtins.bytes", "__builtin__.bytes"})
ENCODE: Final = "_codecs.encode"
PLAIN_NAMES = MAPPINGS | SETS | BYTES | {ENCODE}
"""Names by which pickles write plain containers and bytes; these are built, as the plain ones."""


class ForeignNameError(ValueError):
    """A pickle names what is not admitted; its text is that name."""


@dataclass(frozen=True)
class Name:
    """What a pickle calls ``module.name``; nothing was imported."""

    text: str


@dataclass(frozen=True, eq=False)
class Payload:
    """``length`` bytes that were left in the file, from byte ``start``; ``head`` are the first of them."""

    start: int
    length: int
    head: bytes


@dataclass(eq=False)
class Record:
    """An object that a pickle would have made by calling ``name``; ``state`` is what it would have been given then,
    ``entries`` and ``items`` what it would have been filled with. Values alone."""

    name: str
    arguments: tuple[Any, ...] = ()
    named: dict[Any, Any] = field(default_factory=dict)
    state: Any = None
    entries: list[Any] = field(default_factory=list)
    items: list[tuple[Any, Any]] = field(default_factory=list)


PERSISTENT: Final = "persistent id"
"""The name of a record that stands for something outside the pickle; ``arguments`` holds its key."""


def admitted(names: Iterable[str], prefixes: tuple[str, ...] = ()) -> Admits:
    """Admits plain containers, ``names``, and what begins with one of ``prefixes``."""
    known = PLAIN_NAMES | frozenset(names)
    return lambda name: name in known or name.startswith(prefixes)
