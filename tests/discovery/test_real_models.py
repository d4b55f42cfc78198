"""The methods on models that others trained: do the directions do what the methods promise?"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from explorer.discovery import registry
from explorer.generators import registry as generators
from explorer.generators.base import Generator
from explorer.scene.model import Quality

pytestmark = pytest.mark.real


def _effect(generator: Generator, name: str, k: int) -> Tensor:
    """(k,) root mean square change of the picture when each control moves from -2 to 2, over 32 seeds."""
    found = registry.method(name).discover(generator, k)
    found.check(generator.card)
    z = generator.sample(range(32)).tensors[found.space]
    amount = torch.full((32,), 2.0)

    def picture(point: Tensor) -> Tensor:
        return generator.render(generator.sample(range(32)).with_space(found.space, point), Quality())

    changes = [picture(one.move(z, amount)) - picture(one.move(z, -amount)) for one in found.controls]
    return torch.stack([change.square().mean().sqrt() for change in changes])


@pytest.fixture
def gan(real_models: Path) -> Generator:
    files = [path for path in (real_models / "mnist_gan_mlp").iterdir() if path.suffix in (".pt", ".pth", ".ckpt")]
    return generators.load(str(files[0]), torch.device("cpu"))


def test_sefa_and_pca_beat_chance_on_the_digits_gan(gan: Generator) -> None:
    assert registry.fitting(gan.card)[:3] == ("sefa", "pca", "latent_axes")
    chance = _effect(gan, "random_orthogonal", 10).mean()
    axes = _effect(gan, "latent_axes", 10).mean()
    assert float((axes - chance).abs()) < 0.15 * float(chance)  # an axis of an isotropic z is a random direction
    for name in ("sefa", "pca"):
        assert float(_effect(gan, name, 3).mean()) > 1.4 * float(chance)


def test_the_last_sefa_direction_does_less_than_the_first(gan: Generator) -> None:
    effects = _effect(gan, "sefa", 64)
    assert float(effects[:5].mean()) > 10 * float(effects[-5:].mean())


def test_passive_axes_of_a_vae_do_nothing(real_models: Path) -> None:
    vae = generators.load(str(real_models / "btcvae_dsprites"), torch.device("cpu"))
    effects = _effect(vae, "latent_axes", 10)
    assert float(effects[:5].min()) > 10 * float(effects[5:].max())
