"""VAEs on sequences, with flows as a regulariser: the bound against closed forms, the sequences, what is exported."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import cast

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor

from explorer.controls.control_set import load
from explorer.errors import ExplorerError
from explorer.generators import registry
from explorer.generators.vae_network import VaeNetwork
from explorer.numerics.gaussian_posterior import evidence_lower_bound
from explorer.training import sequences
from explorer.training.base import Recipe, read_recipe
from explorer.training.data import SequenceSource, source_of
from explorer.training.flow_vae import FLOWS, FlowVaeTrainer
from explorer.training.loop import batch_of, train
from explorer.training.sequences import equivariance, walked
from explorer.training.vae import VaeTrainer
from explorer.worlds.registry import all_worlds

CPU = torch.device("cpu")
SMALL = {"widths": [8, 8, 8], "hidden": 16, "latents": 4, "evaluation": 32, "warm_up": 1}
RECIPE = Recipe(
    name="toy-flow-vae", trainer="flow_vae", data="shapes", size=32, sequence=4, steps=3, batch=8, settings=SMALL
)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.training.sequences.SEQUENCES", 100)
    monkeypatch.setattr("explorer.training.sequences.FITTED_ON", 100)
    monkeypatch.setattr("explorer.training.sequences.FITTING_STEPS", 2)


def source(recipe: Recipe = RECIPE) -> SequenceSource:
    return cast("SequenceSource", source_of(recipe))


# --- the bound ---


def test_of_a_linear_gaussian_model_the_bound_is_the_evidence_and_below_it_for_a_worse_posterior() -> None:
    """x = W z + noise of variance v, with orthogonal columns: the true posterior is diagonal, and log p(x) known."""
    source_of_noise = torch.Generator().manual_seed(0)
    weights = torch.linalg.qr(torch.randn(6, 3, generator=source_of_noise, dtype=torch.float64)).Q
    weights = weights * torch.tensor([2.0, 1.0, 0.5], dtype=torch.float64)
    variance, count = 0.3, 20_000
    x = torch.randn(6, generator=source_of_noise, dtype=torch.float64)

    def likelihood(z: Tensor) -> Tensor:
        left = x - z @ weights.T
        return -left.square().sum(1) / (2 * variance) - 3 * math.log(2 * math.pi * variance)

    covariance = weights @ weights.T + variance * torch.eye(6, dtype=torch.float64)
    evidence = float(torch.distributions.MultivariateNormal(torch.zeros(6).double(), covariance).log_prob(x))
    precision = 1 + weights.square().sum(0) / variance
    mean, log_variance = (x @ weights / variance) / precision, -precision.log()

    def bound(mean: Tensor, log_variance: Tensor) -> Tensor:
        rows = mean.expand(count, 3), log_variance.expand(count, 3)
        return evidence_lower_bound(likelihood, *rows, torch.Generator().manual_seed(1))

    drawn = bound(mean, log_variance)
    assert float(drawn.mean()) == pytest.approx(evidence, abs=4 * float(drawn.std()) / math.sqrt(count))
    # Any other posterior loses its divergence from the true one.
    other_mean, other_variance = mean + 0.4, log_variance + 0.7
    ratio = (other_variance - log_variance).exp()
    divergence = 0.5 * float((ratio + 0.16 / log_variance.exp() - 1 - ratio.log()).sum())
    drawn = bound(other_mean, other_variance)
    assert float(drawn.mean()) == pytest.approx(evidence - divergence, abs=4 * float(drawn.std()) / math.sqrt(count))


# --- sequences ---


def test_in_a_sequence_one_factor_goes_on_and_the_others_stay() -> None:
    seen = source(msgspec.structs.replace(RECIPE, sequence=8, batch=80))
    world = all_worlds()["shapes"]
    rows = seen.factors(800, 3).reshape(100, 8, -1)
    changed = (rows != rows[:, :1]).any(1)
    assert (changed.sum(1) == 1).all()
    names = {world.names[column] for column in changed.argmax(1)}
    assert names == {"floor_hue", "wall_hue", "object_hue", "scale", "orientation"}
    for sequence, column in zip(rows, changed.argmax(1), strict=True):
        factor, values = world.factors[column], sequence[:, column].astype(float)
        steps = np.diff(values)
        if factor.cyclic:
            np.testing.assert_allclose(steps % factor.period, 0.1, atol=1e-5)
        else:
            np.testing.assert_allclose(steps, (factor.high - factor.low) / 14, rtol=1e-4)
        assert values.min() >= factor.low - 1e-5
        assert values.max() <= (factor.period if factor.cyclic else factor.high) + 1e-5
    factors = torch.from_numpy(rows.reshape(800, -1))
    assert [seen.moving[k] for k in seen.classes(factors)] == changed.argmax(1).tolist()
    assert np.array_equal(seen.factors(800, 3).reshape(rows.shape), rows)


@pytest.mark.parametrize("name", sorted(all_worlds()))
def test_in_every_world_what_goes_on_shows(name: str) -> None:
    """Each step changes the picture, whichever factor goes on, and no class is left out."""
    world = all_worlds()[name]
    recipe = msgspec.structs.replace(RECIPE, data=name, size=0, sequence=4, batch=8)
    seen = source(recipe)
    count = 20 * len(seen.moving)
    factors = torch.from_numpy(seen.factors(4 * count, 0))
    classes = seen.classes(factors)
    assert set(classes.tolist()) == set(range(len(seen.moving)))
    first = {int(which): row for row, which in reversed(list(enumerate(classes)))}
    for which, row in first.items():
        pictures = world.render(factors.reshape(count, 4, -1)[row].numpy()).astype(int)
        assert np.abs(np.diff(pictures, axis=0)).sum((1, 2, 3)).min() > 0, world.names[seen.moving[which]]


def test_a_world_in_which_nothing_goes_on_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_worlds()["pendulum"], "unseen", all_worlds()["pendulum"].names)
    with pytest.raises(ExplorerError, match="Nothing can go on"):
        source(msgspec.structs.replace(RECIPE, data="pendulum", size=0))


def test_pictures_that_are_held_out_stand_each_for_itself() -> None:
    alone = source().held_out(6, 0)
    assert alone.factors is not None
    assert len(np.unique(alone.factors.numpy(), axis=0)) > 4
    assert alone.images.shape == (6, 3, 32, 32)


@pytest.mark.parametrize(("sequence", "batch", "data"), [(1, 8, "shapes"), (3, 8, "shapes"), (4, 8, ".")])
def test_sequences_that_cannot_be_had_are_refused(sequence: int, batch: int, data: str) -> None:
    recipe = msgspec.structs.replace(RECIPE, sequence=sequence, batch=batch, data=data)
    with pytest.raises(ExplorerError, match="sequence"):
        source_of(recipe)
    with pytest.raises(ExplorerError, match="sequence"):
        FlowVaeTrainer(RECIPE, source_of(msgspec.structs.replace(RECIPE, sequence=0)), CPU)


def test_small_pictures_are_means_of_the_pixels_of_large_ones() -> None:
    world = all_worlds()["shapes"]
    rows = world.sample(5, 0)
    large = world.render(rows, 64).astype(float).reshape(5, 32, 2, 32, 2, 3)
    small = world.render(rows, 32)
    dull = large.max((2, 4)) < 255  # a highlight is cut at white before it is averaged, or after
    assert dull.mean() > 0.9
    assert np.abs(small - large.mean((2, 4)))[dull].max() <= 1.0  # both are rounded


# --- equivariance ---


class Remembering:
    """A code is which sequence of those seen so far a picture belongs to, in hundreds, and its place there."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.seen: list[Tensor] = []

    def encode(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        before = sum(map(len, self.seen))
        self.seen.append(pictures)
        rows = torch.arange(before, before + len(pictures))
        codes = torch.stack([rows // self.length / 100, (rows % self.length).float()], 1)
        return codes, torch.zeros_like(codes)

    def decode(self, z: Tensor) -> Tensor:
        places = z[:, 1].round().long().clamp(0, self.length - 1)
        pictures = torch.cat(self.seen)
        which = (z[:, 0] * 100).round().long().clamp(0, len(pictures) // self.length - 1)
        return pictures[which * self.length + places]


def test_equivariance_errors_are_sums_of_differences_from_what_follows() -> None:
    seen = source()
    pictures = (seen.held_out_sequences(400, 0).images.double().reshape(100, 4, -1) + 1) / 2

    def errors(step: float) -> dict[str, float]:
        move = torch.tensor([0.0, step])
        return equivariance(cast("VaeNetwork", Remembering(4)), seen, CPU, lambda z, which, count: z + count * move)

    still = float((pictures[:, 1:] - pictures[:, :1]).abs().sum()) / 100
    assert errors(0.0)["equivariance_error"] == pytest.approx(still, rel=1e-5)
    exact = errors(1.0)
    assert exact["equivariance_error"] == exact["equivariance_error_own"] == exact["equivariance_error_straight"] == 0
    assert exact["equivariance_error_still"] == pytest.approx(still, rel=1e-5)
    # Half a place a step: 0.5, 1 and 1.5 are the places 0, 1 and 2 (halves are rounded to even).
    late = float((pictures[:, 1:] - pictures[:, [0, 1, 2]]).abs().sum()) / 100
    assert errors(0.5)["equivariance_error"] == pytest.approx(late, rel=1e-5)


def test_flows_that_are_fitted_afterwards_follow_what_lines_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two classes of codes, of which the first goes outwards from 0 in every direction and the second along a line."""
    monkeypatch.setattr(sequences, "FITTING_STEPS", 400)
    noise = torch.randn(600, 1, 10, generator=torch.Generator().manual_seed(0))
    places = torch.arange(5.0)[:, None]
    outwards = noise * 1.2**places
    along = noise + places * torch.linspace(-0.2, 0.2, 10)
    codes = torch.cat([outwards, along])
    classes = torch.arange(2).repeat_interleave(600)
    bank = sequences._fitted(codes, classes, 2)
    with torch.no_grad():
        way = torch.stack(walked(bank, codes[:, 0], classes, 4), 1)

    def missed(path: Tensor) -> list[float]:
        return [float((path - codes[:, 1:]).square().sum(2)[classes == one].mean()) for one in range(2)]

    lines = torch.stack([sequences._mean_step(codes[classes == one]) for one in range(2)])
    straight = missed(codes[:, :1] + places[1:] * lines[classes][:, None])
    assert missed(way)[0] < 0.2 * straight[0]
    assert straight[1] < 1e-6
    assert missed(way)[1] < 0.02


# --- the trainer ---


def test_without_weight_it_is_the_vae_on_the_same_sequences_to_the_bit() -> None:
    plain = msgspec.structs.replace(RECIPE, trainer="vae", settings={**SMALL, "loss": "vae"})
    weightless = msgspec.structs.replace(RECIPE, settings={**SMALL, "flow_weight": 0.0})
    trainers = [VaeTrainer(plain, source(), CPU), FlowVaeTrainer(weightless, source(), CPU)]
    for step in range(3):
        batch = batch_of(source(), RECIPE, step)
        losses = [trainer.step(step, batch) for trainer in trainers]
        assert losses[0] == losses[1]
    for first, second in zip(*(one.network.parameters() for one in trainers), strict=True):
        assert torch.equal(first, second)


def test_the_loss_is_the_weighed_sum_of_its_parts_and_its_kl_counts_as_often_as_pictures_are_reconstructed() -> None:
    weights = {"flow_weight": 0.5, "match_weight": 2.0, "equation_weight": 3.0}
    quick = {**SMALL, **weights, "learning_rate": 1e-2}
    trainer = FlowVaeTrainer(msgspec.structs.replace(RECIPE, steps=10_000, settings=quick), source(), CPU)
    for step in range(20):  # until codes say something
        parts = trainer.step(step, batch_of(source(), RECIPE, 0))
    assert parts["flow_kl"] == parts["kl"]
    beside = parts["flow_reconstruction"] + parts["kl"] + 2 * parts["flow_match"] + 3 * parts["equation"]
    assert parts["loss"] == pytest.approx(parts["reconstruction"] + parts["kl"] + 0.5 * beside, rel=1e-6)
    assert min(parts["kl"], parts["flow_match"], parts["equation"]) > 0.01  # each would be missed


def test_the_flow_learns_to_give_what_follows() -> None:
    quick = msgspec.structs.replace(RECIPE, steps=10_000, settings={**SMALL, "learning_rate": 1e-2})
    trainer = FlowVaeTrainer(quick, source(), CPU)
    before = [one.clone() for one in trainer.potentials.parameters()]
    lost = [trainer.step(step, batch_of(source(), RECIPE, 0))["flow_reconstruction"] for step in range(40)]
    assert lost[-1] < lost[0] - 50
    same = [torch.equal(a, b) for a, b in zip(before, trainer.potentials.parameters(), strict=True)]
    assert sum(same) == 1  # the bias of the last layer, which moves nothing


def test_a_run_that_is_resumed_ends_on_the_same_bits_and_its_potentials_are_sliders(tmp_path: Path) -> None:
    train(RECIPE, tmp_path / "cut", CPU, stop_after=2)
    cut, whole = train(RECIPE, tmp_path / "cut", CPU), train(RECIPE, tmp_path / "whole", CPU)
    for name in ("model.safetensors", FLOWS):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()
    generator = registry.load(str(cut), CPU)
    flows = load(cut / FLOWS)
    flows.check(generator.card)
    trainer = FlowVaeTrainer(RECIPE, source(), CPU)
    trainer.restore(torch.load(tmp_path / "whole" / "checkpoint.pt", weights_only=True)["trainer"])
    z = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))
    for index, control in enumerate(flows.controls):
        with torch.no_grad():
            path = walked(trainer.potentials, z, torch.full((2,), index), 3)
        for steps, expected in enumerate(path, 1):
            torch.testing.assert_close(control.move(z, torch.full((2,), float(steps))), expected, atol=1e-5, rtol=1e-5)
    figures = json.loads((cut / "card.json").read_text())["figures"]
    assert figures["elbo_nats"] < 0
    assert figures["equivariance_error_own"] > 0
    assert {"equivariance_error", "equivariance_error_still", "equivariance_error_straight"} <= set(figures)


def test_both_arms_of_the_comparison_are_the_same_but_for_the_flow() -> None:
    with_flow, without = read_recipe("shapes-flow-vae"), read_recipe("shapes-sequence-vae")
    for name in ("data", "size", "sequence", "steps", "batch", "seed"):
        assert getattr(with_flow, name) == getattr(without, name)
    assert {**without.settings, "loss": "vae"} == {**with_flow.settings, "loss": "vae"}
