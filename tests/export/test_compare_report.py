"""A comparison as files: every number comes back, nothing is fetched from outside, whole or not at all."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image
from test_measure_tables import texts

from explorer.comparison import recognition, table
from explorer.engine.engine import Engine
from explorer.errors import Cancelled, ExportError
from explorer.export import compare_page, compare_report, compare_tables
from explorer.export.compare_html import html_page
from explorer.export.embed import from_pdf
from explorer.scene.compare_text import effect_text, interval, matched, remarks, shown_columns, standing
from explorer.scene.comparison import Column, CompareOptions, CompareReport, Direction, Figure, MethodResult
from explorer.scene.model import ControlSetRef, ModelRef

numbers = some.floats(-1e6, 1e6, allow_nan=False)
figures = some.builds(
    Figure, value=some.none() | numbers, low=some.none() | numbers, high=some.none() | numbers,
    null=some.none() | numbers, note=texts | some.just(""),
)  # fmt: skip


@some.composite
def reports(draw: some.DrawFn) -> CompareReport:
    names = draw(some.lists(texts, max_size=3, unique=True))
    attributes = tuple(draw(some.lists(texts, max_size=3, unique=True)))
    row = some.tuples(*(some.none() | numbers for _ in attributes))
    direction = some.builds(
        Direction, name=texts, alpha=some.none() | numbers, effects=row, signed=row, information=row,
        match=some.integers(-1, 3), sign=some.sampled_from((-1, 1)),
    )  # fmt: skip
    result = some.builds(
        MethodResult, method=texts, title=texts, role=some.sampled_from(("method", "chance", "ceiling")),
        controls=some.just(ControlSetRef(method="pca")), problem=texts | some.just(""),
        columns=some.fixed_dictionaries(dict.fromkeys(names, figures)),
        directions=some.lists(direction, max_size=2).map(tuple), seconds=some.floats(0, 1e5),
        labels=some.integers(0, 10**6), settings=some.dictionaries(texts, some.integers() | texts, max_size=2),
    )  # fmt: skip
    return CompareReport(
        model=ModelRef(path="m"), name=draw(texts), options=CompareOptions(methods=("pca",)), space="w",
        attributes=attributes, varying=tuple(draw(some.booleans()) for _ in attributes),
        columns=tuple(Column(name=name, title=draw(texts), better="higher", meaning=draw(texts)) for name in names),
        methods=tuple(draw(some.lists(result, min_size=1, max_size=3, unique_by=lambda one: one.method))),
        contract=tuple(draw(some.lists(texts, max_size=2))),
    )  # fmt: skip


def example() -> CompareReport:
    """A report with what could go wrong: a method that failed, a number at chance, one that is not defined, a dead and
    a turned direction, an attribute that never varies."""
    columns = (
        Column(name="modularity", title="Modularity", better="higher", meaning="Of one attribute."),
        Column(name="additivity", title="Additivity error", better="lower", meaning="Of pairs.", paper="A & B 2020"),
        Column(name="mcc", title="Matched cosine", better="higher", meaning="With the truth."),
    )
    directions = (
        Direction(name="PC 1", alpha=1.25, effects=(1.5, None), signed=(-1.4, None), information=(0.3, None), match=0),
        Direction(name="PC 2", alpha=None, effects=(None, None), signed=(None, None), information=(0.1, None)),
    )
    turned = msgspec.structs.replace(directions[0], name="random 1", sign=-1)
    missing = Figure(value=None, note="the true directions are not known")
    chance = {
        "modularity": Figure(value=0.12, low=0.1, high=0.15, null=0.11),
        "additivity": Figure(value=0.5, low=0.4, high=0.6, null=0.5),
        "mcc": missing,
    }
    better = chance | {"modularity": Figure(value=0.71, low=0.6, high=0.8, null=0.11)}
    ref = ControlSetRef(method="random_orthogonal", k=2)
    return CompareReport(
        model=ModelRef(path="toy0", fingerprint="f" * 64), name="a_toy <b>", attributes=("smile", "hat_colour"),
        options=CompareOptions(methods=("random", "pca"), k=2, seeds=(0, 1)), space="w", varying=(True, False),
        columns=columns, contract=("Same model & 2 directions.", "Calibrated: τ = 0.06."), seconds=3.0,
        methods=(
            MethodResult(method="random_orthogonal", asked="random", title="Random directions", role="chance",
                         controls=ref, columns=chance, directions=(turned,)),
            MethodResult(method="pca", title="PCA", role="method", controls=ref, columns=better, directions=directions,
                         settings={"samples": 100}, evaluations=1234, seconds=1.5),
            MethodResult(method="attribute_regression", title="Attribute regression", role="ceiling", controls=ref,
                         problem="It needs <attributes>."),
        ),
    )  # fmt: skip


class Page(HTMLParser):
    """What a browser would see: tags, their attributes, the text; and whether every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def outside(self) -> list[str]:
        """Whatever would be fetched from elsewhere."""
        links = [value or "" for _, found in self.tags for name, value in found.items() if name in ("src", "href")]
        return [link for link in links if not link.startswith("data:")] + re.findall(r"url\(|@import", self.text)


def test_json_has_the_shape_that_scripts_rely_on() -> None:
    read = json.loads(compare_tables.json_text(example()))
    assert (read["model"], read["k"]) == ("a_toy <b>", 2)
    assert list(read["methods"]) == ["random", "pca", "attribute_regression"]
    found = read["methods"]["pca"]
    assert (found["evaluations"], found["seconds"]) == (1234, 1.5)
    assert {"value": 0.71, "low": 0.6, "high": 0.8, "null": 0.11}.items() <= found["columns"]["modularity"].items()
    assert found["columns"]["mcc"]["value"] is None
    assert read["methods"]["random"]["method"] == "random_orthogonal"
    assert read["methods"]["attribute_regression"]["problem"] == "It needs <attributes>."
    assert read["contract"] == list(example().contract)


@settings(max_examples=15, deadline=None)
@given(reports())
def test_csv_gives_every_number_back(report: CompareReport) -> None:
    read = list(csv.DictReader(io.StringIO(compare_tables.csv_table(report), newline="")))
    for result in report.methods:
        mine = [row for row in read if row["method"] == result.method]
        if result.problem:
            assert [row["note"] for row in mine] == [result.problem]
            continue
        for name, value in result.columns.items():
            (row,) = [one for one in mine if one["measure"] == name and not one["direction"]]
            for part in ("value", "low", "high", "null"):
                assert (float(row[part]) if row[part] else None) == getattr(value, part)
        effects = [row["value"] for row in mine if row["measure"] == "effect"]
        wanted = [value for one in result.directions for value in one.effects]
        assert [float(text) if text else None for text in effects] == wanted


@settings(max_examples=15, deadline=None)
@given(reports())
def test_no_report_breaks_a_table(report: CompareReport) -> None:
    width = len(shown_columns(report)) + 4
    for line in compare_tables.latex_table(report).splitlines():
        if line.endswith(r"\\") and not line.startswith("%"):
            spanned = sum(int(count) - 1 for count in re.findall(r"\\multicolumn{(\d+)}", line))
            assert len(re.findall(r"(?<!\\)&", line)) + spanned + 1 == width
    page = Page(html_page(report))
    assert page.outside() == []
    assert json.loads(from_pdf(compare_page.page(report)) or b"")["model"] == report.name


def test_tables_read_as_they_should() -> None:
    text = compare_tables.latex_table(example())
    assert r"Random directions \textit{(chance)} & \atchance{0.120} & \atchance{0.500} & 0 & 0 & 0.0 \\" in text
    assert r"PCA & 0.710 & \atchance{0.500} & 0 & 1234 & 1.5 \\" in text
    assert r"& \interval{[0.600, 0.800]} & \interval{[0.400, 0.600]} &" in text
    assert r"Attribute regression \textit{(ceiling)} & \multicolumn{5}{l}{n/a} \\" in text
    assert "% Same model & 2 directions." in text
    assert "Matched cosine: the true directions are not known." in remarks(example())
    assert "PCA: with samples 100." in remarks(example())
    page = Page(html_page(example()))
    assert "Calibrated: τ = 0.06." in page.text
    assert "a_toy <b>" in page.text
    assert "It needs <attributes>." in page.text
    values = [found["data-value"] for tag, found in page.tags if tag == "td" and "data-value" in found]
    assert "0.71" in values


def test_another_program_reads_the_page(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(compare_page.page(example()))
    if not shutil.which("gs"):
        pytest.skip("ghostscript is absent")
    asked = ["gs", "-q", "-dNOPAUSE", "-dBATCH", "-dSAFER", "-sDEVICE=txtwrite", "-sOutputFile=-", tmp_path / "a.pdf"]
    text = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout
    for wanted in ("PCA", "0.710", "[0.600, 0.800]", "Same model & 2 directions.", "hat_colour", "1.50"):
        assert wanted in text
    assert "Error" not in text


def test_what_is_said_of_numbers() -> None:
    higher, lower = (Column(name="a", title="A", better=better, meaning="") for better in ("higher", "lower"))
    inside, above = Figure(value=0.5, low=0.4, high=0.6, null=0.5), Figure(value=0.9, low=0.8, high=1.0, null=0.5)
    assert [standing(higher, inside), standing(higher, above), standing(lower, above)] == [
        "at chance",
        "",
        "below chance",
    ]
    assert standing(higher, Figure(value=None, null=0.5)) == ""
    assert standing(lower, Figure(value=0.0, low=0.0, high=0.0, null=0.0)) == ""  # by construction
    assert standing(lower, Figure(value=0.0, low=0.0, high=0.1, null=0.0)) == "at chance"
    assert standing(higher, Figure(value=0.0, low=0.0, high=0.0, null=0.0)) == "at chance"
    assert interval(above) == "[0.800, 1.000]"
    one = example().methods[1].directions[0]
    assert effect_text(one, ("smile", "hat")) == "smile −1.50"
    assert effect_text(msgspec.structs.replace(one, sign=-1), ("smile", "hat")) == "smile +1.50"
    assert [[way.name if way else "" for way in row] for row in matched(example())] == [["random 1", "PC 1", ""]]


@pytest.fixture
def compared(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> CompareReport:
    monkeypatch.setattr(table, "BOOTSTRAP", 5)
    monkeypatch.setattr(recognition, "EPOCHS", 1)
    asked = CompareOptions(methods=("pca",), k=2, bases=4, observed=200, nulls=2)
    (found,) = engine.compare([ModelRef(path="toy0")], asked)
    return found


def test_the_folder_holds_everything_with_strips(engine: Engine, compared: CompareReport, tmp_path: Path) -> None:
    place, shares = tmp_path / "report", []
    compare_report.write(engine, [compared], place, shares.append)
    assert shares[-1] == 1.0
    assert sorted(one.name for one in place.iterdir()) == sorted(compare_report.FILES)
    page = Page((place / "index.html").read_text())
    assert page.outside() == []
    pictures = [found["src"] for tag, found in page.tags if tag == "img"]
    assert len(pictures) == 4  # two methods, two rows; the ceiling has no numbers on a toy
    strip = Image.open(io.BytesIO(base64.b64decode((pictures[0] or "").partition(",")[2])))
    assert strip.size == (5 * 16 + 4 * 2, 16)
    assert json.loads((place / "compare.json").read_text())["model"] == "toy0"
    compare_report.write(engine, [compared, compared], place)  # a report is replaced
    assert sorted(one.name for one in place.iterdir()) == ["index.html", "toy0", "toy0 2"]
    links = [found["href"] for tag, found in Page((place / "index.html").read_text()).tags if tag == "a"]
    assert links == ["toy0/index.html", "toy0 2/index.html"]
    compare_report.write(engine, [compared], place / "a.html")
    assert "data:image/png" in (place / "a.html").read_text()


def test_what_paths_are_like_is_in_every_file(engine: Engine, compared: CompareReport, tmp_path: Path) -> None:
    names = ("nonlinearity", "round_trip", "order_dependence")
    titles = [column.title for column in compared.columns if column.name in names]
    assert titles == ["Non-linearity of the path", "Round-trip error", "Order dependence"]
    compare_report.write(engine, [compared], tmp_path / "report")
    read = {one.name: one.read_bytes().decode("utf-8", "replace") for one in (tmp_path / "report").iterdir()}
    for title in titles:
        assert title in read["index.html"]
        assert title in read["table.tex"]
    columns = json.loads(read["compare.json"])["methods"]["pca"]["columns"]
    written = {(row["method"], row["measure"]): row["value"] for row in csv.DictReader(io.StringIO(read["table.csv"]))}
    for name in names:
        assert columns[name] == {"value": 0.0, "low": 0.0, "high": 0.0, "null": 0.0, "note": ""}
        assert float(written["pca", name]) == 0.0
    shown = {column.name for column in shown_columns(compared)}
    assert set(names) <= shown


def test_whole_or_not_at_all(engine: Engine, compared: CompareReport, tmp_path: Path) -> None:
    def stop(share: float) -> None:
        if share > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        compare_report.write(engine, [compared], tmp_path / "out" / "report", stop)
    assert not (tmp_path / "out").exists()  # the folder that was made for it went with it
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(ExportError, match="exists and holds other files"):
        compare_report.write(engine, [compared], tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    with pytest.raises(ExportError, match=r"is no report; use \.html"):
        compare_report.check(tmp_path / "a.docx")
    with pytest.raises(ExportError, match="can hold one model's report"):
        compare_report.check(tmp_path / "a.pdf", 2)
