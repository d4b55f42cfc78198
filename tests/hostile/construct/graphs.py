"""ONNX: graphs that loop, call themselves, ask for files elsewhere, and declare what is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.hostile.construct.base import Construct, Made
from tests.hostile.texts import TEXTS


def fits(file: Path, head: bytes) -> bool:
    """Whether the file is such a graph."""
    return file.suffix == ".onnx"


def _changed(change) -> Construct:
    def construct(made: Made) -> None:
        import onnx

        model = onnx.load(str(made.file), load_external_data=False)
        change(model, made)
        made.write(model.SerializeToString())

    return construct


def _outside(model: Any, made: Made) -> None:
    """A weight lies in another file."""
    from onnx import TensorProto

    tensor = model.graph.initializer[0] if model.graph.initializer else model.graph.initializer.add()
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    place = made.any_of(
        (
            "/etc/passwd",
            "../../../../etc/passwd",
            "..",
            ".",
            "",
            "a\0b",
            "/dev/zero",
            made.file.name,
            "x" * 5000,
            "link",
        )
    )
    del tensor.external_data[:]
    for key, value in (
        ("location", place),
        ("offset", made.any_of(("0", "-1", "9" * 5000, "x"))),
        ("length", made.any_of(("4", "-1", str(2**62)))),
    ):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    (made.file.parent / "link").symlink_to("/etc/passwd")


def _large(model: Any, made: Made) -> None:
    """A weight says that it is far larger than it is."""
    tensor = made.any_of(list(model.graph.initializer))
    tensor.dims[:] = made.any_of(([2**40], [2**31, 2**31], [-1], [0, 2**62], [2**20, 2**20], [1] * 5000))


def _type(model: Any, made: Made) -> None:
    made.any_of(list(model.graph.initializer)).data_type = made.any_of(
        (0, 6, 7, 8, 9, 10, 11, 14, 15, 16, 17, 19, 22, 99)
    )


def _values(model: Any, made: Made) -> None:
    from onnx import numpy_helper

    tensor = made.any_of([one for one in model.graph.initializer if not one.external_data])
    array = numpy_helper.to_array(tensor)
    if array.dtype.kind == "f":
        tensor.CopyFrom(
            numpy_helper.from_array(np.full_like(array, made.any_of((np.nan, np.inf, 3e38, 0.0))), tensor.name)
        )
    else:
        odd = made.any_of((0, -1, 2**31, 10**7, 2**40))
        tensor.CopyFrom(numpy_helper.from_array(np.full_like(array, odd), tensor.name))


def _grown(operator: str):
    """The output goes through a node that makes it far larger."""

    def change(model: Any, made: Made) -> None:
        from onnx import helper, numpy_helper

        output = model.graph.output[0].name
        for node in model.graph.node:
            node.output[:] = ["inner" if name == output else name for name in node.output]
        size = made.any_of((2**14, 2**17))
        if operator == "Tile":
            model.graph.initializer.append(numpy_helper.from_array(np.array([1, 1, size, size], np.int64), "repeats"))
            model.graph.node.append(helper.make_node("Tile", ["inner", "repeats"], [output]))
        elif operator == "Resize":
            model.graph.initializer.append(numpy_helper.from_array(np.array([1, 1, size, size], np.float32), "scales"))
            model.graph.node.append(helper.make_node("Resize", ["inner", "", "scales"], [output]))
        else:
            model.graph.initializer.append(numpy_helper.from_array(np.array([size, size, 64], np.int64), "wide"))
            model.graph.node.append(helper.make_node("ConstantOfShape", ["wide"], ["blank"]))
            model.graph.node.append(helper.make_node("ReduceSum", ["blank"], ["nothing"], keepdims=0))
            model.graph.node.append(helper.make_node("Add", ["inner", "nothing"], [output]))

    return change


def _loop(model: Any, made: Made) -> None:
    """A loop of 2**62 turns."""
    from onnx import TensorProto, helper, numpy_helper

    output = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = ["inner" if name == output else name for name in node.output]
    values = [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in (
        ("turn", TensorProto.INT64, []),
        ("go", TensorProto.BOOL, []),
        ("carried", TensorProto.FLOAT, None),
    )]  # fmt: skip
    ends = [
        helper.make_tensor_value_info("on", TensorProto.BOOL, []),
        helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
    ]
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["carried"], ["next"])],
        "body",
        values,
        ends,
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array(2**62, np.int64), "turns"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node.append(helper.make_node("Loop", ["turns", "yes", "inner"], [output], body=body))


def _recursion(model: Any, made: Made) -> None:
    """A function that calls itself."""
    from onnx import helper

    output = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = ["inner" if name == output else name for name in node.output]
    opset = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    node = helper.make_node("Again", ["a"], ["b"], domain="own")
    model.functions.append(helper.make_function("own", "Again", ["a"], ["b"], [node], opset))
    model.opset_import.append(helper.make_opsetid("own", 1))
    model.graph.node.append(helper.make_node("Again", ["inner"], [output], domain="own"))


def _deep(model: Any, made: Made) -> None:
    """Conditions within conditions."""
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)]
    inner = helper.make_graph([helper.make_node("Identity", ["inner"], ["out"])], "g", [], ends)
    for _ in range(made.any_of((10, 25))):
        inner = helper.make_graph([helper.make_node("If", ["yes"], ["out"], then_branch=inner)], "g", [], ends)
    model.graph.node.append(helper.make_node("If", ["yes"], ["deep"], then_branch=inner, else_branch=inner))


def _noise(model: Any, made: Made) -> None:
    from onnx import helper

    operator = made.any_of(("RandomNormal", "RandomUniform", "Multinomial", "Bernoulli", "Dropout"))
    model.graph.node.insert(0, helper.make_node(operator, [], ["noise"], shape=[2**16, 2**16]))


def _domain(model: Any, made: Made) -> None:
    from onnx import helper

    domain = made.any_of(("com.microsoft", "ai.onnx.contrib", "a\nb", "x" * 5000, "ai.onnx.ml"))
    model.graph.node.append(helper.make_node("PyOp", [], ["z9"], domain=domain))
    model.opset_import.append(helper.make_opsetid(domain, 1))


def _names(model: Any, made: Made) -> None:
    name = made.any_of([text.encode("utf-8", "replace").decode() for text in TEXTS])
    kind = int(made.random.integers(4))
    if kind == 0:
        old = model.graph.input[0].name
        model.graph.input[0].name = name
        for node in model.graph.node:
            node.input[:] = [name if one == old else one for one in node.input]
    elif kind == 1:
        model.graph.node[0].op_type = name
    elif kind == 2:
        model.graph.node[0].domain = name
    else:
        old = model.graph.output[0].name
        model.graph.output[0].name = name
        for node in model.graph.node:
            node.output[:] = [name if one == old else one for one in node.output]


def _shapes(model: Any, made: Made) -> None:
    """What goes in or comes out has another shape."""
    value = made.any_of([*model.graph.input, *model.graph.output])
    dimensions = value.type.tensor_type.shape.dim
    if dimensions:
        made.any_of(list(dimensions)).dim_value = made.any_of((0, -1, 2**31, 10**7, 4096, 2**62))


def _versions(model: Any, made: Made) -> None:
    model.ir_version = made.any_of((0, 3, 99, 2**60))
    model.opset_import[0].version = made.any_of((0, 1, 99, 2**60))


def _many_nodes(model: Any, made: Made) -> None:
    from onnx import helper

    name = model.graph.input[0].name
    model.graph.node.extend([helper.make_node("Identity", [name], [f"n{number}"]) for number in range(60_000)])


def _many_inputs(model: Any, made: Made) -> None:
    from onnx import TensorProto, helper

    model.graph.input.extend(
        [helper.make_tensor_value_info(f"in{number}", TensorProto.FLOAT, ["n", 4]) for number in range(5000)]
    )


def _metadata(model: Any, made: Made) -> None:
    entry = model.metadata_props.add()
    entry.key = made.any_of(("latent_explorer", "names", "inputs"))
    entry.value = made.any_of(("[" * 100_000, "{", '{"inputs": 1e400}', "1" * 6000, "\x00"))


CONSTRUCTIONS: dict[str, Construct] = {
    **{f"weights outside, {turn}": _changed(_outside) for turn in range(5)},
    **{f"a large weight, {turn}": _changed(_large) for turn in range(3)},
    **{f"a weight's type, {turn}": _changed(_type) for turn in range(3)},
    **{f"a weight's values, {turn}": _changed(_values) for turn in range(4)},
    **{f"an output that grows by {name}": _changed(_grown(name)) for name in ("Tile", "Resize", "ConstantOfShape")},
    "a loop": _changed(_loop),
    "a function of itself": _changed(_recursion),
    "conditions within": _changed(_deep),
    "noise": _changed(_noise),
    **{f"a domain, {turn}": _changed(_domain) for turn in range(2)},
    **{f"names, {turn}": _changed(_names) for turn in range(5)},
    **{f"shapes, {turn}": _changed(_shapes) for turn in range(4)},
    "versions": _changed(_versions),
    "many nodes": _changed(_many_nodes),
    "many inputs": _changed(_many_inputs),
    "metadata": _changed(_metadata),
    "fields within fields": lambda made: made.write(b"\x3a\xff\xff\xff\xff\x0f" * 50_000),
    "an endless field": lambda made: made.write(b"\xff" * 4096),
}
