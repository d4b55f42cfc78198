"""Samplers of diffusion models: free functions over a callable denoiser, which knows nothing of networks or schedulers.

The arithmetic of the coefficients is float64; the samples keep their own precision.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch
from torch import Tensor

Denoiser = Callable[[Tensor, float], Tensor]
"""(x_t, t) -> the network's prediction, of the shape of x_t; t counts training steps, 0 .. T - 1, in whole ones where
the network was trained at these alone."""

Callback = Callable[[int, Tensor], None]
"""Called as (number of finished steps, the sample after them); may raise to stop the sampler."""

Limit = Callable[[Tensor], Tensor]
"""Predicted x_0 (B, ...) -> the x_0 that a step uses in its place."""

Step = TypeVar("Step")

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


def split_prediction(x: Tensor, predicted: Tensor, alpha: float, prediction: str) -> tuple[Tensor, Tensor]:
    """(x_0, eps) that the network's prediction stands for: x = sqrt(a) x_0 + sqrt(1 - a) eps. Raises as
    :func:`ddim_coefficients` does."""
    # A step that lands on all signal is x_0, and one that lands on none is eps.
    x0_x, x0_m = ddim_coefficients(alpha, 1.0, prediction)
    eps_x, eps_m = ddim_coefficients(alpha, 0.0, prediction)
    return x0_x * x + x0_m * predicted, eps_x * x + eps_m * predicted


def bounded(bound: float) -> Limit:
    """Static thresholding: every value is clipped to ±``bound``."""
    return lambda x0: x0.clamp(-bound, bound)


def dynamically_thresholded(ratio: float, largest: float) -> Limit:
    """Dynamic thresholding (Saharia et al. 2022, sec. 2.3), one sample at a time: with s the ``ratio`` quantile of its
    absolute values, but at least 1 and then at most ``largest``, values are clipped to ±s and divided by s."""

    def limit(x0: Tensor) -> Tensor:
        flat = x0.flatten(1)
        # By order statistics, because torch.quantile takes no more than 16 million values.
        place = ratio * (flat.shape[1] - 1)
        below = math.floor(place)
        sizes = flat.abs()
        low = sizes.kthvalue(below + 1, dim=1).values
        high = sizes.kthvalue(min(below + 2, flat.shape[1]), dim=1).values
        s = (low + (place - below) * (high - low)).clamp(min=1.0).clamp(max=largest)[:, None]
        return (flat.clamp(-s, s) / s).reshape(x0.shape)

    return limit


def ddim(
    denoise: Denoiser,
    x: Tensor,
    timesteps: Sequence[int],
    alphas_cumprod: Tensor,
    prediction: str = "epsilon",
    landings: Sequence[float] | None = None,
    limit: Limit | None = None,
    start: int = 0,
    stop: int | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Deterministic DDIM (eta = 0): the sample after steps ``start`` .. ``stop - 1`` of ``timesteps``.

    ``x`` (B, ...) is the sample before step ``start``: pure noise x_T for 0, a kept sample to resume; resuming repeats
    the uninterrupted run bit for bit, because a step depends on nothing but its input. ``timesteps`` fall, at any
    spacing; ``alphas_cumprod`` is (T,) float64. ``landings``: the signal power after each step (default: that of the
    next entry, and 1 in the end). ``limit`` changes the predicted x_0, and not the noise that was predicted with it.
    """
    if any(later >= earlier for earlier, later in itertools.pairwise(timesteps)):
        raise ValueError("the time steps of a sampler fall")
    stop = len(timesteps) if stop is None else stop
    if not 0 <= start <= stop <= len(timesteps):
        raise ValueError(f"a sampler of {len(timesteps)} steps cannot run its steps {start} to {stop}")
    powers: list[float] = alphas_cumprod.double()[torch.as_tensor(timesteps)].tolist()
    landings = [*powers[1:], 1.0] if landings is None else landings
    if len(landings) != len(timesteps):
        raise ValueError(f"a sampler of {len(timesteps)} steps lands as many times, not {len(landings)}")
    for index in range(start, stop):
        predicted, power, landing = denoise(x, timesteps[index]), powers[index], landings[index]
        if limit is None:
            from_x, from_prediction = ddim_coefficients(power, landing, prediction)
            x = from_x * x + from_prediction * predicted
        else:
            x0, eps = split_prediction(x, predicted, power, prediction)
            x = math.sqrt(landing) * limit(x0) + math.sqrt(1.0 - landing) * eps
        if callback is not None:
            callback(index + 1, x)
    return x


def last(steps: Iterator[Step]) -> Step:
    """What the last of ``steps`` gives; the others are not kept."""
    return deque(steps, maxlen=1).pop()


def way_back(
    denoise: Denoiser,
    x: Tensor,
    timesteps: Sequence[int],
    alphas_cumprod: Tensor,
    prediction: str = "epsilon",
    landings: Sequence[float] | None = None,
    refinements: int = 2,
) -> Iterator[Tensor]:
    """The samples that :func:`ddim` passed through on its way to ``x`` (B, ...), the last first (Song et al. 2021, sec.
    4.3).

    A step lands on x' = c_x x + c_m m(x, t), whose x is iterated from x', 1 + ``refinements`` times (fixed-point
    inversion, Pan et al. 2023): exact where the network is linear in x and the iteration is run to its end, else as
    near as the iterations come. Limits on the predicted x_0 are not undone: what they cut off is lost. Raises
    ValueError where a step is made of the network's prediction alone, because then what was before it cannot be told.
    """
    powers: list[float] = alphas_cumprod.double()[torch.as_tensor(timesteps)].tolist()
    landings = [*powers[1:], 1.0] if landings is None else landings
    for index in reversed(range(len(timesteps))):
        from_x, from_prediction = ddim_coefficients(powers[index], landings[index], prediction)
        if from_x == 0.0:
            raise ValueError(
                f"the picture is made of the network's prediction alone at step {timesteps[index]}, and what was there "
                "before cannot be told from it"
            )
        guess = x
        for _ in range(1 + refinements):
            guess = (x - from_prediction * denoise(guess, timesteps[index])) / from_x
        x = guess
        yield x
