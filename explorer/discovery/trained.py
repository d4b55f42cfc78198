"""The loop of the methods that learn their directions: seeded steps, previews, checkpoints, an end at the first number
that is not finite.
"""

from __future__ import annotations

import copy
import hashlib
import io
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from explorer import __version__, keeping
from explorer.controls.base import Control
from explorer.discovery.request import Request
from explorer.errors import ControlError
from explorer.numerics.randomness import seeded

GOOD_EVERY = 50  # steps between states to which a search that goes astray returns
CHECKPOINT_EVERY = 20.0  # seconds
KEPT_AS = "search"  # whichever: the file says itself which search it is of
LEARNED = "learned"
"""The part of an unfinished search that :func:`learn` keeps."""


@dataclass(frozen=True)
class Learned:
    """How a search ended: ``steps`` that count, of ``wanted``; ``losses`` are the last ones' means by name; ``note`` is
    empty, or says in one sentence why it ended early.
    """

    steps: int
    wanted: int
    losses: dict[str, float]
    note: str = ""


class Unfinished:
    """What a search that was interrupted goes on from: ``parts`` by name, of plain values and tensors, in the file of
    ``request.watch``. None where there is no such file, it belongs to another search, or it cannot be read.
    """

    def __init__(self, request: Request) -> None:
        method = request.method
        told = [__version__, method.name, method.version, request.model.fingerprint, request.k, request.seed]
        told.append(request.settings)
        self._asked = hashlib.sha256(msgspec.json.encode(told)).hexdigest()
        self._path = request.watch.checkpoint
        self._saved = time.monotonic()
        self.parts: dict[str, Any] = self._read()

    @property
    def is_due(self) -> bool:
        """Whether the file is as old as it may get."""
        return self._path is not None and time.monotonic() - self._saved >= CHECKPOINT_EVERY

    def keep(self) -> None:
        """Write the parts, if there are any."""
        if self._path is not None and self.parts:
            written = io.BytesIO()  # through bytes: a full disk is an OSError then, and not an error of torch's own
            torch.save({"asked": self._asked, "parts": self.parts}, written)
            keeping.keep(self._path, written.getvalue(), KEPT_AS)
            self._saved = time.monotonic()

    def forget(self) -> None:
        """The search has ended."""
        self.parts.clear()
        if self._path is not None:
            with keeping.optional(self._path):
                self._path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        return (keeping.kept(self._path, self._parts, KEPT_AS) if self._path is not None else None) or {}

    def _parts(self, content: bytes) -> dict[str, Any]:
        """The parts that :meth:`keep` has put into a file; none where they are another search's."""
        told: Any = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        return dict(told["parts"]) if told["asked"] == self._asked else {}


def learn(
    request: Request,
    modules: Sequence[nn.Module],
    optimiser: torch.optim.Optimizer,
    loss: Callable[[int, torch.Generator], tuple[Tensor, dict[str, float]]],
    steps: int,
    shown: Callable[[], Sequence[Control]],
    schedule: Callable[[int], float] | None = None,
    unfinished: Unfinished | None = None,
    clip: float | None = None,
) -> Learned:
    """Take ``steps`` optimiser steps on ``modules``.

    ``loss(step, source)`` gives the scalar to minimise and figures by name; all its chance must come from ``source``, a
    CPU generator of its own for every step, so that a search that was interrupted goes on to the same bits. ``shown``
    makes the controls of the moment, for previews. ``schedule(step)`` scales the learning rate. ``unfinished``: of a
    search that does something before, which is kept too. ``clip``: the longest gradient, of all parameters together; a
    longer one is shortened (Pascanu, Mikolov & Bengio 2013).

    A loss, a gradient or a parameter that is not finite ends the search at the last good state, and the note says at
    which step. Raises :class:`ControlError` when that happens before there is one. Cancelling leaves a checkpoint where
    ``request.watch`` keeps one; an end does not.
    """
    start, good = 0, (0, _state(modules, optimiser))
    unfinished = unfinished or Unfinished(request)
    rates = [float(group["lr"]) for group in optimiser.param_groups]  # before a checkpoint brings its scaled ones
    figures: dict[str, float] = {}
    kept = unfinished.parts.get(LEARNED)
    if kept is not None and kept["steps"] == steps:
        start, figures = int(kept["step"]), dict(kept["figures"])
        _restore(modules, optimiser, kept["state"])
        good = start, _state(modules, optimiser)
    note, done = "", steps

    def state(step: int) -> dict[str, Any]:
        return {"steps": steps, "step": step, "figures": figures, "state": _state(modules, optimiser)}

    for step in range(start, steps):
        try:
            request.watch(step / steps)
        except BaseException:
            if step > 0:
                unfinished.parts[LEARNED] = state(step)
            unfinished.keep()
            raise
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * (schedule(step) if schedule is not None else 1.0)
        source = seeded(request.seed, step)
        optimiser.zero_grad(set_to_none=True)
        value, now = loss(step, source)
        value.backward()  # type: ignore[no-untyped-call]
        sound = bool(value.isfinite()) and _finite(one.grad for one in _parameters(modules))
        if sound:
            if clip is not None:
                nn.utils.clip_grad_norm_(list(_parameters(modules)), clip)
            optimiser.step()
            sound = _finite(_parameters(modules))
        if not sound:
            done = good[0]
            if done == 0:
                unfinished.forget()
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
        if unfinished.is_due:
            unfinished.parts[LEARNED] = state(step + 1)
            unfinished.keep()
        request.watch.preview(lambda: request.found(shown(), note="Still searching."))
    request.watch(1.0)
    for group, rate in zip(optimiser.param_groups, rates, strict=True):
        group["lr"] = rate
    unfinished.forget()
    return Learned(done, steps, figures, note)


def _parameters(modules: Sequence[nn.Module]) -> Iterator[nn.Parameter]:
    return (parameter for module in modules for parameter in module.parameters())


def _finite(tensors: Iterable[Tensor | None]) -> bool:
    return all(tensor is None or bool(tensor.isfinite().all()) for tensor in tensors)


def _state(modules: Sequence[nn.Module], optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    return copy.deepcopy({"modules": [module.state_dict() for module in modules], "optimiser": optimiser.state_dict()})


def _restore(modules: Sequence[nn.Module], optimiser: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    for module, kept in zip(modules, state["modules"], strict=True):
        module.load_state_dict(kept)
    optimiser.load_state_dict(copy.deepcopy(state["optimiser"]))
