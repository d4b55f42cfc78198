"""StyleGAN2: modulated layers against their definitions, spaces against each other, files against damage."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from scipy.signal import convolve2d
from torch.nn import functional

from explorer.errors import ModelError
from explorer.generators import registry
from explorer.generators.base import Latent
from explorer.generators.style_generator import SPACES
from explorer.generators.stylegan2 import StyleGAN2Family, StyleGAN2Generator, save_stylegan2
from explorer.generators.stylegan2_network import (
    NetworkConfig,
    StyledConvolution,
    StyleGAN2,
    ToPicture,
    demodulation,
    upsample,
    upsampling_filter,
)
from explorer.scene.model import Quality

CPU = torch.device("cpu")


def small(architecture: str = "skip", **changes: object) -> StyleGAN2:
    """A generator of 16x16 pictures with noise and w statistics that are not zero."""
    settings = {
        "resolution": 16, "channels": (12, 10, 8), "z_dim": 6, "w_dim": 5, "mapping_layers": 2, "mapping_width": 7,
        "architecture": architecture, **changes,
    }  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = StyleGAN2(NetworkConfig(**settings))  # type: ignore[arg-type]
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            if name.endswith(("noise_strength", "bias", "w_mean")):
                tensor.data = tensor.data + 0.3 * torch.randn(tensor.shape)
    return network


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_stylegan2(small(), tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture(params=["skip", "resnet"])
def generator(request: pytest.FixtureRequest, tmp_path: Path) -> StyleGAN2Generator:
    save_stylegan2(small(request.param), tmp_path / "model")
    loaded = registry.load(str(tmp_path / "model"), CPU)
    assert isinstance(loaded, StyleGAN2Generator)
    return loaded


# Layers


@pytest.mark.parametrize("up", [False, True])
def test_styled_convolution_is_the_published_one(up: bool) -> None:
    """Per sample: modulate the weights, demodulate them, convolve (zero-inserted and FIR-filtered when upsampling)."""
    torch.manual_seed(1)
    layer = StyledConvolution(4, 6, w_dim=3, resolution=8, up=up).double()
    layer.noise_strength.data.fill_(0.7)
    layer.bias.data.normal_()
    x = torch.randn(3, 4, 4 if up else 8, 4 if up else 8, dtype=torch.float64)
    styles = torch.randn(3, 4, dtype=torch.float64)
    fir = upsampling_filter()[0, 0].double()
    expected = []
    for sample, style in zip(x, styles, strict=True):
        weight = layer.weight * style[None, :, None, None]
        weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-12).sqrt()
        if up:
            spread = torch.zeros(4, 8, 8, dtype=torch.float64)
            spread[:, ::2, ::2] = sample
            # True convolution at full size (10x10 holds all but the last zeros), then the filter over its support.
            full = [
                np.sum([convolve2d(spread[i], weight[o, i].detach().flip(0, 1)) for i in range(4)], 0) for o in range(6)
            ]
            drawn = torch.tensor(np.stack([convolve2d(channel, fir)[2:10, 2:10] for channel in full]))
        else:
            drawn = functional.conv2d(sample[None], weight, padding=1)[0]
        drawn = drawn + 0.7 * layer.noise + layer.bias[:, None, None]
        expected.append(functional.leaky_relu(drawn, 0.2) * math.sqrt(2))
    assert torch.allclose(layer(x, styles), torch.stack(expected), atol=1e-6)


def test_demodulation_gives_unit_variance() -> None:
    """Inputs of unit variance, whatever the styles: outputs of unit variance (section 2.2 of the paper)."""
    source = torch.Generator().manual_seed(0)
    weight, styles = torch.randn(5, 7, 3, 3, generator=source), torch.randn(4, 7, generator=source) * 9
    scaled = weight[None] * styles[:, None, :, None, None] * demodulation(weight, styles)[:, :, None, None, None]
    assert torch.allclose(scaled.square().sum((2, 3, 4)), torch.ones(4, 5), atol=1e-5)


def test_to_picture_is_modulated_and_not_demodulated() -> None:
    torch.manual_seed(2)
    layer = ToPicture(4, 3, w_dim=3)
    layer.bias.data.normal_()
    x, styles = torch.randn(2, 4, 5, 5), torch.randn(2, 4)
    expected = torch.einsum("oi,bi,bihw->bohw", layer.weight[:, :, 0, 0] / 2, styles, x) + layer.bias[:, None, None]
    assert torch.allclose(layer(x, styles), expected, atol=1e-5)


def test_upsampling_is_zero_insertion_and_the_filter() -> None:
    x = torch.randn(1, 2, 5, 5, generator=torch.Generator().manual_seed(0))
    spread = np.zeros((2, 10, 10), np.float32)
    spread[:, ::2, ::2] = x[0].numpy()
    kernel = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 16
    expected = np.stack([convolve2d(channel, kernel)[1:11, 1:11] for channel in spread])
    assert np.allclose(upsample(x, upsampling_filter())[0].numpy(), expected, atol=1e-5)


def test_upsampling_is_bilinear_inside() -> None:
    x = torch.randn(1, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    bilinear = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.allclose(upsample(x, upsampling_filter())[..., 1:-1, 1:-1], bilinear[..., 1:-1, 1:-1], atol=1e-5)


def test_mapping_sees_only_the_direction_of_z() -> None:
    z = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    network = small()
    assert torch.allclose(network.mapping(z), network.mapping(5 * z), atol=1e-4)


# Spaces


def test_every_space_draws_the_same_picture(generator: StyleGAN2Generator) -> None:
    latent = generator.sample([3, 4], 0.6)
    pictures = generator.render(latent, Quality())
    assert pictures.shape == (2, 3, 16, 16)
    assert float(pictures.abs().max()) <= 1
    for space in SPACES[1:]:
        filled = generator.advance(latent, space)
        assert filled.tensors[space].shape == (2, *generator.card.spaces[space].shape)
        assert torch.equal(generator.render(filled, Quality()), pictures)
        alone = Latent({space: filled.tensors[space]})
        assert torch.equal(generator.render(alone, Quality()), pictures)


def test_the_last_space_counts(generator: StyleGAN2Generator) -> None:
    first, second = generator.sample([1]), generator.sample([2])
    styles = generator.advance(second, "style").tensors["style"]
    assert torch.equal(
        generator.render(first.with_space("style", styles), Quality()), generator.render(second, Quality())
    )


def test_rows_of_a_batch_equal_single_pictures(generator: StyleGAN2Generator) -> None:
    together = generator.render(generator.sample(range(5)), Quality())
    apart = torch.cat([generator.render(generator.sample([seed]), Quality()) for seed in range(5)])
    assert torch.allclose(together, apart, atol=1e-5)
    assert not torch.allclose(together[0], together[1], atol=1e-2)


def test_truncation(generator: StyleGAN2Generator) -> None:
    """psi = 0 is the mean of w for every seed; psi = 1 changes nothing; between, w lies on the line."""
    mean = generator.network.get_buffer("w_mean")
    w = {psi: generator.advance(generator.sample([5, 6, 7], psi), "w").tensors["w"] for psi in (0.0, 0.5, 1.0)}
    assert torch.equal(w[0.0], mean.expand(3, -1))
    untruncated = Latent({"z": generator.sample([5, 6, 7]).tensors["z"]})
    assert torch.equal(w[1.0], generator.advance(untruncated, "w").tensors["w"])
    assert torch.allclose(w[0.5], (w[1.0] + mean) / 2, atol=1e-6)


def test_a_layer_of_w_plus_reaches_its_own_styles_only(generator: StyleGAN2Generator) -> None:
    latent = generator.advance(generator.sample([0]), "w_plus")
    layers = generator.card.spaces["w_plus"].layers
    reached = set()
    for layer in range(layers):
        moved = latent.tensors["w_plus"].clone()
        moved[:, layer] += 1
        before = generator.advance(latent, "style").tensors["style"]
        after = generator.advance(Latent({"w_plus": moved}), "style").tensors["style"]
        changed = set(torch.nonzero((after - before)[0]).flatten().tolist())
        assert changed
        assert not changed & reached
        reached |= changed
    assert len(reached) == generator.card.spaces["style"].shape[0]


def test_unknown_spaces_are_refused(generator: StyleGAN2Generator) -> None:
    with pytest.raises(KeyError):
        generator.advance(generator.sample([0]), "h")
    with pytest.raises(KeyError):
        generator.advance(Latent({"style": torch.zeros(1, 4)}), "w")


def test_affine_weights_are_the_derivative_of_the_styles(generator: StyleGAN2Generator) -> None:
    """Stacked, they are the Jacobian of all styles by w; a layer range keeps the rows that it reads."""
    w = generator.advance(generator.sample([0]), "w").tensors["w"]

    def styles(point: torch.Tensor) -> torch.Tensor:
        return generator.advance(Latent({"w": point[None]}), "style").tensors["style"][0]

    jacobian = torch.func.jacrev(styles)(w[0])
    assert torch.allclose(torch.cat(list(generator.first_affine_weights())), jacobian, atol=1e-5)
    parts = [torch.cat(list(generator.first_affine_weights((layer, layer)))) for layer in range(6)]
    assert sum(len(part) for part in parts) == len(jacobian)
    with pytest.raises(ValueError, match="layers 0 to 5"):
        generator.first_affine_weights((9, 9))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_draws_the_same_within_its_digits(generator: StyleGAN2Generator, dtype: torch.dtype) -> None:
    styles = generator.advance(generator.sample(range(4)), "style").tensors["style"]
    exact = generator.network.synthesis(styles)
    half = generator.network.synthesis(styles, dtype=dtype)
    assert half.dtype == torch.float32
    assert float((half - exact).abs().max()) < (0.02 if dtype == torch.float16 else 0.15) * float(exact.abs().max())


def test_pictures_are_differentiable_in_z(generator: StyleGAN2Generator) -> None:
    z = generator.sample([0]).tensors["z"].requires_grad_(True)
    generator.render(Latent({"z": z}), Quality()).sum().backward()
    assert z.grad is not None
    assert bool(z.grad.abs().sum() > 0)


def test_features_are_those_of_the_block_on_the_way_to_the_picture(generator: StyleGAN2Generator) -> None:
    """Heard by a hook while the whole picture is drawn; a size between two blocks means the smaller one."""
    latent = generator.advance(generator.sample([1, 2]), "w")
    heard: dict[int, torch.Tensor] = {}
    handles = [
        block.register_forward_hook(lambda module, inputs, output, size=4 << index: heard.update({size: output[0]}))
        for index, block in enumerate(generator.network.blocks)
    ]
    generator.render(latent, Quality())
    for handle in handles:
        handle.remove()
    for size, block_size in ((4, 4), (8, 8), (12, 8), (16, 16), (64, 16), (1, 4)):
        assert torch.equal(generator.features(latent, size), heard[block_size])
    w = latent.tensors["w"].clone().requires_grad_()
    generator.features(Latent({"w": w}), 8).square().sum().backward()
    assert w.grad is not None
    assert bool((w.grad.abs().sum(1) > 0).all())


# Files


def test_card_and_identification(folder: Path) -> None:
    (folder / "card.json").write_text(json.dumps({"licence": "Apache-2.0", "notes": "small"}))
    card = registry.describe(str(folder))
    assert card == registry.load(str(folder), CPU).card
    assert (card.family, card.size, card.shape[0], card.licence) == ("stylegan2", (16, 16), 3, "Apache-2.0")
    assert list(card.spaces) == list(SPACES)
    assert card.spaces["w_plus"].shape == (6, 5)
    assert {"truncation", "affine", "features"} <= set(card.capabilities)
    assert not StyleGAN2Family().identify(folder.parent).mine


def test_weights_survive_the_file(folder: Path) -> None:
    loaded = registry.load(str(folder), CPU)
    assert isinstance(loaded, StyleGAN2Generator)
    for key, tensor in small().state_dict().items():
        assert torch.equal(loaded.network.state_dict()[key], tensor), key


def _edit(folder: Path, **changes: object) -> None:
    described = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**described, **changes}))


def _tensors(folder: Path) -> dict[str, torch.Tensor]:
    return dict(safetensors.torch.load_file(folder / "model.safetensors"))


def test_damaged_folders_are_refused_in_one_sentence(folder: Path) -> None:
    tensors = _tensors(folder)
    key = "blocks.1.conv0.weight"
    damages = {
        "lacks the tensor": {name: tensor for name, tensor in tensors.items() if name != key},
        "unknown tensor 'extra'": {**tensors, "extra": torch.zeros(1)},
        "not finite": {**tensors, key: torch.full_like(tensors[key], math.nan)},
        "has shape": {**tensors, key: torch.zeros(1, 2, 3, 3)},
    }
    for words, damaged in damages.items():
        safetensors.torch.save_file(damaged, folder / "model.safetensors")
        with pytest.raises(ModelError, match=words) as caught:
            registry.load(str(folder), CPU)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"resolution": 24}, "power of two"),
        ({"channels": [4, 4]}, "2 channel counts"),
        ({"channels": [4, 4, 10**9]}, "8192"),
        ({"w_dim": "wide"}, "Expected `int`"),
        ({"architecture": "transformer"}, "Invalid enum value"),
        ({"picture_channels": 4}, "1 or 3"),
    ],
)
def test_wrong_descriptions_are_mine_but_broken(folder: Path, changes: dict[str, object], words: str) -> None:
    _edit(folder, **changes)
    verdict = StyleGAN2Family().identify(folder)
    assert verdict.mine
    assert verdict.problem
    assert words in verdict.reason
    with pytest.raises(ModelError, match="does not describe a StyleGAN2"):
        registry.load(str(folder), CPU)


def test_a_description_larger_than_its_weights_costs_no_memory(folder: Path) -> None:
    _edit(folder, channels=[8192, 8192, 8192])
    with pytest.raises(ModelError, match="has shape"):
        registry.load(str(folder), CPU)


def test_truncated_and_missing_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:200])
    assert StyleGAN2Family().identify(folder).problem
    weights.unlink()
    verdict = StyleGAN2Family().identify(folder)
    assert verdict.problem
    assert "missing" in verdict.reason
    with pytest.raises(ModelError, match="missing"):
        registry.load(str(folder), CPU)
