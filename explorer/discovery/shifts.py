"""What the methods share that learn from shifted points of a vector space: which models fit, and points."""

from __future__ import annotations

import torch
from torch import Tensor

from explorer.discovery.request import Request, mapped_space
from explorer.errors import ControlError
from explorer.generators.base import Generator
from explorer.scene.cards import ModelCard

SAMPLES = 2000
"""Points from which the typical deviation of a space without a prior is measured."""


def refusal_of(title: str, model: ModelCard) -> str:
    """Why the method ``title``, which learns through pictures, cannot shift points of ``model``, thousands of times and
    with gradients, or an empty string."""
    return model.without_gradients(title) or without_shifts(title, model)


def without_shifts(title: str, model: ModelCard) -> str:
    """Why the method ``title`` cannot shift points of ``model`` thousands of times, or an empty string."""
    if "axes" in model.capabilities:
        space = next(iter(model.spaces))
        return f"The space '{space}' of '{model.name}' has axes with a meaning of their own; choose Latent axes."
    if "bottleneck" in model.capabilities or "steps" in model.capabilities:
        return (
            f"{title} learns from thousands of pictures with gradients, and '{model.name}' needs a run of its sampler "
            "for each; choose PCA or random directions."
        )
    space = mapped_space(model)
    if len(model.spaces[space].shape) != 1:
        return f"{title} shifts vectors, and the points of space '{space}' of '{model.name}' are none; choose another."
    return ""


def check_several(asked: Request) -> None:
    """Raise :class:`ControlError` where one direction is asked of a method that tells directions apart."""
    if asked.k < 2:
        raise ControlError(f"{asked.method.title} tells directions apart, so it needs 2 at least; ask for more.")


@torch.no_grad()
def points(generator: Generator, space: str, count: int, source: torch.Generator) -> Tensor:
    """(count, width) untruncated points of ``space``; their seeds come from ``source``."""
    seeds = torch.randint(0, 2**32, (count,), generator=source).tolist()
    return generator.advance(generator.sample(seeds, truncation_psi=1.0), space).tensors[space].detach()
