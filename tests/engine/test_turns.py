"""Taking turns at the device: one call at a time, whoever makes it."""

from __future__ import annotations

import threading

import torch
from toys import ToyGenerator

from explorer.engine.turns import TakingTurns
from explorer.scene.model import Quality

PATIENCE = 60.0  # seconds: a limit for a hang, not a measurement


def test_a_call_waits_while_another_thread_has_the_device() -> None:
    toy, turn = ToyGenerator(), threading.RLock()
    generator = TakingTurns(toy, turn)
    begun, ended = threading.Event(), threading.Event()

    def draw() -> None:
        begun.set()
        generator.render(toy.sample([0]), Quality())  # type: ignore[operator]
        ended.set()

    with turn:
        other = threading.Thread(target=draw)
        other.start()
        assert begun.wait(PATIENCE)
        other.join(0.3)  # long enough for a call that does not wait
        assert (ended.is_set(), toy.rendered) == (False, 0)
        generator.render(toy.sample([0]), Quality())  # type: ignore[operator]  # who has the device may go on
        assert toy.rendered == 1
    assert ended.wait(PATIENCE)
    other.join(PATIENCE)
    assert toy.rendered == 2


def test_calls_of_many_threads_never_overlap() -> None:
    inside = 0
    most = 0

    class Counting(ToyGenerator):
        def render(self, latent: object, quality: Quality) -> torch.Tensor:
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            threading.Event().wait(0.01)  # lets the others run
            inside -= 1
            return torch.zeros(1)

        def reweighted(self, changes: object) -> Counting:
            return self

    generator = TakingTurns(Counting(), threading.RLock())
    other = generator.reweighted(())  # type: ignore[operator]
    drawing = [generator, other] * 3
    threads = [threading.Thread(target=one.render, args=(None, Quality())) for one in drawing]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert (inside, most) == (0, 1)


def test_what_is_no_call_is_handed_through() -> None:
    toy = ToyGenerator()
    toy.network = torch.nn.Linear(2, 2)  # type: ignore[attr-defined]
    generator = TakingTurns(toy, threading.RLock())
    assert generator.card is toy.card
    assert generator.network is toy.network  # type: ignore[attr-defined]
