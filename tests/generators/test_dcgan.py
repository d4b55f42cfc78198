"""DCGANs in the layout of PyTorch's tutorial: against the network that the tutorial defines, and what is none."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from explorer.errors import ModelError
from explorer.generators import registry
from explorer.generators.base import Latent
from explorer.generators.dcgan import FAMILY
from explorer.generators.sequential_gan import SequentialGan
from explorer.scene.model import Quality

CPU = torch.device("cpu")


def tutorial(
    latents: int = 6, features: int = 4, channels: int = 3, doublings: int = 3, bias: bool = False
) -> nn.Module:
    """Sides 4 · 2^doublings; weights and running statistics as after some training."""
    torch.manual_seed(latents + doublings)
    widths = [4 * 2**power for power in reversed(range(doublings))]
    layers: list[nn.Module] = []
    before = latents
    for index, width in enumerate(widths):
        stride, padding = (1, 0) if index == 0 else (2, 1)
        layers += [
            nn.ConvTranspose2d(before, width, 4, stride, padding, bias=bias),
            nn.BatchNorm2d(width),
            nn.ReLU(True),
        ]
        before = width
    network = nn.Sequential(*layers, nn.ConvTranspose2d(before, channels, 4, 2, 1, bias=bias), nn.Tanh())
    network.train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(16, latents, 1, 1))
    for layer in network:
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.3)
            nn.init.normal_(layer.bias, 0.0, 0.3)
    return network.eval()


def state(network: nn.Module, prefix: str = "main.") -> dict[str, Tensor]:
    return {prefix + key: value.clone() for key, value in network.state_dict().items()}


def save(folder: Path, content: object, name: str = "gan.tar") -> Path:
    torch.save(content, folder / name)
    return folder / name


@pytest.mark.parametrize(("channels", "doublings", "bias"), [(3, 3, False), (1, 2, True), (3, 4, False)])
def test_pictures_are_those_of_the_tutorials_network(tmp_path: Path, channels: int, doublings: int, bias: bool) -> None:
    network = tutorial(channels=channels, doublings=doublings, bias=bias)
    generator = registry.load(str(save(tmp_path, {"netG_state_dict": state(network), "epoch": 3})), CPU)
    assert generator.card.family == "dcgan"
    assert generator.card.shape == (channels, 4 * 2**doublings, 4 * 2**doublings)
    assert generator.card == registry.describe(str(tmp_path / "gan.tar"))
    assert generator.card.parameters == sum(parameter.numel() for parameter in network.parameters())
    latent = generator.sample(range(5))
    with torch.no_grad():
        expected = network(latent.tensors["z"][:, :, None, None])
    assert torch.allclose(generator.render(latent, Quality()), expected, atol=1e-6)
    assert float(expected.std()) > 0.01


def test_first_layer_is_what_sefa_and_pca_look_at(tmp_path: Path) -> None:
    network = tutorial()
    generator = registry.load(str(save(tmp_path, state(network))), CPU)
    assert isinstance(generator, SequentialGan)
    z = torch.randn(3, 6)
    (weight,) = generator.first_affine_weights()
    assert torch.allclose(z @ weight.T, network[0](z[:, :, None, None]).flatten(1), atol=1e-5)
    assert torch.allclose(generator.first_activations(z), network[:3](z[:, :, None, None]).flatten(1), atol=1e-5)
    parts = generator.weight_parts()
    assert list(parts) == ["layer 1", "layer 2", "layer 3", "layer 4"]
    assert sum(tensor.numel() for part in parts.values() for tensor in part.values()) == sum(
        value.numel() for value in network.state_dict().values() if value.is_floating_point()
    )


@pytest.mark.parametrize("wrap", ["bare", "module", "nested", "lightning", "safetensors", "other names"])
def test_layouts_in_which_scripts_save_it(tmp_path: Path, wrap: str) -> None:
    """More than ten modules, so that an order by letters ('10' before '2') would be another network."""
    network = tutorial(doublings=4)
    plain = state(network)
    path = tmp_path / "gan.pth"
    if wrap == "safetensors":
        path = tmp_path / "gan.safetensors"
        save_file(plain, path)
    elif wrap == "other names":
        names = {0: "conv1", 1: "bn1", 3: "conv2", 4: "bn2", 6: "conv3", 7: "bn3", 9: "conv4", 10: "bn4", 12: "conv5"}
        save(
            tmp_path,
            {f"{names[int(k.split('.')[0])]}.{k.split('.')[1]}": v for k, v in state(network, "").items()},
            path.name,
        )
    else:
        content: dict[str, dict[str, Any]] = {
            "bare": dict(plain),
            "module": {f"module.{key}": value for key, value in plain.items()},
            "nested": {"epoch": 7, "models": {"D": {"main.0.weight": torch.randn(8, 3, 4, 4)}, "G": plain}},
            "lightning": {"state_dict": plain, "optimizer_states": [{"state": {}}]},
        }
        save(tmp_path, content[wrap], path.name)
    generator = registry.load(str(path), CPU)
    latent = generator.sample([4])
    with torch.no_grad():
        expected = network(latent.tensors["z"][:, :, None, None])
    assert torch.allclose(generator.render(latent, Quality()), expected, atol=1e-6)


def test_averaged_weights_come_before_what_they_average(tmp_path: Path) -> None:
    last, average = tutorial(), tutorial(doublings=3, latents=6, bias=True)
    generator = registry.load(str(save(tmp_path, {"netG": state(last), "netG_ema": state(average)})), CPU)
    latent = generator.sample([1])
    with torch.no_grad():
        expected = average(latent.tensors["z"][:, :, None, None])
    assert torch.allclose(generator.render(latent, Quality()), expected, atol=1e-6)


def broken() -> dict[str, tuple[dict[str, Any], str]]:
    whole = state(tutorial())
    return {
        "no statistics": ({k: v for k, v in whole.items() if k != "main.4.running_var"}, "'main.4.running_var'"),
        "norm of another width": ({**whole, "main.1.bias": torch.ones(3)}, "'main.1' does not fit the 16 channels"),
        "kernel of 3": ({**whole, "main.3.weight": torch.ones(16, 8, 3, 3)}, "kernel of 3 × 3"),
        "not square": ({**whole, "main.0.weight": torch.ones(6, 16, 4, 3)}, "kernel of 4 × 3"),
        "five channels": ({**whole, "main.9.weight": torch.ones(4, 5, 4, 4)}, "5 channels of 32 × 32"),
        "something else": ({**whole, "main.9.alpha": torch.ones(4)}, "unknown tensor 'main.9.alpha'"),
    }


@pytest.mark.parametrize("case", broken())
def test_broken_checkpoints_are_mine_and_say_why(tmp_path: Path, case: str) -> None:
    content, words = broken()[case]
    path = save(tmp_path, content, "gan.pt")
    verdict = FAMILY.identify(path)
    assert (verdict.mine, verdict.problem) == (True, True)
    assert words in verdict.reason
    with pytest.raises(ModelError) as caught:
        registry.load(str(path), CPU)
    assert str(caught.value) == verdict.reason


def test_nan_is_refused_when_loaded(tmp_path: Path) -> None:
    weights = state(tutorial())
    weights["main.3.weight"][0, 0, 0, 0] = math.nan
    with pytest.raises(ModelError, match=r"'main\.3\.weight' holds numbers that are not finite"):
        registry.load(str(save(tmp_path, weights)), CPU)


def test_what_is_no_dcgan_is_not_claimed(tmp_path: Path) -> None:
    discriminator = nn.Sequential(nn.Conv2d(3, 4, 4, 2, 1), nn.Conv2d(4, 8, 4, 2, 1), nn.Conv2d(8, 1, 4, 1, 0))
    classifier = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(16, 10))
    for name, network in (("d.pt", discriminator), ("c.pt", classifier)):
        verdict = FAMILY.identify(save(tmp_path, network.state_dict(), name))
        assert not verdict.mine
        assert verdict.reason
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    assert not FAMILY.identify(tmp_path / "picture.png").mine


@pytest.mark.real
def test_real_faces_equal_their_reference(real_models: Path) -> None:
    folder = real_models / "dcgan_digiface"
    generator = registry.load(str(folder / "weights.tar"), CPU)
    with np.load(folder / "reference.npz") as reference:
        z, pictures = torch.from_numpy(reference["z"]), torch.from_numpy(reference["images"])
    drawn = generator.render(Latent({"z": z}), Quality())
    assert float((drawn - pictures).abs().max()) <= 1e-5
    assert float(pictures.std()) > 0.1
