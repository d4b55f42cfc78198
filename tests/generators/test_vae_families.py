"""Both VAE families: layouts, exact loading, deterministic pictures, and one sentence for every broken folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from vae_writers import burgess, burgess_folder

from explorer.errors import ModelError
from explorer.generators import registry
from explorer.generators.autoencoder_family import save_autoencoder
from explorer.generators.vae import FAMILY
from explorer.generators.vae_network import VaeConfig, VaeNetwork
from explorer.scene.model import Quality

CPU = torch.device("cpu")
SMALL = VaeConfig(size=16, channels=3, latents=4, widths=(4, 6), hidden=8)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A small VAE of our own, with random weights."""
    torch.manual_seed(0)
    save_autoencoder(VaeNetwork(SMALL), tmp_path / "own")
    return tmp_path / "own"


def generator_of(path: Path) -> Any:
    return registry.load(str(path), CPU)


@pytest.fixture(params=["own", "burgess-32", "burgess-64"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "own":
        return Path(request.getfixturevalue("own"))
    size = int(request.param[-2:])
    return burgess_folder(tmp_path / request.param, size, channels=1 if size == 32 else 3)


def test_the_card_is_complete_before_the_weights_are_read(folder: Path) -> None:
    found = registry.identify(folder)
    card = registry.describe(str(folder))
    assert card.family == found.family
    assert card == generator_of(folder).card
    assert card.name == folder.name
    assert set(card.capabilities) == {"truncation", "encode", "posterior", "weights"}
    assert card.spaces["z"].prior == "normal"
    network = VaeNetwork(SMALL) if found.family == "vae" else burgess(card.size[0], card.shape[0], 6)
    assert card.parameters == sum(p.numel() for p in network.parameters())


def test_pictures_repeat_and_lie_between_minus_1_and_1(folder: Path) -> None:
    generator = generator_of(folder)
    latent = generator.sample([5, 2**32 - 1, 5])
    pictures = generator.render(latent, Quality())
    assert pictures.shape == (3, generator.card.shape[0], *generator.card.size)
    assert pictures.dtype == torch.float32
    assert pictures.abs().max() <= 1
    assert torch.equal(pictures, generator_of(folder).render(latent, Quality()))
    assert torch.equal(latent.tensors["z"][0], latent.tensors["z"][2])
    assert not torch.equal(latent.tensors["z"][0], latent.tensors["z"][1])
    assert generator.advance(latent, "z") is latent
    with pytest.raises(KeyError):
        generator.advance(latent, "w")


def test_truncation_scales_the_point_around_the_priors_mean(folder: Path) -> None:
    generator = generator_of(folder)
    full, half, none = (generator.sample([1], psi).tensors["z"] for psi in (1.0, 0.5, 0.0))
    assert torch.equal(half, full * 0.5)
    assert not none.any()


def test_the_picture_is_differentiable_in_z_and_the_weights_are_frozen(folder: Path) -> None:
    generator = generator_of(folder)
    latent = generator.sample([1])
    z = latent.tensors["z"].requires_grad_()
    generator.render(latent.with_space("z", z), Quality()).sum().backward()
    assert z.grad is not None
    assert z.grad.abs().sum() > 0


def test_encoding_gives_the_posteriors_mean_and_refuses_other_sizes(folder: Path) -> None:
    generator = generator_of(folder)
    pictures = generator.render(generator.sample([1, 2]), Quality())
    mean, log_variance = generator.posterior(pictures)
    assert mean.shape == log_variance.shape == (2, generator.card.spaces["z"].shape[0])
    assert torch.equal(generator.encode(pictures).tensors["z"], mean)
    with pytest.raises(ModelError, match="resize them first"):
        generator.posterior(pictures[..., :8])


def test_burgess_networks_interleave_mean_and_log_variance(tmp_path: Path) -> None:
    """The last layer's weights set to 0 and its bias to 0, 1, 2, …: even entries are means, odd ones log-variances."""
    folder = burgess_folder(tmp_path / "m")
    state = torch.load(folder / "model.pt", weights_only=True)
    state["encoder.mu_logvar_gen.weight"].zero_()
    state["encoder.mu_logvar_gen.bias"].copy_(torch.arange(12.0))
    torch.save(state, folder / "model.pt")
    mean, log_variance = generator_of(folder).posterior(torch.zeros(1, 1, 32, 32))
    assert mean[0].tolist() == [0, 2, 4, 6, 8, 10]
    assert log_variance[0].tolist() == [1, 3, 5, 7, 9, 11]


def test_old_checkpoints_that_are_not_zip_archives_are_read(tmp_path: Path) -> None:
    folder = burgess_folder(tmp_path / "m")
    latent = generator_of(folder).sample([0])
    before = generator_of(folder).render(latent, Quality())
    state = torch.load(folder / "model.pt", weights_only=True)
    torch.save(state, folder / "model.pt", _use_new_zipfile_serialization=False)
    assert torch.equal(generator_of(folder).render(latent, Quality()), before)


def test_saving_and_loading_keep_every_bit(own: Path) -> None:
    torch.manual_seed(0)
    network = VaeNetwork(SMALL)
    z = torch.randn(3, 4)
    generator = generator_of(own)
    shown = generator.render(generator.sample([0, 0, 0]).with_space("z", z), Quality())
    assert torch.equal(shown, network.decode(z).detach() * 2 - 1)


def test_the_optional_card_adds_licence_origin_and_notes(own: Path) -> None:
    (own / "card.json").write_text(json.dumps({"licence": "MIT", "origin": "here", "notes": "small"}))
    card = registry.describe(str(own))
    assert (card.licence, card.origin, card.notes) == ("MIT", "here", "small")
    (own / "card.json").write_text(json.dumps({"licence": 7}))
    with pytest.raises(ModelError, match="'licence' holds a int"):
        registry.describe(str(own))


def test_the_fingerprint_follows_weights_and_configuration_only(own: Path, tmp_path: Path) -> None:
    first = registry.describe(str(own)).fingerprint
    (own / "card.json").write_text("{}")
    shutil.copytree(own, tmp_path / "copy")
    assert registry.describe(str(tmp_path / "copy")).fingerprint == first
    torch.manual_seed(1)
    save_autoencoder(VaeNetwork(SMALL), own)
    assert registry.describe(str(own)).fingerprint != first


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"latents": 5}, "has shape"),
        ({"widths": [4, 6, 8]}, "3 widths do not make 16 pixels"),
        ({"latents": 0}, "latents must be"),
        ({"latents": "ten"}, "Expected `int`"),
        ({"colour": 1}, "unknown field"),
        ({"format": 2}, "newer program"),
        ({"hidden": 10**9}, "outside 1..4096"),
    ],
)
def test_a_wrong_configuration_is_named(own: Path, change: dict[str, Any], sentence: str) -> None:
    config = json.loads((own / "config.json").read_text())
    (own / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(ModelError, match=sentence):
        generator_of(own)


@pytest.mark.parametrize(
    ("specs", "sentence"),
    [
        ({"img_size": [3, 64, 32]}, r"says \(3, 64, 32\)"),
        ({"latent_dim": 0}, "and 0; they do not belong together"),
        ({"latent_dim": 7}, "and 7; they do not belong together"),
        ({"img_size": [1, 64, 64]}, r"makes pictures of \(1, 32, 32\) .* says \(1, 64, 64\)"),
    ],
)
def test_specs_that_do_not_fit_are_named(tmp_path: Path, specs: dict[str, Any], sentence: str) -> None:
    folder = burgess_folder(tmp_path / "m")
    found = json.loads((folder / "specs.json").read_text())
    (folder / "specs.json").write_text(json.dumps({**found, **specs}))
    with pytest.raises(ModelError, match=sentence) as caught:
        generator_of(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_folder_without_one_of_its_files_says_which(own: Path, missing: str) -> None:
    (own / missing).unlink()
    wanted = "'config.json', which says .* is missing" if missing == "config.json" else "'model.safetensors' is missing"
    with pytest.raises(ModelError, match=wanted):
        generator_of(own)


def test_burgess_weights_that_are_missing_are_named(tmp_path: Path) -> None:
    folder = burgess_folder(tmp_path / "m")
    (folder / "model.pt").unlink()
    with pytest.raises(ModelError, match=r"'model\.pt' is missing"):
        generator_of(folder)


def test_a_folder_of_another_kind_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[]")
    assert not FAMILY.identify(tmp_path).mine
    (tmp_path / "config.json").write_text("{not json")
    assert not FAMILY.identify(tmp_path).mine
    (tmp_path / "config.json").write_text(json.dumps({"family": "other"}))
    assert not FAMILY.identify(tmp_path).mine
    assert not FAMILY.identify(tmp_path / "absent").mine
    assert not FAMILY.identify(tmp_path / "config.json").mine


@pytest.mark.real
@pytest.mark.parametrize("name", ["btcvae_celeba", "btcvae_dsprites"])
def test_real_checkpoints_decode_and_encode_their_own_samples(real_models: Path, name: str) -> None:
    generator = generator_of(real_models / name)
    pictures = generator.render(generator.sample(range(64)), Quality())
    assert torch.isfinite(pictures).all()
    assert 0.05 < pictures.std(dim=0).mean() < 1  # they differ from one another
    mean, log_variance = generator.posterior(pictures)
    again = generator.render(generator.encode(pictures), Quality())
    # Swapped means and log-variances would load as well; these would fail.
    assert (pictures - again).square().mean() < 0.1 * (pictures - pictures.mean(dim=0)).square().mean()
    assert log_variance.exp().mean(dim=0).min() > 0
    assert log_variance.exp().mean(dim=0).max() < 1.3
    active = log_variance.exp().mean(dim=0) < 0.1
    z = generator.sample(range(64)).tensors["z"]
    assert torch.corrcoef(torch.stack([mean[:, active].flatten(), z[:, active].flatten()]))[0, 1] > 0.9
