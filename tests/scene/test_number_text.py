"""What is typed is the number that is read, in every notation; what could be another number is refused."""

from __future__ import annotations

import ast
import math
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import explorer
from explorer.scene.number_text import (
    MOST_SEEDS,
    NumberError,
    check_within,
    number_text,
    read_number,
    read_numbers,
    read_range,
    read_seeds,
    read_whole,
)

ARABIC = "٠١٢٣٤٥٦٧٨٩"
PERSIAN = "۰۱۲۳۴۵۶۷۸۹"
SIGNS = ("-", "−", "–", "‐", "‑", "\u200e−", "\u061c-")
"""What the hyphen key, captions, word processors, and Persian and Arabic desktops write."""


def typed(text: str, digits: str, mark: str, minus: str) -> str:
    """``text`` of Python as somebody types it with these digits and signs."""
    table = {**{str(number): digits[number] for number in range(10)}, ".": mark, "-": minus}
    return "".join(table.get(letter, letter) for letter in text)


@given(
    number=st.decimals(-10_000, 10_000, places=4),
    digits=st.sampled_from(["0123456789", ARABIC, PERSIAN]),
    mark=st.sampled_from([".", ",", "٫"]),
    minus=st.sampled_from(SIGNS),
    around=st.sampled_from(["", " ", "\u200e", "\u00a0"]),
)
def test_the_number_is_the_typed_one(number: float, digits: str, mark: str, minus: str, around: str) -> None:
    text = around + typed(f"{number:.4f}", digits, mark, minus) + around
    assert read_number(text) == float(number)


@given(st.integers(-(10**12), 10**12), st.sampled_from(["0123456789", ARABIC, PERSIAN]), st.sampled_from(SIGNS))
def test_a_whole_number_is_the_typed_one(number: int, digits: str, minus: str) -> None:
    assert read_whole(typed(str(number), digits, ".", minus)) == number
    assert read_number(typed(str(number), digits, ".", minus)) == number


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15))
def test_what_is_written_is_read_again(number: float) -> None:
    text = number_text(number)
    assert set(text) <= set("0123456789.−")
    if len(text) <= 40:
        assert read_number(text) == number
    assert read_number(number_text(number, 2)) == pytest.approx(number, abs=0.0051, rel=1e-15)


@pytest.mark.parametrize(
    ("number", "decimals", "text"),
    [
        (-1.25, None, "−1.25"), (5.0, None, "5"), (0.05, None, "0.05"), (1e-7, None, "0.0000001"), (5000, None, "5000"),
        (-0.0, None, "0"), (-0.001, 2, "0.00"), (-0.194, 2, "−0.19"), (4294967295, 0, "4294967295"),
        (100.0, None, "100"),
    ],
)  # fmt: skip
def test_there_is_one_notation(number: float, decimals: int | None, text: str) -> None:
    assert number_text(number, decimals) == text


GROUPED = ["1,234.5", "1.234,5", "1 234", "1 234,5", "1'234", "1_234", "1\u202f234", "1\u00a0234", "1٬234", "1,234,567"]


@pytest.mark.parametrize("text", GROUPED)
def test_marks_between_groups_are_refused_and_not_dropped(text: str) -> None:
    with pytest.raises(NumberError, match="has marks between its digits"):
        read_number(text)
    with pytest.raises(NumberError, match="no whole number"):
        read_whole(text)


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", ".", ",", "abc", "nan", "inf", "∞", "1e", "e5", "0x10", "1.5.2", "5-", "--5", "- 5", "½", "²",
     "1e999", "1/2", "50%", "1" * 50],
)  # fmt: skip
def test_what_is_no_number_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(NumberError) as refused:
        read_number(text)
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 140


@pytest.mark.parametrize("text", ["1,000", "1.000", "1.0", "1.", "1e3", "", "x", "1 000", "٫٥"])
def test_a_mark_in_a_whole_number_is_refused(text: str) -> None:
    with pytest.raises(NumberError, match="no whole number"):
        read_whole(text)


@given(st.text(max_size=12))
def test_any_text_is_a_finite_number_or_refused(text: str) -> None:
    for read in (read_number, read_whole):
        with suppress(NumberError):
            assert math.isfinite(read(text))


@given(st.lists(st.decimals(-100, 100, places=2), min_size=1, max_size=8), st.sampled_from([",", ", ", ";", " ; "]))
def test_a_list_is_read_as_it_is_written(numbers: list[float], separator: str) -> None:
    assert read_numbers(separator.join(f"{number:.2f}" for number in numbers)) == tuple(map(float, numbers))


def test_commas_are_decimal_points_where_semicolons_part_the_list() -> None:
    assert read_numbers("-1,5; 0; 1,5") == (-1.5, 0.0, 1.5)
    assert read_numbers("-1.5;0") == (-1.5, 0.0)


@pytest.mark.parametrize("text", ["", ",", "1,,2", "1,2,", "1;2;", "-1,5 0 1,5", "1 2", "1,x", "1,2;3,4,5", "1,nan"])
def test_a_list_with_another_meaning_is_refused(text: str) -> None:
    with pytest.raises(NumberError):
        read_numbers(text)


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20), st.sampled_from([",", ", ", " ", ";", "، "]))
def test_seeds_are_read_as_they_are_written(seeds: list[int], separator: str) -> None:
    assert read_seeds(separator.join(map(str, seeds))) == tuple(seeds)


@given(st.integers(0, 2**32 - 1), st.integers(0, 300), st.sampled_from(["-", "–", " - ", "−"]))
def test_a_range_of_seeds_holds_both_its_ends(first: int, length: int, dash: str) -> None:
    last = min(first + length, 2**32 - 1)
    assert read_seeds(f"{first}{dash}{last}") == tuple(range(first, last + 1))
    if last > first:
        with pytest.raises(NumberError, match=f"runs backwards; write {first}-{last}"):
            read_seeds(f"{last}{dash}{first}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("7-0", "runs backwards; write 0-7"),
        ("1, 7-0", "'7-0' runs backwards"),
        (f"0-{MOST_SEEDS}", "more than 10000 seeds"),
        ("0-5000,0-5000", "more than 10000 seeds"),
        ("0-99999999999999", "largest there is"),
        (str(2**32), "largest there is"),
        ("", "no list of seeds"),
        ("1,,2", "no list of seeds"),
        ("1,2,", "no list of seeds"),
        ("1.5", "'1.5' is no list of seeds"),
        ("-4", "no list of seeds"),
        ("1,000", "'000' is no list of seeds"),
        ("0..7", "no list of seeds"),
        ("9" * 5000, "no list of seeds"),
    ],
)
def test_other_seeds_than_the_typed_ones_are_never_drawn(text: str, reason: str) -> None:
    with pytest.raises(NumberError) as refused:
        read_seeds(text)
    assert reason in str(refused.value)


def test_the_most_seeds_can_be_asked_for() -> None:
    assert len(read_seeds(f"1-{MOST_SEEDS}")) == MOST_SEEDS
    assert read_seeds("3,1,3", most=3) == (3, 1, 3)
    with pytest.raises(NumberError, match="more than 3 seeds"):
        read_seeds("3,1,3,4", most=3)


def test_ranges() -> None:
    assert read_range("0-3") == (0, 3)
    assert read_range(" ٣ ") == (3, 3)
    for text in ("3-0", "x", "", "-3", "0-", "1.5-2"):
        with pytest.raises(NumberError):
            read_range(text)


@pytest.mark.parametrize(
    ("low", "high", "limits"),
    [(0.0, 1.5, "between 0 and 1.5"), (1, None, "1 or more"), (None, -2.5, "−2.5 or less")],
)
def test_a_number_out_of_range_is_told_the_range(low: float | None, high: float | None, limits: str) -> None:
    for number in (low, high):
        if number is not None:
            check_within(number, low, high)
    with pytest.raises(NumberError, match=f"is out of range; it must be {limits}."):
        check_within((high + 0.1) if high is not None else low - 0.1, low, high)  # type: ignore[operator]


def test_nothing_writes_marks_between_groups() -> None:
    """A comma that is typed is the decimal point, so one that is written may not part thousands."""
    grouped = []
    for path in Path(explorer.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            spec = node.format_spec if isinstance(node, ast.FormattedValue) else None
            if spec is not None and any(mark in ast.unparse(spec).strip("f'\"") for mark in ",_"):
                grouped.append(f"{path.name}: {ast.unparse(node)}")
    assert grouped == []
