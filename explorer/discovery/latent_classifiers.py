"""Small networks that tell attributes from points of a space: what gradient controls follow the slopes of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from explorer.attributes.base import Values
from explorer.discovery.attribute_data import FEWEST, Target
from explorer.discovery.extremes import Parted, most_and_least
from explorer.discovery.initial import initialised
from explorer.fields.classifier import SLOPE, Classifier, saturated

BEYOND_CHANCE = 3.0
"""Standard deviations of chance by which an accuracy has to be better: one in a thousand that know nothing is."""
CERTAIN = 1e-4
"""A classifier whose probabilities are that near to 0 or 1 no longer says which way they change."""


@dataclass(frozen=True)
class Task:
    """What one classifier is to tell: ``parted`` samples of ``kinds`` (their names, or none where there are two: most
    and least of ``target``)."""

    target: Target
    parted: Parted
    kinds: tuple[str, ...] = ()

    @property
    def chance(self) -> float:
        """The accuracy of a guess, every kind counting the same."""
        return 1 / len(self.parted.fitted)


def task(target: Target, share: float, width: int, seed: int) -> Task | None:
    """The classes of a category, all their samples; else the samples with most and least of ``target``. None where
    there are fewer than :data:`FEWEST` of a kind."""
    if target.classes is None:
        parted = most_and_least(target, share, width, seed)
        return None if parted is None else Task(target, parted)
    source = np.random.default_rng([seed, 2])
    names, numbers = target.classes.names, target.classes.numbers
    kinds = [source.permutation(np.flatnonzero(numbers == index)) for index in range(len(names))]
    return Task(target, Parted.of(*kinds), names) if min(map(len, kinds)) >= FEWEST else None


class LatentClassifiers(nn.Module):
    """A perceptron for each of ``tasks``, Linear - leaky rectifier - Linear as published, of points (n, d) that are
    taken to mean 0 and deviation 1. Two kinds have one logit, of the first of them."""

    def __init__(self, tasks: Sequence[Task], latents: Values, hidden: int, seed: int) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        self.centre = torch.from_numpy(latents.mean(0)).float()
        self.sigma = float(np.sqrt(latents.var(0, ddof=1).mean())) or 1.0
        self.points = (torch.from_numpy(latents).float() - self.centre) / self.sigma
        self.fitted = []  # of each: the samples in one array, where those of a kind begin, and how many there are
        for one in self.tasks:
            sizes = torch.tensor([len(rows) for rows in one.parted.fitted])
            rows = torch.from_numpy(np.concatenate(one.parted.fitted))
            self.fitted.append((rows, sizes.cumsum(0) - sizes, sizes))
        width = latents.shape[1]

        def made(outputs: int) -> nn.Sequential:
            return nn.Sequential(nn.Linear(width, hidden), nn.LeakyReLU(SLOPE), nn.Linear(hidden, outputs))

        self.networks = nn.ModuleList(
            initialised(lambda one=one: made(len(one.kinds) or 1), seed, 10 + index, torch.device("cpu"))  # type: ignore[misc]
            for index, one in enumerate(self.tasks)
        )

    def loss(self, batch: int, source: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """The sum of the cross entropies over ``batch`` samples that were drawn for each, as many of each kind in the
        mean."""
        total = torch.zeros(())
        for one, network, (rows, starts, sizes) in zip(self.tasks, self.networks, self.fitted, strict=True):
            kinds = torch.randint(0, len(sizes), (batch,), generator=source)
            places = (torch.rand(batch, generator=source, dtype=torch.float64) * sizes[kinds]).long()
            logits = network(self.points[rows[starts[kinds] + places]])
            if one.kinds:
                total = total + functional.cross_entropy(logits, kinds)
            else:
                total = total + functional.binary_cross_entropy_with_logits(logits[:, 0], (kinds == 0).float())
        return total, {"cross entropy": float(total.detach()) / len(self.tasks)}

    def classifier(self, index: int) -> Classifier:
        """As it is now, for points as they are in the space."""
        layers = [one for one in self.networks[index].modules() if isinstance(one, nn.Linear)]
        weights = [one.weight.detach() / (1.0 if number else self.sigma) for number, one in enumerate(layers)]
        biases = [one.bias.detach().clone() for one in layers]
        biases[0] -= weights[0] @ self.centre
        return Classifier(tuple(weights), tuple(biases))

    @torch.no_grad()
    def told(self, index: int) -> Told:
        """What is known of the classifier ``index`` of samples that were held out, and of all."""
        one = self.tasks[index]
        classifier = self.classifier(index)
        known = classifier.log_probabilities(self.points * self.sigma + self.centre)
        guessed = known.argmax(1).numpy()
        shares = [float((guessed[rows] == kind).mean()) for kind, rows in enumerate(one.parted.tested)]
        counts = [len(rows) for rows in one.parted.tested]
        spread = math.sqrt(one.chance * (1 - one.chance) * sum(1 / count for count in counts)) / len(counts)
        accuracy = float(np.mean(shares))
        return Told(
            accuracy, one.chance, sum(counts), accuracy > one.chance + BEYOND_CHANCE * spread,
            float(saturated(known, CERTAIN).double().mean()),
        )  # fmt: skip


@dataclass(frozen=True)
class Told:
    """The ``accuracy`` on ``tested`` samples held out, every kind counting the same; whether it ``beats`` ``chance``;
    and the share of all samples at which the classifier is ``certain``, to :data:`CERTAIN`."""

    accuracy: float
    chance: float
    tested: int
    beats: bool
    certain: float

    @property
    def beyond(self) -> float:
        """How much of what chance leaves is told: 0 like chance, 1 all."""
        return (self.accuracy - self.chance) / (1 - self.chance)
