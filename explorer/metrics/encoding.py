"""From a model and a world to codes: which world a model belongs to, pictures in the model's format, its encoder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from explorer.errors import ExplorerError
from explorer.generators.base import Generator, OwnAxes, Progress
from explorer.metrics.base import Codes
from explorer.metrics.latent_activity import LatentActivity, from_posterior
from explorer.metrics.world_pictures import BATCH, check_fits, has_encoder, pictures, world_for
from explorer.scene.measures import Sampling
from explorer.worlds import registry as worlds
from explorer.worlds.base import World


@dataclass(frozen=True)
class Encoded:
    """Codes of pictures of ``world``, and what the posterior says of each latent (None: the model has none)."""

    codes: Codes
    activity: LatentActivity | None


def fitting_worlds(generator: Generator) -> tuple[str, ...]:
    """The names of the worlds that the model can be measured on: the one that it was trained on first, then those whose
    pictures its encoder takes. Without an encoder any world will do, where the model does not say which is its own."""
    found: list[str] = []
    for name in ("", *worlds.all_worlds()):
        with contextlib.suppress(ExplorerError):  # it names none, or these pictures do not fit
            chosen = world_for(generator, name)
            if has_encoder(generator):
                check_fits(generator, chosen)
            found.append(chosen.name)
            if not name and not has_encoder(generator):
                break
    return tuple(dict.fromkeys(found))


def encoded(
    generator: Generator,
    world: World,
    n: int,
    seed: int,
    progress: Progress | None = None,
    sampling: Sampling = "independent",
) -> Encoded:
    """The codes of ``n`` pictures whose factors are drawn independently from the world's grid or, where ``sampling`` is
    ``causal``, by the world's causal model (a value that lies between levels of the grid counts as the nearest); the
    same for a seed.

    ``sampled`` are draws from the posterior, from noise of their own. Raises :class:`ExplorerError` for a model
    without an encoder, whose pictures are not like the world's, or whose codes are not finite.
    """
    if not has_encoder(generator):
        raise ExplorerError(f"'{generator.card.name}' has no encoder, so its pictures have no codes to measure.")
    check_fits(generator, world)
    if n < 2:
        raise ExplorerError(f"Measures need thousands of pictures, not {n}; raise n.")
    factors = world.sample(n, seed) if sampling == "causal" else world.independent(n, seed)
    coded, found = _encoder(generator), []
    with torch.inference_mode():
        for done, batch in enumerate(pictures(world, factors, generator), start=1):
            found.append(tuple(part.float().cpu() for part in coded(batch)))
            if progress is not None:
                progress(min(1.0, done * BATCH / n))
    mean, *rest = (torch.cat(parts) for parts in zip(*found, strict=True))
    if not all(bool(torch.isfinite(part).all()) for part in (mean, *rest)):
        raise ExplorerError(f"'{generator.card.name}' gives codes that are not finite; its training diverged.")
    activity, sampled = None, None
    if rest:
        activity = from_posterior(mean, rest[0], world.name)
        noise = torch.randn(mean.shape, generator=torch.Generator("cpu").manual_seed(seed), dtype=torch.float64)
        sampled = (mean.double() + (rest[0].double() / 2).exp() * noise).numpy()
    codes = Codes(
        codes=mean.double().numpy(),
        labels=world.levels_of(factors),
        latents=_names(generator, mean.shape[1]),
        factors=world.names,
        sampled=sampled,
        kl=None if activity is None else np.asarray(activity.kl),
        discrete="codebook" in generator.card.capabilities,
    )
    return Encoded(codes, activity)


def _names(generator: Generator, width: int) -> tuple[str, ...]:
    """What the sliders of the axes are called; a family's own controls are asked which axis they move."""
    names = [f"z{axis}" for axis in range(width)]
    if "axes" in generator.card.capabilities:
        start = torch.zeros(1, width)
        for control in cast(OwnAxes, generator).axis_controls():
            moved = (control.move(start, torch.ones(1)) - start).abs()
            names[int(moved.argmax())] = control.card.name
    return tuple(names)


def _encoder(generator: Generator) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """Pictures → the code, and where there is one the log-variance of its posterior."""
    model: Any = generator
    if "posterior" in generator.card.capabilities:
        return lambda batch: tuple(model.posterior(batch))
    return lambda batch: (model.encode(batch).tensors["z"],)
