"""A client with a real engine process behind it, and a box that collects what it replies."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from explorer.scene.model import ControlSetRef, Edit, ModelRef, Seed, Start, View
from explorer.service import replies
from explorer.service.client import ServiceClient
from explorer.service.replies import EngineLost, Frame, Reply

Wanted = TypeVar("Wanted")
PATIENCE = 120.0  # seconds: a limit for a hang, not a measurement

MODEL = ModelRef(path="shapes-btcvae")
AXES = ControlSetRef(method="latent_axes", k=10)


def view(seed: int = 0, **amounts: float) -> View:
    """A view of the shipped VAE with some latent axes moved."""
    edits = tuple(Edit(name, amount) for name, amount in amounts.items())
    return View(model=MODEL, start=Start(Seed(seed), 0.7), controls=AXES, edits=edits)


class Desk:
    """A client and its replies."""

    def __init__(self) -> None:
        self.replies: queue.Queue[Reply | Frame | EngineLost] = queue.Queue()
        self.client = ServiceClient(self.replies.put)

    def wait_for(self, kind: type[Wanted], accept: Callable[[Wanted], bool] = lambda reply: True) -> Wanted:
        """The next reply of ``kind`` that ``accept`` likes; frames that come before give their slots back."""
        limit = time.monotonic() + PATIENCE
        while True:
            reply = self.replies.get(timeout=max(0.01, limit - time.monotonic()))
            if isinstance(reply, kind) and accept(reply):
                return reply
            if isinstance(reply, Frame):
                self.client.discard(reply)
            if isinstance(reply, replies.ViewFailed | replies.Refused) and not isinstance(reply, kind):
                pytest.fail(f"unexpected: {reply}")

    def picture(self, view_id: int, shown: View) -> tuple[Frame, bytes]:
        """Ask for a view and wait for exactly this picture."""
        revision = self.client.show(view_id, shown)
        frame = self.wait_for(Frame, lambda one: one.revision == revision)
        return frame, self.client.pixels(frame)
