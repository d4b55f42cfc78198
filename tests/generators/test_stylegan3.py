"""StyleGAN3: filters and layers against their definitions, pictures against the official code's."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from official_files import (
    SMALL_STYLEGAN3,
    assert_nothing_ran,
    exported_stylegan3,
    golden,
    own_stylegan3,
    write_official,
)
from scipy.signal import convolve2d
from torch import Tensor
from torch.nn import functional

from explorer.controls.motion import MotionControl
from explorer.discovery import registry as registry_of_methods
from explorer.errors import ModelError
from explorer.generators import registry
from explorer.generators.base import Latent
from explorer.generators.style_generator import SPACES
from explorer.generators.stylegan3 import StyleGAN3Generator
from explorer.generators.stylegan3_filters import filtered_leaky_relu, kaiser_lowpass, radial_lowpass
from explorer.generators.stylegan3_network import FourierInput, NetworkConfig, Signal, StyleGAN3
from explorer.scene.cards import ControlCard
from explorer.scene.model import Quality

CPU = torch.device("cpu")


def opened(network: StyleGAN3, folder: Path, **told: Any) -> StyleGAN3Generator:
    path = write_official(folder / "a.pkl", exported_stylegan3(network), {**SMALL_STYLEGAN3, **told})
    generator = registry.load(str(path), CPU)
    assert isinstance(generator, StyleGAN3Generator)
    return generator


def pictures(generator: StyleGAN3Generator, z: Tensor, psi: float, label: Tensor | None = None) -> Tensor:
    """Not clamped, unlike what :meth:`render` gives."""
    latent = Latent({"z": z}, torch.full((len(z),), psi), label)
    with torch.no_grad():
        return generator.network.synthesis(generator.advance(latent, "style").tensors["style"])


# Filters


def test_filters_let_low_frequencies_pass_and_stop_high_ones() -> None:
    """Response 1 at 0, a half at the cutoff, and next to none beyond the transition band, in every direction for the
    radial one."""
    cutoff, width, rate = 8.0, 6.0, 64.0
    place = (torch.arange(24) - 11.5).double() / rate
    straight = kaiser_lowpass(24, cutoff, width, rate).double()
    radial = radial_lowpass(24, cutoff, width, rate).double()

    def along(frequency: float, angle: float) -> tuple[float, float]:
        waves = [torch.cos(2 * math.pi * frequency * place * part) for part in (math.cos(angle), math.sin(angle))]
        sines = [torch.sin(2 * math.pi * frequency * place * part) for part in (math.cos(angle), math.sin(angle))]
        one = float((straight * torch.cos(2 * math.pi * frequency * place)).sum())
        two = float((radial * (torch.outer(waves[1], waves[0]) - torch.outer(sines[1], sines[0]))).sum())
        return one, two

    assert along(0, 0) == pytest.approx((1, 1), abs=1e-5)
    assert along(cutoff, 0)[0] == pytest.approx(0.5, abs=0.01)
    for angle in (0.0, 0.4, math.pi / 4):
        assert along(cutoff, angle)[1] == pytest.approx(along(cutoff, 0)[1], abs=0.02)
        assert along(cutoff, angle)[1] == pytest.approx(0.5, abs=0.05)
        assert abs(along(cutoff + 1.2 * width, angle)[1]) < 0.02
    assert abs(along(cutoff + width, 0)[0]) < 0.02


def plainly(
    x: Tensor, up_taps: Tensor, down_taps: Tensor, up: int, down: int, padding: tuple[int, int], clamp: float
) -> Tensor:
    """The definition, sample by sample: zeros inserted and put around, filtered, activated, filtered, left out."""
    before, after = padding
    results = []
    for channel in x[0].double().numpy():
        fine = np.zeros((len(channel) * up, len(channel) * up))
        fine[::up, ::up] = channel
        fine = np.pad(fine, ((max(before, 0), max(after, 0)),) * 2)
        fine = fine[max(-before, 0) : len(fine) - max(-after, 0), max(-before, 0) : len(fine) - max(-after, 0)]
        first = np.outer(up_taps, up_taps) * up**2
        last = down_taps.numpy() if down_taps.ndim == 2 else np.outer(down_taps, down_taps)
        fine = convolve2d(fine, first, mode="valid")
        fine = np.clip(np.where(fine > 0, fine, 0.2 * fine) * math.sqrt(2), -clamp, clamp)
        results.append(torch.tensor(convolve2d(fine, last, mode="valid")[::down, ::down]))
    return torch.stack(results)[None]


@given(
    st.sampled_from([(2, 2), (4, 2), (1, 1), (2, 1), (4, 4), (8, 2)]),
    st.booleans(),
    st.integers(9, 13),
    st.integers(-3, 14),
    st.integers(-3, 14),
    st.integers(0, 2**16),
)
def test_the_activation_is_its_definition(
    factors: tuple[int, int], radial: bool, size: int, before: int, after: int, seed: int
) -> None:
    up, down = factors
    source = torch.Generator().manual_seed(seed)
    x = torch.randn(1, 2, size, size, generator=source, dtype=torch.float64)
    taps = torch.rand(6 * up if up > 1 else 1, generator=source, dtype=torch.float64)
    taps = taps + taps.flip(0)  # as all are, symmetric
    last = torch.rand(6 * down if down > 1 else 1, generator=source, dtype=torch.float64)
    last = last + last.flip(0)
    if radial:
        last = torch.outer(last, last) + torch.outer(last.square(), last.square())
    fine = size * up + before + after - len(taps) + 1
    if fine < len(last):
        return
    expected = plainly(x, taps, last, up, down, (before, after), 3.0)
    given = filtered_leaky_relu(x, taps, last, up=up, down=down, padding=(before, after), clamp=3.0)
    assert given.shape == expected.shape
    assert torch.allclose(given, expected, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("name", ["sg3t_64", "sg3r_64"])
def test_designed_filters_are_those_that_official_files_hold(name: str) -> None:
    network = golden(name)
    told = network.arguments
    config = NetworkConfig(
        resolution=64, channel_base=told["channel_base"], channel_max=told["channel_max"], z_dim=64, w_dim=64,
        kernel=told.get("conv_kernel", 3), radial=told.get("use_radial_filters", False),
    )  # fmt: skip
    ours = exported_stylegan3(StyleGAN3(config))
    assert set(ours) == set(network.state)
    for key, tensor in network.state.items():
        assert ours[key].shape == tensor.shape, key
        if key.endswith("filter"):
            assert torch.allclose(ours[key], tensor, atol=1e-6), key


# The network


@pytest.mark.parametrize("name", ["sg3t_64", "sg3r_64"])
def test_pictures_are_those_of_the_official_code(name: str, tmp_path: Path) -> None:
    network = golden(name)
    path = write_official(tmp_path / "a.pkl", network.state, network.arguments)
    generator = registry.load(str(path), CPU)
    assert isinstance(generator, StyleGAN3Generator)
    reference = network.reference
    for key, psi in (("img_psi1", 1.0), ("img_psi07", 0.7), ("img_nonoise", 1.0)):  # there is no noise in StyleGAN3
        span = float(reference[key].max() - reference[key].min())
        assert float((pictures(generator, reference["z"][:2], psi) - reference[key]).abs().max()) < 1e-4 * span, key
    assert_nothing_ran()


KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "T": ({}, {}),
    "R": ({"kernel": 1, "radial": True}, {"conv_kernel": 1, "use_radial_filters": True}),
    "grey": ({"picture_channels": 1}, {"img_channels": 1}),
    "conditional": ({"classes": 3, "label_width": 5}, {}),
    "clamped": ({"clamp": 0.5}, {"conv_clamp": 0.5}),
    "unclamped, other filters": (
        {"clamp": None, "filter_size": 4, "output_scale": 1.0, "first_cutoff": 1.5},
        {"conv_clamp": None, "filter_size": 4, "output_scale": 1.0, "first_cutoff": 1.5}),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_survives_the_file(kind: str, tmp_path: Path) -> None:
    ours, theirs = KINDS[kind]
    network = own_stylegan3(**ours)
    generator = opened(network, tmp_path, **theirs)
    assert generator.network.config == network.config
    for name, tensor in network.state_dict().items():
        assert torch.equal(generator.network.state_dict()[name], tensor), name
    with torch.no_grad():
        styles = generator.advance(generator.sample([1, 2], 0.7), "style").tensors["style"]
        assert torch.equal(generator.network.synthesis(styles), network.synthesis(styles))
    assert generator.card == registry.describe(generator.card.path)
    assert generator.card.classes == network.config.classes
    assert_nothing_ran()


def test_a_large_one_is_as_exact_as_float64() -> None:
    network = own_stylegan3(resolution=256, channel_base=512, layers=14, critical_layers=2, margin=10).eval()
    with torch.no_grad():
        styles = network.styles(network.broadcast(torch.randn(1, 5, generator=torch.Generator().manual_seed(0))))
        drawn, exact = network.synthesis(styles), network.double().synthesis(styles.double(), dtype=torch.float64)
    assert float((drawn - exact).abs().max()) < 1e-4 * float(exact.max() - exact.min())


def test_layers_are_modulated_and_demodulated_as_published() -> None:
    """Sample by sample: weights of unit mean square, scaled by the style, made to keep the variance, and divided by the
    magnitude of what comes in."""
    network = own_stylegan3(clamp=None).double()
    layer = network.layers[1]
    source = torch.Generator().manual_seed(0)
    size = network.layers[0].after.size
    x = torch.randn(3, 6, size, size, generator=source, dtype=torch.float64)
    styles = torch.randn(3, 6, generator=source, dtype=torch.float64)
    for sample, style, drawn in zip(x, styles, layer(x, styles), strict=True):
        weight = layer.weight / layer.weight.square().mean((1, 2, 3), keepdim=True).sqrt() * style[:, None, None]
        weight = weight / weight.square().sum((1, 2, 3), keepdim=True).sqrt() / layer.magnitude.sqrt()
        out = functional.conv2d(sample[None], weight, layer.bias, padding=2)
        expected = filtered_leaky_relu(
            out, layer.up_filter, layer.down_filter, up=layer.up, down=layer.down, padding=layer.padding, clamp=None
        )
        assert torch.allclose(drawn[None], expected, atol=1e-6)


def test_fourier_features_move_with_the_style() -> None:
    """A rotation and a translation of the style are those of the plane: features at a place are the unmoved ones at the
    place that moves there."""
    torch.manual_seed(0)
    features = FourierInput(5, Signal(12, 16, 2.0, 1.0, 7)).double()
    angle, shift = 0.3, torch.tensor([0.11, -0.07], dtype=torch.float64)
    place = (torch.arange(12).double() + 0.5 - 6) / 16
    grid = torch.stack(torch.meshgrid(place, place, indexing="xy"), -1)  # (12, 12, xy)
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]).double()
    moved = (grid - shift) @ turn.T
    waves = torch.sin(2 * math.pi * (moved @ features.frequencies.T + features.phases))
    expected = (waves @ (features.weight / math.sqrt(7)).T).permute(2, 0, 1)
    factor = 2.5  # of which nothing depends
    style = factor * torch.tensor([[math.cos(angle), math.sin(angle), *shift]], dtype=torch.float64)
    assert torch.allclose(features(style)[0], expected, atol=1e-6)


def test_spaces(tmp_path: Path) -> None:
    generator = opened(own_stylegan3(), tmp_path)
    assert list(generator.card.spaces) == list(SPACES)
    assert generator.card.spaces["w_plus"].layers == 6
    latent = generator.sample([3, 4, 5], 0.6)
    drawn = generator.render(latent, Quality())
    assert drawn.shape == (3, 3, 16, 16)
    for space in SPACES[1:]:
        alone = Latent({space: generator.advance(latent, space).tensors[space]})
        assert torch.equal(generator.render(alone, Quality()), drawn)
    apart = torch.cat([generator.render(generator.sample([seed], 0.6), Quality()) for seed in (3, 4, 5)])
    assert torch.allclose(drawn, apart, atol=1e-5)
    assert (drawn[0] - drawn[1]).abs().max() > 1e-3
    w = generator.advance(latent, "w").tensors["w"]

    def styles(one: Tensor) -> Tensor:
        return generator.advance(Latent({"w": one[None]}), "style").tensors["style"][0]

    assert torch.allclose(torch.cat(list(generator.style_affines())), torch.func.jacrev(styles)(w[0]), atol=1e-5)


def test_pictures_are_differentiable_in_w() -> None:
    network = own_stylegan3().double().requires_grad_(False)
    w = torch.randn(1, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def brightness(one: Tensor) -> Tensor:
        return network.synthesis(network.styles(network.broadcast(one)), dtype=torch.float64).square().mean()

    slope = torch.func.grad(brightness)(w)
    step = 1e-6 * torch.eye(5, dtype=torch.float64)
    differences = [(brightness(w + one) - brightness(w - one)) / 2e-6 for one in step]
    assert torch.allclose(slope[0], torch.stack(differences).detach(), atol=1e-5 * float(slope.abs().max()))


def test_features_are_those_on_the_way(tmp_path: Path) -> None:
    generator = opened(own_stylegan3(), tmp_path)
    latent, heard = generator.sample([0, 1]), []
    hooks = [layer.register_forward_hook(lambda *call: heard.append(call[2])) for layer in generator.network.layers]
    generator.render(latent, Quality())
    for hook in hooks:
        hook.remove()
    for size in (1, 4, 8, 16, 64):
        rates = [layer.after.rate for layer in generator.network.layers][:-1]
        last = max([index for index, rate in enumerate(rates) if rate <= size], default=0)
        assert torch.equal(generator.features(latent, size), heard[last])


FAULTS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "a missing layer": (
        lambda state: [state.pop(name) for name in list(state) if ".L2_" in name], {}, r"lacks the tensor 'layers\.2"),
    "an unknown tensor": (lambda state: state.update({"synthesis.more": torch.ones(1)}), {}, "unknown tensor"),
    "no mapping": (lambda state: [state.pop(name) for name in list(state) if "mapping.fc" in name], {}, "incomplete"),
    "other settings": (lambda state: None, {"num_layers": 5}, "lacks the tensor|has shape|unknown tensor"),
    "an impossible size": (lambda state: None, {"img_resolution": 24}, "power of two"),
    "no size": (lambda state: None, {"img_resolution": None}, "describes no StyleGAN3"),
    "a huge one": (
        lambda state: None, {"img_resolution": 4096, "channel_base": 1 << 22, "channel_max": 8192}, "has shape"),
    "an impossible kernel": (lambda state: None, {"conv_kernel": "3"}, "describes no StyleGAN3"),
    "endless layers": (lambda state: None, {"num_layers": 10**9}, "layers"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_one_sentence(fault: str, tmp_path: Path) -> None:
    change, told, words = FAULTS[fault]
    state = exported_stylegan3(own_stylegan3())
    change(state)
    path = write_official(tmp_path / "a.pkl", state, {**SMALL_STYLEGAN3, **told})
    with pytest.raises(ModelError, match=words) as caught:
        registry.load(str(path), CPU)
    assert "\n" not in str(caught.value)
    assert_nothing_ran()


# Motions


def test_motions_shift_and_turn_the_plane() -> None:
    """Features after a motion are those before it at the places that the motion leads from; two motions one after the
    other, in either order, are what their matrices say."""
    torch.manual_seed(0)
    features = FourierInput(5, Signal(12, 16, 2.0, 1.0, 7)).double().requires_grad_(False)
    source = torch.Generator().manual_seed(1)
    start = torch.cat([torch.randn(1, 4, generator=source), torch.zeros(1, 3)], 1).double()
    card = ControlCard(name="c", space="style")
    right, down = MotionControl(card, "right", 0.01, 0, 7), MotionControl(card, "down", 0.01, 0, 7)
    turn = MotionControl(card, "clockwise", math.pi / 180, 0, 7)

    def at(style: Tensor, places: Tensor) -> Tensor:
        """The features of ``style`` at ``places`` (n, xy)."""
        cos, sin, x, y = (style[0, :4] / style[0, :2].norm()).tolist()
        there = (places - torch.tensor([x, y], dtype=torch.float64)) @ torch.tensor(
            [[cos, -sin], [sin, cos]], dtype=torch.float64
        ).T
        waves = torch.sin(2 * math.pi * (there @ features.frequencies.T + features.phases))
        return waves @ (features.weight / math.sqrt(7)).T

    grid = torch.randn(9, 2, generator=source, dtype=torch.float64) / 4
    amount = torch.tensor([20.0]).double()
    angle = math.radians(20)
    back = torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]], dtype=torch.float64)
    for control, from_where in (
        (right, lambda p: p - torch.tensor([0.2, 0], dtype=torch.float64)),
        (down, lambda p: p - torch.tensor([0, 0.2], dtype=torch.float64)),
        (turn, lambda p: p @ back.T),
    ):
        assert torch.allclose(at(control.move(start, amount), grid), at(start, from_where(grid)), atol=1e-9)
    both = turn.move(right.move(start, amount), amount)  # shifted, then turned
    assert torch.allclose(
        at(both, grid), at(start, grid @ back.T - torch.tensor([0.2, 0], dtype=torch.float64)), atol=1e-9
    )
    assert (both - right.move(turn.move(start, amount), amount)).abs().max() > 1e-3


def test_pictures_follow_motions(tmp_path: Path) -> None:
    """Shifted by whole pixels the picture is the same one, elsewhere, as well as so small a network is equivariant; and
    not the one that stands still."""
    network = own_stylegan3(kernel=1, radial=True, margin=10)
    generator = opened(network, tmp_path, conv_kernel=1, use_radial_filters=True, margin_size=10)
    found = registry_of_methods.method("picture_motion").discover(generator, 3)
    assert [one.card.name for one in found.controls] == ["right", "down", "clockwise"]
    start = generator.advance(generator.sample([0], 0.7), "style")
    picture = generator.render(start, Quality())
    for control, axis in zip(found.controls[:2], (3, 2), strict=True):
        moved = control.move(start.tensors["style"], torch.tensor([25.0]))  # 4 of 16 pixels
        drawn = generator.render(start.with_space("style", moved), Quality())
        here = drawn.narrow(axis, 5, 10) - picture.narrow(axis, 1, 10)
        there = drawn.narrow(axis, 5, 10) - picture.narrow(axis, 5, 10)
        assert float(here.square().mean()) < 0.2 * float(there.square().mean())
