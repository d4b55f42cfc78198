"""The self-test of a control set: what each control changes at three units, against what changes without it.

The floors are the model's own (:class:`explorer.metrics.effect_floor.Floors`). Chance is drawn for every control by
itself: as many random directions of its space, or random changes of the same weights, as far as it goes itself.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import cast

import numpy as np
import torch
from torch import Tensor

from explorer.comparison.calibration import signs_of
from explorer.comparison.drawing import Job, draw, measured_quality
from explorer.controls.base import WEIGHTS, Control, Move, WeightChange, with_card
from explorer.controls.control_set import ControlSet, quantities
from explorer.controls.linear import LinearControl
from explorer.controls.weights import WeightsControl
from explorer.discovery.sampling import drawn_latents
from explorer.errors import ExplorerError
from explorer.generators.base import Generator, Latent, Progress
from explorer.generators.editing import edited, rows_of
from explorer.metrics.base import shared
from explorer.metrics.effect_floor import Floors, effect_score
from explorer.metrics.safe_range import Floats, OwnPictures, safe_end
from explorer.numerics.randomness import seeded
from explorer.outputs.registry import output_of
from explorer.scene.cards import ControlCard
from explorer.scene.measures import SAFE, MeasureReport, Score
from explorer.scene.model import Quality

UNITS = 3.0
"""How far each control is moved, in its unit; less where its slider ends before."""
PICTURES = 16
CHANCES = 20
"""Random directions that stand beside each control."""
ALONE = 4
"""Pictures that are drawn once more, each in a batch of its own."""
OWN = 128
"""Pictures that say what is usual of the model."""
SIDE = 8
"""Amounts to each side at which pictures are looked at for the safe range."""
SEED = 0x5E1F


def self_test(
    generator: Generator,
    controls: ControlSet,
    n: int = PICTURES,
    seed: int = 0,
    progress: Progress | None = None,
) -> MeasureReport:
    """A score for each control of ``controls`` by its name: the mean change of ``n`` pictures, in shares of the range,
    when it is moved by ±:data:`UNITS`, beside chance, rounding, the change between draft and finished picture, and the
    change from one picture to another; and how far it may be moved until its pictures are no longer as usual as the
    model's own (:mod:`explorer.metrics.safe_range`). Drawn as :func:`measured_quality` says, the same for a ``seed``.

    Raises :class:`ExplorerError` for fewer than two pictures, and where no control has amounts.
    """
    if n < 2:
        raise ExplorerError(f"A self-test of controls takes 2 pictures at least, not {n}.")
    tested = quantities(controls.controls)
    if not tested:
        raise ExplorerError(f"No control of '{controls.title}' has amounts, so there is nothing to test.")
    began = time.perf_counter()
    bench = _Bench(generator, n, seed)
    first, *shares = shared(progress, (1.0,) * (1 + len(tested)))
    rounding, draft, ceiling = bench.rounding(), bench.draft(), bench.ceiling()
    first(1.0)
    metrics: dict[str, Score] = {}
    for index, (control, share) in enumerate(zip(tested, shares, strict=True)):
        chance = bench.chance(control, seed + index)
        share(0.5)
        floors = Floors(rounding, chance.numpy(), draft, ceiling)
        ways = " and ".join(f"{amount:+g} {control.card.unit}" for amount in amounts_of(control))
        estimator = f"mean change (RMS, share of the range) at {ways}; chance: {CHANCES} random ones of the same norm"
        metrics[control.card.name] = effect_score(
            control.card.name, bench.effect(control), floors, n, estimator, bench.safe(control)
        )
        share(1.0)
    card = generator.card
    seconds = time.perf_counter() - began
    return MeasureReport(
        model=card.name, fingerprint=card.fingerprint, world="", n=n, seed=seed, metrics=metrics, seconds=seconds
    )


def with_safe_ranges(controls: ControlSet, report: MeasureReport) -> ControlSet:
    """``controls`` whose cards say how far each may be moved, as its self-test ``report`` has found."""
    made = []
    for control in controls.controls:
        score = report.metrics.get(control.card.name)
        low, high = (None, None) if score is None else (score.parts.get(name) for name in SAFE)
        safe = None if low is None or high is None else (low, high)
        made.append(with_card(control, safe=safe))
    return replace(controls, controls=tuple(made))


def amounts_of(control: Control) -> list[float]:
    """How far ``control`` is moved for its test: by :data:`UNITS` to each side that it has, or to the end of its slider
    where that comes first; of values, by no more than half their range."""
    card = control.card
    if card.shows == "value":
        reach = {1: (card.high - card.low) / 2, -1: (card.high - card.low) / 2}
    else:
        reach = {1: card.high, -1: -card.low}
    return [sign * min(UNITS, reach[sign]) for sign in signs_of(control) if reach[sign] > 0]


class _Bench:
    """Some points of a model, and their pictures."""

    def __init__(self, generator: Generator, n: int, seed: int) -> None:
        self.generator, self.quality = generator, measured_quality(generator.card)
        self.kind = output_of(generator.card)
        self.points: Latent = next(drawn_latents(generator, n, SEED + seed, n))
        self.base = torch.cat(list(draw(generator, (), self.points, self._unmoved(n), self.quality)))

    def safe(self, control: Control) -> tuple[float, float] | None:
        """Between which amounts the pictures of ``control`` stay usual, at most from end to end of its slider; None
        where that shows values."""
        card = control.card
        if card.shows == "value":
            return None
        ends = {1: 0.0, -1: 0.0}
        for sign in signs_of(control):
            reach = card.high if sign > 0 else -card.low
            if reach <= 0:
                continue
            amounts = np.linspace(0.0, sign * reach, SIDE + 1)
            jobs = [Job(row, (0,), (float(one),)) for one in amounts[1:] for row in range(len(self.base))]
            moved = draw(self.generator, (control,), self.points, jobs, self.quality)
            rows = np.concatenate([self._features(self.base), *map(self._features, moved)])
            unusual = self.own.unusualness(rows).reshape(SIDE + 1, -1)
            ends[sign] = safe_end(amounts, unusual, self.own.limit)
        return ends[-1], ends[1]

    @cached_property
    def own(self) -> OwnPictures:
        """What is usual of the model."""
        batches = drawn_latents(self.generator, OWN, SEED + 1, len(self.base))
        return OwnPictures(np.concatenate([self._features(self._drawn(points, self.quality)) for points in batches]))

    def _features(self, outputs: Tensor) -> Floats:
        return self.kind.features(outputs).double().cpu().numpy()

    def rounding(self) -> float:
        """The largest change of a picture that is drawn alone."""
        count = min(ALONE, len(self.base))
        alone = [self._drawn(rows_of(self.points, [row]), self.quality) for row in range(count)]
        return float(self.kind.distance(torch.cat(alone), self.base[:count]).max())

    def draft(self) -> float | None:
        """The mean change from the steps of a moving slider to all steps."""
        card = self.generator.card
        if not 0 < card.interactive_steps < card.full_steps:
            return None
        finished = self._changes((), self._unmoved(len(self.base)), Quality(precision="float32"))
        return float(finished.mean())

    def ceiling(self) -> float:
        """The mean change from one picture to the next."""
        return float(self.kind.distance(self.base, self.base.roll(1, 0)).mean())

    def effect(self, control: Control) -> float:
        """The mean change by ``control``."""
        jobs = [Job(row, (0,), (amount,)) for amount in amounts_of(control) for row in range(len(self.base))]
        return float(self._changes((control,), jobs, self.quality).mean())

    def chance(self, control: Control, seed: int) -> Tensor:
        """(:data:`CHANCES`,) float64: the mean change by each random one that goes as far as ``control``."""
        source = seeded(SEED, seed)
        if control.card.space == WEIGHTS:
            drawn = [self._random_weights(control, source) for _ in range(CHANCES)]
        else:
            norm = self._norm(control)
            drawn = [self._random_direction(control.card, norm, source) for _ in range(CHANCES)]
        jobs = [Job(row, (index,), (1.0,)) for index in range(CHANCES) for row in range(len(self.base))]
        return self._changes(drawn, jobs, self.quality).reshape(CHANCES, -1).mean(1)

    def _norm(self, control: Control) -> float:
        """How far ``control`` moves a point in its space, on average over points and amounts."""
        space = control.card.space
        start = self.generator.advance(self.points, space)
        norms = []
        with torch.no_grad():
            for amount in amounts_of(control):
                moved = edited(self.generator, start, [Move(control, torch.full((len(self.base),), amount))])
                places = [moved, *(point for _, point in moved.phases)]
                gaps = [(one.tensors[space] - start.tensors[space]).flatten(1).norm(dim=1) for one in places]
                norms.append(torch.stack(gaps).amax(0).mean())  # in the steps in which it acts most
        return float(torch.stack(norms).mean())

    def _random_direction(self, card: ControlCard, norm: float, source: torch.Generator) -> Control:
        """One that an amount of 1 moves by ``norm``, in all layers of ``card`` alike where its space has layers."""
        space = self.generator.card.spaces[card.space]
        shape, layers = space.shape, 1
        if space.layers:
            first, last = card.layers or (0, space.layers - 1)
            shape, layers = space.shape[-1:], last - first + 1
        direction = torch.randn(shape, generator=source)
        own = ControlCard(name="chance", space=card.space, low=-1, high=1, layers=card.layers)
        return LinearControl(own, direction * (norm / math.sqrt(layers) / float(direction.norm())))

    @staticmethod
    def _random_weights(control: Control, source: torch.Generator) -> Control:
        """One that changes the same weights, each by as much as ``control`` does on average over its amounts."""
        changes = [cast(WeightChange, control).weight_changes(amount) for amount in amounts_of(control)]
        drawn = {}
        for name, tensor in changes[0].items():
            noise = torch.randn(tensor.shape, generator=source)
            norm = sum(float(one[name].norm()) for one in changes) / len(changes)
            drawn[name] = noise * (norm / float(noise.norm()))
        return WeightsControl(ControlCard(name="chance", space=WEIGHTS, low=-1, high=1), drawn)

    def _changes(self, controls: Sequence[Control], jobs: Sequence[Job], quality: Quality) -> Tensor:
        """(len(jobs),) float64: how far the picture of each of ``jobs`` is from that of its point."""
        distances: list[Tensor] = []
        done = 0
        for outputs in draw(self.generator, controls, self.points, jobs, quality):
            rows = [job.row for job in jobs[done : done + len(outputs)]]
            distances.append(self.kind.distance(outputs, self.base[rows]).double().cpu())
            done += len(outputs)
        return torch.cat(distances)

    def _drawn(self, points: Latent, quality: Quality) -> Tensor:
        with torch.no_grad():
            return self.generator.render(points, quality)

    @staticmethod
    def _unmoved(n: int) -> list[Job]:
        return [Job(row, (), ()) for row in range(n)]
