"""The trainer of attribute predictors: losses against closed forms, resume bit for bit, and an honest card."""

from __future__ import annotations

import json
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from explorer.errors import ExplorerError
from explorer.numerics.randomness import step_seed
from explorer.training.base import RECIPES, Recipe, read_recipe
from explorer.training.data import source_of
from explorer.training.loop import train
from explorer.training.predictor import (
    PredictorSettings,
    PredictorTrainer,
    _blurred,
    constant_error,
    corrupted,
    measure_errors,
)
from explorer.worlds import registry as worlds
from explorer.worlds.attributes import FactorError, load_attributes
from explorer.worlds.base import Factor
from explorer.worlds.predictor.network import PredictorConfig, PredictorNetwork

CPU = torch.device("cpu")
SMALL = {"widths": [4, 8, 8, 8], "features": 6, "evaluation": 40}
TOY = Recipe(
    name="toy-predictor", trainer="predictor", data="sprites", steps=4, batch=4, seed=3, checkpoint_every=2,
    settings=SMALL,
)  # fmt: skip

HUE = Factor("hue", tuple(round(0.1 * step, 1) for step in range(10)), cyclic=True)
SIZE = Factor("size", (1.0, 2.0, 3.0))
KIND = Factor("kind", (0.0, 1.0, 2.0), kind="category")


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(TOY, tmp_path_factory.mktemp("predictor"), CPU)


def test_a_run_that_was_stopped_and_resumed_equals_a_straight_one(straight: Path, tmp_path: Path) -> None:
    for stop in (1, 3, None):
        train(TOY, tmp_path, CPU, stop_after=stop)
    for name in ("config.json", "model.safetensors", "samples.png"):
        assert (tmp_path / "model" / name).read_bytes() == (straight / name).read_bytes()


def test_the_card_holds_the_errors_of_the_weights_that_were_written(straight: Path) -> None:
    card = json.loads((straight / "card.json").read_text())
    assert card["recipe"]["settings"] == SMALL
    assert card["figures"]["test_pictures"] == 40
    assert card["figures"]["training_pictures"] == 4 * (4 + 4)
    predictor = load_attributes(straight)
    again = measure_errors(predictor, source_of(TOY), 40)
    assert predictor.errors == again
    assert set(again) == set(worlds.world("sprites").names)


def test_learning_lowers_the_losses() -> None:
    recipe = msgspec.structs.replace(TOY, steps=60, batch=16, settings={**SMALL, "learning_rate": 5e-3})
    trainer = PredictorTrainer(recipe, source_of(recipe), CPU)
    batch = source_of(recipe).draw(16, 0)
    losses = [trainer.step(number, batch) for number in range(60)]
    for name in ("x", "y"):
        early, late = (np.mean([one[name] for one in part]) for part in (losses[:5], losses[-5:]))
        assert late < 0.6 * early, (name, early, late)


def test_losses_are_about_one_for_a_constant_guess_and_zero_for_the_truth() -> None:
    network = PredictorNetwork(PredictorConfig(world="toy", factors=(HUE, SIZE, KIND)))
    truth = torch.tensor([[0.25, 1.0, 2.0], [0.5, 3.0, 0.0]])
    perfect = torch.tensor([
        [0.0, 1.0, -math.sqrt(3.0), 0.0, 0.0, 50.0],  # hue 0.25 is a quarter turn; 1 is √3 deviations below the middle
        [-2.0, 0.0, math.sqrt(3.0), 50.0, 0.0, 0.0],
    ])  # fmt: skip
    assert all(float(loss) == pytest.approx(0.0, abs=1e-6) for loss in network.losses(perfect, truth).values())
    assert network.read(perfect) == pytest.approx(truth.numpy(), abs=1e-5)
    grid = torch.tensor([[hue, size, kind] for hue in HUE.values for size in SIZE.values for kind in KIND.values])
    guess = torch.zeros(len(grid), 6)
    guess[:, 0] = 1.0
    losses = network.losses(guess, grid)
    assert float(losses["hue"]) == pytest.approx(1.0, abs=1e-6)
    assert float(losses["kind"]) == pytest.approx(1.0, abs=1e-6)
    assert float(losses["size"]) == pytest.approx(2.0, abs=1e-6)  # three levels spread more than a uniform draw: 2 of 1


def test_the_constant_guess_is_the_best_there_is() -> None:
    assert constant_error(SIZE, np.array([1.0, 1.0, 3.0])) == pytest.approx(2 / 3)  # the median
    assert constant_error(KIND, np.array([2.0, 2.0, 0.0, 1.0])) == pytest.approx(0.5)  # the commonest
    assert constant_error(HUE, np.array([0.95, 0.05, 0.0])) == pytest.approx(0.1 / 3)  # around the circle
    everywhere = np.arange(0, 1, 0.001)
    assert constant_error(HUE, everywhere) == pytest.approx(0.25, abs=1e-3)


def test_relative_error() -> None:
    assert FactorError(error=0.1, constant=0.4, independent=0.1, corrupted=0.1).relative == pytest.approx(0.25)


def test_corruption_spares_some_pictures_and_changes_the_others_a_little() -> None:
    images = source_of(TOY).draw(64, 0).images
    assert torch.equal(corrupted(images, 7, share=0.0), images)
    half = corrupted(images, 7, share=0.5)
    assert torch.equal(half, corrupted(images, 7, share=0.5))
    changed = (half != images).flatten(1).any(dim=1)
    assert 20 <= int(changed.sum()) <= 44
    assert half.abs().max() <= 1.0
    away = (half - images).square().mean(dim=(1, 2, 3)).sqrt()
    assert 0.01 < float(away[changed].mean()) < 0.12
    assert float(away.max()) < 0.3


def test_blur_is_the_binomial_that_scipy_makes() -> None:
    from scipy.ndimage import convolve1d

    images = source_of(TOY).draw(3, 0).images
    taps = np.array([1, 4, 6, 4, 1]) / 16
    found = images
    for axis in (2, 3):
        found = _blurred(found, axis)
        expected = convolve1d(images.numpy(), taps, axis=axis, mode="nearest")
        images = torch.from_numpy(expected)
        assert found.numpy() == pytest.approx(expected, abs=1e-5)


def test_unseen_causes_are_learned_from_the_causal_model_alone() -> None:
    """Half of a step's pictures have independent factors; of an unseen cause they would teach that nothing is known."""
    recipe = msgspec.structs.replace(TOY, data="pendulum", batch=8)
    source = source_of(recipe)
    batch = source.draw(8, 0)
    seen, unseen = PredictorTrainer(recipe, source, CPU), PredictorTrainer(recipe, source, CPU)
    world = type("Dark", (type(source.world),), {"unseen": ("light",)})()
    unseen.world = world
    plain, found = seen.step(0, batch), unseen.step(0, batch)
    assert {name for name in plain if plain[name] != found[name]} == {"loss", "light"}
    images = corrupted(torch.cat([batch.images, batch.images]), step_seed(recipe.seed, 0, 2), share=0.5)[:8]
    fresh = PredictorTrainer(recipe, source, CPU).network
    assert batch.factors is not None
    assert found["light"] == pytest.approx(fresh.losses(fresh(images), batch.factors)["light"].item(), rel=1e-4)


def test_what_looks_the_same_has_one_truth() -> None:
    """A square turned by 90° is the same square: the error of a network that reads it so is 0."""
    world = worlds.world("sprites")
    rows = world.sample(200, 0)
    shown = world.shown(rows)
    assert (world.render(shown) == world.render(rows)).mean() > 0.9999  # a pixel's centre may lie on an edge
    assert (shown[rows[:, 0] == 0][:, 2] < np.pi / 2).all()
    assert np.array_equal(shown[:, [0, 1, 3, 4]], rows[:, [0, 1, 3, 4]])

    class Perfect:
        def __init__(self) -> None:
            self.rows: list[np.ndarray] = []

        def measure(self, images: torch.Tensor) -> np.ndarray:
            return self.rows.pop(0)

    source, perfect = source_of(TOY), Perfect()
    truth = source.held_out(50, 3).factors
    assert truth is not None
    read = world.shown(truth.numpy())
    perfect.rows = [read, read, world.shown(world.independent(50, 20_000_003))]
    found = measure_errors(perfect, source, 50, seed=3)  # type: ignore[arg-type]
    assert all(one.error == one.independent == one.corrupted == 0.0 for one in found.values())


def test_independent_values_lie_between_levels_where_they_may() -> None:
    shapes = msgspec.structs.replace(TOY, data="shapes", settings={**SMALL, "between": "cyclic"})
    trainer = PredictorTrainer(shapes, source_of(shapes), CPU)
    world = worlds.world("shapes")
    rows = trainer.independent(500, 1)
    on_grid = np.isclose(rows, np.stack([np.array(f.values)[world.levels_of(rows)[:, c]] for c, f in
                                         enumerate(world.factors)], axis=1), atol=1e-5).mean(axis=0)  # fmt: skip
    assert dict(zip(world.names, on_grid.round(1), strict=True)) == pytest.approx(
        {"floor_hue": 0.0, "wall_hue": 0.0, "object_hue": 0.0, "scale": 1.0, "shape": 1.0, "orientation": 1.0}, abs=0.05
    )
    everywhere = msgspec.structs.replace(shapes, settings={**SMALL, "between": "all"})
    scales = PredictorTrainer(everywhere, source_of(everywhere), CPU).independent(500, 1)[:, 3]
    assert scales.min() >= 0.75
    assert scales.max() <= 1.25
    assert len(np.unique(scales)) > 400


def test_pictures_without_factors_are_refused_in_one_sentence(tmp_path: Path) -> None:
    class Folder:
        name, description, size, channels, count, world, fingerprint = "cats", "", 64, 3, 9, None, ""

    with pytest.raises(ExplorerError, match="set 'data' to a world"):
        PredictorTrainer(TOY, Folder(), CPU)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"widths": [4] * 7}, "do not halve 64 pixels"),
        ({"features": 0}, "outside 1..1024"),
        ({"between": "some"}, "between"),
        ({"learning": 1.0}, "learning"),
    ],
)
def test_wrong_settings_are_refused_with_their_reason(settings: dict[str, object], reason: str) -> None:
    wrong = msgspec.structs.replace(TOY, settings={**SMALL, **settings})
    with pytest.raises(ExplorerError, match=reason):
        PredictorTrainer(wrong, source_of(wrong), CPU)


@pytest.mark.parametrize("name", sorted(path.stem for path in RECIPES.glob("*-predictor.toml")))
def test_shipped_recipes_fit_their_worlds_and_stay_small(name: str) -> None:
    recipe = read_recipe(name)
    assert name == f"{recipe.data}-predictor"
    assert msgspec.convert(recipe.settings, PredictorSettings).evaluation >= 2000
    trainer = PredictorTrainer(recipe, source_of(recipe), CPU)
    assert sum(one.numel() for one in trainer.network.parameters()) <= 400_000
