"""Reading files that others wrote: every fault is one sentence, and nothing in them runs."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import random
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from explorer import checkpoint
from explorer.checkpoint import (
    check_memory,
    load_exactly,
    read_card,
    read_json,
    read_safetensors,
    read_torch,
    safetensors_shapes,
)
from explorer.errors import ModelError

READERS = {"safetensors": read_safetensors, "header": safetensors_shapes, "torch": read_torch, "json": read_json}


def refusal(action: object, *arguments: object) -> str:
    """The one sentence that ``action`` is refused with."""
    with pytest.raises(ModelError) as caught:
        action(*arguments)  # type: ignore[operator]
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_files_that_were_never_a_model_are_told_apart(tmp_path: Path, reader: object) -> None:
    path = tmp_path / "model.bin"
    assert "is missing" in refusal(reader, path)
    path.mkdir()
    assert "is a folder" in refusal(reader, path)
    path.rmdir()
    path.write_bytes(b"")
    assert "is empty" in refusal(reader, path)
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    assert "git-LFS pointer" in refusal(reader, path)
    path.write_bytes(b"<!DOCTYPE html><html>404</html>")
    assert "truncated or damaged" in refusal(reader, path)


def saved(path: Path, kind: str) -> bytes:
    tensors = {"weight": torch.arange(12.0).reshape(3, 4), "bias": torch.ones(3)}
    if kind == "safetensors":
        safetensors.torch.save_file(tensors, path)
    else:
        torch.save(tensors, path, _use_new_zipfile_serialization=kind == "zip")
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["safetensors", "zip", "legacy"])
def test_whole_files_are_read_and_truncated_ones_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "weights"
    whole = saved(path, kind)
    reader = read_safetensors if kind == "safetensors" else read_torch
    assert reader(path)["weight"].tolist() == torch.arange(12.0).reshape(3, 4).tolist()
    for length in range(1, len(whole) - 1, max(1, len(whole) // 23)):
        path.write_bytes(whole[:length])
        assert "truncated" in refusal(reader, path)


@pytest.mark.parametrize("kind", ["safetensors", "zip", "legacy"])
def test_damaged_bytes_never_raise_anything_but_a_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "weights"
    whole = saved(path, kind)
    reader = read_safetensors if kind == "safetensors" else read_torch
    source = random.Random(0)
    refused = 0
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(source.choice((1, 4, 40))):
            damaged[source.randrange(len(damaged))] = source.randrange(256)
        path.write_bytes(damaged)
        with contextlib.suppress(ModelError):
            reader(path)
            continue
        refused += 1
    assert refused > 20


class Trap:
    """What a malicious pickle does: call something while it is opened."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.witness),)


@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, legacy: bool) -> None:
    witness = tmp_path / "ran"
    torch.save({"a": Trap(witness)}, tmp_path / "m.pt", _use_new_zipfile_serialization=not legacy)
    assert "'posix.mkdir', which is no tensor" in refusal(read_torch, tmp_path / "m.pt").replace("nt.", "posix.")
    assert not witness.exists()


def test_a_plain_malicious_pickle_is_not_run(tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    (tmp_path / "m.pt").write_bytes(pickle.dumps(Trap(witness)))
    refusal(read_torch, tmp_path / "m.pt")
    assert not witness.exists()


@pytest.mark.parametrize("content", [[1, 2], torch.ones(2), {1: torch.ones(2)}])
def test_a_checkpoint_without_names_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "m.pt")
    assert "named tensors" in refusal(read_torch, tmp_path / "m.pt")


def test_the_header_gives_shapes_without_the_numbers(tmp_path: Path) -> None:
    saved(tmp_path / "weights", "safetensors")
    assert safetensors_shapes(tmp_path / "weights") == {"weight": (3, 4), "bias": (3,)}


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_loading_takes_exactly_what_belongs_there(device: str) -> None:
    with torch.device(device):
        module = nn.Linear(4, 3)
    whole = {"weight": torch.arange(12.0, dtype=torch.float16).reshape(3, 4), "bias": torch.ones(3)}
    path = Path("m.pt")
    load_exactly(module, whole, path)
    assert module(torch.ones(4)).tolist() == [7.0, 23.0, 39.0]
    assert module.weight.dtype == torch.float32
    assert "lacks the tensor 'bias'" in refusal(load_exactly, module, {"weight": whole["weight"]}, path)
    assert "unknown tensor 'extra'" in refusal(load_exactly, module, {**whole, "extra": torch.ones(1)}, path)
    assert "has shape (2,) where (3,)" in refusal(load_exactly, module, {**whole, "bias": torch.ones(2)}, path)
    assert "holds a list" in refusal(load_exactly, module, {**whole, "bias": [1, 2, 3]}, path)
    assert "complex numbers" in refusal(load_exactly, module, {**whole, "bias": torch.ones(3) + 1j}, path)
    for bad in (float("nan"), float("inf")):
        assert "not finite" in refusal(load_exactly, module, {**whole, "bias": torch.tensor([0.0, bad, 0.0])}, path)
    for far in (3e38, -2e30):
        told = refusal(load_exactly, module, {**whole, "bias": torch.tensor([0.0, far, 0.0])}, path)
        assert "which no network has" in told


def test_json_that_is_no_object_or_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.json"
    path.write_text("[1]")
    assert "holds a list" in refusal(read_json, path)
    path.write_bytes(b'{"a": "\xff"}')
    assert "truncated or damaged" in refusal(read_json, path)
    path.write_text("[" * 100_000)
    refusal(read_json, path)
    path.write_text(json.dumps({"a": 1}))
    assert read_json(path) == {"a": 1}
    monkeypatch.setattr(checkpoint, "MAX_JSON_BYTES", 3)
    assert "larger than any description" in refusal(read_json, path)


@pytest.mark.parametrize(
    "text",
    ['{"a": "\\ud800"}', '{"\\uDFFF": 1}', '{"a": 1' + "0" * 25 + "}", '{"a": ' + "9" * 5000 + "}", '{"a": ' * 9999],
)
def test_what_no_other_part_of_the_program_could_carry_is_refused(tmp_path: Path, text: str) -> None:
    """Halves of letters, whole numbers of more than 64 bits, nesting without end."""
    path = tmp_path / "config.json"
    path.write_text(text)
    assert "truncated or damaged" in refusal(read_json, path)
    path.write_text('{"a": "\\ud83d\\ude00", "b": -9223372036854775808, "c": 1e30}')
    assert read_json(path) == {"a": "\U0001f600", "b": -(2**63), "c": 1e30}


def test_a_missing_card_is_no_fault_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    assert read_card(tmp_path) == {}
    (tmp_path / "card.json").write_text('{"licence": "MIT", "figures": {"fid": 3.0}}')
    assert read_card(tmp_path)["figures"] == {"fid": 3.0}
    (tmp_path / "card.json").write_text('{"notes": []}')
    assert "'notes' holds a list" in refusal(read_card, tmp_path)


@pytest.mark.parametrize("seed", ["-1", "4294967296", "true", "1.5", '"7"', "null"])
def test_the_seed_of_the_example_in_a_card_is_one_that_can_be_drawn(tmp_path: Path, seed: str) -> None:
    (tmp_path / "card.json").write_text('{"example_seed": 4294967295}')
    assert read_card(tmp_path)["example_seed"] == 2**32 - 1
    (tmp_path / "card.json").write_text(f'{{"example_seed": {seed}}}')
    assert "must be a whole number from 0 to 4294967295" in refusal(read_card, tmp_path)


def test_what_does_not_fit_into_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    check_memory(1, tmp_path / "m")
    assert "1000000.0 GB of memory" in refusal(check_memory, 10**15, tmp_path / "m")
    path = tmp_path / "huge.safetensors"
    with path.open("wb") as file:  # a sparse file: it has a length, but lies nowhere
        file.write(b"x")
        file.truncate(1 << 43)
    assert "close other programs or choose a smaller model" in refusal(read_safetensors, path)
