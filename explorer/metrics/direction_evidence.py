"""What is known of the directions of one method on one model: arrays by base code, from which every measure of
directions is computed, so that a bootstrap over base codes is a choice of rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from explorer.attributes.base import Attribute

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BINS = 10
"""Quantile bins of attributes and coordinates in the observational matrix."""

LEAST_SHARE = 0.01
"""A probability whose deviation over the model's own pictures is smaller never varies: it is the network's noise."""

ROUNDING = 1e-6  # a number whose deviation is less than this share of its size never varies


@dataclass(frozen=True)
class Evidence:
    """K directions seen at N base codes and T amounts, read by A attributes; NaN: not there or not readable.

    ``amounts`` (T,) ascend from -1 to 1 in calibrated steps, 0 in the middle. ``alphas`` (K,): a calibrated step in the
    direction's own unit, NaN without effect; all its other entries are NaN then.
    """

    controls: tuple[str, ...]
    attributes: tuple[Attribute, ...]
    alphas: Floats
    amounts: Floats
    values: Floats
    """(N, K, T, A) attributes along the paths."""
    observed: Floats
    """(n, A) attributes of n pictures of the model's own."""
    pairs: Integers
    """(P, 2) the directions of each pair whose additivity was tried."""
    interactions: Floats
    """(N, P, 2): RMS(D_ij - D_i - D_j) and RMS(D_ij), D the change of the picture at one calibrated step."""
    cosines: Floats
    """(N, K, K) |cos(J d_i, J d_j)|, J the generator's Jacobian."""
    features: Floats
    """(N, K, F) features of the picture at +1 less those at -1."""
    steps: Floats
    """(N, K, T - 1) how far features go from one amount to the next; NaN where a direction has no such amounts."""
    recognised: Floats
    """(N, K) the share of pairs (picture, moved picture) whose direction a classifier named; it never saw that base."""
    typicality: Floats
    """(N, K) by how much the percentile of the point's distance from the middle of all codes moves, 0..1."""
    bends: Floats
    """(N, K) 1 - chord / arc of the path from -1 to 1 in the control's own space, 0 where it is straight."""
    returns: Floats
    """(N, K) how far from its start a point ends that goes one step and one back, as a share of the way there."""
    orders: Floats
    """(N, P) how far apart both orders of a pair end, as a share of the mean length of the two ways; NaN where the two
    do not move one space."""
    coordinates: Floats | None = None
    """(n, K) the coordinates of the n observed codes in the basis of the directions (dual basis)."""
    truth: Floats | None = None
    """(N, K, J) mean |cos| of the velocity along the path with each of J true directions, both at the point where the
    path is, weighted by the speed."""
    unobserved: str = ""
    """Why there are no coordinates."""
    targets: Integers | None = None
    """(K,) the factor of which each direction is the best do(); -1 where it is none."""
    expected: Floats | None = None
    """(N, K, T, A) the factors as the world's mechanisms say they would have been, had that factor been set to what it
    is along the path, from those read in the middle; None where no world says so."""
    notes: dict[str, str] = field(default_factory=dict)
    """By column: what a reader has to know of how it was taken here."""

    @property
    def bases(self) -> int:
        return len(self.values)

    @cached_property
    def alive(self) -> NDArray[np.bool_]:
        """(K,) which directions have an effect."""
        return np.isfinite(self.alphas)

    @cached_property
    def deviations(self) -> Floats:
        """(A,) how much each attribute varies over the model's own pictures: :func:`deviation`."""
        return np.array(
            [deviation(column, one) for one, column in zip(self.attributes, self.observed.T, strict=True)], float
        )

    @cached_property
    def varying(self) -> NDArray[np.bool_]:
        """(A,) which attributes vary over the model's own pictures at all."""
        return np.array(
            [varies(column, one) for one, column in zip(self.attributes, self.observed.T, strict=True)], bool
        )

    @cached_property
    def changes(self) -> Floats:
        """(N, K, H, A) signed changes between -s and +s for the H positive amounts s, in deviations; NaN for
        attributes that never vary."""
        middle = len(self.amounts) // 2
        after, before = self.values[:, :, middle + 1 :], self.values[:, :, :middle][:, :, ::-1]
        return self.differences(after, before)

    @cached_property
    def steadiness(self) -> Floats:
        """(N, K, A) |mean sign of the changes along the path|; NaN for categories, which have no order."""
        signs = np.sign(self.differences(self.values[:, :, 1:], self.values[:, :, :-1]))
        signs[~np.isfinite(self.steps)] = np.nan  # where it has no amounts
        found = np.abs(mean(signs, 2))
        found[:, :, [one.kind == "category" for one in self.attributes]] = np.nan
        return found

    @cached_property
    def unit_features(self) -> tuple[Floats, Floats]:
        """(N, K, F) the changes of features at length 1 (0 where there is none), and (N, K, K) their products at each
        base code."""
        clean = np.where(np.isfinite(self.features), self.features, 0.0)
        lengths = np.linalg.norm(clean, axis=2, keepdims=True)
        units = np.divide(clean, lengths, out=np.zeros_like(clean), where=lengths > 0)
        return units, units @ units.transpose(0, 2, 1)

    @cached_property
    def cells(self) -> tuple[Integers, Integers]:
        """Of the observational matrix: for every observed picture, attribute and direction (n, A, K) the cell of its
        table of counts, attribute bin · BINS + coordinate bin, -1 where unreadable; and (A,) the bins in use."""
        if self.coordinates is None:
            raise ValueError("there are no coordinates")
        attributes = np.empty(self.observed.shape, np.int64)
        for index, one in enumerate(self.attributes):
            attributes[:, index] = _binned(self.observed[:, index], one)
        coordinates = np.stack([quantile_bins(column) for column in self.coordinates.T], 1)
        cells = attributes[:, :, None] * BINS + coordinates[:, None, :]
        return np.where(attributes[:, :, None] < 0, -1, cells), attributes.max(axis=0, initial=-1) + 1

    def differences(self, after: Floats, before: Floats) -> Floats:
        """``after`` - ``before`` (…, A), in deviations, NaN for attributes that never vary."""
        found = np.full(np.broadcast_shapes(after.shape, before.shape), np.nan)
        for index in np.flatnonzero(self.varying):
            one = self.attributes[index]
            found[..., index] = difference(after[..., index], before[..., index], one) / self.deviations[index]
        return found


def difference(after: Floats, before: Floats, attribute: Attribute) -> Floats:
    """``after`` - ``before``: of a cyclic attribute the shorter way round, of a category 1 where they differ; NaN where
    either is."""
    gap = after - before
    if attribute.kind == "category":
        return np.where(np.isfinite(gap), (gap != 0).astype(float), np.nan)
    if attribute.period:
        half = attribute.period / 2
        return np.asarray(half - np.mod(half - gap, attribute.period))
    return gap


def deviation(values: Floats, attribute: Attribute) -> float:
    """The deviation of ``values`` (n,), NaN left out; NaN where none is left.

    √(E d² / 2) over all pairs, d their difference: the standard deviation of a number, and what stands for it of a
    category. Of a cyclic attribute the angular deviation √(2 (1 - R)) · period / 2π (Mardia & Jupp 2000, 2.3.15).
    """
    values = values[np.isfinite(values)]
    if not len(values):
        return np.nan
    if attribute.kind == "category":
        shares = np.unique(values, return_counts=True)[1] / len(values)
        return float(np.sqrt((1 - (shares**2).sum()) / 2))
    if attribute.period:
        resultant = abs(np.exp(2j * np.pi * values / attribute.period).mean())
        return float(np.sqrt(max(0.0, 2 * (1 - resultant))) * attribute.period / (2 * np.pi))
    return float(values.std())


def varies(values: Floats, attribute: Attribute) -> bool:
    """Whether ``values`` (n,) of an attribute differ by more than what its network's noise, or rounding, is."""
    spread = deviation(values, attribute)
    return bool(np.isfinite(spread) and spread > _least(attribute, values))


def mean(values: Floats, axis: int | tuple[int, ...]) -> Floats:
    """The mean over ``axis`` of what is finite, NaN where nothing is, without a warning."""
    finite = np.isfinite(values)
    count = finite.sum(axis)
    total = np.where(finite, values, 0.0).sum(axis)
    return np.asarray(np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0))


def quantile_bins(values: Floats, bins: int = BINS) -> Integers:
    """(n,) the bin of each of ``values`` (n,), 0 .. bins - 1, in which equal numbers of them lie; equal values share a
    bin. -1 for NaN."""
    found = np.full(len(values), -1, np.int64)
    finite = np.isfinite(values)
    if finite.any():
        edges = np.unique(np.quantile(values[finite], np.arange(1, bins) / bins))
        found[finite] = np.searchsorted(edges, values[finite], side="right")
    return found


def _binned(values: Floats, attribute: Attribute) -> Integers:
    if attribute.kind != "category":
        return quantile_bins(values)
    found = np.full(len(values), -1, np.int64)
    finite = np.isfinite(values)
    found[finite] = np.unique(values[finite], return_inverse=True)[1].reshape(-1)
    return found


def _least(attribute: Attribute, values: Floats) -> float:
    """The deviation at which ``attribute`` still counts as one that never varies."""
    if attribute.kind == "share":
        return LEAST_SHARE
    if attribute.kind == "category":
        return 0.0
    size = attribute.period or float(np.nanmax(np.abs(values), initial=0.0))
    return ROUNDING * size
