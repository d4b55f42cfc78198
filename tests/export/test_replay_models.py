"""Replay of films made with trained generators: those that ship, and those of other people."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace

from explorer.engine.engine import Engine
from explorer.export import replay
from explorer.export.embed import read
from explorer.export.options import ExportOptions
from explorer.export.run import run
from explorer.generators import registry
from explorer.scene.model import (
    AmountKey,
    AmountTrack,
    ControlSetRef,
    ModelRef,
    OriginKey,
    OriginTrack,
    Pane,
    Quality,
    Scene,
    Seed,
    Timeline,
    view_of,
)

CPU = torch.device("cpu")


def film(path: str) -> Scene:
    """Six frames in which a control and the origin move; few sampler steps where there are any."""
    model = ModelRef(path=path)
    engine = Engine(CPU)
    card = engine.card(model)
    controls = ControlSetRef(method=card.methods[0], k=1)
    control = engine.control_set(model, controls).controls[0].card
    # To values where its slider shows these: an amount may lead beyond all that there is.
    ends = (-2.0, 2.0) if control.shows == "amount" else (control.low, control.high)
    return Scene(
        model=model,
        panes=(Pane(controls=controls),),
        quality=Quality(steps=min(3, card.full_steps)),
        timeline=Timeline(
            duration=0.5,
            fps=6,
            loop="ping_pong",
            origin=OriginTrack(keys=(OriginKey(0.0, Seed(1)), OriginKey(0.5, Seed(2)))),
            amounts=(
                AmountTrack(
                    pane=0,
                    control=control.name,
                    keys=(AmountKey(0.0, ends[0]), AmountKey(0.5, ends[1])),
                    holds=control.shows,
                ),
            ),
        ),
    )


def check(path: str, folder: Path) -> None:
    scene, target = film(path), folder / "film.mp4"
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        with ThreadPoolExecutor(1) as worker:  # the engine process exports from a worker
            worker.submit(run, Engine(CPU), scene, target, ExportOptions(crf=0)).result()
        torch.set_num_threads(2)
        again = replay.rerun(Engine(CPU), target, folder / "again.mp4")
    finally:
        torch.set_num_threads(before)
    assert again is not None
    assert again.sentence == "bit-identical: 6 frames"
    assert target.read_bytes() == (folder / "again.mp4").read_bytes()
    assert replay.verify(Engine(CPU), target).identical


@pytest.mark.parametrize("name", sorted(registry.shipped_models()))
def test_a_film_of_a_shipped_model_replays_bit_for_bit(name: str, tmp_path: Path) -> None:
    check(name, tmp_path)


def test_a_film_of_two_models_and_of_their_difference_replays_bit_for_bit(tmp_path: Path) -> None:
    """The panes of one scene: each with a model of its own, moved by one track, and compared with each other."""
    first, second = ModelRef(path="faces-stylegan2"), ModelRef(path="shapes-stylegan2")
    scene = film(first.path)
    pane = scene.panes[0]
    panes = (pane, replace(pane, model=second), replace(pane, model=second, view="between"))
    track = scene.timeline.amounts[0]
    timeline = replace(scene.timeline, amounts=tuple(replace(track, pane=number) for number in range(3)))
    scene = replace(scene, panes=panes, timeline=timeline, quality=Quality())
    target = tmp_path / "film.mp4"
    run(Engine(CPU), scene, target, ExportOptions(crf=0))
    assert replay.verify(Engine(CPU), target).identical
    written = read(target)[0]
    assert [written.model_of(number).path for number in range(3)] == [first.path, second.path, second.path]
    assert written.panes[2].view == "between"
    alone = Engine(CPU).render([view_of(written, number) for number in range(3)])
    levels = alone[0].bgrx.astype(float) - alone[1].bgrx.astype(float)
    assert alone[2].rms == pytest.approx((((levels[..., :3]) / 255) ** 2).mean() ** 0.5, abs=2 / 255)


@pytest.mark.real
@pytest.mark.parametrize("name", ["btcvae_celeba", "btcvae_dsprites", "mnist_gan_mlp/G--300.ckpt"])
def test_a_film_of_another_persons_model_replays_bit_for_bit(name: str, real_models: Path, tmp_path: Path) -> None:
    check(str(real_models / name), tmp_path)
