"""After long work the engine gives back the memory that is free again; after short work nobody waits for that."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from explorer.service import jobs, replies, requests


@pytest.mark.parametrize(("worth", "times"), [(-1.0, 1), (1e9, 0)])
def test_memory_is_given_back_after_what_took_long(monkeypatch: pytest.MonkeyPatch, worth: float, times: int) -> None:
    order: list[Any] = []
    monkeypatch.setattr(jobs, "WORTH_TIDYING", worth)
    monkeypatch.setattr(jobs, "give_memory_back", lambda: order.append("given back"))
    answered = replies.MethodList(request_id=3, methods=())
    answers = SimpleNamespace(answer=lambda request, reports: answered)
    monkeypatch.setattr(jobs, "Answers", lambda engine, send: answers)
    desk = jobs.Jobs(cast(Any, None), order.append)
    desk.submit(requests.ListMethods(request_id=3))
    desk._short.shutdown(wait=True)
    desk.close()
    assert order == [answered, *["given back"] * times]  # whoever asked does not wait for it
