"""ONNX graphs opened with onnxruntime, which computes and executes nothing else: no library of operators is loaded, and
no file is read that was not checked and read here before.

All functions raise :class:`explorer.errors.ModelError` with one sentence.
"""

from __future__ import annotations

import io
import re
from functools import lru_cache
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import torch

from explorer.checkpoint import check_memory, check_readable
from explorer.errors import ModelError
from explorer.onnx_graphs.header import Header, header_of
from explorer.reading import foreign, is_reading, opened, read_file, whole

DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Operators of these are onnxruntime's own."""
READS_FILES = ("EPContext",)
"""Operators that take what they compute with from another file."""
POSITIVE = ("strides", "dilations", "kernel_shape", "group", "blocksize", "num_heads", "hidden_size")
"""Attributes by which onnxruntime divides, or of which there is none below 1."""
LARGEST_ATTRIBUTE = 1 << 16
CPU = "CPUExecutionProvider"


def is_graph(path: Path) -> bool:
    """Whether ``path`` is a file that is named like one."""
    return path.suffix.lower() == ".onnx" and path.is_file()


def read_header(path: Path) -> Header:
    """What the graph in ``path`` says, checked; of its weights nothing is read, unless the file is being read whole."""
    check_readable(path)
    with foreign(path, "an ONNX network"):
        if is_reading():
            content = read_file(path, whole)
            header = header_of(io.BytesIO(content), len(content))
        else:
            with opened(path, buffering=io.DEFAULT_BUFFER_SIZE) as file:
                header = header_of(file, path.stat().st_size)
    if not header.nodes:
        raise ModelError(f"'{path.name}' is not an ONNX network, or it is truncated: it computes nothing.")
    _check_operators(header, path)
    _check_places(header, path)
    return header


def _check_operators(header: Header, path: Path) -> None:
    for node in header.nodes:
        if node.operator in READS_FILES or node.domain not in (*DOMAINS, *header.functions):
            raise ModelError(
                f"'{path.name}' needs the operator '{node.operator}' of '{node.domain or 'onnxruntime'}', which is "
                "code of another file and is not run; export it with the standard operators of ONNX."
            )
        for name, numbers in node.numbers.items():
            low = 1 if name in POSITIVE else -LARGEST_ATTRIBUTE
            if name in (*POSITIVE, "pads", "output_padding") and any(
                not low <= number <= LARGEST_ATTRIBUTE for number in numbers
            ):
                raise ModelError(
                    f"'{path.name}' has an operator {node.operator} whose '{name}' is {numbers}; it is damaged."
                )


def _check_places(header: Header, path: Path) -> None:
    """Weights lie in the folder of ``path`` or below it, and where they are said to lie."""
    for name in header.locations:
        _check_place(path, name)
    for tensor in header.tensors:
        if tensor.location and (path.parent / tensor.location).is_file():
            size = (path.parent / tensor.location).stat().st_size
            length = tensor.size if tensor.length < 0 else tensor.length
            if length != tensor.size or tensor.offset + length > size:
                raise ModelError(
                    f"'{path.name}' looks for {tensor.size} bytes of '{tensor.name}' at {tensor.offset} of "
                    f"'{tensor.location}', which has {size}; export the network again."
                )


def _check_place(path: Path, name: str) -> None:
    pure = PureWindowsPath(name)  # which knows the separators and the drives of every system
    inside = not (pure.is_absolute() or pure.drive or pure.root or PurePosixPath(name).is_absolute())
    inside = inside and ".." not in pure.parts and "\0" not in name and pure.parts != ()
    if inside:
        folder = path.parent.resolve()
        inside = (folder / name).resolve().is_relative_to(folder)  # links are followed
    if not inside:
        raise ModelError(
            f"'{path.name}' keeps its weights in '{name}', outside its own folder, which is not read; put the file "
            "beside it, or export the network into one file."
        )


def external_files(path: Path) -> tuple[Path, ...]:
    """The files beside ``path`` in which weights of it lie; none where it cannot be read."""
    if not path.is_file():
        return ()
    state = path.stat()
    return tuple(path.parent / name for name in _locations(path, state.st_size, state.st_mtime_ns))


@lru_cache(maxsize=64)
def _locations(path: Path, size: int, modified: int) -> tuple[str, ...]:
    """As the graph of this size and time says."""
    try:
        return read_header(path).locations
    except ModelError:
        return ()


def provider_on(device: torch.device) -> list[Any]:
    """What onnxruntime is to compute with on ``device``: its CUDA kernels where it has them and the device is such."""
    import onnxruntime

    cuda = "CUDAExecutionProvider"
    if device.type != "cuda" or cuda not in onnxruntime.get_available_providers():
        return [CPU]
    return [(cuda, {"device_id": device.index or 0, "use_tf32": 0}), CPU]


def open_session(path: Path, header: Header, device: torch.device) -> Any:
    """The graph in ``path``, whose ``header`` was read, ready to run on ``device``."""
    import onnxruntime

    try:
        graph = read_file(path, whole)
        elsewhere = [_read_weights(path, name) for name in header.locations]
    except OSError as error:
        raise ModelError(f"'{error.filename}' cannot be read ({error.strerror}); check its permissions.") from error
    check_memory(header.size, path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is said in the sentence below
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.load_model_format", "ONNX")  # and no other format within that name
    # From memory, because a session of a path maps the files of its weights.
    if elsewhere:
        lengths = [len(one) for one in elsewhere]
        options.add_external_initializers_from_files_in_memory(list(header.locations), elsewhere, lengths)
    try:
        return onnxruntime.InferenceSession(graph, options, providers=provider_on(device))
    except Exception as error:  # onnxruntime's errors have no base of their own
        raise ModelError(
            f"'{path.name}' cannot be loaded as an ONNX graph ({first_line(error)}); export it again, with operators "
            "that onnxruntime has."
        ) from error


def _read_weights(path: Path, name: str) -> bytes:
    place = path.parent / name
    if not place.is_file():
        raise ModelError(
            f"The weights of '{path.name}' lie in another file, '{name}', which is not beside it; put it back, or "
            "export the network into one file."
        )
    return read_file(place, whole)


def first_line(error: Exception) -> str:
    """What went wrong, without onnxruntime's numbers before it."""
    said = str(error).strip().splitlines() or [type(error).__name__]
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", said[0]).rstrip(". ")
