"""Interventional robustness score (Suter et al. 2019, "Robustly Disentangled Causal Mechanisms"), in the form of
disentanglement_lib."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from explorer.generators.base import Progress
from explorer.metrics.base import Codes, Floats, Labels, Measure, Outcome
from explorer.metrics.guards import by_name, joined, lacking, undefined, varying
from explorer.metrics.information import BINS, discretise

QUANTILE = 0.99


class InterventionalRobustness(Measure):
    """How little a latent strays while its factor is held and all others change: 1 − deviation / largest deviation for
    its best factor, mean over latents weighted by their largest deviation; at most 1. Chance depends on the codes'
    tails: 0.35 for normal ones, near 0 for uniform ones.

    Assumes independent factors: pictures that agree in a factor stand for an intervention on all others.
    """

    name = "irs"
    paper = "Suter et al. 2019"
    better = "higher"
    group = "disentanglement"
    minimum = 1000
    permutations = 5
    needs = ()
    titles: ClassVar[Mapping[str, str]] = {"irs": "IRS"}

    def __call__(self, data: Codes, seed: int, progress: Progress | None = None) -> dict[str, Outcome]:
        """``irs``; its parts are the latents' scores, None for constant ones. 0 where all are constant."""
        data, note = varying(data)
        if reason := lacking(data):
            return undefined(self.titles, reason)
        moving = data.codes.max(axis=0) > data.codes.min(axis=0)
        scores = np.full(len(moving), np.nan)
        if not moving.any():
            note = joined(note, "all latents are constant")
            return {"irs": Outcome(0.0, self.titles["irs"], by_name(data.latents, scores), note)}
        codes = data.codes[:, moving]
        largest = np.abs(codes - codes.mean(axis=0)).max(axis=0)
        scores[moving] = (1.0 - deviations(codes, discretise(data.labels)) / largest[:, None]).max(axis=1)
        value = float(np.average(scores[moving], weights=largest))
        counts = f"{int(moving.sum())} of {len(moving)} latents vary"
        return {"irs": Outcome(value, self.titles["irs"], by_name(data.latents, scores), joined(note, counts))}

    def estimator(self, data: Codes) -> str:
        """Bins of factors, quantile, and the count of pictures."""
        return f"{QUANTILE:.0%} quantile of deviations, factors in at most {BINS} bins, all {data.n} pictures"


def deviations(codes: Floats, labels: Labels) -> Floats:
    """(D, K) mean over a factor's values of the 99 % quantile of |code − mean code at that value|."""
    found = np.zeros((codes.shape[1], labels.shape[1]))
    for k, column in enumerate(labels.T):
        values = np.unique(column)
        for value in values:
            here = codes[column == value]
            found[:, k] += np.quantile(np.abs(here - here.mean(axis=0)), QUANTILE, axis=0)
        found[:, k] /= len(values)
    return found


MEASURE = InterventionalRobustness()
