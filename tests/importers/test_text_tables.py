"""Text that people write beside their models: one separator, one decimal mark, an encoding that is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import ToyGenerator

from explorer.controls.linear import LinearControl
from explorer.errors import ControlError, ExplorerError
from explorer.importers.delimited import cells, number
from explorer.importers.registry import read
from explorer.scene.cards import ModelCard
from explorer.training.base import read_recipe

BEFORE = (0, 6, 12, 18, 23)
"""Channels of styles before each layer of the tiny StyleGAN2."""


def _read(text: str | bytes, model: ModelCard, folder: Path, name: str = "c.csv") -> list[tuple[str, int, float]]:
    """(name, place among all styles, amount) of every control."""
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    channels = []
    for control in read(folder / name, model).controls:
        assert isinstance(control, LinearControl)
        (place,) = control.direction.nonzero().flatten().tolist()
        channels.append((control.card.name, place, round(float(control.direction[place]), 6)))
    return channels


@pytest.mark.parametrize(
    "text",
    [
        "3,4,1.35,smile\n0,1,2.5,hair\n",
        "3;4;1,35;smile\n0;1;2,5;hair\n",
        "3;4;1.35;smile\r\n0;1;2.5;hair\r\n",
        "3\t4\t1.35\tsmile\n0\t1\t2,50\thair\n".replace("2,50", "2.5"),
        "3\t4\t1,35\tsmile\n0\t1\t2,5\thair\n",
        "3 4 1.35 smile\n0   1   2.5   hair\n",
        "(3, 4) 1.35 smile\n(0, 1) 2.5 hair\n",
        "3_4;1,35;smile\n0_1;2,5;hair\n",
        "layer;channel;sigma;name\n3;4;1,35;smile\n\n# mine\n0;1;2,5;hair\n",
        ' 3 , 4 , 1.35 , "smile" \n0,1,+2.5e0,hair,,\n',
    ],
)
def test_every_separator_and_both_decimal_marks_mean_one_thing(text: str, stylegan2: ModelCard, tmp_path: Path) -> None:
    expected = [("smile", BEFORE[3] + 4, 1.35), ("hair", BEFORE[0] + 1, 2.5)]
    assert _read(text, stylegan2, tmp_path) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("3,4,1,35,smile\n", "separated by commas .amounts with a decimal point"),
        ("3,4,1,35\n", "separated by commas"),
        ("0,3,4,1.35\n1,0,1,2.5\n", "separated by commas"),  # an index before the layer
        ("3;4;1,35;smile\n0,1,2.5,hair\n", "'0,1,2.5,hair', which is not of the form"),
        ("3;4;1.234,5;smile\n", "not of the form"),
        ("3;4;1,5;a\n0;1;2.5;b\n", "some amounts with a decimal point and some with a decimal comma"),
        ("3,4,1.35,smile, wide\n", "names with a comma in quotes"),
        ("3;4;1_0;smile\n", "not of the form"),
        ("channel,layer,sigma\n4,3,1.35\n", "in the order layer, channel"),
        ("3,4,1e999\n", "not of the form"),
        ("3,4,inf\n", "not of the form"),
        ("3;4;0,0\n", "moves nothing"),
    ],
)
def test_lines_that_could_mean_something_else_are_refused(
    text: str, sentence: str, stylegan2: ModelCard, tmp_path: Path
) -> None:
    with pytest.raises(ControlError, match=sentence):
        _read(text, stylegan2, tmp_path)


def test_names_keep_brackets_blanks_and_quoted_separators(stylegan2: ModelCard, tmp_path: Path) -> None:
    text = '3,4,1.35,"smile, wide"\n0,1,2.5,hair (dark; long)\n'
    assert [name for name, *_ in _read(text, stylegan2, tmp_path)] == ["smile, wide", "hair (dark; long)"]
    assert _read("3 4 1.35 a wide smile\n", stylegan2, tmp_path)[0][0] == "a wide smile"


@settings(max_examples=100, deadline=None)
@given(
    amount=st.floats(1e-6, 1e6),
    separator=st.sampled_from("\t;, "),
    comma=st.booleans(),
    name=st.text("ab é-λ", min_size=1, max_size=8).map(str.strip).filter(bool),
)
def test_what_is_written_is_what_is_read(amount: float, separator: str, comma: bool, name: str) -> None:
    written = repr(amount).replace(".", "," if comma and separator != "," else ".")
    row = cells(separator.join(["3", "5", written, name]), separator, 4)
    assert (row[:2], number(row[2], separator), row[3]) == (["3", "5"], amount, name)


def test_another_encoding_is_named_and_nothing_is_guessed(stylegan2: ModelCard, tmp_path: Path) -> None:
    text = "3,4,1.35,Lächeln\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert _read(text.encode(encoding), stylegan2, tmp_path)[0][0] == "Lächeln"
    for encoding in ("latin-1", "cp1252", "cp437"):
        with pytest.raises(ControlError, match=r"'c.csv' is not encoded in UTF-8 \(line 2 .*; save it as UTF-8"):
            _read(b"# mine\n" + text.encode(encoding), stylegan2, tmp_path)
    (tmp_path / "a.jpg").write_bytes(text.encode("latin-1"))
    with pytest.raises(ControlError, match="neither an array"):
        read(tmp_path / "a.jpg", stylegan2)


def test_names_beside_a_file_are_not_lost_to_their_encoding(tmp_path: Path) -> None:
    toy = ToyGenerator(width=6).card
    torch.save(torch.from_numpy(np.eye(2, 6)), tmp_path / "a.pt")
    (tmp_path / "human_annotation.txt").write_bytes("0: Lächeln\n".encode("utf-16"))
    assert read(tmp_path / "a.pt", toy, "z").controls[0].card.name == "Lächeln"
    (tmp_path / "human_annotation.txt").write_bytes("0: Lächeln\n".encode("latin-1"))
    with pytest.raises(ControlError, match=r"'human_annotation.txt' is not encoded in UTF-8 \(line 1"):
        read(tmp_path / "a.pt", toy, "z")


def test_a_recipe_in_another_encoding_says_so(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b'licence = "f\xfcr alle"\n')
    with pytest.raises(ExplorerError, match=r"'mine.toml' is not encoded in UTF-8 \(line 1"):
        read_recipe(str(tmp_path / "mine.toml"))
    recipe = Path(__file__).parents[2] / "explorer" / "training" / "recipes"
    whole = next(recipe.glob("*.toml")).read_text()
    (tmp_path / "mine.toml").write_text(whole, encoding="utf-8-sig")  # as Windows' editor writes it
    assert read_recipe(str(tmp_path / "mine.toml")) == read_recipe(next(recipe.glob("*.toml")).stem)
