"""Valid files, broken at random: bytes anywhere, values of JSON, members of archives, tensors."""

from __future__ import annotations

import copy
import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

WORDS = ("", "..", "/etc/passwd", "../../x", "os.system", "nan", "\u0000", "z" * 3000, "a\nb", "\u202eabc", "9" * 5000)
NUMBERS = (
    0, -1, 1, 2, 7, 255, 4096, 10**7, 2**31 - 1, 2**31, 2**63 - 1, 10**30, 1.5, -0.0, 1e308, 1e-320, float("nan"),
    float("inf"),
)  # fmt: skip


def mutated(data: bytes, random: np.random.Generator) -> bytes:
    """``data`` with a few places changed, cut out, repeated, or cut short."""
    found = bytearray(data)
    for _ in range(int(random.integers(1, 8))):
        if not found:
            return b""
        place = int(random.integers(len(found)))
        if random.random() < 0.5:  # where formats say what is what
            place = min(place, int(random.integers(1, 4096)) % len(found))
        length = int(random.integers(1, 60))
        match int(random.integers(8)):
            case 0 | 1:
                found[place] ^= 1 << int(random.integers(8))
            case 2 | 3:
                found[place] = int(random.integers(256))
            case 4:
                del found[place : place + length]
            case 5:
                other = int(random.integers(len(found)))
                found[place:place] = found[other : other + length]
            case 6:
                found[place : place + 8] = b"\xff" * int(random.integers(1, 9))
            case 7 if random.random() < 0.2:
                del found[place:]
    return bytes(found)


def mutated_json(content: Any, random: np.random.Generator) -> Any:
    """``content`` with one value anywhere in it become another, gone, or under another name."""
    places = places_in(content)
    if not places:
        return [content]
    holder, key = places[int(random.integers(len(places)))]
    match int(random.integers(6)):
        case 0:
            holder[key] = NUMBERS[int(random.integers(len(NUMBERS)))]
        case 1:
            holder[key] = WORDS[int(random.integers(len(WORDS)))]
        case 2:
            holder[key] = [None, True, [], {}, [holder[key]], {"a": holder[key]}][int(random.integers(6))]
        case 3:
            del holder[key]
        case 4 if isinstance(holder, dict):
            holder[WORDS[int(random.integers(len(WORDS)))]] = holder.pop(key)
        case _:
            other, own = places[int(random.integers(len(places)))]
            there = own in (other if isinstance(other, dict) else range(len(other)))
            holder[key] = copy.deepcopy(other[own]) if there else None
    return content


def places_in(content: Any) -> list[tuple[Any, Any]]:
    """Every value in ``content``: what holds it, and under which key."""
    places: list[tuple[Any, Any]] = []
    stack = [content]
    while stack:
        holder = stack.pop()
        inside = holder.items() if isinstance(holder, dict) else enumerate(holder) if isinstance(holder, list) else ()
        for key, value in inside:
            places.append((holder, key))
            stack.append(value)
    return places


def broken(data: bytes, random: np.random.Generator) -> tuple[bytes, str]:
    """The file ``data`` broken in a way of its format, and how."""
    if random.random() < 0.35:
        return mutated(data, random), "bytes"
    if data[:1] in (b"{", b"["):
        changed = json.loads(data)
        for _ in range(int(random.integers(1, 4))):
            changed = mutated_json(changed, random)
        return json.dumps(changed).encode(), "values"
    if data[:2] == b"PK":
        return _broken_member(data, random), "a member"
    if is_safetensors(data):
        return _broken_tensors(data, random)
    return mutated(data, random), "bytes"


def _broken_member(data: bytes, random: np.random.Generator) -> bytes:
    """The archive with one member broken, whose sum and sizes are right again."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(written, "w") as new:
        entries = old.infolist()
        chosen = int(random.integers(len(entries)))
        if random.random() < 0.5:  # that which says what the others are
            chosen = next((number for number, one in enumerate(entries) if one.filename.endswith(".pkl")), chosen)
        for number, entry in enumerate(entries):
            content = old.read(entry)
            new.writestr(entry, mutated(content, random) if number == chosen else content)
    return written.getvalue()


def is_safetensors(data: bytes) -> bool:
    """Whether it begins as such a file does."""
    return len(data) > 9 and data[8:9] == b"{" and struct.unpack("<Q", data[:8])[0] <= len(data) - 8


def safetensors_parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """What a safetensors file says, and its numbers."""
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def safetensors_of(header: object, numbers: bytes) -> bytes:
    """A safetensors file that says ``header``, right or not."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + numbers


def _broken_tensors(data: bytes, random: np.random.Generator) -> tuple[bytes, str]:
    header, numbers = safetensors_parts(data)
    texts = header.get("__metadata__", {})
    own = [key for key, text in texts.items() if text[:1] in ("{", "[")]
    if own and random.random() < 0.6:
        key = own[int(random.integers(len(own)))]
        changed = json.loads(texts[key])
        for _ in range(int(random.integers(1, 3))):
            changed = mutated_json(changed, random)
        texts[key] = json.dumps(changed)
        return safetensors_of(header, numbers), "values of its description"
    if random.random() < 0.5:
        return safetensors_of(mutated_json(header, random), numbers), "values of its header"
    values = np.frombuffer(numbers[: len(numbers) // 4 * 4], np.float32).copy()
    odd = (np.nan, np.inf, 0.0, 3e38, -3e38, 1e-45)[int(random.integers(6))]
    if len(values):
        if random.random() < 0.5:
            values[int(random.integers(len(values)))] = odd
        else:
            values[:] = odd
    return safetensors_of(header, values.tobytes() + numbers[len(values) * 4 :]), f"numbers become {odd}"


def break_folder(folder: Path, random: np.random.Generator) -> str:
    """Change one file in ``folder``; which, and how."""
    files = sorted(one for one in folder.rglob("*") if one.is_file())
    file = files[int(random.integers(len(files)))]
    data, how = broken(file.read_bytes(), random)
    file.write_bytes(data)
    return f"{file.relative_to(folder)} ({how})"
