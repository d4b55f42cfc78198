"""The steps of a picture as the engine tells them: of the very view, small, between other pictures, and given up."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from tiny_pipelines import save_ddim

from explorer.engine.engine import Engine
from explorer.errors import Cancelled, SceneError
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Quality, Seed, Start, StepWindow, View

RANDOM = ControlSetRef(method="random", k=2)


@pytest.fixture
def engine() -> Engine:
    return Engine(torch.device("cpu"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_ddim(tmp_path / "model")


def view(folder: Path, *edits: Edit) -> View:
    return View(
        model=ModelRef(path=str(folder)), start=Start(Seed(3)), controls=RANDOM, edits=edits, quality=Quality(steps=8)
    )


def test_the_last_step_is_the_picture_of_the_view_and_those_before_the_window_are_of_no_edit(
    engine: Engine, folder: Path
) -> None:
    (name, _) = (one.card.name for one in engine.control_set(ModelRef(path=str(folder)), RANDOM).controls)
    moved = view(folder, Edit(name, 300.0, window=StepWindow(0.5, 0.0)))
    seen, plain = (engine.trajectory(one, 0, 96) for one in (moved, view(folder)))
    assert (seen.width, seen.height, len(seen.pictures)) == (16, 16, 8)
    assert seen.noises == pytest.approx([7 / 8 * 1 - 0.125 * index for index in range(8)], abs=1e-9)
    changed = [one != before for one, before in zip(seen.pictures, plain.pictures, strict=True)]
    assert changed == [noise < 0.5 for noise in seen.noises]
    last = np.frombuffer(seen.pictures[-1], np.uint8).reshape(16, 16, 3)
    drawn = engine.render([moved], exact=True)[0].bgrx[..., [2, 1, 0]]
    assert np.abs(last.astype(int) - drawn.astype(int)).max() <= 1
    unmoved = engine.trajectory(msgspec.structs.replace(moved, view="unmoved"), 0, 96)
    assert unmoved.pictures == plain.pictures


def test_few_are_chosen_and_made_small(engine: Engine, folder: Path) -> None:
    seen = engine.trajectory(view(folder), 3, 8)
    assert (seen.shown, seen.width, seen.height) == ((1, 4, 6), 8, 8)
    assert {len(one) for one in seen.pictures} == {8 * 8 * 3}
    assert len(seen.noises) == 8
    whole = engine.trajectory(view(folder), 0, 8)
    assert seen.pictures == tuple(whole.pictures[index] for index in seen.shown)


def test_it_is_given_up_between_two_steps_and_a_picture_is_the_same_afterwards(engine: Engine, folder: Path) -> None:
    before = engine.render([view(folder)], exact=True)[0].bgrx
    checked = 0

    def check() -> None:
        nonlocal checked
        checked += 1
        # The live view has its turn between two steps.
        assert np.array_equal(engine.render([view(folder)], exact=True)[0].bgrx, before)
        if checked == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        engine.trajectory(view(folder), 0, 96, check)
    assert checked == 3
    assert np.array_equal(engine.render([view(folder)], exact=True)[0].bgrx, before)


def test_a_model_without_steps_says_so(engine: Engine) -> None:
    vae = View(model=ModelRef(path="known-distinct"), start=Start(Seed(0)), controls=RANDOM, edits=())
    with pytest.raises(SceneError, match="in one go"):
        engine.trajectory(vae, 0, 96)
