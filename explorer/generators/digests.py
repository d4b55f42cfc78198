"""What stands for a tensor in the key of what is kept."""

from __future__ import annotations

import hashlib

from torch import Tensor


def digest_of(tensor: Tensor) -> bytes:
    """32 bytes that stand for the numbers, shape and type of ``tensor``: its rows, their order and their count."""
    values = tensor.detach().contiguous().cpu()
    described = f"{values.dtype}{tuple(values.shape)}".encode()
    return hashlib.blake2b(values.numpy().tobytes(), digest_size=32, key=hashlib.sha256(described).digest()).digest()
