"""Graphs whose sizes and times show only when they run: they are tried within a budget, and refused in one sentence."""

from __future__ import annotations

import itertools
import resource
import sys
import time
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from onnx import TensorProto, helper

from explorer.attributes.onnx import SOURCE
from explorer.errors import LONGEST_SENTENCE, ExplorerError, ModelError
from explorer.generators import registry

CPU = torch.device("cpu")
LOCAL = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
PICTURE = helper.make_tensor("picture", TensorProto.INT64, [4], [1, 3, 8, 8])


def whole(name: str, *numbers: int) -> Any:
    return helper.make_tensor(name, TensorProto.INT64, [len(numbers)], numbers)


def graph(nodes: list[Any], constants: list[Any], functions: list[Any] | None = None) -> Any:
    """z (1, 4) → y (1, 3, h, w): ``nodes`` make a number ``m`` of z, which is every pixel."""
    pixels = helper.make_node("Expand", ["m", "picture"], ["y"])
    made = helper.make_graph(
        [*nodes, pixels], "graph",
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 8, 8])], [PICTURE, *constants],
    )  # fmt: skip
    model = helper.make_model(made, opset_imports=LOCAL, functions=functions or [])
    model.ir_version = 9
    return model


def summed(name: str) -> list[Any]:
    """Nodes that make ``m`` of the tensor ``name`` and of z."""
    return [
        helper.make_node("ReduceMax", [name], ["most"], keepdims=0),
        helper.make_node("ReduceMax", ["z"], ["first"], keepdims=0),
        helper.make_node("Add", ["most", "first"], ["m"]),
    ]


def function(name: str, inner: str, times: int) -> Any:
    """A function that calls ``inner`` so many times, one after the other."""
    ends = ["x", *(f"v{index}" for index in range(times - 1)), "y"]
    domain = "local" if inner.startswith("f") else ""
    calls = [helper.make_node(inner, [a], [b], domain=domain) for a, b in itertools.pairwise(ends)]
    return helper.make_function("local", name, ["x"], ["y"], calls, LOCAL)


def large() -> Any:
    """A constant of 1.6 GB, made when it runs."""
    return graph([helper.make_node("ConstantOfShape", ["n"], ["large"]), *summed("large")], [whole("n", 20000, 20000)])


def expanded() -> Any:
    nodes = [helper.make_node("Expand", ["z", "n"], ["large"]), *summed("large")]
    return graph(nodes, [whole("n", 10**8, 4)])


def tiled() -> Any:
    nodes = [helper.make_node("Tile", ["z", "n"], ["large"]), *summed("large")]
    return graph(nodes, [whole("n", 10**4, 10**4)])


def doubled() -> Any:
    names = ["z", *(f"d{index}" for index in range(40))]
    nodes = [helper.make_node("Concat", [a, a], [b], axis=1) for a, b in itertools.pairwise(names)]
    return graph([*nodes, *summed(names[-1])], [])


def ranged() -> Any:
    nodes = [
        helper.make_node("Range", ["begin", "end", "step"], ["large"]),
        helper.make_node("ReduceMax", ["z"], ["first"], keepdims=0),
        helper.make_node("ReduceMax", ["large"], ["most"], keepdims=0),
        helper.make_node("Add", ["most", "first"], ["m"]),
    ]
    numbers = [helper.make_tensor(name, TensorProto.FLOAT, [], [value])
               for name, value in (("begin", 0.0), ("end", 1e9), ("step", 1.0))]  # fmt: skip
    return graph(nodes, numbers)


def slow() -> Any:
    """A hundred products of matrices that a small file names: minutes."""
    begin = [
        helper.make_node("ConstantOfShape", ["n"], ["p0"]),
        *(helper.make_node("MatMul", [f"p{index}", "p0"], [f"p{index + 1}"]) for index in range(400)),
    ]
    return graph([*begin, *summed("p400")], [whole("n", 1500, 1500)])


def looping() -> Any:
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["d"]), helper.make_node("Add", ["a", "a"], ["b"])], "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []),
         helper.make_tensor_value_info("c", TensorProto.BOOL, []),
         helper.make_tensor_value_info("a", TensorProto.FLOAT, [])],
        [helper.make_tensor_value_info("d", TensorProto.BOOL, []),
         helper.make_tensor_value_info("b", TensorProto.FLOAT, [])],
    )  # fmt: skip
    nodes = [helper.make_node("ReduceMax", ["z"], ["first"], keepdims=0),
             helper.make_node("Loop", ["n", "", "first"], ["m"], body=body)]  # fmt: skip
    return graph(nodes, [helper.make_tensor("n", TensorProto.INT64, [], [10**9])])


def towering() -> Any:
    functions = [
        function("f0", "Identity", 10),
        *(function(f"f{index}", f"f{index - 1}", 10) for index in range(1, 12)),
    ]
    return graph([helper.make_node("f11", ["z"], ["q"], domain="local"), *summed("q")], [], functions)


def biting_its_tail() -> Any:
    functions = [function("f0", "f1", 10), function("f1", "f0", 10)]
    return graph([helper.make_node("f0", ["z"], ["q"], domain="local"), *summed("q")], [], functions)


CASES = {
    "a constant": (large, "more memory"), "copies": (expanded, "more memory"), "tiles": (tiled, "more memory"),
    "doublings": (doubled, "more memory"), "a range": (ranged, "more memory"), "products": (slow, "seconds"),
    "a loop": (looping, "without loops"), "functions": (towering, "steps"), "a circle": (biting_its_tail, "deep"),
}  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
@pytest.mark.parametrize("case", CASES)
def test_a_small_graph_takes_little_memory_and_time(case: str, tmp_path: Path) -> None:
    make, word = CASES[case]
    file = tmp_path / "graph.onnx"
    onnx.save(make(), file)
    assert file.stat().st_size < 1 << 17
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(ModelError) as caught:
        registry.load(str(file), CPU)
    assert word in str(caught.value)
    assert len(str(caught.value)) <= LONGEST_SENTENCE
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 512 << 20
    assert time.process_time() - start < 20.0  # as it stands it takes minutes, or for ever


def test_a_plain_function_and_what_is_small_still_run(tmp_path: Path) -> None:
    model = graph([helper.make_node("f1", ["z"], ["q"], domain="local"), *summed("q")], [],
                  [function("f0", "Identity", 3), function("f1", "f0", 3)])  # fmt: skip
    onnx.save(model, tmp_path / "graph.onnx")
    generator = registry.load(str(tmp_path / "graph.onnx"), CPU)
    assert generator.card.shape == (3, 8, 8)


def test_a_classifier_is_tried_too(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ConstantOfShape", ["n"], ["large"]),
        helper.make_node("ReduceMax", ["large"], ["most"], keepdims=0),
        helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0, axes=[1, 2, 3]),
        helper.make_node("Add", ["mean", "most"], ["y"]),
    ]
    made = helper.make_graph(
        nodes, "graph", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])], [whole("n", 20000, 20000)],
    )  # fmt: skip
    model = helper.make_model(made, opset_imports=LOCAL)
    model.ir_version = 9
    onnx.save(model, tmp_path / "classifier.onnx")
    with pytest.raises(ExplorerError, match="more memory"):
        SOURCE.open(str(tmp_path / "classifier.onnx"), None)
