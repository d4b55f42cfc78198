"""Numbers that have gone through 32 bits are written as before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.errors import CausalError
from explorer.scene.causal_graph import Variable
from explorer.scene.single import shortest, single, written

ANY = st.floats(allow_nan=False, width=64)
HELD = st.floats(allow_nan=False, width=32)


@given(ANY)
def test_the_shortest_is_the_same_in_32_bits(number: float) -> None:
    assert single(shortest(number)) == single(number)
    assert shortest(shortest(number)) == shortest(number)


@given(HELD.filter(lambda number: not float(number).is_integer()))
def test_it_has_as_few_digits_as_numpy_needs(number: float) -> None:
    assert shortest(number) == float(str(np.float32(number)))


@given(st.integers(-(10**6), 10**6), st.integers(1, 9))
def test_what_people_write_comes_back(digits: int, places: int) -> None:
    number = float(f"{digits}e-{places}")
    assert shortest(float(np.float32(number))) == number
    assert written(float(np.float32(number))) == number
    assert written(number) == number


@pytest.mark.parametrize("number", [0.1234567890123, 1e300, 5e-324, 123456792.0, float("inf")])
def test_what_has_not_gone_through_32_bits_stays(number: float) -> None:
    assert written(number) == number


def test_the_ends_of_a_variable_are_those_that_were_written_and_its_rows_are_inside() -> None:
    high, low = float(np.float32(132.3)), float(np.float32(0.1))
    variable = Variable(name="light", low=low, high=high)
    assert (variable.low, variable.high) == (0.1, 132.3)
    for value in (0.1, low, 132.3, high):
        assert variable.refusal(value) == ""
    assert variable.refusal(132.301) == "'light' cannot be 132.301; it goes from 0.1 to 132.3."


def test_a_range_is_still_refused_where_its_ends_are_one() -> None:
    with pytest.raises(CausalError, match="turn it round"):
        Variable(name="light", low=0.5, high=0.5)
