"""Long work beside the live view: both take turns at the device."""

from __future__ import annotations

from collections.abc import Iterator
from threading import RLock

import torch

from explorer.generators.base import Generator


class TakingTurns:
    """A generator whose every call waits for its turn at the device, so that a long discovery leaves gaps for the
    live view; what comes step by step waits before every step."""

    def __init__(self, generator: Generator, turn: RLock) -> None:
        self.generator = generator
        self._turn = turn

    def __getattr__(self, name: str) -> object:
        found = getattr(self.generator, name)
        if not callable(found) or isinstance(found, torch.nn.Module):
            return found

        def in_turn(*arguments: object, **named: object) -> object:
            with self._turn:
                answer = found(*arguments, **named)
            if isinstance(answer, Iterator):
                return self._step_by_step(answer)
            # The same generator with other weights takes turns, too.
            return TakingTurns(answer, self._turn) if name == "reweighted" else answer

        return in_turn

    def _step_by_step(self, steps: Iterator[object]) -> Iterator[object]:
        while True:
            with self._turn:
                try:
                    step = next(steps)
                except StopIteration:
                    return
            yield step
