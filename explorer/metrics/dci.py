"""Disentanglement, completeness, informativeness (Eastwood and Williams 2018, "A Framework for the Quantitative
Evaluation of Disentangled Representations"), with the gradient-boosted trees of disentanglement_lib."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier

from explorer.generators.base import Progress
from explorer.metrics.base import Codes, Floats, Measure, Outcome, shared
from explorer.metrics.classifiers import fitted, split, split_line
from explorer.metrics.guards import by_name, joined, lacking, undefined, varying

TINY = 1e-11  # added to every importance, so that a row without any has an entropy


@dataclass(frozen=True)
class Dci(Measure):
    """How much a latent matters to one factor only, how much a factor needs one latent only, and how well the factors
    are predicted; each 0..1.

    ``train`` and ``test``: at most so many pictures. The published study has 10,000 and 5,000; the time grows with
    pictures x latents x levels of all factors (0.4 s a level for 1,000 pictures and 10 latents on one core), so the
    default is 1,000 and 500. Informativeness grows with ``train``, the other two little. ``trees``: for each level;
    published are 100 of depth 3.
    """

    train: int = 1_000
    test: int = 500
    trees: int = 100

    name = "dci"
    paper = "Eastwood and Williams 2018"
    better = "higher"
    group = "disentanglement"
    minimum = 750
    permutations = 1
    cost = 30.0
    needs = ()
    titles: ClassVar[Mapping[str, str]] = {
        "dci_disentanglement": "DCI disentanglement",
        "dci_completeness": "DCI completeness",
        "dci_informativeness": "DCI informativeness",
    }

    def __call__(self, data: Codes, seed: int, progress: Progress | None = None) -> dict[str, Outcome]:
        """The three by name; parts are the latents of the first and the factors of the others. Disentanglement needs
        two factors, completeness two latents."""
        train, test = split(data, seed, self.train, self.test)
        train, note = varying(train)
        if reason := lacking(train):
            return undefined(self.titles, reason)
        importance = np.empty((len(train.latents), len(train.factors)))
        accuracy = np.empty(len(train.factors))
        # A tree a stage for every level.
        parts = shared(progress, [len(np.unique(labels)) for labels in train.labels.T])
        for k, (name, part) in enumerate(zip(train.factors, parts, strict=True)):
            trees = GradientBoostingClassifier(n_estimators=self.trees, random_state=seed)
            fitted(trees, train.codes, train.labels[:, k], monitor=_told(part, self.trees))
            importance[:, k] = trees.feature_importances_
            accuracy[k] = np.mean(trees.predict(test.codes) == test.labels[:, test.factors.index(name)])
        latents, factors = selectivity(importance), selectivity(importance.T)
        few, single = lacking(train, factors=2), lacking(train, latents=2)
        return {
            "dci_disentanglement": Outcome(
                None if few else float(latents @ shares(importance)),
                self.titles["dci_disentanglement"],
                by_name(train.latents, latents),
                joined(note, few),
            ),
            "dci_completeness": Outcome(
                None if single else float(factors @ shares(importance.T)),
                self.titles["dci_completeness"],
                by_name(train.factors, factors),
                joined(note, single),
            ),
            "dci_informativeness": Outcome(
                float(accuracy.mean()), self.titles["dci_informativeness"], by_name(train.factors, accuracy), note
            ),
        }

    def estimator(self, data: Codes) -> str:
        """The trees and the counts."""
        return f"{self.trees} gradient-boosted trees a level, depth 3; {split_line(data.n, self.train, self.test)}"


def _told(progress: Progress, stages: int) -> Callable[[int, object, object], bool]:
    """What scikit-learn calls after every stage; it stops where that returns True."""

    def monitor(stage: int, model: object, variables: object) -> bool:
        progress((stage + 1) / stages)
        return False

    return monitor


def selectivity(importance: Floats) -> Floats:
    """(R,) 1 − entropy, to the base of the number of columns, of each row of (R, C) as shares; NaN for one column."""
    rows = importance + TINY
    rows = rows / rows.sum(axis=1, keepdims=True)
    if rows.shape[1] == 1:
        return np.full(len(rows), np.nan)
    return np.asarray(1.0 + (rows * np.log(rows)).sum(axis=1) / np.log(rows.shape[1]))


def shares(importance: Floats) -> Floats:
    """(R,) each row's part of the whole of (R, C); equal parts where there is none."""
    sums = importance.sum(axis=1)
    return np.asarray(sums / sums.sum()) if sums.sum() > 0 else np.full(len(sums), 1 / len(sums))


MEASURE = Dci()
