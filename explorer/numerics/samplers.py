"""Samplers of diffusion models: free functions over a callable denoiser, which knows nothing of networks or schedulers.

The arithmetic of the coefficients is float64; the samples keep their own precision.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Denoiser = Callable[[Tensor, int], Tensor]
"""(x_t, t) -> the network's prediction, of the shape of x_t; t counts training steps, 0 .. T - 1."""

Callback = Callable[[int, Tensor], None]
"""Called as (number of finished steps, the sample after them); may raise to stop the sampler."""

PREDICTIONS = ("epsilon", "v_prediction", "sample")


def ddim_coefficients(alpha: float, alpha_next: float, prediction: str = "epsilon") -> tuple[float, float]:
    """(c_x, c_m) of one deterministic DDIM step x' = c_x x + c_m m from signal power ``alpha`` to ``alpha_next``.

    Song, Meng and Ermon 2021, eq. 12 with sigma = 0, solved for the network's prediction m: ``epsilon`` the noise,
    ``sample`` x_0, ``v_prediction`` v = sqrt(a) eps - sqrt(1 - a) x_0 (Salimans and Ho 2022). Runs either way in time.
    Raises ValueError for an unknown prediction, or epsilon where no signal is left (x_0 is undefined there).
    """
    signal, noise = math.sqrt(alpha), math.sqrt(1.0 - alpha)
    signal_next, noise_next = math.sqrt(alpha_next), math.sqrt(1.0 - alpha_next)
    if prediction == "v_prediction":
        return signal_next * signal + noise_next * noise, noise_next * signal - signal_next * noise
    if prediction == "epsilon":
        if signal == 0.0:
            raise ValueError("a network that predicts the noise cannot start where no signal is left (alpha = 0)")
        return signal_next / signal, noise_next - signal_next * noise / signal
    if prediction == "sample":
        if noise == 0.0:
            raise ValueError("a network that predicts the sample cannot start where there is no noise (alpha = 1)")
        return noise_next / noise, signal_next - noise_next * signal / noise
    raise ValueError(f"there is no prediction type '{prediction}'; there are: {', '.join(PREDICTIONS)}")


def ddim(
    denoise: Denoiser,
    x: Tensor,
    timesteps: Sequence[int],
    alphas_cumprod: Tensor,
    prediction: str = "epsilon",
    final_alpha: float = 1.0,
    start: int = 0,
    stop: int | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Deterministic DDIM (eta = 0, nothing clipped): the sample after steps ``start`` .. ``stop - 1`` of ``timesteps``.

    ``x`` (B, ...) is the sample before step ``start``: pure noise x_T for 0, a kept sample to resume; resuming repeats
    the uninterrupted run bit for bit, because a step depends on nothing but its input. ``timesteps`` fall (any spacing;
    the next entry is where a step lands, ``final_alpha`` where the last one does); ``alphas_cumprod`` is (T,) float64.
    """
    if any(later >= earlier for earlier, later in itertools.pairwise(timesteps)):
        raise ValueError("the time steps of a sampler fall")
    stop = len(timesteps) if stop is None else stop
    if not 0 <= start <= stop <= len(timesteps):
        raise ValueError(f"a sampler of {len(timesteps)} steps cannot run its steps {start} to {stop}")
    powers = [*alphas_cumprod.double()[torch.as_tensor(timesteps)].tolist(), final_alpha]
    for index in range(start, stop):
        from_x, from_prediction = ddim_coefficients(powers[index], powers[index + 1], prediction)
        x = from_x * x + from_prediction * denoise(x, timesteps[index])
        if callback is not None:
            callback(index + 1, x)
    return x
