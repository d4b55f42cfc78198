"""The value of an estimand in a table of joint probabilities. Apart from :mod:`explorer.causal.estimand`, so that what
only writes formulas, as the window does, starts without numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from explorer.causal.estimand import Observed, Product, Ratio, Summed, Term

Floats = npt.NDArray[np.float64]


def evaluated(term: Term, names: Sequence[str], joint: Floats) -> Floats:
    """The value of ``term`` where the joint probabilities of ``names`` are ``joint`` (one axis for each): an array with
    the same axes, of length 1 where it does not depend on the variable.

    What never occurs counts for nothing where it is weighted with 0; where it would be needed, the value is NaN.
    """
    axes = {name: axis for axis, name in enumerate(names)}

    def margin(own: tuple[str, ...]) -> Floats:
        return _summed_out(joint, [axis for name, axis in axes.items() if name not in own])

    def value(part: Term) -> Floats:
        match part:
            case Observed(own, fixed):
                return _divided(margin((*own, *fixed)), margin(fixed))
            case Product(factors):
                return _multiplied([value(factor) for factor in factors], joint.ndim)
            case Summed(over, inner):
                gone = [axes[name] for name in over]
                terms = value(inner)
                shape = [joint.shape[axis] if axis in gone else length for axis, length in enumerate(terms.shape)]
                return _summed_out(np.broadcast_to(terms, shape), gone)
            case Ratio(above, below):
                return _divided(value(above), value(below))

    return value(term)


def _summed_out(values: Floats, gone: Sequence[int]) -> Floats:
    total: Floats = values.sum(axis=tuple(gone), keepdims=True)
    return total


def _divided(above: Floats, below: Floats) -> Floats:
    above, below = np.broadcast_arrays(above, below)
    result = np.full(above.shape, np.nan)
    np.divide(above, below, out=result, where=below > 0)
    return result


def _multiplied(factors: Sequence[Floats], dimensions: int) -> Floats:
    result, nothing = np.ones((1,) * dimensions), np.zeros((1,) * dimensions, dtype=bool)
    for factor in factors:
        result, nothing = result * factor, nothing | (factor == 0)
    result = np.where(nothing, 0.0, result)
    return result
