"""The comparison as a whole: rows that are always there, what is shared, what is said, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Mapping

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import ToyGenerator, ToyVae

from explorer.comparison import jobs, recognition, table
from explorer.comparison.evidence import Stage, evidence
from explorer.comparison.jobs import EVALUATION_SEED, Workbench, digest
from explorer.comparison.packing import packed, unpacked
from explorer.comparison.request import NULL_SEEDS, checked, hurried, null_seeds, rows
from explorer.comparison.table import Subject, compare
from explorer.controls.control_set import ControlSet
from explorer.discovery import registry
from explorer.discovery.random_orthogonal import RandomOrthogonal
from explorer.discovery.true_directions import METHOD as TRUE
from explorer.errors import Cancelled, ControlError, ExplorerError
from explorer.generators.base import Generator, Progress
from explorer.metrics.direction_evidence import Evidence
from explorer.metrics.directions import COLUMNS
from explorer.scene.cards import MethodCard, SettingCard
from explorer.scene.compare_text import conditions
from explorer.scene.comparison import CompareOptions, CompareReport, usual_nulls
from explorer.scene.model import ControlSetRef, ModelRef, Scalar

SMALL = CompareOptions(methods=("random", "pca", "sefa"), k=3, seeds=(0, 1), bases=4, observed=200, nulls=3)
TOY = ModelRef(path="toy")


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Few draws and a recogniser that hardly learns: these have tests of their own."""
    patch.setattr(table, "BOOTSTRAP", 20)
    patch.setattr(recognition, "EPOCHS", 1)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def subject(generator: ToyGenerator | ToyVae, found: list[ControlSetRef] | None = None) -> Subject:
    def find(model: ModelRef, controls: ControlSetRef, progress: Progress | None) -> ControlSet:
        if found is not None:
            found.append(controls)
        method = registry.method(controls.method)
        return method.discover(generator, controls.k, controls.seed, dict(controls.settings), progress)

    return Subject(TOY, generator, find)


@pytest.fixture(scope="module")
def report() -> CompareReport:
    with pytest.MonkeyPatch.context() as patch:
        hurry(patch)
        (found,) = compare([subject(ToyGenerator(width=6, size=8))], SMALL)
    return found


def test_chance_and_ceiling_are_there_and_the_methods_in_order(report: CompareReport) -> None:
    assert [(row.method, row.asked, row.role) for row in report.methods] == [
        ("random_orthogonal", "random", "chance"),
        ("pca", "", "method"),
        ("sefa", "", "method"),
        ("attribute_regression", "", "ceiling"),
    ]
    # A toy shows no attributes, so there is nothing to regress: a row with a sentence and no numbers.
    ceiling = report.methods[-1]
    assert "does not say what it was trained on" in ceiling.problem
    assert ceiling.columns == {}
    assert ceiling.directions == ()
    assert any("Ceiling: there is none here." in sentence for sentence in report.contract)
    for row in report.methods[:-1]:
        assert row.problem == ""
        assert set(row.columns) == {column.name for column in COLUMNS}
        assert len(row.directions) == 3
        found = row.columns["additivity"]
        assert found.value is not None
        assert found.low is not None
        assert found.high is not None
        assert found.low <= found.value <= found.high
        assert found.null is not None
        assert row.columns["modularity"].value is None
        assert "no attributes" in row.columns["modularity"].note
    # One null for all, which is not the row of chance: its frames have other seeds.
    nulls = {row.columns["additivity"].null for row in report.methods[:-1]}
    assert len(nulls) == 1
    assert report.methods[0].columns["additivity"].value not in nulls


def test_the_same_question_has_the_same_answer(report: CompareReport) -> None:
    (again,) = compare([subject(ToyGenerator(width=6, size=8))], SMALL)
    for one, two in zip(report.methods, again.methods, strict=True):
        assert msgspec.structs.replace(one, seconds=0) == msgspec.structs.replace(two, seconds=0)


def test_the_seconds_of_a_report_are_those_that_it_took() -> None:
    started = time.perf_counter()
    reports = compare([subject(ToyGenerator(width=6, size=8))], SMALL)
    assert all(0 < one.seconds <= time.perf_counter() - started for one in reports)


def test_seeds_of_searches_nulls_and_evaluation_are_apart() -> None:
    found: list[ControlSetRef] = []
    compare([subject(ToyGenerator(width=6, size=8), found)], SMALL)
    searched = {(one.method, one.seed) for one in found}
    assert {seed for name, seed in searched if name == "pca"} == {0, 1}
    assert {seed for name, seed in searched if name == "random_orthogonal"} == {0, 1, *null_seeds(3)}
    assert EVALUATION_SEED not in {seed for _, seed in searched}
    assert min(null_seeds(3)) >= NULL_SEEDS > max(SMALL.seeds)
    assert len(found) == len(set(found))
    assert {one.k for one in found} == {3}


def test_rows_are_common_and_turned_to_agree(report: CompareReport) -> None:
    shown = [row for row in report.methods if not row.problem]
    for row in shown:
        assert sorted(one.match for one in row.directions) == [0, 1, 2]
        assert {one.sign for one in row.directions} <= {-1, 1}
    # Where nothing is the ceiling, the first row names the others.
    assert [one.match for one in shown[0].directions] == [0, 1, 2]
    assert {one.sign for one in shown[0].directions} == {1}


def test_the_contract_says_what_was_done(report: CompareReport) -> None:
    text = " ".join(report.contract)
    seeds = ("seeds 0, 1", "that takes 3")
    for wanted in (*seeds, "3 directions", "Same 4 base codes", "0.06", "3 further random", "in space w"):
        assert wanted in text
    assert "Quick" not in text


@given(k=st.integers(1, 512))
def test_as_many_frames_as_make_as_many_directions(k: int) -> None:
    count = usual_nulls(k)
    assert 3 <= count <= 16
    if 4 <= k <= 21:
        assert 64 - k < count * k <= 64
    assert count >= usual_nulls(k + 1)


def test_frames_of_chance_are_counted_and_said(report: CompareReport) -> None:
    assert checked(msgspec.structs.replace(SMALL, nulls=0)).nulls == usual_nulls(SMALL.k) == 16
    assert checked(msgspec.structs.replace(SMALL, nulls=0, k=8)).nulls == 8
    assert checked(msgspec.structs.replace(SMALL, nulls=0, quick=True)).nulls == 3
    assert checked(msgspec.structs.replace(SMALL, nulls=5, quick=True)).nulls == 5
    for wrong in (-1, 257):
        with pytest.raises(ControlError, match="random frames"):
            checked(msgspec.structs.replace(SMALL, nulls=wrong))
    (one,) = compare(
        [subject(ToyGenerator(width=6, size=8))], msgspec.structs.replace(SMALL, methods=("axes",), nulls=1)
    )
    assert one.options.nulls == 1
    assert "that of one more random frame" in " ".join(one.contract)
    assert "chance from 1 random frame ·" in f"{conditions(one)} ·"
    # More frames have another mean.
    three = report.methods[0].columns["additivity"].null
    assert three is not None
    assert one.methods[0].columns["additivity"].null != three


def test_reports_of_programs_that_did_not_count_frames_are_read(report: CompareReport) -> None:
    old = msgspec.json.decode(msgspec.json.encode(report))
    del old["options"]["nulls"]
    read = msgspec.convert(old, CompareReport)
    assert read.options == msgspec.structs.replace(report.options, nulls=0)
    assert "random frame" not in conditions(read)
    assert read.contract == report.contract


def test_directions_that_were_seen_are_not_seen_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def counted(on: Stage, controls: ControlSet, progress: Progress | None = None) -> Evidence:
        seen.append(controls.method)
        return evidence(on, controls, progress)

    monkeypatch.setattr(jobs, "evidence", counted)
    generator = ToyGenerator(width=6, size=8)
    compare([subject(generator)], msgspec.structs.replace(SMALL, methods=("axes",), seeds=(0, 1, 2)))
    # There is no chance in the axes: the same directions with every seed.
    assert sorted(seen) == ["latent_axes"] + ["random_orthogonal"] * 6
    first, second = (registry.method("axes").discover(generator, 3, seed) for seed in (0, 1))
    assert digest(first) == digest(second)
    assert digest(first) != digest(registry.method("axes").discover(generator, 2))


class Moody(RandomOrthogonal):
    """Fails as its setting says."""

    card = MethodCard(
        name="moody",
        title="Moody",
        spaces=(),
        trained=True,
        paper="",
        description="Fails.",
        settings=(
            SettingCard(name="mood", title="Mood", default="good"),
            SettingCard(name="steps", title="Steps", default=500, low=10),
        ),
    )

    def discover(
        self,
        generator: Generator,
        k: int,
        seed: int = 0,
        settings: Mapping[str, Scalar] | None = None,
        progress: Progress | None = None,
    ) -> ControlSet:
        mood = dict(settings or {}).get("mood", "good")
        if mood == "refuses":
            raise ControlError("Not today; ask tomorrow.")
        if mood == "breaks" and seed == 1:
            raise RuntimeError("a wheel came off")
        found = RandomOrthogonal().discover(generator, k - (mood == "lazy"), seed, {}, progress)
        return ControlSet(
            method="moody",
            title="Moody",
            fingerprint=found.fingerprint if mood != "elsewhere" else "f" * 64,
            space=found.space,
            controls=found.controls,
            settings={"mood": mood, "steps": int(dict(settings or {}).get("steps", 500))},
        )


@pytest.fixture
def moody(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {**registry.methods(), "moody": Moody()}
    monkeypatch.setattr(registry, "methods", lambda: found)


@pytest.mark.usefixtures("moody")
@pytest.mark.parametrize(
    ("mood", "sentence"),
    [
        ("refuses", "Not today; ask tomorrow."),
        ("breaks", "'moody' failed (RuntimeError: a wheel came off)."),
        ("lazy", "'moody' found 2 controls where 3 were asked for"),
        ("elsewhere", "was found on another generator"),
    ],
)
def test_a_method_that_fails_is_a_row_and_the_others_stay(mood: str, sentence: str) -> None:
    asked = msgspec.structs.replace(SMALL, methods=("moody",), settings={"moody": {"mood": mood}})
    (found,) = compare([subject(ToyGenerator(width=6, size=8))], asked)
    chance, row, _ = found.methods
    assert sentence in row.problem
    assert row.columns == {}
    assert row.settings == {"mood": mood}
    assert chance.columns["additivity"].value is not None


@pytest.mark.usefixtures("moody")
def test_a_hurry_is_stated() -> None:
    asked = msgspec.structs.replace(SMALL, methods=("moody", "pca"), quick=True, bases=64, observed=5000)
    found = checked(asked)
    assert (found.bases, found.observed) == (16, 1000)
    assert found.settings["moody"] == {"steps": 50}
    assert "pca" not in found.settings
    given = msgspec.structs.replace(asked, settings={"moody": {"steps": 400}})
    assert checked(given).settings["moody"] == {"steps": 400}
    (report,) = compare([subject(ToyGenerator(width=6, size=8))], msgspec.structs.replace(asked, bases=4, observed=200))
    assert next(row for row in report.methods if row.method == "moody").settings == {"steps": 50}
    assert next(row for row in report.methods if row.method == "pca").settings == {}
    assert "Quick" in report.contract[-1]
    assert hurried(SMALL, []).bases == 4


def test_several_models_have_a_report_each() -> None:
    one, two = ToyGenerator(width=6, size=8), ToyVae()
    subjects = [subject(one), Subject(ModelRef(path="vae"), two, subject(two).find)]
    first, second = compare(subjects, msgspec.structs.replace(SMALL, methods=("axes", "sefa"), seeds=(0,)))
    assert (first.name, second.name) == ("toy", "toy-vae")
    # Attributes are of no use to SeFa on a VAE; it says so in its row.
    assert [bool(row.problem) for row in second.methods] == [False, False, True, True]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"methods": ()}, "No method is named"),
        ({"methods": ("seffa",)}, "There is no method 'seffa'; did you mean 'sefa'?"),
        ({"seeds": ()}, "No seed is named"),
        ({"seeds": (1, 1)}, "A seed is named twice"),
        ({"seeds": (NULL_SEEDS,)}, "between 0 and 999999"),
        ({"k": 7}, "7 controls were asked for, but space 'w' of 'toy' has 6 dimensions"),
        ({"k": 0}, "0 controls"),
        ({"tau": 0.0}, "τ is 0; it must be between 0.001 and 0.5"),
        ({"tau": float("nan")}, "τ is nan"),
        ({"bases": 1}, "base codes is 1; it must be between 4 and"),
        ({"observed": 10}, "observed pictures is 10"),
        ({"attributes": "nowhere"}, "'nowhere' is not"),
        ({"settings": {"voynovv": {}}}, "There is no method 'voynovv'"),
        ({"settings": {"latent_axes": {}}}, "'latent_axes', which is not among the methods"),
        ({"settings": {"pca": {"colour": 1}}}, "has no setting 'colour'"),
    ],
)
def test_bad_questions_are_answered_before_any_work(changes: dict[str, object], sentence: str) -> None:
    found: list[ControlSetRef] = []
    generator = ToyGenerator(width=6, size=8)
    with pytest.raises(ExplorerError) as error:
        compare([subject(generator, found)], msgspec.structs.replace(SMALL, **changes))
    assert sentence in str(error.value)
    assert found == []


def test_progress_rises_to_one_and_cancels() -> None:
    shares: list[float] = []
    asked = msgspec.structs.replace(SMALL, methods=("pca",), seeds=(0,))
    compare([subject(ToyGenerator(width=6, size=8))], asked, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)

    def stop(share: float) -> None:
        if share > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        compare([subject(ToyGenerator(width=6, size=8))], asked, stop)


def test_who_learns_from_attributes_learns_from_those_of_the_comparison() -> None:
    card = ToyGenerator().card
    asked = checked(msgspec.structs.replace(SMALL, attributes="faces"))
    assert dict(rows(asked, card)[-1].settings)["attributes"] == "faces"
    named = msgspec.structs.replace(asked, settings={"attribute_regression": {"attributes": "shapes"}})
    assert dict(rows(named, card)[-1].settings)["attributes"] == "shapes"
    truth = msgspec.structs.replace(card, capabilities=(*card.capabilities, "true_directions"))
    assert [row.role for row in rows(asked, truth)] == ["chance", "method", "method", *["capacity"] * 4, "ceiling"]
    assert rows(asked, truth)[-1].method == TRUE.card.name


def test_evidence_survives_a_journey() -> None:
    generator = ToyGenerator(width=6, size=8)
    bench = Workbench(generator, subject(generator).find)
    options = checked(SMALL)
    plan = table._Plan(subject(generator), options)
    outcome = bench.perform(plan.jobs[0])
    again = unpacked(packed(outcome), type(outcome))
    assert isinstance(outcome.evidence, Evidence)
    assert isinstance(again.evidence, Evidence)
    for name in ("values", "interactions", "cosines", "features", "recognised", "coordinates", "observed"):
        np.testing.assert_array_equal(getattr(outcome.evidence, name), getattr(again.evidence, name))
    assert again.evidence.attributes == outcome.evidence.attributes
    with pytest.raises((ValueError, msgspec.DecodeError)):
        unpacked(packed({"evidence": {"values": {"dtype": "|O", "shape": [1], "data": b"12345678"}}}), type(outcome))
    with pytest.raises(msgspec.DecodeError):
        unpacked(b"nonsense", type(outcome))
