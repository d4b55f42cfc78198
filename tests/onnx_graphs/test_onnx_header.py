"""What an ONNX file says of itself is what the format's own library reads; what it may not say is refused."""

from __future__ import annotations

import contextlib
import io
import math
import os
import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx_files import save_graph, save_linear

from explorer.errors import ModelError
from explorer.onnx_graphs.header import DEEPEST, Header, header_of
from explorer.onnx_graphs.session import external_files, open_session, read_header

CPU = torch.device("cpu")


def parsed(model: onnx.ModelProto) -> Header:
    content = model.SerializeToString()
    return header_of(io.BytesIO(content), len(content))


SIDES = st.one_of(st.none(), st.integers(1, 2**31 - 1), st.text("abc", min_size=1, max_size=3))
SLOTS = st.lists(
    st.tuples(st.text(min_size=1, max_size=9), st.sampled_from([1, 6, 7, 10, 11]), st.lists(SIDES, max_size=5)),
    max_size=4,
)
ARRAYS = st.lists(
    st.tuples(
        st.sampled_from([np.float32, np.float16, np.float64, np.int64, np.int32, np.uint8, np.bool_]),
        st.lists(st.integers(0, 4), max_size=3),
    ),
    max_size=4,
)


@given(SLOTS, SLOTS, ARRAYS, st.dictionaries(st.text(max_size=5), st.text(max_size=300), max_size=3))
def test_a_header_says_what_the_library_of_the_format_reads(inputs, outputs, arrays, metadata) -> None:  # type: ignore[no-untyped-def]
    weights = [
        numpy_helper.from_array(np.zeros(shape, kind), f"weight {number}")
        for number, (kind, shape) in enumerate(arrays)
    ]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["a", "b"], ["c"], strides=[2, 3], auto_pad="VALID")],
        "graph",
        [helper.make_tensor_value_info(*one) for one in inputs],
        [helper.make_tensor_value_info(*one) for one in outputs],
        weights,
    )
    model = helper.make_model(graph)
    helper.set_model_props(model, metadata)
    header = parsed(model)
    for found, told in ((header.inputs, inputs), (header.outputs, outputs)):
        assert [(one.name, one.kind, one.shape) for one in found] == [
            (name, kind, tuple(side if isinstance(side, int) else 0 for side in shape)) for name, kind, shape in told
        ]
    assert [one.shape for one in header.tensors] == [tuple(shape) for _, shape in arrays]
    assert [one.size for one in header.tensors] == [np.zeros(shape, kind).nbytes for kind, shape in arrays]
    assert header.metadata == metadata
    (node,) = header.nodes
    assert (node.operator, node.inputs, node.outputs, node.numbers["strides"]) == ("Conv", ("a", "b"), ("c",), [2, 3])


def test_graphs_within_graphs_are_looked_into() -> None:
    """The weights and operators of a branch count as those of the whole."""
    inner = numpy_helper.from_array(np.ones(5, np.float32), "inner")
    branch = helper.make_graph(
        [helper.make_node("Foreign", ["inner"], ["y"], domain="somebody")], "branch", [],
        [helper.make_tensor_value_info("y", 1, [5])], [inner],
    )  # fmt: skip
    node = helper.make_node("If", ["condition"], ["y"], then_branch=branch, else_branch=branch)
    header = parsed(helper.make_model(helper.make_graph([node], "graph", [], [])))
    assert [one.name for one in header.tensors] == ["inner", "inner"]
    assert [one.domain for one in header.nodes] == ["somebody", "somebody", ""]
    for _ in range(DEEPEST):
        branch = helper.make_graph([helper.make_node("If", ["c"], ["y"], then_branch=branch)], "more", [], [])
    with pytest.raises(ValueError, match="deep in one another"):
        parsed(helper.make_model(helper.make_graph([helper.make_node("If", ["c"], [], a=branch)], "graph", [], [])))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(ValueError):
        header_of(io.BytesIO(content), len(content))


def test_sizes_that_the_file_does_not_hold_are_refused_before_anything_is_allocated(tmp_path: Path) -> None:
    path = save_linear(tmp_path / "a.onnx")
    for shape in ([1 << 40, 192], [4, 193], [3, 192], [-4, 192]):
        model = onnx.load(path)
        model.graph.initializer[0].dims[:] = shape
        onnx.save(model, tmp_path / "b.onnx")
        tracemalloc.start()
        try:
            with pytest.raises(ModelError, match=r"'b\.onnx' is not an ONNX network, or .*the tensor 'W'"):
                read_header(tmp_path / "b.onnx")
            assert tracemalloc.get_traced_memory()[1] < 1 << 20
        finally:
            tracemalloc.stop()


def external(path: Path, location: str, **more: int) -> Path:
    """A network whose weights are said to lie at ``location``."""
    save_linear(path)
    model = onnx.load(path)
    weights = model.graph.initializer[0]
    content = weights.raw_data
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **more}.items():
        entry = weights.external_data.add()
        entry.key, entry.value = key, str(value)
    path.write_bytes(model.SerializeToString())
    (path.parent / "weights.bin").write_bytes(content)
    return path


def test_weights_beside_the_graph_are_read(tmp_path: Path) -> None:
    path = external(tmp_path / "a.onnx", "weights.bin")
    assert external_files(path) == (tmp_path / "weights.bin",)
    z = np.ones((2, 4), np.float32)
    (apart,) = open_session(path, read_header(path), CPU, lambda session: {"z": z}).run(None, {"z": z})
    whole = save_linear(tmp_path / "whole.onnx")
    (expected,) = open_session(whole, read_header(whole), CPU, lambda session: {"z": z}).run(None, {"z": z})
    assert np.array_equal(apart, expected)


def test_weights_outside_the_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    outside = tmp_path / "weights.bin"
    external(tmp_path / "a.onnx", "weights.bin")  # writes the file outside
    (tmp_path / "model" / "link.bin").symlink_to(outside)
    (tmp_path / "model" / "folder").symlink_to(tmp_path)
    places = ["../weights.bin", str(outside), "/etc/passwd", "link.bin", "folder/weights.bin", r"..\weights.bin",
              r"C:\weights.bin", r"\\server\share\weights.bin", "a/../../weights.bin", "."]  # fmt: skip
    for place in places:
        path = external(tmp_path / "model" / "a.onnx", place)
        with pytest.raises(ModelError, match=r"outside its own folder|not beside it"):
            open_session(path, read_header(path), CPU, lambda session: {})
    assert os.readlink(tmp_path / "model" / "link.bin") == str(outside)


def test_weights_that_are_not_there_or_too_short(tmp_path: Path) -> None:
    path = external(tmp_path / "a.onnx", "other.bin")
    with pytest.raises(ModelError, match=r"'other\.bin', which is not beside it"):
        open_session(path, read_header(path), CPU, lambda session: {})
    for more in ({"offset": 4}, {"length": 1 << 50}, {"length": 8}):
        with pytest.raises(ModelError, match="looks for 3072 bytes of 'W'"):
            read_header(external(tmp_path / "b.onnx", "weights.bin", **more))


def test_foreign_operators_are_refused(tmp_path: Path) -> None:
    for operator, domain in (("Run", "org.somebody"), ("EPContext", "com.microsoft"), ("PyOp", "ai.onnx.contrib")):
        node = helper.make_node(operator, ["z"], ["y"], domain=domain)
        path = save_graph(
            tmp_path / "a.onnx", [node], [("z", 1, ["n", 4])], [("y", 1, ["n", 3, 8, 8])], {}, domains=(domain,)
        )
        with pytest.raises(ModelError, match=f"needs the operator '{operator}' of '{domain}'"):
            read_header(path)
    unknown = save_graph(
        tmp_path / "b.onnx", [helper.make_node("Teleport", ["z"], ["y"])], [("z", 1, ["n", 4])], [("y", 1, ["n"])], {}
    )
    with pytest.raises(ModelError, match="Teleport"):
        open_session(unknown, read_header(unknown), CPU, lambda session: {})


def test_a_file_of_another_format_under_its_name_is_refused(tmp_path: Path) -> None:
    for content in (b"", bytes(1000), b"ORTM" * 200, b"<html></html>", b"version https://git-lfs.github.com/spec/v1\n"):
        (tmp_path / "a.onnx").write_bytes(content)
        with pytest.raises(ModelError) as caught:
            read_header(tmp_path / "a.onnx")
        assert "\n" not in str(caught.value)


def test_the_largest_header_costs_no_memory(tmp_path: Path) -> None:
    """A hundred megabytes of weights are passed over."""
    size = 25_000_000
    weights = {"W": np.zeros((1, size), np.float32)}
    path = save_graph(
        tmp_path / "a.onnx", [helper.make_node("MatMul", ["z", "W"], ["y"])], [("z", 1, ["n", 1])],
        [("y", 1, ["n", size])], weights,
    )  # fmt: skip
    tracemalloc.start()
    try:
        header = read_header(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert header.size == 4 * size
    assert header.parameters == math.prod((1, size))


def test_a_graph_of_more_steps_than_any_network_is_not_given_to_onnxruntime(tmp_path: Path) -> None:
    nodes = [helper.make_node("Identity", ["x"], [f"n{number}"]) for number in range(30_001)]
    one = ("x", TensorProto.FLOAT, ["n", 4])
    save_graph(tmp_path / "a.onnx", nodes, [one], [("n0", TensorProto.FLOAT, ["n", 4])], {})
    with pytest.raises(ModelError, match="has 30001 steps, more than any network"):
        read_header(tmp_path / "a.onnx")
