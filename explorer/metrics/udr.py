"""Unsupervised disentanglement ranking (Duan et al. 2020, "Unsupervised Model Selection for Variational Disentangled
Representation Learning"): models that found the same latents, up to order and sign, are likely to be disentangled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.stats import rankdata
from sklearn.linear_model import Lasso

from explorer.errors import ExplorerError
from explorer.metrics.base import Floats
from explorer.metrics.classifiers import standardised
from explorer.scene.measures import Score

Variant = Literal["lasso", "spearman"]

INFORMATIVE = 0.01  # nats; a latent with no more KL than this is left out
PENALTY = 0.1
MINIMUM = 500


def udr(
    codes: Sequence[Floats],
    kl: Sequence[Floats],
    variant: Variant = "lasso",
    seed: int = 0,
    permutations: int = 10,
) -> tuple[Score, ...]:
    """The score of each of two or more models, 0..1, with its null: pictures permuted against each other between
    models.

    ``codes``: mean codes (n, D_i) of the same n pictures, row for row; ``kl`` (D_i,): each latent's KL divergence from
    the prior in nats. A model's score is the median over the other models of :func:`similarity`; None where the model
    has no informative latent. Raises :class:`ExplorerError` for fewer than two models, different pictures, or fewer
    than 500.
    """
    if len(codes) < 2 or len(codes) != len(kl):
        raise ExplorerError(f"UDR compares two or more models that have a posterior, not {len(codes)}.")
    n = len(codes[0])
    if any(len(table) != n for table in codes) or any(
        table.shape[1:] != div.shape for table, div in zip(codes, kl, strict=True)
    ):
        raise ExplorerError("UDR needs the codes of the same pictures, and a KL for every latent, from every model.")
    if n < MINIMUM:
        raise ExplorerError(f"UDR needs at least {MINIMUM} pictures, not {n}; raise n.")
    kept = [np.asarray(divergence) > INFORMATIVE for divergence in kl]
    tables = [standardised(table)[:, keep] for table, keep in zip(codes, kept, strict=True)]
    found = _scores(tables, variant)
    nulls = []
    for draw in range(permutations):
        source = np.random.default_rng([seed, draw, 31])
        nulls.append(_scores([table[source.permutation(n)] for table in tables], variant))
    name = "absolute Lasso weights (α = 0.1)" if variant == "lasso" else "absolute Spearman correlations"
    return tuple(
        Score(
            value=float(found[i]) if keep.any() else None,
            null=float(np.mean([null[i] for null in nulls])) if nulls and keep.any() else None,
            null_high=float(np.quantile([null[i] for null in nulls], 0.95)) if nulls and keep.any() else None,
            title="UDR" if variant == "lasso" else "UDR (Spearman)",
            paper="Duan et al. 2020",
            better="higher",
            group="disentanglement",
            estimator=f"{name}, latents with KL > {INFORMATIVE:g}, median over {len(codes) - 1} other models; "
            "null: pictures permuted between models",
            n=n,
            note=f"{int(keep.sum())} of {len(keep)} latents informative",
        )
        for i, keep in enumerate(kept)
    )


def similarity(relation: Floats) -> float:
    """How close (A, B) strengths of relation are to one each: the mean over rows and over columns of largest² / sum; 0
    for a row of zeros, and where there are no rows or no columns."""
    if not relation.size:
        return 0.0
    both = []
    for rows in (relation, relation.T):
        sums = rows.sum(axis=1)
        both.append(np.divide(rows.max(axis=1) ** 2, sums, out=np.zeros(len(rows)), where=sums > 0).mean())
    return float(np.mean(both))


def _scores(tables: Sequence[Floats], variant: Variant) -> Floats:
    """(models,) median over the other models."""
    pairs = np.full((len(tables), len(tables)), np.nan)
    ranks = [standardised(np.asarray(rankdata(table, axis=0))) for table in tables] if variant == "spearman" else []
    for i, first in enumerate(tables):
        for j, second in enumerate(tables):
            if i == j:
                continue
            if not (first.size and second.size):
                pairs[i, j] = 0.0
            elif variant == "spearman":
                pairs[i, j] = similarity(np.abs(ranks[i].T @ ranks[j]) / len(first))
            else:
                weights = Lasso(alpha=PENALTY).fit(first, second).coef_.reshape(second.shape[1], first.shape[1])
                pairs[i, j] = similarity(np.abs(weights).T)
    return np.asarray(np.nanmedian(pairs, axis=0))
