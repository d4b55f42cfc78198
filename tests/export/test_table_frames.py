"""A table of panes as one frame: its columns are named once, above them."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.engine.engine import Engine
from explorer.export import frames as frame_module
from explorer.export.compose import BACKGROUND, Caption, Frame, compose, grid
from explorer.export.frames import shoot
from explorer.export.options import ExportOptions, Scaling
from explorer.scene import editing
from explorer.scene.model import ControlSetRef, Scene


@pytest.mark.parametrize("height", [0, 100, 512])
def test_headings_add_a_strip_above_and_change_nothing_below(height: int) -> None:
    pictures = [np.full((16, 24, 3), 40 * index, np.uint8) for index in range(4)]
    captions = [Caption("seed 4", "hue +1.00")] * 4
    without = compose(pictures, captions, height, 2)
    frame = compose(pictures, captions, height, 2, ["SeFa", "PCA"])
    places = grid([(16, 24)] * 4, True, height, 2, headed=True)
    assert frame.shape[:2] == places.size
    assert frame.shape[0] == without.shape[0] + places.head
    below = places.gap + places.head
    assert np.array_equal(frame[below:], without[places.gap :])
    strip = frame[:below]
    second = places.gap + places.widths[0] + places.gap
    assert (strip[:, :second] != BACKGROUND).any()
    assert (strip[:, second:] != BACKGROUND).any()
    assert np.array_equal(compose(pictures, None, height, 2, ["SeFa", "PCA"]), compose(pictures, None, height, 2))


def test_a_table_of_panes_is_exported_with_its_headings(
    engine: Engine, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[list[str], list[str]]] = []

    def noted(
        pictures: list[Frame],
        captions: list[Caption] | None,
        height: int,
        columns: int,
        headings: list[str],
        scaling: Scaling,
    ) -> Frame:
        said.append((list(headings), [caption.name for caption in captions or ()]))
        return compose(pictures, captions, height, columns, headings, scaling)

    monkeypatch.setattr(frame_module, "compose", noted)
    sets = (ControlSetRef(method="latent_axes", k=2), ControlSetRef(method="random_orthogonal", k=2))
    table = editing.side_by_side(scene, sets, (4, 5))
    (_,) = shoot(engine, table, ExportOptions(kind="png")).frames()
    (_,) = shoot(engine, table, ExportOptions(kind="png", pane=1)).frames()
    assert said == [
        (["Latent axes", "Random directions"], ["seed 4", "seed 4", "seed 5", "seed 5"]),
        ([], ["Random directions · seed 4"]),
    ]
