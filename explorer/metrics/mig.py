"""Mutual information gap (Chen et al. 2018, "Isolating Sources of Disentanglement in VAEs", section 4), in the form of
disentanglement_lib: codes in 20 equal bins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from explorer.generators.base import Progress
from explorer.metrics.base import Codes, Measure, Outcome
from explorer.metrics.guards import by_name, joined, lacking, undefined, varying
from explorer.metrics.information import BINS, binned_information, entropies


class MutualInformationGap(Measure):
    """mean over factors of (I₁ − I₂) / H(factor), I₁ ≥ I₂ the two latents that tell most about it; 0..1.

    A factor with more than 20 levels cannot reach 1, because the code is put into 20 bins.
    """

    name = "mig"
    paper = "Chen et al. 2018"
    better = "higher"
    group = "disentanglement"
    minimum = 500
    permutations = 10
    needs = ()
    titles: ClassVar[Mapping[str, str]] = {"mig": "MIG"}

    def __call__(self, data: Codes, seed: int, progress: Progress | None = None) -> dict[str, Outcome]:
        """``mig``; its parts are the factors' gaps. Needs two latents."""
        data, note = varying(data)
        if reason := lacking(data, latents=2):
            return undefined(self.titles, reason)
        ordered = np.sort(binned_information(data), axis=0)
        gaps = (ordered[-1] - ordered[-2]) / entropies(data.labels)
        return {"mig": Outcome(float(gaps.mean()), self.titles["mig"], by_name(data.factors, gaps), joined(note))}

    def estimator(self, data: Codes) -> str:
        """Bins and the count of pictures."""
        return f"plug-in, {BINS} equal bins from each latent's smallest to largest value, all {data.n} pictures"


MEASURE = MutualInformationGap()
