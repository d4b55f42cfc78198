"""What an ONNX file says of its network: inputs, outputs, operators, and how large its weights are and where they lie.

Read from the file itself (``onnx.proto3``), so that every size is known before anything is loaded: the numbers of the
weights are passed over. What onnxruntime would read elsewhere, or could not bear, is refused here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from explorer.onnx_graphs.protobuf import Message, Span, written_field

FLOAT, UINT8, INT32, INT64, FLOAT16, DOUBLE = 1, 2, 6, 7, 10, 11
FLOATS = (FLOAT, FLOAT16, DOUBLE)
_STRING = 8
KINDS = {
    1: "float", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
    10: "float16", 11: "double", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
}  # fmt: skip
"""Number of an element type → what it is called."""
_BITS = {
    1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128, 16: 16,
    17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2,
}  # fmt: skip
_TYPED = {4: 32, 5: 8, 6: 8, 7: 8, 10: 64, 11: 8}
"""Field of a tensor that holds its numbers one by one → the fewest bits that each takes there."""
DEEPEST = 8
"""Graphs within graphs."""
DEEPEST_CALL = 32
"""Functions within functions."""


@dataclass(frozen=True)
class Slot:
    """An input or an output. ``kind``: of its elements, 0 where it is no tensor; ``shape``: None where the file does
    not say how many dimensions, and in it 0 for one that is open."""

    name: str
    kind: int
    shape: tuple[int, ...] | None

    @property
    def text(self) -> str:
        """For sentences: ``z (float, any × 64)``."""
        kind = KINDS.get(self.kind, "no tensor")
        return f"{self.name} ({kind}, {written(self.shape)})"


@dataclass(frozen=True)
class StoredTensor:
    """Numbers that come with the network. ``location``: the file beside it that holds them, empty where it does so
    itself; ``bits``: that they take by their shape; ``offset`` and ``length`` in bytes, ``length`` -1: to the end."""

    name: str
    shape: tuple[int, ...]
    kind: int
    location: str = ""
    offset: int = 0
    length: int = -1

    @property
    def size(self) -> int:
        """Bytes."""
        return (math.prod(self.shape) * _BITS.get(self.kind, 8) + 7) // 8


@dataclass(frozen=True)
class Node:
    """One step of a graph, as far as it matters here. ``numbers``: attributes that are whole numbers."""

    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    numbers: dict[str, list[int]]


@dataclass
class Header:
    """All that is known of a file. ``inputs`` are those that must be fed; ``nodes`` those of all graphs in it."""

    inputs: tuple[Slot, ...] = ()
    outputs: tuple[Slot, ...] = ()
    tensors: list[StoredTensor] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    functions: dict[tuple[str, str], list[Node]] = field(default_factory=dict)
    """(domain, name) → what each function of the file consists of."""
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def locations(self) -> tuple[str, ...]:
        """The files in which weights lie, as they are named in this one."""
        return tuple(dict.fromkeys(tensor.location for tensor in self.tensors if tensor.location))

    @property
    def domains(self) -> set[str]:
        """Those of the functions in the file."""
        return {domain for domain, _ in self.functions}

    @property
    def steps(self) -> int:
        """How many there are once functions are written out. Raises ValueError for those that call themselves."""
        counts: dict[tuple[str, str], int] = {}
        return sum(self._steps_of(node, counts, 0) for node in self.nodes)

    def _steps_of(self, node: Node, counts: dict[tuple[str, str], int], depth: int) -> int:
        called = node.domain, node.operator
        if called not in self.functions:
            return 1
        if depth > DEEPEST_CALL:
            raise ValueError(f"its functions call one another more than {DEEPEST_CALL} deep, or themselves")
        if called not in counts:
            counts[called] = sum(self._steps_of(inner, counts, depth + 1) for inner in self.functions[called])
        return counts[called]

    @property
    def size(self) -> int:
        """Bytes of all weights."""
        return sum(tensor.size for tensor in self.tensors)

    @property
    def parameters(self) -> int:
        """How many numbers in floating point there are."""
        return sum(math.prod(tensor.shape) for tensor in self.tensors if tensor.kind in FLOATS)


def header_of(file: BinaryIO, size: int) -> Header:
    """What the file of ``size`` bytes says. Raises ValueError, whose text is the end of a sentence, for one that is no
    ONNX network or whose tensors are not as large as they say."""
    return _Walk(Message(file, size)).model()


def written(shape: tuple[int, ...] | None) -> str:
    """A shape for sentences: ``any × 3 × 64 × 64``."""
    return "of unknown shape" if shape is None else " × ".join(str(one or "any") for one in shape) or "one number"


class _Walk:
    """One pass through a file."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self._header = Header()

    def model(self) -> Header:
        graphs = 0
        for number, value in self._message.fields(self._message.whole):
            if number == 7:
                graphs += 1
                self._graph(_span(value), 0)
            elif number == 14:
                key, text = self._pair(_span(value))
                self._header.metadata[key] = text
            elif number == 20:
                raise ValueError("it holds a training, and is to be exported for inference")
            elif number == 25:
                self._function(_span(value))
        if graphs != 1:
            raise ValueError(f"it holds {graphs} graphs where one belongs")
        return self._header

    def _graph(self, span: Span, depth: int) -> None:
        if depth > DEEPEST:
            raise ValueError(f"its graphs lie more than {DEEPEST} deep in one another")
        inputs, outputs, held = [], [], set()
        for number, value in self._message.fields(span):
            if number == 1:
                self._node(_span(value), depth)
            elif number == 5:
                held.add(self._tensor(_span(value)))
            elif number == 11:
                inputs.append(self._slot(_span(value)))
            elif number == 12:
                outputs.append(self._slot(_span(value)))
            elif number == 15:
                self._sparse(_span(value))
        if depth == 0:
            self._header.inputs = tuple(one for one in inputs if one.name not in held)
            self._header.outputs = tuple(outputs)

    def _function(self, span: Span) -> None:
        first, name, domain = len(self._header.nodes), "", ""
        for number, value in self._message.fields(span):
            if number == 1:
                name = self._message.text(value)
            elif number == 7:
                self._node(_span(value), 1)
            elif number == 10:
                domain = self._message.text(value)
            elif number == 11:
                self._attribute(_span(value), 1)
        self._header.functions[domain, name] = self._header.nodes[first:]

    def _node(self, span: Span, depth: int) -> None:
        inputs, outputs, operator, domain = [], [], "", ""
        numbers: dict[str, list[int]] = {}
        constant: str | None = None
        for number, value in self._message.fields(span):
            if number == 1:
                inputs.append(self._message.text(value))
            elif number == 2:
                outputs.append(self._message.text(value))
            elif number == 4:
                operator = self._message.text(value)
            elif number == 5:
                name, held, tensor = self._attribute(_span(value), depth)
                numbers[name] = held
                constant = name if tensor and name == "value" else constant
            elif number == 7:
                domain = self._message.text(value)
        if operator == "Constant" and constant and outputs:
            stored = self._header.tensors[-1]
            self._header.tensors[-1] = StoredTensor(
                outputs[0], stored.shape, stored.kind, stored.location, stored.offset, stored.length
            )
        self._header.nodes.append(Node(operator, domain, tuple(inputs), tuple(outputs), numbers))

    def _attribute(self, span: Span, depth: int) -> tuple[str, list[int], bool]:
        """Its name, the whole numbers in it, and whether it holds a tensor."""
        name, numbers, tensor = "", [], False
        for number, value in self._message.fields(span):
            if number == 1:
                name = self._message.text(value)
            elif number in (3, 8):
                numbers += self._message.numbers(value)
            elif number in (5, 10):
                self._tensor(_span(value))
                tensor = True
            elif number in (6, 11):
                self._graph(_span(value), depth + 1)
            elif number in (22, 23):
                self._sparse(_span(value))
        return name, numbers, tensor

    def _sparse(self, span: Span) -> None:
        for number, value in self._message.fields(span):
            if number in (1, 2):
                self._tensor(_span(value))

    def _tensor(self, span: Span) -> str:
        """Its name; checked, and put with the others."""
        shape: list[int] = []
        name, kind, raw, counted, outside = "", 0, -1, 0, False
        told: dict[str, str] = {}
        for number, value in self._message.fields(span):
            if number == 1:
                shape += self._message.numbers(value)
            elif number == 2 and isinstance(value, int):
                kind = value
            elif number in _TYPED:
                counted += value.length * 8 // _TYPED[number] if isinstance(value, Span) else 1
            elif number == 8:
                name = self._message.text(value)
            elif number == 9:
                raw = _span(value).length
            elif number == 13:
                key, text = self._pair(_span(value))
                told[key] = text
            elif number == 14:
                outside = value == 1
        if any(side < 0 for side in shape) or kind not in (*_BITS, _STRING):
            raise ValueError(f"the tensor '{name}' has the shape {tuple(shape)} and elements of type {kind}")
        stored = StoredTensor(name, tuple(shape), kind)
        if outside or told:
            stored = StoredTensor(name, tuple(shape), kind, *_outside(name, told))
        elif kind != _STRING and stored.size != raw and (raw >= 0 or math.prod(shape) > counted):
            held = f"{raw} bytes" if raw >= 0 else f"{counted} numbers at most"
            raise ValueError(f"the tensor '{name}' is {stored.size} bytes by its shape, and the file holds {held}")
        self._header.tensors.append(stored)
        return name

    def _slot(self, span: Span) -> Slot:
        name, kind, shape = "", 0, None
        for number, value in self._message.fields(span):
            if number == 1:
                name = self._message.text(value)
            elif number == 2:
                for tensor in self._inner(_span(value), 1):
                    for inner, part in self._message.fields(tensor):
                        if inner == 1 and isinstance(part, int):
                            kind = part
                        elif inner == 2:
                            shape = tuple(self._side(side) for side in self._inner(_span(part), 1))
        return Slot(name, kind, shape)

    def _side(self, span: Span) -> int:
        for number, value in self._message.fields(span):
            if number == 1 and isinstance(value, int):
                return value if 0 < value < 1 << 31 else 0
        return 0

    def _inner(self, span: Span, wanted: int) -> Iterator[Span]:
        for number, value in self._message.fields(span):
            if number == wanted:
                yield _span(value)

    def _pair(self, span: Span) -> tuple[str, str]:
        pair = {1: "", 2: ""}
        for number, value in self._message.fields(span):
            if number in pair:
                pair[number] = self._message.text(value, 16 << 20)
        return pair[1], pair[2]


def _span(value: int | Span) -> Span:
    if isinstance(value, int):
        raise ValueError("a number stands where something longer belongs")
    return value


def _outside(name: str, told: dict[str, str]) -> tuple[str, int, int]:
    """Where the numbers of the tensor ``name`` lie: file, offset, length."""
    offset, length = told.get("offset", "0"), told.get("length", "-1")
    if not told.get("location") or not offset.isdecimal() or not (length.isdecimal() or length == "-1"):
        raise ValueError(f"the tensor '{name}' does not say in which file its numbers lie")
    return told["location"], int(offset), int(length)


def with_metadata(graph: bytes, key: str, text: str) -> bytes:
    """The file ``graph`` with one entry more in its metadata."""
    pair = written_field(1, key.encode()) + written_field(2, text.encode())
    return graph + written_field(14, pair)
