"""After long work, and when the hand rests, the engine gives back the memory that is free again."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from explorer.scene.model import ControlSetRef, ModelRef, Seed, Start, View
from explorer.service import jobs, replies, requests, server


@pytest.mark.parametrize(("worth", "times"), [(-1.0, 1), (1e9, 0)])
def test_memory_is_given_back_after_what_took_long(monkeypatch: pytest.MonkeyPatch, worth: float, times: int) -> None:
    order: list[Any] = []
    monkeypatch.setattr(jobs, "WORTH_TIDYING", worth)
    monkeypatch.setattr(jobs.memory, "give_back", lambda: order.append("given back"))
    answered = replies.MethodList(request_id=3, methods=())
    answers = SimpleNamespace(answer=lambda request, reports: answered)
    monkeypatch.setattr(jobs, "Answers", lambda engine, send: answers)
    desk = jobs.Jobs(cast(Any, None), order.append)
    desk.submit(requests.ListMethods(request_id=3))
    desk._short.shutdown(wait=True)
    desk.close()
    assert order == [answered, *["given back"] * times]  # whoever asked does not wait for it


def test_memory_is_given_back_once_when_the_hand_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not while pictures follow each other, nor again and again while nothing is drawn."""
    steps: queue.SimpleQueue[object] = queue.SimpleQueue()
    monkeypatch.setattr(server, "RESTED", 0.1)
    monkeypatch.setattr(server.memory, "give_back", lambda: steps.put("given back"))
    desk = server.Server(cast(Any, None))
    wait_for = desk._changed.wait_for

    def waited(is_due: Callable[[], bool], seconds: float | None) -> bool:
        steps.put(seconds)
        return wait_for(is_due, seconds)

    monkeypatch.setattr(desk._changed, "wait_for", waited)
    desk._free.extend(range(2))
    turns: list[int] = []
    drawing = threading.Thread(target=lambda: [turns.append(len(due)) for due in iter(desk._next, [])])
    drawing.start()
    try:
        assert steps.get(timeout=10) is None  # nothing was drawn yet: it waits for as long as it takes
        for number in range(3):
            view = View(model=ModelRef(path="toy"), start=Start(Seed(number), 1.0), controls=ControlSetRef(), edits=())
            request = requests.ViewRequest(view_id=1, revision=number, asked=0.0, view=view)
            desk._take(requests.RenderViews(requests=(request,)))
            assert [steps.get(timeout=10) for _ in range(3)] == [0.1, "given back", None]
            assert steps.empty()
    finally:
        desk._end()
        drawing.join(10)
    assert turns == [1, 1, 1]
