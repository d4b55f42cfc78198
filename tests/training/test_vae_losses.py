"""The losses of the VAE family against second computations, and their own learners through a resume."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from torch.nn import functional

from explorer.errors import ExplorerError
from explorer.numerics.gaussian_posterior import aggregate_covariance, kl_to_standard_normal
from explorer.training.base import Recipe
from explorer.training.data import source_of
from explorer.training.loop import batch_of, train
from explorer.training.vae import VaeTrainer
from explorer.training.vae_losses import (
    LOSSES,
    Codes,
    Context,
    Dip2,
    Factor,
    discriminator_loss,
    loss_of,
    shuffled_columns,
)

CPU = torch.device("cpu")
CONTEXT = Context(latents=4, data_size=1000, device=CPU)
RECIPE = Recipe(
    name="toy-loss",
    trainer="vae",
    data="shapes",
    uniform=True,
    steps=4,
    batch=8,
    checkpoint_every=2,
    settings={"widths": [4, 4, 4, 4], "hidden": 8, "latents": 3, "evaluation": 20, "warm_up": 2},
)
SMALL_DISCRIMINATOR = {"loss": "factor", "gamma": 6.0, "discriminator_layers": 2, "discriminator_width": 8}


def recipe_with(**settings: object) -> Recipe:
    return msgspec.structs.replace(RECIPE, settings={**RECIPE.settings, **settings})


def codes(batch: int = 500, seed: int = 0) -> Codes:
    source = torch.Generator().manual_seed(seed)
    mean, log_variance = torch.randn(batch, 4, generator=source), torch.randn(batch, 4, generator=source) - 1.0
    return Codes(mean + torch.randn(batch, 4, generator=source) * (log_variance / 2).exp(), mean, log_variance)


# --- FactorVAE ---------------------------------------------------------------------------------------------------


def test_shuffling_keeps_every_marginal_and_breaks_what_ties_them() -> None:
    source = torch.Generator().manual_seed(0)
    first = torch.randn(4000, 1, generator=source)
    z = torch.cat([first, first, -first], dim=1)
    found = shuffled_columns(z, torch.Generator().manual_seed(1))
    for column in range(3):
        assert torch.equal(found[:, column].sort().values, z[:, column].sort().values)
    assert torch.corrcoef(found.T).fill_diagonal_(0).abs().max() < 0.08
    assert torch.equal(found, shuffled_columns(z, torch.Generator().manual_seed(1)))


def test_the_discriminator_pays_the_cross_entropy_of_its_answers() -> None:
    joint, shuffled = torch.randn(40, 1), torch.randn(40, 1)
    answers = torch.cat([joint, shuffled])[:, 0]
    truth = torch.cat([torch.ones(40), torch.zeros(40)])
    expected = functional.binary_cross_entropy(answers.sigmoid(), truth)
    assert discriminator_loss(joint, shuffled).item() == pytest.approx(expected.item(), rel=1e-5)
    assert discriminator_loss(torch.zeros(1), torch.zeros(1)).item() == pytest.approx(math.log(2))


def test_the_total_correlation_is_gamma_times_the_mean_logit_and_leaves_the_discriminator_alone() -> None:
    loss = Factor(Factor.Settings(gamma=6.0, discriminator_layers=2, discriminator_width=8), CONTEXT)
    drawn = codes(20)
    drawn = drawn._replace(z=drawn.z.requires_grad_())
    terms = loss.terms(drawn)
    assert terms["kl"].value.item() == pytest.approx(
        kl_to_standard_normal(drawn.mean, drawn.log_variance).sum(1).mean().item()
    )
    assert (terms["kl"].weight, terms["total_correlation"].weight) == (1.0, 6.0)
    with torch.no_grad():
        probability = loss.discriminator(drawn.z).sigmoid()
    ratio = (probability / (1 - probability)).log().mean()
    assert terms["total_correlation"].value.item() == pytest.approx(ratio.item(), rel=1e-4)
    terms["total_correlation"].value.backward()  # type: ignore[no-untyped-call]
    assert drawn.z.grad is not None
    assert drawn.z.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in loss.discriminator.parameters())


def test_the_discriminator_has_the_published_shape() -> None:
    layers = Factor(Factor.Settings(), Context(10, 1000, CPU)).discriminator
    shapes = [tuple(layer.weight.shape) for layer in layers if isinstance(layer, torch.nn.Linear)]
    assert shapes == [(1000, 10), *[(1000, 1000)] * 5, (1, 1000)]
    slopes = [layer.negative_slope for layer in layers if isinstance(layer, torch.nn.LeakyReLU)]
    assert slopes == [0.2] * 6


def test_the_discriminator_learns_to_tell_a_known_total_correlation() -> None:
    """Two standard normal latents of correlation ρ: TC = −½ ln(1 − ρ²)."""
    torch.manual_seed(0)
    settings = Factor.Settings(discriminator_layers=2, discriminator_width=64, discriminator_rate=3e-3)
    loss, random = Factor(settings, Context(2, 1000, CPU)), torch.Generator().manual_seed(3)
    correlation, seen = 0.9, []
    for step in range(400):
        first = torch.randn(512, 1, generator=random)
        second = correlation * first + math.sqrt(1 - correlation**2) * torch.randn(512, 1, generator=random)
        z = torch.cat([first, second], dim=1)
        drawn = Codes(z, z, torch.zeros_like(z))
        loss.after(drawn, random)
        if step >= 300:
            seen.append(loss.terms(drawn)["total_correlation"].value.item())
    assert np.mean(seen) == pytest.approx(-0.5 * math.log(1 - correlation**2), rel=0.15)


def test_no_picture_stands_on_both_sides_of_the_discriminator() -> None:
    loss = Factor(Factor.Settings(discriminator_layers=1, discriminator_width=4), CONTEXT)
    shown: list[torch.Tensor] = []
    loss.discriminator.register_forward_hook(lambda module, inputs, output: shown.append(inputs[0]))
    drawn = codes(10)
    loss.after(drawn, torch.Generator().manual_seed(0))
    assert torch.equal(shown[0], drawn.z[:5])
    assert torch.equal(shown[1].sort(dim=0).values, drawn.z[5:].sort(dim=0).values)


# --- DIP-VAE-II --------------------------------------------------------------------------------------------------


def test_the_covariance_of_z_is_that_of_many_draws_and_of_numpy() -> None:
    drawn = codes(300)
    found = aggregate_covariance(drawn.mean, drawn.log_variance)
    mean, variance = drawn.mean.numpy(), drawn.log_variance.exp().numpy()
    assert np.allclose(found, np.cov(mean.T, bias=True) + np.diag(variance.mean(0)), atol=1e-5)
    source = torch.Generator().manual_seed(9)
    many = drawn.mean + torch.randn(2000, *drawn.mean.shape, generator=source) * (drawn.log_variance / 2).exp()
    assert np.allclose(found, np.cov(many.flatten(0, 1).T.numpy()), atol=0.02)


def test_dip_weighs_covariances_and_variances_apart() -> None:
    drawn = codes(200)
    terms = Dip2(Dip2.Settings(lambda_od=3.0, lambda_d=5.0), CONTEXT).terms(drawn)
    matrix = np.cov(drawn.mean.T.numpy(), bias=True) + np.diag(drawn.log_variance.exp().numpy().mean(0))
    off = sum(matrix[i, j] ** 2 for i in range(4) for j in range(4) if i != j)
    own = sum((matrix[i, i] - 1.0) ** 2 for i in range(4))
    assert (terms["covariances"].weight, terms["variances"].weight, terms["kl"].weight) == (3.0, 5.0, 1.0)
    assert terms["covariances"].value.item() == pytest.approx(off, rel=1e-4)
    assert terms["variances"].value.item() == pytest.approx(own, rel=1e-4)


def test_dip_is_0_for_codes_that_are_white() -> None:
    """Means ±½ in every combination (variance ¼), posteriors of variance ¾."""
    corners = torch.cartesian_prod(*[torch.tensor([-0.5, 0.5])] * 4)
    white = Codes(corners, corners, torch.full_like(corners, math.log(0.75)))
    terms = Dip2(Dip2.Settings(), CONTEXT).terms(white)
    assert terms["covariances"].value.item() == pytest.approx(0.0, abs=1e-10)
    assert terms["variances"].value.item() == pytest.approx(0.0, abs=1e-10)


# --- all ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [SMALL_DISCRIMINATOR, {"loss": "dip2"}], ids=["factor", "dip2"])
def test_a_resumed_run_repeats_every_bit_and_loads(settings: dict[str, object], tmp_path: Path) -> None:
    recipe = recipe_with(**settings)
    straight = train(recipe, tmp_path / "straight", CPU)
    train(recipe, tmp_path / "resumed", CPU, stop_after=3)
    resumed = train(recipe, tmp_path / "resumed", CPU)
    assert (resumed / "model.safetensors").read_bytes() == (straight / "model.safetensors").read_bytes()
    states = [torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("straight", "resumed")]
    learners = [state["trainer"]["regulariser"] for state in states]
    assert bool(learners[0]) == (settings["loss"] == "factor")
    for key, tensor in learners[0].get("discriminator", {}).items():
        assert torch.equal(tensor, learners[1]["discriminator"][key])


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_loss_is_the_weighted_sum_of_its_terms(name: str) -> None:
    recipe = recipe_with(**(SMALL_DISCRIMINATOR if name == "factor" else {"loss": name}), warm_up=1)
    trainer = VaeTrainer(recipe, source_of(recipe), CPU)
    kind, settings = loss_of(recipe)
    weights = {term: found.weight for term, found in kind(settings, CONTEXT._replace(latents=3)).terms(
        Codes(*(part[:, :3] for part in codes(8)))
    ).items()}  # fmt: skip
    found = trainer.step(0, batch_of(source_of(recipe), recipe, 0))
    total = found["reconstruction"] + sum(weight * found[term] for term, weight in weights.items())
    assert found["loss"] == pytest.approx(total, rel=1e-5)


def test_regularisers_are_ramped_up() -> None:
    for warm_up, share in ((1, 1.0), (4, 0.25)):
        recipe = recipe_with(loss="vae", warm_up=warm_up)
        found = VaeTrainer(recipe, source_of(recipe), CPU).step(0, batch_of(source_of(recipe), recipe, 0))
        assert found["loss"] == pytest.approx(found["reconstruction"] + share * found["kl"], rel=1e-6)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"loss": "magic"}, "no loss 'magic'; there are: beta, btcvae, dip2, factor, vae"),
        ({"loss": "vae", "beta": 3.0}, "unknown field `beta`"),
        ({"loss": "dip2", "gamma": 3.0}, "unknown field `gamma`"),
        ({"loss": "factor", "gamma": "much"}, "Expected `float`"),
        ({"widths": [4, 4]}, "2 widths do not make 64 pixels"),
        ({"precision": "float8"}, "Invalid enum value 'float8'"),
    ],
)
def test_settings_that_make_no_sense_are_named(settings: dict[str, object], sentence: str) -> None:
    recipe = recipe_with(**settings)
    with pytest.raises(ExplorerError, match=sentence):
        VaeTrainer(recipe, source_of(recipe), CPU)


def test_bfloat16_leaves_weights_and_losses_in_float32() -> None:
    recipe = recipe_with(precision="bfloat16")
    trainer = VaeTrainer(recipe, source_of(recipe), CPU)
    exact = VaeTrainer(recipe_with(), source_of(recipe), CPU)
    batch = batch_of(source_of(recipe), recipe, 0)
    assert trainer.step(0, batch)["reconstruction"] == pytest.approx(exact.step(0, batch)["reconstruction"], rel=0.01)
    assert {weight.dtype for weight in trainer.network.parameters()} == {torch.float32}
