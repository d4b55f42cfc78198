"""How mechanisms learn of rows: what every kind is given, and the loop that those without a closed form share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np
import torch
from torch import Tensor

from explorer.causal.base import Fitted
from explorer.causal.encoding import Encoding
from explorer.causal.noise_laws import NoiseLaw, equal_shares
from explorer.causal.predictor import Predictor
from explorer.ending import Progress
from explorer.errors import CausalError
from explorer.numerics.randomness import seeded
from explorer.scene.causal_graph import Variable

STEPS = 1500
BATCH = 256
RATE = 1e-2
DECAY = 1e-3
CHECK_EVERY = 50
"""Steps between looks at the rows that say when to stop."""
LEAST_DEVIATION = 1e-6
"""Of noise, in standard deviations of its variable: what nothing disturbs has noise all the same, or no density."""

Widths = tuple[int, ...]
"""Of the hidden layers of a perceptron."""


@dataclass(frozen=True)
class Rows:
    """The causes (n, P) and the values (n,) of one variable, float64."""

    parents: Tensor
    values: Tensor

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Lesson:
    """What one mechanism learns of: ``rows``, and others by which it is seen when it has learned enough (``checked``).
    ``title`` says of what, in errors."""

    variable: Variable
    causes: tuple[Variable, ...]
    rows: Rows
    checked: Rows
    widths: Widths
    seed: int
    progress: Progress

    @property
    def parents(self) -> tuple[str, ...]:
        """The names of the causes, in the order of the columns."""
        return tuple(cause.name for cause in self.causes)

    @property
    def together(self) -> Rows:
        """All rows of the lesson."""
        return Rows(
            torch.cat([self.rows.parents, self.checked.parents]), torch.cat([self.rows.values, self.checked.values])
        )

    @property
    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the values."""
        values = self.together.values
        return float(values.mean()), float(values.std())

    def predictor(self, outputs: int) -> Predictor:
        """One to be trained, of standardised causes."""
        encoding = Encoding.standardised(self.causes, self.together.parents)
        return Predictor.begun(encoding, outputs, self.widths, self.seed)


class Learned(Fitted, Protocol):
    """A kind of mechanism that :mod:`explorer.causal.fitting` may choose."""

    title: ClassVar[str]
    """What it is called in sentences."""

    @property
    def has_normal_noise(self) -> bool:
        """Whether its noise, one number, is normal by construction."""

    @classmethod
    def refusal(cls, variable: Variable, values: Tensor) -> str:
        """Why it cannot describe ``variable``, which has the ``values`` (n,), in one sentence; empty where it can."""

    @classmethod
    def size(cls, variable: Variable, encoded: int, widths: Widths) -> int:
        """How many numbers it learns, of causes that are ``encoded`` numbers."""

    @classmethod
    def learn(cls, lesson: Lesson) -> Self:
        """The mechanism that the lesson's rows teach; the same for the same lesson. Raises
        :class:`explorer.errors.Cancelled` when its progress does, :class:`CausalError` when it breaks down."""


def begin_with_line(predictor: Predictor, parents: Tensor, targets: Tensor) -> Tensor:
    """Set the affine part of ``predictor`` to the least squares of ``targets`` (n, O), of the least size where several
    are least; the residuals (n, O)."""
    encoded = predictor.encoding(parents)
    design = torch.cat([encoded, encoded.new_ones(len(encoded), 1)], dim=1)
    line: Tensor = torch.linalg.lstsq(design, targets, driver="gelsd").solution
    predictor.slopes[:, : targets.shape[1]] = line[:-1]
    predictor.bias[: targets.shape[1]] = line[-1]
    residuals: Tensor = targets - design @ line
    return residuals


def minimise(lesson: Lesson, leaves: Sequence[Tensor], loss: Callable[[Rows], Tensor]) -> None:
    """Change ``leaves`` so that ``loss(rows)``, a mean, becomes least: Adam with decay on batches, the rate falling
    as a cosine; what is left is the state that was best on the checked rows. Raises :class:`CausalError` at a number
    that is not finite."""
    rows, best, least = lesson.rows, [leaf.detach().clone() for leaf in leaves], math.inf
    for leaf in leaves:
        leaf.requires_grad_()
    optimiser = torch.optim.AdamW(list(leaves), lr=RATE, weight_decay=DECAY, foreach=True)
    try:
        for step in range(STEPS + 1):
            if step % CHECK_EVERY == 0:
                lesson.progress(step / STEPS)
                with torch.no_grad():
                    checked = float(loss(lesson.checked))
                if checked < least:
                    best, least = [leaf.detach().clone() for leaf in leaves], checked
            if step == STEPS:
                break
            for group in optimiser.param_groups:
                group["lr"] = RATE * (1 + math.cos(math.pi * step / STEPS)) / 2
            chosen = torch.randint(len(rows), (min(BATCH, len(rows)),), generator=seeded(lesson.seed, step, stream=1))
            optimiser.zero_grad()
            value = loss(Rows(rows.parents[chosen], rows.values[chosen]))
            if not bool(value.isfinite()):
                raise CausalError(
                    f"The fit of '{lesson.variable.name}' broke down at step {step + 1}: its likelihood is not finite; "
                    "choose another kind of mechanism, or look for values far outside of all others."
                )
            value.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(list(leaves), 10.0)
            optimiser.step()
    finally:
        with torch.no_grad():
            for leaf, state in zip(leaves, best, strict=True):
                leaf.requires_grad_(False).copy_(state)


def quantile_knots(residuals: Tensor, deviation: float, ends: tuple[float, float] | None = None) -> Tensor:
    """(K,) the knots of :func:`explorer.causal.noise_laws.equal_shares` of ``residuals`` (n,): the more, the more there
    are; rising, by no less than what ``deviation`` leaves visible. A number that several have stands for what lies
    nearer to it than to the next, because it was rounded."""
    count = min(max(round(2 * len(residuals) ** 0.5), 8), 128)
    shares = (np.arange(count) + 0.5) / count
    levels, counts = np.unique(residuals.numpy(), return_counts=True)
    if len(levels) == 1:
        levels, counts = np.array([levels[0], levels[0] + LEAST_DEVIATION * deviation]), np.array([len(residuals), 0])
    middles = (levels[1:] + levels[:-1]) / 2
    edges = np.array([2 * levels[0] - middles[0], *middles, 2 * levels[-1] - middles[-1]])
    knots = torch.from_numpy(np.interp(shares, np.array([0, *counts.cumsum()]) / len(residuals), edges))
    steps = knots.diff().clamp(min=LEAST_DEVIATION * deviation)
    rising = torch.cat([knots[:1], knots[0] + steps.cumsum(dim=0)])
    if ends is None:
        return rising
    # Rounding must not bring a knot to an end, or two together.
    room = (ends[1] - ends[0]) * LEAST_DEVIATION
    inside = torch.linspace(0, 1, count, dtype=rising.dtype) * room
    return torch.minimum(torch.maximum(rising, ends[0] + room + inside), ends[1] - 2 * room + inside)


def observed_knots(
    learned: Tensor, checked: Tensor, law: NoiseLaw, deviation: float, ends: tuple[float, float] | None = None
) -> Tensor | None:
    """The knots of ``learned`` and ``checked`` residuals together, where the residuals that were learned of tell the
    others better than ``law``, by more than two standard errors; else None."""
    if law.log_density is None or len(checked) < 8:
        return None
    observed = equal_shares(quantile_knots(learned, deviation, ends), ends)
    assert observed.log_density is not None
    gain = observed.log_density(checked) - law.log_density(checked)
    if not is_clear(gain):
        return None
    return quantile_knots(torch.cat([learned, checked]), deviation, ends)


def is_clear(gain: Tensor) -> bool:
    """Whether the mean of ``gain`` (n,) is above 0 by more than two standard errors."""
    error = float(gain.std()) / len(gain) ** 0.5 if len(gain) > 1 else math.inf
    return float(gain.mean()) > 2 * error
