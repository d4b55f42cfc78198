"""The conditional VAE family: points and what networks see of them, samples, sliders by name, broken files."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import safetensors.torch
import torch

from explorer.controls import control_set
from explorer.discovery.latent_axes import METHOD
from explorer.errors import ModelError
from explorer.generators import registry
from explorer.generators.autoencoder_family import save_autoencoder
from explorer.generators.conditions import Condition
from explorer.generators.cvae_network import ConditionalVaeConfig, ConditionalVaeNetwork
from explorer.scene.model import Quality
from explorer.worlds.base import Factor

CPU = torch.device("cpu")
SIZE = Condition(factor=Factor("size", (1.0, 2.0, 3.0)), mean=2.0, deviation=0.5)
HUE = Condition(factor=Factor("hue", (0.0, 90.0, 180.0, 270.0), cyclic=True, unit="°"), mean=135.0, deviation=100.0)
KIND = Condition(
    factor=Factor("kind", (0.0, 1.0, 2.0), kind="category", labels=("cat", "dog", "cow")), mean=1.0, deviation=0.8
)
SMALL = ConditionalVaeConfig(
    size=16, channels=3, latents=2, widths=(4, 6), hidden=8, conditions=(SIZE, HUE, KIND), rows=4
)
ROWS = torch.tensor([[0.0, 0.45, 0.0], [1.0, -0.45, 1.0], [-2.0, 1.35, 2.0], [2.0, -1.35, 1.0]])


def network() -> ConditionalVaeNetwork:
    torch.manual_seed(0)
    made = ConditionalVaeNetwork(SMALL)
    made.rows.copy_(ROWS)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_autoencoder(network(), tmp_path / "own")
    return tmp_path / "own"


def generator_of(path: Path) -> Any:
    return registry.load(str(path), CPU)


def test_networks_see_numbers_circles_and_shares_of_levels() -> None:
    hue_90 = (90.0 - 135.0) / 100.0
    seen = network().embed(torch.tensor([[1.5, hue_90, 2.0], [0.0, hue_90 + 3.6, 0.25], [0.0, 0.0, 7.0]]))
    assert seen.shape == (3, 1 + 2 + 3)
    assert seen[0].tolist() == pytest.approx([1.5, 0.0, 1.0, 0.0, 0.0, 1.0], abs=1e-6)
    assert seen[1, 1:3].tolist() == pytest.approx([0.0, 1.0], abs=1e-5)  # once around
    assert seen[1, 3:].tolist() == pytest.approx([0.75, 0.25, 0.0])
    assert seen[2, 3:].tolist() == [0.0, 0.0, 1.0]  # past the last level it stays there


RICH = msgspec.structs.replace(SMALL, widths=(8, 16), octaves=3, decoder="normalised", channel_means=True)


def test_the_decoder_sees_octaves_of_numbers_and_round_of_circles() -> None:
    made = ConditionalVaeNetwork(RICH)
    seen: list[torch.Tensor] = []
    made.decoder.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    point = torch.tensor([[0.1, 0.2, 0.5, (90.0 - 135.0) / 100.0, 1.0]])
    made.decode(point)
    made.decode(point + torch.tensor([0.0, 0.0, 4.0, 3.6, 0.0]))  # a round of four deviations, once about the circle
    plain = made.embed(point[:, 2:])
    assert torch.equal(seen[0][:, : 2 + 6], torch.cat([point[:, :2], plain], dim=1))
    size, hue = seen[0][0, 8:14], seen[0][0, 14:]
    turns = torch.tensor([1.0, 2.0, 4.0])
    assert torch.allclose(size, torch.cat([(math.pi / 4 * turns).sin(), (math.pi / 4 * turns).cos()]), atol=1e-6)
    there = math.radians(90.0 - 135.0) * 2 * turns  # of the coordinate, which is 0 at the mean
    assert torch.allclose(hue, torch.cat([there.sin(), there.cos()]), atol=1e-5)
    assert torch.allclose(seen[0][:, 8:], seen[1][:, 8:], atol=1e-5)
    assert seen[0].shape == (1, 2 + 6 + 2 * 3 * 2)


def test_a_posterior_that_sees_the_channels_means_tells_them_whatever_the_features() -> None:
    torch.manual_seed(1)
    for config, differs in ((RICH, True), (SMALL, False)):
        made, pictures = ConditionalVaeNetwork(config), torch.full((1, 3, 16, 16), 0.5)
        features, embedded = torch.zeros(1, 8), torch.zeros(1, 6)
        first, second = (made.posterior(p, features, embedded)[0] for p in (pictures, 0.5 * pictures))
        assert bool((first != second).any()) is differs


def test_a_rich_network_is_a_family_member_like_any_other(tmp_path: Path) -> None:
    torch.manual_seed(2)
    save_autoencoder(ConditionalVaeNetwork(RICH), tmp_path / "rich")
    generator = generator_of(tmp_path / "rich")
    latent = generator.sample([0, 1])
    pictures = generator.render(latent, Quality())
    assert pictures.shape == (2, 3, 16, 16)
    assert pictures.std() > 0.01
    assert any(name.startswith("decoder ") for name in generator.weight_parts())
    assert generator.encode(pictures).tensors["z"].shape == (2, 5)


def test_what_networks_see_leads_back_to_the_coordinates() -> None:
    assert torch.allclose(network().coordinates(network().embed(ROWS)), ROWS, atol=1e-5)
    told = network().coordinates(torch.tensor([[0.3, -2.0, 0.0, 0.1, 0.9, 0.2]]))  # nearly: neither circle nor one-hot
    assert told[0].tolist() == pytest.approx([0.3, (180.0 - 135.0) / 100.0, 1.0], abs=1e-5)


def test_samples_take_their_factors_together_from_the_rows(folder: Path) -> None:
    generator = generator_of(folder)
    points = generator.sample(range(2000)).tensors["z"]
    assert points.shape == (2000, 5)
    which = (points[:, None, 2:] == ROWS).all(dim=2)
    assert bool(which.any(dim=1).all())
    assert torch.allclose(which.double().mean(dim=0), torch.full((4,), 0.25, dtype=torch.double), atol=0.04)
    z = points[:, :2].double()
    assert z.mean(dim=0).abs().max() < 0.08
    assert torch.allclose(z.std(dim=0), torch.ones(2, dtype=torch.double), atol=0.06)
    for row in range(4):  # the noise knows nothing of the row
        assert z[which[:, row]].mean(dim=0).abs().max() < 0.15
    assert torch.equal(points[7:8], generator.sample([7]).tensors["z"])
    assert not torch.equal(points[7], points[8])


def test_truncation_leaves_the_factors_alone(folder: Path) -> None:
    full, half = (generator_of(folder).sample([3], psi).tensors["z"] for psi in (1.0, 0.5))
    assert torch.equal(half[:, :2], full[:, :2] * 0.5)
    assert torch.equal(half[:, 2:], full[:, 2:])


def test_pictures_repeat_and_depend_on_noise_and_factors(folder: Path) -> None:
    generator = generator_of(folder)
    latent = generator.sample([1, 2])
    z = latent.tensors["z"].clone().requires_grad_()
    pictures = generator.render(latent.with_space("z", z), Quality())
    assert pictures.shape == (2, 3, 16, 16)
    assert pictures.abs().max() <= 1
    assert torch.equal(pictures, generator_of(folder).render(latent, Quality()))
    pictures.square().sum().backward()
    assert z.grad is not None
    assert bool((z.grad[:, [0, 1, 2, 3]] != 0).all())
    assert generator.advance(latent, "z") is latent
    with pytest.raises(KeyError):
        generator.advance(latent, "c")


def test_encoding_reads_the_factors_and_then_the_posterior_for_these(folder: Path) -> None:
    generator, made = generator_of(folder), network()
    pictures = torch.rand(5, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    point = generator.encode(pictures).tensors["z"]
    features = made.encoder((pictures + 1) / 2)
    told = made.coordinates(made.reader(features))
    mean, _ = made.posterior((pictures + 1) / 2, features, made.embed(told))
    assert torch.allclose(point, torch.cat([mean, told], dim=1), atol=1e-6)
    with pytest.raises(ModelError, match="resize them first"):
        generator.encode(pictures[..., :8])


def test_factors_have_sliders_of_their_names_in_their_units(folder: Path, tmp_path: Path) -> None:
    generator = generator_of(folder)
    found = METHOD.discover(generator, 5)
    found.check(generator.card)
    assert [control.card.name for control in found.controls] == ["size", "hue", "kind", "z0", "z1"]
    point = torch.tensor([[0.0, 0.0, 1.0, 0.45, 1.0]])
    size, hue, kind, first, _ = found.controls
    assert (size.card.unit, size.card.low, size.card.high) == ("σ", -4.0, 4.0)
    assert size.move(point, torch.tensor([0.5]))[0].tolist() == pytest.approx([0.0, 0.0, 1.5, 0.45, 1.0])
    assert (hue.card.unit, hue.card.high) == ("°", 360.0)
    moved = hue.move(point, torch.tensor([90.0]))  # from 180° to 270°
    assert moved[0].tolist() == pytest.approx([0.0, 0.0, 1.0, 1.35, 1.0])
    assert network().embed(moved[:, 2:])[0, 1:3].tolist() == pytest.approx([0.0, -1.0], abs=1e-6)
    assert (kind.card.unit, kind.card.detents) == ("levels", (-2.0, -1.0, 0.0, 1.0, 2.0))
    assert kind.card.details == ("cat → dog → cow",)
    assert kind.move(point, torch.tensor([1.0]))[0, 4] == 2.0
    assert first.move(point, torch.tensor([-2.0]))[0].tolist() == pytest.approx([-2.0, 0.0, 1.0, 0.45, 1.0])
    control_set.save(found, tmp_path / "set.safetensors")
    assert control_set.load(tmp_path / "set.safetensors").card == found.card


def test_the_card_is_complete_before_the_weights_are_read(folder: Path) -> None:
    card = registry.describe(str(folder))
    assert card == generator_of(folder).card
    assert (card.family, card.spaces["z"].shape, card.spaces["z"].prior) == ("cvae", (5,), "")
    assert card.parameters == sum(p.numel() for p in network().parameters())


def changed(**fields: object) -> dict[str, object]:
    return msgspec.to_builtins(msgspec.structs.replace(SIZE, **fields))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"conditions": []}, "1..256 factors"),
        ({"octaves": 17}, "octaves must be 0..16"),
        ({"decoder": "normalised"}, "multiples of 8"),
        ({"conditions": [changed(), changed()]}, "two factors have one name"),
        ({"conditions": [changed(deviation=0.0)]}, "'size' has no extent"),
        ({"conditions": [changed(mean=math.inf)]}, "Expected `float`"),
        ({"conditions": [changed(factor=Factor("size", (1.0, 1.0)))]}, "'size' do not ascend"),
        ({"conditions": [changed(factor=Factor("size", (1.0,)))]}, "'size' do not ascend"),
        ({"conditions": [changed()]}, "has shape"),
        ({"conditions": "none"}, "Expected `array`"),
        ({"rows": 5}, "has shape"),
        ({"rows": 0}, "rows of factors"),
        ({"latents": 0}, "latents must be"),
        ({"format": 2}, "newer program"),
    ],
)
def test_a_wrong_configuration_is_named(folder: Path, change: dict[str, Any], sentence: str) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}).replace("Infinity", "null"))
    with pytest.raises(ModelError, match=sentence) as caught:
        generator_of(folder)
    assert "\n" not in str(caught.value)


def test_rows_that_are_not_finite_are_refused(folder: Path) -> None:
    state = safetensors.torch.load_file(folder / "model.safetensors")
    state["rows"][1, 1] = float(np.nan)
    safetensors.torch.save_file(state, folder / "model.safetensors")
    with pytest.raises(ModelError, match="'rows' holds numbers that are not finite"):
        generator_of(folder)
