"""How well the codes of a VAE follow what happens to its pictures: equivariance, on sequences that it has not seen."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from explorer.generators.vae_network import VaeNetwork
from explorer.training.data import SequenceSource

SEQUENCES = 1000
FITTED_ON = 2000
"""Sequences that straight lines are fitted on, of others than those that they are examined on."""

Walk = Callable[[Tensor, Tensor, int], Tensor]
"""(codes (S, L) of the first pictures, classes (S,), steps) → codes (S, L) after so many steps."""


@torch.no_grad()
def equivariance(
    network: VaeNetwork, source: SequenceSource, device: torch.device, walk: Walk | None = None
) -> dict[str, float]:
    """Σ_t |x̂_t − x_t|₁ over the steps after the first, summed over subpixels in [0, 1], the mean over held-out
    sequences: how far pictures decoded along a path in the latent space lie from what really follows. Song et al.,
    "Flow Factorized Representation Learning", NeurIPS 2023, section 5.

    ``equivariance_error`` along ``walk``; ``…_still`` where the code stays as it is, what has to be beaten;
    ``…_straight`` along one vector a class, the mean step of the codes; ``…_own`` with the code of each picture itself,
    which no path is better than in the long run. Codes are posterior means.
    """
    steps = _mean_steps(network, source, device)
    walks: dict[str, Walk] = {
        "_still": lambda z, which, count: z,
        "_straight": lambda z, which, count: z + count * steps[which],
    }
    if walk is not None:
        walks[""] = walk
    lost = dict.fromkeys([*walks, "_own"], 0.0)
    for start in range(0, SEQUENCES, 100):
        pictures, which, codes = _seen(network, source, device, 100, start)
        for count in range(1, source.length):
            truth = pictures[:, count]
            found = {name: network.decode(walking(codes[:, 0], which, count)) for name, walking in walks.items()}
            found["_own"] = network.decode(codes[:, count])
            for name, drawn in found.items():
                lost[name] += float((drawn - truth).abs().sum())
    return {f"equivariance_error{name}": value / SEQUENCES for name, value in lost.items()}


def _mean_steps(network: VaeNetwork, source: SequenceSource, device: torch.device) -> Tensor:
    """(classes, L) by how much the code moves from picture to picture."""
    steps, seen = [], []
    for start in range(0, FITTED_ON, 100):
        _, which, codes = _seen(network, source, device, 100, SEQUENCES + start)
        steps.append((codes[:, -1] - codes[:, 0]) / (source.length - 1))
        seen.append(which)
    found, classes = torch.cat(steps), torch.cat(seen)
    return torch.stack([found[classes == one].mean(0) for one in range(len(source.moving))])


def _seen(
    network: VaeNetwork, source: SequenceSource, device: torch.device, count: int, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """``count`` sequences: pictures (S, T, C, H, W) in [0, 1], classes (S,), codes (S, T, L)."""
    batch = source.held_out_sequences(count * source.length, seed).to(device)
    assert batch.factors is not None
    pictures = (batch.images + 1.0) / 2.0
    codes = network.encode(pictures)[0]
    shape = count, source.length
    return pictures.reshape(*shape, *pictures.shape[1:]), source.classes(batch.factors), codes.reshape(*shape, -1)
