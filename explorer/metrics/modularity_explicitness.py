"""Modularity and explicitness (Ridgeway and Mozer 2018, "Learning Deep Disentangled Embeddings with the F-Statistic
Loss", section 3), in the form of disentanglement_lib."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from scipy.stats import rankdata

from explorer.generators.base import Progress
from explorer.metrics.base import Codes, Floats, Labels, Measure, Outcome
from explorer.metrics.classifiers import logistic_regression, split, split_line, standardised
from explorer.metrics.guards import by_name, joined, lacking, undefined, varying
from explorer.metrics.information import BINS, binned_information


class ModularityExplicitness(Measure):
    """Modularity: 1 − Σ over other factors of I² / ((K − 1) · largest I²), mean over latents; 0..1. Every latent counts
    the same, also one that carries nothing, and chance lies near 0.65: read it beside its null.

    Explicitness: area under the curve of one level against the rest, by logistic regression on all latents; mean over
    levels and factors; 0.5 is chance, 1 perfect.
    """

    name = "modularity_explicitness"
    paper = "Ridgeway and Mozer 2018"
    better = "higher"
    group = "disentanglement"
    minimum = 750
    permutations = 5
    cost = 1.2
    needs = ()
    titles: ClassVar[Mapping[str, str]] = {
        "modularity": "Modularity (Ridgeway)",
        "explicitness": "Explicitness (Ridgeway)",
    }

    def __call__(self, data: Codes, seed: int, progress: Progress | None = None) -> dict[str, Outcome]:
        """``modularity`` (parts: the latents; needs two factors) and ``explicitness`` on test pictures (parts: the
        factors)."""
        train, test = split(data, seed)
        train, note = varying(train)
        if reason := lacking(train):
            return undefined(self.titles, reason)
        data, _ = varying(data)
        latents = modularities(binned_information(data))
        explicit = np.array(
            [
                _explicitness(train, test, train.labels[:, k], test.labels[:, test.factors.index(name)])
                for k, name in enumerate(train.factors)
            ]
        )
        found = explicit[np.isfinite(explicit)]
        few = lacking(data, factors=2)
        return {
            "modularity": Outcome(
                None if few else float(latents.mean()),
                self.titles["modularity"],
                by_name(train.latents, latents),
                joined(note, few),
            ),
            "explicitness": Outcome(
                float(found.mean()) if len(found) else None,
                self.titles["explicitness"],
                by_name(train.factors, explicit),
                joined(note, "" if len(found) else "not defined: the test pictures show one level of every factor"),
            ),
        }

    def estimator(self, data: Codes) -> str:
        """Bins, classifier and counts."""
        return (
            f"plug-in information in {BINS} equal bins, all {data.n} pictures, every latent counted; logistic "
            f"regression on standardised codes, {split_line(data.n)}"
        )


def modularities(information: Floats) -> Floats:
    """(D,) modularity of each latent from (D, K ≥ 2) information; 0 for a latent without any."""
    squared = information**2
    largest = squared.max(axis=1)
    others = (squared.sum(axis=1) - largest) / (max(1, information.shape[1] - 1))
    share = np.divide(others, largest, out=np.ones(len(largest)), where=largest > 0)
    return np.asarray(1.0 - share)


def _explicitness(train: Codes, test: Codes, labels: Labels, test_labels: Labels) -> float:
    """Mean area under the curve over the levels that training saw and that part the test pictures; NaN for none."""
    model = logistic_regression(standardised(train.codes), labels)
    probability = model.predict_proba(standardised(test.codes, like=train.codes))
    # The area under the curve is the share of pairs of one picture of the level and one of the rest that are in order
    # (Mann and Whitney): a sum of ranks, for all levels at once.
    own = test_labels[:, None] == model.classes_
    count = own.sum(axis=0)
    parted = (count > 0) & (count < len(own))
    above = (rankdata(probability, axis=0) * own).sum(axis=0) - count * (count + 1) / 2
    return float((above[parted] / (count * (len(own) - count))[parted]).mean()) if parted.any() else float("nan")


MEASURE = ModularityExplicitness()
