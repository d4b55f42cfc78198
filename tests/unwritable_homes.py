"""Homes in which nothing can be kept, as ordinary faults of a machine make them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from small_disk import fill, mounted, read_only


@contextmanager
def a_file(home: Path) -> Iterator[str]:
    """A file where the folder should be."""
    home.write_text("")
    yield "Not a directory"


@contextmanager
def a_full_disk(home: Path) -> Iterator[str]:
    """A disk of its own, without room."""
    with mounted(home):
        fill(home)
        yield "No space left on device"


@contextmanager
def a_read_only_disk(home: Path) -> Iterator[str]:
    """A disk that was mounted to be read."""
    with read_only(home):
        yield "Read-only file system"


@contextmanager
def files_for_folders(home: Path) -> Iterator[str]:
    """A folder in which files have the names of the program's folders."""
    home.mkdir()
    for name in ("state", "cache"):
        (home / name).write_text("")
    yield "Not a directory"


HOMES: dict[str, Callable[[Path], AbstractContextManager[str]]] = {
    "a file": a_file,
    "full": a_full_disk,
    "read-only": a_read_only_disk,
    "files for folders": files_for_folders,
}
"""What is wrong with a home → what makes one there, and yields what the system says of it."""
