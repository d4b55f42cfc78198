"""Pictures in few steps: the engine says in how many, and gives one up that nobody waits for any more."""

from __future__ import annotations

import threading
from multiprocessing import Pipe
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from diffusers import DDIMPipeline, DDIMScheduler, UNet2DModel

from explorer.engine.engine import Engine
from explorer.engine.points import Overtaken
from explorer.scene.model import ControlSetRef, ModelRef, Quality, Seed, Start, View
from explorer.service import protocol, replies, requests
from explorer.service.frames import Ring
from explorer.service.requests import ViewRequest
from explorer.service.server import Server, _Waiting


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    unet = UNet2DModel(
        sample_size=8, layers_per_block=1, block_out_channels=(8,), norm_num_groups=4, attention_head_dim=8,
        down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",),
    )  # fmt: skip
    DDIMPipeline(unet, DDIMScheduler()).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def engine() -> Engine:
    return Engine(torch.device("cpu"))


def view(folder: Path, steps: int = 0, seed: int = 0) -> View:
    return View(
        model=ModelRef(path=str(folder)), start=Start(Seed(seed)), controls=ControlSetRef(), edits=(),
        quality=Quality(steps=steps),
    )  # fmt: skip


def test_a_picture_says_in_how_many_steps_it_was_made(engine: Engine, folder: Path) -> None:
    views = [view(folder, steps) for steps in (3, 0, 5000)]
    assert [picture.steps for picture in engine.render(views)] == [3, 50, 1000]
    assert [picture.steps for picture in engine.render(views)] == [3, 50, 1000]  # from the cache, too
    assert engine.card(ModelRef(path=str(folder))).most_steps == 1000
    vae = msgspec.structs.replace(view(folder, 3), model=ModelRef(path="known-distinct"))
    assert engine.render([vae])[0].steps == 0


def test_a_picture_that_nobody_awaits_is_given_up_between_steps(engine: Engine, folder: Path) -> None:
    asked: list[View] = []

    def twice(awaited: View) -> bool:
        asked.append(awaited)
        return len(asked) < 3

    with pytest.raises(Overtaken):
        engine.render([view(folder)], is_awaited=twice)
    assert len(asked) == 3
    # What was given up leaves nothing behind.
    fresh = Engine(torch.device("cpu")).render([view(folder)])[0]
    assert np.array_equal(engine.render([view(folder)])[0].bgrx, fresh.bgrx)


def test_a_batch_goes_on_while_one_of_its_pictures_is_awaited(engine: Engine, folder: Path) -> None:
    views = [view(folder, seed=seed) for seed in (0, 1)]
    pictures = engine.render(views, is_awaited=lambda one: one == views[1])
    assert [picture.batch for picture in pictures] == [2, 2]


class Desk:
    """A server without its threads, and the other end of its connection."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ours, theirs = Pipe()
        self.server = Server(theirs)
        self.ring = Ring.create(8, 8 * 8 * 4)
        self.server._take(requests.AttachRing(name=self.ring.name, slots=8, slot_bytes=8 * 8 * 4))

    def ask(self, revision: int, shown: View, view_id: int = 1) -> None:
        request = ViewRequest(view_id=view_id, revision=revision, asked=0.0, view=shown)
        self.server._take(requests.RenderViews(requests=(request,)))

    def render(self) -> list[tuple[int, int]]:
        """(revision, steps) of what came of the views that were due."""
        self.server._render(self.engine, self.server._next())
        frames = []
        while self.ours.poll():
            reply = protocol.decode_reply(self.ours.recv_bytes())
            assert isinstance(reply, replies.Frames), reply
            frames += [(frame.revision, frame.steps) for frame in reply.frames]
        return frames

    def close(self) -> None:
        assert self.server._ring is not None
        self.server._ring.close()
        self.ring.close()


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


def overtaking(desk: Desk, monkeypatch: pytest.MonkeyPatch, request: ViewRequest) -> list[int]:
    """Have ``request`` arrive when the second step of the first picture is done; returns the steps that were asked."""
    checks: list[int] = []
    plain = Server._is_overtaken

    def check(server: Server, one: _Waiting) -> bool:
        checks.append(one.request.revision)
        if len(checks) == 2:
            arrival = threading.Thread(target=server._take, args=(requests.RenderViews(requests=(request,)),))
            arrival.start()
            arrival.join()
        return plain(server, one)

    monkeypatch.setattr(Server, "_is_overtaken", check)
    return checks


def test_a_draft_overtakes_the_finished_picture_of_its_pane(
    desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = ViewRequest(view_id=1, revision=2, asked=0.0, view=view(folder, 4, seed=5))
    checks = overtaking(desk, monkeypatch, draft)
    desk.ask(1, view(folder))
    assert desk.render() == []
    assert len(checks) == 2  # of 50 steps
    assert desk.render() == [(2, 4)]
    desk.close()


def test_a_picture_of_the_same_quality_overtakes_nothing(
    desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = ViewRequest(view_id=1, revision=2, asked=0.0, view=view(folder, seed=5))
    overtaking(desk, monkeypatch, newer)
    desk.ask(1, view(folder))
    assert desk.render() == [(1, 50)]
    assert desk.render() == [(2, 50)]
    desk.close()


def test_another_pane_whose_picture_was_given_up_gets_it_later(
    desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second pane waits for nothing but its own picture, which shares no batch with the overtaken one."""
    draft = ViewRequest(view_id=1, revision=3, asked=0.0, view=view(folder, 4))
    overtaking(desk, monkeypatch, draft)
    desk.ask(1, view(folder, 40))
    desk.ask(2, view(folder, 30), view_id=2)
    assert desk.render() == []
    assert sorted(desk.render()) == [(2, 30), (3, 4)]
    desk.close()
