"""Whatever a foreign file holds, reading it ends in a control set or in one sentence, and nothing in it is executed."""

from __future__ import annotations

import functools
import io
import pickle
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flow_files
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import ToyGenerator

from explorer.arrays import read_npy, read_npz, read_pickle
from explorer.errors import ControlError, ModelError
from explorer.importers.asking import describe
from explorer.importers.base import unused
from explorer.importers.registry import read, read_path

TOY = ToyGenerator(width=6).card


def _bytes(write: Any, *arguments: Any, **named: Any) -> bytes:
    buffer = io.BytesIO()
    write(buffer, *arguments, **named)
    return buffer.getvalue()


@functools.cache
def _whole() -> dict[str, bytes]:
    rows = np.eye(3, 6, dtype=np.float32)
    edit = {
        "lat_comp": rows[:1], "lat_stdev": np.float32(2), "latent_space": "W", "edit_type": "latent",
        "edit_start": 0, "edit_end": 2, "sigma_range": np.float64(3), "decomposition": {"layer": "style"},
    }  # fmt: skip
    return {
        "a.npz": _bytes(np.savez, lat_comp=rows[:, None], act_comp=rows[:, None], lat_stdev=np.ones(3, np.float32)),
        "b.npy": _bytes(lambda buffer: np.save(buffer, rows)),
        "c.pkl": pickle.dumps(edit, 4),
        "d.pkl": pickle.dumps(edit, 2),
        "e.pt": _bytes(lambda buffer: torch.save({"ckpt": "", "eigvec": torch.eye(6)}, buffer)),
        "f.pt": _bytes(
            lambda buffer: torch.save({"log_mat_half": torch.eye(6)}, buffer, _use_new_zipfile_serialization=False)
        ),
        "g.pt": _bytes(lambda buffer: torch.save({"support_sets": flow_files.pdetraversal_state(1, 6)}, buffer)),
        "h.pt": _bytes(lambda buffer: torch.save(flow_files.latent_flow_state(1, 6, rest=True), buffer)),
        "i.pt": _bytes(lambda buffer: torch.save(flow_files.warped_state(2, 2, 6), buffer)),
        "j.pth": flow_files.gradctrl(Path(tempfile.mkdtemp()), (1, 3), 6).read_bytes(),
        "paths_latent_codes.pt": _bytes(lambda buffer: torch.save(flow_files.normal(2, 5, 6), buffer)),
    }


@settings(max_examples=200, deadline=None)
@given(
    name=st.sampled_from(sorted(_whole())),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_changed_bytes_end_in_a_set_or_a_sentence(
    name: str, changes: list[tuple[float, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = bytearray(_whole()[name])
    for place, value in changes:
        data[int(place * len(data))] = value
    path = tmp_path_factory.mktemp("changed") / name
    path.write_bytes(data)
    try:
        if name.startswith("paths"):
            said = f"{name} has {len(read_path(path, TOY, {'space': 'w'}))} points"
        else:
            found = read(path, TOY, "w", answers={"activation": "tanh"} if name == "g.pt" else {})
            said = f"{name} has {len(found.controls)} controls"
    except ControlError as error:
        said = str(error)
    assert name in said
    assert "\n" not in said


BLANKS = " " * 300_000
HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "more rows than anybody looks through": ("a.npy", lambda: _bytes(np.save, np.ones((300_000, 6), np.float16))),
    "more arrays": ("a.npz", lambda: _bytes(np.savez, **{f"a{place}": np.ones(6) for place in range(4200)})),
    "an archive of zeros": ("a.npz", lambda: _bytes(np.savez_compressed, a=np.zeros((30_000, 6_000), np.int8))),
    "an array under many names": ("a.pkl", lambda: pickle.dumps(dict.fromkeys(map(str, range(4000)), np.ones(96_000)))),
    "a type without bytes": ("a.npy", lambda: _bytes(np.save, np.zeros(4, "V1")).replace(b"'|V1', ", b"'|V0', ")),
    "very many lines": ("a.csv", lambda: b"1,2,3\n" * 150_000),
    "a line of blanks": ("a.csv", lambda: f"1,2\n1{BLANKS}x\n".encode()),
    "a first line of blanks": ("a.csv", lambda: f"1{BLANKS}x".encode()),
    "brackets and blanks": ("a.csv", lambda: f"1,2\n(1{BLANKS}(1{BLANKS}(1\n".encode()),
    "a number of thousands of digits": ("a.csv", lambda: f"1,{'9' * 9000},3\n".encode()),
    "an amount of thousands of digits": ("a.csv", lambda: f"1,2,{'9' * 400_000}\n".encode()),
    "a cell longer than any": ("a.csv", lambda: f'1,2,3,"{"x" * 200_000}"\n'.encode()),
}  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="resource")
@pytest.mark.parametrize("kind", HOSTILE)
def test_small_files_that_would_grow_are_one_sentence_in_little_time(kind: str, tmp_path: Path) -> None:
    import resource

    name, made = HOSTILE[kind]
    path = tmp_path / name
    path.write_bytes(made())
    before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    for look in (describe, read):
        with pytest.raises(ControlError, match=name):
            look(path, TOY)
    assert time.process_time() - begin < 12  # of the processor, on a slow machine; minutes and hours without the bounds
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600 << 10


def test_names_beside_a_file_of_directions_are_read_once_however_they_are_written(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.eye(3, 6))
    (tmp_path / "human_annotation.txt").write_text(f"0:{BLANKS}\n 1 : older: much \n{'9' * 9000}: x\n{BLANKS}:\n2:")
    assert [control.card.name for control in read(tmp_path / "a.npy", TOY, "z").controls] == [
        "a 0",
        "older: much",
        "a 2",
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 4000])
def test_one_name_of_several_is_numbered(count: int) -> None:
    names: dict[str, object] = {}
    for _ in range(count):
        names[unused("a", names)] = None
    assert list(names) == ["a", *(f"a ({number})" for number in range(2, count + 1))]


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=">f4").reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype="<f8").reshape(2, 3)),
        np.array([[True, False]]),
        np.array(3, dtype=np.int16),
        np.zeros((0, 4), np.float16),
        np.arange(4, dtype=">c8").reshape(2, 2) * 1j,
    ],
    ids=lambda array: f"{array.dtype.str}{array.shape}",
)
def test_pickled_arrays_are_what_numpy_reads(array: np.ndarray[Any, Any], protocol: int, tmp_path: Path) -> None:
    said = {"array": array, "number": np.float32(0.1), "count": np.int64(7), "text": "é", "bytes": b"\xff\x00"}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(said, protocol))
    found = read_pickle(tmp_path / "a.pkl")
    np.testing.assert_array_equal(found["array"], array)
    assert found["array"].shape == array.shape
    assert found["array"].dtype.isnative
    assert (found["number"], found["count"], found["text"], found["bytes"]) == (np.float32(0.1), 7, "é", b"\xff\x00")


@pytest.mark.parametrize(
    "array",
    [np.array([object()], dtype=object), np.array(["a"]), np.array([(1, 2.0)], dtype="i4,f8")],
)
def test_pickled_arrays_of_other_things_are_refused(array: np.ndarray[Any, Any], tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"array": np.asarray(array)}, 4))
    with pytest.raises(ModelError, match=r"not a pickle of arrays|asks for"):
        read_pickle(tmp_path / "a.pkl")


def test_a_pickle_cannot_change_how_the_next_is_read(tmp_path: Path) -> None:
    # GLOBAL numpy ndarray, then BUILD with slots: sets an attribute of the class that stands for arrays.
    slots = b"cnumpy\nndarray\n" + b"(N" + b"}(V__setstate__\nI1\nu" + b"t" + b"b."
    (tmp_path / "bad.pkl").write_bytes(b"\x80\x02" + slots)
    with pytest.raises(ModelError):
        read_pickle(tmp_path / "bad.pkl")
    (tmp_path / "good.pkl").write_bytes(pickle.dumps({"array": np.ones(3)}, 2))
    assert read_pickle(tmp_path / "good.pkl")["array"].tolist() == [1, 1, 1]


def test_headers_that_promise_more_than_there_is_cost_no_memory(tmp_path: Path) -> None:
    header = _bytes(np.lib.format.write_array_header_1_0, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40,)})
    (tmp_path / "a.npy").write_bytes(header + bytes(64))
    with pytest.raises(ModelError, match="truncated or damaged"):
        read_npy(tmp_path / "a.npy")
    # A string, put at place 2**32 - 1 of the memo, for which the unpickler would allocate 64 GiB.
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02U\x01ar\xff\xff\xff\xff.")
    with pytest.raises(ModelError, match="truncated or damaged"):
        read_pickle(tmp_path / "a.pkl")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("lat_comp.npy", header + bytes(64))
    with pytest.raises(ModelError, match="truncated or damaged"):
        read_npz(tmp_path / "a.npz")


def test_a_pickle_of_no_dictionary(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps([1, 2], 4))
    with pytest.raises(ModelError, match="holds a list instead of named values"):
        read_pickle(tmp_path / "a.pkl")
