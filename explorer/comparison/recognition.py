"""Whether directions can be told apart by looking: a small network names the direction from the change of a picture.

After the variation predictability of Zhu et al. 2020 and the reconstructor of Voynov & Babenko 2020, without their
leaks: directions are mixed in every batch, nothing is normalised over the batch, and the score is that of the last
epoch on base codes the network never saw.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from explorer.generators.base import Progress

Floats = NDArray[np.float64]

EPOCHS = 20
BATCH = 32
LEARNING_RATE = 3e-3
WIDTHS = (16, 32, 64)
FEWEST_BASES = 4


def recognised(
    changes: Tensor, alive: NDArray[np.bool_], seed: int, progress: Progress | None = None
) -> NDArray[np.float64]:
    """(N, K) the share of its changes by which each direction is named at each base code; NaN where ``alive`` (K,) is
    false, and everywhere where fewer than two are alive or fewer than four base codes were seen.

    ``changes`` (N, K, M, C, h, w): M changes of a picture by each direction. Two networks, each trained on one half of
    the base codes and asked about the other.
    """
    count, directions, each = changes.shape[:3]
    found = np.full((count, directions), np.nan)
    living = np.flatnonzero(alive)
    if len(living) < 2 or count < FEWEST_BASES:
        return found
    shown = changes[:, torch.from_numpy(living)].float().cpu()
    shown = shown / shown.std().clamp_min(1e-12)
    labels = torch.arange(len(living))[None, :, None].expand(count, -1, each)
    halves = np.arange(count) % 2
    for fold in (0, 1):
        seen, asked = torch.from_numpy(halves != fold), torch.from_numpy(halves == fold)

        def told(share: float, fold: int = fold) -> None:
            if progress is not None:
                progress((fold + share) / 2)

        network = _trained(shown[seen].flatten(0, 2), labels[seen].flatten(), len(living), seed + fold, told)
        with torch.no_grad():
            named = network(shown[asked].flatten(0, 2)).argmax(1).reshape(labels[asked].shape)
        right = (named == labels[asked]).double().mean(2).numpy()
        found[np.ix_(np.flatnonzero(halves == fold), living)] = right
    return found


def _trained(changes: Tensor, labels: Tensor, classes: int, seed: int, progress: Progress) -> nn.Module:
    source = torch.Generator().manual_seed(seed)
    network = _network(changes.shape[1], classes, source)
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    for epoch in range(EPOCHS):
        progress(epoch / EPOCHS)
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * (1 - epoch / EPOCHS)
        for rows in torch.split(torch.randperm(len(changes), generator=source), BATCH):
            loss = functional.cross_entropy(network(changes[rows]), labels[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    progress(1.0)
    return network.eval()


def _network(channels: int, classes: int, source: torch.Generator) -> nn.Module:
    """Three convolutions, each halving the picture, with group normalisation; then the mean over the picture."""
    layers: list[nn.Module] = []
    for width in WIDTHS:
        layers += [nn.Conv2d(channels, width, 3, stride=2, padding=1), nn.GroupNorm(4, width), nn.ReLU()]
        channels = width
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            # The module's own numbers came from the global source; these repeat.
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=source)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network
