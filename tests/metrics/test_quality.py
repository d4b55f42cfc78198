"""Quality of samples on constructed cases: what is dropped or collapsed is seen, and perfection is at chance."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from explorer.errors import Cancelled, ExplorerError
from explorer.generators.base import Latent
from explorer.metrics import quality
from explorer.metrics.quality import MINIMUM, Seen, compare, coverage, sample_quality
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ModelCard, SpaceCard
from explorer.scene.model import Quality
from explorer.training.batch import as_images
from explorer.worlds import registry as worlds
from explorer.worlds.attributes import load_attributes
from explorer.worlds.base import Factor
from explorer.worlds.predictor.network import PredictorConfig, PredictorNetwork, save_predictor

HUE = Factor("hue", tuple(round(0.1 * step, 1) for step in range(10)), cyclic=True)
KIND = Factor("kind", (0.0, 1.0, 2.0, 3.0), kind="category")
SCALE = Factor("scale", tuple(np.linspace(0.0, 1.0, 50).tolist()))
FACTORS = (HUE, KIND, SCALE)


def drawn(n: int, seed: int) -> np.ndarray:
    source = np.random.default_rng(seed)
    hue = source.integers(10, size=n) * 0.1 + source.normal(0, 0.01, n)
    return np.stack([hue % 1.0, source.integers(4, size=n), source.uniform(size=n)], axis=1).astype(np.float32)


def test_data_cover_themselves_and_fresh_data_do_too() -> None:
    data = drawn(2000, 0)
    assert coverage(data, data, FACTORS) == {"hue": 1.0, "kind": 1.0, "scale": 1.0}
    assert coverage(drawn(2000, 1), data, FACTORS) == {"hue": 1.0, "kind": 1.0, "scale": 1.0}


def test_a_level_that_samples_drop_is_missed_and_nothing_else() -> None:
    data, samples = drawn(3000, 0), drawn(3000, 1)
    assert coverage(samples[samples[:, 1] != 2.0], data, FACTORS) == {"hue": 1.0, "kind": 0.75, "scale": 1.0}
    red = np.minimum(samples[:, 0] % 1.0, -samples[:, 0] % 1.0) < 0.05
    assert coverage(samples[~red], data, FACTORS)["hue"] == pytest.approx(0.9)
    assert coverage(samples[samples[:, 2] < 0.699], data, FACTORS)["scale"] == pytest.approx(0.7)


def test_a_level_counts_from_a_tenth_of_its_frequency() -> None:
    data = drawn(4000, 0)
    kinds = data[:, 1]
    for share, expected in ((0.05, 0.75), (0.2, 1.0)):
        some = np.random.default_rng(5).uniform(size=4000) < share
        assert coverage(data[(kinds != 3.0) | some], data, FACTORS)["kind"] == expected


def test_levels_that_data_do_not_show_are_not_asked_for() -> None:
    data = drawn(500, 0)
    data[:, 1] = np.where(data[:, 1] > 1, 0, data[:, 1])
    assert coverage(data, data, FACTORS)["kind"] == 1.0


def seen(n: int, seed: int, shift: float = 0.0, spread: float = 1.0) -> Seen:
    features = torch.randn(n, 6, generator=torch.Generator().manual_seed(seed)) * spread + shift
    return Seen(drawn(n, seed), features)


def test_fresh_data_score_at_chance() -> None:
    scores = compare(seen(1000, 0), seen(2000, 1), FACTORS, "toy")
    assert list(scores) == ["frechet", "coverage", "precision", "recall"]
    assert all(score.group == "quality" and score.n == 1000 and score.title for score in scores.values())
    frechet = scores["frechet"]
    assert frechet.better == "lower"
    assert 0.5 < frechet.parts["ratio to chance"] < 2.0  # type: ignore[operator]
    assert frechet.note == f"{frechet.parts['ratio to chance']:.1f} times that of data"
    for name in ("precision", "recall", "coverage"):
        assert scores[name].value == pytest.approx(scores[name].null, abs=0.05)


def test_a_shift_costs_its_square_and_a_collapse_recall() -> None:
    data = seen(4000, 1)  # of unit variance, so that nothing is rescaled
    assert compare(seen(2000, 0, shift=2.0), data, FACTORS, "toy")["frechet"].value == pytest.approx(24.0, rel=0.05)
    narrow = compare(seen(2000, 0, spread=0.3), data, FACTORS, "toy")
    assert narrow["frechet"].value == pytest.approx(6 * 0.7**2, rel=0.05)
    assert narrow["precision"].value > 0.95  # type: ignore[operator]
    assert narrow["recall"].value < 0.1  # type: ignore[operator]


def test_the_units_of_features_do_not_matter_unless_one_is_dead() -> None:
    samples, data = seen(500, 0, shift=0.5), seen(1000, 1)

    def with_units(*units: float) -> dict[str, float | None]:
        scaled = [Seen(one.values, one.features * torch.tensor(units)) for one in (samples, data)]
        return {name: score.value for name, score in compare(*scaled, FACTORS, "toy").items()}

    plain = with_units(1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    assert with_units(0.5, 1.0, 20.0, 1.0, 5.0, 30.0) == pytest.approx(plain, rel=1e-3)
    dead = with_units(1e-6, 1.0, 1.0, 1.0, 1.0, 1.0)["frechet"]
    without = compare(*(Seen(one.values, one.features[:, 1:]) for one in (samples, data)), FACTORS, "toy")["frechet"]
    assert dead == pytest.approx(without.value, rel=1e-3)


class WorldGenerator:
    """Draws the world's own pictures, perhaps of some rows only; seed by seed."""

    def __init__(self, keep: object = None, steps: tuple[int, int] = (0, 0), path: str = "nowhere") -> None:
        self.world, self.keep = worlds.world("sprites"), keep
        self.device = torch.device("cpu")
        self.asked: list[Quality] = []
        self.seeds: list[int] = []
        self.card = ModelCard(
            name="perfect", family="toy", path=path, output=IMAGE.card((1, 64, 64)), fingerprint="a",
            spaces={"z": SpaceCard(shape=(5,))}, full_steps=steps[0], interactive_steps=steps[1],
        )  # fmt: skip

    def sample(self, seeds: list[int], truncation_psi: float = 1.0) -> Latent:
        self.seeds += seeds
        rows = self.world.sample(len(seeds), seeds[0])
        return Latent({"z": torch.from_numpy(rows)})

    def advance(self, latent: Latent, space: str) -> Latent:
        return latent

    def render(self, latent: Latent, quality: Quality) -> torch.Tensor:
        self.asked.append(quality)
        rows = latent.tensors["z"].numpy()
        if self.keep is not None:
            rows = self.keep(rows)  # type: ignore[operator]
        pictures = as_images(self.world.render(rows))
        return pictures * 0.3 if quality.steps else pictures


@pytest.fixture
def predictor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained network reads something, the same of every picture: enough for distances; what it reads of the world
    is tested with the shipped ones."""
    torch.manual_seed(0)
    world = worlds.world("sprites")
    config = PredictorConfig(world="sprites", channels=1, widths=(4, 8, 8, 8), features=8, factors=world.factors)
    save_predictor(PredictorNetwork(config), tmp_path)
    monkeypatch.setattr(quality, "attributes_of", lambda name, device: load_attributes(tmp_path, device))


@pytest.mark.usefixtures("predictor")
def test_the_worlds_own_pictures_are_at_chance_and_repeat() -> None:
    generator = WorldGenerator()
    scores = sample_quality(generator, "sprites", MINIMUM, seed=2)
    assert scores["frechet"].parts["ratio to chance"] < 3.0  # type: ignore[operator]
    assert scores["precision"].value == pytest.approx(scores["precision"].null, abs=0.1)
    assert generator.seeds == list(range(2 * MINIMUM, 3 * MINIMUM))
    assert scores == sample_quality(WorldGenerator(), "sprites", MINIMUM, seed=2)
    assert scores != sample_quality(WorldGenerator(), "sprites", MINIMUM, seed=3)


@pytest.mark.usefixtures("predictor")
def test_a_generator_that_draws_one_place_only_is_far_and_recalls_little() -> None:
    def stuck(rows: np.ndarray) -> np.ndarray:
        return worlds.world("sprites").with_values(rows, {"x": 0.1, "y": 0.1})

    perfect, worse = (sample_quality(WorldGenerator(keep), "sprites", MINIMUM) for keep in (None, stuck))
    assert worse["frechet"].value > 5 * perfect["frechet"].value  # type: ignore[operator]
    assert worse["recall"].value < 0.7 * perfect["recall"].value  # type: ignore[operator]


@pytest.mark.usefixtures("predictor")
def test_a_sampler_is_measured_at_both_its_counts_of_steps() -> None:
    generator, heard = WorldGenerator(steps=(50, 5)), []
    scores = sample_quality(generator, "sprites", MINIMUM, progress=heard.append)
    assert {quality.steps for quality in generator.asked} == {0, 5}
    assert scores["frechet"].title == "Fréchet distance at 50 steps"
    assert scores["frechet_interactive"].title == "Fréchet distance at 5 steps"
    assert scores["frechet_interactive"].value > 2 * scores["frechet"].value  # type: ignore[operator]
    assert heard == sorted(heard)
    assert 0 < heard[0] < 0.1
    assert heard[-1] == pytest.approx(1.0)


@pytest.mark.usefixtures("predictor")
def test_cancelling_and_refusals() -> None:
    def cancel(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        sample_quality(WorldGenerator(), "sprites", MINIMUM, progress=cancel)
    with pytest.raises(ExplorerError, match="at least 500 pictures, not 499"):
        sample_quality(WorldGenerator(), "sprites", 499)
    broken = WorldGenerator()
    broken.render = lambda latent, quality: torch.full((latent.batch, 1, 64, 64), float("nan"))  # type: ignore[method-assign]
    with pytest.raises(ExplorerError, match="not finite"):
        sample_quality(broken, "sprites", MINIMUM)


@pytest.mark.usefixtures("predictor")
def test_data_are_drawn_as_the_models_own_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    document = {"recipe": {"data": "sprites", "uniform": True}}
    (tmp_path / "model" / "card.json").write_bytes(msgspec.json.encode(document))
    uniform = []
    original = quality.WorldSource
    monkeypatch.setattr(
        quality, "WorldSource", lambda world, size, even: uniform.append(even) or original(world, size, even)
    )
    sample_quality(WorldGenerator(path=str(tmp_path / "model")), "sprites", MINIMUM)
    sample_quality(WorldGenerator(), "sprites", MINIMUM)
    assert uniform == [True, False]
