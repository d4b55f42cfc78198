"""Reading model files that others wrote: nothing in them is executed, every fault is one sentence.

All functions raise :class:`explorer.errors.ModelError`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import Tensor, nn

from explorer.errors import ModelError
from explorer.pickled.records import ForeignNameError
from explorer.reading import UNPACKED_BYTES, HashedFile, check_json, foreign, is_reading, opened, read_file, whole
from explorer.tensor_file import Header, header_of, tensors_of
from explorer.torch_file import UnreadTensorError, value_of

MAX_JSON_BYTES = 16 << 20
LARGEST_WEIGHT = 1e30
"""Of which a sum of products overflows; those of trained networks are of the order of 1."""
_MOST_DIGITS = 20  # of a whole number of 64 bits, with its sign
_LFS_START = b"version https://git-lfs.github.com/"


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a ``.safetensors`` file, on the CPU. Refuses one that does not fit into free memory."""
    return read_safetensors_file(path)[1]


def read_safetensors_file(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The metadata and the tensors of a ``.safetensors`` file; see :func:`read_safetensors`."""
    check_readable(path)
    check_memory(path.stat().st_size, path)
    with foreign(path, "a safetensors file"):
        metadata, tensors = read_file(path, tensors_of)
    return dict(metadata), dict(tensors)


def safetensors_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Name → shape, for `identify`: from the header alone, unless the file is being read whole."""
    if is_reading():
        return {key: tuple(tensor.shape) for key, tensor in read_safetensors(path).items()}
    return safetensors_header(path).shapes


def safetensors_header(path: Path) -> Header:
    """What a ``.safetensors`` file says before its numbers."""
    check_readable(path)
    with foreign(path, "a safetensors file"), opened(path) as file:
        return header_of(HashedFile(file, path.stat().st_size))


def read_torch(path: Path) -> dict[str, Any]:
    """The dictionary in a file of ``torch.save``, on the CPU: tensors, numbers and plain containers, nothing else."""
    content = read_torch_value(path)
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ModelError(f"'{path.name}' holds a {type(content).__name__} instead of named tensors; save a state dict.")
    return dict(content)


def read_torch_value(path: Path) -> Any:
    """What a file of ``torch.save`` holds (:mod:`explorer.torch_file`): tensors, numbers and plain containers."""
    check_readable(path)
    check_memory(path.stat().st_size, path)
    with foreign(path, "a PyTorch checkpoint"):
        try:
            return read_file(path, value_of)
        except ForeignNameError as error:
            raise ModelError(
                f"'{path.name}' asks for '{error}', which is no tensor, and was not opened: it is truncated or holds "
                "Python code; ask its author for a state dict or a .safetensors file."
            ) from error
        except UnreadTensorError as error:
            raise ModelError(
                f"'{path.name}' holds {error}, and only ordinary tensors are read; convert it (to_dense, dequantize, "
                "cpu), and save it again."
            ) from error


def load_exactly(module: nn.Module, state: dict[str, Any], path: Path) -> None:
    """Copy ``state`` into ``module``: the same keys and shapes, finite numbers. Names the first key that is wrong.

    A module built on the meta device takes the tensors over (buffers outside its state dict stay without values).
    """
    expected = module.state_dict()
    for key in expected:
        if key not in state:
            raise ModelError(f"'{path.name}' lacks the tensor '{key}'; it is incomplete or of another architecture.")
    for key in state:
        if key not in expected:
            raise ModelError(f"'{path.name}' holds an unknown tensor '{key}'; it is of another architecture.")
    for key, own in expected.items():
        tensor = state[key]
        if not isinstance(tensor, Tensor):
            raise ModelError(f"'{path.name}' holds a {type(tensor).__name__} as '{key}' where a tensor belongs.")
        if tensor.shape != own.shape:
            raise ModelError(
                f"'{path.name}': the tensor '{key}' has shape {tuple(tensor.shape)} where {tuple(own.shape)} belongs; "
                "its description does not fit its weights."
            )
        if tensor.is_complex() and not own.is_complex():
            raise ModelError(
                f"'{path.name}': the tensor '{key}' holds complex numbers where real ones belong; it is of another "
                "architecture."
            )
        check_finite(key, tensor, path)
    on_meta = any(own.is_meta for own in expected.values())
    module.load_state_dict({key: state[key].to(own.dtype) for key, own in expected.items()}, assign=on_meta)


def check_finite(key: str, tensor: Tensor, path: Path) -> None:
    """Refuse NaN and infinite numbers, and those with which no network computes to the end."""
    if not bool(torch.isfinite(tensor).all()):
        raise ModelError(
            f"'{path.name}': the tensor '{key}' holds numbers that are not finite; the training diverged or the file "
            "is damaged."
        )
    if tensor.numel() and tensor.is_floating_point() and float(tensor.abs().max()) > LARGEST_WEIGHT:
        raise ModelError(
            f"'{path.name}': the tensor '{key}' holds numbers up to {float(tensor.abs().max()):.0e}, which no network "
            "has; the training diverged or the file is damaged."
        )


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Its numbers are of 64 bits, its texts can be written."""
    check_readable(path)
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ModelError(f"'{path.name}' is larger than any description of a model; it was not read.")
    with foreign(path, "a JSON file"):
        content = read_file(path, _json)
    if not isinstance(content, dict):
        raise ModelError(f"'{path.name}' holds a {type(content).__name__} where a JSON object belongs.")
    return content


def _json(file: HashedFile) -> Any:
    data = check_json(whole(file))
    content = json.loads(data, parse_int=_whole_number)
    if b"\\ud" in data.lower():
        json.dumps(content, ensure_ascii=False).encode()  # halves of pairs of letters, which are none, raise
    return content


def _whole_number(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def read_card(folder: Path) -> dict[str, Any]:
    """The optional ``card.json`` of a model's folder, or an empty dictionary.

    Its keys, all optional: ``licence``, ``origin``, ``notes`` (text), ``figures`` (name → number), ``example_seed``
    (the seed of the picture that the window begins with, 0 ≤ seed < 2**32).
    """
    path = folder / "card.json"
    if not path.is_file():
        return {}
    card = read_json(path)
    for key in ("licence", "origin", "notes"):
        if not isinstance(card.get(key, ""), str):
            raise ModelError(f"'{path.name}': '{key}' holds a {type(card[key]).__name__} where text belongs.")
    seed = card.get("example_seed", 0)
    if type(seed) is not int or not 0 <= seed < 2**32:
        raise ModelError(f"'{path.name}': 'example_seed' is {seed!r}; it must be a whole number from 0 to 4294967295.")
    return card


def picture_budget(held: int) -> int:
    """Bytes of memory that the first picture of a network may take whose files hold ``held``: an autoencoder at 1,024
    pixels a side takes the most that is known, about 40 for every byte of its weights."""
    return UNPACKED_BYTES + 48 * held


def free_memory() -> int:
    """Bytes of memory that can be had now."""
    return int(psutil.virtual_memory().available)


def check_memory(bytes_needed: int, path: Path) -> None:
    """Refuse what does not fit into the memory that is free now."""
    free = free_memory()
    if bytes_needed > free:
        raise ModelError(
            f"'{path.name}' needs {_gigabytes(bytes_needed)} of memory and {_gigabytes(free)} is free; "
            "close other programs or choose a smaller model."
        )


def check_readable(path: Path) -> None:
    """Say plainly what is wrong with files that were never a model: missing, a folder, empty, a git-LFS pointer."""
    if not path.exists():
        raise ModelError(f"'{path.name}' is missing in '{path.parent}'; copy the whole folder of the model.")
    if path.is_dir():
        raise ModelError(f"'{path.name}' is a folder where a file belongs.")
    try:
        with opened(path) as file:
            start = file.read(len(_LFS_START))
    except OSError as error:
        raise ModelError(f"'{path}' cannot be read ({error.strerror}); check its permissions.") from error
    if not start:
        raise ModelError(f"'{path.name}' is empty; download it again.")
    if start == _LFS_START:
        raise ModelError(f"'{path.name}' is only a git-LFS pointer; run 'git lfs pull' in its folder to fetch it.")


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
