"""safetensors: headers that lie about lengths, places, shapes and types; names and numbers that are hostile."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

from tests.hostile.construct.base import Construct, Made
from tests.hostile.construct.json_files import changed, text_of
from tests.hostile.mutation import safetensors_of, safetensors_parts
from tests.hostile.texts import TEXTS

TYPES = (
    "F8_E4M3",
    "F8_E5M2",
    "F8_E8M0",
    "F4",
    "BOOL",
    "C64",
    "C128",
    "U64",
    "I8",
    "BF16",
    "F64",
    "F16",
    "",
    "X" * 9999,
)
SHAPES = (
    [2**40], [2**31, 2**31], [0, 2**62], [2**63], [-1], [1] * 10_000, [2**64], [1.5], ["1"], [10**30], [10**5000], [],
    [0], [2**16, 2**16], None, 7,
)  # fmt: skip
VALUES = (float("nan"), float("inf"), -float("inf"), 0.0, 3e38, 1e30, 1e-42, -1.0)


def fits(file: Path, head: bytes) -> bool:
    """Whether the file is one of safetensors."""
    return file.suffix == ".safetensors" or (len(head) > 9 and head[8:10] == b'{"')


def _entries(made: Made) -> tuple[dict, bytes, list[str]]:
    header, numbers = safetensors_parts(made.data)
    return header, numbers, [key for key in header if key != "__metadata__"]


def _length(made: Made) -> None:
    made.write(struct.pack("<Q", made.any_of((0, 1, 2**31, 2**32, 2**63, 2**64 - 1, 100_000_000))) + made.data[8:])


def _type(made: Made) -> None:
    header, numbers, keys = _entries(made)
    for key in keys if made.random.random() < 0.5 else [made.any_of(keys)]:
        header[key]["dtype"] = made.any_of(TYPES)
    made.write(safetensors_of(header, numbers))


def _kept_size_type(made: Made) -> None:
    """Another type of as many bytes, of fewer numbers or more."""
    header, numbers, keys = _entries(made)
    key, kind = (
        made.any_of(keys),
        made.any_of((("F8_E4M3", 1), ("F16", 2), ("F64", 8), ("BOOL", 1), ("C64", 8), ("I8", 1))),
    )
    start, end = header[key]["data_offsets"]
    if (end - start) % kind[1] == 0:
        header[key] |= {"dtype": kind[0], "shape": [(end - start) // kind[1]]}
    made.write(safetensors_of(header, numbers))


def _all_of_a_type(made: Made) -> None:
    """Every tensor, as many numbers, of one byte each: float8, integers or booleans."""
    header, _, keys = _entries(made)
    kind, width = made.any_of(
        (("F8_E4M3", 1), ("F8_E5M2", 1), ("I8", 1), ("BOOL", 1), ("F64", 8), ("BF16", 2), ("I64", 8), ("C64", 8))
    )
    place = 0
    for key in keys:
        count = int(np.prod(header[key]["shape"], dtype=np.int64)) * width
        header[key] |= {"dtype": kind, "data_offsets": [place, place + count]}
        place += count
    made.write(safetensors_of(header, b"\x01" * place))


def _shape(made: Made) -> None:
    header, numbers, keys = _entries(made)
    header[made.any_of(keys)]["shape"] = made.any_of(SHAPES)
    made.write(safetensors_of(text_of(header), numbers))


def _places(made: Made) -> None:
    header, numbers, keys = _entries(made)
    odd = ([0, len(numbers) * 1000], [2**62, 2**63], [8, 4], [-4, 4], [0, 0], [0], [], None, [0.5, 4], [10**40, 10**41])
    header[made.any_of(keys)]["data_offsets"] = made.any_of(odd)
    made.write(safetensors_of(header, numbers))


def _overlapping(made: Made) -> None:
    header, numbers, _ = _entries(made)
    whole = {"dtype": "F32", "shape": [len(numbers) // 4], "data_offsets": [0, len(numbers) // 4 * 4]}
    made.write(safetensors_of({**header, **{f"copy.{number}": whole for number in range(20_000)}}, numbers))


def _name(made: Made) -> None:
    header, numbers, keys = _entries(made)
    key = made.any_of(keys)
    name = made.any_of(
        (*TEXTS, "layers.1000000000.weight", key.replace("0", "1000000000"), key + "." * 2000, "0" * 3000 + key)
    )
    header[name] = header.pop(key)
    made.write(safetensors_of(header, numbers))


def _index(made: Made) -> None:
    """Every index in the names becomes a large one."""
    header, numbers, _ = _entries(made)
    large = made.any_of(("1000000000", "9" * 5000, "-1", "65536", "1e9"))
    digit = made.any_of("0123")
    renamed = {
        key if key == "__metadata__" else key.replace(f".{digit}.", f".{large}."): value
        for key, value in header.items()
    }
    made.write(safetensors_of(renamed, numbers))


def _more_layers(made: Made) -> None:
    header, numbers, keys = _entries(made)
    key = made.any_of(keys)
    count = made.any_of((1000, 60_000))
    entry = {**header[key], "shape": [0], "data_offsets": [len(numbers), len(numbers)]}
    more = {
        key.replace(".0.", f".{number}.") if ".0." in key else f"{key}.{number}": entry for number in range(2, count)
    }
    made.write(safetensors_of({**header, **more}, numbers))


def _values(made: Made) -> None:
    header, numbers, keys = _entries(made)
    odd = made.any_of(VALUES)
    whole = np.frombuffer(numbers, np.uint8).copy()
    for key in keys if made.random.random() < 0.3 else [made.any_of(keys)]:
        start, end = header[key]["data_offsets"]
        kind = {"F32": np.float32, "F64": np.float64, "F16": np.float16}.get(header[key]["dtype"])
        if kind is not None and end > start:
            part = np.frombuffer(whole[start:end].tobytes(), kind).copy()
            with np.errstate(all="ignore"):
                part[:] = odd
            whole[start:end] = np.frombuffer(part.tobytes(), np.uint8)
    made.write(safetensors_of(header, whole.tobytes()))


def _scaled(made: Made) -> None:
    """Finite numbers, all far too large."""
    header, numbers, _ = _entries(made)
    factor = made.any_of((1e10, 1e25, 1e36, -1e20))
    values = np.frombuffer(numbers[: len(numbers) // 4 * 4], np.float32).astype(np.float64) * factor
    clipped = np.clip(np.nan_to_num(values), -3e38, 3e38).astype(np.float32)
    made.write(safetensors_of(header, clipped.tobytes() + numbers[len(numbers) // 4 * 4 :]))


def _metadata(made: Made) -> None:
    header, numbers, _ = _entries(made)
    told = header.get("__metadata__", {})
    own = [key for key, text in told.items() if text[:1] in "{["]
    if own and made.random.random() < 0.8:
        key = made.any_of(own)
        told[key] = text_of(changed(json.loads(told[key]), made)).decode()
    else:
        header["__metadata__"] = made.any_of(
            (3, [], {"a": 1}, {"a": None}, {text: text for text in TEXTS if text}, "x", None)
        )
    made.write(safetensors_of(text_of(header), numbers))


def _description(made: Made) -> None:
    """What a file of the program's own says of itself, not JSON or deep."""
    header, numbers, _ = _entries(made)
    told = header.get("__metadata__") or {"latent_explorer": ""}
    odd = (
        "",
        "{",
        "[" * 100_000,
        '{"a":' * 100_000,
        "null",
        "3",
        "1" * 6000,
        "\ud800",
        "{}",
        '{"format": 999}',
        '{"format": 1e400}',
    )
    header["__metadata__"] = dict.fromkeys(told, made.any_of(odd))
    made.write(safetensors_of(header, numbers))


def _deep(made: Made) -> None:
    made.write(safetensors_of(made.any_of((b'{"a":' * 100_000, b"{" + b"[" * 100_000, b'{"a":[' * 50_000)), b""))


def _nothing(made: Made) -> None:
    made.write(safetensors_of({}, b""))


def _gap(made: Made) -> None:
    header, numbers, keys = _entries(made)
    for key in keys:
        header[key]["data_offsets"] = [place + 64 for place in header[key]["data_offsets"]]
    made.write(safetensors_of(header, b"\0" * 64 + numbers))


CONSTRUCTIONS: dict[str, Construct] = {
    "a length": _length,
    **{f"a type, {turn}": _type for turn in range(3)},
    **{f"a type of the same size, {turn}": _kept_size_type for turn in range(2)},
    **{f"all of another type, {turn}": _all_of_a_type for turn in range(3)},
    **{f"a shape, {turn}": _shape for turn in range(4)},
    **{f"places, {turn}": _places for turn in range(3)},
    "tensors over each other": _overlapping,
    **{f"a name, {turn}": _name for turn in range(4)},
    **{f"an index, {turn}": _index for turn in range(3)},
    "more layers": _more_layers,
    **{f"values, {turn}": _values for turn in range(4)},
    **{f"scaled, {turn}": _scaled for turn in range(3)},
    **{f"its description, {turn}": _metadata for turn in range(8)},
    **{f"a description that is none, {turn}": _description for turn in range(2)},
    "a deep header": _deep,
    "no tensors": _nothing,
    "a gap": _gap,
}
