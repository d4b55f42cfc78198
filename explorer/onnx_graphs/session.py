"""ONNX graphs opened with onnxruntime, which computes and executes nothing else: no library of operators is loaded, and
no file is read that was not checked and read here before.

All functions raise :class:`explorer.errors.ModelError` with one sentence.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path, PurePosixPath, PureWindowsPath
from threading import Lock, Timer
from typing import Any

import torch

from explorer.checkpoint import check_memory, check_readable, picture_budget
from explorer.errors import ModelError
from explorer.onnx_graphs.header import Header, header_of
from explorer.reading import foreign, is_reading, opened, read_file, whole

DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Operators of these are onnxruntime's own."""
READS_FILES = ("EPContext",)
"""Operators that take what they compute with from another file."""
LOOPS = ("Loop", "Scan", "SequenceMap")
"""Operators that repeat a graph as often as a number says; no network that makes or reads pictures has one."""
MOST_STEPS = 30_000
"""Of a graph, once its functions are written out; published ones have some thousand, and onnxruntime takes a second
for as many before it has computed anything."""
TRIAL_SECONDS, TRIAL_BYTES = 2.0, 5_000_000
"""How long a trial may take, and a second more for every so many bytes of weights."""
POSITIVE = ("strides", "dilations", "kernel_shape", "group", "blocksize", "num_heads", "hidden_size")
"""Attributes by which onnxruntime divides, or of which there is none below 1."""
LARGEST_ATTRIBUTE = 1 << 16
CPU = "CPUExecutionProvider"
FOLDED_BYTES = 64 << 20
"""Of what is computed beforehand, the most that one tensor may have, unless the weights have more."""
Blank = Callable[[Any], dict[str, Any]]
"""Gives what a session is fed with for one picture, or as few as it takes."""
_TRYING = Lock()

log = logging.getLogger("explorer.onnx_graphs.session")


def is_graph(path: Path) -> bool:
    """Whether ``path`` is a file that is named like one."""
    return path.suffix.lower() == ".onnx" and path.is_file()


def read_header(path: Path) -> Header:
    """What the graph in ``path`` says, checked; of its weights nothing is read, unless the file is being read whole."""
    check_readable(path)
    with foreign(path, "an ONNX network"):
        try:
            header = _header(path)
            steps = header.steps
        except ValueError as error:
            raise ModelError(
                f"'{path.name}' is not an ONNX network, or it is damaged: {error}; export it again."
            ) from error
    if steps > MOST_STEPS:
        raise ModelError(f"'{path.name}' has {steps} steps, more than any network; export it again.")
    if not header.nodes:
        raise ModelError(f"'{path.name}' is not an ONNX network, or it is truncated: it computes nothing.")
    _check_operators(header, path)
    _check_places(header, path)
    return header


def _header(path: Path) -> Header:
    """Raises ValueError as :func:`header_of` does."""
    if is_reading():
        content = read_file(path, whole)
        return header_of(io.BytesIO(content), len(content))
    with opened(path, buffering=io.DEFAULT_BUFFER_SIZE) as file:
        return header_of(file, path.stat().st_size)


def _check_operators(header: Header, path: Path) -> None:
    for node in header.nodes:
        if node.operator in LOOPS and node.domain in DOMAINS:
            raise ModelError(
                f"'{path.name}' repeats a part of itself ('{node.operator}') as often as it likes, which is not run; "
                "export the network without loops."
            )
        if node.operator in READS_FILES or node.domain not in (*DOMAINS, *header.domains):
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


def open_session(path: Path, header: Header, device: torch.device, blank: Blank) -> Any:
    """The graph in ``path``, whose ``header`` was read, ready to run on ``device``, after it has been tried with what
    ``blank`` says (:func:`_try`)."""
    try:
        graph = read_file(path, whole)
        elsewhere = {name: _read_weights(path, name) for name in header.locations}
    except OSError as error:
        raise ModelError(f"'{error.filename}' cannot be read ({error.strerror}); check its permissions.") from error
    check_memory(header.size, path)
    _try(path, header, graph, elsewhere, blank)
    options = _options(elsewhere)
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry(
        "optimization.constant_folding_max_output_size_in_bytes", str(max(header.size, FOLDED_BYTES))
    )
    return _session(path, graph, options, provider_on(device))


def _try(path: Path, header: Header, graph: bytes, elsewhere: dict[str, bytes], blank: Blank) -> None:
    """Run the graph once, as it is written and without computing anything beforehand, in memory and time that grow with
    its weights: sizes are often known only when it runs. Raises :class:`ModelError` where it takes more; what else may
    go wrong is said by who runs it next."""
    import onnxruntime

    options, running = _options(elsewhere), onnxruntime.RunOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.use_env_allocators", "1")
    running.log_severity_level = 4
    seconds = TRIAL_SECONDS + header.size / TRIAL_BYTES
    with _TRYING:
        _limit_memory(picture_budget(header.size) + 2 * header.size)
        try:
            session = _session(path, graph, options, [CPU])
            feeds = blank(session)
            timer = Timer(seconds, setattr, (running, "terminate", True))
            timer.start()
            try:
                session.run(None, feeds, running)
            except Exception as error:  # onnxruntime's errors have no base of their own
                if "Available memory of" in str(error) or "Failed to allocate" in str(error):
                    raise _too_much(path, "more memory") from error
                if "terminate flag" in str(error):
                    raise _too_much(path, f"more than {seconds:.0f} seconds") from error
                log.info("%s cannot be tried", path, exc_info=error)
            finally:
                timer.cancel()
        finally:
            _limit_memory(1)  # and gives back what the trial had


def _too_much(path: Path, what: str) -> ModelError:
    return ModelError(
        f"'{path.name}' takes {what} for one picture, far beyond what a network of its size has use for, so it is not "
        "run; export it again, in the size that it was trained in."
    )


def _limit_memory(most: int) -> None:
    """Let the sessions that are tried from now on have ``most`` bytes."""
    import onnxruntime

    place = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    # 1: it grows by what is asked for, not by powers of two.
    arena = onnxruntime.OrtArenaCfg({"max_mem": most, "arena_extend_strategy": 1})
    onnxruntime.create_and_register_allocator(place, arena)


def _options(elsewhere: dict[str, bytes]) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is said in a sentence
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.load_model_format", "ONNX")  # and no other format within that name
    # From memory, because a session of a path maps the files of its weights.
    if elsewhere:
        lengths = [len(one) for one in elsewhere.values()]
        options.add_external_initializers_from_files_in_memory(list(elsewhere), list(elsewhere.values()), lengths)
    return options


def _session(path: Path, graph: bytes, options: Any, providers: list[Any]) -> Any:
    import onnxruntime

    try:
        return onnxruntime.InferenceSession(graph, options, providers=providers)
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
