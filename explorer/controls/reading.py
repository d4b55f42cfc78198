"""How controls come to read attributes of pictures: the layer that knows the sources lies above, and says how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from torch import Tensor


class PictureReader(Protocol):
    """What a control needs of an :class:`explorer.attributes.base.AttributeReader`."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def attributes(self) -> tuple[Any, ...]:
        """What it reads, each with a ``name``, in the order of the columns."""

    @property
    def digest(self) -> str:
        """SHA-256 of what it reads with."""

    def read(self, pictures: Tensor) -> Any:
        """(B, A) numpy values of pictures (B, C, H, W); NaN where a picture does not show an attribute."""


Opener = Callable[[str, Any], PictureReader]
"""What a user has written for a source, and the generator → the reader."""

_OPENERS: list[Opener] = []
_OPEN: WeakKeyDictionary[Any, dict[tuple[str, str], PictureReader]] = WeakKeyDictionary()


def open_with(opener: Opener) -> None:
    """Sources are opened by ``opener`` from now on."""
    _OPENERS[:] = [opener]


def opened(source: str, digest: str, generator: Any) -> PictureReader:
    """The reader that ``source`` names, empty: that of the world which ``generator`` was trained on; kept with the
    generator where it reads with what has this ``digest``. Raises :class:`explorer.errors.ExplorerError` with one
    sentence."""
    readers = _OPEN.setdefault(generator, {})
    reader = readers.get((source, digest))
    if reader is None:
        reader = _OPENERS[0](source, generator)
        if reader.digest == digest:
            readers[source, digest] = reader
    return reader
