"""The shapes world: its grid, and that every factor changes what it should and nothing else."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from explorer.worlds import registry
from explorer.worlds.base import Array
from explorer.worlds.shapes import SATURATION, SIZE, VALUE, WORLD, geometry

BASE = np.array([[0.6, 0.1, 0.0, 1.0, 1.0, 0.0]], np.float32)
FLOOR, WALL, OBJECT, HIGHLIGHT = range(4)


def changed(base: Array, **values: float) -> np.ndarray:
    """(64·64,) which pixels differ once ``values`` are set."""
    before, after = WORLD.render(base), WORLD.render(WORLD.with_values(base, values))
    return (before != after).any(axis=-1).reshape(-1)


def test_is_registered_under_its_name() -> None:
    assert registry.world("shapes") is WORLD


def test_grid_is_that_of_the_3d_shapes_data_set() -> None:
    assert [len(factor.values) for factor in WORLD.factors] == [10, 10, 10, 8, 4, 15]
    by_name = {factor.name: factor for factor in WORLD.factors}
    assert by_name["floor_hue"].values == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    assert by_name["scale"].values == pytest.approx(np.linspace(0.75, 1.25, 8))
    assert by_name["orientation"].values == pytest.approx(np.linspace(-30, 30, 15))
    assert [factor.name for factor in WORLD.factors if factor.cyclic] == ["floor_hue", "wall_hue", "object_hue"]


def test_samples_repeat_lie_on_the_grid_and_fill_it_evenly() -> None:
    rows = WORLD.sample(6000, 3)
    assert np.array_equal(rows, WORLD.sample(6000, 3))
    assert not np.array_equal(rows, WORLD.sample(6000, 4))
    for column, factor in zip(rows.T, WORLD.factors, strict=True):
        counts = [(column == np.float32(value)).sum() for value in factor.values]
        assert sum(counts) == len(rows)
        expected = len(rows) / len(factor.values)
        # Chi-squared with at most 14 degrees of freedom: 45 has a probability below 1e-4.
        assert sum((count - expected) ** 2 for count in counts) / expected < 45


def test_the_same_values_give_the_same_bytes_alone_and_in_a_batch() -> None:
    rows = WORLD.sample(6, 0)
    together = WORLD.render(rows)
    geometry.cache_clear()
    for row, picture in zip(rows, together, strict=True):
        assert np.array_equal(WORLD.render(row[None])[0], picture)
    assert together.shape == (6, SIZE, SIZE, 3)
    assert together.dtype == np.uint8


@pytest.mark.parametrize(("factor", "part"), [("floor_hue", FLOOR), ("wall_hue", WALL), ("object_hue", OBJECT)])
def test_a_hue_changes_its_own_pixels_and_no_other(factor: str, part: int) -> None:
    light = geometry(1, 1.0, 0.0)
    pixels = changed(BASE, **{factor: 0.3})
    assert not pixels[light[:, part] == 0].any()
    assert pixels[light[:, part] > 0.1].all()


def test_every_pixel_shows_floor_wall_or_object() -> None:
    for shape in range(4):
        light = geometry(shape, 1.1, 12.0)
        assert (light >= 0).all()
        assert (light[:, :3].sum(axis=1) > 0).all()
        assert (light[:, :3] > 0).any(axis=0).all()


@pytest.mark.parametrize("values", [{"scale": 1.25}, {"shape": 2.0}])
def test_scale_and_shape_change_the_object_and_its_shadow_but_no_bare_wall(values: dict[str, float]) -> None:
    pixels = changed(BASE, **values)
    after = WORLD.with_values(BASE, values)[0]
    lights = np.stack([geometry(1, 1.0, 0.0), geometry(int(after[4]), float(after[3]), 0.0)])
    bare = (lights[..., [FLOOR, OBJECT]] == 0).all(axis=(0, 2))
    assert not pixels[bare].any()
    assert pixels[(lights[..., OBJECT] > 0).any(axis=0)].any()
    assert pixels[(lights[..., OBJECT] == 0).all(axis=0)].any()  # the shadow


def test_orientation_moves_the_corner_of_the_room() -> None:
    def corner(orientation: float) -> int:
        walls = geometry(2, 0.75, orientation).reshape(SIZE, SIZE, 4)[2, :, WALL]
        return int(walls.argmin())  # the corner is where the walls are darkest

    assert corner(-30.0) < corner(0.0) < corner(30.0) or corner(-30.0) > corner(0.0) > corner(30.0)


def test_the_object_grows_with_scale() -> None:
    for shape in range(4):
        areas = [(geometry(shape, scale, 0.0)[:, OBJECT] > 0).sum() for scale in WORLD.factors[3].values]
        assert areas == sorted(areas)
        assert areas[-1] > 2 * areas[0]


def test_ball_covers_the_disc_that_perspective_gives() -> None:
    """An independent computation: a ball at distance d is seen under the half angle whose sine is r/d."""
    from explorer.worlds import shapes

    camera = np.array([0.0, -np.cos(shapes.CAMERA_ELEVATION), np.sin(shapes.CAMERA_ELEVATION)]) * shapes.CAMERA_DISTANCE
    camera[2] += shapes.TARGET_HEIGHT
    to_centre = np.array([0.0, 0.0, shapes.SPHERE_RADIUS]) - camera
    forward = np.array([0.0, 0.0, shapes.TARGET_HEIGHT]) - camera
    forward /= np.linalg.norm(forward)
    up = np.array([0.0, -forward[2], forward[1]])
    offsets = shapes.HALF_VIEW * ((np.arange(SIZE) + 0.5) / SIZE * 2 - 1)
    rays = forward + offsets[None, :, None] * np.array([1.0, 0.0, 0.0]) - offsets[:, None, None] * up
    cosines = (rays @ to_centre) / np.linalg.norm(rays, axis=-1) / np.linalg.norm(to_centre)
    inside = np.sqrt(1 - cosines**2) < shapes.SPHERE_RADIUS / np.linalg.norm(to_centre)
    light = geometry(shapes.SPHERE, 1.0, 0.0).reshape(SIZE, SIZE, 4)
    drawn = light[..., OBJECT] > 0
    assert (inside & ~drawn).sum() == 0
    assert (drawn & ~inside).sum() < 120  # the rim, partly covered


def test_hues_are_those_of_hsv_and_wrap() -> None:
    from explorer.worlds.shapes import _colours

    colours = _colours(np.array([[0.15, 0.4, 0.83], [1.15, -0.6, 0.83]], np.float32))
    for part, hue in enumerate((0.15, 0.4, 0.83)):
        expected = 255 * np.array(colorsys.hsv_to_rgb(hue, SATURATION[part], VALUE[part]))
        assert colours[0, part] == pytest.approx(expected, abs=0.01)
        assert colours[1, part] == pytest.approx(expected, abs=0.01)


def test_values_between_the_grid_are_rendered_between_their_neighbours() -> None:
    rows = np.repeat(BASE, 3, axis=0)
    rows[:, 3] = (0.9, 0.95, 1.0)
    small, middle, large = WORLD.render(rows).astype(float)
    assert 0 < np.abs(middle - small).sum() < np.abs(large - small).sum()


@pytest.mark.parametrize("row", [[0, 0, 0, 1, 4, 0], [0, 0, 0, 5, 0, 0], [0, 0, 0, np.nan, 0, 0], [0, 0, 0, 1, -1, 0]])
def test_impossible_values_are_refused(row: list[float]) -> None:
    with pytest.raises(ValueError, match="shapes"):
        WORLD.render(np.array([row], np.float32))
