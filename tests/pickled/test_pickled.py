"""Pickles read as data: what plain ones hold, and that nothing a hostile one says is done."""

from __future__ import annotations

import os
import pickle
import struct
import sys
import tracemalloc
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watched import watched

from explorer.pickled import unfolded
from explorer.pickled.instructions import values_of
from explorer.pickled.machine import LONGEST_TEXT, MOST_VALUES, SHORTEST_PAYLOAD
from explorer.pickled.records import ForeignNameError, Name, Payload, Record, admitted
from explorer.pickled.source import Source
from explorer.pickled.unfolded import DEEPEST

NOTHING = admitted(())


def read(data: bytes, admits: Callable[[str], bool] = NOTHING) -> Any:
    return values_of(Source.of_bytes(data), admits)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**200), 2**200) | st.floats(allow_nan=False) | st.text(max_size=40)
    | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=4)
    | st.tuples(inner, inner)
    | st.dictionaries(st.text(max_size=5) | st.integers(-(2**60), 2**60), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(PLAIN, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_values_are_what_pickle_makes_of_them(value: Any, protocol: int) -> None:
    assert read(pickle.dumps(value, protocol)) == value


@given(st.sets(st.integers(-(2**60), 2**60) | st.text(max_size=4)), st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_sets_and_ordered_dictionaries_are_plain_ones(members: set[Any], protocol: int) -> None:
    ordered = OrderedDict((str(number), member) for number, member in enumerate(members))
    assert read(pickle.dumps([members, frozenset(members), ordered], protocol)) == [members, members, dict(ordered)]


def test_a_value_that_is_named_twice_is_one_value() -> None:
    shared: list[Any] = [1]
    found = read(pickle.dumps([shared, shared, {"again": shared}]))
    assert found[0] is found[1] is found[2]["again"]


@pytest.mark.parametrize(
    "circle", [b"]q\x00h\x00a.", b"}q\x00K\x01h\x00s.", b"]q\x00(h\x00K\x01ta.", b"cx\nX\n)Rq\x00h\x00b."]
)
def test_a_value_that_holds_itself_is_refused(circle: bytes) -> None:
    with pytest.raises(ValueError, match="holds itself"):
        read(circle, admitted({"x.X"}))


# Each names the value before it twice: 2**n values once they are written out, in 3 n bytes.
SHARED = {
    "tuples": b")q\x00" + b"h\x00\x86q\x00".join([b"h\x00"] * 300) + b".",
    "lists": b"]q\x00" + b"](h\x00h\x00eq\x00" * 300 + b".",
    "dictionaries": b"]q\x00" + b"}(K\x01h\x00K\x02h\x00uq\x00" * 300 + b".",
    "calls": b"]q\x00" + b"cx\nX\nh\x00h\x00\x86Rq\x00" * 300 + b".",
    "texts": b"X" + struct.pack("<I", 1 << 20) + b"x" * (1 << 20) + b"q\x000" + b"](" + b"h\x00" * 2000 + b"e.",
}


@pytest.mark.parametrize("kind", SHARED)
def test_a_small_file_whose_values_share_themselves_is_refused_at_once(kind: str) -> None:
    with pytest.raises(ValueError, match="once they are written out"):
        read(SHARED[kind], admitted({"x.X"}))


@given(PLAIN, st.integers(1, 8))
def test_what_is_shared_counts_as_often_as_it_is_named(value: Any, times: int) -> None:
    """What names ``value`` so many times is refused exactly where as many copies of it would be."""

    def size(part: Any) -> int:
        if isinstance(part, dict):
            return 1 + sum(size(one) for item in part.items() for one in item)
        if isinstance(part, list | tuple):
            return 1 + sum(map(size, part))
        return 1 + (len(part) // 64 if isinstance(part, str | bytes) else 0)

    inner = [value]
    for name, most in (("check", 2 + times * (1 + size(value))), ("refuse", 1 + times * (1 + size(value)))):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(unfolded, "MOST_UNFOLDED", most)
            if name == "check":
                unfolded.check_unfolded([[inner] * times])
            else:
                with pytest.raises(ValueError, match="once they are written out"):
                    unfolded.check_unfolded([[inner] * times])


def test_numbers_whose_hashes_are_one_are_no_keys() -> None:
    """A dictionary of them would take the square of their number."""
    numbers = b"".join(b"\x8a\x0c" + (sys.hash_info.modulus * k).to_bytes(12, "little") for k in range(1, 70_000))
    for many in (
        b"}(" + b"N".join([*[numbers[i : i + 14] for i in range(0, len(numbers), 14)], b"u."]),
        b"\x8f(" + numbers + b"\x90.",
    ):
        with pytest.raises(ValueError, match="a int for a key"):
            read(many)


def test_a_long_tuple_is_no_key() -> None:
    """Its hash is computed again each time."""
    with pytest.raises(ValueError, match="a tuple for a key"):
        read(b"(" + b"N" * 100_000 + b"tq\x00}" + b"h\x00Ns" * 1000 + b".")


def test_long_runs_of_bytes_stay_where_they_are() -> None:
    run = bytes(range(256)) * 100
    data = pickle.dumps([run, b"short"])
    payload, short = read(data)
    assert isinstance(payload, Payload)
    assert data[payload.start : payload.start + payload.length] == run
    assert payload.head == run[:SHORTEST_PAYLOAD]
    assert short == b"short"


class Call:
    """Pickled, it is a call of ``function``."""

    def __init__(self, function: Callable[..., Any], *arguments: Any, state: Any = None) -> None:
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.reduced


def test_what_is_admitted_becomes_a_record_and_is_not_called() -> None:
    data = pickle.dumps(Call(os.mkdir, "nowhere", 7, state={"a": [1]}))
    with watched() as events:
        record = read(data, admitted({"posix.mkdir", "nt.mkdir"}))
    assert events == []
    assert isinstance(record, Record)
    assert record.arguments == ("nowhere", 7)
    assert record.state == {"a": [1]}
    assert not os.path.exists("nowhere")


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


# Every instruction by which a pickle names or calls something, as an attacker would write it.
CALLS = {
    "REDUCE of a GLOBAL": b"cos\nsystem\n" + text("touch owned") + b"\x85R.",
    "REDUCE of a STACK_GLOBAL": text("os") + text("system") + b"\x93" + text("touch owned") + b"\x85R.",
    "INST": b"(" + text("touch owned") + b"ios\nsystem\n.",
    "OBJ": b"(cos\nsystem\n" + text("touch owned") + b"o.",
    "NEWOBJ": b"csubprocess\nPopen\n" + text("touch owned") + b"\x85\x81.",
    "NEWOBJ_EX": b"csubprocess\nPopen\n" + text("touch owned") + b"\x85}\x92.",
    "eval": b"cbuiltins\neval\n" + text("__import__('os').system('touch owned')") + b"\x85R.",
    "a torch callable": b"ctorch.hub\nload\n" + text("somebody/code") + text("model") + b"\x86R.",
    "a name with dots": text("torch.storage") + text("os.system") + b"\x93" + text("touch owned") + b"\x85R.",
    "within a dictionary": b"}" + text("G_ema") + b"cos\nsystem\n" + text("touch owned") + b"\x85Rs.",
    "and thrown away": b"cos\nsystem\n" + text("touch owned") + b"\x85R0N.",
}


@pytest.mark.parametrize("kind", CALLS)
def test_names_that_are_not_admitted_end_the_reading(kind: str) -> None:
    with watched() as events, pytest.raises(ForeignNameError, match=r"os\.system|Popen|eval|torch\.hub\.load"):
        read(b"\x80\x04" + CALLS[kind])
    assert events == []
    assert not os.path.exists("owned")


@pytest.mark.parametrize("kind", CALLS)
def test_even_if_they_were_admitted_nothing_is_called(kind: str) -> None:
    with watched() as events:
        read(b"\x80\x04" + CALLS[kind], lambda name: True)
    assert events == []
    assert not os.path.exists("owned")


DAMAGED = {
    "a call of a text": text("os.system") + b")R.",
    "a call with a list": b"ccollections\nOrderedDict\n]R.",
    "a state for a list": b"]}b.",
    "a state for a number": b"K\x01}b.",
    "a name that is no text": b"K\x01K\x02\x93.",
    "registered names": b"\x82\x01.",
    "something outside": b"Pkey\n.",
    "something outside, computed": text("key") + b"Q.",
    "a buffer outside": b"\x97.",
    "a mark for a value": b"(.",
    "a mark within a tuple": b"(K\x01\x86.",
    "an empty stack": b".",
    "items without a value": b"}(K\x01u.",
    "a memo that is empty": b"h\x07.",
    "a place in the memo far away": b"Nr\xff\xff\xff\xff.",
    "no end": b"K\x01",
    "a text longer than the file": b"X\xff\xff\xff\x7fabc.",
    "bytes longer than the file": b"\x8e" + struct.pack("<Q", 1 << 62) + b"abc.",
    "a frame longer than the file": b"\x95" + struct.pack("<Q", 1 << 62) + b"N.",
    "a number of a billion digits": b"\x8b" + struct.pack("<i", 1 << 30) + b"\x01.",
    "a number of a thousand digits": b"I" + b"9" * 1000 + b"\n.",
    "bytes of a number": b"cbuiltins\nbytes\nJ\x00\x00\x00\x7f\x85R.",
    "a list for a key": b"}(]Nu.",
    "a dictionary for a member": b"\x8f(}\x90.",
    "another encoding": b"c_codecs\nencode\n" + text("aGk=") + text("base64") + b"\x86R.",
    "a text without quotation marks": b"Sabc\n.",
    "no text": b"X\x01\x00\x00\x00\xff.",
    "a protocol to come": b"\x80\x09N.",
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_pickles_are_refused(kind: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"\w") as caught:
            read(DAMAGED[kind])
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert not isinstance(caught.value, ForeignNameError)
    assert "\n" not in str(caught.value)


def nested(opening: bytes, closing: bytes, depth: int) -> bytes:
    return opening * depth + b"N" + closing * depth + b"."


@pytest.mark.parametrize(
    ("opening", "closing"),
    [(b"", b"\x85"), (b"]", b"a"), (b"}K\x01", b"s"), (b"(", b"t"), (b"cx\nX\n", b"\x85R"), (b"cx\nX\n)R", b"b")],
)
def test_deep_nesting_ends_no_process(opening: bytes, closing: bytes) -> None:
    """Not while it is read, and not when it is forgotten."""
    with pytest.raises(ValueError, match="nested too deep"):
        read(nested(opening, closing, 60_000), admitted({"x.X"}))
    value = read(nested(opening, closing, DEEPEST // 2 - 1), admitted({"x.X"}))
    assert repr(value)


def test_a_key_as_deep_as_the_file_likes_is_refused() -> None:
    with pytest.raises(ValueError, match="for a key"):
        read(b"}" + b")" + b"\x85" * 60_000 + b"Ns.")


def test_budgets() -> None:
    with pytest.raises(ValueError, match="more values"):
        read(b"N0" * MOST_VALUES + b"N.")
    with pytest.raises(ValueError, match="bytes"):
        read(b"X" + struct.pack("<I", LONGEST_TEXT + 1) + bytes(LONGEST_TEXT + 1) + b".")
    # One text of 4 MB encoded again and again, and one list of a thousand made into sets again and again.
    encoded = b"c_codecs\nencode\n" + text("x" * LONGEST_TEXT) + text("latin1") + b"\x86q\x010q\x020"
    with pytest.raises(ValueError, match="more values"):
        read(encoded + b"h\x02h\x01R0" * 1000 + b"N.")
    members = b"](" + b"".join(b"M" + struct.pack("<H", number) for number in range(1000)) + b"e\x85q\x010"
    with pytest.raises(ValueError, match="more values"):
        read(members + b"cbuiltins\nset\nq\x020" + b"h\x02h\x01R" * 2000 + b".")


def test_names_alone_are_names() -> None:
    assert read(b"ctorch\nFloatStorage\n.", admitted({"torch.FloatStorage"})) == Name("torch.FloatStorage")
