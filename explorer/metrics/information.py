"""How much a factor and a latent tell about each other: entropies and mutual informations, in nats, from samples.

Two estimators of I(factor; latent). *Plug-in*: from the table of counts, of values that are discrete or were put into
20 equal bins from a latent's own smallest value to its largest (the histogram of disentanglement_lib); biased upwards
by about (rows − 1)(columns − 1) / 2n. *Nearest neighbours* (Ross 2014, "Mutual Information between Discrete and
Continuous Data Sets"): for continuous latents; wrong on tied values, so latents with few values take the first one.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma

from explorer.metrics.base import Codes, Floats, Labels

BINS = 20
NEIGHBOURS = 10
FEW_VALUES = 32  # a latent with no more values than this is counted as discrete
ROUNDING = 1e-12  # nats; a smaller difference of entropies is none: a share of nothing must not look like a share
JITTER = 1e-10  # of a latent's standard deviation: parts ties, as scikit-learn does


def entropy(values: Labels) -> float:
    """Plug-in entropy in nats of the values (n,), whole numbers from 0."""
    shares = np.bincount(values) / len(values)
    shares = shares[shares > 0]
    return max(0.0, float(-(shares * np.log(shares)).sum()))


def entropies(values: Labels) -> Floats:
    """(K,) entropy of every column of (n, K)."""
    return np.array([entropy(column) for column in values.T])


def discretise(values: Floats | Labels, bins: int = BINS) -> Labels:
    """(n, D) index of the equal-width bin, 0 .. bins − 1, between each column's own smallest and largest value. A
    constant column has one value."""
    found = np.empty(values.shape, np.int64)
    for j, column in enumerate(values.T):
        edges = np.linspace(column.min(), column.max(), bins + 1)[:-1]
        found[:, j] = np.searchsorted(edges, column, side="right") - 1
    return found


def plug_in(first: Labels, second: Labels) -> Floats:
    """(A, B) mutual information of every column of (n, A) with every column of (n, B), whole numbers from 0."""
    found = np.empty((first.shape[1], second.shape[1]))
    sizes = second.max(axis=0) + 1
    alone, other = entropies(first), entropies(second)
    for i, column in enumerate(first.T):
        for j in range(second.shape[1]):
            found[i, j] = alone[i] + other[j] - entropy(column * sizes[j] + second[:, j])
    return np.where(found > ROUNDING, found, 0.0)


def binned_information(data: Codes) -> Floats:
    """(D, K) plug-in mutual information of every latent, in 20 bins, with every factor."""
    return plug_in(discretise(data.codes), data.labels)


def quantised(data: Codes) -> list[bool]:
    """Which latents are counted as discrete: all of discrete codes, else those with at most 32 values."""
    return [data.discrete or len(np.unique(column)) <= FEW_VALUES for column in data.codes.T]


def nearest_neighbours(code: Floats, labels: Labels, neighbours: int = NEIGHBOURS) -> float:
    """I(label; code) of a continuous code (n,) without ties and labels (n,), after Ross (2014), not below 0.

    ψ(N) + ⟨ψ(k)⟩ − ⟨ψ(N_label)⟩ − ⟨ψ(m)⟩, k = min(neighbours, N_label − 1), m: how many points, itself included, are
    nearer than the k-th neighbour of the same label. Labels that occur once are left out. As scikit-learn's, but exact
    also for labels of few points, where that one's rounded distances count the k-th neighbour itself.
    """
    counts = np.bincount(labels)
    kept = counts[labels] > 1
    code, labels = code[kept], labels[kept]
    n = len(code)
    if n == 0:
        return 0.0
    order = np.lexsort((code, labels))
    code, labels = code[order], labels[order]
    size = counts[labels]
    place = np.arange(n)
    start = np.searchsorted(labels, labels)
    near = np.minimum(neighbours, size - 1)
    radius = np.full(n, np.inf)
    for left in range(neighbours + 1):
        # In a sorted line the k nearest are a window: ``left`` of them below, the others above.
        low, high = place - left, place + near - left
        fits = (low >= start) & (high < start + size) & (left <= near)
        reach = np.maximum(code - code[np.maximum(low, 0)], code[np.minimum(high, n - 1)] - code)
        radius = np.where(fits, np.minimum(radius, reach), radius)
    within = _counts_within(code, np.nextafter(radius, 0.0))
    psi = digamma(np.arange(1, n + 1))
    found = psi[n - 1] + psi[near - 1].mean() - psi[size - 1].mean() - psi[within - 1].mean()
    return max(0.0, float(found))


def _counts_within(code: Floats, radius: Floats) -> Labels:
    """(n,) how many of ``code`` (n,) differ by at most ``radius`` (n,) from each, itself included."""
    line = np.sort(code)
    n = len(line)
    low = np.searchsorted(line, code - radius, side="left")
    high = np.searchsorted(line, code + radius, side="right")
    # code ± radius is rounded, the differences that defined the radius were rounded otherwise: look one step further.
    low = low - (code - line[np.maximum(low - 1, 0)] <= radius) * (low > 0)
    low = low + (code - line[low] > radius)
    high = high + (line[np.minimum(high, n - 1)] - code <= radius) * (high < n)
    high = high - (line[high - 1] - code > radius)
    return np.asarray(np.maximum(high - low, 1), np.int64)


def nmi_matrix(data: Codes, seed: int = 0) -> Floats:
    """(K, D) I(factor; latent) / H(factor), the matrix of InfoMEC (Hsu et al. 2023, section 5).

    Continuous latents are standardised and estimated with 10 nearest neighbours, quantised ones from counts. A factor
    with one value has a row of zeros. May exceed 1 by the estimator's error.
    """
    jitter = np.random.default_rng([seed, 11]).standard_normal(data.codes.shape)
    discrete = quantised(data)
    found = np.zeros((len(data.factors), len(data.latents)))
    for j, column in enumerate(data.codes.T):
        if discrete[j]:
            values = np.unique(column, return_inverse=True)[1].reshape(-1, 1)
            found[:, j] = plug_in(data.labels, values)[:, 0]
            continue
        smooth = (column - column.mean()) / column.std() + JITTER * jitter[:, j]
        for i, labels in enumerate(data.labels.T):
            found[i, j] = nearest_neighbours(smooth, labels)
    whole = entropies(data.labels)[:, None]
    np.divide(found, whole, out=found, where=whole > 0)
    return found


def nmi_null(data: Codes, seed: int = 0, permutations: int = 10) -> Floats:
    """(K, D) mean of :func:`nmi_matrix` where factors and codes were permuted against each other."""
    draws = [
        nmi_matrix(data.shuffled(np.random.default_rng([seed, draw, 13])), seed + 1 + draw)
        for draw in range(permutations)
    ]
    return np.asarray(np.mean(draws, axis=0))


def nmi_estimator(data: Codes) -> str:
    """How :func:`nmi_matrix` estimates, in one line."""
    few = sum(quantised(data))
    counts = "counts of discrete values"
    if few == len(data.latents):
        return f"I / H(factor) from {counts}"
    neighbours = f"{NEIGHBOURS} nearest neighbours (Ross)"
    return f"I / H(factor) by {neighbours}" + (f"; {counts} for {few} of {len(data.latents)} latents" if few else "")
