"""Seals: whether bytes are those that were written, to the last bit, under the name that they were written for."""

from __future__ import annotations

import hashlib
import os

_MARK = b"latent-explorer-kept "
_LENGTH = len(_MARK) + 2 * hashlib.sha256().digest_size + 1


def sealed(content: bytes, name: str) -> bytes:
    """``content`` behind a line with the digest of it and ``name``."""
    return _mark(content, name) + content


def unsealed(data: bytes, name: str) -> bytes:
    """What :func:`sealed` has been given. Raises ValueError where ``data`` are not what it made, or for another
    name."""
    content = data[_LENGTH:]
    if data[:_LENGTH] != _mark(content, name):
        raise ValueError("it is not as it was written")
    return content


def _mark(content: bytes, name: str) -> bytes:
    return _MARK + hashlib.sha256(os.fsencode(name) + b"\0" + content).hexdigest().encode() + b"\n"
