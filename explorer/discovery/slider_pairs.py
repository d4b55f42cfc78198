"""Pairs of pictures of a model, of which one has much of an attribute and the other little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.attributes.base import AttributeReader, Values
from explorer.discovery.attribute_data import FEWEST, AttributeData, Target, attribute_data
from explorer.discovery.base import Watch
from explorer.discovery.extremes import extremes
from explorer.discovery.request import Request, names_in
from explorer.discovery.sampling import drawn_seeds
from explorer.errors import ControlError
from explorer.generators.base import Generator, Progress
from explorer.scene.model import Quality

CHUNK = 8  # pictures at a time, each of which is a run of the sampler
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Pairs:
    """``low`` and ``high`` (n, C, H, W): pictures, row by row as alike in all else as they come; ``low_seeds`` and
    ``high_seeds``: what the model was told of each. ``name``: of the attribute; ``target``: as it is read, by
    ``reader``; None where the pictures are the user's own."""

    name: str
    low: Tensor
    high: Tensor
    low_seeds: tuple[int, ...]
    high_seeds: tuple[int, ...]
    lines: tuple[str, ...] = ()
    target: Target | None = None
    reader: AttributeReader | None = None

    def __len__(self) -> int:
        return len(self.low)

    def read(self, pictures: Tensor) -> Values:
        """(B,) how much of the attribute other ``pictures`` have. Raises TypeError where nothing reads it."""
        if self.reader is None or self.target is None:
            raise TypeError("pairs whose attribute nobody reads")
        names = [one.name for one in self.reader.attributes]
        return self.target.number(self.reader.read(pictures)[:, names.index(self.target.name)])


def alike(low: Rows, high: Rows, others: Values) -> Rows:
    """``high`` in the order in which its rows of ``others`` (n, m), the attributes that are to stay, are nearest to
    those of ``low``: the assignment of the smallest sum of squares, every attribute by its own deviation; as it is
    where there are no others."""
    if not others.shape[1]:
        return high
    from scipy.optimize import linear_sum_assignment  # here, so that no other method waits for it

    spread = np.nanstd(others, axis=0)
    scaled = np.nan_to_num((others - np.nanmean(others, axis=0)) / np.where(spread > 0, spread, 1.0))
    distances = np.square(scaled[low][:, None] - scaled[high][None]).sum(2)
    return high[linear_sum_assignment(distances)[1]]


def attribute_pairs(asked: Request, generator: Generator, watch: Watch) -> tuple[list[Pairs], AttributeData]:
    """For each of the first ``asked.k`` attributes that vary, or of those that are named, the samples with most and
    with least of it (the setting ``share`` of all), and what they were taken from.

    Raises :class:`ControlError` where no attribute has two ends.
    """
    only = names_in(asked.text("attribute"))
    every = {**asked.settings, "attribute": ""}  # those that are not named are to stay
    first = next(iter(asked.model.spaces))
    data = attribute_data(replace(asked, space=first, settings=every, watch=watch.part(0.0, 0.8)), generator, only)
    ends: list[tuple[Target, Rows, Rows]] = []
    for target in data.targets:
        low, high = _ends(asked, target, data)
        if (not only or target.name in only) and len(low) >= FEWEST:
            ends.append((target, low, high))
    if not ends:
        raise ControlError("No attribute has pictures with much and with little of it; raise 'samples' or 'share'.")
    ends = ends[: asked.k]
    seeds = drawn_seeds(len(data.latents), asked.seed)
    pairs = []
    for number, (target, low, high) in enumerate(ends):
        part = watch.part(0.8 + 0.2 * number / len(ends), 0.8 + 0.2 * (number + 1) / len(ends))
        rows = [*low, *high]
        less, more = _drawn(generator, [seeds[row] for row in rows], part).chunk(2)
        values = target.values
        pairs.append(
            Pairs(
                target.name,
                less,
                more,
                tuple(seeds[row] for row in low),
                tuple(seeds[row] for row in high),
                (
                    *target.lines,
                    f"learned from {len(low)} pairs of pictures of the model, {values[low].mean():.3g} and "
                    f"{values[high].mean():.3g} on average, as alike as could be in {len(data.targets) - 1} others",
                ),
                target,
                data.reader,
            )
        )
    return pairs, data


def _ends(asked: Request, target: Target, data: AttributeData) -> tuple[Rows, Rows]:
    """Samples with least and with most of ``target``, paired row by row."""
    wanted = max(int(np.ceil(asked.real("share") * len(target.values))), FEWEST)
    low, high = extremes(target, wanted, np.random.default_rng([asked.seed, 3]))
    others = [one.values for one in data.targets if one is not target]
    table = np.stack(others, axis=1) if others else np.empty((len(target.values), 0))
    return low, alike(low, high, table) if len(low) else high


def _drawn(generator: Generator, seeds: Sequence[int], progress: Progress) -> Tensor:
    """(n, C, H, W) the pictures of ``seeds`` again, on the CPU, in as many steps as the model has for finished ones: in
    fewer they lie nearer to the mean, and a slider would learn to lead there from both sides."""
    quality, pictures = Quality(steps=generator.card.full_steps), []
    with torch.no_grad():
        for start in range(0, len(seeds), CHUNK):
            progress(start / len(seeds))
            pictures.append(generator.render(generator.sample(seeds[start : start + CHUNK]), quality).cpu())
    progress(1.0)
    return torch.cat(pictures)
