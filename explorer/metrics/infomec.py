"""InfoMEC: modularity, explicitness and compactness from information (Hsu et al. 2023, "Disentanglement via Latent
Quantization", section 5 and appendix C)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.metrics import log_loss

from explorer.generators.base import Progress
from explorer.metrics.base import Codes, Floats, Measure, Outcome
from explorer.metrics.classifiers import logistic_regression, standardised
from explorer.metrics.guards import by_name, joined, lacking, undefined, varying
from explorer.metrics.information import nmi_estimator, nmi_matrix, quantised

NOISE = "codes that carry nothing score high, too: read it with InfoE"
PRUNED_SHARE = 20  # a continuous latent is left out when its range is no more than the largest range / 20


class InfoMec(Measure):
    """InfoM: how few factors a latent tells about; InfoC: how few latents tell about a factor; InfoE: how well the
    factors are read from all latents by a linear classifier.

    Latents whose range is small are left out of InfoM and InfoC (the rule of the authors' standalone code; their other
    code has other rules). Where no factor is found in a latent the authors' InfoM is not a number; here the mean goes
    over the informative latents. Codes that carry nothing can therefore have a high InfoM: read it beside InfoE.
    """

    name = "infomec"
    paper = "Hsu et al. 2023"
    better = "higher"
    group = "disentanglement"
    minimum = 1000
    permutations = 5
    cost = 1.5
    needs = ()
    titles: ClassVar[Mapping[str, str]] = {"infom": "InfoM", "infoe": "InfoE", "infoc": "InfoC"}

    def __call__(self, data: Codes, seed: int, progress: Progress | None = None) -> dict[str, Outcome]:
        """``infom`` (parts: each latent's largest share; None for those left out), ``infoe`` and ``infoc`` (parts: the
        factors). InfoM needs two factors, InfoC two latents that are not left out."""
        data, note = varying(data)
        if reason := lacking(data):
            return undefined(self.titles, reason)
        kept = unpruned(data)
        nmi = nmi_matrix(data, seed)
        nmi[:, ~kept] = 0.0
        active, factors = int(kept.sum()), len(data.factors)
        per_latent = _largest_share(nmi.T)
        per_factor = _largest_share(nmi)
        read = _predictive(data)
        counts = f"{active} of {len(kept)} latents kept, {int(np.isfinite(per_latent).sum())} informative"
        return {
            "infom": Outcome(
                _above_chance(per_latent, factors),
                self.titles["infom"],
                by_name(data.latents, per_latent),
                joined(note, counts, lacking(data, factors=2) or NOISE),
            ),
            "infoe": Outcome(float(read.mean()), self.titles["infoe"], by_name(data.factors, read), note),
            "infoc": Outcome(
                _above_chance(per_factor, active),
                self.titles["infoc"],
                by_name(data.factors, per_factor),
                joined(note, counts, NOISE if active > 1 else "not defined for one latent"),
            ),
        }

    def estimator(self, data: Codes) -> str:
        """The estimator of information, which latents are pruned, and that InfoE is taken on its training pictures."""
        rule = "range > 0" if _discrete(data) else f"range > largest range / {PRUNED_SHARE}"
        reading = "one-hot" if _discrete(data) else "standardised"
        return (
            f"{nmi_estimator(data)}; latents kept: {rule}; InfoE: balanced unpenalised logistic regression on "
            f"{reading} codes, scored on the {data.n} pictures it was fitted to"
        )


def unpruned(data: Codes) -> np.ndarray:
    """(D,) which latents InfoM and InfoC keep: range > largest range / 20, of discrete codes range > 0."""
    ranges = np.ptp(data.codes, axis=0)
    if not len(ranges):
        return np.zeros(0, bool)
    return np.asarray(ranges > (0.0 if _discrete(data) else ranges.max() / PRUNED_SHARE))


def _discrete(data: Codes) -> bool:
    return all(quantised(data))


def _largest_share(rows: Floats) -> Floats:
    """(R,) the largest entry of each row divided by the row's sum; NaN for a row of zeros."""
    total = rows.sum(axis=1)
    return np.asarray(np.divide(rows.max(axis=1), total, out=np.full(len(rows), np.nan), where=total > 0))


def _above_chance(shares: Floats, choices: int) -> float | None:
    """(mean share − 1/choices) / (1 − 1/choices) over the finite shares; None where there is no choice."""
    finite = shares[np.isfinite(shares)]
    if choices < 2 or not len(finite):
        return None
    return float((finite.mean() - 1 / choices) / (1 - 1 / choices))


def _predictive(data: Codes) -> Floats:
    """(K,) (H₀ − H₁) / H₀: how much of the log loss of a guess the classifier saves. Balanced weights make the best
    guess without codes the uniform one, so H₀ is the logarithm of the number of levels."""
    features = _one_hot(data.codes) if _discrete(data) else standardised(data.codes)
    found = np.empty(len(data.factors))
    for k, labels in enumerate(data.labels.T):
        present, classes = np.unique(labels, return_inverse=True)
        model = logistic_regression(features, classes, strength=np.inf, balanced=True)
        loss = log_loss(classes, model.predict_proba(features))
        found[k] = 1.0 - loss / np.log(len(present))
    return found


def _one_hot(codes: Floats) -> csr_matrix:
    """(n, number of values of all latents) with a one for each latent's value."""
    columns, width = [], 0
    for column in codes.T:
        values = np.unique(column, return_inverse=True)[1].reshape(-1)
        columns.append(values + width)
        width += int(values.max()) + 1
    where = np.stack(columns, axis=1)
    rows = np.repeat(np.arange(len(codes)), where.shape[1])
    return csr_matrix((np.ones(where.size), (rows, where.reshape(-1))), shape=(len(codes), width))


MEASURE = InfoMec()
