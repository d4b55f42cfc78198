"""What a model may take while it is opened and tried, in memory and in arithmetic: whatever its files do not hold is a
claim of its description, and a claim is not computed because it is made.

Within :func:`within_budget` every operation of torch is looked at before it is done, without numbers, so that what
would be made is known: sizes of pictures and of layers, numbers of steps and of points cost nothing until they are
plausible. What is plausible grows with what the files hold, and is far above what published networks of their size
need.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_map

from explorer.checkpoint import picture_budget
from explorer.errors import ModelError
from explorer.generators.opening import files_of

LEAST_OPERATIONS, OPERATIONS_A_BYTE = 30_000_000_000, 125_000
"""Multiplications and additions that the smallest network may have, and what every byte of its files adds to that: an
autoencoder at 1,024 pixels a side takes the most that is known, about 80,000."""
SPARE = 2000
"""What a network may make and throw away while it is built, beside twice the tensors that its file holds: parameters,
buffers and layers."""
_COUNTED = 1 << 10
"""Numbers of the smallest tensor that is counted."""
_READ_ONLY = frozenset({"isfinite", "all", "any", "_local_scalar_dense", "equal", "detach", "lift_fresh"})
"""Operators that make less than what they look at."""
_SIDE_BY_SIDE = frozenset({"stack", "cat"})
"""Operators that make as much as they are given. (Told without numbers, the first imports torch's compiler.)"""


@contextmanager
def within_budget(path: Path) -> Iterator[None]:
    """A block in which what is computed for the model at ``path`` stays within its budget. Raises :class:`ModelError`
    from within, before what would be too much is made."""
    with _Budget(path):
        yield


@contextmanager
def built_from(tensors: int) -> Iterator[None]:
    """A block in which a network is built that takes no memory (torch's device ``meta``), and has to fit ``tensors``
    in the header of its weights. Raises ValueError from within where it gets far more layers than that: a false number
    of layers would be built until time or memory end, although none of them holds any."""
    most, thread, seen = 2 * tensors + SPARE, threading.get_ident(), 0

    def hear(module: Any, name: str, registered: Any) -> None:
        nonlocal seen
        seen += threading.get_ident() == thread
        if seen > most:
            raise ValueError(f"it describes far more layers than its weights, {tensors} tensors, belong to")

    hooks = [
        register_module_parameter_registration_hook(hear),
        register_module_buffer_registration_hook(hear),
        register_module_module_registration_hook(hear),
    ]
    try:
        with _disable_current_modes(), torch.device("meta"):
            yield
    finally:
        for hook in hooks:
            hook.remove()


class _Budget(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows what tensors there are, each for as long as it is there, and what was computed for them."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: to skip torch's compiler it would be imported, which takes longer than most models."""
        return False

    def __init__(self, path: Path) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._path, self._bytes, self._operations = path, 0, 0
        self._counted: dict[int, weakref.ref[Any]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if _makes_nothing(func) or str(kwargs.get("device")) == "meta":
            return func(*args, **kwargs)
        tensors = [leaf for leaf in _inside(args) if isinstance(leaf, Tensor)]
        if tensors and all(tensor.is_meta for tensor in tensors):
            return func(*args, **kwargs)
        if tensors and torch.Tag.pointwise in func.tags:
            # As large as what it is made of together, and of numbers of 8 bytes at most.
            count = _together([tensor.shape for tensor in tensors])
            self._check(8 * count, count)
        elif tensors and func.overloadpacket.__name__ in _SIDE_BY_SIDE:
            count = sum(tensor.numel() for tensor in tensors)
            self._check(8 * count, count)
        else:
            self._foresee(func, args, kwargs)
        made = func(*args, **kwargs)
        self._count(made, tensors)
        return made

    def _foresee(self, func: Any, args: Any, kwargs: Any) -> None:
        """Check what ``func`` will make: it is done on tensors that have shapes and no numbers."""
        if func is torch.ops.aten.randn.generator or func is torch.ops.aten.randint.generator:
            sizes = next(one for one in args if isinstance(one, Sequence))
            self._check(4 * math.prod(sizes), math.prod(sizes))
            return
        told = {name: torch.device("meta") if isinstance(one, torch.device) else one for name, one in kwargs.items()}
        try:
            likely = func(*tree_map(_without_numbers, args), **tree_map(_without_numbers, told))
        except Exception:  # noqa: BLE001  (whatever cannot be told without numbers, or will fail with them as well)
            return
        outputs = [leaf for leaf in _inside((likely,)) if isinstance(leaf, Tensor)]
        operations = sum(output.numel() for output in outputs)
        if (formula := _formulas().get(func.overloadpacket)) is not None:
            operations += int(formula(*args, **kwargs, out_val=likely))
        self._check(sum(output.numel() * output.element_size() for output in outputs), operations)

    def _check(self, more_bytes: int, operations: int) -> None:
        self._operations += operations
        if self._bytes + more_bytes <= picture_budget(0) and self._operations <= LEAST_OPERATIONS:
            return
        if self._bytes + more_bytes > picture_budget(self._held):
            what = f"{(self._bytes + more_bytes) / 1e9:.1f} GB of memory"
        elif self._operations > LEAST_OPERATIONS + OPERATIONS_A_BYTE * self._held:
            what = f"more than {self._operations / 1e9:.0f} billion operations"
        else:
            return
        raise ModelError(
            f"'{self._path.name}' would take {what} for its first picture, far more than a network of its size has use "
            "for; its description does not fit its weights, so download it again."
        )

    @cached_property
    def _held(self) -> int:
        """Bytes of the model's files."""
        return sum(file.stat().st_size for file in files_of(self._path))

    def _count(self, made: Any, tensors: Sequence[Tensor]) -> None:
        """Count in the tensors ``made``, unless they lie where there was one, until they are gone."""
        for leaf in _inside((made,)):
            if not isinstance(leaf, Tensor) or leaf.numel() < _COUNTED or leaf.is_meta or leaf.layout != torch.strided:
                continue
            storage = leaf.untyped_storage()
            key, size = storage._cdata, storage.nbytes()
            if key in self._counted or any(leaf is one or storage._cdata == _place(one) for one in tensors):
                continue
            self._bytes += size
            self._counted[key] = weakref.ref(storage, partial(self._forget, key, size))

    def _forget(self, key: int, size: int, gone: object) -> None:
        if self._counted.pop(key, None) is not None:
            self._bytes -= size


@cache
def _makes_nothing(func: Any) -> bool:
    """Whether ``func`` looks at tensors, or changes them where they are."""
    return bool(func.is_view or func._schema.is_mutable) or func.overloadpacket.__name__ in _READ_ONLY


def _together(shapes: Sequence[Sequence[int]]) -> int:
    """How many numbers tensors of ``shapes`` have that are put side by side, where they fit; torch's own way to tell
    imports its compiler."""
    longest = max(map(len, shapes))
    aligned = [(1,) * (longest - len(shape)) + tuple(shape) for shape in shapes]
    return math.prod([max(sizes) for sizes in zip(*aligned, strict=True)])


def _inside(values: Iterable[Any]) -> Iterator[Any]:
    """``values``, and what is in those that are lists."""
    for value in values:
        if isinstance(value, tuple | list):
            yield from value
        else:
            yield value


def _without_numbers(value: Any) -> Any:
    if isinstance(value, Tensor):
        return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
    return value


def _place(tensor: Tensor) -> int:
    return 0 if tensor.is_meta or tensor.layout != torch.strided else int(tensor.untyped_storage()._cdata)


def _formulas() -> Any:
    """Operator → how many multiplications and additions it takes."""
    from torch.utils.flop_counter import flop_registry

    return flop_registry
