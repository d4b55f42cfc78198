"""Calibrated steps: how far each control has to go until the picture has changed by as much as with every other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.comparison.drawing import Job, draw, measured_quality
from explorer.controls.base import Control
from explorer.controls.control_set import quantities
from explorer.discovery.sampling import drawn_latents
from explorer.generators.base import Generator, Latent, Progress
from explorer.outputs.registry import output_of
from explorer.scene.model import Calibration, Quality

FARTHEST = 8.0
"""A control that does not change the picture by tau within this many times its own range has no effect."""

FIRST_SHARE = 1 / 6
"""Of the range: the first step tried (half a unit of a control that goes to ±3)."""

TOLERANCE = 0.005
"""How far, in shares of tau, the change at the amount found may be from tau."""

ROUNDS = 30

ARC_STEPS = 8
"""Into how many a path is divided along which the changes of a picture are added up: at α each changes it by about an
eighth of tau, and a picture that turns by θ on the way is short by θ² / 1536 of it."""

POINTS = 16
POINTS_SEED = 0xCA11B


def signs_of(control: Control) -> tuple[int, ...]:
    """The signs of the amounts that ``control`` has: both, or one where its card says that it has no others."""
    card = control.card
    if card.laws.negative != "none":
        return 1, -1
    return (-1,) if card.high <= 0 else (1,)  # one that is turned round has those below 0


def calibrated(
    generator: Generator,
    controls: Sequence[Control],
    tau: float,
    progress: Progress | None = None,
    calibration: Calibration = "chord",
) -> list[float | None]:
    """:func:`alphas` as the program uses them everywhere: the same points for a model, of seeds that nothing else uses,
    drawn as :func:`measured_quality` says."""
    points = next(drawn_latents(generator, POINTS, POINTS_SEED, POINTS))
    searched = quantities(controls)
    of = dict(
        zip(
            map(id, searched),
            alphas(generator, searched, points, tau, measured_quality(generator.card), progress, calibration),
            strict=True,
        )
    )
    return [of.get(id(control)) for control in controls]  # None, too, of what has no unit


def alphas(
    generator: Generator,
    controls: Sequence[Control],
    bases: Latent,
    tau: float,
    quality: Quality,
    progress: Progress | None = None,
    calibration: Calibration = "chord",
) -> list[float | None]:
    """For every control the amount α > 0, in its own unit, that changes a picture by ``tau`` (0 < tau < 1):
    E d(G(move(z, ±α)), G(z)) = tau, the mean over the points ``bases`` and the signs that it has (:func:`signs_of`), to
    half a percent of tau; d is the kind of output's :meth:`explorer.outputs.base.Output.distance`, the RMS in shares of
    the range. By ``arc`` it is the changes from each of :data:`ARC_STEPS` equal parts of the way to the next that add
    up to ``tau``: as much as the chord where the picture changes along a straight line, and more where it turns or
    comes back.

    Both signs, so that a control turned round has the same α. None where no amount up to :data:`FARTHEST` times the
    control's range does ("no effect"). All controls are searched at once, their pictures drawn together; α is a root
    that the search reaches from below, the smallest one wherever the change grows with the amount.
    """
    if not 0 < tau < 1:
        raise ValueError(f"tau is {tau}, not between 0 and 1")
    searches = [_Search(tau, max(abs(one.card.low), abs(one.card.high))) for one in controls]
    unmoved = [Job(row, (), ()) for row in range(bases.batch)]
    base = torch.cat(list(draw(generator, controls, bases, unmoved, quality)))
    for _ in range(ROUNDS):
        searching = [index for index, search in enumerate(searches) if not search.ended]
        if progress is not None:
            progress(1 - len(searching) / max(1, len(controls)))
        if not searching:
            break
        wanted = [(index, searches[index].amount) for index in searching]
        parts = ARC_STEPS if calibration == "arc" else 1
        changes = _changes(generator, controls, wanted, bases, base, quality, parts)
        for index, reached in zip(searching, changes, strict=True):
            searches[index].hear(reached)
    return [search.result for search in searches]


def _changes(
    generator: Generator,
    controls: Sequence[Control],
    wanted: Sequence[tuple[int, float]],
    bases: Latent,
    base: Tensor,
    quality: Quality,
    parts: int,
) -> list[float]:
    """The mean change that each (control, amount) makes, added up over so many equal ``parts`` of the way; the pictures
    of all drawn in common batches."""
    ways = [(index, sign * amount) for index, amount in wanted for sign in signs_of(controls[index])]
    jobs = [
        Job(row, (index,), (amount * part / parts,))
        for index, amount in ways
        for part in range(1, parts + 1)
        for row in range(len(base))
    ]
    kind, found, before = output_of(generator.card), [], base
    drawn = _in_blocks(draw(generator, controls, bases, jobs, quality), len(base))
    for number, outputs in enumerate(drawn):
        found.append(kind.distance(outputs, base if number % parts == 0 else before).cpu())
        before = outputs
    lengths = torch.stack(found).reshape(len(ways), parts, len(base)).sum(1)
    counts = [len(signs_of(controls[index])) for index, _ in wanted]
    return [float(own.flatten().mean()) for own in torch.split(lengths, counts)]


def _in_blocks(batches: Iterable[Tensor], count: int) -> Iterator[Tensor]:
    """The rows of ``batches``, ``count`` at once."""
    left: list[Tensor] = []
    for outputs in batches:
        rows = torch.cat([*left, outputs])
        whole = len(rows) - len(rows) % count
        yield from torch.split(rows[:whole], count)
        left = [rows[whole:]]


@dataclass
class _Search:
    """A root of change(amount) = tau: between a bracket's ends by the secant in logarithms, beyond them by
    proportion."""

    tau: float
    reach: float  # the control's range
    low: float = 0.0
    low_change: float = 0.0
    high: float = math.inf
    high_change: float = math.inf
    amount: float = 0.0
    found: float | None = None
    ended: bool = False

    def __post_init__(self) -> None:
        self.amount = FIRST_SHARE * self.reach
        self.ended = self.reach == 0

    @property
    def result(self) -> float | None:
        """α; where the rounds ran out, the nearest amount known to change the picture by tau at least; or None."""
        return self.found if self.ended or math.isinf(self.high) else self.high

    def hear(self, reached: float) -> None:
        """Take the change at :attr:`amount`, and choose the next amount or end."""
        if not math.isfinite(reached):
            self.ended = True
            return
        if abs(reached - self.tau) <= TOLERANCE * self.tau:
            self.found, self.ended = self.amount, True
            return
        if reached < self.tau:
            if self.amount >= FARTHEST * self.reach:
                self.ended = True
                return
            self.low, self.low_change = self.amount, reached
        else:
            self.high, self.high_change = self.amount, reached
        if math.isinf(self.high):
            growth = self.tau / reached if reached > 0 else math.inf
            self.amount = min(self.low * min(max(1.1 * growth, 1.1), 4.0), FARTHEST * self.reach)
        elif self.low == 0:
            self.amount = self.high * max(0.9 * self.tau / self.high_change, 0.05)
        else:
            self.amount = self._between()
        if math.isfinite(self.high) and self.high - self.low <= 1e-6 * self.high:
            # The picture jumps here (a step of a codebook): the nearest amount that changes it by tau at least.
            self.found, self.ended = self.high, True

    def _between(self) -> float:
        """By the secant in logarithms, kept off the ends; the middle where there is no logarithm."""
        if self.low_change <= 0 or not math.isfinite(self.high_change):
            return (self.low + self.high) / 2
        rise = math.log(self.high_change / self.low_change)
        share = math.log(self.tau / self.low_change) / rise
        width = math.log(self.high / self.low)
        return self.low * math.exp(width * min(max(share, 0.05), 0.95))
