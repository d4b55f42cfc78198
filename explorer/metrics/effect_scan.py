"""What moving a cause does to outcomes, estimated at paired base codes: arrays in, effects with intervals out.

Every base code is read at every level of a cause, so an effect is a mean of differences within base codes. Its interval
was chosen by simulation (coverage of 95 % intervals at 16 | 64 base codes, 2,000 repetitions, of the bootstrap 1,000):

===================  ===========  ===========  ==============  ===========
differences          Student's t  bootstrap-t  bootstrap BCa   skew-t
===================  ===========  ===========  ==============  ===========
normal               .95 | .96    .95 | .95    .92 | .94       .96 | .96
exponential          .92 | .94    .95 | .94    .92 | .93       .95 | .95
lognormal (σ = 1)    .87 | .90    .91 | .91    .86 | .89       .91 | .93
χ² with 1 degree     .88 | .91    .93 | .94    .88 | .92       .94 | .95
Student's t, 3       .95 | .95    .91 | .94    .88 | .92       .92 | .93
===================  ===========  ===========  ==============  ===========

The last is Student's t corrected for skewness (Hall, JRSS B 1992): the monotone cubic of the t statistic whose
distribution is symmetric to second order, inverted in closed form. It is the only one at .90 or more at 16 and at .926
or more at 64 everywhere, needs no draws, and its p is of the same statistic: p < .05 where the 95 % interval leaves
out 0, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from explorer.attributes.base import Attribute
from explorer.metrics.direction_evidence import difference

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Rule = Literal["bh", "holm"]

FEWEST = 4
"""Base codes (clusters, where there are any) below which nothing is said of how sure an effect is."""

STILL = 1e-9
"""Deviations of less than this share of the size of the numbers are rounding."""


@dataclass(frozen=True)
class Estimates:
    """Mean changes, one an entry of the arrays, all of one shape: ``effect``, the ends ``low`` and ``high`` of its
    interval, the ``p`` of the test that it is 0, and the number ``n`` of base codes that were read. NaN: fewer than
    :data:`FEWEST` were."""

    effect: Floats
    low: Floats
    high: Floats
    p: Floats
    n: Integers


def changes(values: Floats, reference: int, attribute: Attribute) -> Floats:
    """(N, T) by how much an outcome ``values`` (N, T) at each of T ascending levels differs from that at level number
    ``reference``, at every base code; NaN where either was not read.

    Of a cyclic attribute what it turns from each level to the next, the shorter way round, added up: it may go round
    more than once. NaN from where it could not be read. A category has no changes: :func:`indicators` have.
    """
    if not attribute.period:
        return values - values[:, [reference]]
    steps = difference(values[:, 1:], values[:, :-1], attribute)
    turned = np.zeros(values.shape)
    turned[:, reference + 1 :] = steps[:, reference:].cumsum(axis=1)
    turned[:, :reference] = -steps[:, :reference][:, ::-1].cumsum(axis=1)[:, ::-1]
    turned[np.isnan(values[:, reference])] = np.nan
    return turned


def guessed(values: Floats, attribute: Attribute) -> float:
    """The share of the steps between levels (N, T) over which a cyclic attribute turns by more than a quarter of its
    period, so that the shorter way round may be the wrong one; 0 for others."""
    if not attribute.period:
        return 0.0
    steps = difference(values[:, 1:], values[:, :-1], attribute)
    read = np.isfinite(steps)
    return float((np.abs(steps[read]) > attribute.period / 4).mean()) if read.any() else 0.0


def indicators(values: Floats, level: float) -> Floats:
    """1 where a category has the ``level``, 0 where it has another, NaN where it was not read."""
    return np.where(np.isfinite(values), (values == level).astype(float), np.nan)


def mean_effects(differences: Floats, level: float = 0.95, clusters: Integers | None = None) -> Estimates:
    """The mean over base codes of ``differences`` (N, …), NaN left out, with the skewness-corrected t interval of Hall
    (1992). ``clusters`` (N,): which rows belong together (several draws at one base code), so that only their mean is
    independent of other rows; each cluster counts alike."""
    rows = differences if clusters is None else _cluster_means(differences, clusters)
    read = np.isfinite(rows)
    count = read.sum(0)
    enough = count >= FEWEST
    n = np.where(enough, count, FEWEST).astype(float)
    clean = np.where(read, rows, 0.0)
    mean = clean.sum(0) / n
    away = np.where(read, rows - mean, 0.0)
    spread = np.sqrt((away**2).sum(0) / n)
    size = np.abs(clean).max(0, initial=0.0)
    varies = spread > STILL * size
    spread = np.where(varies, spread, 1.0)
    error = spread / np.sqrt(n - 1)
    skew = (away**3).sum(0) / n / spread**3
    quantile = np.asarray(student.ppf((1 + level) / 2, n - 1), float)
    low = np.where(varies, mean - _uncorrected(quantile, skew, n) * error, mean)
    high = np.where(varies, mean - _uncorrected(-quantile, skew, n) * error, mean)
    p = 2 * student.sf(np.abs(_corrected(mean / error, skew, n)), n - 1)
    p = np.where(varies, p, np.where(size > 0, 0.0, 1.0))  # where all change alike there is no chance in it
    return _where(enough, Estimates(mean, low, high, p, np.isfinite(differences).sum(0)))


def share_effects(differences: Floats, level: float = 0.95, clusters: Integers | None = None) -> Estimates:
    """As :func:`mean_effects`, of ``differences`` that are -1, 0 or 1: the change of a probability at paired base
    codes, with the adjusted Wald interval of Bonett & Price (2012), which stays honest where none or few have changed.

    It counts one base code more that rises and one that falls, and takes Student's t for the normal distribution;
    clusters count as many base codes as are worth as much as they are (the design effect)."""
    read = np.isfinite(differences)
    count = read.sum(0)
    n = np.maximum(count, 1)
    clean = np.where(read, differences, 0.0)
    rise, fall = ((clean > 0).sum(0) / n, (clean < 0).sum(0) / n)
    effect = rise - fall
    groups = count
    worth = n.astype(float)
    if clusters is not None:
        groups, worth = _worth(np.where(read, differences - effect, 0.0), read, clusters)
    enough = groups >= FEWEST
    up, down = ((share * worth + 1) / (worth + 2) for share in (rise, fall))
    middle = up - down
    error = np.sqrt((up + down - middle**2) / (worth + 2))
    freedom = np.maximum(groups, 2) - 1
    reach = student.ppf((1 + level) / 2, freedom) * error
    p = 2 * student.sf(np.abs(middle) / error, freedom)
    low, high = np.minimum(effect, np.maximum(middle - reach, -1)), np.maximum(effect, np.minimum(middle + reach, 1))
    return _where(enough, Estimates(effect, low, high, p, count))


def secants(differences: Floats, levels: Floats) -> Floats:
    """(N,) the incremental effect at every base code: by how much an outcome with ``differences`` (N, T) changes per
    unit of the ``levels`` (T,), on average over the way: the slope of the secant. NaN where an end was not read."""
    return np.asarray((differences[:, -1] - differences[:, 0]) / (levels[-1] - levels[0]))


def monotonicity(differences: Floats) -> float | None:
    """How far the mean curve of ``differences`` (N, T) keeps to one way: its net change over all that it goes up and
    down, -1 (it falls all along) to 1 (it rises all along); None where it stays or was not read."""
    rows = differences[np.isfinite(differences).all(1)]
    if len(rows) == 0:
        return None
    curve = rows.mean(0)
    steps = np.diff(curve)
    total = float(np.abs(steps).sum())
    if total <= STILL * float(np.abs(rows).max(initial=0.0)):
        return None
    return float(curve[-1] - curve[0]) / total


def adjusted(p: Floats, rule: Rule) -> Floats:
    """``p`` (m,) made larger for m being tested at once, NaN left out. ``bh``: Benjamini & Hochberg (1995), which
    bounds the expected share of false ones among those at or below a level by that level, where tests are independent
    or positively dependent; ``holm``: Holm (1979), which bounds the chance of even a single false one, however they
    depend."""
    larger = np.full(p.shape, np.nan)
    tested = np.flatnonzero(np.isfinite(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    count = len(order)
    ranks = np.arange(1, count + 1)
    if rule == "bh":
        raised = np.minimum.accumulate((p[order] * count / ranks)[::-1])[::-1]
    else:
        raised = np.maximum.accumulate(p[order] * (count + 1 - ranks))
    larger[order] = np.minimum(raised, 1.0)
    return larger


# --- inside ----------------------------------------------------------------------------------------------------------


def _corrected(t: Floats, skew: Floats, n: Floats) -> Floats:
    """Hall's transformation of the t statistic, with a = skew / √n: t + a (t² / 3 + 1 / 6) + a² t³ / 27."""
    a = skew / np.sqrt(n)
    return np.asarray(t + a * (t**2 / 3 + 1 / 6) + a**2 * t**3 / 27)


def _uncorrected(value: Floats, skew: Floats, n: Floats) -> Floats:
    """The inverse of :func:`_corrected`: (∛(1 + a (value - a / 6)) - 1) · 3 / a."""
    a = skew / np.sqrt(n)
    safe = np.where(np.abs(a) < STILL, 1.0, a)
    bent = (np.cbrt(1 + safe * (value - safe / 6)) - 1) * 3 / safe
    return np.where(np.abs(a) < STILL, value, bent)


def _cluster_means(differences: Floats, clusters: Integers) -> Floats:
    """(G, …) the mean of each cluster's rows that were read; NaN where none was."""
    total, count = _sums(np.where(np.isfinite(differences), differences, 0.0), np.isfinite(differences), clusters)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


def _sums(values: Floats, read: NDArray[np.bool_], clusters: Integers) -> tuple[Floats, Floats]:
    """(G, …) twice: the sum of ``values`` (N, …) in each cluster, and how many of it were ``read``."""
    names, places = np.unique(clusters, return_inverse=True)
    total = np.zeros((len(names), *values.shape[1:]))
    count = np.zeros(total.shape)
    np.add.at(total, places, values)
    np.add.at(count, places, read.astype(float))
    return total, count


def _worth(away: Floats, read: NDArray[np.bool_], clusters: Integers) -> tuple[Integers, Floats]:
    """Of deviations ``away`` from their mean (0 where not read): how many clusters were read, and how many independent
    rows are worth as much as all of theirs, by the variance of the mean: between the clusters and the rows."""
    total, count = _sums(away, read, clusters)
    groups, rows = (count > 0).sum(0), count.sum(0)
    between = (total**2).sum(0) * groups / np.maximum(groups - 1, 1)
    alone = (away**2).sum(0) * rows / np.maximum(rows - 1, 1)
    largest = count.max(0, initial=1)
    # Where nothing differs, clusters say nothing of how alike their rows are: each counts as one.
    effect = np.divide(between, alone, out=largest.astype(float), where=alone > 0)
    return groups, np.asarray(np.maximum(rows, 1) / np.clip(effect, 1.0, largest))


def _where(enough: NDArray[np.bool_], estimates: Estimates) -> Estimates:
    effect, low, high, p = (
        np.where(enough, part, np.nan) for part in (estimates.effect, estimates.low, estimates.high, estimates.p)
    )
    return Estimates(effect, low, high, p, estimates.n)
