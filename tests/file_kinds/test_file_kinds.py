"""What is said of files that are no models: each kind by a file of it, and no file at all brings an error."""

from __future__ import annotations

import gzip
import json
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper
from onnx_files import save_graph
from torch import nn

from explorer.causal.model_file import METADATA_KEY as CAUSES_KEY
from explorer.controls.control_set import METADATA_KEY as CONTROLS_KEY
from explorer.errors import ModelError
from explorer.file_kinds.registry import kinds, sentence
from explorer.generators import registry

Write = Callable[[Path], object]


def text(content: str) -> Write:
    return lambda path: path.write_text(content)


def raw(content: bytes) -> Write:
    return lambda path: path.write_bytes(content)


def saved(content: object, old: bool = False) -> Write:
    return lambda path: torch.save(content, path, _use_new_zipfile_serialization=not old)


def tensors(names: dict[str, tuple[int, ...]], metadata: dict[str, str] | None = None) -> Write:
    values = {name: torch.ones(shape) for name, shape in names.items()}
    return lambda path: safetensors.torch.save_file(values, path, metadata)


def folder(*files: str, config: dict[str, object] | None = None) -> Write:
    def write(path: Path) -> None:
        path.mkdir()
        for name in files:
            place = path / name
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(b"1")
        if config is not None:
            (path / "config.json").write_text(json.dumps(config))

    return write


def zipped(*names: str) -> Write:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, b"x")

    return write


def classifier(path: Path) -> None:
    nodes = [helper.make_node("GlobalAveragePool", ["x"], ["y"])]
    save_graph(path, nodes, [("x", 1, ["n", 3, 8, 8])], [("y", 1, ["n", 10])], {})


def tarred(path: Path) -> None:
    inside = path.with_name("inside.txt")
    inside.write_text("x")
    with tarfile.open(path, "w") as archive:
        archive.add(inside, "inside.txt")


class Generator(nn.Module):
    """Saved whole, as beginners do."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)


CLASSIFIER = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 10)).state_dict()

FILES: dict[str, tuple[str, Write, str]] = {
    "png": ("a.png", raw(b"\x89PNG\r\n\x1a\n"), "is a PNG picture and no model"),
    "jpeg without suffix": ("a", raw(b"\xff\xd8\xff\xe0"), "is a JPEG picture"),
    "film": ("a.mp4", raw(b"\0\0\0\x20ftypisom"), "is a MP4 film"),
    "web page": ("weights.pth.html", text("\n<!DOCTYPE html><html>…"), "is a web page and not the file behind it"),
    "gzip": ("a.gz", lambda path: path.write_bytes(gzip.compress(b"x")), "is a gzip archive; unpack it"),
    "tar": ("a.tgz", tarred, "is a tar archive"),
    "zip": ("a.zip", zipped("readme.txt"), "is a zip archive"),
    "python": ("train.py", text("import torch"), "is Python source, which is never run here"),
    "notebook": ("a.ipynb", text(json.dumps({"cells": [], "nbformat": 4})), "is a notebook"),
    "TorchScript": ("a.ts", zipped("net/code/net.py", "net/constants.pkl"), "is a TorchScript archive"),
    "Keras": ("a.h5", raw(b"\x89HDF\r\n\x1a\n"), "is an HDF5 file, in which Keras keeps networks"),
    "TFLite": ("a.tflite", raw(b"\x1c\0\0\0TFL3"), "is a TensorFlow Lite network"),
    "GGUF": ("a.gguf", raw(b"GGUF\3"), "language models; these draw no pictures"),
    "SavedModel": ("a", folder("saved_model.pb"), "is a TensorFlow SavedModel"),
    "TensorFlow checkpoint": ("a", folder("m.index", "m.data-00000-of-00001"), "is a TensorFlow checkpoint"),
    "ONNX": ("a.onnx", classifier, "is an ONNX network that makes no pictures"),
    "scene": ("a.json", text(json.dumps({"version": 3, "panes": []})), "is a scene of this program"),
    "control set": ("a.safetensors", tensors({"a": (2,)}, {CONTROLS_KEY: "{}"}), "is a control set of this program"),
    "causes": ("a.safetensors", tensors({"a": (2,)}, {CAUSES_KEY: "{}"}), "is a causal model without pictures"),
    "weights alone": ("model.safetensors", tensors({"decoder.weight": (2,)}), "'config.json', which says of which"),
    "training": ("a", folder("recipe.json", "checkpoint.pt", "model/x"), "open the folder 'model' in it"),
    "unfinished training": ("a", folder("recipe.json", "checkpoint.pt"), "has not ended"),
    "LoRA": ("a.safetensors", tensors({"unet.lora_down.weight": (4, 8)}), "is an adapter (LoRA, 1 tensors)"),
    "embedding": ("a.safetensors", tensors({"emb_params": (1, 768)}), "is a learned word"),
    "part folder": ("a", folder(config={"_class_name": "ControlNetModel"}), "pipeline of diffusers (ControlNetModel)"),
    "BERT": ("a", folder(config={"model_type": "bert", "architectures": ["B"]}), "network of transformers (bert)"),
    "one-file checkpoint": ("a.safetensors", tensors({"model.diffusion_model.x": (2,)}), "from_single_file"),
    "U-Net weights": ("a.safetensors", tensors({"down_blocks.0.x": (2,)}), "weights of one part of a pipeline"),
    "classifier": ("a.pt", saved({"epoch": 3, "net": CLASSIFIER}), "reads pictures (10 outputs), as classifiers and"),
    "old classifier": ("a.pt", saved(CLASSIFIER, old=True), "reads pictures (10 outputs), as classifiers and"),
    "autoencoder": ("a.pt", saved({"encoder.0.w": torch.ones(2), "decoder.0.w": torch.ones(2)}), "an autoencoder"),
    "direction": ("a.pt", saved({"smile": torch.ones(1, 64)}), "'smile' of shape (1, 64) may be a direction"),
    "other network": ("a.pt", saved({"a.w": torch.ones(3, 3), "b.w": torch.ones(2)}), "holds 2 tensors (a.w, b.w)"),
    "arrays": ("a.npz", lambda path: np.savez(path, a=np.ones(3)), "holds NumPy arrays and no network"),
    "table": ("a.csv", text("a;b\n1;2"), "is a table of numbers or names"),
    "text": ("a.txt", text("hello"), "is a text file and no model"),
    "empty folder": ("a", folder(), "is an empty folder"),
    "folder of checkpoints": ("a", folder("e1.pt", "e2.pt"), "open a file in it: e1.pt, e2.pt"),
    "data": ("a", folder(*(f"{index}.png" for index in range(9))), "is a folder of 9 pictures and no model"),
    "folder of folders": ("a", folder("one/x", "two/x"), "open one of them: one/, two/"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_each_kind_is_told_what_it_is(case: str, tmp_path: Path) -> None:
    name, write, words = FILES[case]
    path = tmp_path / name
    write(path)
    told = registry.identify(path).sentence
    assert told == sentence(path)
    assert told.startswith(f"'{name}' ")
    assert words in told
    assert told.endswith(".")
    assert "\n" not in told
    with pytest.raises(ModelError) as caught:
        registry.load(str(path), torch.device("cpu"))
    assert str(caught.value) == told


def test_every_kind_has_a_file_here() -> None:
    """A kind that no case reaches would be untested."""
    assert len(kinds()) == 12


def test_a_network_that_was_saved_whole_is_named_and_not_made(tmp_path: Path) -> None:
    torch.save(Generator(), tmp_path / "whole.bin2")
    (tmp_path / "plain.bin2").write_bytes(pickle.dumps(Generator(), protocol=2))
    for name in ("whole.bin2", "plain.bin2"):
        assert "holds a whole Python object ('" in sentence(tmp_path / name)
        assert ".Generator'), whose code is never run here" in sentence(tmp_path / name)


def test_names_of_strangers_are_cut_and_made_printable(tmp_path: Path) -> None:
    torch.save({f"{'x' * 10_000}\n{index}": torch.ones(2, 2) for index in range(5)}, tmp_path / "a.pt")
    told = sentence(tmp_path / "a.pt")
    assert len(told) < 500
    assert "\n" not in told
    assert "…" in told


@given(st.binary(max_size=300), st.sampled_from(["", ".pt", ".safetensors", ".json", ".npz", ".zip", ".onnx", ".pkl"]))
def test_whatever_is_in_a_file_there_is_an_answer_and_no_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("any") / f"a{suffix}"
    path.write_bytes(content)
    told = sentence(path)
    assert "\n" not in told
    assert not told or told.endswith(".")


@pytest.mark.parametrize("case", ["classifier", "control set", "zip", "arrays", "TorchScript", "old classifier"])
def test_cut_files_bring_no_error(case: str, tmp_path: Path) -> None:
    name, write, _ = FILES[case]
    path = tmp_path / name
    write(path)
    content = path.read_bytes()
    for share in (0.02, 0.3, 0.6, 0.9, 0.99):
        path.write_bytes(content[: int(len(content) * share)])
        assert "\n" not in sentence(path)


def test_whatever_a_file_is_called_its_sentence_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a\nb\u202e\udcff.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert sentence(path).startswith("'a b.png' is a PNG picture")
