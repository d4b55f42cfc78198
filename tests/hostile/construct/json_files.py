"""JSON: every value becomes a hostile one, and the file itself one that is deep, long or in another encoding."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

from tests.hostile.construct.base import Construct, Made
from tests.hostile.mutation import places_in
from tests.hostile.texts import NUMBERS, PLAIN, TEXTS

TURNS = 12
"""How often each of those that choose by chance comes."""


def fits(file: Path, head: bytes) -> bool:
    """Whether the file is JSON."""
    return head[:1] in (b"{", b"[") and file.suffix not in (".safetensors", ".toml")


def text_of(content: object) -> bytes:
    """JSON, whatever the numbers and the halves of letters in it are."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        return json.dumps(content).encode()
    finally:
        sys.set_int_max_str_digits(limit)


def changed(content: Any, made: Made) -> Any:
    """``content`` with one value anywhere become another: a number for a number mostly."""
    places = places_in(content)
    if not places:
        return content
    holder, key = places[int(made.random.integers(len(places)))]
    value = holder[key]
    kind = int(made.random.integers(8))
    if kind < 5 and isinstance(value, int | float) and not isinstance(value, bool):
        holder[key] = made.any_of(NUMBERS)
    elif kind < 5 and isinstance(value, str):
        holder[key] = made.any_of(TEXTS)
    elif kind == 5 and isinstance(holder, dict):
        holder[made.any_of(TEXTS)] = holder.pop(key)
    elif kind == 6 and isinstance(value, list | dict) and value:
        holder[key] = (
            value * 3000
            if isinstance(value, list)
            else {f"{one}{n}": v for n in range(2000) for one, v in value.items()}
        )
    else:
        holder[key] = made.any_of((*NUMBERS, *TEXTS, *PLAIN))
    return content


def _value(made: Made) -> None:
    made.write(text_of(changed(json.loads(made.data), made)))


def _two_values(made: Made) -> None:
    made.write(text_of(changed(changed(json.loads(made.data), made), made)))


def _deep_value(made: Made) -> None:
    content = json.loads(made.data)
    places = places_in(content)
    holder, key = made.any_of(places)
    holder[key] = "@@"
    depth = made.any_of((60, 500, 900, 5000, 200_000))
    opening, closing = made.any_of((("[", "]"), ('{"a":', "}")))
    middle = "1" if opening != "[" else ""
    made.write(json.dumps(content).replace('"@@"', opening * depth + middle + closing * depth, 1).encode())


def _same_twice(made: Made) -> None:
    data = made.data.strip()
    if data.startswith(b"{"):
        made.write(b"{" + data[1:-1] + b"," + data[1:])


def _set(content: object) -> Construct:
    return lambda made: made.write(content if isinstance(content, bytes) else json.dumps(content).encode())


def _encoded(encoding: str) -> Construct:
    return lambda made: made.write(made.data.decode().encode(encoding))


def _padded(made: Made) -> None:
    made.write(made.data + b" " * (15 << 20))


def _many_keys(made: Made) -> None:
    content = json.loads(made.data)
    if isinstance(content, dict):
        made.write(
            json.dumps({**{f"key{number}": number for number in range(100_000)}, **copy.deepcopy(content)}).encode()
        )


CONSTRUCTIONS: dict[str, Construct] = {
    **{f"a value, {turn}": _value for turn in range(TURNS)},
    **{f"two values, {turn}": _two_values for turn in range(4)},
    **{f"a deep value, {turn}": _deep_value for turn in range(3)},
    "every name twice": _same_twice,
    "a list": _set([1, 2, 3]),
    "a number": _set(3),
    "a long number": _set(b"1" * 6000),
    "null": _set(None),
    "an empty object": _set({}),
    "brackets without end": _set(b"[" * 200_000),
    "braces without end": _set(b'{"a":' * 200_000),
    "UTF-16": _encoded("utf-16"),
    "UTF-32": _encoded("utf-32"),
    "15 MB of spaces": _padded,
    "100,000 names more": _many_keys,
}
