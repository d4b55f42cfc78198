"""The causal generators that come with the program do what their cards and pages say."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from explorer.files import package_folder
from explorer.generators import registry
from explorer.metrics.counterfactuals import Trial, faithfulness
from explorer.metrics.imagination import GeneratorImagination
from explorer.worlds import registry as worlds

WORLD = worlds.world("pendulum")


@pytest.fixture(scope="module")
def causal_vae() -> Any:
    return registry.load("pendulum-causalvae", torch.device("cpu"))


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
