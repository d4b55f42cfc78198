"""Arrays that people save themselves: every shape, type, byte order, container and name gives the controls it means."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from toys import LAYERS, ToyGenerator, ToyVae

from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.errors import ControlError
from explorer.generators.registry import describe
from explorer.importers.registry import read
from explorer.scene.cards import ModelCard, SpaceCard

WIDTH = 10
TOY = ToyGenerator(width=WIDTH).card
VAE = ToyVae().card
Array = np.ndarray[Any, np.dtype[Any]]


def _random(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


def _unit(array: Array) -> Array:
    return array / np.linalg.norm(array, axis=-1, keepdims=True)


def _save(content: Array | Mapping[str, Array], path: Path) -> Path:
    """As people save it: ``np.save``, ``np.savez``, ``torch.save``, ``pickle.dump``, by the suffix."""
    named = isinstance(content, Mapping)
    match path.suffix:
        case ".npy":
            np.save(path, content)
        case ".npz":
            np.savez(path, **content) if named else np.savez(path, content)
        case ".pkl":
            path.write_bytes(pickle.dumps(dict(content) if named else {"": content}, 4))
        case _:
            tensors = {name: torch.from_numpy(array) for name, array in (content if named else {"": content}).items()}
            torch.save(tensors if named else tensors[""], path)
    return path


def _directions(controls: ControlSet) -> Array:
    return torch.stack(
        [control.direction for control in controls.controls if isinstance(control, LinearControl)]
    ).numpy()


def _names(controls: ControlSet) -> list[str]:
    return [control.card.name for control in controls.controls]


def _shown(name: str) -> str:
    return " ".join(name.split())


# What the shapes mean: array → space it is read in (empty: asked for), the directions in it.
def _layouts(seed: int, k: int) -> dict[str, tuple[Array, str, Array]]:
    row, offsets = _random(WIDTH, seed=seed), _random(LAYERS, WIDTH, seed=seed)
    frame = np.linalg.qr(_random(WIDTH, k, seed=seed))[0].T
    lengths = np.arange(1, k + 1)[:, None]
    units = _unit(_random(3, WIDTH, seed=seed))
    return {
        "(d,)": (row, "", row[None]),
        "(1, d)": (row[None], "", row[None]),
        "(1, 1, d)": (row[None, None], "", row[None]),
        "(L, d)": (offsets, "w_plus", offsets[None]),
        "(1, L, d)": (offsets[None], "w_plus", offsets[None]),
        "(1, L, d) of unit rows": (_unit(offsets)[None], "w_plus", _unit(offsets)[None]),
        "(L, d) of one direction": (np.tile(row, (LAYERS, 1)), "w_plus", np.tile(row, (LAYERS, 1))[None]),
        "(k, d) at right angles": (frame, "", frame),
        "(k, d) of any length, at right angles": (frame * lengths, "", frame * lengths),
        "(3, d) of unit rows": (units, "", units),
        "(3, 1, d) of unit rows": (units[:, None], "", units),
        "(6, d) of one direction": (np.tile(row, (6, 1)), "", row[None]),
    }  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    layout=st.sampled_from(sorted(_layouts(0, 2))),
    dtype=st.sampled_from(["<f2", "<f4", ">f4", "<f8", ">f8", "=f8"]),
    fortran=st.booleans(),
    suffix=st.sampled_from([".npy", ".npz", ".pt", ".pkl"]),
    names=st.lists(st.text("abé-λ名 0", min_size=1, max_size=6), max_size=3, unique_by=_shown),
    seed=st.integers(0, 10_000),
    k=st.integers(2, WIDTH),
    space=st.sampled_from(["z", "w"]),
)  # fmt: skip
def test_every_layout_is_read_alike_from_every_container(
    layout: str, dtype: str, fortran: bool, suffix: str, names: list[str], seed: int, k: int, space: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    assume(all(map(_shown, names)))
    array, decided, expected = _layouts(seed, k)[layout]
    array = np.array(array, dtype=dtype, order="F" if fortran else "C")
    names = names if suffix != ".npy" else []
    path = tmp_path_factory.mktemp("plain") / f"mine{suffix}"
    if suffix == ".pt":
        array = array.astype(array.dtype.newbyteorder("="))
    _save(dict.fromkeys(names, array) if names else array, path)
    if suffix == ".pt" and not names and array.ndim == 2 and array.shape == (WIDTH, WIDTH):
        assume(False)  # a square matrix of torch is the Hessian penalty's
    if not decided:
        with pytest.raises(ControlError, match="say which with --space z or --space w"):
            read(path, TOY)
    controls = read(path, TOY, "" if decided else space)
    assert controls.space == (decided or space)
    rounding = 2e-3 if dtype.endswith("f2") else 1e-6
    np.testing.assert_allclose(
        _directions(controls), np.concatenate([expected] * max(1, len(names))), rtol=rounding, atol=rounding
    )
    count = len(expected)
    bases = list(map(_shown, names)) or ["mine"]
    assert _names(controls) == [base if count == 1 else f"{base} {index}" for base in bases for index in range(count)]


@pytest.mark.parametrize("dtype", ["i1", "<i4", ">i8", "u2", "?", "g"])
def test_other_types_of_numbers_are_numbers_too(dtype: str, tmp_path: Path) -> None:
    axes = np.eye(3, WIDTH).astype(dtype)
    np.testing.assert_array_equal(_directions(read(_save(axes, tmp_path / "a.npy"), TOY, "z")), np.eye(3, WIDTH))


def test_rows_of_length_one_that_may_be_offsets_are_asked_about(tmp_path: Path) -> None:
    units = _unit(_random(LAYERS, WIDTH))
    path = _save(units, tmp_path / "a.npy")
    with pytest.raises(ControlError, match=r"4 directions or one offset .*--space z or --space w or --space w_plus"):
        read(path, TOY)
    np.testing.assert_allclose(_directions(read(path, TOY, "w")), units, rtol=1e-6)
    (layered,) = _directions(read(path, TOY, "w_plus"))
    np.testing.assert_allclose(layered, units, rtol=1e-6)
    # A model without such layers leaves nothing to ask.
    lone = msgspec.structs.replace(TOY, spaces={"z": TOY.spaces["z"]})
    assert len(read(path, lone).controls) == LAYERS


def test_many_rows_of_one_direction_are_not_compared_each_with_each(tmp_path: Path) -> None:
    """The square of their number would be 160 GB."""
    row = _unit(_random(WIDTH))
    controls = read(_save(np.tile(row, (200_000, 1)), tmp_path / "b.npy"), VAE_10)
    np.testing.assert_allclose(_directions(controls), [row], rtol=1e-6)


def test_rows_that_are_all_one_direction_are_one_control_unless_people_call_them_apart(tmp_path: Path) -> None:
    row = _unit(_random(WIDTH))
    controls = read(_save(np.stack([row, -row, row]), tmp_path / "b.npy"), VAE_10)
    np.testing.assert_allclose(_directions(controls), [row], rtol=1e-6)
    assert (_names(controls), "The 3 rows of 'b' are all one direction" in controls.note) == (["b"], True)
    (tmp_path / "b_human_annotation.txt").write_text("0: smile\n1: frown\n2: grin\n")
    assert _names(read(tmp_path / "b.npy", VAE_10)) == ["smile", "frown", "grin"]


VAE_10 = msgspec.structs.replace(VAE, spaces={"z": SpaceCard(shape=(WIDTH,))})


def test_the_unit_says_how_long_one_is(tmp_path: Path) -> None:
    (short,) = read(_save(_unit(_random(WIDTH)), tmp_path / "a.npy"), TOY, "w").controls
    assert (short.card.unit, short.card.low, short.card.high) == ("length", -4, 4)
    (long,) = read(_save(3 * _unit(_random(WIDTH)), tmp_path / "b.npy"), TOY, "w").controls
    assert (long.card.unit, long.card.details) == ("offsets", ("1 offset = 3 long",))


def test_names_beside_the_file_and_names_that_cannot_be_printed(tmp_path: Path) -> None:
    (tmp_path / "a_human_annotation.txt").write_text("0: smile\n")
    assert _names(read(_save(_random(WIDTH), tmp_path / "a.npy"), TOY, "w")) == ["smile"]
    same = {"a\tb": _random(WIDTH), "a\nb": _random(WIDTH, seed=1)}
    assert _names(read(_save(same, tmp_path / "b.pt"), TOY, "w")) == ["a b", "a b (2)"]
    np.savez(tmp_path / "c.npz", _random(WIDTH), _random(WIDTH, seed=1))
    assert _names(read(tmp_path / "c.npz", TOY, "w")) == ["c 0", "c 1"]


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt", ".pkl"])
@pytest.mark.parametrize("dtype", ["c8", "c16", ">c16"])
def test_complex_numbers_are_refused_even_where_the_imaginary_parts_are_zero(
    suffix: str, dtype: str, tmp_path: Path
) -> None:
    for imaginary in (0.0, 1.0):
        array = (_random(3, WIDTH) + 1j * imaginary * _random(3, WIDTH)).astype(dtype)
        array = array.astype(array.dtype.newbyteorder("=")) if suffix == ".pt" else array
        with pytest.raises(ControlError, match=r"holds complex numbers as .*export their real parts"):
            read(_save(array, tmp_path / f"a{suffix}"), TOY, "w")
    torch.save({"eigvec": torch.eye(WIDTH) * 1j, "ckpt": ""}, tmp_path / "factor.pt")
    with pytest.raises(ControlError, match="complex numbers as eigvec"):
        read(tmp_path / "factor.pt", TOY)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"a": np.ones(WIDTH), "b": np.ones(WIDTH + 1)}, "not directions of one space: 10 as 'a', 11 as 'b'"),
        ({"w": _random(1, LAYERS, WIDTH)}, "how programs call points"),
        ({"layer.weight": np.ones((3, WIDTH))}, "none of the formats"),
        ({"weight": np.ones((1, WIDTH)), "bias": np.ones(1)}, "none of the formats"),
        ({"a": np.ones(WIDTH), "count": np.array("three")}, "none of the formats"),
        ({"a": np.full(WIDTH, np.inf)}, "not finite in 'a'"),
        ({"a": np.zeros(WIDTH)}, "length 0"),
        ({"a": _random(7, WIDTH)}, "neither of length 1 nor at right angles"),
    ],
)
def test_named_arrays_that_are_no_directions(content: dict[str, Array], sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **content)
    with pytest.raises(ControlError, match=sentence) as refused:
        read(path, TOY)
    assert "\n" not in str(refused.value)


def test_a_list_of_codes_is_none_of_directions_unless_the_user_says_so(tmp_path: Path) -> None:
    path = _save(_random(7, WIDTH), tmp_path / "found.npy")
    with pytest.raises(ControlError, match="if its rows are directions, say so with --space z"):
        read(path, TOY)
    assert len(read(path, TOY, "z").controls) == 7


# --- the Hessian penalty's and OroJaR's matrix -----------------------------------------------------------------------


def _as_their_program_does(matrix: Array) -> Array:
    """Gram-Schmidt over the rows in their order, the lengths taken out at the end: a second writing of it."""
    rows: list[Array] = []
    for row in matrix:
        for earlier in rows:
            row = row - row @ earlier / (earlier @ earlier) * earlier
        rows.append(row)
    return np.stack([row / np.linalg.norm(row) for row in rows])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([0.1, 1.0, 20.0]))
def test_a_matrix_as_its_optimiser_left_it_is_made_orthonormal(
    seed: int, scale: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    matrix = scale * (_random(WIDTH, WIDTH, seed=seed) + 2 * np.eye(WIDTH))
    path = tmp_path_factory.mktemp("matrix") / "church.pt"
    torch.save(torch.from_numpy(matrix), path)
    controls = read(path, TOY, "z")
    assert controls.method == "orojar"
    np.testing.assert_allclose(_directions(controls), _as_their_program_does(matrix), atol=1e-4)
    np.testing.assert_allclose(_directions(controls) @ _directions(controls).T, np.eye(WIDTH), atol=1e-5)


def test_a_matrix_of_fewer_rows_is_known_by_what_their_program_calls_it(tmp_path: Path) -> None:
    matrix = _random(4, WIDTH)
    torch.save(torch.from_numpy(matrix), tmp_path / "A_000123.pt")
    controls = _directions(read(tmp_path / "A_000123.pt", TOY, "z"))
    np.testing.assert_allclose(controls, _as_their_program_does(matrix), atol=1e-5)


def test_a_matrix_whose_rows_depend_on_each_other_is_refused(tmp_path: Path) -> None:
    matrix = _random(WIDTH, WIDTH)
    matrix[6] = matrix[1] - 2 * matrix[4]
    torch.save(torch.from_numpy(matrix), tmp_path / "a.pt")
    with pytest.raises(ControlError, match="row 6 is a combination of the rows before it"):
        read(tmp_path / "a.pt", TOY, "z")


@pytest.mark.parametrize(("end", "first"), [("coarse", 0), ("mid", 40), ("fine", 80)])
def test_a_slice_of_biggan_lies_where_the_name_says(end: str, first: int, tmp_path: Path) -> None:
    torch.save(torch.from_numpy(_random(40, 40)), tmp_path / f"our_goldens_{end}.pt")
    biggan = msgspec.structs.replace(VAE, spaces={"z": SpaceCard(shape=(120,))})
    controls = read(tmp_path / f"our_goldens_{end}.pt", biggan)
    columns = np.abs(_directions(controls)).sum(axis=0).nonzero()[0]
    assert (controls.space, columns.min(), columns.max()) == ("z", first, first + 39)
    # Where z is as wide as the matrix, there is no slice.
    small = msgspec.structs.replace(VAE, spaces={"z": SpaceCard(shape=(40,))})
    assert _directions(read(tmp_path / f"our_goldens_{end}.pt", small)).shape == (40, 40)
    with pytest.raises(ControlError, match="width 40, but"):
        read(tmp_path / f"our_goldens_{end}.pt", TOY)


# --- the inputs that were collected ----------------------------------------------------------------------------------

_Z40 = "a z of 40"
COLLECTED: dict[str, tuple[str, int, str]] = {  # file → space to ask for, controls, the space it ends in
    "german.csv": ("", 2, "style"),
    "tabs.tsv": ("", 1, "style"),
    "bigendian_row.npy": ("w", 1, "w"),
    "flat1d.npy": ("w", 1, "w"),
    "age_1d.pt": ("z", 1, "z"),
    "row_unit.npy": ("w", 1, "w"),
    "age_row.pt": ("w", 1, "w"),
    "age_10x64.pt": ("", 1, "w_plus"),
    "one_by_10_by_64.npy": ("", 1, "w_plus"),
    "boundaries_dict.npz": ("w", 2, "w"),
    "boundaries_dict.pt": ("w", 2, "w"),
    "hessian_matrix_before_gram_schmidt.pt": (_Z40, 40, "z"),
}


@pytest.fixture(scope="module")
def collected() -> Path:
    """The folder of inputs that were once read wrongly; the test skips where it is absent."""
    here = Path(os.environ.get("LATENT_EXPLORER_CASES", Path(__file__).resolve().parents[3] / "shared" / "cases"))
    if not here.is_dir():
        pytest.skip("the folder of collected inputs is absent (set LATENT_EXPLORER_CASES)")
    return here


@pytest.fixture(scope="module")
def faces() -> ModelCard:
    return describe("faces-stylegan2")


@pytest.mark.parametrize("name", sorted(COLLECTED))
def test_collected_inputs(name: str, collected: Path, faces: ModelCard) -> None:
    space, count, where = COLLECTED[name]
    narrow = msgspec.structs.replace(faces, spaces={"z": SpaceCard(shape=(40,))})
    controls = read(collected / name, narrow if space == _Z40 else faces, "" if space == _Z40 else space)
    assert (len(controls.controls), controls.space) == (count, where)


@pytest.mark.parametrize(
    ("name", "what"), [("complex.npy", "complex"), ("factor_complex.pt", "complex"), ("latin1.csv", "UTF-8")]
)
def test_collected_inputs_that_are_refused(name: str, what: str, collected: Path, faces: ModelCard) -> None:
    with pytest.raises(ControlError, match=what):
        read(collected / name, faces, "w")
