"""How faithful counterfactual pictures are: the truth itself, and each way of being wrong, on a world that knows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from explorer.causal.interventions import Hard
from explorer.errors import ExplorerError
from explorer.metrics.counterfactual_trial import (
    Do,
    Floats,
    Pictures,
    Trial,
    squared_error,
)
from explorer.metrics.counterfactuals import Faithfulness, faithfulness, interval_coverage
from explorer.numerics.distances import decibels
from explorer.worlds.base import World
from explorer.worlds.faces import WORLD as FACES
from explorer.worlds.pendulum import WORLD as PENDULUM
from explorer.worlds.shapes import WORLD as SHAPES

ROWS = 60


class Oracle:
    """Knows the row of every picture that it was shown or has drawn. ``mode`` is one way of being wrong."""

    def __init__(self, mode: str = "", world: World = PENDULUM) -> None:
        self.mode, self.world = mode, world
        self.rows: dict[bytes, np.ndarray] = {}

    def knows(self, factors: np.ndarray) -> Pictures:
        pictures = self.world.render(factors)
        self.rows.update({picture.tobytes(): row for picture, row in zip(pictures, factors, strict=True)})
        return pictures

    def imagine(self, pictures: Pictures, do: Do, own_noise: bool = True) -> Pictures:
        factual = np.stack([self.rows[picture.tobytes()] for picture in pictures])
        if self.mode == "set alone" or not do:
            for name, value in do.items():
                factual = np.array(factual)
                factual[:, self.world.column(name)] = value
            return self.knows(factual)
        return self.knows(self.world.rows_of(self._outcome(factual, do, 0.5)))

    def outcomes(self, pictures: Pictures, do: Do, draws: int, seed: int) -> Mapping[str, Floats]:
        factual = np.stack([self.rows[picture.tobytes()] for picture in pictures])
        source = np.random.default_rng(seed)
        width = 0.02 if self.mode == "too sure" else 1.0
        drawn = [
            self._outcome(factual, do, 0.5 + width * (source.random((len(factual), 1)) - 0.5)) for _ in range(draws)
        ]
        return {name: np.stack([values[name].numpy() for values in drawn], axis=1) for name in self.world.names}

    def drawn(self, do: Do, seed: int, own_noise: bool = True) -> Pictures:
        world, count = self.world, len(next(iter(do.values())))
        noises = world.model.noises(count, seed + 100)
        acts = {name: Hard(torch.from_numpy(value)) for name, value in do.items()}
        if self.mode in ("set alone", "ignore"):
            rows = world.rows_of(world.model.predict(noises))
            for name, value in do.items() if self.mode == "set alone" else ():
                rows[:, world.column(name)] = value
            return world.render(rows)
        return world.render(world.rows_of(world.model.predict(noises, acts)))

    def _outcome(self, factual: np.ndarray, do: Do, uniform: float | Floats) -> dict[str, torch.Tensor]:
        model, values = self.world.model, self.world.values_of(factual)
        uniforms = {name: torch.from_numpy(np.broadcast_to(uniform, (len(factual), 1)).copy()) for name in values}
        if self.mode == "no abduction":
            effects = model.graph.descendants(do) - set(do)
            noises = model.posterior(values, uniforms)
            noises |= {name: model.mechanisms[name].noise(uniforms[name]) for name in effects}
        else:
            noises = model.posterior(values, uniforms)
        acts = {name: Hard(torch.from_numpy(value)) for name, value in do.items()}
        return model.predict(noises, acts, values)


def figures(mode: str = "") -> tuple[Trial, Faithfulness]:
    trial, oracle = Trial(PENDULUM, 64, ROWS, seed=5), Oracle(mode)
    oracle.knows(trial.factual)
    for _, _, pictures, _ in trial.unidentified():
        known = {picture.tobytes() for picture in pictures}
        rows = trial._drawn(identified=False)[1]
        assert known == {picture.tobytes() for picture in oracle.knows(rows)}
    return trial, faithfulness(oracle, trial)


@pytest.fixture(scope="module")
def right() -> tuple[Trial, Faithfulness]:
    return figures()


def test_the_truth_has_no_error_but_that_of_reading(right: tuple[Trial, Faithfulness]) -> None:
    trial, found = right
    assert found.rows == ROWS
    assert set(found.do) == {"angle", "light"}
    for root, errors in found.do.items():
        assert errors.mse == 0.0
        assert errors.psnr == np.inf
        assert errors.factors == found.baselines[root]["truth"].factors
        assert max(errors.factors.values()) < 0.03  # of the world's own reading
        assert found.own_noise[root] == (np.inf, np.inf)
    assert all(errors.mse == 0.0 for errors in found.leaves.values())
    assert found.composition == {1: np.inf, 10: np.inf}
    assert np.isfinite(PENDULUM.abduct(trial.factual)).all()


def test_without_propagation_or_abduction_a_model_has_the_error_of_that_baseline() -> None:
    for mode, baseline in (("set alone", "do without propagation"), ("no abduction", "propagate with noise 0")):
        _, found = figures(mode)
        for root, errors in found.do.items():
            assert errors == found.baselines[root][baseline]
            assert errors.factors["shadow_position"] > 0.04
            assert errors.factors[root] < 0.01


def test_baselines_are_as_far_off_as_the_noise_and_the_effects_are_large(right: tuple[Trial, Faithfulness]) -> None:
    trial, found = right
    noise = 0.2 / trial.deviations["shadow_position"]
    for named in found.baselines.values():
        assert named["propagate with noise 0"].factors["shadow_position"] == pytest.approx(noise, rel=0.25)
        assert named["do without propagation"].factors["shadow_length"] > 0.8
        assert named["reconstruct"].mse > named["do without propagation"].mse > named["propagate with noise 0"].mse
        low, high = named["propagate with noise 0"].intervals["shadow_position"]
        assert 0 < low < named["propagate with noise 0"].factors["shadow_position"] < high < 2 * low


def test_pictures_of_baselines_show_what_they_are_called(right: tuple[Trial, Faithfulness]) -> None:
    trial, _ = right
    value = trial.levels("light", ROWS)
    do = {"light": value}
    drawn = trial.baselines(do, trial.true(do))
    assert list(drawn) == ["see", "do without propagation", "propagate with noise 0"]
    read = {name: PENDULUM.measure(pictures) for name, pictures in drawn.items()}
    for shown in read.values():
        assert np.abs(shown[:, 1] - value).max() < 1
    assert np.abs(read["see"][:, 0] - trial.factual[:, 0]).mean() > 10
    assert np.abs(read["do without propagation"] - trial.factual)[:, [0, 2, 3]].max() < 0.5
    middle = PENDULUM.model.predict(
        {
            name: mechanism.noise(torch.full((ROWS, 1), 0.5, dtype=torch.float64))
            for name, mechanism in PENDULUM.model.mechanisms.items()
        },
        {"angle": Hard(torch.from_numpy(trial.factual[:, 0]).double()), "light": Hard(torch.from_numpy(value))},
    )
    assert np.abs(read["propagate with noise 0"] - PENDULUM.rows_of(middle))[:, [0, 2, 3]].max() < 0.5


def test_what_is_seen_has_the_value_and_the_rest_of_another_row(right: tuple[Trial, Faithfulness]) -> None:
    trial, _ = right
    value = trial.levels("angle", ROWS)
    seen = trial.seen({"angle": value})
    assert np.abs(seen[:, 0] - value).max() < 1e-5
    assert np.abs(seen[:, 1] - trial.factual[:, 1]).mean() > 10
    assert np.abs(seen[:, 3] - PENDULUM.counterfactual(seen, {})[:, 3]).max() < 1e-5  # as its own causes have it


def test_a_leaf_is_set_two_deviations_of_its_noise_away(right: tuple[Trial, Faithfulness]) -> None:
    trial, _ = right
    for leaf in trial.leaves:
        away = trial.shifted(leaf) - trial.factual[:, PENDULUM.column(leaf)]
        assert np.abs(away) == pytest.approx(0.4, rel=0.2)
        assert 0.2 < (away < 0).mean() < 0.8
    assert trial.shifted("shadow_length").min() > 3.0  # never where another noise would give the same


def test_intervals_of_rows_without_unique_noise_hold_the_truth_as_often_as_they_say() -> None:
    trial, oracle = Trial(PENDULUM, 64, 400, seed=2), Oracle()
    (leaf, do, _, true), *others = trial.unidentified()
    assert (leaf, others) == ("shadow_length", [])
    factual = trial._drawn(identified=False)[1]
    assert PENDULUM.clipped(factual).all()
    pictures = oracle.knows(factual)
    tie = 1e-6
    held = interval_coverage(oracle.outcomes(pictures, do, 100, 1)[leaf], true, tie, 3)
    assert 0.86 < held < 0.94
    sure = Oracle("too sure")
    sure.rows = oracle.rows
    assert interval_coverage(sure.outcomes(pictures, do, 100, 1)[leaf], true, tie, 3) < 0.7


def test_coverage_is_that_of_central_intervals_and_ties_are_broken_at_random() -> None:
    source = np.random.default_rng(0)
    drawn = source.standard_normal((4000, 99))
    assert interval_coverage(drawn, source.standard_normal(4000), 1e-9, 1) == pytest.approx(0.9, abs=0.02)
    assert interval_coverage(drawn, source.standard_normal(4000) + 5, 1e-9, 1) < 0.01
    assert interval_coverage(np.zeros((4000, 99)), np.zeros(4000), 1e-9, 1) == pytest.approx(0.9, abs=0.02)


def test_decibels_are_those_of_the_definition() -> None:
    ones = np.full((1, 2, 2, 1), 255, np.uint8)
    assert decibels(squared_error(ones, ones - 255)) == pytest.approx(0.0)
    assert decibels(squared_error(ones, ones - 51)) == pytest.approx(-20 * np.log10(0.2), rel=1e-5)


def test_pictures_that_show_nothing_have_no_error_and_are_counted() -> None:
    trial = Trial(PENDULUM, 64, ROWS, seed=5)
    grey = np.full_like(trial.pictures, 128)
    errors = trial.errors(grey, trial.factual, trial.pictures)
    assert errors.unread == 1.0
    assert all(np.isnan(value) for value in errors.factors.values())
    half = np.concatenate([grey[:30], trial.pictures[30:]])
    errors = trial.errors(half, trial.factual, trial.pictures)
    assert errors.unread == pytest.approx(0.5, abs=0.03)
    assert max(errors.factors.values()) < 0.03


def test_colour_gains_stay_with_a_row_and_are_taken_out_before_it_is_read() -> None:
    trial = Trial(PENDULUM, 64, ROWS, seed=5, gains=0.2)
    plain = PENDULUM.render(trial.factual)
    ratio = trial.pictures[:, 0, 0].astype(float) / plain[:, 0, 0]
    assert ratio.min() > 0.65
    assert ratio.std(axis=0) == pytest.approx(np.full(3, 0.096), abs=0.025)  # uniform in 2/3..1
    errors = trial.errors(trial.pictures, trial.factual, trial.pictures)
    assert max(errors.factors.values()) < 0.05
    assert errors.mse == 0


def test_on_a_world_that_reads_nothing_from_pixels_pictures_alone_are_held_against_the_truth() -> None:
    trial = Trial(FACES, 64, 12, seed=3)
    assert (trial.roots, trial.leaves) == (("age", "light"), ())
    assert trial.effects == ("hair_grey", "wrinkles", "brightness", "shadow")
    oracle = Oracle(world=FACES)
    oracle.knows(trial.factual)
    found = faithfulness(oracle, trial)
    for root, errors in found.do.items():
        assert (errors.factors, errors.mse, errors.unread) == ({}, 0.0, 0.0)
        noise_0, alone = (
            found.baselines[root][name].mse for name in ("propagate with noise 0", "do without propagation")
        )
        assert 0 < noise_0 < alone
    forgetful = Oracle("no abduction", FACES)
    forgetful.rows = dict(oracle.rows)
    forgotten = faithfulness(forgetful, trial)
    for root in trial.roots:
        assert forgotten.do[root].mse == found.baselines[root]["propagate with noise 0"].mse


def test_a_world_in_which_nothing_causes_anything_is_refused() -> None:
    with pytest.raises(ExplorerError, match="choose another world"):
        Trial(SHAPES, 64, 10, seed=0)
