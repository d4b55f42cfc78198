"""The trainer of conditional VAEs: what is conditioned on, the loss, a bit-exact resume, and what it exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from explorer.causal.model_file import fits_in
from explorer.errors import ExplorerError
from explorer.generators import registry
from explorer.numerics.randomness import step_seed
from explorer.scene.model import Quality
from explorer.training.base import Recipe
from explorer.training.batch import Batch, as_images
from explorer.training.cvae import INDEPENDENT, REFIT, ROWS, ConditionalVaeTrainer, tinted
from explorer.training.data import EVALUATION_SEED, source_of
from explorer.training.loop import batch_of, train

CPU = torch.device("cpu")
SMALL = {"widths": [4, 4, 4, 4], "hidden": 8, "latents": 2, "evaluation": 40}
RECIPE = Recipe(
    name="toy-cvae", trainer="cvae", data="shapes", uniform=True, steps=4, batch=8, checkpoint_every=2, settings=SMALL
)


def made(**settings: object) -> ConditionalVaeTrainer:
    recipe = msgspec.structs.replace(RECIPE, settings={**SMALL, **settings})
    return ConditionalVaeTrainer(recipe, source_of(recipe), CPU)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cvae")
    train(RECIPE, folder, CPU)
    return folder


def test_the_conditions_are_the_worlds_factors_standardised() -> None:
    trainer = made()
    factors = torch.from_numpy(trainer.world.independent(4000, 3))
    coordinates = trainer.coordinates(factors)
    assert [condition.width for condition in trainer.network.config.conditions] == [2, 2, 2, 1, 4, 1]
    for column in (0, 1, 2, 3, 5):
        assert coordinates[:, column].mean().item() == pytest.approx(0.0, abs=0.12)
        assert coordinates[:, column].std().item() == pytest.approx(1.0, abs=0.08)
    assert torch.equal(coordinates[:, 4], factors[:, 4])  # shape: the index of its level
    embedded = trainer.network.embed(coordinates)
    angle = 2 * np.pi * factors[:, 0].double()
    assert torch.allclose(embedded[:, 0].double(), angle.cos(), atol=1e-4)
    assert torch.allclose(embedded[:, 1].double(), angle.sin(), atol=1e-4)
    one_hot = functional.one_hot(factors[:, 4].long(), 4)
    assert torch.equal(embedded[:, 7:11], one_hot.float())


def test_the_loss_is_the_sum_of_its_terms() -> None:
    batch = batch_of(source_of(RECIPE), RECIPE, 0)
    found = made(beta=3.0, reading=7.0).step(0, batch)
    expected = found["reconstruction"] + 3 * found["kl"] + 7 * found["factors"]
    assert found["loss"] == pytest.approx(expected, rel=1e-6)
    trainer = made(beta=3.0, reading=7.0)
    assert batch.factors is not None
    with torch.no_grad():
        features = trainer.network.encoder((batch.images + 1) / 2)
        embedded = trainer.network.embed(trainer.coordinates(batch.factors))
        mean, log_variance = trainer.network.posterior((batch.images + 1) / 2, features, embedded)
        told = trainer.network.reader(features)
    assert found["factors"] == pytest.approx(0.5 * (told - embedded).square().sum().item() / 8, rel=1e-5)
    prior = torch.distributions.Normal(torch.zeros(8, 2), torch.ones(8, 2))
    posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    divergence = torch.distributions.kl_divergence(posterior, prior).sum(dim=1).mean()
    assert found["kl"] == pytest.approx(divergence.item(), rel=1e-4)


RICH = {
    **SMALL,
    "widths": [8, 8, 8, 8],
    "factors": ["shadow_length", "light"],
    "likelihood": "gaussian",
    "octaves": 2,
    "decoder": "normalised",
    "channel_means": True,
    "labels": 0.5,
    "independent": 4,
    "warm_up": 2,
    "average": 0.9,
    "colour_gains": 0.2,
}
RICH_RECIPE = msgspec.structs.replace(RECIPE, name="rich", data="pendulum", uniform=False, settings=RICH)


def rich(**settings: object) -> ConditionalVaeTrainer:
    recipe = msgspec.structs.replace(RICH_RECIPE, settings={**RICH, **settings})
    return ConditionalVaeTrainer(recipe, source_of(recipe), CPU)


def test_a_run_with_every_setting_repeats_every_bit_when_resumed(tmp_path: Path) -> None:
    straight = train(RICH_RECIPE, tmp_path / "straight", CPU)
    train(RICH_RECIPE, tmp_path / "again", CPU, stop_after=3)
    resumed = train(RICH_RECIPE, tmp_path / "again", CPU)
    for name in ("model.safetensors", "config.json", "samples.png"):
        assert (resumed / name).read_bytes() == (straight / name).read_bytes()
    assert registry.describe(str(resumed)).spaces["z"].shape == (4,)


def test_a_recipe_with_causes_exports_a_structural_model_of_its_factors_and_how_far_the_reader_is_wrong(
    tmp_path: Path,
) -> None:
    factors = ["angle", "light", "shadow_position"]
    settings = {**SMALL, "factors": factors, "causes": 900, "colour_gains": 0.2}
    recipe = msgspec.structs.replace(RICH_RECIPE, settings=settings, steps=2)
    model = train(recipe, tmp_path, CPU)
    generator: Any = registry.load(str(model), CPU)
    assert "causes" in generator.card.capabilities
    learned, world = generator.structural_model(), source_of(recipe).world
    assert world is not None
    assert learned.graph.edges == (("angle", "shadow_position"), ("light", "shadow_position"))
    assert {name: len(values) for name, values in generator.observed().items()} == dict.fromkeys(factors, 2048)
    assert [card.variable for card in fits_in(model / "causes.safetensors")] == factors
    rows = world.values_of(world.sample(200, 5))
    noise = learned.mechanisms["shadow_position"].abduct(
        learned.causes_of("shadow_position", rows), rows["shadow_position"]
    )
    truth = world.model.abduct(rows)["shadow_position"]
    assert torch.corrcoef(torch.cat([noise, truth], dim=1).T)[0, 1] > 0.5
    trainer = ConditionalVaeTrainer(recipe, source_of(recipe), CPU)
    trainer.network.load_state_dict(generator._network.state_dict())
    told = [generator._network.encode(targets)[:, 2:] for targets, _ in trainer.held_out()]
    true = [trainer.coordinates(rows) for _, rows in trainer.held_out() if rows is not None]
    for column, condition in enumerate(generator._network.config.conditions):
        away = (torch.cat(told)[:, column] - torch.cat(true)[:, column]).double() * condition.deviation
        assert condition.error == pytest.approx(away.square().mean().sqrt().item(), rel=1e-3)


def test_a_factor_without_its_causes_has_no_structural_model() -> None:
    with pytest.raises(ExplorerError, match="'shadow_length' of 'pendulum' is caused by angle; add that"):
        rich(causes=100)


def test_the_gaussian_likelihood_is_that_of_the_best_deviation() -> None:
    trainer = rich(labels=1.0, independent=0, colour_gains=0.0)
    batch = batch_of(trainer.source, RICH_RECIPE, 0)
    logits = torch.randn(batch.images.shape, generator=torch.Generator().manual_seed(0))
    targets = (batch.images + 1) / 2
    error = (torch.sigmoid(logits) - targets).double()
    best = error.square().mean().sqrt()
    density = torch.distributions.Normal(0.0, best).log_prob(error).sum() / len(targets)
    count = targets[0].numel()
    constant = 0.5 * count * (1 + np.log(2 * np.pi))
    assert trainer._reconstruction(logits, targets).item() == pytest.approx(-density.item() - constant, rel=1e-5)


def test_only_the_named_factors_are_conditions_in_their_own_columns() -> None:
    trainer = rich()
    factors = torch.from_numpy(trainer.world.sample(3000, 1))
    coordinates = trainer.coordinates(factors)
    assert [condition.factor.name for condition in trainer.network.config.conditions] == ["shadow_length", "light"]
    assert coordinates.mean(dim=0).tolist() == pytest.approx([0, 0], abs=0.15)
    assert torch.corrcoef(torch.stack([coordinates[:, 1], factors[:, 1]]))[0, 1] > 0.9999


def test_what_is_read_besides_has_independent_factors_and_is_not_drawn() -> None:
    trainer = rich(independent=400, labels=1.0)
    batch = batch_of(trainer.source, RICH_RECIPE, 0)
    assert batch.factors is not None
    targets = (batch.images + 1) / 2
    read, truth = trainer._for_reading(0, targets, batch.factors, 400, INDEPENDENT)
    assert torch.equal(read[:8], targets)
    assert torch.equal(truth[:8], batch.factors)
    assert len(read) == len(truth) == 408
    assert np.abs(np.corrcoef(truth[8:].T)[np.triu_indices(4, 1)]).max() < 0.15  # causes tell nothing of effects
    causal = trainer.world.sample(400, 0)
    assert np.abs(np.corrcoef(causal.T)[np.triu_indices(4, 1)]).max() > 0.4


def test_the_readers_last_layer_is_the_least_squares_of_what_it_saw() -> None:
    trainer = rich(labels=1.0, refit=300, colour_gains=0.0, independent=1)
    trainer._refit()
    seed = step_seed(0, 0, REFIT)
    batch, rows = trainer.source.draw(250, seed), trainer.world.independent(250, seed)
    last, more = (
        trainer.source.draw(50, step_seed(0, 250, REFIT)),
        trainer.world.independent(50, step_seed(0, 250, REFIT)),
    )
    images = [batch.images, last.images, *(as_images(trainer.world.render(part)) for part in (rows, more))]
    assert batch.factors is not None
    assert last.factors is not None
    truth = torch.cat([batch.factors, last.factors, torch.from_numpy(rows), torch.from_numpy(more)])
    with torch.no_grad():
        features = trainer.finished.encoder((torch.cat(images) + 1) / 2)
        left = trainer.finished.reader(features) - trainer.finished.embed(trainer.coordinates(truth).float())
    assert (features.T @ left).abs().max() < 1e-3 * features.square().sum()  # at the least, orthogonal to every feature
    assert left.mean(dim=0).abs().max() < 1e-2


def test_a_share_of_labels_is_that_share_of_the_pictures_and_more_than_none() -> None:
    share = torch.stack([rich(labels=0.25)._labelled(step, 50).double().mean() for step in range(8)]).mean()
    assert share.item() == pytest.approx(0.25, abs=0.08)
    with pytest.raises(ExplorerError, match="settings of recipe 'rich' cannot be used"):
        rich(labels=0.0)


def taught_by(trainer: ConditionalVaeTrainer, number: int, batch: Batch) -> dict[str, torch.Tensor]:
    """Part of the network → what a step teaches it, the gradients of all its weights side by side."""
    trainer.step(number, batch)
    parts: dict[str, list[torch.Tensor]] = {}
    for name, parameter in trainer.network.named_parameters():
        assert parameter.grad is not None
        parts.setdefault(name.split(".")[0], []).append(parameter.grad.flatten())
    return {part: torch.cat(gradients) for part, gradients in parts.items()}


@pytest.mark.parametrize(("number", "learn"), [(1, set()), (2, {"decoder", "output"})])
def test_pictures_without_labels_teach_the_decoder_alone_and_that_not_at_first(number: int, learn: set[str]) -> None:
    """Bernoulli: of a Gaussian whose deviation fits the batch, every picture weighs what all others leave."""
    settings = {
        "labels": 0.5, "unlabelled_from": 0.5, "likelihood": "bernoulli", "independent": 0, "colour_gains": 0.0,
        "average": 0.0,
    }  # fmt: skip
    batch = batch_of(source_of(RICH_RECIPE), RICH_RECIPE, number)
    assert batch.factors is not None
    known = rich(**settings)._labelled(number, 8)
    assert 0 < int(known.sum()) < 8
    images, factors = batch.images.clone(), batch.factors.clone()
    images[~known], factors[~known] = -images[~known], factors.roll(1, 0)[~known]
    before = taught_by(rich(**settings), number, batch)
    after = taught_by(rich(**settings), number, Batch(images, factors))
    others = {part for part, gradient in before.items() if not torch.allclose(gradient, after[part], atol=1e-4)}
    assert others == learn
    assert all(gradient.abs().max() > 1e-3 for gradient in before.values())


def test_a_batch_without_labels_teaches_nothing_at_first_and_is_no_error() -> None:
    trainer = rich(labels=1e-9, unlabelled_from=0.5, average=0.0)
    source = trainer.source
    first = trainer.step(0, batch_of(source, RICH_RECIPE, 0))
    assert (first["reconstruction"], first["kl"], first["factors"], first["loss"]) == (0.0, 0.0, 0.0, 0.0)
    later = trainer.step(2, batch_of(source, RICH_RECIPE, 2))
    assert later["reconstruction"] != 0.0
    assert (later["kl"], later["factors"]) == (0.0, 0.0)


def test_what_is_exported_is_the_running_mean_of_the_weights() -> None:
    trainer = rich(labels=1.0)
    expected = {key: value.clone() for key, value in trainer.network.named_parameters()}
    for step in range(4):
        trainer.step(step, batch_of(trainer.source, RICH_RECIPE, step))
        keep = min(0.9, (1 + step) / (10 + step))
        expected = {k: keep * expected[k] + (1 - keep) * v.detach() for k, v in trainer.network.named_parameters()}
    assert trainer.finished is not trainer.network
    for key, value in trainer.finished.named_parameters():
        assert torch.allclose(value, expected[key], atol=1e-6)


def test_the_rate_rises_then_falls() -> None:
    rates = [rich(learning_rate=1.0).rate(step) for step in range(4)]
    cosine = [0.5 * (1 + np.cos(np.pi * step / 4)) for step in range(4)]
    assert rates == pytest.approx([cosine[0] / 3, cosine[1] * 2 / 3, cosine[2], cosine[3]])


def test_colour_gains_are_one_number_a_channel_of_each_picture() -> None:
    pictures = torch.rand(500, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    made = tinted(pictures, 0.2, torch.Generator().manual_seed(1))
    gains = made / pictures
    assert (gains.amax(dim=(2, 3)) - gains.amin(dim=(2, 3))).max() < 1e-5
    flat = gains[:, :, 0, 0]
    assert flat.min() >= 0.8 / 1.2 - 1e-6
    assert flat.max() <= 1.0 + 1e-6
    assert flat.std(dim=0).tolist() == pytest.approx([1 / 3 / 12**0.5] * 3, rel=0.06)
    assert np.abs(np.corrcoef(flat.T)[np.triu_indices(3, 1)]).max() < 0.12


@pytest.mark.parametrize("stop", [1, 3])
def test_a_resumed_run_repeats_every_bit(run: Path, tmp_path: Path, stop: int) -> None:
    train(RECIPE, tmp_path, CPU, stop_after=stop)
    resumed = train(RECIPE, tmp_path, CPU)
    for name in ("model.safetensors", "config.json", "samples.png"):
        assert (resumed / name).read_bytes() == (run / "model" / name).read_bytes()


def test_the_export_is_loaded_by_its_family_and_shows_the_same_pictures(run: Path) -> None:
    generator = registry.load(str(run / "model"), CPU)
    assert (generator.card.family, generator.card.spaces["z"].shape) == ("cvae", (8,))
    sheet = np.asarray(Image.open(run / "model" / "samples.png"))
    picture = generator.render(generator.sample([9]), Quality())[0]
    levels = ((picture.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
    assert np.abs(levels.astype(int) - sheet[66 : 66 + 64, 66 : 66 + 64]).max() <= 1


def test_the_card_holds_figures_that_the_exported_weights_have(run: Path) -> None:
    figures = json.loads((run / "model" / "card.json").read_text())["figures"]
    generator = registry.load(str(run / "model"), CPU)
    batch = source_of(RECIPE).held_out(40, 0)
    point = generator.encode(batch.images)  # type: ignore[attr-defined]
    squared = (generator.render(point, Quality()) - batch.images).square().mean() / 4
    assert figures["reconstruction_mse_factors_read"] == pytest.approx(squared.item(), rel=1e-4)
    assert batch.factors is not None
    told = point.tensors["z"][:, 2:]
    wrong = (told[:, 4] != batch.factors[:, 4]).double().mean()
    assert figures["shape_reading_error"] == pytest.approx(wrong.item())
    orientation = generator._network.config.conditions[5]  # type: ignore[attr-defined]
    degrees = told[:, 5].double() * orientation.deviation + orientation.mean
    assert figures["orientation_reading_error"] == pytest.approx(
        (degrees - batch.factors[:, 5]).abs().mean().item(), rel=1e-4
    )
    assert 0 <= figures["floor_hue_reading_error"] <= 0.5  # half a turn is the furthest


def test_samples_have_factors_that_the_world_draws_together(run: Path) -> None:
    generator = registry.load(str(run / "model"), CPU)
    trainer = made()
    wanted = trainer.coordinates(torch.from_numpy(trainer.world.independent(ROWS, EVALUATION_SEED)))
    for point in generator.sample(range(10)).tensors["z"]:
        assert (wanted - point[2:]).abs().max(dim=1).values.min() < 1e-4


def test_it_learns_to_draw_what_it_is_told() -> None:
    """After a short run the floor's colour follows the factor, whatever the noise."""
    settings = {**SMALL, "widths": [8, 8, 8, 8], "hidden": 64, "learning_rate": 6e-3}
    recipe = msgspec.structs.replace(RECIPE, steps=200, batch=16, settings=settings)
    trainer = ConditionalVaeTrainer(recipe, source_of(recipe), CPU)
    batches = [batch_of(source_of(recipe), recipe, number) for number in range(6)]
    seen = [trainer.step(number, batches[number % 6])["reconstruction"] for number in range(200)]
    assert np.mean(seen[-10:]) < 0.97 * np.mean(seen[:10])
    points = torch.zeros(2, 8)
    points[1, 2] = 0.5 / trainer.network.config.conditions[0].deviation  # half a turn of the floor's hue
    floor = trainer.network.decode(points)[:, :, -8:].mean(dim=(2, 3))
    assert (floor[0] - floor[1]).abs().max() > 0.1


def test_pictures_without_factors_are_refused_in_one_sentence(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(20):
        colour = (10 * number, 100, 200)
        Image.new("RGB", (64, 64), colour).save(pictures / f"{number}.png")
    recipe = msgspec.structs.replace(RECIPE, data=str(pictures), size=64, uniform=False)
    with pytest.raises(ExplorerError, match="needs to know the factors of every picture"):
        train(recipe, tmp_path / "run", CPU)
