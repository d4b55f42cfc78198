"""Noise schedules of discrete diffusion models and the steps that a sampler takes through them. All in float64.

Notation: the forward process is x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) eps with a_t = alphas_cumprod[t], t = 0 .. T - 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

SCHEDULES = ("linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid", "laplace")
LARGEST_BETA = 0.999  # where a schedule is given by its signal, which may end at none
SPACINGS = ("leading", "trailing", "linspace")


def alphas_cumprod(
    schedule: str = "linear",
    train_steps: int = 1000,
    beta_start: float = 1e-4,
    beta_end: float = 0.02,
    betas: Sequence[float] | None = None,
    zero_terminal_snr: bool = False,
) -> Tensor:
    """(T,) float64, falling: the share of signal power left after t + 1 noise steps.

    ``linear`` Ho et al. 2020; ``scaled_linear`` Rombach et al. 2022 (linear in the root of beta); ``squaredcos_cap_v2``
    Nichol and Dhariwal 2021, eq. 17; ``sigmoid`` Xu et al. 2022 (GeoDiff); ``laplace`` Hang et al. 2024, whose signal
    power is taken as diffusers takes it, as the root of snr / (1 + snr). ``betas`` overrides the schedule;
    ``zero_terminal_snr`` rescales as Lin et al. 2024, algorithm 1. Raises ValueError for an unknown schedule or a beta
    outside (0, 1].
    """
    if betas is not None:
        beta = np.asarray(betas, np.float64)
    elif schedule == "linear":
        beta = np.linspace(beta_start, beta_end, train_steps)
    elif schedule == "scaled_linear":
        beta = np.linspace(math.sqrt(beta_start), math.sqrt(beta_end), train_steps) ** 2
    elif schedule == "squaredcos_cap_v2":
        signal = np.cos((np.arange(train_steps + 1) / train_steps + 0.008) / 1.008 * math.pi / 2) ** 2
        beta = np.minimum(1.0 - signal[1:] / signal[:-1], LARGEST_BETA)
    elif schedule == "sigmoid":
        beta = (beta_end - beta_start) / (1.0 + np.exp(-np.linspace(-6.0, 6.0, train_steps))) + beta_start
    elif schedule == "laplace":
        side = 0.5 - np.arange(train_steps + 1) / train_steps
        snr = np.exp(-0.5 * np.sign(side) * np.log(1.0 - 2.0 * np.abs(side) + 1e-6))
        signal = np.sqrt(snr / (1.0 + snr))
        beta = np.minimum(1.0 - signal[1:] / signal[:-1], LARGEST_BETA)
    else:
        raise ValueError(f"there is no noise schedule '{schedule}'; there are: {', '.join(SCHEDULES)}")
    if beta.ndim != 1 or not len(beta) or not ((beta > 0.0) & (beta <= 1.0)).all():
        raise ValueError("the betas of a noise schedule lie in (0, 1]")
    signal = np.cumprod(1.0 - beta)
    if zero_terminal_snr:
        root = np.sqrt(signal)
        signal = ((root - root[-1]) * root[0] / (root[0] - root[-1])) ** 2
    return torch.from_numpy(signal)


def timesteps(count: int, train_steps: int = 1000, spacing: str = "leading", offset: int = 0) -> tuple[int, ...]:
    """``count`` time steps of 0 .. T - 1, falling, spaced as Lin et al. 2024, table 2, names it.

    ``trailing`` begins at T - 1, where training saw pure noise; ``leading`` ends at ``offset``; ``linspace`` does both.
    Raises ValueError unless 1 ≤ count ≤ T and every step lies inside.
    """
    if not 1 <= count <= train_steps:
        raise ValueError(f"the number of sampler steps is 1..{train_steps}, not {count}")
    if spacing == "leading":
        steps = np.arange(count, dtype=np.float64)[::-1] * (train_steps // count) + offset
    elif spacing == "trailing":
        # A floating-point range, whose rounding diffusers' has too; it may come out one longer.
        steps = np.round(np.arange(train_steps, 0, -(train_steps / count))[:count]) - 1
    elif spacing == "linspace":
        steps = np.round(np.linspace(0, train_steps - 1, count))[::-1]
    else:
        raise ValueError(f"there is no step spacing '{spacing}'; there are: {', '.join(SPACINGS)}")
    chosen = tuple(int(step) for step in steps)
    if chosen[0] >= train_steps or chosen[-1] < 0:
        raise ValueError(f"the steps offset {offset} leaves the {train_steps} steps of the schedule")
    return chosen
