"""Latent axes: one control per axis, a VAE's sorted by what they carry."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import torch
from toys import ToyGenerator, ToyVae

from explorer.controls.linear import LinearControl
from explorer.discovery.latent_axes import METHOD
from explorer.errors import ControlError
from explorer.generators import registry as generators
from explorer.scene.cards import SpaceCard


def test_a_gan_has_its_first_axes() -> None:
    generator = ToyGenerator()
    found = METHOD.discover(generator, 3)
    found.check(generator.card)
    assert [one.card.name for one in found.controls] == ["z0", "z1", "z2"]
    for axis, one in enumerate(found.controls):
        assert isinstance(one, LinearControl)
        assert one.direction.tolist() == [float(index == axis) for index in range(10)]
        assert one.card.badge == ""


def test_a_vae_has_badges_and_its_most_informative_axes_first() -> None:
    vae = ToyVae(variances=(0.01, 1.0, 0.05, 1.0, 0.001, 0.4))
    found = METHOD.discover(vae, 6)
    found.check(vae.card)
    assert [one.card.name for one in found.controls[:4]] == ["z4", "z0", "z2", "z5"]
    assert {one.card.name for one in found.controls[4:]} == {"z1", "z3"}
    assert [one.card.badge for one in found.controls] == ["active"] * 3 + ["mixed"] + ["passive"] * 2
    first = found.controls[0]
    assert isinstance(first, LinearControl)
    assert int(first.direction.argmax()) == 4
    # KL of N(μ, σ²) from N(0, 1) with E μ² = 1: (1 + 0.001 - log 0.001 - 1) / 2 nats.
    assert float(first.card.figure.removesuffix(" nat")) == pytest.approx(3.45, abs=0.1)
    assert any("σ²" in line for line in first.card.details)
    assert "passive" in found.note
    assert found.cost["generator_evaluations"] == 1000
    fewer = METHOD.discover(vae, 2)
    assert [one.card.name for one in fewer.controls] == ["z4", "z0"]
    assert fewer.note == ""


def test_moving_a_passive_axis_changes_nothing() -> None:
    vae = ToyVae()
    found = METHOD.discover(vae, 6)
    latent = vae.sample([0, 1])
    before = vae.render(latent, None)
    for one in found.controls:
        moved = latent.with_space("z", one.move(latent.tensors["z"], torch.full((2,), 3.0)))
        assert torch.equal(vae.render(moved, None), before) == (one.card.badge == "passive")


def test_single_pixels_of_noise_are_no_axes() -> None:
    generator = ToyGenerator()
    card = msgspec.structs.replace(generator.card, spaces={"x_T": SpaceCard(shape=(3, 8, 8), prior="normal")})
    assert "3 × 8 × 8" in METHOD.refusal(card)
    generator.card = card
    with pytest.raises(ControlError, match="too small a thing to see"):
        METHOD.discover(generator, 3)


@pytest.mark.real
def test_a_real_vae_has_five_active_and_five_passive_axes(real_models: Path) -> None:
    vae = generators.load(str(real_models / "btcvae_dsprites"), torch.device("cpu"))
    found = METHOD.discover(vae, 10, settings={"pictures": 500})
    assert [one.card.badge for one in found.controls] == ["active"] * 5 + ["passive"] * 5
    assert {one.card.name for one in found.controls[:2]} == {"z4", "z8"}  # x and y, rotated by 45°
