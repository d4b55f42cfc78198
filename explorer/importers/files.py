"""A file that another program wrote, opened by what its first bytes say; nothing in it is executed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from torch import Tensor

from explorer.arrays import read_npy, read_npz, read_pickle
from explorer.checkpoint import read_json, read_safetensors, read_torch_value
from explorer.errors import ControlError, ExplorerError
from explorer.files import expanded, text_of
from explorer.reading import archive_in, foreign, read_file, whole
from explorer.reading import opened as opened_file
from explorer.scene.model import Scalar

Content = TypeVar("Content")

MAX_TEXT_BYTES = 1 << 20
TEXT_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".yaml")
# How the old format of torch.save begins: a pickle of its own magic number.
_OLD_TORCH = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"


@dataclass(frozen=True)
class ForeignFile:
    """``content`` by ``kind``: npy an array, npz and pickle a dictionary, torch any value (of a safetensors file a
    dictionary), text a string. ``answers``:
    what the user has said of it, to every question of its format."""

    path: Path
    kind: Literal["npy", "npz", "torch", "pickle", "text"]
    content: Any
    answers: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.name

    def state(self, *wrappers: str) -> dict[str, Any]:
        """The named values of a torch file, taken out of the first of ``wrappers`` that it has; else empty."""
        if self.kind != "torch" or not isinstance(self.content, dict):
            return {}
        found = self.content
        for wrapper in wrappers:
            if isinstance(found.get(wrapper), dict):
                found = found[wrapper]
                break
        return {key: value for key, value in found.items() if isinstance(key, str)}

    def tensors(self, *wrappers: str) -> dict[str, Tensor]:
        """The tensors of :meth:`state`."""
        return {key: value for key, value in self.state(*wrappers).items() if isinstance(value, Tensor)}

    def keys(self) -> tuple[str, ...]:
        """The names of what it holds, for messages."""
        return tuple(map(str, self.content)) if isinstance(self.content, dict) else ()

    def json_beside(self, name: str) -> dict[str, Any]:
        """The JSON object called ``name`` in its folder or the one above, where trainers keep it; empty without one.

        Raises :class:`ControlError` when there is one that cannot be read.
        """
        return self._read_beside(name, read_json, {})

    def text_beside(self, name: str) -> str:
        """The text of the file ``name`` in its folder or the one above; empty without one, or when it is no text.

        Raises :class:`ControlError` for one in an encoding that is not read: what people wrote there would be lost.
        """
        return self._read_beside(name, _text, "")

    def pickle_beside(self, name: str) -> dict[str, Any]:
        """The dictionary of plain values in the pickle ``name`` in its folder or the one above; empty without one.

        Raises :class:`ControlError` when there is one that cannot be read.
        """
        return self._read_beside(name, read_pickle, {})

    def _read_beside(self, name: str, read: Callable[[Path], Content], absent: Content) -> Content:
        folder = self.path.absolute().parent
        path = next((path for path in (folder / name, folder.parent / name) if path.is_file()), None)
        try:
            return read(path) if path else absent
        except ExplorerError as error:
            raise ControlError(str(error)) from error


def opened(path: Path) -> ForeignFile:
    """Read the file at ``path``. Raises :class:`ControlError` with one sentence."""
    path = expanded(path)
    if not path.is_file():
        what = "is a folder, not a file of directions" if path.is_dir() else "does not exist"
        raise ControlError(f"'{path}' {what}; check the path.")
    try:
        return _opened(path)
    except (ExplorerError, OSError) as error:
        raise ControlError(str(error)) from error


def _opened(path: Path) -> ForeignFile:
    if path.suffix.lower() == ".safetensors":
        return ForeignFile(path, "torch", read_safetensors(path))
    with opened_file(path) as file:
        start = file.read(len(_OLD_TORCH))
    if not start:
        raise ControlError(f"'{path.name}' is empty; download it again.")
    if start.startswith(b"\x93NUMPY"):
        return ForeignFile(path, "npy", read_npy(path))
    if start.startswith(b"PK"):
        if _holds_arrays(path):
            return ForeignFile(path, "npz", read_npz(path))
        return ForeignFile(path, "torch", read_torch_value(path))
    if start == _OLD_TORCH:
        return ForeignFile(path, "torch", read_torch_value(path))
    if start.startswith(b"\x80"):
        return ForeignFile(path, "pickle", read_pickle(path))
    if text := _text(path):
        return ForeignFile(path, "text", text)
    raise ControlError(
        f"'{path.name}' is no file of directions that can be read: it is neither an array (.npy, .npz), nor a PyTorch "
        "file, nor a pickle, nor text."
    )


def _text(path: Path) -> str:
    """The text of a file, or nothing when it is none, or larger than any list of directions.

    Raises :class:`ExplorerError` for a file that is called a text, in an encoding that is not read.
    """
    try:
        data = read_file(path, whole) if path.stat().st_size <= MAX_TEXT_BYTES else b""
    except OSError:
        return ""
    try:
        return text_of(data, path.name)
    except ExplorerError:
        if path.suffix.lower() in TEXT_SUFFIXES and b"\0" not in data:
            raise
        return ""


def _holds_arrays(path: Path) -> bool:
    with (
        foreign(path, "an archive of arrays or tensors", ControlError),
        opened_file(path) as file,
        archive_in(file, path.stat().st_size) as archive,
    ):
        return any(name.endswith(".npy") for name in archive.namelist())
