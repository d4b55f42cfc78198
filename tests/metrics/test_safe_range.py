"""How far pictures stay usual: crossings in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.metrics.safe_range import OwnPictures, safe_end


def test_unusual_is_the_mean_square_in_deviations() -> None:
    source = np.random.default_rng(0)
    own = source.normal(size=(4000, 3)) * [1.0, 5.0, 0.0] + [0.0, 7.0, 2.0]
    usual = OwnPictures(own)
    found = usual.unusualness(np.array([[0.0, 7.0, 2.0], [2.0, 7.0, 2.0], [0.0, 17.0, 9.0]]))
    assert found == pytest.approx([0.0, 2.0, 2.0], abs=0.15)  # the third never varies and does not count
    # Half of χ² with two degrees of freedom, whose 95th percentile is 5.99.
    assert usual.limit == pytest.approx(5.991 / 2, rel=0.06)
    assert (usual.unusualness(own) > usual.limit).mean() == pytest.approx(0.05, abs=0.001)


def test_pictures_that_never_vary_are_all_alike() -> None:
    usual = OwnPictures(np.ones((4, 2)))
    assert usual.limit == 0.0
    assert usual.unusualness(np.array([[5.0, 1.0]])) == pytest.approx([0.0])


def test_the_range_ends_where_half_of_the_pictures_are_beyond_the_limit() -> None:
    amounts = np.array([0.0, -1.0, -2.0, -3.0])
    unusual = np.array([[0.0, 0.0, 9.0], [1.0, 1.0, 9.0], [2.0, 3.0, 9.0], [2.0, 2.0, 2.0]])
    assert safe_end(amounts, unusual, 2.0) == pytest.approx(-np.sqrt(2.5))  # the medians are 0, 1, 3, 2
    assert safe_end(amounts, unusual, 4.0) == -3.0
    assert safe_end(amounts, unusual, -1.0) == 0.0


@given(st.lists(st.floats(0, 10), min_size=2, max_size=9), st.tuples(st.floats(0, 10), st.floats(0, 10)))
def test_who_allows_more_is_never_stopped_earlier(medians: list[float], limits: tuple[float, float]) -> None:
    amounts = np.arange(len(medians), dtype=float)
    unusual = np.array(medians)[:, None]
    near, far = (safe_end(amounts, unusual, one) for one in sorted(limits))
    assert 0 <= near <= far <= amounts[-1]
