"""Texts: tables, recipes, graphs and word lists, with lines, cells, numbers and letters that nobody writes."""

from __future__ import annotations

import re
from pathlib import Path

from tests.hostile.construct.base import Construct, Made
from tests.hostile.texts import NUMBERS, TEXTS


def fits(file: Path, head: bytes) -> bool:
    """Whether the file is text that people write."""
    return head[:1] not in (b"\x80", b"\x89", b"G", b"P") and file.suffix in (
        ".csv", ".tsv", ".txt", ".toml", ".dot", ".gv", ".dagitty", ".dag", ".svg", ".jsonl", ".bib", ".md",
    )  # fmt: skip


def _text(made: Made) -> str:
    return made.data.decode("utf-8", "replace")


def _write(made: Made, text: str) -> None:
    made.write(text.encode("utf-8", "surrogatepass"))


def _number(made: Made) -> None:
    """A number in it becomes another."""
    text = _text(made)
    numbers = list(re.finditer(r"-?\d+(?:\.\d+)?", text))
    if numbers:
        chosen = numbers[int(made.random.integers(len(numbers)))]
        odd = made.any_of(NUMBERS)
        told = "9" * 6000 if isinstance(odd, int) and abs(odd) > 10**1000 else repr(odd)
        _write(made, text[: chosen.start()] + told + text[chosen.end() :])


def _word(made: Made) -> None:
    """A word in it becomes another."""
    text = _text(made)
    words = list(re.finditer(r"\w+", text))
    if words:
        chosen = words[int(made.random.integers(len(words)))]
        _write(made, text[: chosen.start()] + made.any_of(TEXTS) + text[chosen.end() :])


def _line(made: Made) -> None:
    """A line is there many times, or one of its own is put in."""
    lines = _text(made).splitlines(keepends=True) or [""]
    place = int(made.random.integers(len(lines)))
    new = made.any_of((lines[place] * 20_000, made.any_of(TEXTS) + "\n", ",".join("1" for _ in range(400_000)) + "\n"))
    _write(made, "".join([*lines[:place], new, *lines[place:]]))


def _text_of(text: str) -> Construct:
    return lambda made: _write(made, text)


def _encoded(encoding: str) -> Construct:
    return lambda made: made.write(_text(made).encode(encoding, "replace"))


def _added(text: str) -> Construct:
    return lambda made: _write(made, _text(made) + text)


def _first(text: str) -> Construct:
    return lambda made: _write(made, text + _text(made))


CONSTRUCTIONS: dict[str, Construct] = {
    **{f"a number, {turn}": _number for turn in range(12)},
    **{f"a word, {turn}": _word for turn in range(12)},
    **{f"a line, {turn}": _line for turn in range(4)},
    "a cell of a MB": _added("\n" + "a" * 900_000 + ",1\n"),
    "a quoted cell of a MB": _added('\n"' + "a," * 450_000 + '",1\n'),
    "a quote without end": _added('\n"' + "a,b\n" * 100_000),
    "a million columns": _text_of(",".join(map(str, range(140_000))) + "\n"),
    "many lines": _text_of("0,1,0.5,smile\n" * 70_000),
    "digits": _text_of("1" * 1_000_000),
    "dots": _text_of("0." * 500_000),
    "blanks": _text_of(" " * 1_000_000 + "x"),
    "tabs and blanks": _text_of("\t ; , " * 180_000 + "x"),
    "line ends": _text_of("\r\n\r" * 300_000),
    "zeros": _text_of("\0" * 100_000),
    "brackets": _text_of("dag {" + "{" * 400_000),
    "digraph brackets": _text_of("digraph {" + "subgraph {" * 100_000),
    "lists": _text_of("a = " + "[" * 100_000),
    "lists, closed": _text_of("a = " + "[" * 20_000 + "]" * 20_000),
    "tables": _text_of("a = " + "{a = " * 50_000),
    "tables within": _text_of("[" + ".".join("a" for _ in range(50_000)) + "]\nb = 1\n"),
    "a name of parts": _text_of("a." * 5_000 + "b = 1\n" + "a." * 5_000 + "c = 1\n"),
    "many names": _text_of("".join(f"a{number} = 1\n" for number in range(60_000))),
    "quotes": _text_of('"' * 300_001),
    "comments": _text_of("/*" * 300_000),
    "backslashes": _text_of('dag { "' + "\\" * 300_001),
    "arrows": _text_of("dag { " + " -> ".join(f"v{number}" for number in range(30_000)) + " }"),
    "a clique": _text_of(
        "digraph { {" + " ".join(f"a{n}" for n in range(400)) + "} -> {" + " ".join(f"b{n}" for n in range(400)) + "} }"
    ),
    "UTF-16": _encoded("utf-16"),
    "UTF-32": _encoded("utf-32"),
    "Latin-1": lambda made: made.write(_text(made).encode("latin1", "replace") + b"\n\xe9\n"),
    "marks of order": _first("\ufeff\ufeff"),
    "turned letters": _first("\u202e\u2066"),
    "lone halves": _first("\ud800"),
    "a long first line": _first("# " + "x" * 900_000 + "\n"),
}
