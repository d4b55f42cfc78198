"""Factors of a picture as a network's condition: how they lie in a point, and what networks see of them.

In a point each factor is one *coordinate*, on which sliders move. A number's coordinate is its value less the mean,
over the standard deviation; a category's is the index of its level.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import msgspec
import torch
from torch import Tensor

from explorer.causal.coding import Axis, Coding
from explorer.causal.model import StructuralModel
from explorer.errors import plain_text
from explorer.generators.causes import ends_of
from explorer.worlds.base import Factor
from explorer.worlds.predictor.network import outputs_of

TURNS = 4.0
"""Standard deviations of the data in which the slowest wave of a number goes round once."""


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One factor, and its mean and standard deviation over the training data, in its own unit. ``error``: of the
    reader, the root mean square over held-out pictures, in its own unit; 0 where that is not known."""

    factor: Factor
    mean: float
    deviation: float
    error: float = 0.0

    @property
    def width(self) -> int:
        """Numbers that networks see of it."""
        return outputs_of(self.factor)

    def problem(self) -> str:
        """What is impossible about it, as the end of a sentence; empty when it is fine."""
        values = self.factor.values
        if not 2 <= len(values) <= 4096 or any(not a < b for a, b in itertools.pairwise(values)):
            return f"the levels of '{self.factor.name}' do not ascend"
        numbers = (*values, self.mean, self.deviation, self.error)
        if not all(map(math.isfinite, numbers)) or self.deviation <= 0 or self.error < 0:
            return f"the factor '{self.factor.name}' has no extent"
        return ""


Conditions = Sequence[Condition]


LONGEST_NAME = 100
"""Characters of the name of a factor."""


def problem_of(conditions: Conditions) -> str:
    """What is impossible about them together, as the end of a sentence; empty when they are fine."""
    names = [condition.factor.name for condition in conditions]
    if not 1 <= len(names) <= 256:
        return "it needs 1..256 factors"
    if len(set(names)) < len(names):
        return "two factors have one name"
    if strange := next((name for name in names if plain_text(name, LONGEST_NAME) != name), ""):
        return (
            f"the name '{strange}' of a factor cannot be shown: it is longer than {LONGEST_NAME} letters, or has signs"
        )
    return next(filter(None, (condition.problem() for condition in conditions)), "")


def coding_of(conditions: Conditions, first: int, width: int, causes: StructuralModel | None = None) -> Coding:
    """Where the factors lie in points of ``width`` numbers, the coordinates beginning with number ``first``, after the
    picture's own noise; with the ends of the mechanisms of ``causes``."""
    axes = {}
    for index, condition in enumerate(conditions, first):
        name, category = condition.factor.name, condition.factor.kind == "category"
        ends = ends_of(causes.mechanisms[name]) if causes is not None else ()
        axes[name] = Axis(index) if category else Axis(index, condition.mean, condition.deviation, ends)
    return Coding(axes, width, first)


def coordinates_of(conditions: Conditions, values: Tensor) -> Tensor:
    """(B, K) coordinates of ``values`` (B, K) in the factors' own units; of a category, of the nearest level."""
    columns = []
    for column, condition in zip(values.T, conditions, strict=True):
        if condition.factor.kind == "category":
            levels = torch.tensor(condition.factor.values).to(column)
            columns.append((column[:, None] - levels).abs().argmin(dim=1).to(column))
        else:
            columns.append((column - condition.mean) / condition.deviation)
    return torch.stack(columns, dim=1)


def embedded(conditions: Conditions, coordinates: Tensor) -> list[Tensor]:
    """What networks see of each of ``coordinates`` (B, K), (B, width): a number as it is, a cyclic one as its cosine
    and sine, a category as a share of each level (one-hot at whole indices)."""
    parts = []
    for column, condition in zip(coordinates.T, conditions, strict=True):
        if condition.factor.kind == "category":
            levels = torch.arange(condition.width).to(column)
            within = column.clamp(0, condition.width - 1)  # between two levels it is partly either
            parts.append((1.0 - (within[:, None] - levels).abs()).clamp_min(0.0))
        elif condition.factor.cyclic:
            angle = (column * condition.deviation + condition.mean) * (2 * math.pi / condition.factor.period)
            parts.append(torch.stack([angle.cos(), angle.sin()], dim=1))
        else:
            parts.append(column[:, None])
    return parts


def told_by(conditions: Conditions, read: Tensor) -> Tensor:
    """The coordinates (B, K) nearest to what a reader tells, (B, width) as :func:`embedded` side by side."""
    parts = []
    blocks = torch.split(read, [condition.width for condition in conditions], dim=1)
    for block, condition in zip(blocks, conditions, strict=True):
        factor = condition.factor
        if factor.kind == "category":
            parts.append(block.argmax(dim=1).to(block))
        elif factor.cyclic:
            value = torch.atan2(block[:, 1], block[:, 0]) * (factor.period / (2 * math.pi))
            value = factor.low + (value - factor.low).remainder(factor.period)
            parts.append((value - condition.mean) / condition.deviation)
        else:
            parts.append(block[:, 0])
    return torch.stack(parts, dim=1)


def waves(conditions: Conditions, coordinates: Tensor, octaves: int) -> list[Tensor]:
    """Of each of ``coordinates`` (B, K) the ``octaves`` sines, then as many cosines, (B, 2 · octaves), each twice as
    fast as the one before; of a category none, (B, 0). The slowest goes round once in four standard deviations of the
    data; of a cyclic number, twice in its period."""
    found = []
    for column, condition in zip(coordinates.T, conditions, strict=True):
        if condition.factor.kind == "category" or not octaves:
            found.append(column.new_empty(len(column), 0))
            continue
        turns = condition.factor.period / condition.deviation / 2.0 if condition.factor.cyclic else TURNS
        phases = column[:, None] * (2 * math.pi / turns * 2.0 ** torch.arange(octaves).to(column))
        found.append(torch.cat([phases.sin(), phases.cos()], dim=1))
    return found


def widths_seen(conditions: Conditions, octaves: int) -> list[int]:
    """How many numbers a network sees of each factor, waves included."""
    return [one.width + (0 if one.factor.kind == "category" else 2 * octaves) for one in conditions]


def where_present(conditions: Conditions, coordinates: Tensor, octaves: int, present: Tensor) -> Tensor:
    """(B, Σ (1 + :func:`widths_seen`)) what a network sees of ``coordinates`` (B, K) of which some are withheld: of
    each factor a 1 and its numbers, or zeros where ``present`` (B, K) is 0."""
    numbers = zip(embedded(conditions, coordinates), waves(conditions, coordinates, octaves), strict=True)
    parts = []
    for here, own in zip(present.to(coordinates).T, numbers, strict=True):
        parts.append(torch.cat([torch.ones_like(here[:, None]), *own], dim=1) * here[:, None])
    return torch.cat(parts, dim=1)
