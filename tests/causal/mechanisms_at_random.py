"""Mechanisms of every kind with numbers drawn from a seed, for the laws; none of them is fitted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from explorer.causal.base import Fitted
from explorer.causal.encoding import Encoding
from explorer.causal.mechanisms.additive import AdditiveNoise
from explorer.causal.mechanisms.categorical import Categorical
from explorer.causal.mechanisms.floored import Floored
from explorer.causal.mechanisms.linear import LinearGaussian
from explorer.causal.mechanisms.monotone import PIECES, MonotoneFlow
from explorer.causal.mechanisms.wrapped import WrappedNoise
from explorer.causal.model import StructuralModel
from explorer.causal.predictor import Predictor
from explorer.numerics import rational_spline
from explorer.numerics.randomness import seeded
from explorer.scene.causal_graph import CausalGraph, Variable

LEVELS = ("red", "green", "blue")
KINDS = (
    "linear_gaussian", "additive", "additive, as observed", "monotone", "floored", "floored and ceiled", "wrapped",
    "wrapped, as observed", "categorical", "binary",
)  # fmt: skip


def variable_of(kind: str, name: str) -> Variable:
    """A variable that ``kind`` describes."""
    if kind.startswith("wrapped"):
        return Variable(name=name, kind="cyclic", low=-90.0, high=270.0)
    if kind == "categorical":
        return Variable(name=name, kind="category", labels=LEVELS)
    return Variable(name=name, kind="binary" if kind == "binary" else "number")


def function_of(causes: Sequence[Variable], outputs: int, seed: int, widths: tuple[int, ...] = (5, 4)) -> Predictor:
    """A random function of ``causes``, no steeper than a few units."""
    begun = Predictor.begun(Encoding.plain(causes), outputs, widths, seed)
    source = seeded(seed, 1)
    for leaf in begun.leaves:
        leaf.copy_(torch.randn(leaf.shape, generator=source, dtype=torch.float64) / 2)
    return begun


def knots_of(seed: int, reach: float) -> Tensor:
    """Twelve rising numbers within ``reach`` of 0."""
    steps = 0.1 + torch.rand(13, generator=seeded(seed, 2), dtype=torch.float64)
    return reach * (2 * steps.cumsum(0)[:-1] / steps.sum() - 1)


def mechanism_of(kind: str, causes: Sequence[Variable], seed: int) -> Fitted:
    """One of ``kind``."""
    parents = tuple(cause.name for cause in causes)
    deviation = 0.2 + float(torch.rand(1, generator=seeded(seed, 3)))
    makers: dict[str, Callable[[], Fitted]] = {
        "linear_gaussian": lambda: LinearGaussian(parents, function_of(causes, 1, seed, ()), deviation),
        "additive": lambda: AdditiveNoise(parents, function_of(causes, 1, seed), deviation),
        "additive, as observed": lambda: AdditiveNoise(
            parents, function_of(causes, 1, seed), deviation, knots_of(seed, 2.0)
        ),
        "monotone": lambda: MonotoneFlow(
            parents, function_of(causes, 2 + rational_spline.parameter_count(PIECES), seed), 1.0, 2.0
        ),
        "floored": lambda: Floored(parents, function_of(causes, 1, seed), deviation, floor=-0.3),
        "floored and ceiled": lambda: Floored(parents, function_of(causes, 1, seed), deviation, -0.3, 0.4),
        "wrapped": lambda: WrappedNoise(parents, function_of(causes, 2, seed), -90.0, 360.0, 40.0 * deviation),
        "wrapped, as observed": lambda: WrappedNoise(
            parents, function_of(causes, 2, seed), -90.0, 360.0, 90.0, knots_of(seed, 180.0)
        ),
        "categorical": lambda: Categorical(parents, function_of(causes, len(LEVELS), seed)),
        "binary": lambda: Categorical(parents, function_of(causes, 2, seed)),
    }
    return makers[kind]()


def random_model(seed: int, count: int, kinds: Sequence[str] = KINDS) -> StructuralModel:
    """A model of ``count`` variables of random kinds and random arrows, each from an earlier to a later variable."""
    source = seeded(seed, 4)
    chosen = [kinds[int(torch.randint(len(kinds), (1,), generator=source))] for _ in range(count)]
    variables = [variable_of(kind, f"v{index}") for index, kind in enumerate(chosen)]
    likely = torch.rand(count, count, generator=source) < min(1.0, 2.0 / max(count - 1, 1))
    edges = [(f"v{i}", f"v{j}") for j in range(count) for i in range(j) if bool(likely[i, j])]
    graph = CausalGraph(variables=tuple(variables), edges=tuple(edges))
    mechanisms = {
        variable.name: mechanism_of(
            kind, [graph.variable(parent) for parent in graph.parents(variable.name)], seed * 1000 + index
        )
        for index, (kind, variable) in enumerate(zip(chosen, variables, strict=True))
    }
    return StructuralModel(graph, mechanisms)


def uniforms_of(rows: int, width: int, seed: int) -> Tensor:
    """(rows, width) in (0, 1)."""
    return torch.rand(rows, width, generator=seeded(seed, 5), dtype=torch.float64).clamp(1e-12, 1 - 1e-12)


def causes_of(causes: Sequence[Variable], rows: int, seed: int) -> Tensor:
    """(rows, P) values that the causes may have."""
    source = seeded(seed, 6)
    columns = []
    for cause in causes:
        if cause.levels:
            columns.append(torch.randint(cause.levels, (rows,), generator=source).double())
        elif cause.period:
            columns.append((cause.low or 0.0) + cause.period * torch.rand(rows, generator=source, dtype=torch.float64))
        else:
            columns.append(torch.randn(rows, generator=source, dtype=torch.float64))
    return torch.stack(columns, dim=1) if columns else torch.empty(rows, 0, dtype=torch.float64)


def apart(a: Tensor, b: Tensor, period: float) -> Tensor:
    """How far values lie apart, the shorter way round where they go round."""
    distance = (a - b).abs()
    return torch.minimum(distance, (period - distance).abs()) if period and math.isfinite(period) else distance
