"""The loop of the methods that learn their directions: seeded steps, previews, checkpoints, an end at the first number
that is not finite.
"""

from __future__ import annotations

import copy
import hashlib
import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from explorer.controls.base import Control
from explorer.discovery.request import Request
from explorer.errors import ControlError
from explorer.files import atomic_path
from explorer.numerics.randomness import seeded

GOOD_EVERY = 50  # steps between states to which a search that goes astray returns
CHECKPOINT_EVERY = 20.0  # seconds


@dataclass(frozen=True)
class Learned:
    """How a search ended: ``steps`` that count, of ``wanted``; ``losses`` are the last ones' means by name; ``note`` is
    empty, or says in one sentence why it ended early.
    """

    steps: int
    wanted: int
    losses: dict[str, float]
    note: str = ""


def learn(
    request: Request,
    modules: Sequence[nn.Module],
    optimiser: torch.optim.Optimizer,
    loss: Callable[[int, torch.Generator], tuple[Tensor, dict[str, float]]],
    steps: int,
    shown: Callable[[], Sequence[Control]],
    schedule: Callable[[int], float] | None = None,
) -> Learned:
    """Take ``steps`` optimiser steps on ``modules``.

    ``loss(step, source)`` gives the scalar to minimise and figures by name; all its chance must come from ``source``, a
    CPU generator of its own for every step, so that a search that was interrupted goes on to the same bits. ``shown``
    makes the controls of the moment, for previews. ``schedule(step)`` scales the learning rate.

    A loss, a gradient or a parameter that is not finite ends the search at the last good state, and the note says at
    which step. Raises :class:`ControlError` when that happens before there is one. Cancelling leaves a checkpoint where
    ``request.watch`` keeps one; an end does not.
    """
    start, good = 0, (0, _state(modules, optimiser))
    asked = _asked(request, steps)
    rates = [float(group["lr"]) for group in optimiser.param_groups]  # before a checkpoint brings its scaled ones
    figures: dict[str, float] = {}
    if (kept := _resumed(request, asked)) is not None:
        start, figures = int(kept["step"]), dict(kept["figures"])
        _restore(modules, optimiser, kept["state"])
        good = start, _state(modules, optimiser)
    saved, note, done = time.monotonic(), "", steps
    for step in range(start, steps):
        try:
            request.watch(step / steps)
        except BaseException:
            _keep(request, asked, step, figures, modules, optimiser)
            raise
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * (schedule(step) if schedule is not None else 1.0)
        source = seeded(request.seed, step)
        optimiser.zero_grad(set_to_none=True)
        value, now = loss(step, source)
        value.backward()  # type: ignore[no-untyped-call]
        sound = bool(value.isfinite()) and _finite(one.grad for one in _parameters(modules))
        if sound:
            optimiser.step()
            sound = _finite(_parameters(modules))
        if not sound:
            done = good[0]
            if done == 0:
                raise ControlError(
                    f"{request.method.title} broke down at step {step + 1} of {steps}: its loss is not finite; choose "
                    "a smaller learning rate or step."
                )
            _restore(modules, optimiser, good[1])
            note = (
                f"Stopped at step {step + 1} of {steps}, where the loss was not finite; these are the directions of "
                f"step {done}."
            )
            break
        figures = {name: 0.95 * figures.get(name, figure) + 0.05 * figure for name, figure in now.items()}
        if (step + 1) % GOOD_EVERY == 0:
            good = step + 1, _state(modules, optimiser)
        if time.monotonic() - saved >= CHECKPOINT_EVERY:
            _keep(request, asked, step + 1, figures, modules, optimiser)
            saved = time.monotonic()
        request.watch.preview(lambda: request.found(shown(), note="Still searching."))
    request.watch(1.0)
    for group, rate in zip(optimiser.param_groups, rates, strict=True):
        group["lr"] = rate
    if request.watch.checkpoint is not None:
        request.watch.checkpoint.unlink(missing_ok=True)
    return Learned(done, steps, figures, note)


def _parameters(modules: Sequence[nn.Module]) -> Iterator[nn.Parameter]:
    return (parameter for module in modules for parameter in module.parameters())


def _finite(tensors: Iterable[Tensor | None]) -> bool:
    return all(tensor is None or bool(tensor.isfinite().all()) for tensor in tensors)


def _asked(request: Request, steps: int) -> str:
    """What a checkpoint must belong to."""
    told = [request.method.name, request.model.fingerprint, request.k, request.seed, request.settings, steps]
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()


def _state(modules: Sequence[nn.Module], optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    return copy.deepcopy({"modules": [module.state_dict() for module in modules], "optimiser": optimiser.state_dict()})


def _restore(modules: Sequence[nn.Module], optimiser: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    for module, kept in zip(modules, state["modules"], strict=True):
        module.load_state_dict(kept)
    optimiser.load_state_dict(copy.deepcopy(state["optimiser"]))


def _keep(
    request: Request,
    asked: str,
    step: int,
    figures: dict[str, float],
    modules: Sequence[nn.Module],
    optimiser: torch.optim.Optimizer,
) -> None:
    if request.watch.checkpoint is not None and step > 0:
        kept = {"asked": asked, "step": step, "figures": figures, "state": _state(modules, optimiser)}
        with atomic_path(request.watch.checkpoint) as temporary:
            torch.save(kept, temporary)


def _resumed(request: Request, asked: str) -> dict[str, Any] | None:
    """The checkpoint of the same search, or None; one that cannot be read counts as none."""
    path = request.watch.checkpoint
    if path is None or not path.is_file():
        return None
    try:
        kept: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError):
        return None
    return kept if isinstance(kept, dict) and kept.get("asked") == asked else None
