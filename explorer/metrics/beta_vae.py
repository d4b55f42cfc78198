"""The BetaVAE score (Higgins et al. 2017, "beta-VAE", section 3), in the form of disentanglement_lib."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from explorer.generators.base import Progress
from explorer.metrics.base import Codes, Floats, Labels, Measure, Outcome
from explorer.metrics.classifiers import logistic_regression
from explorer.metrics.fixed_factor import BATCH, CHUNK, FixedFactor, table_line
from explorer.metrics.guards import by_name, lacking, undefined, varying


@dataclass(frozen=True)
class BetaVae(Measure):
    """How often a linear classifier tells which factor was equal within pairs of pictures, from the mean absolute
    difference of their codes; 0..1, chance 1/K.

    It saturates: a rotated code still has 0.9 and more. ``train``, ``test``: batches of 64 pairs, as published.
    """

    train: int = 10_000
    test: int = 5_000

    name = "beta_vae"
    paper = "Higgins et al. 2017"
    better = "higher"
    group = "disentanglement"
    minimum = 1000
    permutations = 2
    cost = 0.6
    needs = ()
    titles: ClassVar[Mapping[str, str]] = {"beta_vae": "BetaVAE score"}

    def __call__(self, data: Codes, seed: int, progress: Progress | None = None) -> dict[str, Outcome]:
        """``beta_vae``, the test accuracy; its parts are the accuracies by the factor that was equal. Needs two."""
        data, note = varying(data)
        if reason := lacking(data, factors=2):
            return undefined(self.titles, reason)
        source = np.random.default_rng([seed, 23])
        rows = FixedFactor(data.labels)
        features, equal = _batches(data, rows, self.train, source)
        model = logistic_regression(features, equal)
        features, equal = _batches(data, rows, self.test, source)
        right = model.predict(features) == equal
        parts = np.array([right[equal == k].mean() if (equal == k).any() else np.nan for k in range(len(data.factors))])
        return {"beta_vae": Outcome(float(right.mean()), self.titles["beta_vae"], by_name(data.factors, parts), note)}

    def estimator(self, data: Codes) -> str:
        """Classifier and counts."""
        return f"logistic regression; {table_line(data.n, self.train, self.test)}"


def _batches(data: Codes, table: FixedFactor, count: int, source: np.random.Generator) -> tuple[Floats, Labels]:
    """(count, D) mean |difference| over a batch of pairs, and (count,) the factor that was equal within the pairs."""
    equal = source.integers(len(data.factors), size=count)
    features = np.empty((count, len(data.latents)))
    for factor in range(len(data.factors)):
        chosen = np.flatnonzero(equal == factor)
        for start in range(0, len(chosen), CHUNK):
            part = chosen[start : start + CHUNK]
            first = source.integers(data.n, size=(len(part), BATCH))
            second = table.partners(first, factor, source)
            features[part] = np.abs(data.codes[first] - data.codes[second]).mean(axis=1)
    return features, equal


MEASURE = BetaVae()
