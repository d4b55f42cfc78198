"""What it takes to open a model, before anything is loaded, and how far loading it is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from explorer.checkpoint import check_memory, safetensors_header
from explorer.errors import ModelError
from explorer.file_kinds.look import Look
from explorer.generators.base import Progress
from explorer.generators.state_dicts import TORCH_SUFFIXES

NUMBER_BYTES = 4  # networks compute with float32, whatever their files hold
MOST_FILES = 2000  # of a folder that are looked at
READ_SHARE = 0.95  # of the time of loading, for reading; networks are built while it goes on


def memory_needed(path: Path) -> int:
    """Bytes of memory at the height of opening the file or the folder ``path``, as its headers tell; 0 where they do
    not. A file of ``torch.save`` is in memory beside its tensors for a moment, others are read number by number.

    Of the files in one folder those count that a pipeline reads: safetensors before torch's, whole precision before
    variants (``NAME.fp16.safetensors``).
    """
    if not path.is_dir():
        return _of_file(path)
    folders: dict[Path, list[Path]] = {}
    for file in _files_in(path):
        folders.setdefault(file.parent, []).append(file)
    return sum(_of_file(file) for files in folders.values() for file in _loaded(files))


def check_fits(path: Path) -> None:
    """Raise :class:`ModelError` where ``path`` does not fit into the memory that is free now."""
    check_memory(memory_needed(path), path)


def files_of(path: Path) -> list[Path]:
    """The files of the model at ``path``: of a folder those in it and below, the first :data:`MOST_FILES`."""
    return _files_in(path) if path.is_dir() else [path] if path.is_file() else []


def _files_in(folder: Path) -> list[Path]:
    files = []
    for file in folder.rglob("*"):
        if file.is_file():
            files.append(file)
        if len(files) >= MOST_FILES:
            break
    return files


def _loaded(files: Iterable[Path]) -> list[Path]:
    weights = [file for file in files if file.suffix == ".safetensors"]
    weights = weights or [file for file in files if file.suffix.lower() in TORCH_SUFFIXES]
    return [file for file in weights if "." not in file.stem] or weights


def _of_file(path: Path) -> int:
    suffix = path.suffix.lower()
    try:
        if suffix == ".safetensors":
            return _numbers(safetensors_header(path).shapes.values())
        if suffix in TORCH_SUFFIXES:
            size = path.stat().st_size
            shapes = [shape for shape in Look(path).shapes.values() if all(type(one) is int for one in shape)]
            return size + min(_numbers(shapes), 2 * size)  # more than half precision widened is a false promise
        if suffix == ".onnx":
            return path.stat().st_size
    except (ModelError, OSError):
        pass  # whoever reads it will say what is wrong with it
    return 0


def _numbers(shapes: Iterable[tuple[int, ...]]) -> int:
    return NUMBER_BYTES * sum(math.prod(shape) for shape in shapes)


class LoadingShare:
    """How far the loading of ``path`` is, told to ``progress`` as a share that never goes back: by the bytes that have
    been read, and by what its family says."""

    def __init__(self, path: Path, progress: Progress | None) -> None:
        self._total = max(1, sum(file.stat().st_size for file in files_of(path)))
        self._progress = progress or (lambda share: None)
        self._bytes, self._share = 0, 0.0

    def passed(self, count: int) -> None:
        """``count`` bytes more have been read. Raises what ``progress`` raises."""
        self._bytes += count
        self.reached(READ_SHARE * min(1.0, self._bytes / self._total))

    def reached(self, share: float) -> None:
        """The family is so far. Raises as :meth:`passed` does."""
        self._share = max(self._share, share)
        self._progress(self._share)
