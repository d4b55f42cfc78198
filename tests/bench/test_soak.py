"""The soak: a short one with the real engine, whose every judgement but that of memory counts; and that the judgements
find what they look for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication
from typer.testing import CliRunner

from explorer.bench.soak import figures, fresh, run, usage
from explorer.bench.soak.script import ALL_EVENTS, PICTURES, VIEWS, deck
from explorer.cli.main import app
from explorer.engine.engine import Engine
from explorer.scene.model import ControlSetRef, ModelRef, Seed, Start, View

MODELS = ("known-distinct", "known-ring", "pendulum-vae")
KINDS = [event.name for event in ALL_EVENTS]


@pytest.mark.gui
def test_random_events_leave_nothing_behind_and_the_last_state_is_the_last_picture() -> None:
    lines: list[str] = []
    found = run.run(1, 4, MODELS, lines.append)
    assert figures.problems(found) == []
    assert set(found["kinds"]) == set(KINDS)
    assert found["events"] == 3 * len(KINDS)  # two rounds and rests, and a round whose end is the last state
    assert found["rests"] == 2
    assert len(found["differences"]) >= 1
    assert all(memory["last_fifth"] > 10 for memory in found["memory_mb"].values())
    assert sum("rests" in line for line in lines) == 2


def test_a_seed_repeats_the_events() -> None:
    assert deck(1, 3) == deck(1, 3)
    assert deck(1, 3) != deck(1, 4)
    assert deck(1, 3) != deck(2, 3)
    assert {event.name for event in deck(1, 3)} == {event.name for event in deck(2, 0, brief=True)} == set(KINDS)
    assert len(deck(1, 0, brief=True)) == len(KINDS) < len(deck(1, 0))


def _diary(**changed: Any) -> dict[str, Any]:
    """Of 100 s, a sample each second, a rest each ten, every kind of event each five: memory and counts stand still."""
    held = {"threads": 8, "descriptors": 20, "shared": 1, "objects": 100}
    samples = [(float(second), 100_000_000, 500_000_000) for second in range(1, 101)]
    rests = [{"seconds": 10.0 * number, "window": dict(held), "engine": dict(held)} for number in range(1, 11)]
    events = KINDS * 20
    times = [100.0 * at / len(events) for at in range(len(events))]
    told = {"seconds": 100.0, "events": events, "times": times, "samples": samples, "rests": rests}
    return {**told, "failures": [], **changed}


def test_a_run_in_which_all_stands_still_is_flat_and_without_problems() -> None:
    found = figures.of(_diary(), [0, 0], KINDS)
    assert (figures.problems(found), figures.not_flat(found)) == ([], [])
    assert found["memory_mb"]["window"] == {"second_fifth": 100.0, "last_fifth": 100.0, "growth": 0.0}


@pytest.mark.parametrize("what", ["descriptors", "shared", "objects", "threads"])
@pytest.mark.parametrize("process", ["window", "engine"])
def test_what_grows_from_rest_to_rest_is_named(process: str, what: str) -> None:
    diary = _diary()
    for number, rest in enumerate(diary["rests"]):
        rest[process][what] += 5 * number
    (sentence,) = figures.problems(figures.of(diary, [0], KINDS))
    assert process in sentence
    assert what in sentence


def test_what_came_in_the_warm_up_alone_is_no_growth() -> None:
    diary = _diary()
    diary["rests"][0]["window"]["objects"] = 50
    assert figures.problems(figures.of(diary, [0], KINDS)) == []


def test_memory_that_grows_is_not_flat_and_that_of_the_warm_up_does_not_count() -> None:
    grown = [(float(s), 100_000_000 + 1_000_000 * s, 500_000_000) for s in range(1, 101)]
    (sentence,) = figures.not_flat(figures.of(_diary(samples=grown), [0], KINDS))
    assert sentence.startswith("The memory of the window was 130.0 MB and is 190.0 MB")
    warming = [(float(s), 50_000_000 if s <= 20 else 100_000_000, 500_000_000) for s in range(1, 101)]
    assert figures.not_flat(figures.of(_diary(samples=warming), [0], KINDS)) == []


def test_fifths_are_of_the_events_and_not_of_the_time() -> None:
    slow = [80.0 * at / 40 for at in range(40)] + [
        80.0 + 20.0 * at / 160 for at in range(160)
    ]  # a busy machine at first
    filled = [(float(s), 50_000_000 if s <= 79 else 100_000_000, 500_000_000) for s in range(1, 101)]
    told = _diary(events=(KINDS * 20)[:200], times=slow, samples=filled)
    assert figures.not_flat(figures.of(told, [0], KINDS)) == []


def test_a_warm_up_that_lacked_an_event_is_told() -> None:
    events = KINDS[:-1] * 20 + KINDS[-1:]
    late = _diary(events=events, times=[float(at) for at in range(len(events))], seconds=float(len(events)))
    (sentence,) = figures.not_flat(figures.of({**late, "samples": []}, [0], KINDS))
    assert KINDS[-1] in sentence


def test_sentences_of_failures_and_other_pictures_are_problems() -> None:
    found = figures.problems(figures.of(_diary(failures=["play: It broke."]), [0, 3], KINDS))
    assert found == [
        "An unexpected sentence after play: It broke.",
        "The last pictures differ from those of a fresh engine by [0, 3] levels of 256.",
    ]


def test_a_picture_of_another_state_differs_from_a_fresh_one(tmp_path: Path) -> None:
    controls = ControlSetRef(method="latent_axes", k=4)
    first, second = (
        View(model=ModelRef(path="known-distinct"), start=Start(Seed(seed)), controls=controls, edits=())
        for seed in (1, 2)
    )
    (picture,) = Engine().render([first], exact=True)
    (tmp_path / VIEWS).write_bytes(msgspec.msgpack.encode([first]))
    (tmp_path / PICTURES).write_bytes(msgspec.msgpack.encode([picture.bgrx.tobytes()]))
    assert fresh.same(str(tmp_path)) == {"differences": [0]}
    (tmp_path / VIEWS).write_bytes(msgspec.msgpack.encode([second]))
    assert fresh.same(str(tmp_path))["differences"][0] > 0


@pytest.mark.gui
def test_objects_of_qt_are_counted_by_class(qapp: QApplication) -> None:
    before = usage.living_objects()
    kept = QObject(qapp)
    assert usage.living_objects() - before == {"QObject": 1}
    kept.deleteLater()


def test_the_command_ends_with_1_and_a_sentence_where_something_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    said = figures.of(_diary(failures=["play: It broke."]), [0], KINDS)
    monkeypatch.setattr(run, "run", lambda seconds, seed, models, say: said if (seconds, seed) == (5, 7) else None)
    told = CliRunner().invoke(app, ["bench", "--soak", "5", "--seed", "7"])
    assert told.exit_code == 1
    assert "wrong: An unexpected sentence after play: It broke." in told.stdout
    assert "(+0.0 %)" in told.stdout
