"""The FactorVAE score (Kim and Mnih 2018, "Disentangling by Factorising", section 4), in the form of
disentanglement_lib."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from explorer.generators.base import Progress
from explorer.metrics.base import Codes, Labels, Measure, Outcome
from explorer.metrics.fixed_factor import BATCH, CHUNK, FixedFactor, table_line
from explorer.metrics.guards import by_name, joined, lacking, undefined, varying


@dataclass(frozen=True)
class FactorVae(Measure):
    """How often a majority vote tells which factor was fixed in a batch, from the latent whose variance, as a share of
    its variance over all pictures, is smallest; 0..1, chance a little above 1/K.

    Latents with a standard deviation below ``still`` have no vote (the setting of the study of Locatello et al. 2019;
    the code's default of 0 lets a constant latent win every vote). ``train``, ``test``: batches of 64, as published.
    """

    train: int = 10_000
    test: int = 5_000
    still: float = 0.05

    name = "factor_vae"
    paper = "Kim and Mnih 2018"
    better = "higher"
    group = "disentanglement"
    minimum = 1000
    permutations = 3
    needs = ()
    titles: ClassVar[Mapping[str, str]] = {"factor_vae": "FactorVAE score"}

    def __call__(self, data: Codes, seed: int, progress: Progress | None = None) -> dict[str, Outcome]:
        """``factor_vae``, the test accuracy; its parts are the accuracies by the fixed factor. Needs two factors; 0
        where no latent has a vote."""
        data, note = varying(data)
        if reason := lacking(data, factors=2):
            return undefined(self.titles, reason)
        voting = data.codes.std(axis=0, ddof=1) >= self.still
        counts = f"{int(voting.sum())} of {len(voting)} latents vote"
        if not voting.any():
            return {"factor_vae": Outcome(0.0, self.titles["factor_vae"], note=joined(note, counts))}
        data = data.only(np.flatnonzero(voting).tolist())
        source = np.random.default_rng([seed, 29])
        table = FixedFactor(data.labels)
        decision = _votes(data, table, self.train, source).argmax(axis=0)
        votes = _votes(data, table, self.test, source)
        right = votes * (decision == np.arange(len(votes))[:, None])
        cast = votes.sum(axis=1)
        parts = np.divide(right.sum(axis=1), cast, out=np.full(len(votes), np.nan), where=cast > 0)
        return {
            "factor_vae": Outcome(
                float(right.sum() / cast.sum()),
                self.titles["factor_vae"],
                by_name(data.factors, parts),
                joined(note, counts),
            )
        }

    def estimator(self, data: Codes) -> str:
        """Who votes, and counts."""
        line = table_line(data.n, self.train, self.test)
        return f"majority vote of latents with standard deviation ≥ {self.still:g}; {line}"


def _votes(data: Codes, table: FixedFactor, count: int, source: np.random.Generator) -> Labels:
    """(K, D) how often each latent varied least in ``count`` batches in which each factor was fixed."""
    fixed = source.integers(len(data.factors), size=count)
    spread = data.codes.var(axis=0, ddof=1)
    votes = np.zeros((len(data.factors), len(data.latents)), np.int64)
    for factor in range(len(data.factors)):
        left = int(np.count_nonzero(fixed == factor))
        while left > 0:
            part = min(CHUNK, left)
            like = np.repeat(source.integers(data.n, size=(part, 1)), BATCH, axis=1)
            rows = table.partners(like, factor, source)
            least = (data.codes[rows].var(axis=1, ddof=1) / spread).argmin(axis=1)
            votes[factor] += np.bincount(least, minlength=votes.shape[1])
            left -= part
    return votes


MEASURE = FactorVae()
