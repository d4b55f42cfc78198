"""Arrows as they are typed."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.errors import CausalError
from explorer.ui.causes.typed_arrow import TypedArrow, read_arrow

NAMES = ("light", "shadow length", "Angle")


@pytest.mark.parametrize(
    ("text", "arrow"),
    [
        ("light -> shadow length", TypedArrow("light", "shadow length")),
        ("  light→angle ", TypedArrow("light", "Angle")),
        ("light <- Angle", TypedArrow("Angle", "light")),
        ("LIGHT<->angle", TypedArrow("light", "Angle", "hidden")),
    ],
)
def test_an_arrow_is_read(text: str, arrow: TypedArrow) -> None:
    assert read_arrow(text, NAMES) == arrow


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("light", "'light' is no arrow; write one such as light -> shadow length."),
        ("", "'' is no arrow"),
        ("light ->", "'light ->' is no arrow"),
        ("light -> moon", "The graph has no variable 'moon'; it has light, shadow length, Angle."),
        ("light -> Angle -> light", "is no arrow"),
    ],
)
def test_anything_else_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(CausalError, match=sentence):
        read_arrow(text, NAMES)


def test_case_matters_where_names_differ_by_it_alone() -> None:
    assert read_arrow("a -> A", ("a", "A")) == TypedArrow("a", "A")
    with pytest.raises(CausalError, match="no variable 'B'"):
        read_arrow("a -> B", ("a", "A"))


@given(st.text(max_size=20), st.sampled_from(["->", "<-", "<->"]))
def test_whatever_is_typed_is_an_arrow_between_variables_or_refused(text: str, sign: str) -> None:
    for typed in (text, f"light {sign} {text}"):
        with suppress(CausalError):
            arrow = read_arrow(typed, NAMES)
            assert {arrow.first, arrow.last} <= set(NAMES)
