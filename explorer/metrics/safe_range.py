"""How far a control may be moved before its pictures leave what the model draws by itself.

Pictures are known by their features in closed form (:meth:`explorer.outputs.base.Output.features`). How unusual one is:
the mean over features of the squared deviation from the mean of the model's own pictures, in standard deviations of
these. A range is safe as far as half of the moved pictures are no more unusual than 95 of 100 of the model's own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

USUAL = 0.95
"""The share of the model's own pictures that count as usual."""


class OwnPictures:
    """What is usual of a model, from ``features`` (n, F) of pictures of its own, n ≥ 2."""

    def __init__(self, features: Floats) -> None:
        self._mean, deviation = features.mean(0), features.std(0)
        self._varying = deviation > 1e-6 * np.maximum(1.0, np.abs(self._mean))
        self._deviation = np.where(self._varying, deviation, 1.0)
        self.limit = float(np.quantile(self.unusualness(features), USUAL))

    def unusualness(self, features: Floats) -> Floats:
        """(n,) of ``features`` (n, F); 0 where nothing of the model's own pictures varies."""
        away = (features - self._mean) / self._deviation
        count = max(1, int(self._varying.sum()))
        return np.asarray(np.where(self._varying, away**2, 0.0).sum(1) / count)


def safe_end(amounts: Floats, unusual: Floats, limit: float) -> float:
    """How far to one side the pictures stay usual: ``amounts`` (T,) go away from amounts[0] = 0, ``unusual`` (T, N) is
    of N pictures at each. Where their median crosses ``limit`` first, between two amounts in proportion to their
    squares, as a mean of squares grows; the last amount where it never does, 0 where it is beyond the limit from the
    start."""
    medians = np.median(unusual, axis=1)
    beyond = np.flatnonzero(medians > limit)
    if not len(beyond):
        return float(amounts[-1])
    first = int(beyond[0])
    if first == 0:
        return 0.0
    share = (limit - medians[first - 1]) / (medians[first] - medians[first - 1])
    near, far = amounts[first - 1] ** 2, amounts[first] ** 2
    return float(np.copysign(np.sqrt(near + share * (far - near)), amounts[-1]))
