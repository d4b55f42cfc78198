"""Files are read once, into memory of one's own, and the digest is that of what was read."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.arrays import read_npy, read_npz
from explorer.checkpoint import read_safetensors, read_safetensors_file, read_torch, safetensors_shapes
from explorer.errors import ModelError
from explorer.reading import HashedFile, fingerprint_of, read_file, reading, sha256_of, whole

TYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int8, torch.uint8, torch.bool)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@given(content=st.binary(max_size=5000), parts=st.lists(st.integers(0, 2000), max_size=6))
@settings(max_examples=50, deadline=None)
def test_the_digest_is_of_the_whole_file_however_much_of_it_was_asked_for(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, parts: list[int]
) -> None:
    path = tmp_path_factory.mktemp("files") / "file"
    path.write_bytes(content)

    def some(file: HashedFile) -> bytes:
        return b"".join(file.read(count) for count in parts)

    with reading() as files:
        assert files.value(path, some) == content[: sum(parts)]
        assert files.digests[path] == sha256_of(path) == digest(path)
    assert read_file(path, whole) == content


@st.composite
def tensors(draw: st.DrawFn) -> dict[str, torch.Tensor]:
    names = draw(st.lists(st.text(max_size=8), max_size=5, unique=True).map(lambda all_: [n for n in all_ if n]))
    found = {}
    for name in names:
        shape = draw(st.lists(st.integers(0, 4), max_size=3))
        numbers = torch.arange(int(np.prod(shape)) if shape else 1).reshape(shape)
        found[name] = (numbers % 2 == 0) if (kind := draw(st.sampled_from(TYPES))) == torch.bool else numbers.to(kind)
    return {name: one for name, one in found.items() if name != "__metadata__"}


@given(content=tensors(), metadata=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3))
@settings(max_examples=60, deadline=None)
def test_tensors_are_those_that_the_library_reads(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, torch.Tensor], metadata: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("tensors") / "file.safetensors"
    path.write_bytes(safetensors.torch.save(content, metadata=metadata or None))
    expected = safetensors.torch.load(path.read_bytes())
    said, own = read_safetensors_file(path)
    assert said == metadata
    assert set(own) == set(expected)
    for name, tensor in expected.items():
        assert own[name].dtype == tensor.dtype
        assert own[name].shape == tensor.shape
        assert torch.equal(own[name], tensor)
    assert safetensors_shapes(path) == {name: tuple(one.shape) for name, one in expected.items()}


def written(path: Path, entries: dict[str, Any], numbers: int) -> Path:
    header = json.dumps(entries).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(numbers))
    return path


def entry(dtype: str, shape: list[Any], start: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize(
    ("entries", "numbers"),
    [
        ({"a": entry("F32", [2], 0, 4)}, 4),
        ({"a": entry("F32", [2], 4, 12)}, 12),
        ({"a": entry("F32", [1], 0, 4)}, 8),
        ({"a": entry("F32", [1], 0, 4)}, 2),
        ({"a": entry("F32", [1], 0, 4), "b": entry("F32", [1], 0, 4)}, 4),
        ({"a": entry("F32", [1], 0, 4), "b": entry("F32", [1], 2, 6)}, 6),
        ({"a": entry("F32", [-1], 0, 4)}, 4),
        ({"a": entry("F32", [1 << 60, 1 << 60], 0, 4)}, 4),
        ({"a": entry("X7", [1], 0, 4)}, 4),
        ({"a": entry("F32", ["1"], 0, 4)}, 4),
        ({"a": 3}, 0),
        ({"__metadata__": {"a": 1}}, 0),
    ],
)
def test_headers_that_the_library_refuses_are_refused(entries: dict[str, Any], numbers: int, tmp_path: Path) -> None:
    path = written(tmp_path / "file.safetensors", entries, numbers)
    with pytest.raises(safetensors.SafetensorError):
        safetensors.torch.load(path.read_bytes())
    for read in (read_safetensors, safetensors_shapes):
        with pytest.raises(ModelError, match="truncated or damaged"):
            read(path)


def save_npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, a=np.arange(2000.0))


SAVED = {
    "safetensors": (lambda path: safetensors.torch.save_file({"a": torch.arange(2000.0)}, path), read_safetensors),
    "torch": (lambda path: torch.save({"a": torch.arange(2000.0)}, path), read_torch),
    "npy": (lambda path: np.save(path, np.arange(2000.0)), lambda path: {"a": read_npy(path)}),
    "npz": (save_npz, read_npz),
}


@pytest.mark.parametrize("kind", SAVED)
def test_what_was_read_is_nothing_to_the_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"file.{kind}"
    save, read = SAVED[kind]
    save(path)
    found = np.asarray(read(path)["a"])
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\x3f" * (path.stat().st_size // 2))
    assert np.array_equal(found, np.arange(2000.0))
    os.truncate(path, 0)
    assert np.array_equal(found, np.arange(2000.0))


@pytest.mark.parametrize("kind", SAVED)
def test_within_one_reading_a_file_is_what_it_was_the_first_time(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"file.{kind}"
    save, read = SAVED[kind]
    save(path)
    before = digest(path)
    with reading():
        first = read(path)
        path.write_bytes(b"something else")
        assert np.array_equal(np.asarray(read(path)["a"]), np.asarray(first["a"]))
        assert sha256_of(path) == before
    assert sha256_of(path) == digest(path) != before


def test_a_file_that_is_another_than_its_digest_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    with reading():
        fingerprint_of([path])
        path.write_bytes(b"two")
        with pytest.raises(ModelError, match="is being written while it is read"):
            read_file(path, whole)
    assert read_file(path, whole) == b"two"


def test_a_file_that_is_written_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a" * 100)
    turns = []

    def slowly(file: HashedFile) -> bytes:
        start = file.read(50)
        turns.append(start)
        if len(turns) == 1:
            path.write_bytes(b"b" * 90)  # shorter: the rest of the first is gone
        if len(start := start + file.read(file.size - 50)) < file.size:
            raise ValueError("it ends too soon")
        return start

    assert read_file(path, slowly) == b"b" * 90
    assert len(turns) == 2


def test_a_file_that_is_always_being_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")

    def slowly(file: HashedFile) -> bytes:
        with path.open("ab") as other:
            other.write(b"more")
        return whole(file)

    with pytest.raises(ModelError, match="wait until it is finished"):
        read_file(path, slowly)


def test_a_fault_of_a_file_that_nobody_writes_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")

    def fail(file: HashedFile) -> bytes:
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        read_file(tmp_path / "file", fail)
