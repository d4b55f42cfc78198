"""Every instruction that pickles of protocols 0 to 5 have (:mod:`pickletools` documents them), and following them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from explorer.pickled.machine import MARK, Machine
from explorer.pickled.records import Admits
from explorer.pickled.source import Source
from explorer.pickled.unfolded import check_unfolded


def _frame(machine: Machine) -> None:
    if machine.number("<Q") > machine.source.end - machine.source.place:
        raise ValueError("a frame longer than the file")


def _protocol(machine: Machine) -> None:
    if machine.number("B") > 5:
        raise ValueError("a pickle of a protocol to come")


_STOP = b"."
_Step = Callable[[Machine], None]
_STEPS: dict[bytes, _Step] = {
    b"\x80": _protocol,
    b"\x95": _frame,
    b"(": lambda m: m.push(MARK),
    b"0": lambda m: m.drop(),
    b"1": lambda m: m.since_mark().clear(),
    b"2": lambda m: m.push(m.top()),
    # Plain values
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"I": lambda m: m.push(m.whole_line()),
    b"J": lambda m: m.push(m.number("<i")),
    b"K": lambda m: m.push(m.number("B")),
    b"M": lambda m: m.push(m.number("<H")),
    b"L": lambda m: m.push(m.whole_line()),
    b"\x8a": lambda m: m.push(m.long(m.number("B"))),
    b"\x8b": lambda m: m.push(m.long(m.number("<i"))),
    b"F": lambda m: m.push(float(m.digits())),
    b"G": lambda m: m.push(struct.unpack(">d", m.source.read(8))[0]),
    b"S": lambda m: m.push(m.quoted_line()),
    b"T": lambda m: m.push(m.old_text(m.number("<I"))),
    b"U": lambda m: m.push(m.old_text(m.number("B"))),
    b"V": lambda m: m.push(m.unicode_line()),
    b"X": lambda m: m.push(m.words(m.number("<I"))),
    b"\x8c": lambda m: m.push(m.words(m.number("B"))),
    b"\x8d": lambda m: m.push(m.words(m.number("<Q"))),
    b"B": lambda m: m.push(m.raw(m.number("<I"))),
    b"C": lambda m: m.push(m.raw(m.number("B"))),
    b"\x8e": lambda m: m.push(m.raw(m.number("<Q"))),
    b"\x96": lambda m: m.push(m.raw(m.number("<Q"))),
    # Containers
    b")": lambda m: m.push(()),
    b"t": lambda m: m.push(tuple(m.since_mark())),
    b"\x85": lambda m: m.tuple_of(1),
    b"\x86": lambda m: m.tuple_of(2),
    b"\x87": lambda m: m.tuple_of(3),
    b"]": lambda m: m.push([]),
    b"l": lambda m: m.push(m.since_mark()),
    b"a": lambda m: m.extend([m.pop()]),
    b"e": lambda m: m.extend(m.since_mark()),
    b"}": lambda m: m.push({}),
    b"d": lambda m: m.dictionary(m.since_mark()),
    b"s": lambda m: m.item(),
    b"u": lambda m: m.fill(m.since_mark()),
    b"\x8f": lambda m: m.push(set()),
    b"\x90": lambda m: m.add(m.since_mark()),
    b"\x91": lambda m: m.push(m.members(m.since_mark())),
    # The memo
    b"p": lambda m: m.remember(int(m.digits())),
    b"q": lambda m: m.remember(m.number("B")),
    b"r": lambda m: m.remember(m.number("<I")),
    b"\x94": lambda m: m.remember(len(m.memo)),
    b"g": lambda m: m.push(m.memo[int(m.digits())]),
    b"h": lambda m: m.push(m.memo[m.number("B")]),
    b"j": lambda m: m.push(m.memo[m.number("<I")]),
    # Names and what is called
    b"c": lambda m: m.push(m.named_line()),
    b"\x93": lambda m: m.stack_name(),
    b"R": lambda m: m.call(),
    b"\x81": lambda m: m.call(),
    b"\x92": lambda m: m.call_named(),
    b"o": lambda m: m.call_old(),
    b"i": lambda m: m.call_oldest(),
    b"b": lambda m: m.build(),
    b"P": lambda m: m.push(m.outside(m.text_line().decode())),
    b"Q": lambda m: m.push(m.outside(m.pop())),
}


def values_of(source: Source, admits: Admits, persistent: bool = False) -> Any:
    """What the pickle that begins at the next byte of ``source`` holds: None, numbers, texts, bytes, lists, tuples,
    sets, dictionaries, :class:`Name`, :class:`Payload` and :class:`Record`. ``persistent``: it may name things outside.

    It holds no circle and is no larger than it would be if every value in it were written out each time that it is
    named, so whatever walks it comes to an end. Raises :class:`ForeignNameError` for a name that is not admitted, and
    ValueError for a damaged or immoderate pickle.
    """
    machine = Machine(source, admits, persistent)
    try:
        while (code := source.read(1)) != _STOP:
            machine.charge(1)
            if code not in _STEPS:
                raise ValueError(f"the unknown instruction {code!r}")
            _STEPS[code](machine)
        value = machine.pop()
        check_unfolded(value)
        return value
    except (IndexError, KeyError, TypeError, struct.error, UnicodeError, OverflowError) as error:
        raise ValueError(f"a damaged pickle ({type(error).__name__})") from error
