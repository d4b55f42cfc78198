"""Which points a traversal shows: the range modes of the literature, as numbers. Torch-free, for the window lists them.

The five modes are those of disentanglement_lib's traversals (Locatello et al. 2019), evenly spaced in a still grid
instead of going there and back in time. ``position`` is where a point lies along a control's direction, in the units of
the space; along a codebook it is the number of the value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from explorer.export.options import RangeMode
from explorer.scene.cards import ControlCard, ModelCard

SHARES = (0.001, 0.999)  # of the distribution, first and last column of a range of quantiles


@dataclass(frozen=True)
class Range:
    """A mode as it is listed. ``needs``: a normal prior, the codes of pictures, or a codebook."""

    name: RangeMode
    title: str
    help: str
    needs: Literal["", "prior", "codes", "codebook"] = ""


RANGES = (
    Range("amounts", "Amounts of the slider", "The same amounts for every row, from the picture as it stands."),
    Range(
        "std_gaussian", "Quantiles of the prior", "0.1 % to 99.9 % of N(0, 1), in equal steps of probability.", "prior"
    ),
    Range(
        "fitted_gaussian",
        "Quantiles of the codes",
        "0.1 % to 99.9 % of the normal distribution with the codes' mean and variance, E σ² + Var μ.",
        "codes",
    ),
    Range("fixed_interval", "From −2 to 2", "Equal steps, the same for every row.", "prior"),
    Range("conf_interval", "Mean ± 2 deviations of the codes", "Equal steps, by each latent's own codes.", "codes"),
    Range("minmax", "Least to greatest code", "Equal steps between the smallest and the largest mean code.", "codes"),
    Range("codebook", "Values of the codebook", "A column for each learned value of a quantised latent.", "codebook"),
)


@dataclass(frozen=True)
class Spread:
    """How codes are distributed along one direction. ``deviation`` is √(E σ² + Var μ)."""

    mean: float
    deviation: float
    lowest: float
    highest: float


def range_named(mode: RangeMode) -> Range:
    """The mode called ``mode``."""
    return next(one for one in RANGES if one.name == mode)


def positions(mode: RangeMode, count: int, spread: Spread | None = None) -> tuple[float, ...]:
    """``count`` ≥ 1 positions, ascending; a single one is the middle. ``spread`` for the modes that need codes."""
    if mode in ("std_gaussian", "fitted_gaussian"):
        normal = NormalDist()
        mean, deviation = (spread.mean, spread.deviation) if mode == "fitted_gaussian" and spread else (0.0, 1.0)
        return tuple(mean + deviation * normal.inv_cdf(share) for share in even(*SHARES, count))
    if mode == "fixed_interval":
        return even(-2.0, 2.0, count)
    if mode == "codebook":
        return tuple(float(value) for value in range(count))
    assert spread is not None, mode
    if mode == "conf_interval":
        return even(spread.mean - 2 * spread.deviation, spread.mean + 2 * spread.deviation, count)
    return even(spread.lowest, spread.highest, count)


def labels(mode: RangeMode, count: int) -> tuple[str, ...]:
    """What stands above the columns: what they have in common, for their positions differ from row to row."""
    if mode in ("std_gaussian", "fitted_gaussian"):
        return tuple(f"{share:.1%}" for share in even(*SHARES, count))
    if mode == "fixed_interval":
        return tuple(f"{value:+.3g}" if value else "0" for value in even(-2.0, 2.0, count))
    if mode == "conf_interval":
        return tuple(f"{value:+.3g} sd" if value else "mean" for value in even(-2.0, 2.0, count))
    if mode == "minmax":
        middle = [f"{share:.0%}" for share in even(0.0, 1.0, count)]
        return tuple(middle) if count == 1 else ("least", *middle[1:-1], "greatest")
    return tuple(str(number) for number in range(1, count + 1))


def even(low: float, high: float, count: int) -> tuple[float, ...]:
    """``count`` numbers from ``low`` to ``high``, evenly spaced; one is the middle."""
    if count == 1:
        return ((low + high) / 2,)
    return tuple(low + (high - low) * index / (count - 1) for index in range(count))


def longest_codebook(controls: Iterable[ControlCard]) -> int:
    """The most values that a control of these has: from each of n values 2 n − 1 amounts lead to one of them."""
    return max(((len(one.detents) + 1) // 2 for one in controls), default=0)


def obstacle(mode: RangeMode, model: ModelCard, controls: Iterable[ControlCard]) -> str:
    """Why ``mode`` cannot be used on these controls of ``model``, in one sentence; empty where nothing is in the
    way."""
    needs = range_named(mode).needs
    name, space = next(iter(model.spaces.items()))
    if needs in ("prior", "codes"):
        if space.prior != "normal" or len(space.shape) != 1:
            return f"'{model.name}' has no vector with a normal prior, so this range says nothing of it."
        if needs == "codes" and "posterior" not in model.capabilities:
            return f"'{model.name}' has no encoder with a variance, so there are no codes that could give the range."
        away = next((one for one in controls if one.space != name), None)
        if away is not None:
            return f"The control '{away.name}' moves space '{away.space}', and this range is one of space '{name}'."
    if needs == "codebook" and (plain := next((one for one in controls if not one.detents), None)):
        return f"The control '{plain.name}' has no codebook; choose another range."
    return ""
