"""Attribute predictors: what they read, how they are loaded, and that the shipped ones keep their cards' word."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from typer.testing import CliRunner

from explorer.errors import ExplorerError, ModelError
from explorer.generators import registry as generators
from explorer.training.data import WorldSource
from explorer.training.predictor import measure_errors
from explorer.worlds import attributes as module
from explorer.worlds import registry as worlds
from explorer.worlds.attributes import attributes_of, distance, load_attributes, predicted_world, predictors_folder
from explorer.worlds.base import Factor
from explorer.worlds.predictor.network import PredictorConfig, PredictorNetwork, save_predictor

HUE = Factor("hue", (0.0, 0.25, 0.5, 0.75), cyclic=True)
KIND = Factor("kind", (0.0, 1.0, 2.0), kind="category", labels=("a", "b", "c"))
SIZE = Factor("size", (1.0, 2.0, 3.0), unit="px")
TOY = PredictorConfig(world="toy", size=16, channels=1, widths=(4, 8), features=5, factors=(HUE, KIND, SIZE))
SHIPPED = sorted(path.name for path in predictors_folder().iterdir())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_predictor(PredictorNetwork(TOY), tmp_path / "toy")
    return tmp_path / "toy"


def test_reads_values_in_the_factors_own_units(folder: Path) -> None:
    attributes = load_attributes(folder)
    assert (attributes.world, attributes.names, attributes.errors) == ("toy", ("hue", "kind", "size"), {})
    assert attributes.factors == TOY.factors
    pictures = torch.rand(300, 1, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1
    values = attributes.measure(pictures)
    assert values.shape == (300, 3)
    assert ((values[:, 0] >= 0) & (values[:, 0] < 1)).all()
    assert np.isin(values[:, 1], KIND.values).all()
    features = attributes.features(pictures)
    assert features.shape == (300, 5)
    # More pictures than a batch are the same as each alone.
    assert values[299:] == pytest.approx(attributes.measure(pictures[299:]), abs=1e-5)
    assert attributes.measure(pictures[:0]).shape == (0, 3)


def test_pictures_of_another_size_are_resampled(folder: Path) -> None:
    attributes = load_attributes(folder)
    flat = torch.linspace(-1, 1, 6)[:, None, None, None]
    small, large = (flat.expand(6, 1, side, side) for side in (16, 40))
    assert attributes.features(large).numpy() == pytest.approx(attributes.features(small).numpy(), abs=1e-5)
    with pytest.raises(ExplorerError, match="1 channels, not"):
        attributes.measure(torch.zeros(2, 3, 16, 16))


def test_distances_go_around_circles_and_categories_differ_or_not() -> None:
    ends = np.array([0.05, 0.5]), np.array([0.95, 0.25])
    assert distance(HUE, *ends) == pytest.approx([0.1, 0.25])
    assert distance(SIZE, *ends) == pytest.approx([0.9, 0.25])
    assert distance(KIND, np.array([2.0, 1.0]), np.array([0.0, 1.0])).tolist() == [1.0, 0.0]


def damage(folder: Path, how: str) -> None:
    weights, config = folder / "model.safetensors", folder / "config.json"
    state = safetensors.torch.load_file(weights)
    if how == "truncated":
        weights.write_bytes(weights.read_bytes()[:-40])
    elif how == "missing":
        weights.unlink()
    elif how == "key":
        state["extra"] = torch.zeros(1)
        safetensors.torch.save_file(state, weights)
    elif how == "nan":
        state["heads.bias"][0] = float("nan")
        safetensors.torch.save_file(state, weights)
    elif how == "levels":
        document = json.loads(config.read_text())
        document["factors"][2]["values"] = [3.0, 1.0]
        config.write_text(json.dumps(document))
    elif how == "unknown":
        config.write_text(json.dumps({**json.loads(config.read_text()), "colour": 1}))
    elif how == "widths":
        config.write_text(json.dumps({**json.loads(config.read_text()), "widths": [4, 9]}))
    elif how == "errors":
        (folder / "card.json").write_text(json.dumps({"errors": {"hue": 3}}))


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("truncated", "damaged"),
        ("missing", "is missing"),
        ("key", "unknown tensor 'extra'"),
        ("nan", "not finite"),
        ("levels", "the levels of 'size' do not ascend"),
        ("unknown", "unknown field `colour`"),
        ("widths", "has shape"),
        ("errors", "errors in 'card.json'"),
    ],
)
def test_damaged_folders_are_refused_in_one_sentence(folder: Path, how: str, reason: str) -> None:
    damage(folder, how)
    with pytest.raises(ModelError, match=reason) as caught:
        load_attributes(folder)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_world_without_a_predictor_says_how_to_train_one() -> None:
    with pytest.raises(ExplorerError, match="latent-explorer train atlantis-predictor"):
        attributes_of("atlantis")


def test_a_predictor_is_no_generator_and_says_so(folder: Path) -> None:
    assert predicted_world(folder) == "toy"
    found = generators.identify(folder)
    assert found.family == ""
    assert found.sentence == (
        "'toy' is no generator but an attribute predictor: it reads the factors of the world 'toy'."
    )
    with pytest.raises(ModelError, match="attribute predictor"):
        generators.load(str(folder), torch.device("cpu"))
    from explorer.cli.main import app

    for arguments in (["inspect", str(folder)], ["inspect", str(folder), "--json"]):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0
        assert found.sentence in result.stdout


def test_other_folders_are_no_predictors(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert predicted_world(tmp_path / "empty") == ""
    shutil.copytree(folder, tmp_path / "torn")
    (tmp_path / "torn" / "config.json").write_text("{")
    assert predicted_world(tmp_path / "torn") == ""
    assert all(predicted_world(path) == "" for path in generators.shipped_models().values())


def test_predictors_are_not_among_the_models() -> None:
    assert "predictors" not in generators.shipped_models()
    assert predictors_folder().parent == next(iter(generators.shipped_models().values())).parent


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_predictors_are_as_good_as_their_cards_say(name: str) -> None:
    """Fresh pictures: an error may differ from the card's, of 4,000, by what chance makes of it."""
    attributes = attributes_of(name)
    world = worlds.world(name)
    assert attributes.factors == world.factors
    assert (module.predictors_folder() / name / "model.safetensors").stat().st_size < 1_000_000
    # A geometry of shapes takes long to ray-cast for the first time.
    found = measure_errors(attributes, WorldSource(world), 200 if name == "shapes" else 500, seed=1_000_000)
    assert set(found) == set(attributes.errors) == set(world.names)
    for factor in world.factors:
        card, fresh = attributes.errors[factor.name], found[factor.name]
        # The deviation of an error is about its mean; of the mean over 200 it is a fourteenth.
        slack = 0.35 * card.error + 0.01 * card.constant
        assert abs(fresh.error - card.error) < slack, (factor.name, fresh, card)
        assert abs(fresh.corrupted - card.corrupted) < 0.35 * card.corrupted + 0.01 * card.constant, factor.name
        assert fresh.constant == pytest.approx(card.constant, rel=0.15)
