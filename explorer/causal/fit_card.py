"""How well one mechanism describes its variable: what a fit tells beside the model. Plain values; no torch."""

from __future__ import annotations

import msgspec


class Dependence(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the noise still depends on one ``cause``: their distance correlation on held-out rows (0: none), and how
    often rows in a random order have as much, ``p``."""

    cause: str
    correlation: float
    p: float


class Normality(msgspec.Struct, frozen=True, kw_only=True):
    """How far noise that should be standard normal is from it on held-out rows: ``skewness`` and excess ``kurtosis``
    (both 0 of a normal one), and ``p`` of Jarque and Bera's test of the two."""

    skewness: float
    kurtosis: float
    p: float


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What ``rows`` say about a mechanism. ``log_likelihood``: the mean logarithm of that of a row, ± ``error``
    (standard error of the mean), over all but ``impossible`` rows, which no noise gives; ``explained``: R², the share
    of the variance that the causes tell (None: there is no variance); ``dependence``: of the noise on each cause;
    ``normality``: None where the noise is not normal by construction."""

    rows: int
    impossible: int
    log_likelihood: float
    error: float
    explained: float | None
    dependence: tuple[Dependence, ...]
    normality: Normality | None


class FitCard(msgspec.Struct, frozen=True, kw_only=True):
    """How the mechanism of ``variable`` was fitted.

    ``kind``: its kind, and ``reason`` why that one. ``rows``: those it learned of; ``parameters``: how many numbers it
    has. ``held_out``: the mean logarithm of the likelihood of a row that it did not learn of, ± ``error`` (standard
    error of the mean), and ``alone``, the same without causes: what these tell is the difference. ``explained``,
    ``dependence``, ``normality``: of the same rows, as in :class:`Judgement`; files of before know no ``explained``.
    """

    variable: str
    kind: str
    reason: str
    rows: int
    held_out_rows: int
    parameters: int
    held_out: float
    error: float
    alone: float
    explained: float | None = None
    dependence: tuple[Dependence, ...] = ()
    normality: Normality | None = None
    seconds: float = 0.0
