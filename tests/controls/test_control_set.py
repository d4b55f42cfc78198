"""Control sets on disk: what is written comes back, and what does not fit is refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toys import ToyGenerator

from explorer.controls.control_set import ControlSet, load, save
from explorer.controls.linear import LinearControl
from explorer.errors import ControlError, ExportError
from explorer.scene.cards import ControlCard

CARD = ToyGenerator().card


def _set(width: int = 10, space: str = "w", layers: tuple[int, int] | None = None, names: str = "ab") -> ControlSet:
    rows = torch.randn(len(names), width, generator=torch.Generator().manual_seed(width))
    return ControlSet(
        method="pca",
        title="PCA",
        fingerprint=CARD.fingerprint,
        space=space,
        controls=tuple(
            LinearControl(ControlCard(name=name, space=space, layers=layers), row)
            for name, row in zip(names, rows, strict=True)
        ),
    )


FLOAT = st.floats(-1e6, 1e6)
CARDS = st.builds(
    ControlCard,
    name=st.text(min_size=1, max_size=12),
    space=st.sampled_from(["z", "w", "x_T"]),
    unit=st.text(max_size=4),
    low=FLOAT,
    high=FLOAT,
    badge=st.sampled_from(["active", "mixed", "passive", ""]),
    figure=st.text(max_size=12),
    details=st.lists(st.text(max_size=20), max_size=3).map(tuple),
    layers=st.none() | st.tuples(st.integers(0, 17), st.integers(0, 17)),
)


@st.composite
def control_sets(draw: st.DrawFn) -> ControlSet:
    cards = draw(st.lists(CARDS, max_size=4, unique_by=lambda card: card.name))
    source = torch.Generator().manual_seed(draw(st.integers(0, 2**16)))
    shape = draw(st.sampled_from([(1,), (5,), (3, 4), (2, 2, 2)]))
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.float16]))
    block = torch.randn(max(len(cards), 1), *shape, generator=source).to(dtype)  # rows share their memory
    return ControlSet(
        method=draw(st.text(max_size=12)),
        title=draw(st.text(max_size=12)),
        fingerprint=draw(st.text("0123456789abcdef", min_size=64, max_size=64)),
        space=draw(st.sampled_from(["z", "w"])),
        controls=tuple(LinearControl(card, row) for card, row in zip(cards, block, strict=False)),
        version=draw(st.integers(1, 9)),
        seed=draw(st.integers(0, 2**32 - 1)),
        settings=draw(st.dictionaries(st.text(max_size=6), st.booleans() | st.integers(-9, 9) | FLOAT | st.text())),
        cost=draw(st.dictionaries(st.text(max_size=6), FLOAT)),
        note=draw(st.text(max_size=30)),
    )


@given(control_sets())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_saved_comes_back(tmp_path: Path, controls: ControlSet) -> None:
    path = tmp_path / "set.safetensors"
    save(controls, path)
    back = load(path)
    for name in ("method", "title", "fingerprint", "space", "version", "seed", "settings", "cost", "note", "card"):
        assert getattr(back, name) == getattr(controls, name)
    for ours, theirs in zip(controls.controls, back.controls, strict=True):
        assert isinstance(theirs, LinearControl)
        assert theirs.direction.dtype == ours.direction.dtype
        assert torch.equal(theirs.direction, ours.direction)
    assert [file.name for file in tmp_path.iterdir()] == ["set.safetensors"]


def test_a_control_is_found_by_name_or_the_names_are_given() -> None:
    controls = _set()
    assert controls.control("b").card.name == "b"
    with pytest.raises(ControlError, match=r"no control 'c'.*a, b"):
        controls.control("c")


def test_a_set_fits_the_generator_it_was_found_on() -> None:
    _set().check(CARD)
    _set(space="w_plus", layers=(1, 3)).check(CARD)


@pytest.mark.parametrize(
    ("controls", "sentence"),
    [
        (_set(space="h"), r"space 'h', but 'toy' has z, w, w_plus"),
        (_set(width=9), r"width 9, but the space has width 10"),
        (_set(space="w_plus", layers=(0, 4)), r"layers 0 to 4, but the space has 4 layers"),
    ],
)
def test_another_space_or_width_is_refused_with_both_named(controls: ControlSet, sentence: str) -> None:
    with pytest.raises(ControlError, match=sentence):
        controls.check(CARD)


def test_another_generator_is_refused() -> None:
    with pytest.raises(ControlError, match="another generator"):
        _set().check(ToyGenerator(seed=1).card)


def _rewritten(path: Path, **changes: object) -> None:
    """Write a control set whose metadata differ in ``changes``."""
    save(_set(), path)
    with safetensors.safe_open(path, framework="pt") as file:
        metadata = json.loads(file.metadata()["latent_explorer"])
    tensors = safetensors.torch.load_file(path)
    safetensors.torch.save_file(tensors, path, {"latent_explorer": json.dumps(metadata | changes)})


def test_a_newer_file_is_refused_whatever_else_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "set.safetensors"
    _rewritten(path, format=2, controls="something else altogether")
    with pytest.raises(ControlError, match="newer"):
        load(path)


def test_an_unknown_kind_of_control_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.safetensors"
    card = {"name": "a", "space": "w"}
    _rewritten(path, controls=[{"kind": "wormhole", "card": card, "parameters": {}}])
    with pytest.raises(ControlError, match=r"kind 'wormhole'.*linear"):
        load(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"controls": [{"kind": "linear"}]},
        {"controls": [{"kind": "linear", "card": {"name": n, "space": "w"}, "parameters": {}} for n in "aa"]},
        {"controls": [{"kind": "linear", "card": {"name": n, "space": "w"}, "parameters": {}} for n in "abc"]},
        {"method": 3},
        {"seed": None},
    ],
)
def test_damaged_metadata_are_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    path = tmp_path / "set.safetensors"
    _rewritten(path, **changes)
    with pytest.raises(ControlError, match="damaged"):
        load(path)


def test_numbers_that_are_not_finite_are_refused_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "set.safetensors"
    save(_set(), path)
    tensors = safetensors.torch.load_file(path)
    with safetensors.safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors["0001.direction"][3] = float("nan")
    safetensors.torch.save_file(tensors, path, metadata)
    with pytest.raises(ControlError, match="not finite in control 'b'"):
        load(path)
    bad = LinearControl(ControlCard(name="bad", space="w"), torch.tensor([1.0, float("inf")]))
    with pytest.raises(ControlError, match="'bad' holds numbers that are not finite"):
        save(ControlSet("m", "M", "f", "w", (bad,)), tmp_path / "other.safetensors")
    assert not (tmp_path / "other.safetensors").exists()


def test_whole_numbers_are_no_direction(tmp_path: Path) -> None:
    path = tmp_path / "set.safetensors"
    save(_set(), path)
    with safetensors.safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = {name: tensor.long() for name, tensor in safetensors.torch.load_file(path).items()}
    safetensors.torch.save_file(tensors, path, metadata)
    with pytest.raises(ControlError, match=r"damaged.*int64"):
        load(path)


def test_foreign_truncated_empty_and_absent_files_are_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.safetensors"
    save(_set(), whole)
    data = whole.read_bytes()
    for length in (0, 4, 40, len(data) // 2, len(data) - 1):
        cut = tmp_path / "cut.safetensors"
        cut.write_bytes(data[:length])
        with pytest.raises(ControlError, match="not a readable control set"):
            load(cut)
    foreign = tmp_path / "foreign.safetensors"
    safetensors.torch.save_file({"weight": torch.ones(2)}, foreign)
    with pytest.raises(ControlError, match="not a control set of Latent Explorer"):
        load(foreign)
    text = tmp_path / "text.safetensors"
    text.write_text("these are no tensors at all, only words in a row")
    for path in (text, tmp_path / "absent.safetensors", tmp_path):
        with pytest.raises(ControlError, match="not a readable control set"):
            load(path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(ExportError, match="cannot be written"):
        save(_set(), blocked / "set.safetensors")


@pytest.mark.parametrize("said", ['{"a":' * 100_000, "[" * 100_000])
def test_a_description_that_is_too_deep_is_one_sentence(said: str, tmp_path: Path) -> None:
    safetensors.torch.save_file({"0000.a": torch.ones(2)}, tmp_path / "a.safetensors", {"latent_explorer": said})
    with pytest.raises(ControlError, match=r"'.*a\.safetensors' is"):
        load(tmp_path / "a.safetensors")


def test_numbers_of_a_type_in_which_nothing_is_computed_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save(_set(), path)
    data = path.read_bytes().replace(b'"dtype":"F32","shape":[10]', b'"dtype":"F8_E4M3","shape":[40]')
    length = int.from_bytes(data[:8], "little") + len('"F8_E4M3"') - len('"F32"')
    path.write_bytes(length.to_bytes(8, "little") + data[8:])
    with pytest.raises(ControlError):
        load(path)
