"""What opening a model needs, how far it is, how it is given up; and which models a folder holds."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import save_file

from explorer.engine.engine import Engine
from explorer.errors import Cancelled, ModelError
from explorer.files import package_folder
from explorer.generators import registry
from explorer.generators.models_folder import models_in
from explorer.generators.opening import LoadingShare, memory_needed
from explorer.scene.model import ModelRef

SHIPPED = package_folder("models")
CPU = torch.device("cpu")


def test_memory_is_that_of_the_numbers_in_single_precision(tmp_path: Path) -> None:
    half = {"a": torch.zeros(1000, 3, dtype=torch.float16), "b": torch.zeros(7)}
    save_file(half, tmp_path / "half.safetensors")
    assert memory_needed(tmp_path / "half.safetensors") == 4 * 3007
    torch.save(half, tmp_path / "half.pt")
    size = (tmp_path / "half.pt").stat().st_size
    assert memory_needed(tmp_path / "half.pt") == size + 4 * 3007
    (tmp_path / "text.pt").write_text("no checkpoint")
    assert memory_needed(tmp_path / "text.pt") == len("no checkpoint")
    (tmp_path / "net.onnx").write_bytes(bytes(77))
    assert memory_needed(tmp_path / "net.onnx") == 77
    assert memory_needed(tmp_path / "missing.safetensors") == 0


def test_of_one_network_in_several_files_one_counts(tmp_path: Path) -> None:
    unet = tmp_path / "unet"
    unet.mkdir()
    for name in ("net.safetensors", "net.fp16.safetensors"):
        save_file({"a": torch.zeros(100)}, unet / name)
    torch.save({"a": torch.zeros(100)}, unet / "net.bin")
    (tmp_path / "vae").mkdir()
    save_file({"a": torch.zeros(50)}, tmp_path / "vae" / "net.fp16.safetensors")
    assert memory_needed(tmp_path) == 4 * 150


def test_a_model_too_large_for_what_is_free_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = memory_needed(SHIPPED / "faces-stylegan2")
    assert needed > 4_000_000
    read: list[int] = []
    monkeypatch.setattr(LoadingShare, "passed", lambda self, count: read.append(count))

    class Memory:
        available = needed - 1

    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    with pytest.raises(ModelError, match=r"'faces-stylegan2' needs .* of memory and .* is free"):
        registry.load("faces-stylegan2", CPU)
    assert read == []


def test_the_card_says_why_it_is_its_family_and_what_its_weights_take() -> None:
    card = registry.describe("faces-stylegan2")
    assert card.reason == registry.identify(SHIPPED / "faces-stylegan2").verdicts["stylegan2"].reason
    assert card.memory == 4 * card.parameters > 0
    chosen = registry.describe("faces-stylegan2", "stylegan2")
    assert chosen.reason == card.reason


@pytest.mark.parametrize("name", ["faces-stylegan2", "faces-diffusion", "shapes-btcvae", "known-ring"])
def test_loading_tells_how_far_it_is_and_never_goes_back(name: str) -> None:
    shares: list[float] = []
    registry.load(name, CPU, progress=shares.append)
    assert shares == sorted(shares)
    assert 0 < shares[0] <= shares[-1] <= 1
    assert len(set(shares)) > 1 or name == "known-ring"  # which has next to nothing to read


def test_loading_that_is_cancelled_leaves_nothing_and_can_begin_again() -> None:
    def cancel(share: float) -> None:
        raise Cancelled

    engine = Engine(CPU)
    with pytest.raises(Cancelled):
        engine.card(ModelRef(path="shapes-btcvae"), cancel)
    assert engine.card(ModelRef(path="shapes-btcvae")).name == "shapes-btcvae"


def test_other_models_can_be_used_while_one_is_loaded() -> None:
    engine = Engine(CPU)
    there = engine.generator(ModelRef(path="known-ring"))
    seen: list[object] = []

    def use_another(share: float) -> None:
        if not seen:
            # On another thread, as the renderer is: a lock that this one holds would stop it.
            other = threading.Thread(target=lambda: seen.append(engine.generator(ModelRef(path="known-ring"))))
            other.start()
            other.join(timeout=60)

    engine.generator(ModelRef(path="shapes-btcvae"), use_another)
    assert seen == [there]


def kept(engine: Engine) -> list[str]:
    return [Path(path).name for (path, _), _ in engine._generators.items()]


def test_models_that_nobody_looks_at_make_room_for_one_that_fits_only_without_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = Engine(CPU)
    for name in ("faces-stylegan2", "shapes-btcvae", "shapes-qlae"):
        engine.card(ModelRef(path=name))
    in_use = sum(each.generator.card.memory for _, each in engine._generators.items())

    class Memory:
        limit = in_use + memory_needed(SHIPPED / "shapes-stylegan2") - 1000

        @property
        def available(self) -> int:
            return self.limit - sum(each.generator.card.memory for _, each in engine._generators.items())

    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    engine.card(ModelRef(path="shapes-stylegan2"))
    assert kept(engine) == ["shapes-btcvae", "shapes-qlae", "shapes-stylegan2"]  # one was enough
    monkeypatch.setattr(Memory, "limit", 1000)
    with pytest.raises(ModelError, match="of memory and"):
        engine.card(ModelRef(path="faces-stylegan2"))
    assert kept(engine) == ["shapes-btcvae", "shapes-qlae", "shapes-stylegan2"]  # for nothing, nothing goes


def test_a_folder_of_models_lists_what_families_open_and_what_is_broken(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED / "shapes-btcvae", tmp_path / "run" / "model")  # a folder within a folder
    shutil.copytree(SHIPPED / "faces-diffusion", tmp_path / "faces")
    shutil.copytree(SHIPPED / "shapes-qlae", tmp_path / "torn")
    (tmp_path / "torn" / "model.safetensors").write_bytes(b"short")
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / ".hidden").mkdir()
    listed = {model.name: model for model in models_in(tmp_path)}
    assert set(listed) == {"model", "faces", "torn"}
    assert listed["model"].family == "vae"
    assert listed["model"].memory == memory_needed(SHIPPED / "shapes-btcvae")
    assert listed["faces"].problem == ""
    assert "model.safetensors" in listed["torn"].problem


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"models folder .* cannot be read"):
        models_in(tmp_path / "gone")


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there every name is text")
def test_a_model_whose_name_is_no_text_is_listed_as_one_that_does_not_open(tmp_path: Path) -> None:
    for name in (b"caf\xe9", b"good"):
        shutil.copytree(package_folder("models") / "known-equal", tmp_path / os.fsdecode(name))
    listed = {model.name: model.problem for model in models_in(tmp_path)}
    assert set(listed) == {"caf\ufffd", "good"}
    assert listed["good"] == ""
    assert "not UTF-8" in listed["caf\ufffd"]
    assert all(model.path.encode() for model in models_in(tmp_path))


def test_looking_through_a_folder_can_be_given_up(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()

    def cancel(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        models_in(tmp_path, cancel)
