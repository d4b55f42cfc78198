"""Small ONNX networks, written with the format's own library: generators whose pictures are known, and hostile ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str | None]


def save_graph(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[tuple[str, int, Shape]],
    outputs: Sequence[tuple[str, int, Shape]],
    weights: dict[str, np.ndarray],
    domains: Sequence[str] = (),
    **saved: Any,
) -> Path:
    """Write the graph of ``nodes``; inputs and outputs are (name, type, shape)."""
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info(*one) for one in inputs],
        [helper.make_tensor_value_info(*one) for one in outputs],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    imports = [helper.make_opsetid("", 17), *(helper.make_opsetid(domain, 1) for domain in domains)]
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=8), path, **saved)
    return path


def linear_weights(width: int = 4, shape: Sequence[int] = (3, 8, 8)) -> np.ndarray:
    """(width, numbers of a picture): what :func:`save_linear` multiplies z with."""
    return np.random.default_rng(7).normal(0, 0.2, (width, int(np.prod(shape)))).astype(np.float32)


def save_linear(
    path: Path,
    shape: Sequence[int] = (3, 8, 8),
    width: int = 4,
    batch: int | str | None = "n",
    end: Sequence[onnx.NodeProto] = (),
    constants: dict[str, np.ndarray] | None = None,
    kind: int = TensorProto.FLOAT,
    made: Shape | None = None,
    **saved: Any,
) -> Path:
    """A generator: y = tanh(z W), as pictures of ``shape``; ``end`` leads from ``tanh`` to ``y`` otherwise."""
    nodes = [
        helper.make_node("MatMul", ["z", "W"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["square"]),
        helper.make_node("Tanh", ["square"], ["tanh"]),
        *(end or [helper.make_node("Identity", ["tanh"], ["y"])]),
    ]
    weights = {
        "W": linear_weights(width, shape),
        "shape": np.array([-1, *shape], np.int64),
        **(constants or {}),
    }
    return save_graph(
        path,
        nodes,
        [("z", TensorProto.FLOAT, [batch, width])],
        [("y", kind, [batch, *shape] if made is None else made)],
        weights,
        **saved,
    )


def save_encoder(path: Path, order: tuple[str, str], value_range: tuple[float, float], last: bool = False) -> Path:
    """The mean is the least-squares inverse of :func:`save_linear` before its tanh; the log-variance is a constant."""
    low, high = value_range
    nodes = [
        *([helper.make_node("Transpose", ["x"], ["first"], perm=[0, 3, 1, 2])] if last else
          [helper.make_node("Identity", ["x"], ["first"])]),
        helper.make_node("Reshape", ["first", "flat"], ["row"]),
        helper.make_node("Mul", ["row", "gain"], ["scaled"]), helper.make_node("Add", ["scaled", "bias"], ["signed"]),
        helper.make_node("MatMul", ["signed", "inverse"], ["mean"]),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]), helper.make_node("Add", ["nothing", "three"], ["log"]),
        helper.make_node("Concat", list(order), ["code"], axis=1),
    ]  # fmt: skip
    inverse = np.linalg.pinv(linear_weights().astype(np.float64)).astype(np.float32)
    weights = {
        "flat": np.array([-1, 192], np.int64), "gain": np.float32(2 / (high - low)),
        "bias": np.float32(-1 - 2 * low / (high - low)), "inverse": inverse,
        "zero": np.float32(0), "three": np.float32(3),
    }  # fmt: skip
    shape = ["n", 8, 8, 3] if last else ["n", 3, 8, 8]
    inputs, outputs = [("x", TensorProto.FLOAT, shape)], [("code", TensorProto.FLOAT, ["n", 8])]
    return save_graph(path, nodes, inputs, outputs, weights)
