"""A picture of one's own on screen: beside the point that was found for it, wherever the scene is opened."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image

from explorer.engine.engine import Engine
from explorer.errors import ExplorerError, SceneError
from explorer.scene.inversion import InversionOptions
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Pane, Scene, Seed, view_of
from explorer.scene.store import load_scene, save_scene

MODEL = ModelRef(path="shapes-btcvae")
PANES = (Pane(view="original"), Pane(view="image"))


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(torch.device("cpu"))


def photograph() -> bytes:
    x, y = np.meshgrid(np.arange(90), np.arange(70))
    pixels = np.stack([x * 2, y * 3, (x + y) % 256], -1).astype(np.uint8)
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "JPEG", quality=95)
    return written.getvalue()


def test_the_original_stands_beside_its_point_and_in_a_scene_that_is_opened_again(
    engine: Engine, tmp_path: Path
) -> None:
    found = engine.inverted(MODEL, photograph(), "photograph.jpg", InversionOptions())
    scene = Scene(model=MODEL, origin=found.point, panes=PANES)
    original, picture = engine.render([view_of(scene, 0), view_of(scene, 1)])
    height, width = engine.card(MODEL).size
    # By another way: the middle square, by Pillow alone.
    square = (
        Image.open(io.BytesIO(photograph())).crop((10, 0, 80, 70)).resize((width, height), Image.Resampling.LANCZOS)
    )
    assert np.abs(original.bgrx[..., 2::-1].astype(int) - np.asarray(square)).max() <= 1
    squared = np.mean((original.bgrx[..., :3] / 255.0 - picture.bgrx[..., :3] / 255.0) ** 2)
    assert -10 * np.log10(squared) == pytest.approx(found.own.psnr, abs=0.1)
    save_scene(scene, tmp_path / "own.scene.json")
    assert load_scene(tmp_path / "own.scene.json") == scene
    told = "'photograph.jpg' (90×70) was read: cropped to the middle square, reduced to 64×64."
    assert found.own.reading == told


def test_where_there_is_none_the_view_says_so(engine: Engine) -> None:
    view = view_of(Scene(model=MODEL, origin=Seed(1), panes=PANES), 0)
    with pytest.raises(SceneError, match="does not start from one of your own"):
        engine.render([view])


def test_a_model_lists_its_ways(engine: Engine) -> None:
    assert [way.name for way in engine.card(MODEL).inversions] == ["encoder", "z"]
    assert [way.name for way in engine.describe(MODEL).inversions] == ["encoder", "z"]
    assert [(way.name, way.steps) for way in engine.describe(ModelRef(path="faces-diffusion")).inversions] == [
        ("ddim", 50)
    ]


def test_controls_move_the_point_of_an_own_picture(engine: Engine) -> None:
    found = engine.inverted(MODEL, photograph(), "photograph.jpg", InversionOptions())
    controls = ControlSetRef(method="latent_axes", k=3)
    name = engine.control_set(MODEL, controls).controls[0].card.name
    scene = Scene(model=MODEL, origin=found.point, panes=(Pane(controls=controls, edits=(Edit(name, 2.0),)), *PANES))
    moved, original, still = engine.render([view_of(scene, index) for index in range(3)])
    assert not np.array_equal(moved.bgrx, still.bgrx)
    assert not np.array_equal(original.bgrx, still.bgrx)


def test_a_scene_with_another_picture_than_it_may_hold_is_refused(engine: Engine, tmp_path: Path) -> None:
    found = engine.inverted(MODEL, photograph(), "photograph.jpg", InversionOptions())
    large = msgspec.structs.replace(found.own, png=bytes(2 << 20))
    point = msgspec.structs.replace(found.point, own=large)
    with pytest.raises(SceneError, match=r"'origin\.own\.png' holds 2097152 bytes"):
        save_scene(Scene(model=MODEL, origin=point, panes=PANES), tmp_path / "a.scene.json")
    written = io.BytesIO()
    Image.new("L", (6000, 6000)).save(written, "PNG")
    for png, sentence in ((written.getvalue(), "has 6000×6000 pixels"), (b"none", "cannot be read")):
        point = msgspec.structs.replace(found.point, own=msgspec.structs.replace(found.own, png=png))
        scene = Scene(model=MODEL, origin=point, panes=PANES)
        with pytest.raises(ExplorerError, match=sentence):
            engine.render([view_of(scene, 0)])
