"""A model that is refused: the reasons of every family, plugins that failed included, and what the file is good for."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch

from explorer.engine.engine import Engine
from explorer.generators import registry
from explorer.generators.opening import LoadingShare
from explorer.plugins import Additions
from explorer.scene.cards import FileUse
from explorer.scene.model import ModelRef
from explorer.service import replies, requests
from explorer.service.jobs import Jobs


def refused(path: Path) -> replies.Refused:
    """What the engine process answers where ``path`` is opened."""
    answered: list[replies.Reply] = []
    done = threading.Event()

    def take(reply: replies.Reply) -> None:
        if not isinstance(reply, replies.JobProgress):
            answered.append(reply)
            done.set()

    jobs = Jobs(Engine(torch.device("cpu")), take)
    jobs.submit(requests.OpenModel(request_id=1, model=ModelRef(path=str(path))))
    assert done.wait(120)
    jobs.close()
    (reply,) = answered
    assert isinstance(reply, replies.Refused)
    return reply


def test_a_direction_is_refused_as_a_model_and_offered_as_controls(tmp_path: Path) -> None:
    path = tmp_path / "age.pt"
    torch.save({"direction": torch.zeros(64)}, path)
    reply = refused(path)
    assert reply.use == FileUse(kind="controls", path=str(path))
    assert {reason.family for reason in reply.reasons} == set(registry.families())


def test_what_is_not_there_is_good_for_nothing(tmp_path: Path) -> None:
    assert refused(tmp_path / "gone.onnx").use is None


def test_a_plugin_that_failed_is_among_the_reasons_and_is_not_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = registry.plugged()
    failed = Additions(found=real.found, problems={**real.problems, "theirs": "It cannot be imported."})
    monkeypatch.setattr(registry, "plugged", lambda: failed)
    (tmp_path / "a.bin").write_bytes(b"hello")
    reply = refused(tmp_path / "a.bin")
    assert [(reason.family, reason.reason) for reason in reply.reasons if reason.title == "theirs"] == [
        ("", "It cannot be imported.")
    ]


def test_opening_that_is_cancelled_while_it_reads_is_stopped_and_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    answered: list[replies.Reply] = []
    done = threading.Event()
    read: list[int] = []

    def take(reply: replies.Reply) -> None:
        if not isinstance(reply, replies.JobProgress):
            answered.append(reply)
            done.set()

    engine = Engine(torch.device("cpu"))
    jobs = Jobs(engine, take)
    passed = LoadingShare.passed

    def cancelling(self: LoadingShare, count: int) -> None:
        read.append(count)
        jobs.submit(requests.Cancel(request_id=1))  # the user, as the first bytes come
        passed(self, count)

    monkeypatch.setattr(LoadingShare, "passed", cancelling)
    jobs.submit(requests.OpenModel(request_id=1, model=ModelRef(path="shapes-btcvae")))
    assert done.wait(120)
    jobs.close()
    assert answered == [replies.Stopped(request_id=1)]
    assert len(read) == 1  # no further byte
    assert not engine._generators.items()
