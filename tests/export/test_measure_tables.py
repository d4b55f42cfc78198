"""Measures as CSV, LaTeX and PDF: every number comes back, every letter is escaped, another program reads the page."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from explorer.errors import ExportError
from explorer.export import tables
from explorer.export.embed import from_pdf
from explorer.export.latex import escaped
from explorer.export.pdf import text_width
from explorer.scene.measure_text import (
    against_chance,
    baseline_names,
    baselines_text,
    conditions,
    figure,
    labels,
    null_text,
    rows,
)
from explorer.scene.measures import MeasureReport, Rotation, Score

numbers = some.floats(-1e6, 1e6, allow_nan=False)
texts = some.text(some.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)
scores = some.builds(
    Score,
    value=some.none() | numbers,
    null=some.none() | numbers,
    null_high=some.none() | numbers,
    title=texts,
    paper=texts,
    better=some.sampled_from(("higher", "lower", "")),
    null_name=some.just("") | texts,
    baselines=some.dictionaries(texts, some.none() | numbers, max_size=3),
    group=some.sampled_from(("disentanglement", "latents", "quality", "counterfactuals")),
    estimator=texts,
    n=some.integers(0, 10**6),
    parts=some.dictionaries(texts, some.none() | numbers, max_size=3),
    note=texts,
)


@some.composite
def reports(draw: some.DrawFn) -> MeasureReport:
    latents = tuple(draw(some.lists(texts, max_size=4, unique=True)))
    factors = tuple(draw(some.lists(texts, min_size=1, max_size=3, unique=True))) if latents else ()
    matrix = some.tuples(*(some.tuples(*(numbers for _ in latents)) for _ in factors))
    return MeasureReport(
        model=draw(texts),
        fingerprint="f" * 64,
        world=draw(texts),
        n=draw(some.integers(2, 10**6)),
        rotation=draw(some.none() | some.just(Rotation(first="z4", second="z8"))),
        latents=latents,
        pruned=latents[:1],
        badges=("active",) * len(latents),
        factors=factors,
        nmi=draw(matrix),
        nmi_null=draw(matrix),
        estimator=draw(texts),
        metrics=draw(some.dictionaries(texts, scores, max_size=4)),
    )


several = some.lists(reports(), min_size=1, max_size=3)


def example(model: str = "a_model", **changes: object) -> MeasureReport:
    """A report with the things that could go wrong: rotated names, a missing number, less is better, chance above."""
    metrics = {
        "mig": Score(value=0.143, null=0.01, null_high=0.012, title="MIG", parts={"x": 0.2}, n=5000),
        "infom": Score(
            value=0.4,
            null=0.6,
            null_high=0.7,
            title="InfoM",
            note="5 of 10 latents kept",
            estimator="10 neighbours",
            paper="Hsu et al. 2023",
        ),
        "tc": Score(value=2.5, null=0.01, null_high=0.02, title="Total correlation", better="lower", group="latents"),
        "beta_vae": Score(value=None, title="β-VAE score", note="needs at least 2,000 pictures"),
        "fid": Score(value=123.456, null=12.3, null_high=15.0, title="Fréchet", better="lower", group="quality"),
        "length": Score(
            value=0.042,
            null=1.412,
            baselines={"noise set to 0": 0.066, "truth": 0.014},
            title="do(angle): error of length",
            better="lower",
            group="counterfactuals",
        ),
    }
    report = MeasureReport(
        model=model,
        fingerprint="f" * 64,
        world="sprites",
        n=5000,
        rotation=Rotation(first="z4", second="z8"),
        latents=("z4'", "z8'", "z9"),
        pruned=("z9",),
        badges=("active", "active", "passive"),
        factors=("x", "y"),
        nmi=((0.77, 0.01, 0.0), (0.02, 0.79, 0.0)),
        nmi_null=((0.01, 0.01, 0.0), (0.01, 0.01, 0.0)),
        estimator="I / H(factor) by 10 nearest neighbours (Ross)",
        metrics=metrics,
    )
    return msgspec.structs.replace(report, **changes)


@settings(max_examples=40, deadline=None)
@given(several)
def test_csv_gives_every_number_back(found: list[MeasureReport]) -> None:
    text = tables.csv_table(found)
    table = list(csv.DictReader(io.StringIO(text, newline="")))
    wanted: list[tuple[str, str, str, str, float | None, float | None]] = []
    for report in found:
        for name, score in report.metrics.items():
            wanted.append((report.model, name, "", "", score.value, score.null))
            wanted += [(report.model, name, "", line, value, None) for line, value in score.baselines.items()]
            wanted += [(report.model, name, part, "", value, None) for part, value in score.parts.items()]
        for k, factor in enumerate(report.factors):
            for j, latent in enumerate(report.latents):
                cell = f"{factor}:{latent}"
                wanted.append((report.model, "nmi", cell, "", report.nmi[k][j], report.nmi_null[k][j]))

    def number(text: str) -> float | None:
        return float(text) if text else None

    read = [
        (
            *(row[column] for column in ("model", "measure", "part", "baseline")),
            *map(number, (row["value"], row["null"])),
        )
        for row in table
    ]
    assert read == wanted
    assert all(bool(row["null_name"]) == bool(row["null"]) for row in table)


@settings(max_examples=40, deadline=None)
@given(several)
def test_json_is_the_report(found: list[MeasureReport]) -> None:
    read = json.loads(tables.document(found))
    kind = MeasureReport if len(found) == 1 else list[MeasureReport]
    assert msgspec.convert(read, kind) == (found[0] if len(found) == 1 else found)


@given(some.text(some.characters(exclude_categories=("Cs", "Cc")), max_size=40))
def test_no_letter_is_left_that_latex_would_act_on(text: str) -> None:
    found = escaped(text)
    # A command in the text itself would have lost its backslash to \textbackslash{}.
    bare = re.sub(r"\\([a-z]+|[{}&%$#_])", "", found.replace(r"\textbackslash{}", ""), flags=re.IGNORECASE)
    assert not re.search(r"[\\&%$#~]", bare)
    # What is left of _ and ^ are our own indices, inside \ensuremath{...}.
    assert all(bare[place - 1] == "{" for place, sign in enumerate(bare) if sign in "^_")
    depth = 0
    for sign in re.sub(r"\\[{}]", "", found):
        depth += (sign == "{") - (sign == "}")
        assert depth >= 0
    assert depth == 0


@settings(max_examples=40, deadline=None)
@given(several)
def test_every_row_of_a_tabular_has_its_columns(found: list[MeasureReport]) -> None:
    columns = 0
    text = "".join(line for line in tables.latex_table(found).splitlines(keepends=True) if not line.startswith("%"))
    for line in text.splitlines():
        if begun := re.match(r"\\begin{tabular}{(\w+)}", line):
            columns = len(begun[1])
        elif line.endswith(r"\\"):
            spanned = sum(int(width) - 1 for width in re.findall(r"\\multicolumn{(\d+)}", line))
            assert len(re.findall(r"(?<!\\)&", line)) + spanned + 1 == columns
        else:
            assert line in ("", r"\hline", r"\end{tabular}") or line.startswith(r"\providecommand")


def test_latex_reads_as_it_should() -> None:
    assert escaped(r"\input{a}") == r"\textbackslash{}input\{a\}"
    text = tables.latex_table([example()])
    assert r" & \multicolumn{2}{c}{a\_model} \\" in text
    assert r"MIG & 0.143 & \chance{0.010 (0.012)} \\" in text
    assert r"\ensuremath{\beta}-VAE score & – &  \\" in text
    assert r"Fréchet & 123.5 & \chance{data 12.300 (15.000)} \\" in text
    length = text.splitlines().index(r"do(angle): error of length & 0.042 & \chance{1.412} \\")
    assert text.splitlines()[length + 1 : length + 3] == [
        r"\quad \chance{noise set to 0} & \chance{0.066} &  \\",
        r"\quad \chance{truth} & \chance{0.014} &  \\",
    ]
    assert r" & z4' & z8' & z9 \\" in text
    assert "% InfoM: 5 of 10 latents kept; 10 neighbours; Hsu et al. 2023" in text  # what a note does not replace


def test_a_process_reads_the_page(tmp_path: Path) -> None:
    path = tables.write(tmp_path / "a.pdf", [example(), example("a-model-with-a-name-that-is-far-too-long-for-it")])
    data = path.read_bytes()
    table = int(data.rsplit(b"startxref\n", 1)[1].split()[0])
    lines = data[table:].split(b"\n")
    for number in range(1, int(lines[1].split()[1])):
        assert data[int(lines[2 + number][:10]) :].startswith(f"{number} 0 obj\n".encode())
    attached = msgspec.json.decode(from_pdf(data) or b"", type=list[MeasureReport])
    assert attached[0] == example()
    if shutil.which("gs"):
        asked = ["gs", "-q", "-dNOPAUSE", "-dBATCH", "-dSAFER", "-sDEVICE=txtwrite", "-sOutputFile=-", path]
        text = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout
        for wanted in (
            "a_model: world sprites",
            "MIG",
            "0.143",
            "0.010",
            "Total correlation",
            "0.77",
            "noise set to 0",
            "0.066",
        ):
            assert wanted in text
        assert "Error" not in text


@settings(max_examples=30, deadline=None)  # drawing letters that Helvetica lacks takes a while
@given(several)
def test_no_report_breaks_the_page(found: list[MeasureReport]) -> None:
    data = tables.page(found)
    assert data.startswith(b"%PDF-1.7")
    assert msgspec.json.decode(from_pdf(data) or b"", type=list[MeasureReport]) == found


def test_widths_of_letters_are_those_of_the_font() -> None:
    """Ghostscript has the metrics of Helvetica (of its clone) itself."""
    if not shutil.which("gs"):
        pytest.skip("ghostscript is absent")
    letters = "".join(chr(code) for code in range(32, 127))
    program = "/Helvetica findfont 1000 scalefont setfont "
    for sign in letters:
        program += f"<{ord(sign):02x}> stringwidth pop = "
    asked = ["gs", "-q", "-dNOPAUSE", "-dBATCH", "-dSAFER", "-sDEVICE=nullpage", "-"]
    ended = subprocess.run(asked, input=program, capture_output=True, text=True, check=True, timeout=60)
    printed = ended.stdout.split()
    # PostScript's own encoding has curly quotes where ASCII has straight ones.
    for sign, width in zip(letters, printed, strict=True):
        if sign not in "'`":
            assert text_width(sign, 1000) == pytest.approx(float(width), abs=1), sign


@pytest.mark.parametrize("name", ["a.xlsx", "a", "a.txt"])
def test_other_extensions_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"use \.csv, \.tex, \.pdf or \.json"):
        tables.write(tmp_path / name, [example()])
    assert list(tmp_path.iterdir()) == []


def test_what_is_said_of_chance() -> None:
    def said(value: float | None, better: str, **changes: Any) -> str:
        return against_chance(Score(value=value, null=0.5, null_high=0.6, better=better, **changes))

    assert [said(v, "higher") for v in (0.4, 0.5, 0.6, 0.7, None)] == ["below chance", "at chance", "at chance", "", ""]
    assert [said(v, "lower", group="latents") for v in (0.4, 0.6, 0.7)] == ["at chance", "at chance", ""]
    assert [said(v, "lower", group="counterfactuals") for v in (0.4, 0.5, 0.7)] == ["", "at chance", "at chance"]
    assert said(0.7, "lower", group="counterfactuals", null_name="noise set to 0") == ""
    assert said(0.4, "") == ""
    assert against_chance(Score(value=0.4)) == ""
    assert against_chance(Score(value=0.4, null=0.5)) == "below chance"
    assert against_chance(Score(value=0.4, null=0.9, null_high=1.0, group="quality")) == ""


def test_what_stands_beside_a_number_is_named() -> None:
    assert null_text(Score(value=0.4)) == ""
    assert null_text(Score(value=0.4, null=0.5)) == "0.500"
    assert null_text(Score(value=0.4, null=0.5, group="quality")) == "data 0.500", (
        "as reports of older programs have it"
    )
    assert null_text(Score(value=0.4, null=0.5, null_name="data of another world")) == "data of another world 0.500"
    assert baselines_text(Score(value=0.4)) == ""
    assert baselines_text(example().metrics["length"]) == "noise set to 0 0.066 · truth 0.014"
    other = example(metrics={"length": Score(value=1.0, baselines={"see": 1.0, "truth": 0.0})})
    assert baseline_names([example(), other], "length") == ("noise set to 0", "truth", "see")
    assert baseline_names([other], "mig") == ()


def test_reports_of_older_programs_are_read() -> None:
    old = '{"model": "m", "fingerprint": "f", "world": "w", "n": 5, "metrics": {"frechet": {"value": 2.0, "null": 1.0, '
    old += '"group": "quality"}, "counterfactual_error": {"value": 0.1, "null": 0.2, "group": "quality", '
    old += '"parts": {"see": 1.4}}}}'
    report = msgspec.json.decode(old, type=MeasureReport)
    assert report.metrics["counterfactual_error"].parts == {"see": 1.4}
    assert "data 1.000" in tables.latex_table([report])
    assert tables.page([report]).startswith(b"%PDF")


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.1234, "0.123"), (-0.5, "−0.500"), (-0.0001, "0.000"), (123.456, "123.5"), (99.9999, "100.000")],
)
def test_figures(value: float | None, text: str) -> None:
    assert figure(value) == text


def test_rows_are_in_the_order_of_the_groups() -> None:
    other = example(metrics={"fid": Score(value=1.0, group="quality"), "sap": Score(value=0.1, title="SAP")})
    assert list(rows([other, example()])) == ["sap", "mig", "infom", "beta_vae", "tc", "fid", "length"]
    assert rows([other])["fid"] == "fid"


def test_two_reports_of_one_model_are_told_apart() -> None:
    straight, other = example(rotation=None), example("other", rotation=None)
    assert labels([straight, other]) == ["a_model", "other"]
    assert labels([straight, example()]) == ["a_model", "a_model, z4, z8 by 45°"]
    assert labels([straight, example(rotation=None, selection="active")]) == ["a_model", "a_model, active latents"]
    assert labels([straight, example(rotation=None, sampling="causal")]) == ["a_model", "a_model, causal factors"]
    assert r"\multicolumn{2}{c}{a\_model, z4, z8 by 45" in tables.latex_table([straight, example()])


def test_conditions() -> None:
    assert (
        conditions(example())
        == "world sprites · 5000 pictures · seed 0 · 3 latents · z4, z8 turned by 45°, of unit variance"
    )
    assert "1 active latent" in conditions(example(latents=("z1",), selection="active"))
    drawn = conditions(example(sampling="causal"))
    assert drawn.startswith("world sprites, factors drawn from its causal model · 5000 pictures")
