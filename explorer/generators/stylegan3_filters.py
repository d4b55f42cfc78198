"""The filters of alias-free networks, and the leaky ReLU between two of them.

Karras et al., "Alias-Free Generative Adversarial Networks", NeurIPS 2021, appendix C. A non-linearity makes frequencies
that a grid of samples cannot hold. So the signal is interpolated to a finer grid first, and low-passed before it
returns to its own.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from explorer.generators.style_mapping import LEAK, SQRT2


def kaiser_lowpass(taps: int, cutoff: float, width: float, rate: float) -> Tensor:
    """(taps,) of a low-pass filter with a Kaiser window: ``cutoff`` and the ``width`` of its transition band in the
    unit of ``rate``, the samples a unit of length."""
    from scipy.signal import firwin

    return torch.tensor(firwin(taps, cutoff, width=width, fs=rate), dtype=torch.float32)


def radial_lowpass(taps: int, cutoff: float, width: float, rate: float) -> Tensor:
    """(taps, taps) of a low-pass filter that treats all directions alike: a jinc, J₁(2π f r) / (π r), under the product
    of two Kaiser windows; it sums to 1. ``taps`` is even."""
    from scipy.signal import kaiser_atten, kaiser_beta
    from scipy.special import j1

    place = (np.arange(taps) - (taps - 1) / 2) / rate
    radius = np.hypot(place[:, None], place[None])
    window = np.kaiser(taps, kaiser_beta(kaiser_atten(taps, width / (rate / 2))))
    response = j1(2 * math.pi * cutoff * radius) / (math.pi * radius) * np.outer(window, window)
    return torch.tensor(response / response.sum(), dtype=torch.float32)


def filtered_leaky_relu(
    x: Tensor,
    up_taps: Tensor | None,
    down_taps: Tensor | None,
    *,
    up: int,
    down: int,
    padding: tuple[int, int],
    clamp: float | None,
) -> Tensor:
    """The leaky ReLU of slope 0.2 and gain √2 of ``x`` (B, C, h, h) on a grid ``up`` times as fine, of which every
    ``down``-th sample is returned; ``up`` is ``down`` or a multiple of it.

    In between, zeros are inserted, ``padding`` zeros put before and after (fewer than none: samples left out), and both
    filters keep what no border reaches into. ``down_taps`` may be (t, t), a filter along no axis.

    The fine grid is never put together: its ``up`` × ``up`` phases are maps of their own, each the convolution of the
    coarse grid with every ``up``-th tap, and so is every phase of what is returned one of theirs. Nothing is multiplied
    by an inserted zero, and all convolutions are small and depthwise. The gain commutes with the leaky ReLU: it is part
    of the first filter.
    """
    first_taps = (x.new_ones(1) if up_taps is None else up_taps).to(x.dtype) * (up * math.sqrt(SQRT2))
    last_taps = (x.new_ones(1) if down_taps is None else down_taps).to(x.dtype)
    before, after = padding
    fine = x.shape[-1] * up + before + after - len(first_taps) + 1
    count, ratio = (fine - len(last_taps)) // down + 1, up // down
    each = -(-count // ratio)
    needed = each - 1 - (-(len(last_taps) + down * (ratio - 1)) // up)
    start = len(first_taps) - 1 - before
    rows = torch.cat(_finer(x, first_taps, up, start, needed, axis=2))  # phases along y are rows of the batch
    maps = [functional.leaky_relu(one, LEAK) for one in _finer(rows, first_taps, up, start, needed, axis=3)]
    if clamp is not None:
        maps = [one.clamp(-clamp, clamp) for one in maps]
    if last_taps.ndim == 2:
        return _coarser_radially(maps, last_taps, up, down, each)[:, :, :count, :count]
    columns = _coarser(maps, last_taps, down, each, axis=3)[..., :count]
    return _coarser(list(columns.chunk(up)), last_taps, down, each, axis=2)[:, :, :count]


def _finer(x: Tensor, taps: Tensor, up: int, start: int, count: int, axis: int) -> list[Tensor]:
    """The ``up`` phases of ``x`` on the finer grid along ``axis``, ``count`` samples of each: phase p has the samples
    start + p, start + p + up, … of the convolution of ``taps`` with ``x`` and the zeros inserted into it."""
    phases = []
    for phase in range(up):
        whole, part = divmod(start + phase, up)
        own = taps[part::up].flip(0)
        ends = (len(own) - 1 - whole, count + whole - x.shape[axis])
        padded = functional.pad(x, (0, 0, *ends) if axis == 2 else ends)
        phases.append(_filtered(padded, own, axis))
    return phases


def _coarser(phases: list[Tensor], taps: Tensor, down: int, count: int, axis: int) -> Tensor:
    """Every ``down``-th sample of the filtered grid along ``axis`` whose phases are ``phases``: as many for every phase
    of the result as ``count``."""
    ratio = len(phases) // down
    results = []
    for result in range(ratio):
        shifted = functional.pad(taps, (down * result, 0))
        kernels = [shifted[phase :: len(phases)] for phase in range(len(phases))]
        parts = [_filtered(one, own, axis) for one, own in zip(phases, kernels, strict=True) if len(own)]
        results.append(_total([part.narrow(axis, 0, count) for part in parts]))
    return _interleaved(results, axis)


def _coarser_radially(maps: list[Tensor], taps: Tensor, up: int, down: int, count: int) -> Tensor:
    """As :func:`_coarser` along both axes at once; ``maps``: the phases along x, with those along y in the batch."""
    ratio, channels = up // down, maps[0].shape[1]
    rows = []
    for y in range(ratio):
        results = []
        for x in range(ratio):
            shifted = functional.pad(taps, (down * x, 0, down * y, 0))
            parts = []
            for across, one in enumerate(maps):
                for along, each in enumerate(one.chunk(up)):
                    kernel = shifted[along::up, across::up]
                    if kernel.numel():
                        drawn = functional.conv2d(each, kernel.expand(channels, 1, -1, -1), groups=channels)
                        parts.append(drawn[:, :, :count, :count])
            results.append(_total(parts))
        rows.append(_interleaved(results, 3))
    return _interleaved(rows, 2)


def _filtered(x: Tensor, taps: Tensor, axis: int) -> Tensor:
    """``x`` (B, C, h, w) correlated with ``taps`` along ``axis``, 2 or 3, where they overlap wholly."""
    kernel = taps[None, None, :, None] if axis == 2 else taps[None, None, None]
    return functional.conv2d(x, kernel.expand(x.shape[1], 1, -1, -1), groups=x.shape[1])


def _interleaved(phases: list[Tensor], axis: int) -> Tensor:
    """One grid of its ``phases`` along ``axis``."""
    return phases[0] if len(phases) == 1 else torch.stack(phases, axis + 1).flatten(axis, axis + 1)


def _total(parts: list[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
