"""StyleGAN3's generator, written from the paper: Fourier features, alias-free layers, nothing else.

Karras et al., "Alias-Free Generative Adversarial Networks", NeurIPS 2021 (section 3, appendix C). Layers work on
signals that a band limits, on grids with a margin around the picture. Configuration T has 3x3 convolutions, R has 1x1
convolutions and radial filters.

The picture is a function of the *styles*: one scale per input channel of every convolution, and before these the four
numbers (cos, sin, x, y) of the rotation and translation with which the Fourier features begin. Scales are applied to
the input of a plain convolution and its demodulation to what comes out, so a whole batch is one convolution.

Notation: B batch, S sum of all style widths, C channels, H picture size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from explorer.generators.style_mapping import (
    EqualisedLinear,
    Mapping,
    Modulated,
    StyleNetwork,
    check_classes,
    unit_normal,
)
from explorer.generators.stylegan2_network import clamped, demodulation
from explorer.generators.stylegan3_filters import filtered_leaky_relu, kaiser_lowpass, radial_lowpass

MOTION = 4
"""Numbers of the first style: cosine and sine of the rotation, times any factor, and the translation likewise."""


@dataclass(frozen=True)
class NetworkConfig:
    """The shape of a generator. Frequencies are in cycles a picture's side; ``…_stopband`` where a filter lets nothing
    through any more, that of the last layer relative to its cutoff."""

    resolution: int
    picture_channels: int = 3
    channel_base: int = 32768
    channel_max: int = 512
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 2
    mapping_lr_multiplier: float = 0.01
    classes: int = 0
    label_width: int = 0
    layers: int = 14
    critical_layers: int = 2
    first_cutoff: float = 2.0
    first_stopband: float = 2**2.1
    last_stopband: float = 2**0.3
    margin: int = 10
    output_scale: float = 0.25
    kernel: int = 3
    filter_size: int = 6
    finer: int = 2
    """How much finer the grid of the activation is."""
    radial: bool = False
    clamp: float | None = 256.0

    def __post_init__(self) -> None:
        if type(self.resolution) is not int:
            raise ValueError(f"resolution is {self.resolution!r}")
        if not 16 <= self.resolution <= 4096 or self.resolution & (self.resolution - 1):
            raise ValueError(f"resolution is {self.resolution}, not a power of two from 16 to 4096")
        sizes = (self.channel_max, self.z_dim, self.w_dim, self.mapping_layers)
        if (
            any(type(size) is not int or not 1 <= size <= 8192 for size in sizes)
            or not 1 <= self.channel_base <= 1 << 22
        ):
            raise ValueError("a width is outside 1 to 8192")
        if self.picture_channels not in (1, 3):
            raise ValueError(f"picture_channels is {self.picture_channels}, not 1 or 3")
        if not 0 <= self.critical_layers < self.layers <= 64 or not 0 <= self.margin <= 256:
            raise ValueError(f"{self.layers} layers, of which {self.critical_layers} are sampled critically")
        if self.kernel not in (1, 3) or self.finer not in (1, 2, 4) or self.filter_size not in range(2, 33, 2):
            raise ValueError(
                f"kernels of {self.kernel}, filters of {self.filter_size}, grids {self.finer} times as fine"
            )
        frequencies = (self.first_cutoff, self.first_stopband, self.last_stopband, self.output_scale)
        if not all(0 < number < 4096 for number in frequencies):
            raise ValueError("a frequency or the scale of the output is impossible")
        check_classes(self.classes, self.label_width)
        if self.clamp is not None and not 0 < self.clamp < math.inf:
            raise ValueError(f"clamp is {self.clamp}, not a number above 0")


@dataclass(frozen=True)
class Signal:
    """What passes between two layers: ``size`` samples a side, ``rate`` samples a picture's side, a ``cutoff`` and the
    ``half_width`` of the transition band behind it."""

    size: int
    rate: int
    cutoff: float
    half_width: float
    channels: int


def signals(config: NetworkConfig) -> list[Signal]:
    """What every layer gives, the one to colours last (appendix C.1: cutoffs and stopbands in geometric progression,
    then constant for the layers that are sampled critically)."""
    last = config.resolution / 2
    found = []
    for index in range(config.layers + 1):
        share = min(index / (config.layers - config.critical_layers), 1.0)
        cutoff = config.first_cutoff * (last / config.first_cutoff) ** share
        stopband = config.first_stopband * (last * config.last_stopband / config.first_stopband) ** share
        rate = 2 ** math.ceil(math.log2(min(2 * stopband, config.resolution)))
        size = config.resolution if index >= config.layers - 1 else rate + 2 * config.margin
        half_width = max(stopband, rate / 2) - cutoff
        channels = round(min(config.channel_base / 2 / cutoff, config.channel_max))
        found.append(Signal(size, rate, cutoff, half_width, channels))
    found[-1] = Signal(found[-1].size, found[-1].rate, found[-1].cutoff, found[-1].half_width, config.picture_channels)
    return found


class FourierInput(nn.Module):
    """Sines of fixed frequencies and phases over the plane, moved by the style's rotation and translation, and a
    learned mixture of them. ``transform`` (3, 3) moves them further, and belongs to the model."""

    to_colours = False

    def __init__(self, w_dim: int, signal: Signal) -> None:
        super().__init__()
        self.signal = signal
        channels = signal.channels
        self.weight = nn.Parameter(unit_normal(channels, channels))
        self.affine = EqualisedLinear(w_dim, MOTION)
        with torch.no_grad():
            self.affine.weight.zero_()
            self.affine.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))
        # Uniform over a disc: its radius is the cutoff.
        angle, radius = 2 * math.pi * torch.rand(channels), signal.cutoff * torch.rand(channels).sqrt()
        self.register_buffer("frequencies", torch.stack([angle.cos(), angle.sin()], 1) * radius[:, None])
        self.register_buffer("phases", torch.rand(channels) - 0.5)
        self.register_buffer("transform", torch.eye(3))

    def forward(self, style: Tensor) -> Tensor:
        """``style`` (B, 4) → (B, C, h, h)."""
        cos, sin, x, y = (style / style[:, :2].norm(dim=1, keepdim=True)).unbind(1)
        rotation = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
        own = cast(Tensor, self.transform)
        shift = rotation @ (own[:2, 2] - torch.stack([x, y], 1))[..., None]
        frequencies = cast(Tensor, self.frequencies)
        phases = cast(Tensor, self.phases) + (frequencies @ shift)[..., 0]
        frequencies = frequencies @ (rotation @ own[:2, :2])
        # What a transform moves beyond the band fades out.
        size, rate, band = self.signal.size, self.signal.rate, self.signal.cutoff
        strength = (1 - (frequencies.norm(dim=2) - band) / (rate / 2 - band)).clamp(0, 1)
        place = (torch.arange(size, device=style.device, dtype=style.dtype) + 0.5 - size / 2) / rate
        turns = frequencies[..., 0, None, None] * place + frequencies[..., 1, None, None] * place[:, None]
        waves = torch.sin(2 * math.pi * (turns + phases[..., None, None])) * strength[..., None, None]
        mixture = self.weight / math.sqrt(self.weight.shape[1])
        return torch.einsum("oc,bchw->bohw", mixture, waves)


class AliasFreeLayer(nn.Module):
    """A modulated convolution, then a leaky ReLU between two filters; the one to colours has neither demodulation nor
    activation."""

    def __init__(self, config: NetworkConfig, before: Signal, after: Signal, index: int) -> None:
        super().__init__()
        self.to_colours = index == config.layers
        self.clamp, self.after = config.clamp, after
        kernel = 1 if self.to_colours else config.kernel
        self.affine = EqualisedLinear(config.w_dim, before.channels, bias=1.0)
        self.weight = nn.Parameter(unit_normal(after.channels, before.channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(after.channels))
        self.register_buffer("magnitude", torch.ones(()))
        fine = max(before.rate, after.rate) * (1 if self.to_colours else config.finer)
        self.up, self.down = fine // before.rate, fine // after.rate
        up_taps = self._filter("up_filter", config, self.up, before, fine, radial=False)
        critical = index >= config.layers - config.critical_layers
        down_taps = self._filter("down_filter", config, self.down, after, fine, config.radial and not critical)
        # As large before the second filter as the output needs; samples keep their places (appendix C.3).
        total = (after.size - 1) * self.down + 1 - (before.size + kernel - 1) * self.up + up_taps + down_taps - 2
        first = (total + self.up) // 2
        self.padding = (first, total - first)

    def _filter(self, name: str, config: NetworkConfig, factor: int, signal: Signal, fine: int, radial: bool) -> int:
        """Design the filter ``name``; returns how many taps it has, 1 where there is none."""
        if factor == 1 or self.to_colours:
            self.register_buffer(name, None)
            return 1
        taps = config.filter_size * factor
        design = radial_lowpass if radial else kaiser_lowpass
        self.register_buffer(name, design(taps, signal.cutoff, 2 * signal.half_width, fine))
        return taps

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """``x`` (B, inputs, h, h), ``style`` (B, inputs) → (B, outputs, H, H)."""
        padding = self.weight.shape[2] - 1
        gain = torch.rsqrt(cast(Tensor, self.magnitude))
        if self.to_colours:
            scale = style * (gain / math.sqrt(self.weight.shape[1]))
            x = functional.conv2d(
                x * scale[:, :, None, None].to(x.dtype), self.weight.to(x.dtype), self.bias.to(x.dtype)
            )
            return clamped(x, self.clamp)
        weight = self.weight * self.weight.square().mean((1, 2, 3), keepdim=True).rsqrt()
        style = style * style.square().mean(1, keepdim=True).rsqrt()
        factors = (demodulation(weight, style) * gain)[:, :, None, None].to(x.dtype)
        x = functional.conv2d(x * style[:, :, None, None].to(x.dtype), weight.to(x.dtype), padding=padding)
        x = torch.addcmul(self.bias[:, None, None].to(x.dtype), x, factors)
        taps = cast("Tensor | None", self.up_filter), cast("Tensor | None", self.down_filter)
        return filtered_leaky_relu(x, *taps, up=self.up, down=self.down, padding=self.padding, clamp=self.clamp)


class StyleGAN3(StyleNetwork):
    """Mapping and synthesis."""

    def __init__(self, config: NetworkConfig) -> None:
        widths = (config.z_dim, *[config.w_dim] * config.mapping_layers)
        mapping = Mapping(widths, config.mapping_lr_multiplier, config.classes, config.label_width)
        super().__init__(mapping, config.w_dim)
        self.config = config
        chain = signals(config)
        self.input = FourierInput(config.w_dim, chain[0])
        between = list(pairwise([chain[0], *chain]))
        self.layers = nn.ModuleList(AliasFreeLayer(config, *ends, index) for index, ends in enumerate(between))

    def modulated_layers(self) -> Sequence[tuple[int, Modulated]]:
        """(index into w_plus, layer): the Fourier features, then every layer, each with a w of its own."""
        return [(index, cast(Modulated, layer)) for index, layer in enumerate([self.input, *self.layers])]

    @property
    def w_layers(self) -> int:
        """L: how many copies of w the synthesis network reads."""
        return len(self.layers) + 1

    def part_of(self, name: str) -> str:
        """``mapping``, ``Fourier features``, or the layer."""
        if name.startswith("layers."):
            return f"layer {name.split('.')[1]}"
        return "Fourier features" if name.startswith("input.") else "mapping"

    def synthesis(self, styles: Tensor, *, dtype: torch.dtype = torch.float32) -> Tensor:
        """All styles (B, S) → pictures (B, C, H, H), not clamped."""
        return self._run(styles, len(self.layers), dtype).to(styles.dtype) * self.config.output_scale

    def features(self, styles: Tensor, size: int) -> Tensor:
        """All styles (B, S) → what the last layer computes (B, C, h, h) whose rate is at most ``size`` samples a
        picture, the margin included; of the first layer where no rate is."""
        count = sum(cast(AliasFreeLayer, layer).after.rate <= size for layer in list(self.layers)[:-1])
        return self._run(styles, max(1, count), torch.float32)

    def _run(self, styles: Tensor, count: int, dtype: torch.dtype) -> Tensor:
        """What the first ``count`` layers compute."""
        first, *pieces = torch.split(styles, self.style_widths, 1)
        x: Tensor = self.input(first).to(dtype)
        for layer, style in zip(list(self.layers)[:count], pieces, strict=False):
            x = layer(x, style)
        return x
