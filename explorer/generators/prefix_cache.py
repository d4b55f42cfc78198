"""Kept beginnings of sampler trajectories: the steps before the first edited one are computed once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Protocol

from torch import Tensor


class Sized(Protocol):
    """What can be kept: a sample, perhaps with more."""

    @property
    def nbytes(self) -> int: ...


class PrefixCache:
    """The samples after a prefix of steps, by key, least recently used first out; at most ``max_bytes`` are kept."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.hits = self.misses = 0
        self.size_bytes = 0
        """Kept now."""
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable) -> Any:
        """The sample kept under ``key``; counts a hit or a miss."""
        found = self._kept.get(key)
        if found is None:
            self.misses += 1
            return None
        self.hits += 1
        self._kept.move_to_end(key)
        return found

    def put(self, key: Hashable, sample: Sized) -> None:
        """Keep ``sample`` (not copied: the sampler makes a new tensor every step), unless it alone is too large."""
        if (before := self._kept.pop(key, None)) is not None:
            self.size_bytes -= before.nbytes
        self._kept[key] = sample
        self.size_bytes += sample.nbytes
        while self.size_bytes > self.max_bytes:
            self.size_bytes -= self._kept.popitem(last=False)[1].nbytes


def digest_of(tensor: Tensor) -> bytes:
    """32 bytes that stand for the numbers, shape and type of ``tensor``: its rows, their order and their count."""
    values = tensor.detach().contiguous().cpu()
    described = f"{values.dtype}{tuple(values.shape)}".encode()
    return hashlib.blake2b(values.numpy().tobytes(), digest_size=32, key=hashlib.sha256(described).digest()).digest()
