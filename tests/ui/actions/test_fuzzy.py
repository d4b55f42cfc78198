"""The palette's matching: what a few letters find, and in which order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from explorer.ui.actions.fuzzy import match, rank

ACTIONS = ["Open model…", "Open scene…", "Add keyframe", "Undo", "Export…", "Open shapes-btcvae", "Move azimuth"]


def test_words_in_any_order() -> None:
    assert match("model open", "Open model…") is not None
    assert match("open modle", "Open model…") is None


def test_starts_of_words_win() -> None:
    assert next(ACTIONS[index] for index, _ in rank("om", ACTIONS)) == "Open model…"
    assert next(ACTIONS[index] for index, _ in rank("kf", ACTIONS)) == "Add keyframe"
    assert next(ACTIONS[index] for index, _ in rank("ex", ACTIONS)) == "Export…"


def test_matched_letters_are_those_of_the_best_place() -> None:
    found = match("mod", "Open model…")
    assert found is not None
    assert found[1] == (5, 6, 7)


def test_an_empty_query_keeps_the_order() -> None:
    assert [index for index, _ in rank("", ACTIONS)] == list(range(len(ACTIONS)))


@given(st.text(max_size=12), st.text(max_size=30))
def test_matched_positions_spell_the_words(query: str, text: str) -> None:
    found = match(query, text)
    if found is not None:
        assert all(0 <= position < len(text) for position in found[1])
        for word in query.casefold().split():
            assert all(letter in text.casefold() for letter in word)


@given(st.text(alphabet="abc d", min_size=1, max_size=20), st.data())
def test_every_piece_of_a_text_finds_it(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start, len(text)))
    assert match(text[start:end], text) is not None
