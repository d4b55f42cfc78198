"""Counterfactuals in the report of a model: every number beside that of the best baseline, and only where named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from explorer.errors import ExplorerError
from explorer.generators import registry
from explorer.metrics.counterfactual_distances import Distance
from explorer.metrics.counterfactual_scores import _note, counterfactual_scores
from explorer.metrics.counterfactual_trial import Trial
from explorer.metrics.counterfactuals import faithfulness
from explorer.metrics.imagination import GeneratorImagination
from explorer.metrics.report import measure_model
from explorer.scene.measures import MeasureOptions
from explorer.training.base import Recipe
from explorer.training.loop import train
from explorer.worlds.pendulum import WORLD as PENDULUM

CPU = torch.device("cpu")
SETTINGS = {"widths": [4, 4, 4, 4], "hidden": 8, "latents": 2, "evaluation": 40, "causes": 600, "colour_gains": 0.2}
RECIPE = Recipe(name="toy", trainer="cvae", data="pendulum", steps=2, batch=4, settings=SETTINGS)


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return registry.load(str(train(RECIPE, tmp_path_factory.mktemp("toy"), CPU)), CPU)


def test_the_report_has_the_figures_where_they_are_named(generator: Any) -> None:
    heard: list[float] = []
    options = MeasureOptions(n=500, seed=3, measures=("counterfactuals",))
    report = measure_model(generator, options, heard.append)
    assert heard[-1] == 1.0
    assert heard == sorted(heard)
    assert not report.latents
    # With the gains that the model was trained with.
    found = faithfulness(GeneratorImagination(generator), Trial(PENDULUM, 64, 500, 3, gains=0.2))
    score = report.metrics["counterfactual_error_light_shadow_position"]
    # Hardly trained, it may draw no shadow at all.
    assert score.value == pytest.approx(found.do["light"].factors["shadow_position"], nan_ok=True) or (
        score.value is None and score.note == "no picture shows it"
    )
    assert score.null == pytest.approx(found.do["light"].chance["shadow_position"], nan_ok=True) or score.null is None
    baselines = ["see", "do without propagation", "reconstruct", "propagate with noise 0", "truth"]
    assert list(score.baselines) == baselines
    for name in baselines:
        value = found.baselines["light"][name].factors["shadow_position"]
        assert score.baselines[name] == pytest.approx(value) or score.baselines[name] is None
    assert (score.better, score.n) == ("lower", 500)
    assert {score.group for score in report.metrics.values()} == {"counterfactuals"}
    assert report.metrics["composition_psnr_10"].value == found.composition[10]
    assert report.metrics["reversal_psnr_angle"].value == found.reversal["angle"]
    assert report.metrics["counterfactual_psnr_angle"].value == found.do["angle"].psnr
    assert report.metrics["interval_coverage_shadow_length"].value == found.coverage["shadow_length"]
    kept, lost = found.own_noise["angle"]
    gain = report.metrics["own_noise_gain_angle"]
    assert (gain.value, gain.null) == (kept - lost, 0.0)
    assert gain.baselines == {"its own noise kept": kept, "set to 0": lost}
    leaf = report.metrics["leaf_error_shadow_length"]
    assert list(leaf.baselines) == ["reconstruct"]
    distance = report.metrics["interventional_distance_light"]
    assert distance.value == found.distances["light"]["interventional"].value
    assert list(distance.baselines) == ["see", "do without propagation", "truth"]
    for name in ("realism", "minimality"):  # by the predictor of the world
        measured = report.metrics[f"{name}_light"]
        assert measured.value is not None
        assert list(measured.baselines) == baselines
        assert set(found.distances["light"]) == {"interventional"}
    assert report.metrics["realism_light"].value > 10 * (report.metrics["realism_light"].baselines["truth"] or 0.0)
    assert len(report.metrics) == 2 * (4 + 2) + 2 + 2 + 2 + 1 + 2 * 3
    nowhere = {name for name, score in report.metrics.items() if score.null is None}
    assert all(report.metrics[name].value is None for name in nowhere)
    assert msgspec.json.decode(msgspec.json.encode(report))["n"] == 500


def test_of_few_rows_realism_is_not_measured_and_says_so(generator: Any) -> None:
    metrics = counterfactual_scores(generator, PENDULUM, 100)
    for root in ("angle", "light"):
        score = metrics[f"realism_{root}"]
        assert (score.value, score.null, score.baselines) == (None, None, {})
        assert score.note == "'realism' needs at least 500 pictures; raise n"
        assert metrics[f"minimality_{root}"].value is not None


def test_few_pictures_and_models_without_causes_are_refused_in_one_sentence(generator: Any) -> None:
    with pytest.raises(ExplorerError, match="at least 100 pictures"):
        counterfactual_scores(generator, PENDULUM, 99)
    plain = registry.load(str(Path(__file__).parents[2] / "models" / "pendulum-vae"), CPU)
    with pytest.raises(ExplorerError, match="'pendulum-vae' does not; choose a model with a causal latent"):
        measure_model(plain, MeasureOptions(n=500, measures=("counterfactuals",)))


@pytest.mark.parametrize(("value", "said"), [(0.10, True), (0.29, False), (0.45, False)])
def test_less_minimality_than_the_truth_is_no_merit(value: float, said: bool) -> None:
    note = _note("minimality", Distance(value, 0.5, {"truth": 0.3}))
    assert note.startswith("less than the truth has") == said
    assert _note("realism", Distance(value, 0.5, {"truth": 0.3})) == ""
