"""Rungs, noises and the check of one picture, through the engine and on the command line, on a toy whose structural
model is known: b = 2a + u, c = 3b + u, all noises standard normal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from toys import ToyCausesFamily

from explorer.cli import main as command
from explorer.comparison.effect_levels import levels_of
from explorer.controls.noise import NoiseControl
from explorer.controls.rung import RungControl
from explorer.engine.engine import Engine
from explorer.engine.truth import true_picture
from explorer.errors import CausalError, ControlError, ExplorerError
from explorer.generators import registry as families
from explorer.scene.causes import rung_of
from explorer.scene.choices import case_of_seed
from explorer.scene.effects import EffectOptions
from explorer.scene.landscape import Plane
from explorer.scene.model import (
    AmountKey,
    AmountTrack,
    ControlSetRef,
    Edit,
    ModelRef,
    Pane,
    Scene,
    Seed,
    Start,
    Timeline,
    View,
)
from explorer.scene.picture_check import CheckQuestion, PictureCheck
from explorer.scene.timeline import at

MODEL = ModelRef(path="toy0")
CAUSES = ControlSetRef(method="causes", k=5)
SET = Edit("a", value=3.0)


@pytest.fixture
def causes_engine(toy_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    known = {"toy_causes": ToyCausesFamily()}
    monkeypatch.setattr(families, "families", lambda: known)
    return toy_engine


def values(engine: Engine, *edits: Edit, seed: int = 4) -> dict[str, float]:
    return {one.name: one.value for one in engine.outcome(MODEL, CAUSES, Start(Seed(seed)), edits).variables}


def check(engine: Engine, *edits: Edit) -> PictureCheck:
    return engine.picture_check(MODEL, CheckQuestion(controls=CAUSES, start=Start(Seed(4)), edits=edits))


def test_the_choices_stand_behind_the_sliders_of_the_method(causes_engine: Engine) -> None:
    controls = causes_engine.control_set(MODEL, CAUSES).controls
    assert [control.card.name for control in controls] == ["a", "b", "c", "rung", "noise: a"]
    assert isinstance(controls[3], RungControl)
    assert isinstance(controls[4], NoiseControl)
    fewer = causes_engine.control_set(MODEL, ControlSetRef(method="causes", k=3)).controls
    assert [control.card.name for control in fewer] == ["a", "b", "c"]
    cards = [control.card for control in controls]
    assert rung_of(cards, [Edit("rung", -2.0)]) == "see"
    assert rung_of(cards, [Edit("a", -2.0)]) == "imagine"


def test_the_outcome_says_which_question_it_answers_and_what_all_pictures_are(causes_engine: Engine) -> None:
    told = causes_engine.outcome(MODEL, CAUSES, Start(Seed(4)), (SET, Edit("rung", 2.0)), spreads=True)
    assert (told.rung, told.draw, told.rung_control) == ("do", 2, "rung")
    assert told.variable("a").noise_control == "noise: a"
    spread = told.variable("b").done
    assert spread is not None
    assert (spread.mean, spread.high) == pytest.approx((6.0, 6.0 + 1.6449), abs=1e-3)  # exact: linear and normal
    assert told.variable("b").seen == spread  # a root, and nothing hidden
    seen = causes_engine.outcome(MODEL, CAUSES, Start(Seed(4)), (Edit("b", value=2.0),), spreads=True).variable("a")
    assert seen.seen is not None
    assert seen.done is not None
    assert (seen.seen.mean, seen.done.mean) == pytest.approx((0.8, 0.0), abs=1e-6)
    quick = causes_engine.outcome(MODEL, CAUSES, Start(Seed(4)), (SET,))
    assert quick.variable("b").done is None


def test_doing_and_seeing_do_not_depend_on_the_picture_and_imagining_does(causes_engine: Engine) -> None:
    for case in (2.0, -2.0):
        first, second = (values(causes_engine, SET, Edit("rung", case), seed=seed) for seed in (4, 5))
        assert first == second
        assert first["a"] == pytest.approx(3.0)
        assert first != values(causes_engine, SET, Edit("rung", case + np.sign(case)))
    assert values(causes_engine, SET, seed=4) != values(causes_engine, SET, seed=5)


def test_the_picture_is_that_of_the_outcome_and_says_so(causes_engine: Engine) -> None:
    def view(*edits: Edit) -> View:
        return View(model=MODEL, start=Start(Seed(4)), controls=CAUSES, edits=edits)

    seen, same, plain = causes_engine.render(
        [view(SET, Edit("rung", -2.0)), view(SET, Edit("rung", -2.0), Edit("noise: a", 7.0)), view(SET)]
    )
    assert [remark.mark for remark in seen.remarks.values()] == ["seen"]
    assert sorted(remark.mark for remark in same.remarks.values()) == ["not used", "seen"]
    assert np.array_equal(seen.bgrx, same.bgrx)
    assert not np.array_equal(seen.bgrx, plain.bgrx)
    generator, controls = causes_engine.generator(MODEL), causes_engine.control_set(MODEL, CAUSES)
    with pytest.raises(CausalError, match="very picture"):
        true_picture(generator, controls, generator.sample([4], 1.0), (SET, Edit("rung", -2.0)))


def test_noise_of_another_seed_is_that_of_its_picture(causes_engine: Engine) -> None:
    other = values(causes_engine, seed=9)
    moved = values(causes_engine, Edit("noise: a", float(case_of_seed(9))))
    before = values(causes_engine)
    assert moved["a"] == pytest.approx(other["a"], abs=1e-5)
    assert moved["b"] - before["b"] == pytest.approx(2 * (other["a"] - before["a"]), abs=1e-4)


def test_nothing_is_measured_along_a_choice(causes_engine: Engine) -> None:
    with pytest.raises(ExplorerError, match="those of cases"):
        causes_engine.landscape(MODEL, CAUSES, Start(Seed(4)), (), "rung", Plane())
    calibrated = ControlSetRef(method="causes", k=5, units="effect")
    cards = {control.card.name: control.card for control in causes_engine.control_set(MODEL, calibrated).controls}
    assert (cards["rung"].unit, cards["rung"].high) == ("", 9.0)
    assert cards["a"].unit == "τ"
    control, generator = causes_engine.control_set(MODEL, CAUSES).control("rung"), causes_engine.generator(MODEL)
    with pytest.raises(ControlError, match="those of cases"):
        levels_of(generator, control, generator.sample([0], 1.0), EffectOptions())


def test_a_model_that_reads_what_it_draws_composes_reverses_and_is_effective(causes_engine: Engine) -> None:
    plain = check(causes_engine)
    assert plain.composition > 45 > 30 > plain.others
    assert (plain.reversal, plain.effectiveness) == (None, ())
    told = check(causes_engine, SET, Edit("rung", 2.0), Edit("noise: a", 3.0))
    assert told.reversal is not None
    assert told.without_way_back is not None
    assert told.reversal > told.without_way_back + 10
    (one,) = told.effectiveness
    assert (one.variable, one.target) == ("a", 3.0)
    assert max(one.error, one.ceiling) < 0.1
    factual = values(causes_engine)["a"]
    assert one.chance == pytest.approx(abs(3.0 - factual) / 2.0, abs=0.1)  # its axis has a deviation of 2


def test_a_check_can_be_stopped_and_says_how_far_it_is(causes_engine: Engine) -> None:
    shares: list[float] = []
    question = CheckQuestion(controls=CAUSES, start=Start(Seed(4)), edits=(SET,))
    causes_engine.picture_check(MODEL, question, shares.append)
    assert shares == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        causes_engine.picture_check(MODEL, question, stop)


def cli(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = command.run(["do", "toy0", "--controls", "causes", "--seed", "4", "--psi", "1", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_command_line_asks_the_same(causes_engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = cli(capsys, "--set", "a=3", "--rung", "do", "--draw", "2", "--json")
    assert code == 0
    document = json.loads(out)
    expected = values(causes_engine, SET, Edit("rung", 2.0))
    assert (document["rung"], document["draw"]) == ("do", 2)
    assert document["drawn"] == pytest.approx(expected)
    assert document["done"]["b"]["mean"] == pytest.approx(6.0)
    code, out, _ = cli(capsys, "--noise", "a=seed:9", "--json")
    document = json.loads(out)
    assert document["noise"] == {"a": {"seed": 9}}
    assert document["counterfactual"] == pytest.approx(values(causes_engine, Edit("noise: a", float(case_of_seed(9)))))
    code, out, _ = cli(capsys, "--set", "b=2", "--rung", "see")
    assert "b, seen" in out
    assert "see, draw 1" in out
    assert "0.8 (" in out  # what seeing b = 2 tells of its cause


def test_a_picture_that_is_seen_is_replayed_bit_for_bit(
    causes_engine: Engine, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out, again = tmp_path / "seen.png", tmp_path / "again.png"
    assert cli(capsys, "--set", "b=2", "--rung", "see", "--draw", "3", "-o", str(out))[0] == 0
    assert command.run(["replay", str(out), "-o", str(again)]) == 0
    with Image.open(out) as first, Image.open(again) as second:
        assert np.array_equal(np.asarray(first), np.asarray(second))


def test_a_film_goes_from_one_question_to_another(causes_engine: Engine) -> None:
    """Keys of cases: every time of the film has one of them, and the ends are those that were keyed."""
    keys = (AmountKey(0.0, 0.0), AmountKey(1.0, -2.0))
    track = AmountTrack(pane=0, control="rung", keys=keys, interpolation="lerp")
    pane = Pane(controls=CAUSES, edits=(SET,))
    film = Timeline(duration=1.0, amounts=(track,))
    scene = Scene(model=MODEL, origin=Seed(4), truncation_psi=1.0, panes=(pane,), timeline=film)
    shown = [values(causes_engine, *at(scene, time).panes[0].edits) for time in (0.0, 0.25, 0.75, 1.0)]
    assert shown[0] == values(causes_engine, SET)
    assert shown[1] == values(causes_engine, SET, Edit("rung", -1.0))
    assert shown[2] == shown[3] == values(causes_engine, SET, Edit("rung", -2.0))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Nothing is asked"),
        (("--noise", "w=1"), "no noise of 'w'"),
        (("--noise", "a=x"), "whole number"),
        (("--noise", "a=seed:-1"), "0"),
        (("--noise", "a=0"), "1"),
    ],
)
def test_the_command_line_refuses_in_one_sentence(
    causes_engine: Engine, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    code, out, err = cli(capsys, *arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
