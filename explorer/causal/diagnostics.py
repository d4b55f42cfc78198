"""What is left in the noise of a fitted mechanism that should not be: a dependence on its causes, another law."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from explorer.causal.encoding import Encoding
from explorer.causal.fit_card import Dependence, Normality
from explorer.numerics.dependence import distance_correlation
from explorer.numerics.randomness import seeded
from explorer.scene.causal_graph import Variable

ROWS = 400
PERMUTATIONS = 199
LEAST_ROWS = 8
SIGNIFICANT = 0.01


def dependence_on(causes: Sequence[Variable], parents: Tensor, noise: Tensor, seed: int) -> tuple[Dependence, ...]:
    """How far ``noise`` (n, N) depends on each of ``causes``, whose values are ``parents`` (n, P): on the first
    :data:`ROWS`. Nothing is told of fewer than :data:`LEAST_ROWS`."""
    known = ~noise.isnan().any(dim=1)
    parents, noise = parents[known][:ROWS], noise[known][:ROWS]
    if len(noise) < LEAST_ROWS:
        return ()
    dependences = []
    for index, cause in enumerate(causes):
        encoded = Encoding.standardised([cause], parents[:, index : index + 1])(parents[:, index : index + 1])
        correlation, p = distance_correlation(encoded, noise, PERMUTATIONS, seeded(seed, index, stream=3))
        dependences.append(Dependence(cause=cause.name, correlation=correlation, p=p))
    return tuple(dependences)


def depends_on(dependences: Sequence[Dependence]) -> tuple[str, ...]:
    """The causes that noise depends on: p below :data:`SIGNIFICANT` over the number of causes (Bonferroni)."""
    return tuple(each.cause for each in dependences if each.p <= SIGNIFICANT / len(dependences))


def normality_of(noise: Tensor) -> Normality | None:
    """How far ``noise`` (n,) is from normal; None of fewer than :data:`LEAST_ROWS` or of equal numbers. The p of Jarque
    and Bera (1980) holds for many rows: their statistic, n (S² + K²/4) / 6, is χ² with two degrees then."""
    known = noise[~noise.isnan()]
    score = known - known.mean()
    deviation = float(score.square().mean().sqrt())
    if len(known) < LEAST_ROWS or not deviation > 0:
        return None
    skewness, kurtosis = float((score / deviation).pow(3).mean()), float((score / deviation).pow(4).mean()) - 3
    statistic = len(known) * (skewness**2 + kurtosis**2 / 4) / 6
    return Normality(skewness=skewness, kurtosis=kurtosis, p=math.exp(-statistic / 2))
