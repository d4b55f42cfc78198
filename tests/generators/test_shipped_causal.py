"""The causal generators that come with the program do what their cards and pages say."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp

from explorer.files import package_folder
from explorer.generators import registry
from explorer.metrics.counterfactual_trial import Trial, squared_error
from explorer.metrics.counterfactuals import faithfulness
from explorer.metrics.imagination import GeneratorImagination
from explorer.metrics.world_pictures import world_for
from explorer.numerics.distances import decibels
from explorer.worlds import registry as worlds

WORLD = worlds.world("pendulum")
CAUSAL = [name for name in registry.shipped_models() if "causes" in registry.describe(name).capabilities]


@pytest.fixture(scope="module")
def causal_vae() -> Any:
    return registry.load("pendulum-causalvae", torch.device("cpu"))


@pytest.mark.parametrize("name", CAUSAL)
def test_rows_come_with_a_model_that_another_graph_can_be_fitted_to(name: str) -> None:
    generator: Any = registry.load(name, torch.device("cpu"))
    observed, world = generator.observed(), world_for(generator)
    rows = world.values_of(world.sample(5000, 3))
    for factor, values in observed.items():
        assert len(values) >= 2000
        assert ks_2samp(values, rows[factor]).pvalue > 1e-3, factor  # distributed as the world's, and no other way
    for one, other in itertools.combinations(observed, 2):
        tie = np.corrcoef(rows[one], rows[other])[0, 1]
        assert np.corrcoef(observed[one], observed[other])[0, 1] == pytest.approx(tie, abs=0.1)


def test_the_causal_vae_found_the_worlds_arrows(causal_vae: Any) -> None:
    assert set(causal_vae.structural_model().graph.edges) == set(WORLD.model.graph.edges)
    card = json.loads((package_folder("models") / "pendulum-causalvae" / "card.json").read_text())
    for arrow, weight in card["arrows"].items():
        if arrow != "fingerprint":
            cause, effect = arrow.split(" → ")
            assert (abs(weight) > 0.1) == ((cause, effect) in WORLD.model.graph.edges), arrow


def test_its_counterfactuals_are_as_near_as_its_page_says(causal_vae: Any) -> None:
    found = faithfulness(GeneratorImagination(causal_vae), Trial(WORLD, 64, 80, 1))
    for root, other in (("angle", "light"), ("light", "angle")):
        errors, baselines = found.do[root], found.baselines[root]
        assert errors.factors[root] < 0.05
        assert errors.factors[other] < 0.05
        assert errors.factors["shadow_length"] < 0.11
        assert errors.factors["shadow_position"] < baselines["propagate with noise 0"].factors["shadow_position"]
        assert errors.psnr > 37
        assert errors.mse < 0.35 * baselines["do without propagation"].mse
        assert found.reversal[root] > 36
    assert found.composition[1] > 37


@pytest.fixture(scope="module")
def diffusion() -> Any:
    return registry.load("pendulum-causaldiffae", torch.device("cpu"))


def test_the_diffusion_autoencoder_is_small_and_draws_in_few_steps(diffusion: Any) -> None:
    folder = package_folder("models") / "pendulum-causaldiffae"
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= 16 * 2**20
    assert diffusion.card.full_steps <= 10
    assert diffusion.structural_model().graph.edges == WORLD.model.graph.edges


def test_the_diffusion_autoencoder_imagines_as_its_page_says(diffusion: Any) -> None:
    trial, model = Trial(WORLD, 64, 40, 1), GeneratorImagination(diffusion)
    for root, other in (("angle", "light"), ("light", "angle")):
        acts = {root: trial.levels(root, len(trial.factual))}
        true = trial.true(acts)
        shown, alone = trial.drawn(true), trial.factual.copy()
        alone[:, WORLD.column(root)] = acts[root]
        errors = trial.errors(model.imagine(trial.pictures, acts), true, shown)
        assert max(errors.factors[root], errors.factors[other]) < 0.05
        assert errors.factors["shadow_length"] < 0.15
        assert errors.factors["shadow_position"] < 0.1
        assert errors.psnr > 38
        assert errors.mse < 0.35 * trial.errors(trial.drawn(alone), true, shown).mse


def test_the_diffusion_autoencoder_gives_a_picture_back(diffusion: Any) -> None:
    trial = Trial(WORLD, 64, 40, 1)
    again = GeneratorImagination(diffusion).imagine(trial.pictures, {})
    assert decibels(squared_error(again, trial.pictures)) > 38
