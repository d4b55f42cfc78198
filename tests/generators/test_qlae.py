"""The QLAE family: the quantiser, its prior, exact loading, its sliders, and one sentence for broken files."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from explorer.controls import control_set
from explorer.controls.codebook import CodebookControl
from explorer.discovery.latent_axes import METHOD
from explorer.discovery.registry import fitting, refusals
from explorer.errors import ModelError
from explorer.generators import registry
from explorer.generators.autoencoder_family import save_autoencoder
from explorer.generators.qlae_network import QlaeConfig, QlaeNetwork
from explorer.scene.model import Quality

CPU = torch.device("cpu")
SMALL = QlaeConfig(size=16, channels=3, latents=3, widths=(4, 6), hidden=8, codes=4)
CODEBOOK = torch.tensor([[-1.0, -0.5, 0.25, 0.5], [-0.3, -0.1, 0.1, 0.3], [-2.0, 0.0, 1.0, 3.0]])
USAGE = torch.tensor([[0.25, 0.25, 0.25, 0.25], [0.0, 1.0, 0.0, 0.0], [0.5, 0.0, 0.4995, 0.0005]])


def network() -> QlaeNetwork:
    torch.manual_seed(0)
    made = QlaeNetwork(SMALL)
    with torch.no_grad():
        made.codebook.copy_(CODEBOOK)
        made.usage.copy_(USAGE)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_autoencoder(network(), tmp_path / "own")
    return tmp_path / "own"


def generator_of(path: Path) -> Any:
    return registry.load(str(path), CPU)


# --- the quantiser -----------------------------------------------------------------------------------------------


def test_every_latent_takes_the_nearest_value_of_its_own_codebook() -> None:
    source = torch.Generator().manual_seed(1)
    continuous = torch.randn(200, 3, generator=source)
    found = network().quantise(continuous)
    for row in range(200):
        for latent in range(3):
            wanted = min(CODEBOOK[latent].tolist(), key=lambda value: abs(value - continuous[row, latent].item()))
            assert CODEBOOK[latent, found.indices[row, latent]].item() == pytest.approx(wanted)
            assert found.codes[row, latent].item() == pytest.approx(wanted, abs=1e-6)


def test_the_gradient_passes_straight_through_to_the_encoder_and_never_to_the_codebook() -> None:
    made, continuous = network(), torch.randn(5, 3, requires_grad=True)
    weights = torch.randn(5, 3)
    (made.quantise(continuous).codes * weights).sum().backward()
    assert torch.equal(continuous.grad, weights)  # type: ignore[arg-type]
    assert made.codebook.grad is None


def test_quantisation_moves_the_codebook_alone_and_commitment_the_encoder_alone() -> None:
    made, continuous = network(), torch.randn(50, 3, requires_grad=True)
    found = made.quantise(continuous)
    nearest = torch.stack([CODEBOOK[j][found.indices[:, j]] for j in range(3)], dim=1)
    expected = (continuous - nearest).square().mean().item()
    assert found.quantisation.item() == pytest.approx(expected, rel=1e-5)
    assert found.commitment.item() == pytest.approx(expected, rel=1e-5)
    found.quantisation.backward(retain_graph=True)
    assert continuous.grad is None
    assert made.codebook.grad is not None
    # d/dV of the mean over 150 numbers: 2 (V - z) / 150, summed over those that chose V.
    by_hand = torch.zeros_like(CODEBOOK)
    for j in range(3):
        by_hand[j].index_add_(0, found.indices[:, j], (2 * (nearest - continuous) / 150)[:, j].detach())
    assert torch.allclose(made.codebook.grad, by_hand, atol=1e-6)
    made.codebook.grad = None
    found.commitment.backward()
    assert made.codebook.grad is None
    assert torch.allclose(continuous.grad, (2 * (continuous - nearest) / 150).detach(), atol=1e-6)  # type: ignore[arg-type]


def test_a_new_codebook_is_that_of_the_paper() -> None:
    fresh = QlaeNetwork(QlaeConfig())
    assert fresh.codebook.shape == (10, 10)
    assert torch.allclose(fresh.codebook[3], torch.linspace(-0.5, 0.5, 10))


# --- the generator -----------------------------------------------------------------------------------------------


def test_the_card_is_complete_before_the_weights_are_read(folder: Path) -> None:
    card = registry.describe(str(folder))
    assert card == generator_of(folder).card
    assert (card.family, card.spaces["z"].shape, card.spaces["z"].prior) == ("qlae", (3,), "")
    assert set(card.capabilities) == {"encode", "codebook", "axes", "weights"}
    assert card.parameters == sum(p.numel() for p in network().parameters())
    assert fitting(card)[0] == "latent_axes"
    assert not {"pca", "sefa", "voynov", "latentclr"} & set(fitting(card))
    assert "choose Latent axes" in refusals(card)["pca"]


def test_samples_take_values_as_often_as_the_data_and_independently() -> None:
    drawn = network().draw(range(4000), USAGE)
    for latent in range(3):
        shares = torch.stack([(drawn[:, latent] == value).double().mean() for value in CODEBOOK[latent]])
        assert torch.allclose(shares, USAGE[latent].double(), atol=0.03)
    assert not (drawn[:, 1] == CODEBOOK[1, 0]).any()  # never a value that no picture has
    first, last = drawn[:, 0] > 0, drawn[:, 2] > 0
    assert (first & last).double().mean().item() == pytest.approx(0.25, abs=0.03)


def test_a_seed_gives_its_point_wherever_it_stands(folder: Path) -> None:
    generator = generator_of(folder)
    z = generator.sample([7, 2**32 - 1, 7]).tensors["z"]
    assert torch.equal(z[0], z[2])
    assert torch.equal(z[1:2], generator.sample([2**32 - 1]).tensors["z"])
    pictures = generator.render(generator.sample([7, 8]), Quality())
    assert pictures.shape == (2, 3, 16, 16)
    assert pictures.abs().max() <= 1
    assert torch.equal(pictures, generator_of(folder).render(generator.sample([7, 8]), Quality()))


def test_points_off_the_codebook_have_pictures_too(folder: Path) -> None:
    generator = generator_of(folder)
    latent = generator.sample([1])
    z = (latent.tensors["z"] + 0.123).requires_grad_()
    generator.render(latent.with_space("z", z), Quality()).sum().backward()
    assert z.grad is not None
    assert z.grad.abs().sum() > 0


def test_encoding_gives_values_of_the_codebook_and_refuses_other_sizes(folder: Path) -> None:
    generator = generator_of(folder)
    pictures = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    z = generator.encode(pictures).tensors["z"]
    continuous = network().continuous((pictures + 1) / 2)
    away = (continuous[:, :, None] - CODEBOOK).abs().min(dim=2).values
    assert torch.allclose((z - continuous).abs(), away, atol=1e-6)
    assert bool((z[:, :, None] == CODEBOOK).any(dim=2).all())
    with pytest.raises(ModelError, match="resize them first"):
        generator.encode(pictures[..., :8])


# --- its sliders -------------------------------------------------------------------------------------------------


def test_latents_are_stepped_through_their_used_values_the_richest_first(folder: Path, tmp_path: Path) -> None:
    generator = generator_of(folder)
    found = METHOD.discover(generator, 3)
    found.check(generator.card)
    assert [one.card.name for one in found.controls] == ["z0", "z2", "z1"]
    first, second, constant = found.controls
    assert isinstance(first, CodebookControl)
    assert (first.card.low, first.card.high, first.card.unit) == (-3.0, 3.0, "codes")
    assert first.card.detents == (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
    assert first.card.details[0] == "4 of 4 codes used"
    assert first.card.figure == f"{math.log(4):.2f} nat"
    assert isinstance(second, CodebookControl)
    assert second.values.tolist() == [-2.0, 1.0]  # one is never taken, one by fewer than 1 in 1,000
    assert second.card.details[0] == "2 of 4 codes used"
    assert isinstance(constant, CodebookControl)
    assert len(constant.values) == 4  # nothing to step through, so all that there is
    assert constant.card.details[0] == "1 of 4 codes used"
    control_set.save(found, tmp_path / "set.safetensors")
    again = control_set.load(tmp_path / "set.safetensors")
    assert again.card == found.card
    z = generator.sample(range(5)).tensors["z"]
    for before, after in zip(found.controls, again.controls, strict=True):
        assert torch.equal(before.move(z, torch.full((5,), 1.5)), after.move(z, torch.full((5,), 1.5)))


def test_a_step_leads_from_one_value_to_the_next(folder: Path) -> None:
    generator = generator_of(folder)
    control = METHOD.discover(generator, 3).control("z0")
    z = torch.tensor([[-0.5, 0.1, 0.0]])
    assert control.move(z, torch.tensor([1.0])).tolist() == [[0.25, pytest.approx(0.1), 0.0]]
    assert control.move(z, torch.tensor([-1.0])).tolist() == [[-1.0, pytest.approx(0.1), 0.0]]


# --- broken files ------------------------------------------------------------------------------------------------


def rewritten(folder: Path, **tensors: Tensor) -> Path:
    state = safetensors.torch.load_file(folder / "model.safetensors")
    safetensors.torch.save_file({**state, **tensors}, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"codes": 5}, "has shape"),
        ({"codes": 1}, "codes must be 2..1024"),
        ({"codes": "ten"}, "Expected `int`"),
        ({"latents": 4}, "has shape"),
        ({"widths": [4, 6, 8]}, "3 widths do not make 16 pixels"),
        ({"colour": 1}, "unknown field"),
        ({"format": 2}, "newer program"),
    ],
)
def test_a_wrong_configuration_is_named(folder: Path, change: dict[str, Any], sentence: str) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(ModelError, match=sentence) as caught:
        generator_of(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("tensors", "sentence"),
    [
        ({"codebook": CODEBOOK.flip(1).contiguous()}, "codebook .* does not ascend"),
        ({"codebook": torch.zeros(3, 4)}, "codebook .* does not ascend"),
        ({"usage": torch.zeros(3, 4)}, "does not sum to one"),
        ({"usage": torch.tensor([[2.0, -1.0, 0.0, 0.0]] * 3)}, "does not sum to one"),
        ({"usage": torch.full((3, 4), float("nan"))}, "not finite"),
        ({"codebook": torch.zeros(3, 5)}, "has shape"),
        ({"other": torch.zeros(1)}, "unknown tensor 'other'"),
    ],
)
def test_tensors_that_make_no_sense_are_named(folder: Path, tensors: dict[str, Tensor], sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence) as caught:
        generator_of(rewritten(folder, **tensors))
    assert "\n" not in str(caught.value)
