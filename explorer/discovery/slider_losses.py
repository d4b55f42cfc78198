"""What a concept slider is taught: the two ends of an attribute by pictures, or by prompts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from explorer.generators.base import Latent
from explorer.generators.schedule import Schedule

Predicted = Callable[[Tensor, Tensor, Latent, float], Tensor]
"""(x_t, training steps (B,), what it is told, amount) -> what the network says with the slider at ``amount``."""


class Noised(NamedTuple):
    """Clean samples of both ends (B, ...) of an attribute, noised alike: ``low`` and ``high`` hold as much of the same
    noise at the training steps ``times`` (B,). ``aims``: what the network should predict of each."""

    low: Tensor
    high: Tensor
    low_aim: Tensor
    high_aim: Tensor
    times: Tensor


def noised_pairs(schedule: Schedule, low: Tensor, high: Tensor, source: torch.Generator) -> Noised:
    """``low`` and ``high`` (B, ...) on the CPU, noised alike, at steps of the training's ``schedule`` that are drawn
    evenly: whole ones where the network was trained at these."""
    noise = torch.randn(low.shape, generator=source)
    count = schedule.num_train_timesteps
    levels = [schedule.whole(float(share) * count) for share in torch.rand(len(low), generator=source)]
    mixtures = torch.tensor([schedule.mixture(t) for t in levels]).reshape(-1, 2, *[1] * (low.dim() - 1))
    signal, share = mixtures.unbind(1)

    def aimed(clean: Tensor) -> Tensor:
        return torch.stack([schedule.aim(one, by, t) for one, by, t in zip(clean, noise, levels, strict=True)])

    mixed = signal * low + share * noise, signal * high + share * noise
    return Noised(*mixed, aimed(low), aimed(high), torch.tensor(levels))


def picture_pair_loss(predicted: Predicted, noised: Noised, low_told: Latent, high_told: Latent) -> Tensor:
    """The image sliders of Gandikota et al. (ECCV 2024, section 4.3): at +1 the network denoises pictures of the high
    end, at -1 those of the low one, under the same noise. The mean of the squares over both."""
    high = predicted(noised.high, noised.times, high_told, 1.0) - noised.high_aim
    low = predicted(noised.low, noised.times, low_told, -1.0) - noised.low_aim
    return (high.square().mean() + low.square().mean()) / 2


class Prompted(NamedTuple):
    """What the network is told: the ``target`` that is changed, and of every attribute that is kept the ends of the
    concept, ``(positive, negative)``."""

    target: Latent
    ends: Sequence[tuple[Latent, Latent]]


def prompt_loss(predicted: Predicted, x: Tensor, times: Tensor, told: Prompted, strength: float) -> Tensor:
    """Eq. 8 of Gandikota et al. (ECCV 2024): at +1 the network says of ``x`` (B, ...) at ``times`` what it said of the
    target, and ``strength`` · Σ_p (of the positive - of the negative prompt, both with p)."""
    with torch.no_grad():
        aim = predicted(x, times, told.target, 0.0)
        for positive, negative in told.ends:
            more, less = (predicted(x, times, end, 0.0) for end in (positive, negative))
            aim = aim + strength * (more - less)
    return (predicted(x, times, told.target, 1.0) - aim).square().mean()
