"""The networks inside a PyTorch checkpoint, as training scripts save them: bare, or among optimisers and epochs.

All functions raise :class:`explorer.errors.ModelError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from explorer.checkpoint import read_safetensors, read_torch_value
from explorer.errors import ModelError

TORCH_SUFFIXES = (".ckpt", ".pt", ".pth", ".tar", ".bin")
SUFFIXES = (*TORCH_SUFFIXES, ".safetensors")
MAX_DEPTH = 4
_WRAPPER = "module."
"""What DataParallel writes before every name."""


def state_dicts(path: Path) -> dict[str, dict[str, Any]]:
    """Where in the file ``path`` it lies (empty: at its top) → a dictionary of named tensors, outermost first and
    averages of weights ("ema") before what they are averages of. Names are without the ``module.`` of DataParallel.

    A dictionary that holds a tensor is one, whatever else is in it; others are looked into, four levels deep. A file
    that holds something else, such as one tensor, is no checkpoint, and has none.
    """
    content = read_safetensors(path) if path.suffix.lower() == ".safetensors" else read_torch_value(path)
    places: dict[str, dict[str, Any]] = {}
    if isinstance(content, dict) and all(isinstance(key, str) for key in content):
        _collect(content, "", MAX_DEPTH, places)
    return {place: places[place] for place in sorted(places, key=lambda place: "ema" not in place.lower())}


def _collect(content: Mapping[str, Any], place: str, depth: int, places: dict[str, dict[str, Any]]) -> None:
    if any(isinstance(value, Tensor) for value in content.values()):
        wrapped = all(key.startswith(_WRAPPER) for key in content)
        places[place] = {key.removeprefix(_WRAPPER) if wrapped else key: value for key, value in content.items()}
        return
    for key, value in content.items() if depth > 0 else ():
        if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
            _collect(value, f"{place}.{key}".removeprefix("."), depth - 1, places)


def layers_in(state: Mapping[str, Any], path: Path) -> dict[str, dict[str, Tensor]]:
    """Name of a module → its tensors by their last name (``weight``, ``running_mean``), in the order of the network:
    that of the numbers in the names where only these differ, as in a ``Sequential``, else that of the file."""
    modules: dict[str, dict[str, Tensor]] = {}
    for key, value in state.items():
        if not isinstance(value, Tensor):
            raise ModelError(f"'{path.name}' holds a {type(value).__name__} as '{key}' where a tensor belongs.")
        module, _, leaf = key.rpartition(".")
        modules.setdefault(module, {})[leaf] = value
    numbers = {module: tuple(int(part) for part in module.split(".") if part.isdecimal()) for module in modules}
    words = {tuple(part for part in module.split(".") if not part.isdecimal()) for module in modules}
    if len(words) == 1 and all(numbers.values()):  # safetensors sorts '10' before '2'
        return {module: modules[module] for module in sorted(modules, key=numbers.__getitem__)}
    return modules
