"""The methods on a StyleGAN2 network of random weights: the right weights, the right spaces, the right layers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery import registry
from explorer.errors import ControlError
from explorer.generators.base import Latent
from explorer.generators.stylegan2 import StyleGAN2Generator
from explorer.generators.stylegan2_network import NetworkConfig, StyleGAN2
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ModelCard, SpaceCard
from explorer.scene.model import Quality

WIDTH, LAYERS = 12, 6


@pytest.fixture(scope="module")
def generator() -> StyleGAN2Generator:
    torch.manual_seed(0)
    config = NetworkConfig(
        resolution=16, channels=(8, 8, 8), z_dim=WIDTH, w_dim=WIDTH, mapping_layers=2, mapping_width=16
    )
    network = StyleGAN2(config)
    card = ModelCard(
        name="tiny",
        family="stylegan2",
        path="tiny",
        output=IMAGE.card((3, 16, 16)),
        spaces={
            "z": SpaceCard(shape=(WIDTH,), prior="normal"),
            "w": SpaceCard(shape=(WIDTH,)),
            "w_plus": SpaceCard(shape=(LAYERS, WIDTH), layers=LAYERS),
            "style": SpaceCard(shape=(sum(network.style_widths),)),
        },
        fingerprint="5" * 64,
        capabilities=("truncation", "affine"),
    )
    return StyleGAN2Generator(card, network, torch.device("cpu"))


def _directions(found: ControlSet) -> torch.Tensor:
    return torch.stack([one.direction for one in found.controls if isinstance(one, LinearControl)]).double()


def test_the_quick_methods_fit_and_pca_comes_first(generator: StyleGAN2Generator) -> None:
    fitting = registry.fitting(generator.card)
    assert fitting[:2] == ("pca", "sefa")
    assert fitting[-1] == "random_orthogonal"
    for name in ("pca", "sefa", "latent_axes", "random_orthogonal"):
        assert name in fitting
        registry.method(name).discover(generator, 4).check(generator.card)


def test_sefa_reads_the_style_layers_with_their_gains(generator: StyleGAN2Generator) -> None:
    found = registry.method("sefa").discover(generator, 5, settings={"normalisation": "none"})
    # What the layers do to unit vectors, by running them: styles are affine in w.
    zero = generator.network.styles(torch.zeros(1, LAYERS, WIDTH))
    columns = [
        generator.network.styles(generator.network.broadcast(torch.eye(WIDTH)[axis : axis + 1])) - zero
        for axis in range(WIDTH)
    ]
    _, singular, right = np.linalg.svd(torch.cat(columns).T.double().numpy())
    ours = _directions(found)
    cosines = np.abs((ours.numpy() * right[:5]).sum(1)) / ours.norm(dim=1).numpy()
    np.testing.assert_allclose(cosines, 1, atol=1e-5)
    assert found.controls[0].card.figure == f"λ {singular[0] ** 2:.3g}"


def test_one_unit_is_one_deviation_of_w(generator: StyleGAN2Generator) -> None:
    w = generator.advance(generator.sample(range(70_000, 76_000)), "w").tensors["w"].double()
    for name in ("pca", "sefa"):
        ours = _directions(registry.method(name).discover(generator, WIDTH))
        unit = ours / ours.norm(dim=1, keepdim=True)
        np.testing.assert_allclose((w @ unit.T).std(0), ours.norm(dim=1), rtol=0.08)


@pytest.mark.parametrize("name", ["pca", "sefa"])
def test_a_range_of_layers_changes_the_styles_of_these_layers_only(generator: StyleGAN2Generator, name: str) -> None:
    found = registry.method(name).discover(generator, 2, settings={"first_layer": 2, "last_layer": 3})
    found.check(generator.card)
    latent = generator.advance(generator.sample([1]), "w_plus")
    moved = found.controls[0].move(latent.tensors["w_plus"], torch.tensor([2.0]))
    changed = generator.network.styles(moved) != generator.network.styles(latent.tensors["w_plus"])
    pieces = changed[0].split(generator.network.style_widths)
    for (index, _), piece in zip(generator.network.modulated_layers(), pieces, strict=True):
        assert bool(piece.any()) == (2 <= index <= 3)
    before = generator.render(latent, Quality())
    after = generator.render(Latent({"w_plus": moved}), Quality())
    assert not torch.equal(before, after)


def test_layers_that_are_not_there_are_refused(generator: StyleGAN2Generator) -> None:
    with pytest.raises(ControlError, match="layers 0 to 5"):
        registry.method("sefa").discover(generator, 2, settings={"first_layer": 6})
