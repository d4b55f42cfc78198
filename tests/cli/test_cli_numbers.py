"""Numbers on the command line: what is read is what was typed, and nothing is drawn where that cannot be told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from typer.models import ArgumentInfo, OptionInfo

from explorer.cli import arguments, numbers
from explorer.cli.main import app, run
from explorer.errors import ExplorerError
from explorer.export.embed import read
from explorer.scene.model import Edit


def _numbers() -> Iterator[tuple[str, OptionInfo | ArgumentInfo]]:
    """The options and arguments of every command that are numbers, by command and parameter."""
    for command in app.registered_commands:
        assert command.callback is not None
        for name, hint in get_type_hints(command.callback, include_extras=True).items():
            kind, *rest = get_args(hint) or (hint,)
            if {int, float} & {kind, *get_args(kind)}:
                yield f"{command.callback.__name__} {name}", rest[0]


def test_every_number_of_every_command_is_read_by_the_one_parser() -> None:
    """The library's own numbers take 1_000 and nan."""
    readers = {name: option.parser for name, option in _numbers()}
    assert {"render seed", "traverse high", "train size", "sheet columns"} <= readers.keys()
    assert [name for name, parser in readers.items() if parser is None or parser.__module__ != numbers.__name__] == []


def test_the_help_shows_the_ranges(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "--help"]) == 0
    said = capsys.readouterr().out
    for part in ("--seed 0…4294967295", "--psi 0…1.5", "-k 1…"):
        assert part in said


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["sheet", "m", "--seeds", "7-0", "-o", "a.png"], "'--seeds': '7-0' runs backwards; write 0-7."),
        (["sheet", "m", "--seeds", "0-20000", "-o", "a.png"], "'0-20000' are more than 10000 seeds"),
        (["compare", "m", "--methods", "pca", "--seeds", "2-0"], "'--seeds': '2-0' runs backwards"),
        (["compare", "m", "--methods", "pca", "--seeds", "1,000"], "'000' is no list of seeds"),
        (["sheet", "m", "--amounts", "1,,2", "-o", "a.png"], "'--amounts': '1,,2' lacks a number"),
        (["sheet", "m", "--amounts", "-1,5 0", "-o", "a.png"], "'5 0' has marks between its digits"),
        (["sheet", "m", "--columns", "1_0", "--range", "minmax", "-o", "a.png"], "'1_0' is no whole number"),
        (["render", "m", "--seed", "1_000", "-o", "a.png"], "'--seed': '1_000' is no whole number"),
        (["render", "m", "--seed", "1,000", "-o", "a.png"], "'1,000' is no whole number"),
        (["render", "m", "--psi", "1.0.0", "-o", "a.png"], "'--psi': '1.0.0' has marks between its digits"),
        (["render", "m", "--psi", "nan", "-o", "a.png"], "'nan' is no number"),
        (["render", "m", "--psi", "1,7", "-o", "a.png"], "1.7 is out of range; it must be between 0 and 1.5"),
        (["render", "m", "--move", "z0=1.234,5", "-o", "a.png"], "'--move': '1.234,5' has marks between its digits"),
        (["render", "m", "--move", "z0=", "-o", "a.png"], "'--move': An empty text is no number"),
        (["traverse", "m", "--control", "z", "--from", "1 5", "-o", "a.mp4"], "'--from': '1 5' has marks"),
        (["measure", "m", "-n", "5,000"], "'-n': '5,000' is no whole number"),
        (["measure", "m", "--rotate", "z1,z2,4.5.0"], "'--rotate': '4.5.0' has marks between its digits"),
        (["import", "m", "a.npy", "-o", "a.safetensors", "--layers", "3-0"], "'--layers': '3-0' runs backwards"),
    ],
)
def test_what_could_be_another_number_is_refused(
    typed: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(typed) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert sentence in said
    assert list(tmp_path.iterdir()) == []


def test_both_marks_are_the_decimal_point(model: str, tmp_path: Path) -> None:
    for number, move in enumerate(("z0=1,5", "z0=1.5", "z0=−1,5", "z0=١٫٥")):
        assert run(["render", model, "--psi", "0,6", "--move", move, "-o", f"{number}.png"]) == 0
    scenes = [read(tmp_path / f"{number}.png")[0] for number in range(4)]
    assert [scene.panes[0].edits for scene in scenes] == [(Edit("z0", amount),) for amount in (1.5, 1.5, -1.5, 1.5)]
    assert {scene.truncation_psi for scene in scenes} == {0.6}


def test_a_sheet_says_which_amounts_it_read(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In a list a comma parts numbers, which nobody should have to find out from the picture."""
    for amounts, said in (("-1,5", "−1, 5"), ("-1,5; 0", "−1.5, 0")):
        assert run(["sheet", model, "--control", "z0", "--amounts", amounts, "-o", "a.png"]) == 0
        assert f"wrote a.png: columns at {said}" in capsys.readouterr().out


def test_settings_are_numbers_where_they_write_one() -> None:
    typed = ["a=0,05", "b=7", "c=true", "d=0.3,0.6,0.7,0.8", "e=1_000", "f=nan", "g=1e-3", "h=−2"]
    assert dict(arguments.settings(typed)) == {
        "a": 0.05, "b": 7, "c": True, "d": "0.3,0.6,0.7,0.8", "e": "1_000", "f": "nan", "g": 0.001, "h": -2,
    }  # fmt: skip


def test_lists_name_their_option() -> None:
    assert numbers.numbers("-1,5;0", "--amounts") == (-1.5, 0.0)
    assert numbers.seeds("0-2,9", "--seeds") == (0, 1, 2, 9)
    with pytest.raises(ExplorerError, match="'--x'"):
        numbers.seeds("a", "--x")
