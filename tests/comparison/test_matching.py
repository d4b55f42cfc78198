"""Controls in common rows."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.comparison.matching import match


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.integers(2, 10))
def test_a_known_permutation_and_known_signs(seed: int, count: int, width: int) -> None:
    source = np.random.default_rng(seed)
    effects = source.standard_normal((count, width))
    order, signs = source.permutation(count), source.choice([-1, 1], count)
    scales = source.uniform(0.1, 10, (count, 1))
    first, second = match([effects, (signs[:, None] * effects)[order] * scales])
    assert first.rows.tolist() == list(range(count))
    assert second.rows.tolist() == order.tolist()
    assert second.signs.tolist() == signs[order].tolist()
    np.testing.assert_allclose(second.cosines, 1.0)
    np.testing.assert_array_equal(second.rows[second.order], np.arange(count))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_company_does_not_matter(seed: int) -> None:
    source = np.random.default_rng(seed)
    a, b, c = (source.standard_normal((count, 5)) for count in (3, 6, 4))
    alone, together = match([a, b]), match([a, b, c])
    for one, other in zip(alone, together, strict=False):
        np.testing.assert_array_equal(one.rows, other.rows)
        np.testing.assert_array_equal(one.signs, other.signs)


def test_what_is_left_over_begins_rows_of_its_own() -> None:
    axes = np.eye(4)
    mixed = axes[3] + 0.2 * axes[0]  # nearer to the first row than axis 2 is
    first, second, third = match([axes[:2], np.stack([axes[2], axes[1], -mixed]), axes[[2, 3]]])
    assert first.rows.tolist() == [0, 1]
    assert second.rows.tolist() == [2, 1, 0]
    assert second.signs.tolist() == [1, 1, -1]
    assert third.rows[0] == 2, "found where the second method was the first to have it"
    assert third.cosines[0] == 1.0


def test_no_effect_no_row() -> None:
    dead = np.array([[0.0, 0.0], [1.0, 0.0], [np.nan, np.nan]])
    first, second = match([np.eye(2), dead])
    assert first.rows.tolist() == [0, 1]
    assert second.rows.tolist() == [-1, 0, -1]
    assert second.cosines.tolist() == [0.0, 1.0, 0.0]
    assert second.order.tolist() == [1, 0, 2]


def test_the_unreadable_counts_as_no_effect() -> None:
    first, second = match([np.array([[1.0, np.nan], [0.0, 1.0]]), np.array([[0.1, 1.0], [-1.0, 0.0]])])
    assert first.rows.tolist() == [0, 1]
    assert second.rows.tolist() == [1, 0]
    assert second.signs.tolist() == [1, -1]
