"""Networks that methods train, as they begin: from a seed of their own, never from the global random state, which the
live view and other searches share.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from explorer.numerics.randomness import seeded

Network = TypeVar("Network", bound=nn.Module)


def initialised(make: Callable[[], Network], seed: int, stream: int, device: torch.device) -> Network:
    """What ``make`` builds, on ``device``: weights of linear maps and convolutions uniform with the variance
    1 / (3 inputs), as torch begins them, biases 0, normalisations the identity; the same for a seed.

    ``stream`` keeps two networks of one search apart. Raises ValueError for parameters of any other layer.
    """
    with torch.device("meta"):
        network = make()
    network.to_empty(device="cpu")
    source = seeded(seed, 0, stream)
    for layer in network.modules():
        own = dict(layer.named_parameters(recurse=False))
        if isinstance(layer, nn.Linear | nn.Conv2d):
            bound = 1 / math.sqrt(layer.weight[0].numel())
            nn.init.uniform_(layer.weight, -bound, bound, generator=source)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.GroupNorm):
            nn.init.ones_(layer.weight)
            nn.init.zeros_(layer.bias)
        elif own:
            raise ValueError(f"{type(layer).__name__} has parameters {', '.join(own)} of no known beginning")
    return network.to(device)
