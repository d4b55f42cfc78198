"""What measures that train predictors share: the split into training and test pictures, and logistic regression."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from explorer.metrics.base import Codes, Floats, Labels

Model = TypeVar("Model", bound=Any)

TEST_SHARE = 3  # one picture in three tests: 10,000 and 5,000 of 15,000, as in the study of Locatello et al. (2019)


def split_sizes(n: int, train: int, test: int) -> tuple[int, int]:
    """How many of n pictures train and test: two thirds and one third, and no more than ``train`` and ``test``."""
    return min(train, n - n // TEST_SHARE), min(test, n // TEST_SHARE)


def split(data: Codes, seed: int, train: int = 10_000, test: int = 5_000) -> tuple[Codes, Codes]:
    """Disjoint pictures drawn from ``data`` for training and testing, in the sizes of :func:`split_sizes`."""
    order = np.random.default_rng([seed, 17]).permutation(data.n)
    first, second = split_sizes(data.n, train, test)
    return _rows(data, order[:first]), _rows(data, order[first : first + second])


def _rows(data: Codes, rows: Labels) -> Codes:
    sampled = None if data.sampled is None else data.sampled[rows]
    return replace(data, codes=data.codes[rows], labels=data.labels[rows], sampled=sampled)


def split_line(n: int, train: int = 10_000, test: int = 5_000) -> str:
    """The sizes of :func:`split`, for an estimator's line."""
    first, second = split_sizes(n, train, test)
    return f"{first} pictures train, {second} others test"


def logistic_regression(
    features: ArrayLike | Any, labels: Labels, strength: float = 1.0, balanced: bool = False
) -> LogisticRegression:
    """Multinomial logistic regression by scikit-learn's defaults (lbfgs, at most 100 steps, tolerance 1e-4), penalised
    by ‖w‖² / 2·``strength``, not at all where that is infinite. Needs two labels."""
    return fitted(LogisticRegression(C=strength, class_weight="balanced" if balanced else None), features, labels)


def fitted(model: Model, features: ArrayLike | Any, labels: Labels, **settings: Any) -> Model:
    """``model`` after its ``fit`` with ``settings``, without scikit-learn's advice: the published measures stop after
    100 steps whether or not the optimum was reached, and take factors of any number of levels as classes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", message="The number of unique classes", category=UserWarning)
        model.fit(features, labels, **settings)
    return model


def standardised(codes: Floats, like: Floats | None = None) -> Floats:
    """Codes (n, D) with the mean 0 and the variance 1 of ``like`` (itself); a constant column becomes 0."""
    like = codes if like is None else like
    spread = like.std(axis=0)
    # A constant column's standard deviation is not 0 but rounding: dividing by it would make noise of it.
    still = like.max(axis=0) == like.min(axis=0)
    return np.where(still, 0.0, (codes - like.mean(axis=0)) / np.where(still, 1.0, spread))
