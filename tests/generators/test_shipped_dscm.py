"""The deep structural causal model that comes with the program imagines as its README says, and better than a model
that forgets the noise of what it is shown."""

from __future__ import annotations

import json

import pytest
import torch

from explorer.causal.model_file import fits_in
from explorer.files import package_folder
from explorer.generators import registry
from explorer.generators.causes import CAUSES
from explorer.metrics.counterfactual_trial import Trial
from explorer.metrics.counterfactuals import Faithfulness, faithfulness
from explorer.metrics.imagination import GeneratorImagination
from explorer.worlds.pendulum import WORLD as PENDULUM

NAME = "pendulum-dscm"
FOLDER = package_folder("models") / NAME


@pytest.fixture(scope="module")
def found() -> Faithfulness:
    generator = registry.load(NAME, torch.device("cpu"))
    return faithfulness(GeneratorImagination(generator), Trial(PENDULUM, 64, 250, seed=7))


def test_it_is_small_and_documented() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= 16 * 2**20
    card = registry.describe(NAME)
    assert (card.family, card.size, card.licence) == ("cvae", (64, 64), "Apache-2.0")
    assert "causes" in card.capabilities
    assert f"latent-explorer train {NAME}" in (FOLDER / "README.md").read_text()
    assert json.loads((FOLDER / "card.json").read_text())["origin"] == f"latent-explorer train {NAME}"
    assert [fit.variable for fit in fits_in(FOLDER / CAUSES)] == list(PENDULUM.names)


def test_its_counterfactuals_are_true_and_keep_the_noise_of_the_factors(found: Faithfulness) -> None:
    for root, errors in found.do.items():
        other = "light" if root == "angle" else "angle"
        noise_0 = found.baselines[root]["propagate with noise 0"]
        assert max(errors.factors[root], errors.factors[other]) <= 0.05
        for effect in ("shadow_length", "shadow_position"):
            assert errors.intervals[effect][1] < noise_0.intervals[effect][0]  # disjoint 95 % intervals
        assert errors.mse <= 0.35 * found.baselines[root]["do without propagation"].mse
        assert errors.psnr >= 38
        assert found.reversal[root] >= 36


def test_it_gives_pictures_back_and_tells_what_it_does_not_know(found: Faithfulness) -> None:
    assert found.composition[1] >= 36
    assert found.composition[10] >= 30
    assert 0.85 <= found.coverage["shadow_length"] <= 0.95


def test_a_leaf_is_moved_without_its_causes(found: Faithfulness) -> None:
    for leaf, errors in found.leaves.items():
        assert errors.factors[leaf] <= 0.08
        assert max(errors.factors["angle"], errors.factors["light"]) <= 0.05
