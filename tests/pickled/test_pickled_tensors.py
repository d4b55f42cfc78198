"""Tensors within pickles: the same numbers as PyTorch reads, twice through the file, and none that do not fit."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from watched import watched

from explorer.errors import ModelError
from explorer.pickled.instructions import values_of
from explorer.pickled.records import Record, admitted
from explorer.pickled.source import Source
from explorer.pickled_tensors import TENSOR_NAMES, parser, read_pickled, read_stored, stored_tensor
from explorer.reading import reading, sha256_of

PARSE = parser(admitted(TENSOR_NAMES))


def tensors() -> dict[str, torch.Tensor]:
    source = torch.Generator().manual_seed(0)
    large = torch.randn(3, 5, 7, 9, generator=source)
    return {
        "large": large,
        "channels last": torch.randn(2, 30, 8, 8, generator=source).contiguous(memory_format=torch.channels_last),
        "a part": large[1:, :, 2:5],
        "another part of the same": large[0],
        "transposed": torch.randn(40, 30, generator=source).t(),
        "half": torch.randn(7, generator=source).half(),
        "double": torch.randn(3, generator=source).double(),
        "whole numbers": torch.arange(5),
        "one number": torch.tensor(3.5),
        "none": torch.zeros(0, 4),
        "parameter": torch.nn.Parameter(torch.randn(600, generator=source)),
    }


def test_the_numbers_are_those_that_were_written(tmp_path: Path) -> None:
    path, expected = tmp_path / "a.pkl", tensors()
    path.write_bytes(pickle.dumps(expected, 4))
    with watched() as events:
        content = read_pickled(path, PARSE, "a pickle")
        wanted = {name: stored_tensor(value) for name, value in content.items()}
        found = read_stored(path, {name: one for name, one in wanted.items() if one}, lambda name, one: one)
    assert not [event for event in events if not event.startswith("import")]
    assert set(found) == set(expected)
    for name, one in expected.items():
        assert torch.equal(found[name], one), name
        assert found[name].dtype == one.dtype
        assert found[name].is_contiguous()
    found["a part"].zero_()
    assert torch.equal(found["large"], expected["large"])


def test_what_is_changed_is_changed_while_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(tensors(), 4))
    one = stored_tensor(read_pickled(tmp_path / "a.pkl", PARSE, "a pickle")["large"])
    assert one is not None
    found = read_stored(tmp_path / "a.pkl", {"large": one}, lambda name, tensor: tensor.flip(0))
    assert torch.equal(found["large"], tensors()["large"].flip(0))


def test_the_numbers_are_of_the_file_that_was_described(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(tensors(), 4))
    digest = sha256_of(path)
    with reading() as files:
        one = stored_tensor(read_pickled(path, PARSE, "a pickle")["large"])
        assert one is not None
        assert files.digests[path] == digest
        path.write_bytes(pickle.dumps({name: value + 1 for name, value in tensors().items()}, 4))
        with pytest.raises(ModelError, match="is being written while it is read"):
            read_stored(path, {"large": one}, lambda name, tensor: tensor)


def rebuilt(*changed: Any) -> Record:
    """The record of a tensor of 600 numbers with other arguments: offset, shape, stride."""
    record = values_of(Source.of_bytes(pickle.dumps(torch.randn(20, 30), 4)), admitted(TENSOR_NAMES))
    assert isinstance(record, Record)
    return Record(record.name, (record.arguments[0], *changed))


@pytest.mark.parametrize(
    ("offset", "shape", "stride"),
    [
        (0, (1 << 40, 1 << 20), (0, 0)),  # huge, though all of it is one stored number
        (0, (21, 30), (30, 1)),
        (1, (20, 30), (30, 1)),
        (-1, (20,), (1,)),
        (0, (20,), (-1,)),
        (0, (20, 30), (1,)),
        (0, (20.0,), (1,)),
        (0, (1,) * 200, (1,) * 200),
        (0, None, None),
        ("0", (1,), (1,)),
    ],
)
def test_tensors_that_do_not_fit_what_is_stored_are_refused(offset: Any, shape: Any, stride: Any) -> None:
    with pytest.raises(ValueError, match="a tensor"):
        stored_tensor(rebuilt(offset, shape, stride))


def test_numbers_that_are_not_there_are_refused(tmp_path: Path) -> None:
    data = pickle.dumps({"large": tensors()["large"]}, 4)
    for cut in (len(data) // 2, len(data) - 1):
        (tmp_path / "cut.pkl").write_bytes(data[:cut])
        with pytest.raises(ModelError, match="truncated or damaged"):
            read_pickled(tmp_path / "cut.pkl", PARSE, "a pickle")
    count = (3 * 5 * 7 * 9).to_bytes(8, "little")
    assert data.count(count) == 1
    (tmp_path / "more.pkl").write_bytes(data.replace(count, (1 << 50).to_bytes(8, "little")))
    with pytest.raises(ValueError, match="fewer numbers"):
        stored_tensor(read_pickled(tmp_path / "more.pkl", PARSE, "a pickle")["large"])


def test_code_within_the_numbers_is_not_run(tmp_path: Path) -> None:
    """What a tensor's numbers are read with is a pickle of its own."""

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.mkdir, (str(tmp_path / "owned"),))

    record = rebuilt(0, (1,), (1,))
    for inner in (pickle.dumps(Evil()), b"cos\nsystem\nX\x01\x00\x00\x00a\x85R."):
        load = Record(record.arguments[0].name, (inner,))
        with pytest.raises(ValueError, match=r"mkdir|system"):
            stored_tensor(Record(record.name, (load, 0, (1,), (1,))))
    assert not (tmp_path / "owned").exists()


def test_foreign_names_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"cos\nsystem\nX\x01\x00\x00\x00a\x85R.")
    with pytest.raises(ModelError, match=r"asks for 'os\.system', which belongs to no network, and was not opened"):
        read_pickled(tmp_path / "a.pkl", PARSE, "a pickle")
