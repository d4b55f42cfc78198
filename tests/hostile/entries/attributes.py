"""What reads attributes: labels, classifiers, predictors; and pictures of one's own."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from tests.hostile.entry import Entry
from tests.hostile.workshop import card, engine, shared_model


def _labels(folder: Path) -> Path:
    from explorer.scene.labels import Label, Labels, save_labels

    rows = tuple(Label(seed=seed, value=seed % 2) for seed in range(8))
    save_labels(
        Labels(attribute="smile", fingerprint=card().fingerprint, model="style", labels=rows), folder / "a.json"
    )
    return folder / "a.json"


def _classifier(folder: Path) -> Path:
    from test_onnx_reader import _graph

    _graph(folder / "smile.onnx")
    (folder / "smile.json").write_text(json.dumps({"names": ["smile", "age"], "kind": "logit", "size": [8, 8]}))
    return folder / "smile.onnx"


def _outside_weights(folder: Path) -> Path:
    from test_onnx_reader import _graph

    saved = {"save_as_external_data": True, "size_threshold": 0, "location": "weights.bin"}
    _graph(folder / "smile.onnx", **saved)
    return folder / "smile.onnx"


def _predictor(folder: Path) -> Path:
    import torch
    from test_attribute_readers import HUE, KIND, SIZE

    from explorer.worlds.predictor.network import PredictorConfig, PredictorNetwork, save_predictor

    torch.manual_seed(0)
    config = PredictorConfig(world="mine", size=16, channels=3, widths=(4, 8), features=5, factors=(HUE, KIND, SIZE))
    save_predictor(PredictorNetwork(config), folder / "mine" / "model")
    return folder / "mine"


def labelled(path: Path) -> Iterable[str]:
    """Load the labels, and learn them on the shared model."""
    from explorer.scene.labels import load_labels

    labels = load_labels(path)
    return [labels.attribute, labels.model, *read(path)]


def read(path: Path) -> Iterable[str]:
    """Open the reader on the shared model, and read two pictures."""
    import torch

    from explorer.attributes.registry import open_reader
    from explorer.scene.model import ModelRef

    generator = engine().generator(ModelRef(path=str(shared_model())))
    reader = open_reader(str(path), generator.card, generator)
    reader.read(torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    return [reader.name, *(one.name for one in reader.attributes)]


def _picture(kind: str, folder: Path) -> Path:
    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (24, 20, 3), np.uint8)
    path = folder / f"a.{kind}"
    Image.fromarray(pixels).save(path)
    return path


def picture(path: Path) -> Iterable[str]:
    """The picture as the shared model sees it."""
    from explorer.inversion.own_picture import read_picture

    return [read_picture(path, path.name, card()).reading]


PICTURES = ("png", "jpg", "gif", "webp", "bmp", "tif", "ppm")

ENTRIES = (
    Entry("labels", {"labels": _labels}, labelled),
    Entry("classifier", {"onnx": _classifier, "weights outside": _outside_weights}, read),
    Entry("predictor", {"predictor": _predictor}, read),
    Entry("picture", {kind: partial(_picture, kind) for kind in PICTURES}, picture),
)
