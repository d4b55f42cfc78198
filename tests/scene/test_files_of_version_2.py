"""Scenes, pictures and films that the version before wrote open and give the same picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.engine.engine import Engine
from explorer.export import replay
from explorer.export.embed import contents_of, read
from explorer.export.png_file import pixels_in
from explorer.export.video import read_mp4
from explorer.scene.model import SCENE_VERSION, view_of
from explorer.scene.order import OTHER_ORDER
from explorer.scene.store import load_scene

FOLDER = Path(__file__).parent / "files_of_version_2"
LEVELS = 1
"""Of 256: the last bit of a float may round the other way on another machine."""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(torch.device("cpu"))


@pytest.mark.parametrize("name", ["pca", "qlae", "local_basis_in_order"])
def test_a_scene_and_the_picture_that_carries_it_are_drawn_as_they_were(engine: Engine, name: str) -> None:
    expected = pixels_in(FOLDER / f"{name}.png").astype(int)
    file, carried = load_scene(FOLDER / f"{name}.scene.json"), read(FOLDER / f"{name}.png")[0]
    assert file == carried
    assert file.version == SCENE_VERSION
    frames = [frame.astype(int) for frame in replay.frames(engine, FOLDER / f"{name}.png")]
    assert len(frames) == 1
    assert np.abs(frames[0] - expected).max() <= LEVELS
    height = engine.card(file.model).size[0]
    bgrx = engine.render([view_of(file, 0)])[0].bgrx.astype(int)
    assert bgrx.shape[0] == height
    assert replay.other_order(engine, FOLDER / f"{name}.png") == ""


def test_a_film_is_drawn_as_it_was(engine: Engine) -> None:
    scene, _, provenance = read(FOLDER / "pca.mp4")
    assert provenance is not None
    assert len(scene.timeline.amounts) == 2
    frames = list(replay.frames(engine, FOLDER / "pca.mp4"))
    shown = list(read_mp4(FOLDER / "pca.mp4"))
    assert len(frames) == len(shown) == provenance.frames.count == 7
    for new, old in zip(frames, shown, strict=True):  # the film's compression keeps edges less than levels
        difference = new.astype(int) - old[: new.shape[0], : new.shape[1]]
        assert np.sqrt((difference**2).mean()) < 6
    comparison = replay.verify(engine, FOLDER / "pca.mp4")
    # Linear edits add up in either order but for the last bit of a float.
    assert comparison.identical or comparison.cause


def test_where_the_order_of_touch_had_mattered_one_sentence_says_so(engine: Engine) -> None:
    touched, in_order = FOLDER / "local_basis_touched.png", FOLDER / "local_basis_in_order.png"
    assert contents_of(touched).touched == (("local 2", "local 1"),)
    assert replay.other_order(engine, touched) == OTHER_ORDER
    assert replay.other_order(engine, FOLDER / "local_basis_touched.scene.json") == OTHER_ORDER
    assert load_scene(FOLDER / "local_basis_touched.scene.json") == load_scene(
        FOLDER / "local_basis_in_order.scene.json"
    )
    (now,) = replay.frames(engine, touched)
    old, canonical = pixels_in(touched).astype(int), pixels_in(in_order).astype(int)
    assert np.abs(now.astype(int) - canonical).max() <= LEVELS
    assert np.abs(now.astype(int) - old).max() > 20  # the two orders are two pictures
