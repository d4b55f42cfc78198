"""Separated attribute predictability (Kumar et al. 2018, "Variational Inference of Disentangled Latent Concepts",
section 3), in the form of disentanglement_lib."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from sklearn.svm import LinearSVC

from explorer.generators.base import Progress
from explorer.metrics.base import Codes, Floats, Measure, Outcome
from explorer.metrics.classifiers import fitted, split, split_line
from explorer.metrics.guards import by_name, joined, lacking, undefined, varying

STRENGTH = 0.01
STILL = 1e-12  # a latent with no more variance than this predicts nothing


class SeparatedAttributePredictability(Measure):
    """mean over factors of the gap between the two latents that alone predict it best; 0..1.

    ``sap``: by the test accuracy of a linear support vector machine on one latent, as published. With many levels it
    is low even for a perfect code, because one linear machine a level cannot cut a middle level out of a line.
    ``sap_continuous``: by the squared correlation with the number of the level, meant for ordered factors.
    """

    name = "sap"
    paper = "Kumar et al. 2018"
    better = "higher"
    group = "disentanglement"
    minimum = 500
    permutations = 5
    cost = 0.4
    needs = ()
    titles: ClassVar[Mapping[str, str]] = {"sap": "SAP", "sap_continuous": "SAP (squared correlation)"}

    def __call__(self, data: Codes, seed: int, progress: Progress | None = None) -> dict[str, Outcome]:
        """``sap`` and ``sap_continuous``; their parts are the factors' gaps. Needs two latents."""
        train, test = split(data, seed)
        train, note = varying(train)
        if reason := lacking(train, latents=2):
            return undefined(self.titles, reason)
        tested = [test.factors.index(name) for name in train.factors]
        accuracy = _accuracies(train.codes, train.labels, test.codes, test.labels[:, tested])
        correlation = squared_correlations(train.codes, train.labels.astype(np.float64))
        return {
            name: Outcome(float(gaps.mean()), self.titles[name], by_name(train.factors, gaps), joined(note, remark))
            for name, gaps, remark in (
                ("sap", _gaps(accuracy), ""),
                ("sap_continuous", _gaps(correlation), "takes the levels of every factor as ordered"),
            )
        }

    def estimator(self, data: Codes) -> str:
        """The machine and the counts."""
        return (
            f"linear support vector machine on one latent (C = {STRENGTH:g}, balanced), {split_line(data.n)}; "
            "squared correlation on those that train"
        )


def squared_correlations(codes: Floats, values: Floats) -> Floats:
    """(D, K) squared Pearson correlation of every column of (n, D) with every one of (n, K); 0 where one is still."""
    codes, values = codes - codes.mean(axis=0), values - values.mean(axis=0)
    products = np.outer((codes**2).sum(axis=0), (values**2).sum(axis=0))
    moving = np.outer((codes**2).mean(axis=0) > STILL, (values**2).mean(axis=0) > STILL)
    return np.asarray(np.divide((codes.T @ values) ** 2, products, out=np.zeros(products.shape), where=moving))


def _accuracies(codes: Floats, labels: np.ndarray, test_codes: Floats, test_labels: np.ndarray) -> Floats:
    found = np.empty((codes.shape[1], labels.shape[1]))
    for j in range(codes.shape[1]):
        for k in range(labels.shape[1]):
            # Solved in the primal: the optimum of the published stochastic dual solver, without its chance.
            machine = LinearSVC(C=STRENGTH, class_weight="balanced", dual=False)
            fitted(machine, codes[:, j : j + 1], labels[:, k])
            found[j, k] = np.mean(machine.predict(test_codes[:, j : j + 1]) == test_labels[:, k])
    return found


def _gaps(scores: Floats) -> Floats:
    """(K,) the largest of (D, K) less the second largest."""
    ordered = np.sort(scores, axis=0)
    return np.asarray(ordered[-1] - ordered[-2])


MEASURE = SeparatedAttributePredictability()
