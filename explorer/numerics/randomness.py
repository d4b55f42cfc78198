"""Random numbers of one step of a training or a search, from the seed and the step alone."""

from __future__ import annotations

import numpy as np
import torch


def step_seed(seed: int, step: int, stream: int = 0) -> int:
    """A seed in [0, 2**32) for step ``step`` ≥ 0 of what was begun with ``seed`` ≥ 0, so that a run that was
    interrupted goes on to the same bits. ``stream`` keeps one use of random numbers apart from another; of a training,
    0 is the data's.
    """
    return int(np.random.SeedSequence([seed, step, stream]).generate_state(1)[0])


def seeded(seed: int, step: int, stream: int = 0) -> torch.Generator:
    """A source of random numbers on the CPU, begun with :func:`step_seed`."""
    return torch.Generator("cpu").manual_seed(step_seed(seed, step, stream))
