"""What files that are no models can be used for instead."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from explorer.controls.control_set import METADATA_KEY
from explorer.file_kinds.registry import sentence, use
from explorer.files import package_folder
from explorer.generators import registry
from explorer.scene.cards import FileUse
from explorer.scene.model import ModelRef, Scene
from explorer.scene.store import save_scene


def test_each_kind_says_what_it_is_good_for(tmp_path: Path) -> None:
    scene = tmp_path / "a.scene.json"
    save_scene(Scene(model=ModelRef(path="faces-stylegan2")), scene)
    rows = tmp_path / "rows.npy"
    np.save(rows, np.zeros((2, 3)))
    table = tmp_path / "rows.csv"
    table.write_text("a,b\n1,2\n")
    direction = tmp_path / "age.pt"
    torch.save({"direction": torch.zeros(64)}, direction)
    bare = tmp_path / "bare.pt"
    torch.save(torch.zeros(1, 64), bare)
    controls = tmp_path / "set.safetensors"
    save_file({"x": torch.zeros(2)}, controls, {METADATA_KEY: "{}"})
    picture = tmp_path / "shot.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    network = tmp_path / "reader.onnx"
    network.write_bytes(b"\x08\x07")
    predictor = next(path for path in (package_folder("models") / "predictors").iterdir() if path.is_dir())
    expected = {
        scene: "scene", rows: "controls", table: "controls", direction: "controls", bare: "controls",
        controls: "controls",
        picture: "scene", network: "attributes", predictor: "attributes",
    }  # fmt: skip
    for path, kind in expected.items():
        assert sentence(path)
        assert use(path) == FileUse(kind=kind, path=str(path)), path  # type: ignore[arg-type]


def test_a_part_leads_to_the_whole_that_is_there(tmp_path: Path) -> None:
    unet = tmp_path / "pipeline" / "unet"
    unet.mkdir(parents=True)
    (unet / "config.json").write_text(json.dumps({"_class_name": "UNet2DModel"}))
    assert use(unet) is None  # nothing lies around it
    (unet.parent / "model_index.json").write_text("{}")
    assert use(unet) == FileUse(kind="model", path=str(unet.parent))
    assert use(unet / "config.json") == FileUse(kind="model", path=str(unet.parent))


def test_the_folder_of_a_training_leads_to_its_model(tmp_path: Path) -> None:
    for name in ("recipe.json", "checkpoint.pt"):
        (tmp_path / name).write_text("{}")
    assert use(tmp_path) is None
    (tmp_path / "model").mkdir()
    assert use(tmp_path) == FileUse(kind="model", path=str(tmp_path / "model"))


@pytest.mark.parametrize(
    ("name", "content"), [("a.html", "<html>"), ("net.py", "import torch"), ("a.zip", "PK\x03\x04")]
)
def test_what_is_good_for_nothing_offers_nothing(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert use(tmp_path / name) is None


@pytest.mark.parametrize("old", [False, True])
def test_one_tensor_is_no_broken_checkpoint_of_any_family(tmp_path: Path, old: bool) -> None:
    path = tmp_path / "age.pt"
    torch.save(torch.zeros(1, 64), path, _use_new_zipfile_serialization=not old)
    told = registry.identify(path)
    assert not any(verdict.mine for verdict in told.verdicts.values())
    assert told.sentence.startswith("'age.pt' holds one tensor of shape (1, 64) and no network; it may be a direction")
