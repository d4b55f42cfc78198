"""What a model imagines, as distributions: the world itself is at the ceiling, a model that knows nothing at chance,
and what does as a baseline does gets what that gets; the numbers are those of their definitions."""

from __future__ import annotations

from functools import partial
from itertools import product

import numpy as np
import pytest
import torch
from test_counterfactuals import Oracle
from torch import Tensor
from torch.nn import functional

from explorer.metrics.counterfactual_distances import (
    TRUTH,
    Distance,
    Imagined,
    distances,
    interventional,
    latent_distance,
)
from explorer.metrics.counterfactual_trial import Pictures, Trial, permuted_decibels, permuted_error
from explorer.metrics.quality import unit_variance
from explorer.numerics.distances import energy_distance
from explorer.worlds.pendulum import WORLD as PENDULUM

ROWS = 500


def features(pictures: Pictures) -> Tensor:
    """What is seen from far away: means of 16 × 16 pixels."""
    grey = torch.from_numpy(pictures.astype(np.float32)).mean(dim=3)[:, None] / 255
    return functional.avg_pool2d(grey, 16).flatten(1)


@pytest.fixture(scope="module")
def trial() -> Trial:
    return Trial(PENDULUM, 64, ROWS, seed=3)


def imagined(trial: Trial, root: str, pictures: Pictures | None = None) -> Imagined:
    """As ``faithfulness`` does it; without ``pictures`` those of the truth."""
    do = {root: trial.levels(root, ROWS)}
    true = trial.true(do)
    drawn = {**trial.baselines(do, true), "reconstruct": trial.pictures, TRUTH: trial.drawn(true)}
    return Imagined(root, do, drawn[TRUTH] if pictures is None else pictures, drawn)


@pytest.fixture(scope="module")
def truthful(trial: Trial) -> dict[str, Distance]:
    return distances(imagined(trial, "light"), trial, features)


# --- what the world itself, and what knows nothing, gets -------------------------------------------------------------


def test_the_truth_is_as_real_as_other_truths_and_changes_as_little(truthful: dict[str, Distance]) -> None:
    real = truthful["realism"]
    assert real.baselines[TRUTH] / 2 < real.value < 2 * real.baselines[TRUTH]
    assert real.chance > 50 * real.value
    assert real.value < real.baselines["do without propagation"] / 5
    minimal = truthful["minimality"]
    assert minimal.value == minimal.baselines[TRUTH]
    assert minimal.value < minimal.baselines["see"] - 0.05
    assert minimal.chance == pytest.approx(minimal.baselines["see"], abs=0.08)


def test_a_model_that_knows_nothing_is_at_chance(trial: Trial, truthful: dict[str, Distance]) -> None:
    stirred = np.random.default_rng(0)
    pixels = stirred.permuted(np.tile(np.arange(ROWS)[:, None, None], (1, 64, 64)), axis=0)
    truth = imagined(trial, "light").drawn[TRUTH]
    noise = truth[pixels, np.arange(64)[:, None], np.arange(64)]
    found = distances(imagined(trial, "light", noise), trial, features)["realism"]
    assert found.value == pytest.approx(found.chance, rel=0.02)
    assert found.value == pytest.approx(truthful["realism"].chance, rel=0.02)
    others = imagined(trial, "light", np.roll(truth, 7, axis=0))
    found = distances(others, trial, features)["minimality"]
    assert found.value == pytest.approx(truthful["minimality"].chance, abs=0.03)


@pytest.mark.parametrize("name", ["see", "do without propagation", "reconstruct", "propagate with noise 0"])
def test_what_does_as_a_baseline_does_gets_what_it_gets(trial: Trial, name: str) -> None:
    drawn = imagined(trial, "light").drawn[name]
    for found in distances(imagined(trial, "light", drawn), trial, features).values():
        assert found.value == pytest.approx(found.baselines[name], rel=1e-12)


@pytest.mark.parametrize("root", ["angle", "light"])
def test_do_of_a_model_is_held_against_do_of_the_world(trial: Trial, root: str) -> None:
    right, alone, ignoring = (
        interventional(partial(Oracle(mode).drawn, seed=4), trial, root) for mode in ("", "set alone", "ignore")
    )
    assert right.value == pytest.approx(right.baselines[TRUTH], abs=0.03)
    assert right.value < right.chance / 2
    assert alone.value == pytest.approx(alone.baselines["do without propagation"], abs=0.02)
    assert ignoring.value == pytest.approx(ignoring.chance, abs=0.03)
    assert right.value < alone.value - 0.03


def test_few_rows_have_no_realism() -> None:
    few = Trial(PENDULUM, 64, 30, seed=3)
    do = {"angle": few.levels("angle", 30)}
    true = few.drawn(few.true(do))
    assert set(distances(Imagined("angle", do, true, {TRUTH: true}), few, features)) == {"minimality"}


# --- definitions -----------------------------------------------------------------------------------------------------


def test_the_latent_distance_is_that_of_its_definition() -> None:
    """Melistas et al. 2024: from 0, nearer than all with the new value and farther than all with the old one, to 1."""
    zeros, ones = np.zeros(3), np.ones(3)
    assert latent_distance(zeros, zeros) == 0.0
    assert latent_distance(ones, ones) == pytest.approx(1.0)
    assert latent_distance(ones, zeros) == pytest.approx(np.log(0.8 * np.e + 0.2))
    assert latent_distance(zeros, ones) == pytest.approx(np.log(0.8 + 0.2 * np.e))
    assert latent_distance(np.array([0.0, 1.0]), np.array([0.0, 1.0])) == pytest.approx(0.5)


def test_shares_of_nearer_and_farther_pictures_are_those_of_a_count(trial: Trial) -> None:
    """With features that are the set factor itself and another one, written out for some rows."""
    rows, pool = trial.others(2000, trial.seed + 5)
    case = imagined(trial, "light")
    found = distances(case, trial, features)["minimality"].value
    scale = unit_variance(features(pool))
    far = [(features(part).double() / scale).numpy() for part in (trial.pictures, case.pictures, pool)]
    scores = []
    for before, after, value, old in zip(far[0], far[1], case.do["light"], trial.factual[:, 1], strict=True):
        moved = np.sqrt(((after - before) ** 2).sum())
        away = np.sqrt(((far[2] - before) ** 2).sum(axis=1))
        new = away[np.argsort(np.abs(rows[:, 1] - value), kind="stable")[:50]]
        same = away[np.argsort(np.abs(rows[:, 1] - old), kind="stable")[:50]]
        scores.append(np.log(0.8 * np.exp((new <= moved).mean()) + 0.2 * np.exp((same >= moved).mean())))
    assert found == pytest.approx(np.mean(scores), abs=2e-3)  # of equally near values others may be taken


def test_the_energy_distance_has_its_closed_forms() -> None:
    a, b = torch.zeros(5, 2), torch.tensor([[3.0, 4.0]]).expand(7, 2)
    assert energy_distance(a, b) == 1.0
    assert energy_distance(a, a) == 0.0
    half = torch.tensor([[0.0], [1.0]])
    # Between {0} and {0, 1}: 2 · ½ - 0 - ½ of 2 · ½.
    assert energy_distance(torch.zeros(1, 1), half) == pytest.approx(np.sqrt(0.5))
    source = np.random.default_rng(0)
    first, second = source.normal(0, 1, 4000), source.normal(1, 1, 4000)
    # E|N(m, 2)| = 2/√π exp(-m²/4) + m (1 - 2 Φ(-m/√2)).
    spread = 2 / np.sqrt(np.pi)
    apart = spread * np.exp(-0.25) + torch.erf(torch.tensor(0.5)).item()
    wanted = np.sqrt(1 - spread / apart)
    found = energy_distance(torch.from_numpy(first)[:, None], torch.from_numpy(second)[:, None])
    assert found == pytest.approx(wanted, abs=0.03)


def test_the_energy_distance_is_the_mean_over_all_pairs() -> None:
    source = np.random.default_rng(1)
    a, b = source.normal(0, 1, (6, 3)), source.normal(0.5, 2, (9, 3))
    between, first, second = (
        np.mean([np.linalg.norm(x - y) for x, y in product(one, other)]) for one, other in ((a, b), (a, a), (b, b))
    )
    wanted = np.sqrt((2 * between - first - second) / (2 * between))
    assert energy_distance(torch.from_numpy(a), torch.from_numpy(b)) == pytest.approx(wanted, rel=1e-9)


def test_the_error_by_chance_is_the_mean_over_all_pairs_of_rows() -> None:
    source = np.random.default_rng(2)
    a, b = source.normal(0, 1, (7, 4)), source.normal(1, 3, (5, 4))
    pairs = [((x - y) ** 2).mean() for x, y in product(a, b)]
    assert permuted_error(a, b) == pytest.approx(np.mean(pairs), rel=1e-12)
    permuted = [((a[:5] - b[source.permutation(5)]) ** 2).mean() for _ in range(20000)]
    assert permuted_error(a[:5], b) == pytest.approx(np.mean(permuted), rel=0.02)
    assert np.isnan(permuted_error(a[:0], b))
    white, black = np.full((2, 1, 1, 1), 255, np.uint8), np.zeros((2, 1, 1, 1), np.uint8)
    assert permuted_decibels(white, black) == pytest.approx(0.0)
    assert permuted_decibels(white, white) == np.inf
