"""Rotated axes: the directions, their figures against a second computation, and a real model whose x and y lie so."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch.distributions import Normal, kl_divergence
from toys import ToyGenerator, ToyVae

from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery.latent_axes import METHOD as LATENT_AXES
from explorer.discovery.rotated_axes import METHOD
from explorer.errors import ControlError
from explorer.generators import registry as generators
from explorer.training.batch import as_images
from explorer.worlds.sprites import WORLD as SPRITES


def turned(first: int, second: int, angle: float, k: int = 6) -> ControlSet:
    return METHOD.discover(ToyVae(), k, settings={"first": first, "second": second, "angle": angle, "pictures": 400})


def direction(found: ControlSet, name: str) -> torch.Tensor:
    control = found.control(name)
    assert isinstance(control, LinearControl)
    return control.direction


def test_the_pair_is_turned_and_the_others_stay() -> None:
    found = turned(4, 0, 30.0)
    found.check(ToyVae().card)
    assert [one.card.name for one in found.controls] == ["z4'", "z0'", "z2", "z5", "z1", "z3"]
    assert direction(found, "z4'").tolist() == pytest.approx([0.5, 0, 0, 0, math.sqrt(0.75), 0])
    assert direction(found, "z0'").tolist() == pytest.approx([math.sqrt(0.75), 0, 0, 0, -0.5, 0])
    everything = torch.stack([direction(found, one.card.name) for one in found.controls])
    assert torch.allclose(everything @ everything.T, torch.eye(6), atol=1e-6)
    assert "z4' = 0.87 · z4 + 0.50 · z0, in units of the prior" in found.control("z4'").card.details
    assert "z0' = −0.50 · z4 + 0.87 · z0, in units of the prior" in found.control("z0'").card.details
    assert found.control("z2").card == LATENT_AXES.discover(ToyVae(), 6, settings={"pictures": 400}).control("z2").card


@pytest.mark.parametrize(("angle", "same"), [(0.0, ("z4", "z0")), (90.0, ("z0", "z4")), (-90.0, ("z0", "z4"))])
def test_right_angles_give_the_axes_themselves(angle: float, same: tuple[str, str]) -> None:
    """A quarter turn swaps the two; their figures go with them, for the sign of a latent is free."""
    plain = LATENT_AXES.discover(ToyVae(), 6, settings={"pictures": 400})
    found = turned(4, 0, angle)
    for name, old in zip(("z4'", "z0'"), same, strict=True):
        assert torch.allclose(direction(found, name).abs(), direction(plain, old), atol=1e-6)
        assert (found.control(name).card.badge, found.control(name).card.figure) == (
            plain.control(old).card.badge,
            plain.control(old).card.figure,
        )


def test_figures_are_those_of_the_posterior_along_the_direction() -> None:
    vae = ToyVae()
    mean = vae.posterior(vae.render(vae.sample(range(400)), None))[0]  # type: ignore[arg-type]
    found = turned(4, 5, 45.0)  # variances 0.001 and 0.4
    along = (mean[:, 4] + mean[:, 5]) / math.sqrt(2)
    deviation = math.sqrt((0.001 + 0.4) / 2)
    expected = kl_divergence(Normal(along.double(), deviation), Normal(0.0, 1.0)).mean()
    card = found.control("z4'").card
    assert float(card.figure.removesuffix(" nat")) == pytest.approx(expected.item(), abs=0.006)
    assert card.badge == "mixed"
    assert "E[σ²] 0.200" in card.details


def test_a_turn_of_an_active_and_a_passive_axis_mixes_them() -> None:
    found = turned(4, 1, 45.0)  # variances 0.001 and 1
    assert {found.control("z4'").card.badge, found.control("z1'").card.badge} == {"mixed"}
    assert found.note  # one passive axis is left


@pytest.mark.parametrize(("k", "names"), [(1, {"z1'"}), (2, {"z1'", "z3'"}), (4, {"z1'", "z3'", "z4", "z0"})])
def test_few_controls_keep_the_pair(k: int, names: set[str]) -> None:
    assert {one.card.name for one in turned(1, 3, 10.0, k).controls} == names


@pytest.mark.parametrize(
    ("asked", "names"), [((-1, -1), ["z4'", "z0'"]), ((-1, 4), ["z4'", "z0'"]), ((2, -1), ["z4'", "z2'"])]
)
def test_the_most_informative_axes_are_turned_where_none_is_named(asked: tuple[int, int], names: list[str]) -> None:
    found = turned(*asked, 10.0)
    assert [one.card.name for one in found.controls if one.card.name.endswith("'")] == names


@pytest.mark.parametrize("pair", [(2, 2), (0, 6)])
def test_impossible_pairs_are_refused(pair: tuple[int, int]) -> None:
    with pytest.raises(ControlError, match="cannot be turned against each other"):
        turned(*pair, 45.0)


def test_a_model_without_an_encoder_is_refused() -> None:
    assert "no encoder" in METHOD.refusal(ToyGenerator().card)
    assert METHOD.refusal(ToyVae().card) == ""


@pytest.mark.real
def test_a_turn_of_45_degrees_gives_a_real_model_its_x_and_y(real_models: Path) -> None:
    vae = generators.load(str(real_models / "btcvae_dsprites"), torch.device("cpu"))
    settings = {"first": 4, "second": 8, "angle": 45.0, "pictures": 300}
    found = METHOD.discover(vae, 10, settings=settings)
    factors = SPRITES.independent(600, 5)
    mean = vae.posterior(as_images(SPRITES.render(factors)))[0]  # type: ignore[attr-defined]
    positions = torch.from_numpy(factors[:, 3:5])
    correlations = torch.corrcoef(
        torch.stack([mean @ direction(found, "z4'"), mean @ direction(found, "z8'"), *positions.T])
    )[:2, 2:].abs()
    assert sorted(correlations.flatten().tolist())[2:] == pytest.approx([0.97, 0.97], abs=0.03)
    assert correlations.min(dim=1).values.tolist() == pytest.approx([0, 0], abs=0.15)
    assert correlations.argmax(dim=1).tolist() in ([0, 1], [1, 0])
    plain = LATENT_AXES.discover(vae, 10, settings={"pictures": 300})
    unturned = torch.corrcoef(
        torch.stack([mean @ direction(plain, "z4"), mean @ direction(plain, "z8"), *positions.T])
    )[:2, 2:].abs()
    assert unturned.max() < 0.85
