"""What reaches the user is one line of a length that can be read, whatever the files say that it quotes."""

from __future__ import annotations

import pickle
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.errors import LONGEST_SENTENCE, CausalError, ExplorerError, ModelError, plain_text

ANY_TEXT = st.text(st.characters(), max_size=400)  # surrogates, controls and marks of direction included


@given(ANY_TEXT, ANY_TEXT)
def test_any_error_is_one_short_line_of_what_can_be_shown(name: str, reason: str) -> None:
    sentence = str(ModelError(f"'{name}' is not an array ({reason}); export it again."))
    assert len(sentence) <= LONGEST_SENTENCE
    assert not [letter for letter in sentence if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert sentence.encode()  # so that it can be sent, written and shown


def test_what_to_do_stands_at_the_end_however_long_the_names_are() -> None:
    sentence = str(ModelError(f"'{'a' * 5000}.pt' holds the tensor '{'layers.' * 900}weight'; export it again."))
    assert len(sentence) <= LONGEST_SENTENCE
    assert sentence.endswith("; export it again.")
    assert ".pt' holds the tensor 'layers." in sentence


def test_a_sentence_that_fits_is_left_as_it_is() -> None:
    text = "'ünïcode 模型.pt' is no model's file (1.5 · 10³ numbers); export it again."
    assert str(ExplorerError(text)) == text


def test_an_error_goes_from_process_to_process() -> None:
    error = pickle.loads(pickle.dumps(CausalError("A circle: 'a' causes 'a'.")))
    assert (type(error), str(error)) == (CausalError, "A circle: 'a' causes 'a'.")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines\r\n", "two lines"),
        ("a\0b\x1b[31m", "ab[31m"),
        ("\u202eevil\u202c", "evil"),
        ("x" * 50, "x" * 9 + "…"),
    ],
)
def test_plain_text(text: str, shown: str) -> None:
    assert plain_text(text, 10) == shown
