"""The measures of directions: how well they take a model's attributes apart, without and with known truth.

Two matrices stand behind most of them. *Interventional*: what a calibrated step along a direction does to each
attribute. *Observational*: what the coordinate of a code along a direction tells about each attribute of its picture.
Both are read alike, by the share of the largest entry, 0 at the even spread and 1 where all others are 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import linear_sum_assignment

from explorer.attributes.base import Attribute
from explorer.metrics.direction_counterfactuals import apart_from_truth, at_matched
from explorer.metrics.direction_evidence import BINS, Evidence, Floats, Integers, mean


@dataclass(frozen=True)
class Sample:
    """Evidence at chosen rows: ``bases`` indices of base codes, ``pictures`` of observed pictures; ``redrawn``: by the
    bootstrap, with repeats."""

    evidence: Evidence
    bases: Integers
    pictures: Integers
    redrawn: bool = False

    @cached_property
    def effects(self) -> Floats:
        """(K, A) E[k, a]: mean |change| of each attribute between -1 and +1 calibrated step, in deviations. NaN for
        directions without effect and attributes that never vary."""
        return mean(np.abs(self.evidence.changes[self.bases, :, -1]), 0)

    @cached_property
    def curves(self) -> Floats:
        """(K, H, A) the same at each positive amount."""
        return mean(np.abs(self.evidence.changes[self.bases]), 0)

    @cached_property
    def information(self) -> Floats:
        """(A, K) I(attribute; coordinate) / H(attribute) in quantile bins, less the estimator's bias (Miller 1955); NaN
        for attributes that never vary and directions without effect."""
        evidence = self.evidence
        cells, bins = evidence.cells
        count, directions = cells.shape[1:]
        width = int(bins.max(initial=1)) * BINS
        chosen = cells[self.pictures]
        place = np.arange(count * directions).reshape(count, directions)
        tables = np.bincount(
            np.where(chosen < 0, count * directions * width, chosen + place * width).reshape(-1),
            minlength=count * directions * width + 1,
        )[:-1].reshape(count, directions, width // BINS, BINS)
        # Redrawing adds the estimator's bias once more.
        found = normalised_information(tables.astype(float), 2.0 if self.redrawn else 1.0)
        found[~evidence.varying] = np.nan
        found[:, ~evidence.alive] = np.nan
        return found


def normalised_information(tables: Floats, biases: float = 1.0) -> Floats:
    """I(row; column) / H(row) of tables of counts (..., R, C), less ``biases`` times (rows - 1)(columns - 1) / 2n in
    nats and not below 0; NaN where the row never varies."""
    total = tables.sum((-2, -1), keepdims=True)
    shares = np.divide(tables, total, out=np.zeros_like(tables), where=total > 0)
    rows, columns = shares.sum(-1), shares.sum(-2)
    whole = _entropy(rows, -1)
    joint = _entropy(shares, (-2, -1))
    degrees = ((rows > 0).sum(-1) - 1) * ((columns > 0).sum(-1) - 1)
    bias = np.divide(degrees, 2 * total[..., 0, 0], out=np.zeros_like(whole), where=total[..., 0, 0] > 0)
    shared = np.clip(whole + _entropy(columns, -1) - joint - biases * bias, 0.0, None)
    return np.asarray(np.divide(shared, whole, out=np.full_like(whole, np.nan), where=whole > 0))


def _entropy(shares: Floats, axis: int | tuple[int, int]) -> Floats:
    return np.asarray(-(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis))


def largest_share(rows: Floats, choices: int) -> float | None:
    """Mean over the rows (R, C) of largest entry / sum, rescaled so that an even spread over ``choices`` gives 0; what
    is not finite is no entry, and a row without a positive one is left out. None where nothing is left to choose."""
    clean = np.where(np.isfinite(rows), rows, 0.0)
    total = clean.sum(1)
    kept = total > 0
    if choices < 2 or not kept.any():
        return None
    share = (clean[kept].max(1) / total[kept]).mean()
    return float((share - 1 / choices) / (1 - 1 / choices))


def modularity(sample: Sample) -> float | None:
    return largest_share(sample.effects, int(sample.evidence.varying.sum()))


def compactness(sample: Sample) -> float | None:
    return largest_share(sample.effects.T, int(sample.evidence.alive.sum()))


def coverage(sample: Sample) -> float | None:
    targets = targets_of(sample.effects)
    possible = min(len(targets), int(sample.evidence.varying.sum()))
    return len(set(targets[targets >= 0].tolist())) / possible if possible else None


def targets_of(effects: Floats) -> Integers:
    """(K,) the attribute on which each row of ``effects`` (K, A) is largest; -1 where it has none."""
    clean = np.where(np.isfinite(effects), effects, 0.0)
    if not clean.shape[1]:
        return np.full(len(clean), -1, np.int64)
    return np.where(clean.max(1) > 0, clean.argmax(1), -1)


def dependency(sample: Sample) -> float | None:
    """At the amount at which the target changes by :data:`MATCHED` deviations, by linear interpolation along the path,
    and in proportion beyond its end."""
    targets = targets_of(sample.effects)
    if int(sample.evidence.varying.sum()) < 2 or not (targets >= 0).any():
        return None
    amounts = sample.evidence.amounts[len(sample.evidence.amounts) // 2 + 1 :]
    found = []
    for k in np.flatnonzero(targets >= 0):
        curve = sample.curves[k]
        others = np.delete(curve, targets[k], axis=1)
        others = others[:, np.isfinite(others).all(0)]
        there = at_matched(curve[:, targets[k]], others, amounts) if others.shape[1] else None
        if there is not None:
            found.append(there.mean())
    return float(np.mean(found)) if found else None


def counterfactual_error(sample: Sample, held: bool = False) -> float | None:
    """The mean over directions of :func:`apart_from_truth`."""
    evidence = sample.evidence
    if evidence.expected is None or evidence.targets is None:
        return None
    apart = [
        apart_from_truth(evidence, k, int(evidence.targets[k]), evidence.expected[:, k], sample.bases, held)
        for k in np.flatnonzero(evidence.targets >= 0).tolist()
    ]
    return _mean_of(np.array([one for one in apart if one is not None], float))


def unpropagated(sample: Sample) -> float | None:
    """The same of what stood there before: of sliders that move nothing but their factor."""
    return counterfactual_error(sample, held=True)


def additivity(sample: Sample) -> float | None:
    averages = mean(sample.evidence.interactions[sample.bases], 0)
    error, whole = averages[:, 0], averages[:, 1]
    return _mean_of(np.divide(error, whole, out=np.full_like(error, np.nan), where=np.nan_to_num(whole) > 0))


def orthogonality(sample: Sample) -> float | None:
    cosines = mean(sample.evidence.cosines[sample.bases], 0)
    found = _mean_of(cosines[~np.eye(len(cosines), dtype=bool)])
    return None if found is None else 1 - found


def monotonicity(sample: Sample) -> float | None:
    ordered = [one.kind != "category" for one in sample.evidence.attributes]
    targets = targets_of(np.where(ordered, sample.effects, np.nan))
    steadiness = sample.evidence.steadiness[sample.bases]
    return _mean_of(np.array([mean(steadiness[:, k, targets[k]], 0) for k in np.flatnonzero(targets >= 0)]))


def consistency(sample: Sample) -> float | None:
    """Over pairs of different base codes; a base code drawn twice is no pair with itself."""
    units, products = sample.evidence.unit_features
    counts = np.bincount(sample.bases, minlength=len(units)).astype(float)
    among = counts.sum() ** 2 - (counts**2).sum()
    alive = sample.evidence.alive
    if among == 0 or alive.sum() < 2:
        return None
    whole = np.tensordot(counts, units, 1)
    cosines = (whole @ whole.T - np.tensordot(counts**2, products, 1))[np.ix_(alive, alive)] / among
    same = np.eye(len(cosines), dtype=bool)
    return float(cosines[same].mean() - np.abs(cosines[~same]).mean())


def recognition(sample: Sample) -> float | None:
    return _mean_of(sample.evidence.recognised[sample.bases])


def smoothness(sample: Sample) -> float | None:
    steps = sample.evidence.steps[sample.bases]
    square, length = mean(steps**2, 2), mean(steps, 2)
    return _mean_of(np.divide(square, length**2, out=np.full_like(square, np.nan), where=np.nan_to_num(length) > 0))


def typicality(sample: Sample) -> float | None:
    return _mean_of(sample.evidence.typicality[sample.bases])


def readable(sample: Sample) -> float | None:
    evidence = sample.evidence
    values = evidence.values[sample.bases][:, evidence.alive][..., evidence.varying]
    return float(np.isfinite(values).mean()) if values.size else None


def information_modularity(sample: Sample) -> float | None:
    return largest_share(sample.information.T, int(sample.evidence.varying.sum()))


def information_compactness(sample: Sample) -> float | None:
    return largest_share(sample.information, int(sample.evidence.alive.sum()))


def explicitness(sample: Sample) -> float | None:
    """R² by least squares: of a cyclic attribute of its sine and cosine together, of a category of its indicators."""
    evidence = sample.evidence
    assert evidence.coordinates is not None
    coordinates = evidence.coordinates[sample.pictures][:, evidence.alive]
    found = []
    for index in np.flatnonzero(evidence.varying):
        values = evidence.observed[sample.pictures, index]
        finite = np.isfinite(values)
        targets = expanded(values[finite], evidence.attributes[index])
        targets = targets - targets.mean(0)
        inputs = coordinates[finite] - coordinates[finite].mean(0)
        residual = targets - inputs @ np.linalg.lstsq(inputs, targets, rcond=None)[0]
        whole = (targets**2).sum()
        if whole > 0:
            found.append(1 - (residual**2).sum() / whole)
    return float(np.mean(found)) if found else None


def expanded(values: Floats, attribute: Attribute) -> Floats:
    """(n, C) numbers that stand for ``values`` (n,): a category's indicators, the cosine and sine of a cyclic one."""
    if attribute.kind == "category":
        return np.asarray(values[:, None] == np.unique(values), float)
    if attribute.period:
        angle = 2 * np.pi * values / attribute.period
        return np.stack([np.cos(angle), np.sin(angle)], 1)
    return values[:, None]


def nonlinearity(sample: Sample) -> float | None:
    return _mean_of(sample.evidence.bends[sample.bases])


def round_trip(sample: Sample) -> float | None:
    return _mean_of(sample.evidence.returns[sample.bases])


def order_dependence(sample: Sample) -> float | None:
    """Pairs were tried at the first base codes only, so a redrawn sample may hold none of them."""
    return _mean_of(sample.evidence.orders[sample.bases])


def path_cosine(sample: Sample) -> float | None:
    assert sample.evidence.truth is not None
    alike = np.nan_to_num(mean(sample.evidence.truth[sample.bases], 0))
    rows, columns = linear_sum_assignment(-alike)
    return float(alike[rows, columns].mean()) if len(rows) else None


def _mean_of(values: Floats) -> float | None:
    found = float(mean(values.reshape(-1), 0))
    return found if np.isfinite(found) else None
