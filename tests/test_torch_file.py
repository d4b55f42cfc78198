"""Files of ``torch.save``: what torch reads of them is read, and nothing that they say is believed."""

from __future__ import annotations

import argparse
import io
import pickle
import struct
import time
import tracemalloc
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from explorer.checkpoint import read_torch_value
from explorer.errors import ModelError
from explorer.reading import UNPACKED_BYTES

DTYPES = [
    torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint8, torch.bool, torch.complex64, torch.complex128,
]  # fmt: skip


def same(first: Any, second: Any) -> bool:
    if isinstance(first, Tensor):
        return (
            isinstance(second, Tensor)
            and first.dtype == second.dtype
            and first.shape == second.shape
            and first.stride() == second.stride()
            and torch.equal(first, second)
        )
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    """Of any type, transposed, sliced or spread as it may be."""
    shape = draw(st.lists(st.integers(0, 4), max_size=3))
    seed = draw(st.integers(0, 2**20))
    numbers = (
        torch.empty(shape)
        .normal_(generator=torch.Generator().manual_seed(seed))
        .mul(9)
        .to(draw(st.sampled_from(DTYPES)))
    )
    way = draw(st.sampled_from(["as it is", "transposed", "a part", "spread", "a parameter"]))
    if way == "transposed" and len(shape) > 1:
        return numbers.transpose(0, 1)
    if way == "a part" and len(shape) > 0 and shape[0] > 1:
        return numbers[1:]
    if way == "spread":
        return numbers.expand(3, *shape)
    return nn.Parameter(numbers) if way == "a parameter" and numbers.is_floating_point() else numbers


PLAIN = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=9)
VALUES = st.recursive(
    tensors() | PLAIN,
    lambda inner: st.lists(inner, max_size=3)
    | st.tuples(inner, inner)
    | st.dictionaries(st.text(max_size=5) | st.integers(-9, 9), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@given(value=VALUES, is_archive=st.booleans())
def test_what_is_read_is_what_torch_reads(folder: Path, value: Any, is_archive: bool) -> None:
    path = folder / "value.pt"
    torch.save(value, path, _use_new_zipfile_serialization=is_archive)
    assert same(torch.load(path, weights_only=True), read_torch_value(path))


@pytest.mark.parametrize("is_archive", [True, False])
def test_views_of_one_storage_stay_views_of_one(tmp_path: Path, is_archive: bool) -> None:
    rows = torch.arange(12.0).reshape(3, 4)
    torch.save(
        {"rows": rows, "first": rows[0], "again": rows}, tmp_path / "a.pt", _use_new_zipfile_serialization=is_archive
    )
    found = read_torch_value(tmp_path / "a.pt")
    found["rows"][0, 0] = 7
    assert found["first"].tolist() == [7, 1, 2, 3]
    assert found["again"] is found["rows"]


def test_what_trainings_keep_beside_their_tensors_is_plain(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    optimiser = torch.optim.Adam(network.parameters())
    network(torch.randn(4, 3)).sum().backward()
    optimiser.step()
    parameter = nn.Parameter(torch.ones(2))
    parameter.note = "of somebody"  # type: ignore[attr-defined]  # as trainings hang things onto parameters
    content = {
        "state": OrderedDict(network.state_dict()), "optimiser": optimiser.state_dict(),
        "shape": torch.ones(2, 3).shape,
        "args": argparse.Namespace(size=16, out="x"), "kind": torch.float32, "device": torch.device("cpu"),
        "many": defaultdict(list, {"a": [1]}), "rows": np.arange(6.0).reshape(2, 3), "loss": np.float64(0.5),
        "parameter": parameter, "phase": 1j, "set": {1, "b"},
        "narrow": torch.tensor([0.5, -448.0]).to(torch.float8_e4m3fn),
    }  # fmt: skip
    torch.save(content, tmp_path / "a.pt")
    found = read_torch_value(tmp_path / "a.pt")
    assert same(dict(content["state"]), found["state"])  # type: ignore[call-overload]
    assert same(optimiser.state_dict(), found["optimiser"])
    assert found["shape"] == (2, 3)
    assert found["args"] == {"size": 16, "out": "x"}
    assert (found["kind"], found["device"], found["many"], found["phase"]) == ("torch.float32", "cpu", {"a": [1]}, 1j)
    assert (found["rows"].tolist(), found["loss"], found["set"]) == ([[0, 1, 2], [3, 4, 5]], 0.5, {1, "b"})
    assert found["parameter"].tolist() == [1, 1]
    assert (found["narrow"].dtype, found["narrow"].tolist()) == (torch.float16, [0.5, -448])


UNREAD = {
    "a sparse tensor": lambda: torch.ones(3, 3).to_sparse(),
    "a sparse tensor by rows": lambda: torch.eye(3).to_sparse_csr(),
    "a nested tensor": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    "a quantised tensor": lambda: torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8),
    "a tensor without numbers": lambda: torch.ones(3, device="meta"),
    "a tensor that is read through a rule": lambda: torch.ones(3, dtype=torch.complex64).conj(),
}


@pytest.mark.parametrize("kind", UNREAD)
@pytest.mark.filterwarnings("ignore")
def test_tensors_that_are_no_array_of_numbers_are_named(tmp_path: Path, kind: str) -> None:
    torch.save({"a": UNREAD[kind]()}, tmp_path / "a.pt")
    with pytest.raises(ModelError, match=f"holds {kind.removesuffix(' by rows')}.*only ordinary tensors are read"):
        read_torch_value(tmp_path / "a.pt")


# --- hostile ones -----------------------------------------------------------------------------------------------------

GLOBAL = b"ctorch._utils\n_rebuild_tensor_v2\n"


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def number(value: int) -> bytes:
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def sizes(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def tensor(shape: tuple[int, ...], stride: tuple[int, ...], count: int, key: str = "0", offset: int = 0) -> bytes:
    """The instructions by which a pickle makes a tensor of the storage ``key``."""
    described = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu") + number(count) + b"tQ"
    return GLOBAL + b"(" + described + number(offset) + sizes(shape) + sizes(stride) + b"\x89N" + b"tR"


def written(path: Path, pickled: bytes, records: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + pickled + b".")
        for key, data in records.items():
            archive.writestr(f"archive/data/{key}", data)
    return path


def named(*values: bytes) -> bytes:
    return b"}(" + b"".join(text(f"t{place}") + value for place, value in enumerate(values)) + b"u"


FOUR = bytes(16)
HOSTILE: dict[str, tuple[bytes, dict[str, bytes]]] = {
    "fewer numbers than declared": (named(tensor((4,), (1,), 4)), {"0": bytes(12)}),
    "more numbers than declared": (named(tensor((2,), (1,), 2)), {"0": FOUR}),
    "no numbers": (named(tensor((4,), (1,), 4)), {}),
    "a terabyte declared": (named(tensor((1 << 38,), (1,), 1 << 38)), {"0": FOUR}),
    "beyond the end": (named(tensor((2, 3), (3, 1), 4)), {"0": FOUR}),
    "an offset beyond the end": (named(tensor((1,), (1,), 4, offset=4)), {"0": FOUR}),
    "an offset before the beginning": (named(tensor((1,), (1,), 4, offset=-1)), {"0": FOUR}),
    "a step backwards": (named(tensor((4,), (-1,), 4, offset=3)), {"0": FOUR}),
    "one number spread to a terabyte": (named(tensor((1 << 38,), (0,), 4)), {"0": FOUR}),
    "one number spread many times": (
        named(*(tensor((1 << 20, 1 + place), (0, 0), 4) for place in range(40))), {"0": FOUR},
    ),
    "sizes whose product is beyond all numbers": (named(tensor((1 << 61,) * 8, (0,) * 8, 4)), {"0": FOUR}),
    "nothing, of a size that is none": (named(tensor((0, 1 << 400), (1, 1), 4)), {"0": FOUR}),
    "nine dimensions": (named(tensor((1,) * 9, (1,) * 9, 4)), {"0": FOUR}),
    "a storage of two sizes": (named(tensor((4,), (1,), 4), tensor((2,), (1,), 2)), {"0": FOUR}),
    "a tensor for a key": (b"}" + tensor((4,), (1,), 4) + b"Ns", {"0": FOUR}),
    "tuples that share themselves": (b")q\0" + b"h\0\x86q\0".join([b"h\0"] * 300), {}),
    "a key of tuples that share themselves": (b"})" + b"q\0h\0\x86" * 60 + b"Ns", {}),
    "numbers whose hashes are one": (
        b"}(" + b"".join(number(k * (2**61 - 1)) + b"N" for k in range(1, 30_000)) + b"u", {},
    ),
    "a storage that is none": (named(GLOBAL + b"(" + text("storage") + b"K\0)" + b")" + b"\x89NtR"), {}),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_a_file_says_is_compared_with_what_is_there_before_it_is_made(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path / "a.pt", *HOSTILE[kind])
    tracemalloc.start()
    begin = time.process_time()
    try:
        with pytest.raises(ModelError, match="is truncated or damaged"):
            read_torch_value(path)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert time.process_time() - begin < 20  # of the processor, traced: minutes and more without the checks


def test_records_that_are_unpacked_to_more_than_the_budget_are_refused(tmp_path: Path) -> None:
    count = UNPACKED_BYTES // 4 + (8 << 20)
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + named(tensor((count,), (1,), count)) + b".")
        with archive.open("archive/data/0", "w", force_zip64=True) as record:
            for _ in range(count * 4 // (1 << 20)):
                record.write(bytes(1 << 20))
    with pytest.raises(ModelError, match="is truncated or damaged"):
        read_torch_value(path)


def test_a_small_tensor_may_be_spread_and_packed(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pt", named(tensor((5, 4), (0, 1), 4)), {"0": struct.pack("<4f", 1, 2, 3, 4)})
    assert read_torch_value(path)["t0"].tolist() == [[1, 2, 3, 4]] * 5
    packed = written(tmp_path / "b.pt", named(tensor((4,), (1,), 4)), {"0": FOUR}, zipfile.ZIP_DEFLATED)
    assert read_torch_value(packed)["t0"].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("damage", ["count", "keys", "end"])
def test_an_old_file_whose_storages_are_not_what_its_pickle_says_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.pt"
    torch.save({"a": torch.arange(4.0)}, path, _use_new_zipfile_serialization=False)
    data = path.read_bytes()
    place = len(data) - 24
    assert struct.unpack("<q4f", data[place:]) == (4, 0, 1, 2, 3)
    if damage == "count":
        data = data[:place] + struct.pack("<q", 1 << 60) + data[place + 8 :]
    elif damage == "keys":
        file = io.BytesIO(data)
        for _ in range(3):
            pickle.load(file)
        data = data.replace(pickle.dumps([str(1)], 2)[2:], b"", 1)[: len(data) - 9]
    else:
        data = data[:-4]
    path.write_bytes(data)
    with pytest.raises(ModelError, match="is truncated or damaged"):
        read_torch_value(path)
