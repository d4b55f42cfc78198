"""How well a mechanism describes rows, and what is wrong with it: the same for one that was just fitted and for one
that comes with a model.
"""

from __future__ import annotations

import torch
from torch import Tensor

from explorer.causal.base import Mechanism
from explorer.causal.diagnostics import dependence_on, depends_on, normality_of
from explorer.causal.encoding import Encoding
from explorer.causal.fit_card import Judgement
from explorer.causal.learning import Rows
from explorer.numerics.randomness import seeded
from explorer.scene.causal_graph import Variable

DRAWS = 32
"""Of noise at each row, whose mean is what the causes tell."""
FAR_FROM_NORMAL = 0.5
"""Skewness or excess kurtosis from which it is said: with many rows p alone rejects any noise."""


def judged(mechanism: Mechanism, variable: Variable, causes: tuple[Variable, ...], rows: Rows, seed: int) -> Judgement:
    """What ``rows`` say about the ``mechanism`` of ``variable``, whose ``causes`` are in the order of its parents; the
    same for a seed."""
    logs = mechanism.log_prob(rows.parents, rows.values)
    logs = logs[logs.isfinite()]
    noise = mechanism.posterior(rows.parents, rows.values, _uniform(len(rows), mechanism.noise_width, seed, 1))
    has_normal_noise = bool(getattr(mechanism, "has_normal_noise", False))
    return Judgement(
        rows=len(rows),
        impossible=len(rows) - len(logs),
        log_likelihood=float(logs.mean()) if len(logs) else float("nan"),
        error=float(logs.std(correction=min(1, len(logs) - 1)) / len(logs) ** 0.5) if len(logs) else float("nan"),
        explained=explained(mechanism, variable, rows, seed) if causes else 0.0,
        dependence=dependence_on(causes, rows.parents, noise, seed),
        normality=normality_of(noise[:, 0]) if has_normal_noise else None,
    )


def explained(mechanism: Mechanism, variable: Variable, rows: Rows, seed: int) -> float | None:
    """R²: which share of the variance of ``rows`` the causes take away, at most 1; of a cyclic variable that of its
    cosine and sine, of levels that of their indicators. The mean given the causes is over :data:`DRAWS` noises, what
    these are off by is taken away again. None of rows without variance."""
    encoding = Encoding.standardised([variable], rows.values[:, None])
    total = encoding(rows.values[:, None]).var(dim=0, correction=0).sum()
    if not total > 0:
        return None
    draws = torch.stack(
        [
            encoding(mechanism.assign(rows.parents, mechanism.noise(uniform))[:, None])
            for uniform in (_uniform(len(rows), mechanism.noise_width, seed, 2 + draw) for draw in range(DRAWS))
        ]
    )
    residual = (encoding(rows.values[:, None]) - draws.mean(dim=0)).square() - draws.var(dim=0) / DRAWS
    return float(1 - residual.mean(dim=0).sum() / total)


def warnings_of(judgement: Judgement) -> tuple[str, ...]:
    """What should be known of a mechanism, a clause each: noise that depends on a cause, that is far from normal, rows
    that it has impossible."""
    warnings = []
    if leaks := depends_on(judgement.dependence):
        warnings.append(f"its noise still depends on {', '.join(leaks)}")
    normality = judgement.normality
    if (
        normality is not None
        and normality.p < 0.01
        and max(abs(normality.skewness), abs(normality.kurtosis)) > (FAR_FROM_NORMAL)
    ):
        warnings.append(
            f"its noise is not normal (skewness {normality.skewness:.1f}, excess kurtosis {normality.kurtosis:.1f})"
        )
    if judgement.impossible:
        warnings.append(f"no noise gives {judgement.impossible} of {judgement.rows} rows")
    return tuple(warnings)


def _uniform(count: int, width: int, seed: int, stream: int) -> Tensor:
    uniform = torch.rand(count, width, generator=seeded(seed, stream), dtype=torch.float64)
    return uniform.clamp(1e-12, 1 - 1e-12)
