"""ONNX classifiers: graphs whose answer is known, in both layouts, and files that are not such."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.nn import functional

from explorer.attributes.registry import open_reader
from explorer.errors import ExplorerError

WEIGHTS = np.array([[1.0, -2.0], [0.5, 3.0], [4.0, 0.25]], np.float32)  # (channels, attributes)


def _graph(
    path: Path,
    shape: tuple[Any, ...] = ("n", 3, 8, 8),
    weights: np.ndarray = WEIGHTS,
    kind: int = TensorProto.FLOAT,
    means: tuple[int, int] = (2, 3),
    output: tuple[Any, ...] | None = ("n", 2),
    given: int | None = None,
    **saved: Any,
) -> Path:
    """A classifier that is linear in the mean colour: y = W' mean over the axes ``means``."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=list(means), keepdims=0),
        helper.make_node("MatMul", ["m", "W"], ["y" if given is None else "raw"]),
    ]
    if given is not None:
        nodes.append(helper.make_node("Cast", ["raw"], ["y"], to=given))
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("x", kind, list(shape))],
        [helper.make_tensor_value_info("y", given or kind, None if output is None else list(output))],
        [numpy_helper.from_array(weights.astype(helper.tensor_dtype_to_np_dtype(kind)), "W")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path, **saved)
    return path


def _pictures(count: int = 5, channels: int = 3, size: int = 8) -> torch.Tensor:
    return torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1


def _expected(pictures: torch.Tensor) -> np.ndarray:
    """By hand: the mean colour in 0..1, times the weights."""
    return ((pictures.double().mean((2, 3)) + 1) / 2).numpy() @ WEIGHTS


def _beside(path: Path, **about: Any) -> None:
    path.with_suffix(".json").write_text(json.dumps(about))


@pytest.mark.parametrize(
    ("shape", "means"),
    [
        (("n", 3, 8, 8), (2, 3)),
        (("n", 8, 8, 3), (1, 2)),
        ((None, 3, None, None), (2, 3)),
        ((2, 3, 8, 8), (2, 3)),  # takes two at a time, and five are read
    ],
)
def test_a_classifier_is_read_in_its_layout(shape: tuple[Any, ...], means: tuple[int, int], tmp_path: Path) -> None:
    reader = open_reader(str(_graph(tmp_path / "colour.onnx", shape, means=means, output=(shape[0], 2))))
    assert [one.name for one in reader.attributes] == ["colour 1", "colour 2"]
    assert {one.kind for one in reader.attributes} == {"number"}
    np.testing.assert_allclose(reader.read(_pictures()), _expected(_pictures()), atol=1e-5)
    assert reader.read(_pictures()[:0]).shape == (0, 2)


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_other_precisions(kind: int, tmp_path: Path) -> None:
    reader = open_reader(str(_graph(tmp_path / "colour.onnx", kind=kind)))
    np.testing.assert_allclose(reader.read(_pictures()), _expected(_pictures()), atol=1e-2)


def test_pictures_are_resized_and_grey_ones_coloured(tmp_path: Path) -> None:
    reader = open_reader(str(_graph(tmp_path / "colour.onnx")))
    small = functional.interpolate(_pictures(size=24), (8, 8), mode="bilinear", antialias=True)
    np.testing.assert_allclose(reader.read(_pictures(size=24)), _expected(small), atol=1e-5)
    grey = _pictures(channels=1)
    np.testing.assert_allclose(reader.read(grey), _expected(grey.repeat(1, 3, 1, 1)), atol=1e-5)


def test_a_grey_classifier_reads_the_luminance(tmp_path: Path) -> None:
    path = _graph(tmp_path / "grey.onnx", ("n", 1, 8, 8), WEIGHTS[:1, :1], output=("n", 1))
    luma = (_pictures() * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1).mean((1, 2))
    reader = open_reader(str(path))
    assert [one.name for one in reader.attributes] == ["grey"]
    np.testing.assert_allclose(reader.read(_pictures())[:, 0], (luma.numpy() + 1) / 2, atol=1e-5)


def test_what_lies_beside_it_says_names_range_and_kind(tmp_path: Path) -> None:
    path = _graph(tmp_path / "colour.onnx")
    plain = open_reader(str(path)).digest
    _beside(path, names=["red", "blue"], range=[-1, 1], kind="logit")
    reader = open_reader(str(path))
    assert [(one.name, one.kind) for one in reader.attributes] == [("red", "share"), ("blue", "share")]
    logits = _pictures().mean((2, 3)).numpy() @ WEIGHTS
    np.testing.assert_allclose(reader.read(_pictures()), 1 / (1 + np.exp(-logits)), atol=1e-5)
    assert reader.digest != plain
    _beside(path, mean=[0.4, 0.5, 0.6], std=[0.2, 0.25, 0.5])
    colours = ((_pictures().mean((2, 3)) + 1) / 2).numpy()
    scaled = (colours - [0.4, 0.5, 0.6]) / [0.2, 0.25, 0.5]
    np.testing.assert_allclose(open_reader(str(path)).read(_pictures()), scaled @ WEIGHTS, atol=1e-4)


def test_layout_and_size_where_the_graph_is_silent(tmp_path: Path) -> None:
    path = _graph(tmp_path / "colour.onnx", (None, None, None, None), means=(1, 2), output=None)
    with pytest.raises(ExplorerError, match="does not tell where the channels are"):
        open_reader(str(path))
    _beside(path, layout="NHWC", size=[4, 4])
    reader = open_reader(str(path))
    assert len(reader.attributes) == 2  # found out by running it
    small = functional.interpolate(_pictures(), (4, 4), mode="bilinear", antialias=True)
    np.testing.assert_allclose(reader.read(_pictures()), _expected(small), atol=1e-5)


def test_numbers_that_are_not_finite_are_not_shown(tmp_path: Path) -> None:
    path = _graph(tmp_path / "colour.onnx", weights=np.full((3, 2), np.inf, np.float32))
    assert np.isnan(open_reader(str(path)).read(_pictures())).all()


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        ({"shape": ("n", 5, 8, 8), "weights": np.ones((5, 2), np.float32)}, "no dimension is 1 or 3 channels"),
        ({"shape": ("n", 3), "means": (1,), "weights": np.ones((1, 2), np.float32)}, "must take a batch of pictures"),
        ({"given": TensorProto.INT64}, r"gives no numbers in floating point \(y: tensor\(int64\)\)"),
        ({"means": (0,), "output": (3, 8, 2), "weights": np.ones((8, 2), np.float32)}, "one row of numbers a picture"),
    ],
)
def test_graphs_that_are_no_classifiers_of_pictures(made: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ExplorerError, match=sentence):
        open_reader(str(_graph(tmp_path / "odd.onnx", **made)))


def test_damaged_files(tmp_path: Path) -> None:
    whole = _graph(tmp_path / "whole.onnx")
    (tmp_path / "torn.onnx").write_bytes(whole.read_bytes()[:60])
    (tmp_path / "text.onnx").write_text("no graph at all, although it is called one\n" * 20)
    for name in ("torn", "text"):
        with pytest.raises(ExplorerError, match=rf"'{name}.onnx' is not an ONNX network, or .*export it again") as said:
            open_reader(str(tmp_path / f"{name}.onnx"))
        assert "\n" not in str(said.value)
    path = _graph(tmp_path / "parted.onnx", save_as_external_data=True, location="parted.onnx.data", size_threshold=0)
    together = open_reader(str(path))
    np.testing.assert_allclose(together.read(_pictures()), _expected(_pictures()), atol=1e-5)
    (tmp_path / "parted.onnx.data").unlink()
    with pytest.raises(ExplorerError, match=r"The weights of 'parted.onnx' lie in another file"):
        open_reader(str(path))


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        ({"names": ["one"]}, "names 1 attributes, and 'colour.onnx' gives 2 numbers"),
        ({"names": ["a", "a"]}, "'names' has a name twice"),
        ({"range": [0, 255]}, r"'range' is \[0, 1\] or \[-1, 1\]"),
        ({"std": [0.0]}, "those of 'std' are positive"),
        ({"colour": "red"}, "unknown field"),
        ({"output": "z"}, "has no output 'z'; it has y"),
        ({"kind": "guess"}, "Invalid enum value"),
    ],
)
def test_descriptions_that_do_not_fit(about: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    path = _graph(tmp_path / "colour.onnx")
    _beside(path, **about)
    with pytest.raises(ExplorerError, match=sentence):
        open_reader(str(path))


def test_a_graph_that_fails_while_it_runs(tmp_path: Path) -> None:
    # It says that any size will do, and multiplies by a matrix for eight pixels.
    path = _graph(tmp_path / "liar.onnx", (None, 3, None, None), np.ones((8, 2), np.float32), means=(1, 2))
    reader = open_reader(str(path))
    assert reader.read(_pictures()).shape == (5, 2)
    with pytest.raises(ExplorerError, match=r"cannot read pictures of shape 5 × 3 × 9 × 9 .*'size' it takes"):
        reader.read(_pictures(size=9))


def test_pictures_larger_than_any_are_not_made(tmp_path: Path) -> None:
    with pytest.raises(ExplorerError, match="larger than any here"):
        open_reader(str(_graph(tmp_path / "a.onnx", ("n", 3, 2**31, 8))))
