"""The file that an encoder writes, opened and closed here: libav's own stays open for as long as the program runs where
the end of a container cannot be written, and a deleted file that is open keeps its room on the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from av.container import OutputContainer


class _File:
    """What libav writes through. The first error ends the encoding; what libav still writes while it clears up goes
    nowhere, so that it has nothing more to complain about."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        """All of ``data``. Raises OSError, once."""
        view = memoryview(data)
        while view and self.error is None:
            try:
                view = view[self._file.write(view) :]
            except OSError as error:
                self.error = error
                raise
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As of any file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As of any file."""
        return self._file.tell()

    def close(self) -> None:
        """As of any file."""
        self._file.close()


@contextmanager
def opened_to_write(path: Path, kind: str, options: dict[str, str]) -> Iterator[OutputContainer]:
    """libav's container of this ``kind`` in the file ``path``. Raises OSError where it cannot be written whole."""
    import av

    with ExitStack() as closing:
        closing.enter_context(as_os_error())
        file = _File(path)
        closing.callback(file.close)

        def again(url: str, flags: int, options: object) -> BinaryIO:
            """The file once more, to be read by whoever moves the index to its beginning."""
            return closing.enter_context(path.open("rb"))

        try:
            with av.open(file, "w", format=kind, options=options, io_open=again) as container:
                yield container
        except av.FFmpegError:
            if file.error is None:
                raise
        if file.error is not None:  # which libav does not tell, or by a number of its own
            raise file.error


@contextmanager
def as_os_error() -> Iterator[None]:
    """libav's errors as the OSError that they stand for, so that a full disk reads the same from every writer."""
    import av

    try:
        yield
    except av.FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error
