"""Reading drawn pictures back: each measure on a drawing whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.worlds.drawing import Canvas, columns, coverage, disc
from explorer.worlds.reading import middle, planes_of, round_area, rounded, seen, share, whole

RED, GREY = np.array([0.8, 0.1, 0.1], np.float32), np.array([0.5, 0.6, 0.7], np.float32)


def discs(x: list[float], y: float, radius: float) -> tuple[np.ndarray, Canvas]:
    """Pictures (n, 48, 48, 3) of red discs on grey, and the grey; the canvas spans -6..6."""
    canvas, empty = (Canvas(n, 48, x=(-6.0, 6.0), y=(6.0, -6.0)) for n in (len(x), 1))
    for each in (canvas, empty):
        each.planes[:] = GREY[:, None, None, None]
    area = canvas.whole
    canvas.paint(area, coverage(disc(area.x, area.y, columns(x), y, radius), area.pixel), RED)
    return canvas.pictures(), rounded(empty)


@pytest.mark.parametrize("radius", [0.4, 1.0, 2.5])
def test_place_and_area_of_a_disc(radius: float) -> None:
    pictures, empty = discs([-2.3, 0.0, 1.87], 0.6, radius)
    covered = share(planes_of(pictures), empty, empty.whole, RED)
    assert covered.max() == pytest.approx(1.0, abs=0.01)
    assert middle(covered, empty.whole.x) == pytest.approx([-2.3, 0.0, 1.87], abs=0.01)
    assert middle(covered, empty.whole.y) == pytest.approx([0.6] * 3, abs=0.01)
    assert round_area(covered, empty.pixel) == pytest.approx(np.pi * radius**2, rel=0.01 / min(radius, 1.0) ** 2)


def test_what_is_cut_or_absent_has_no_place() -> None:
    pictures, empty = discs([0.0, 5.5, 20.0], 0.0, 1.0)
    covered = share(planes_of(pictures), empty, empty.whole, RED)
    found = whole(covered, middle(covered, empty.whole.x))
    assert found[0] == pytest.approx(0.0, abs=0.01)
    assert np.isnan(found[1:]).all()
    assert np.isnan(middle(covered, empty.whole.x)).tolist() == [False, False, True]


def test_a_colour_that_is_the_background_is_nowhere() -> None:
    pictures, empty = discs([0.0], 0.0, 1.0)
    same = empty.view(empty.whole)
    assert not share(planes_of(pictures), empty, empty.whole, same).any()


def test_small_shares_are_left_out_and_large_ones_kept() -> None:
    weights = np.array([[[-0.3, 0.1, 0.21, 0.9, 1.2]]], np.float32)
    assert np.array_equal(seen(weights), np.array([[[0.0, 0.0, 0.21, 0.9, 1.2]]], np.float32))
