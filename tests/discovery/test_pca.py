"""PCA of the latent distribution against a singular value decomposition of the same points."""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np
import pytest
import torch
from toys import ToyDiffusion, ToyGenerator, ToyVae

from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery.pca import METHOD
from explorer.discovery.sampling import deviations_along, drawn_latents, space_moments
from explorer.errors import ControlError
from explorer.numerics.linalg import moments, principal_angles
from explorer.scene.cards import ModelCard, SpaceCard
from explorer.scene.model import Quality

SAMPLES = {"samples": 3000}


def _directions(found: ControlSet) -> torch.Tensor:
    return torch.stack([one.direction for one in found.controls if isinstance(one, LinearControl)]).double()


def test_components_of_w_are_those_of_a_singular_value_decomposition() -> None:
    generator = ToyGenerator()
    found = METHOD.discover(generator, 10, seed=5, settings=SAMPLES)
    found.check(generator.card)
    seeds = np.random.default_rng(5).integers(0, 2**32, 3000)
    w = generator.advance(generator.sample([int(seed) for seed in seeds]), "w").tensors["w"].double().numpy()
    _, singular, right = np.linalg.svd(w - w.mean(0), full_matrices=False)
    deviations = singular / np.sqrt(len(w) - 1)
    ours = _directions(found)
    np.testing.assert_allclose(ours.norm(dim=1), deviations, rtol=1e-5)
    np.testing.assert_allclose(np.abs((ours.numpy() / deviations[:, None] * right).sum(1)), 1, atol=1e-6)
    shares = singular**2 / (singular**2).sum()
    assert [one.card.figure for one in found.controls] == [f"{share:.1%}" for share in shares]
    assert [one.card.name for one in found.controls][:2] == ["PC 1", "PC 2"]


def test_one_unit_is_one_standard_deviation_of_new_points() -> None:
    generator = ToyGenerator()
    ours = _directions(METHOD.discover(generator, 10, settings={"samples": 20_000}))
    w = generator.advance(generator.sample(range(20_000)), "w").tensors["w"].double()
    projected = (w @ ours.T) / ours.norm(dim=1)
    np.testing.assert_allclose(projected.std(0) / ours.norm(dim=1), np.ones(10), atol=0.02)


def test_layers_are_edited_in_w_plus() -> None:
    found = METHOD.discover(ToyGenerator(), 3, settings={**SAMPLES, "first_layer": 2})
    assert {one.card.layers for one in found.controls} == {(2, 3)}
    assert {one.card.space for one in found.controls} == {"w_plus"}
    found.check(ToyGenerator().card)


def test_components_of_a_vae_are_those_of_its_posterior_means() -> None:
    vae = ToyVae()
    found = METHOD.discover(vae, 4, seed=1, settings=SAMPLES)
    found.check(vae.card)
    active = vae.variances < 1
    ours = _directions(found)
    # The toy's means are its own z on active axes and 0 on passive ones: every component lies in the active subspace.
    assert float(ours[:, ~active].abs().max()) < 1e-4
    np.testing.assert_allclose(ours.norm(dim=1), np.ones(4), atol=0.1)
    assert found.cost["generator_evaluations"] == 3000
    means = []
    for latent in drawn_latents(vae, 3000, 1, 500):
        means.append(vae.posterior(vae.render(latent, Quality()))[0])
    _, singular, right = np.linalg.svd(torch.cat(means).numpy() - torch.cat(means).numpy().mean(0))
    assert float(principal_angles(ours, torch.from_numpy(right[:4])).max()) < 1e-4
    np.testing.assert_allclose(ours.norm(dim=1), singular[:4] / np.sqrt(2999), rtol=1e-4)


def test_components_of_a_bottleneck_are_those_of_its_activations() -> None:
    generator = ToyDiffusion()
    found = METHOD.discover(generator, 4, seed=3, settings={"samples": 200})
    found.check(generator.card)
    assert found.space == "h"
    assert found.cost["generator_evaluations"] == 200
    x = torch.cat([latent.tensors["x_T"] for latent in drawn_latents(generator, 200, 3, 200)]).flatten(1)
    rows = (x @ generator.down.T).double().numpy()
    _, singular, right = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    ours = _directions(found).flatten(1)
    np.testing.assert_allclose(ours.norm(dim=1), singular[:4] / np.sqrt(199), rtol=1e-5)
    assert float(principal_angles(ours, torch.from_numpy(right[:4])).max()) < 1e-5
    latent = generator.advance(generator.sample([0]), "h")
    moved = latent.with_space("h", found.controls[0].move(latent.tensors["h"], torch.tensor([2.0])))
    change = generator.render(moved, Quality()) - generator.render(latent, Quality())
    assert float(change.abs().max()) > 0.1


class MlpToy(ToyGenerator):
    """A generator without a mapping network, whose first layer is relu(A z + b)."""

    def __init__(self) -> None:
        super().__init__(seed=3, width=6)
        self.card: ModelCard = msgspec.structs.replace(
            self.card, spaces={"z": SpaceCard(shape=(6,), prior="normal")}, capabilities=("activations",)
        )
        self.first = torch.randn(20, 6, generator=torch.Generator().manual_seed(9)) * torch.linspace(2, 0.2, 6)

    def first_activations(self, z: torch.Tensor) -> torch.Tensor:
        return torch.relu(z @ self.first.T + 0.1)


def test_an_isotropic_z_borrows_the_components_of_the_first_activations() -> None:
    generator = MlpToy()
    found = METHOD.discover(generator, 3, seed=2, settings=SAMPLES)
    found.check(generator.card)
    # GANSpace, independently: SVD of the activations, then the normal equations of Z ≈ (scores / σ) B.
    z = torch.cat([latent.tensors["z"] for latent in drawn_latents(generator, 3000, 2, 3000)]).double().numpy()
    activations = generator.first_activations(torch.from_numpy(z).float()).double().numpy()
    left, _, _ = np.linalg.svd(activations - activations.mean(0), full_matrices=False)
    scores = left[:, :3] * np.sqrt(len(z) - 1)
    back = np.linalg.solve(scores.T @ scores, scores.T @ z)
    back /= np.linalg.norm(back, axis=1, keepdims=True)
    np.testing.assert_allclose(np.abs((_directions(found).numpy() * back).sum(1)), 1, atol=1e-5)
    np.testing.assert_allclose(_directions(found).norm(dim=1), np.ones(3), atol=1e-6)


def test_an_isotropic_space_without_activations_is_refused() -> None:
    generator = MlpToy()
    generator.card = msgspec.structs.replace(generator.card, capabilities=())
    with pytest.raises(ControlError, match="same spread in every direction"):
        METHOD.discover(generator, 3)


def test_more_components_than_samples_are_refused() -> None:
    with pytest.raises(ControlError, match="4 components need more than 4 samples"):
        METHOD.discover(ToyGenerator(), 4, settings={"samples": 4})


def test_points_are_drawn_alike_whatever_the_chunk() -> None:
    generator = ToyGenerator()
    whole = torch.cat([latent.tensors["z"] for latent in drawn_latents(generator, 10, 7, 10)])
    parts = torch.cat([latent.tensors["z"] for latent in drawn_latents(generator, 10, 7, 3)])
    assert torch.equal(whole, parts)
    with pytest.raises(ValueError, match="0 points"):
        space_moments(generator, "w", 0, 0)


def test_deviations_along_directions_of_any_length() -> None:
    rows = torch.randn(400, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * torch.arange(1.0, 5)
    directions = torch.tensor([[0.0, 2.0, 0.0, 0.0], [1.0, 0.0, 0.0, -1.0]])
    expected = [float(rows[:, 1].std()), float(((rows[:, 0] - rows[:, 3]) / 2**0.5).std())]
    np.testing.assert_allclose(deviations_along(directions, moments(rows)), expected, rtol=1e-10)


def test_the_cost_is_recorded() -> None:
    found = METHOD.discover(ToyGenerator(), 2, settings=SAMPLES)
    assert found.cost["seconds"] > 0
    assert found.cost["generator_evaluations"] == 0  # w is mapped, not rendered
    assert dataclasses.asdict(found)["settings"]["samples"] == 3000
