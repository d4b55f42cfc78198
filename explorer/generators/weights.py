"""Networks with other weights: light copies in which some tensors are changed and all others are shared."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from threading import RLock
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from explorer.controls.base import WeightEdits
from explorer.errors import ControlError
from explorer.generators.base import Generator

Network = TypeVar("Network", bound=nn.Module)

VIEW_BYTES = 128 << 20
"""How much memory the changed tensors of one generator's copies may take; the newest copy is kept whatever its size."""


def named_tensors(network: nn.Module, keep: Callable[[str], bool] = lambda name: True) -> dict[str, Tensor]:
    """Name → tensor of the floating-point parameters and buffers of ``network`` whose name ``keep`` takes, those that a
    file of it would hold, in its order; not copied."""
    return {name: one for name, one in network.state_dict().items() if one.is_floating_point() and keep(name)}


def grouped(tensors: Mapping[str, Tensor], title: Callable[[str], str]) -> dict[str, dict[str, Tensor]]:
    """Title → name → tensor of ``tensors``; ``title`` tells the part that a name belongs to."""
    found: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        found.setdefault(title(name), {})[name] = tensor
    return found


def changed(network: Network, changes: Mapping[str, Tensor]) -> Network:
    """A copy of ``network`` whose tensors ``changes`` names are their values plus these; it shares the memory of all
    others. Raises ValueError naming a tensor that it has not, or that has another shape."""
    own = network.state_dict()
    for name, change in changes.items():
        if name not in own:
            raise ValueError(f"the tensor '{name}' is not there")
        if own[name].shape != change.shape:
            raise ValueError(f"the tensor '{name}' has shape {tuple(own[name].shape)}, not {tuple(change.shape)}")
    # What deepcopy believes to have copied already, it shares: with the tensors what hangs on the modules.
    hooks = [hook for module in network.modules() for hook in module._forward_hooks.values()]
    shared: dict[int, object] = {id(one): one for one in (*network.parameters(), *network.buffers(), *hooks)}
    # Not in inference mode: the copy is kept, and somebody may differentiate through it.
    with torch.inference_mode(False), torch.no_grad():
        copied = copy.deepcopy(network, shared)
        for name, change in changes.items():
            owner, _, leaf = name.rpartition(".")
            module = copied.get_submodule(owner)
            value = own[name] + change.to(own[name])
            is_parameter = leaf in dict(module.named_parameters(recurse=False))
            setattr(module, leaf, nn.Parameter(value, requires_grad=False) if is_parameter else value)
    return copied


def summed(edits: WeightEdits) -> dict[str, Tensor]:
    """Name → what all ``edits`` together add to that tensor."""
    total: dict[str, Tensor] = {}
    for edit in edits:
        for name, change in edit.control.weight_changes(edit.amount).items():
            total[name] = total[name] + change if name in total else change
    return total


class WeightViews(Generic[Network]):
    """The generators with other weights that were asked for last, for one generator; as many as fit into ``limit``
    bytes, and always the newest. Safe to use from several threads."""

    def __init__(self, limit: int = VIEW_BYTES) -> None:
        self.limit = limit
        self._kept: OrderedDict[WeightEdits, tuple[Generator, int]] = OrderedDict()
        self._lock = RLock()

    @property
    def size_bytes(self) -> int:
        """Bytes of the changed tensors that are kept now."""
        return sum(size for _, size in self._kept.values())

    def view(self, edits: WeightEdits, network: Network, name: str, build: Callable[[Network], Generator]) -> Generator:
        """What ``build`` makes of ``network`` after ``edits``; the same object while it is kept. ``name``: the model's,
        for the :class:`ControlError` where an edit does not fit the network."""
        with self._lock:
            if edits not in self._kept:
                changes = summed(edits)
                try:
                    made = build(changed(network, changes))
                except ValueError as error:
                    raise ControlError(
                        f"This change of weights does not fit '{name}': {error}; discover it again on this model."
                    ) from error
                own = network.state_dict()
                self._kept[edits] = made, _bytes(own[key] for key in changes)
            self._kept.move_to_end(edits)
            while self.size_bytes > self.limit and len(self._kept) > 1:
                self._kept.popitem(last=False)
            return self._kept[edits][0]


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors)
