"""The strip of a picture across the processes: asked for, and given up."""

from __future__ import annotations

from pathlib import Path

import pytest
from service_desk import Desk
from tiny_pipelines import save_ddim

from explorer.scene.model import ControlSetRef, ModelRef, Quality, Seed, Start, View
from explorer.service import replies, requests


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_ddim(tmp_path_factory.mktemp("steps") / "model")


def view(folder: Path, steps: int) -> View:
    model = ModelRef(path=str(folder))
    return View(model=model, start=Start(Seed(3)), controls=ControlSetRef(), edits=(), quality=Quality(steps=steps))


def test_it_comes_as_it_was_asked_for(desk: Desk, folder: Path) -> None:
    number = desk.client.next_request_id()
    desk.client.send(requests.DrawTrajectory(request_id=number, view=view(folder, 6), most=2, side=8))
    seen = desk.wait_for(replies.TrajectoryDrawn, lambda reply: reply.request_id == number).trajectory
    assert (len(seen.noises), seen.shown, seen.width, seen.height) == (6, (1, 4), 8, 8)
    assert [len(one) for one in seen.pictures] == [192, 192]


def test_one_that_nobody_waits_for_any_more_stops(desk: Desk, folder: Path) -> None:
    number = desk.client.next_request_id()
    desk.client.send(requests.DrawTrajectory(request_id=number, view=view(folder, 1000)))
    desk.client.send(requests.Cancel(request_id=number))
    desk.wait_for(replies.Stopped, lambda reply: reply.request_id == number)
    desk.picture(1, view(folder, 3))
