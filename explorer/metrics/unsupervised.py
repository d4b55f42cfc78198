"""How much latents depend on one another, without any factor (Locatello et al. 2019, "Challenging Common Assumptions",
section 5.3, as in disentanglement_lib)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from explorer.generators.base import Progress
from explorer.metrics.base import Codes, Floats, Measure, Outcome
from explorer.metrics.guards import joined, lacking, undefined
from explorer.metrics.information import BINS, discretise, plug_in

SINGULAR = 1e-12  # a smaller eigenvalue of the correlations: one latent is a linear function of others


class Dependence(Measure):
    """Total correlation and Wasserstein correlation of a Gaussian with the codes' covariance, and the mean mutual
    information of two latents; all 0 for independent latents, in nats but for the second.

    Mean codes and draws from the posterior can differ much: passive latents are correlated in their means only
    (Bonheme and Grzes 2022). Constant latents are left out. The null permutes every latent on its own.
    """

    name = "unsupervised"
    paper = "Locatello et al. 2019"
    better = "lower"
    group = "latents"
    minimum = 500
    permutations = 10
    needs = ()
    titles: ClassVar[Mapping[str, str]] = {
        "total_correlation_mean": "Gaussian total correlation, mean codes",
        "total_correlation_sampled": "Gaussian total correlation, sampled codes",
        "wasserstein_correlation": "Gaussian Wasserstein correlation",
        "wasserstein_correlation_normalised": "Gaussian Wasserstein correlation / variance",
        "mutual_information_latents": "Mean information of two latents",
    }

    def __call__(self, data: Codes, seed: int, progress: Progress | None = None) -> dict[str, Outcome]:
        """The five by name. Needs two latents that vary; the second needs draws from the posterior; a total correlation
        is not defined where one latent is a linear function of others, for it is infinite."""
        moving = np.flatnonzero(data.codes.max(axis=0) > data.codes.min(axis=0)).tolist()
        left_out = [name for j, name in enumerate(data.latents) if j not in moving]
        data = data.only(moving)
        note = f"without {', '.join(left_out)}: constant" if left_out else ""
        if reason := lacking(data, latents=2):
            return undefined(self.titles, joined(note, reason))
        covariance = np.cov(data.codes.T)
        mean, infinite = _total(covariance)
        sampled, reason = None, "the model has no posterior variance"
        if data.sampled is not None:
            sampled, reason = _total(np.cov(data.sampled.T))
        whole = float(np.trace(covariance))
        part = wasserstein_correlation(covariance / whole)
        found: dict[str, tuple[float | None, str]] = {
            "total_correlation_mean": (mean, infinite),
            "total_correlation_sampled": (sampled, reason),
            "wasserstein_correlation": (part * whole, ""),
            "wasserstein_correlation_normalised": (part, ""),
            "mutual_information_latents": (_pairwise(data.codes), ""),
        }
        return {
            name: Outcome(value, self.titles[name], note=joined(note, remark))
            for name, (value, remark) in found.items()
        }

    def estimator(self, data: Codes) -> str:
        """What is Gaussian, and bins."""
        return (
            f"covariance of {data.n} pictures; information by plug-in in {BINS} equal bins; null: every latent "
            "permuted on its own"
        )

    def shuffled(self, data: Codes, source: np.random.Generator) -> Codes:
        """Every latent permuted on its own, its draws with it: independent latents with the same distributions."""
        rows = np.stack([source.permutation(data.n) for _ in data.latents], axis=1)
        sampled = None if data.sampled is None else np.take_along_axis(data.sampled, rows, axis=0)
        return replace(data, codes=np.take_along_axis(data.codes, rows, axis=0), sampled=sampled)


def total_correlation(covariance: Floats) -> float:
    """(Σ log C_jj − log det C) / 2 in nats, of a covariance (D, D) with positive diagonal; infinite where singular."""
    scale = np.sqrt(np.diag(covariance))
    eigenvalues = np.linalg.eigvalsh(covariance / np.outer(scale, scale))
    if eigenvalues[0] < SINGULAR:
        return float("inf")
    return max(0.0, float(-0.5 * np.log(eigenvalues).sum()))


def wasserstein_correlation(covariance: Floats) -> float:
    """Squared 2-Wasserstein distance of N(0, C) from N(0, diag C): 2 tr C − 2 tr (D^½ C D^½)^½, D the diagonal."""
    scale = np.sqrt(np.diag(covariance))
    eigenvalues = np.linalg.eigvalsh(covariance * np.outer(scale, scale))
    return max(0.0, float(2 * np.trace(covariance) - 2 * np.sqrt(np.maximum(eigenvalues, 0.0)).sum()))


def _total(covariance: Floats) -> tuple[float | None, str]:
    found = total_correlation(covariance)
    return (found, "") if np.isfinite(found) else (None, "infinite: a latent is a linear function of others")


def _pairwise(codes: Floats) -> float:
    """Mean plug-in information in nats of two different latents."""
    binned = discretise(codes)
    information = plug_in(binned, binned)
    count = len(information)
    return float((information.sum() - np.trace(information)) / (count * (count - 1)))


MEASURE = Dependence()
