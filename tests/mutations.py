"""Files that have been damaged, as disks and processes that die damage them."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np


def mutations(content: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
    """``count`` damaged versions of ``content``, none of which equals it: emptied, cut, flipped in one bit or many,
    overwritten with zeros or NaN, doubled, shuffled, with something more at an end."""
    source = np.random.default_rng(seed)
    made = 0
    while made < count:
        damaged = b"" if made == 0 else _mutated(content, source)
        if damaged != content:
            made += 1
            yield damaged


def _mutated(content: bytes, source: np.random.Generator) -> bytes:
    data, size = bytearray(content), len(content)
    place = int(source.integers(size))
    match int(source.integers(9)):
        case 0:
            return content[:place]
        case 1:
            return content[place:]
        case 2:
            data[place] ^= 1 << int(source.integers(8))
        case 3:
            for index in source.integers(size, size=8):
                data[index] = int(source.integers(256))
        case 4:
            data[place : place + 512] = bytes(len(data[place : place + 512]))
        case 5:
            data[place : place + 4] = struct.pack("<f", float("nan"))
        case 6:
            data[place:place] = source.bytes(16)
        case 7:
            return content + content[:place]
        case _:
            return content[place:] + content[:place]
    return bytes(data)
