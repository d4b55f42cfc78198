"""VAE checkpoints of other programs: the pictures and codes of those programs, whatever file holds the tensors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from vae_writers import (
    Vae,
    burgess,
    disent,
    disentanglement_pytorch,
    locatello,
    pythae_convolutional,
    pythae_mlp,
    renamed,
)

from explorer.errors import ModelError
from explorer.generators import layered_vae, registry
from explorer.generators.layered_vae import LayeredVae
from explorer.generators.vae_checkpoint import FAMILY
from explorer.scene.model import Quality

CPU = torch.device("cpu")


def save(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return path


def specs(folder: Path, file: str, **entries: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(json.dumps(entries))


def of_disentangling_vae(folder: Path) -> tuple[Path, Vae]:
    vae = burgess(size=64, channels=3)
    specs(folder, "specs.json", img_size=[3, 64, 64], latent_dim=6, model_type="Burgess")
    save(folder / "model.pt", vae.state_dict())
    return folder, vae


def of_an_epoch(folder: Path) -> tuple[Path, Vae]:
    vae = burgess()
    for epoch, own in ((5, burgess()), (100, vae), (20, burgess())):
        save(folder / f"model-{epoch}.pt", own.state_dict())
    return folder, vae


def of_dent(folder: Path) -> tuple[Path, Vae]:
    vae = locatello()
    specs(folder, "specs.json", img_size=[3, 64, 64], seed=1)
    content = {"model": vae.state_dict(), "optimizer": {"state": {}}, "epoch": 3, "loss_f": {}}
    save(folder / "chkpt.pth.tar", content)
    return folder, vae


def of_dent_burgess(folder: Path) -> tuple[Path, Vae]:
    vae = burgess(head="dist_statistics")
    return save(folder / "chkpt.pth.tar", {"model": vae.state_dict(), "uid": "x"}), vae


def of_disentanglement_pytorch(folder: Path) -> tuple[Path, Vae]:
    vae = disentanglement_pytorch()
    return save(folder / "last", {"iter": 7, "model_states": {"G": vae.state_dict()}, "optim_states": {}}), vae


def of_padless(folder: Path) -> tuple[Path, Vae]:
    vae = disentanglement_pytorch(channels=3, padless=True)
    wrapped = {f"module.{key}": value for key, value in vae.state_dict().items()}
    return save(folder / "last.pt", {"model_states": {"G": wrapped}}), vae


def of_disent(folder: Path) -> tuple[Path, Vae]:
    vae = disent()
    names = renamed(vae, "_model._encoder.", "_model._decoder.")
    return save(folder / "a.ckpt", {"state_dict": names, "epoch": 1, "callbacks": {}}), vae


def of_disent_small_kernels(folder: Path) -> tuple[Path, Vae]:
    vae = disent(small_kernels=True)
    return save(folder / "a.ckpt", {"state_dict": renamed(vae, "_model._encoder.", "_model._decoder.")}), vae


def of_pythae(folder: Path) -> tuple[Path, Vae]:
    vae = pythae_mlp()
    specs(folder, "model_config.json", name="BetaVAEConfig", input_dim=[1, 10, 12], latent_dim=3)
    save(folder / "model.pt", {"model_state_dict": vae.state_dict()})
    (folder / "encoder.pkl").write_bytes(b"never read")
    return folder, vae


def of_pythae_mnist(folder: Path) -> tuple[Path, Vae]:
    vae = pythae_convolutional("mnist")
    return save(folder / "model.pt", {"model_state_dict": vae.state_dict()}), vae


def of_pythae_celeba(folder: Path) -> tuple[Path, Vae]:
    vae = pythae_convolutional("celeba")
    return save(folder / "model.pt", {"model_state_dict": vae.state_dict()}), vae


WRITERS = [
    of_disentangling_vae, of_an_epoch, of_dent, of_dent_burgess, of_disentanglement_pytorch, of_padless, of_disent,
    of_disent_small_kernels, of_pythae, of_pythae_mnist, of_pythae_celeba,
]  # fmt: skip


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_pictures_and_codes_are_those_of_the_other_program(
    tmp_path: Path, write: Callable[[Path], tuple[Path, Vae]]
) -> None:
    torch.manual_seed(3)
    path, vae = write(tmp_path / "model")
    assert registry.identify(path).family == FAMILY.name
    generator = registry.load(str(path), CPU)
    assert generator.card == registry.describe(str(path))
    latent = generator.sample([4, 5])
    with torch.no_grad():
        expected = vae.decode(latent.tensors["z"])
        pictures = generator.render(latent, Quality())
        assert torch.allclose(pictures, expected.clamp(0, 1) * 2 - 1, atol=1e-6)
        mean, log_variance = generator.posterior(pictures)  # type: ignore[attr-defined]
        own = vae.encode((pictures + 1) / 2)
    assert torch.allclose(mean, own[0], atol=1e-5)
    assert torch.allclose(log_variance, own[1], atol=1e-5)
    assert "come back from their codes at" in generator.card.notes


def linear_vae(order: str) -> LayeredVae:
    """Codes that give every picture back, with log-variances that say nothing of it."""
    torch.manual_seed(0)
    basis = torch.linalg.qr(torch.randn(16, 4)).Q * 0.05
    decoder, head = nn.Linear(4, 16), nn.Linear(16, 8)
    inverse = torch.linalg.pinv(basis)
    rows = torch.cat([inverse, torch.zeros(4, 16)])
    offsets = torch.cat([-inverse @ torch.full((16,), 0.5), torch.full((4,), -3.0)])
    if order == "interleaved":
        rows, offsets = (part.unflatten(0, (2, 4)).transpose(0, 1).flatten(0, 1) for part in (rows, offsets))
    with torch.no_grad():
        decoder.weight.copy_(basis)
        decoder.bias.fill_(0.5)
        head.weight.copy_(rows)
        head.bias.copy_(offsets)
    network = LayeredVae(nn.Sequential(nn.Flatten(), head), nn.Sequential(decoder, nn.Unflatten(1, (1, 4, 4))))
    network.order = order  # type: ignore[assignment]
    return network


@pytest.mark.parametrize("order", ["halves", "interleaved"])
def test_a_look_tells_the_order_of_means_and_log_variances(order: str) -> None:
    network = linear_vae(order)
    right = layered_vae.look(network, 4)
    assert right.decibels > 60
    assert not layered_vae.is_other_order(right)
    network.order = layered_vae.other_order(network.order)
    wrong = layered_vae.look(network, 4)
    assert layered_vae.is_other_order(wrong)
    assert wrong.other_decibels == right.decibels
    assert network.order != order


def test_an_untrained_network_keeps_the_order_of_its_program(tmp_path: Path) -> None:
    """Nothing is to be seen in its pictures, so nothing is turned round."""
    torch.manual_seed(0)
    vae = burgess()
    card = registry.describe(str(save(tmp_path / "model.pt", vae.state_dict())))
    assert "means and log-variances interleaved; in the other order at" in card.notes


@pytest.mark.real
def test_a_trained_network_whose_codes_are_held_otherwise_is_read_as_it_is(real_models: Path, tmp_path: Path) -> None:
    """As somebody saves it who has turned the layer round for a program of their own."""
    plain = registry.load(str(real_models / "btcvae_celeba"), CPU)
    state = torch.load(real_models / "btcvae_celeba" / "model.pt", weights_only=True)
    for leaf in ("weight", "bias"):
        head = state[f"encoder.mu_logvar_gen.{leaf}"]
        state[f"encoder.mu_logvar_gen.{leaf}"] = torch.cat([head[0::2], head[1::2]])
    turned = registry.load(str(save(tmp_path / "model.pt", state)), CPU)
    assert "means and log-variances halves, unlike that program's" in turned.card.notes
    pictures = plain.render(plain.sample([1, 2]), Quality())
    for own, other in zip(plain.posterior(pictures), turned.posterior(pictures), strict=True):  # type: ignore[attr-defined]
        assert torch.allclose(own, other, atol=1e-6)


def test_a_file_beside_it_overrides(tmp_path: Path) -> None:
    torch.manual_seed(0)
    vae = burgess()
    path = save(tmp_path / "model.pt", vae.state_dict())
    before = registry.describe(str(path)).fingerprint
    (tmp_path / "model.pt.json").write_text(json.dumps({"order": "halves", "activation": "none"}))
    generator = registry.load(str(path), CPU)
    assert "halves, as a file beside it says" in generator.card.notes
    assert generator.card.fingerprint != before
    latent = generator.sample([1])
    with torch.no_grad():
        values = vae.decoder(latent.tensors["z"])
        assert torch.allclose(generator.render(latent, Quality()), values.clamp(0, 1) * 2 - 1, atol=1e-6)
        codes = vae.encoder(torch.zeros(1, 1, 32, 32))
        mean, _ = generator.posterior(-torch.ones(1, 1, 32, 32))  # type: ignore[attr-defined]
    assert torch.allclose(mean, codes[:, :6], atol=1e-6)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"order": "thirds"}', "'model.pt.json' cannot be used"),
        ('{"colour": "bgr"}', "'model.pt.json' cannot be used"),
        ('{"shape": [3, 32, 32]}', "where its description says (3, 32, 32)"),
        ("[", "model.pt.json"),
    ],
)
def test_an_override_that_makes_no_sense_is_refused(tmp_path: Path, content: str, sentence: str) -> None:
    path = save(tmp_path / "model.pt", burgess().state_dict())
    (tmp_path / "model.pt.json").write_text(content)
    with pytest.raises(ModelError) as caught:
        registry.load(str(path), CPU)
    assert sentence in str(caught.value)


def test_logits_are_told_from_pictures() -> None:
    network = linear_vae("halves")
    assert layered_vae.guessed_activation(network, 4) == "none"
    with torch.no_grad():
        network.decoder[0].weight.mul_(60)  # type: ignore[index,union-attr]
    assert layered_vae.guessed_activation(network, 4) == "sigmoid"


def broken() -> dict[str, tuple[dict[str, Any], str]]:
    torch.manual_seed(0)
    whole = burgess().state_dict()
    mlp = pythae_mlp(shape=(1, 10, 12)).state_dict()
    mnist = pythae_convolutional("mnist").state_dict()
    return {
        "no bias that fits": ({**whole, "encoder.lin1.bias": torch.zeros(3)}, "'encoder.lin1' does not fit"),
        "another width": ({**whole, "encoder.lin2.weight": torch.zeros(256, 9)}, "do not fit one another"),
        "more layers": ({**whole, "encoder.gate.weight": torch.zeros(2, 2)}, "unknown layer 'encoder.gate'"),
        "no decoder": ({k: v for k, v in whole.items() if "convT" not in k}, "has no decoder"),
        "five channels": (burgess(channels=5).state_dict(), "5 channels"),
        "whole numbers": ({**whole, "decoder.lin1.weight": torch.ones(256, 6, dtype=torch.int64)}, "whole numbers"),
        "not square": (mlp, "say {\"shape\": [channels, height, width]} in a file 'model.pt.json'"),
        "no norm": ({k: v for k, v in mnist.items() if "layers.1.1" not in k}, "'encoder.layers.1.1"),
    }


@pytest.mark.parametrize("case", broken())
def test_broken_checkpoints_are_mine_and_say_why(tmp_path: Path, case: str) -> None:
    content, words = broken()[case]
    path = save(tmp_path / "model.pt", content)
    verdict = FAMILY.identify(path)
    assert (verdict.mine, verdict.problem) == (True, True)
    assert words in verdict.reason
    with pytest.raises(ModelError) as caught:
        registry.load(str(path), CPU)
    assert str(caught.value) == verdict.reason


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    state = burgess().state_dict()
    state["decoder.lin2.weight"][0, 0] = torch.nan
    with pytest.raises(ModelError, match=r"'decoder\.lin2\.weight' holds numbers that are not finite"):
        registry.load(str(save(tmp_path / "model.pt", state)), CPU)


def test_what_is_no_vae_is_not_claimed(tmp_path: Path) -> None:
    for state in ({"main.0.weight": torch.zeros(3, 3)}, {"encoder.0.weight": torch.zeros(3, 3)}, {}):
        assert not FAMILY.identify(save(tmp_path / "a.pt", state)).mine
    assert not FAMILY.identify(tmp_path).mine
    assert not FAMILY.identify(tmp_path / "absent").mine
