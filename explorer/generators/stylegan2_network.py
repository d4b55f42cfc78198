"""StyleGAN2's generator, written from the paper: mapping network, modulated convolutions, skip or residual synthesis.

Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", CVPR 2020 (equations 1-3, figure 7), with the
per-layer constant noise of its authors' ``noise_mode="const"``: a latent has exactly one picture.

The picture is a function of the *styles*, one scale per input channel of every convolution. Scaling a convolution's
weights per sample (equation 1) is the same as scaling its input channels, and demodulating them (equation 3) the same
as
scaling its output channels, so a whole batch runs as one plain convolution: no grouped kernels, no compiled extension.

Notation: B batch, W width of w, L layers of w_plus, C channels, S sum of all style widths, H picture size.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from explorer.generators.style_mapping import (
    LEAK,
    SQRT2,
    EqualisedLinear,
    Mapping,
    StyleNetwork,
    check_classes,
    unit_normal,
)


@dataclass(frozen=True)
class NetworkConfig:
    """The shape of a generator. ``channels``: of the 4x4 block, the 8x8 block, … up to ``resolution``."""

    resolution: int
    channels: tuple[int, ...]
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 8
    mapping_width: int = 512
    mapping_lr_multiplier: float = 0.01
    architecture: Literal["skip", "resnet"] = "skip"
    picture_channels: int = 3
    classes: int = 0
    """Of a conditional network; 0: it has none."""
    label_width: int = 0
    """Numbers that a class is turned into."""
    clamp: float | None = None
    """What every layer computes is kept within ± this; None: it is not."""

    def __post_init__(self) -> None:
        blocks = self.resolution.bit_length() - 2
        if self.resolution < 4 or self.resolution & (self.resolution - 1):
            raise ValueError(f"resolution is {self.resolution}, not a power of two from 4 on")
        if len(self.channels) != blocks:
            raise ValueError(
                f"{len(self.channels)} channel counts are given for {blocks} blocks (4 to {self.resolution})"
            )
        sizes = (*self.channels, self.z_dim, self.w_dim, self.mapping_layers, self.mapping_width)
        if any(type(size) is not int or not 1 <= size <= 8192 for size in sizes) or self.resolution > 4096:
            raise ValueError("a width is outside 1 to 8192, or the resolution above 4096")
        if self.picture_channels not in (1, 3):
            raise ValueError(f"picture_channels is {self.picture_channels}, not 1 or 3")
        if self.architecture not in ("skip", "resnet"):
            raise ValueError(f"architecture is '{self.architecture}', not 'skip' or 'resnet'")
        check_classes(self.classes, self.label_width)
        if self.clamp is not None and not 0 < self.clamp < math.inf:
            raise ValueError(f"clamp is {self.clamp}, not a number above 0")

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "channels": list(self.channels)}


def upsampling_filter() -> Tensor:
    """The separable FIR filter [1, 3, 3, 1] as (1, 1, 4, 4), with gain 4 so that zero-insertion keeps the
    brightness."""
    taps = (1, 3, 3, 1)
    return torch.tensor([[4 * a * b / sum(taps) ** 2 for a in taps] for b in taps])[None, None]


def upsample(x: Tensor, fir: Tensor) -> Tensor:
    """(B, C, H, H) → (B, C, 2H, 2H): insert zeros, then filter with ``fir`` (bilinear interpolation away from the
    border)."""
    channels = int(x.shape[1])  # a plain number, also where the network is traced for an export
    return functional.conv_transpose2d(
        x, fir.to(x.dtype).expand(channels, 1, 4, 4), stride=2, padding=1, groups=channels
    )


def demodulation(weight: Tensor, styles: Tensor) -> Tensor:
    """(B, outputs) factors 1 / sqrt(sum over i, k of (w_oik s_i)² + 1e-8): equation 3 of the paper."""
    return torch.rsqrt(functional.linear(styles.square(), weight.square().sum((2, 3))) + 1e-8)


def clamped(x: Tensor, limit: float | None) -> Tensor:
    """``x`` kept within ± ``limit``."""
    return x if limit is None else x.clamp(-limit, limit)


class StyledConvolution(nn.Module):
    """One modulated, demodulated 3x3 convolution, optionally upsampling, with constant noise, bias and leaky ReLU."""

    to_colours = False

    def __init__(
        self, inputs: int, outputs: int, w_dim: int, resolution: int, up: bool, clamp: float | None = None
    ) -> None:
        super().__init__()
        self.up, self.clamp = up, clamp
        self.affine = EqualisedLinear(w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(unit_normal(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise", unit_normal(resolution, resolution))
        self.register_buffer("fir", upsampling_filter(), persistent=False)

    def forward(self, x: Tensor, styles: Tensor) -> Tensor:
        """``x`` (B, inputs, h, h), ``styles`` (B, inputs) → (B, outputs, H, H)."""
        # Scaling all styles of a sample alike changes nothing after demodulation, and keeps float16 in range.
        styles = styles / styles.abs().amax(1, keepdim=True).clamp_min(1e-8)
        weight = self.weight * (1 / math.sqrt(self.weight[0].numel()))
        factors = demodulation(weight, styles)
        x = x * styles[:, :, None, None].to(x.dtype)
        weight = weight.to(x.dtype)
        if self.up:
            # Convolve the zero-inserted input, then filter: (2h + 1) samples, of which the filter keeps 2h.
            x = functional.conv_transpose2d(x, weight.transpose(0, 1).flip(2, 3), stride=2)
            channels = len(self.bias)
            fir = cast(Tensor, self.fir).to(x.dtype).expand(channels, 1, 4, 4)
            x = functional.conv2d(x, fir, padding=1, groups=channels)
        else:
            x = functional.conv2d(x, weight, padding=1)
        # The activation's gain of sqrt(2) commutes with the leaky ReLU: it is applied where it costs one number a
        # channel.
        noise = (cast(Tensor, self.noise) * self.noise_strength + self.bias[:, None, None]) * SQRT2
        factors = (factors * SQRT2)[:, :, None, None]
        return clamped(
            functional.leaky_relu(torch.addcmul(noise.to(x.dtype), x, factors.to(x.dtype)), LEAK), self.clamp
        )


class ToPicture(nn.Module):
    """A modulated 1x1 convolution without demodulation: features to colours."""

    to_colours = True

    def __init__(self, inputs: int, outputs: int, w_dim: int, clamp: float | None = None) -> None:
        super().__init__()
        self.clamp = clamp
        self.affine = EqualisedLinear(w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(unit_normal(outputs, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor, styles: Tensor) -> Tensor:
        """``x`` (B, inputs, H, H), ``styles`` (B, inputs) → (B, outputs, H, H) float32."""
        gain = 1 / math.sqrt(self.weight.shape[1])
        x = x * (styles * gain)[:, :, None, None].to(x.dtype)
        return clamped(functional.conv2d(x, self.weight.to(x.dtype), self.bias.to(x.dtype)), self.clamp).float()


class Block(nn.Module):
    """One resolution of the synthesis network; the 4x4 block starts from a learned constant."""

    def __init__(self, config: NetworkConfig, index: int) -> None:
        super().__init__()
        outputs, resolution = config.channels[index], 4 << index
        self.resnet = config.architecture == "resnet"
        self.first = index == 0
        if self.first:
            self.constant = nn.Parameter(unit_normal(outputs, 4, 4))
        else:
            inputs = config.channels[index - 1]
            self.conv0 = StyledConvolution(inputs, outputs, config.w_dim, resolution, True, config.clamp)
            if self.resnet:
                self.skip = nn.Parameter(unit_normal(outputs, inputs, 1, 1))
        self.conv1 = StyledConvolution(outputs, outputs, config.w_dim, resolution, False, config.clamp)
        if not self.resnet or resolution == config.resolution:
            self.to_picture = ToPicture(outputs, config.picture_channels, config.w_dim, config.clamp)
        self.register_buffer("fir", upsampling_filter(), persistent=False)

    def layers(self) -> list[StyledConvolution | ToPicture]:
        """The modulated layers in the order in which they run."""
        names = ("conv0", "conv1", "to_picture")
        return [cast("StyledConvolution | ToPicture", getattr(self, name)) for name in names if hasattr(self, name)]

    def forward(self, x: Tensor, picture: Tensor | None, styles: list[Tensor]) -> tuple[Tensor, Tensor | None]:
        fir = cast(Tensor, self.fir)
        remaining = iter(styles)
        if self.first:
            x = self.conv1(x, next(remaining))
        else:
            skipped = x
            x = self.conv1(self.conv0(x, next(remaining)), next(remaining))
            if self.resnet:
                weight = (self.skip / math.sqrt(self.skip.shape[1])).to(x.dtype)
                x = (x + upsample(functional.conv2d(skipped, weight), fir)) / SQRT2
        if picture is not None:
            picture = upsample(picture, fir)
        if hasattr(self, "to_picture"):
            colours = self.to_picture(x, next(remaining))
            picture = colours if picture is None else picture + colours
        return x, picture


class StyleGAN2(StyleNetwork):
    """Mapping and synthesis."""

    def __init__(self, config: NetworkConfig) -> None:
        hidden = [config.mapping_width] * (config.mapping_layers - 1)
        widths = (config.z_dim, *hidden, config.w_dim)
        mapping = Mapping(widths, config.mapping_lr_multiplier, config.classes, config.label_width)
        super().__init__(mapping, config.w_dim)
        self.config = config
        self.blocks = nn.ModuleList(Block(config, index) for index in range(len(config.channels)))

    def fill_constants(self) -> None:
        """Give the filters, which no file holds, their values: a network that was built without memory has none."""
        for module in self.modules():
            if isinstance(module, Block | StyledConvolution):
                module.fir = upsampling_filter()

    def modulated_layers(self) -> list[tuple[int, StyledConvolution | ToPicture]]:
        """(index into w_plus, layer) in the order in which the layers run.

        As published, a block's layer to colours shares its index with the next block's first convolution.
        """
        found: list[tuple[int, StyledConvolution | ToPicture]] = []
        index = 0
        for block in self.blocks:
            for layer in cast(Block, block).layers():
                found.append((index, layer))
                index += isinstance(layer, StyledConvolution)
        return found

    @property
    def w_layers(self) -> int:
        """L: how many copies of w the synthesis network reads."""
        return 2 * len(self.blocks)

    def part_of(self, name: str) -> str:
        """``mapping``, or the block by the size of its features."""
        if not name.startswith("blocks."):
            return "mapping"
        size = 4 << int(name.split(".")[1])
        return f"block {size} × {size}"

    def synthesis(self, styles: Tensor, resolution: int | None = None, dtype: torch.dtype = torch.float32) -> Tensor:
        """All styles (B, S) → pictures (B, C, H, H), not clamped.

        ``resolution`` stops after the block of that size (skip architecture only; used while training grows the
        canvas).
        """
        picture = self._run(styles, resolution or self.config.resolution, dtype)[1]
        return cast(Tensor, picture)

    def features(self, styles: Tensor, size: int) -> Tensor:
        """All styles (B, S) → what the block of s = ``size`` pixels computes (B, C, s, s), or the nearest smaller
        block."""
        size = max(4, min(1 << (size.bit_length() - 1), self.config.resolution))
        return self._run(styles, size, torch.float32)[0]

    def _run(self, styles: Tensor, resolution: int, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
        """Features of the block of size ``resolution``, and the picture up to there if its architecture has one."""
        pieces = list(torch.split(styles, self.style_widths, 1))
        x = cast(Tensor, cast(Block, self.blocks[0]).constant).to(dtype).expand(styles.shape[0], -1, -1, -1)
        picture: Tensor | None = None
        for index, block in enumerate(self.blocks):
            count = len(cast(Block, block).layers())
            x, picture = block(x, picture, pieces[:count])
            pieces = pieces[count:]
            if 4 << index == resolution:
                break
        return x, picture

    def forward(self, z: Tensor) -> Tensor:
        """z (B, z_dim) → pictures (B, C, H, H), untruncated, not clamped."""
        return self.synthesis(self.styles(self.broadcast(self.mapping(z))))
