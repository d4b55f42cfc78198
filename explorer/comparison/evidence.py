"""The evidence for a method's directions: pictures drawn along them at common base codes, and what is read there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.attributes.base import AttributeReader
from explorer.comparison.calibration import calibrated, signs_of
from explorer.comparison.drawing import BATCH, Job, draw, measured_quality
from explorer.comparison.expected import with_expectations
from explorer.comparison.observing import Observed, held, observe, percentiles
from explorer.comparison.paths import walked
from explorer.comparison.recognition import recognised
from explorer.controls.base import WEIGHTS, Control, Move
from explorer.controls.control_set import ControlSet
from explorer.discovery.sampling import drawn_latents
from explorer.generators.base import Generator, Latent, Progress
from explorer.generators.editing import placed, rows_of
from explorer.metrics.base import shared
from explorer.metrics.direction_evidence import Evidence, Floats
from explorer.outputs.registry import output_of
from explorer.scene.model import Calibration

AMOUNTS = np.linspace(-1.0, 1.0, 9)
PAIRED_BASES = 24
"""Base codes at which pairs of directions are tried together; there are K (K - 1) / 2 pairs."""

SEED = 0xBA5E
CHUNK = 4  # base codes whose pictures are held at once
TIMES = (0.2, 0.6, 0.05, 0.15)  # how long calibration, pictures, moves alone, and recognition take


@dataclass(frozen=True)
class Stage:
    """On what all methods on a model are measured: ``points``, the base codes; ``observed``, the model's own pictures,
    read by ``reader`` (None: what needs attributes is left out); ``tau``, the change of a picture that one step makes,
    ``calibration``, how it is taken.
    """

    generator: Generator
    reader: AttributeReader | None
    points: Latent
    observed: Observed
    tau: float
    calibration: Calibration = "chord"


def stage(
    generator: Generator,
    reader: AttributeReader | None,
    bases: int,
    observed: int,
    tau: float,
    progress: Progress | None = None,
    seed: int = SEED,
    calibration: Calibration = "chord",
) -> Stage:
    """``bases`` base codes and ``observed`` pictures, of seeds that no search for directions uses; the same for a
    ``seed``."""
    points = next(drawn_latents(generator, bases, seed, bases))
    return Stage(generator, reader, points, observe(generator, reader, observed, seed + 1, progress), tau, calibration)


def evidence(on: Stage, controls: ControlSet, progress: Progress | None = None) -> Evidence:
    """What ``controls`` do at the base codes of ``on``, in calibrated steps. The same for the same stage and controls,
    whatever method found them."""
    calibrating, looking, walking, naming = shared(progress, TIMES)
    chosen, generator = controls.controls, on.generator
    steps = calibrated(generator, chosen, on.tau, calibrating, on.calibration)
    alphas = np.array([np.nan if one is None else one for one in steps], float)
    seen = _Seen(on, chosen, alphas)
    for start in range(0, on.points.batch, CHUNK):
        looking(start / on.points.batch)
        seen.look(range(start, min(start + CHUNK, on.points.batch)))
    looking(1.0)
    ways = walked(generator, on.points, chosen, alphas, seen.pairs, walking)
    walking(1.0)
    pairs = f"pairs at {PAIRED_BASES} base codes" if on.points.batch > PAIRED_BASES else ""
    coordinates, reason = _coordinates(on, chosen, alphas)
    found = Evidence(
        controls=tuple(one.card.name for one in chosen),
        attributes=on.observed.attributes,
        alphas=alphas,
        amounts=AMOUNTS,
        values=seen.values,
        observed=on.observed.values,
        pairs=seen.pairs,
        interactions=seen.interactions,
        cosines=seen.cosines,
        features=seen.features,
        steps=seen.steps,
        recognised=recognised(seen.thumbnails, np.isfinite(alphas), 0, naming),
        typicality=_typicality(on, chosen, alphas),
        coordinates=coordinates,
        bends=ways.bends,
        returns=ways.returns,
        orders=ways.orders,
        truth=ways.truth,
        unobserved=reason,
        notes={"additivity": pairs, **ways.notes},
    )
    return with_expectations(found, on.reader)


@dataclass
class _Seen:
    """The arrays that pictures fill, a few base codes at a time."""

    on: Stage
    controls: Sequence[Control]
    alphas: Floats

    def __post_init__(self) -> None:
        count, directions = self.on.points.batch, len(self.controls)
        card = self.on.generator.card
        self.kind = output_of(card)
        blank = torch.zeros(1, *card.shape)
        attributes = len(self.on.observed.attributes)
        self.living = [int(k) for k in np.flatnonzero(np.isfinite(self.alphas))]
        self.pairs = np.array(list(combinations(self.living, 2)), np.int64).reshape(-1, 2)
        self.values = np.full((count, directions, len(AMOUNTS), attributes), np.nan)
        self.interactions = np.full((count, len(self.pairs), 2), np.nan)
        self.cosines = np.full((count, directions, directions), np.nan)
        self.features = np.full((count, directions, self.kind.features(blank).shape[1]), np.nan)
        self.steps = np.full((count, directions, len(AMOUNTS) - 1), np.nan)
        self.thumbnails = torch.zeros(count, directions, 2, *self.kind.thumbnails(blank).shape[1:])

    def look(self, rows: range) -> None:
        """Draw all directions at all amounts at the base codes ``rows``, and read the pictures."""
        alphas = self.alphas
        jobs = [Job(row, (), ()) for row in rows]
        # By direction, so that neighbouring pictures are moved together.
        jobs += [
            Job(row, (k,), (float(alphas[k] * amount),))
            for k in self.living
            for row in rows
            for amount in AMOUNTS
            if amount != 0
        ]
        paired = [row for row in rows if row < PAIRED_BASES]
        jobs += [
            Job(row, (int(i), int(j)), (float(alphas[i]), float(alphas[j]))) for i, j in self.pairs for row in paired
        ]
        quality = measured_quality(self.on.generator.card)
        drawn = torch.cat(list(draw(self.on.generator, self.controls, self.on.points, jobs, quality)))
        base = drawn[: len(rows)]
        single = len(rows) * (1 + len(self.living) * (len(AMOUNTS) - 1))
        moved = drawn[len(rows) : single].reshape(len(self.living), len(rows), len(AMOUNTS) - 1, *drawn.shape[1:])
        half = len(AMOUNTS) // 2
        # (directions, rows, amounts, *shape): the base picture itself stands in the middle.
        middle = base[None, :, None].expand(len(self.living), *(-1,) * (base.ndim + 1))
        paths = torch.cat([moved[:, :, :half], middle, moved[:, :, half:]], 2)
        together = drawn[single:].reshape(len(self.pairs), len(paired), *drawn.shape[1:])
        if self.living:
            self._read(rows, paths)
            self._compare(rows, paths)
            self._pair(paired, base, paths[:, :, -1], together)

    def _read(self, rows: range, paths: Tensor) -> None:
        if self.on.reader is None:
            return
        shape = paths.shape[:3]
        read = [self.on.reader.read(part) for part in torch.split(paths.flatten(0, 2), BATCH)]
        values = np.concatenate(read).reshape(*shape, -1)
        self.values[np.ix_(rows, self.living)] = values.swapaxes(0, 1)

    def _compare(self, rows: range, paths: Tensor) -> None:
        shape = paths.shape[:3]
        seen = self.kind.features(paths.flatten(0, 2)).double().cpu().numpy().reshape(*shape, -1)
        where = np.ix_(rows, self.living)
        self.features[where] = (seen[:, :, -1] - seen[:, :, 0]).swapaxes(0, 1)
        self.steps[where] = np.linalg.norm(np.diff(seen, axis=2), axis=3).swapaxes(0, 1)
        half = len(AMOUNTS) // 2
        changes = []  # two of every direction: at its ends, or where it has one, there and on the way
        for k, path in zip(self.living, paths, strict=True):
            signs = signs_of(self.controls[k])
            for sign in {1, -1} - set(signs):
                self.steps[rows, k, _side(sign)] = np.nan
            end = half + signs[0] * half
            other = 0 if len(signs) == 2 else (end + half) // 2
            changes.append(torch.stack([path[:, end] - path[:, half], path[:, other] - path[:, half]], 1))
        ends = torch.stack(changes)
        small = self.kind.thumbnails(ends.flatten(0, 2)).cpu()
        small = small.reshape(*ends.shape[:3], *small.shape[1:])
        self.thumbnails[torch.tensor(rows)[:, None], torch.tensor(self.living)] = small.swapaxes(0, 1)
        # The middle two steps, ± a quarter of a calibrated one, stand for the derivative: no picture more is drawn.
        local = (paths[:, :, half + 1] - paths[:, :, half - 1]).double().flatten(2).transpose(0, 1)
        units = local / local.norm(dim=2, keepdim=True).clamp_min(1e-300)
        cosines = (units @ units.transpose(1, 2)).abs().cpu().numpy()
        self.cosines[np.ix_(rows, self.living, self.living)] = cosines

    def _pair(self, paired: Sequence[int], base: Tensor, ends: Tensor, together: Tensor) -> None:
        if not paired or not len(self.pairs):
            return
        base = base[: len(paired)].double()
        alone = {k: ends[place, : len(paired)].double() - base for place, k in enumerate(self.living)}
        for place, (i, j) in enumerate(self.pairs):
            summed = base + alone[int(i)] + alone[int(j)]
            for column, other in enumerate((summed, base)):
                distance = self.kind.distance(together[place], other)
                self.interactions[paired, place, column] = distance.cpu().numpy()


def _side(sign: int) -> slice:
    """Of the steps between amounts, those on the side of ``sign``."""
    half = len(AMOUNTS) // 2
    return slice(half, None) if sign > 0 else slice(half)


def _typicality(on: Stage, controls: Sequence[Control], alphas: Floats) -> Floats:
    generator, points = on.generator, on.points
    found = np.full((points.batch, len(controls)), np.nan)
    before: dict[str, Floats] = {}

    def places(latent: Latent, space: str) -> Floats:
        parts = [rows_of(latent, slice(start, start + BATCH)) for start in range(0, latent.batch, BATCH)]
        return np.concatenate([percentiles(held(generator, part, space), on.observed, space) for part in parts])

    for k, (control, alpha) in enumerate(zip(controls, alphas, strict=True)):
        space = control.card.space
        if np.isnan(alpha) or space == WEIGHTS or generator.card.spaces[space].prior == "uniform":
            continue
        if space not in before:
            before[space] = places(points, space)
        shifts = []
        for sign in signs_of(control):
            amounts = torch.full((points.batch,), sign * float(alpha), device=generator.device)
            shifts.append(np.abs(places(placed(generator, points, [Move(control, amounts)]), space) - before[space]))
        found[:, k] = np.mean(shifts, axis=0)
    return found


def _coordinates(on: Stage, controls: Sequence[Control], alphas: Floats) -> tuple[Floats | None, str]:
    """(n, K) coordinates c = D⁺ (z - mean) of the observed codes, the rows of D the directions at the mean code, chords
    of what depends on time (:func:`_way`); or why there are none."""
    spaces = {one.card.space for one in controls}
    if len(spaces) != 1:
        return None, f"its directions lie in several spaces ({', '.join(sorted(spaces))})"
    space = spaces.pop()
    if space == WEIGHTS:
        return None, "its directions change weights, so no code lies along them"
    codes = on.observed.codes(space)
    middle = codes.double().mean(0)
    start = middle.float().reshape(1, *on.generator.card.spaces[space].shape)
    rows = torch.stack([_way(control, alpha, start) for control, alpha in zip(controls, alphas, strict=True)])
    dual = torch.linalg.pinv(rows)  # (d, K)
    found: NDArray[np.float64] = torch.cat(
        [(part.double() - middle) @ dual for part in torch.split(codes, 256)]
    ).numpy()
    return found, ""


def _way(control: Control, alpha: float, start: Tensor) -> Tensor:
    """(d,) float64: which way ``control`` leads from ``start`` (1, *shape). What depends on time may begin at rest, so
    that its velocity there says nothing: from one end of its calibrated path to the other."""
    if not control.card.laws.timed or np.isnan(alpha):
        return control.velocity(start).flatten()
    amounts = torch.tensor([max(signs_of(control)) * alpha, min(signs_of(control)) * alpha], dtype=torch.float64)
    ends = control.move(start.double().expand(2, *start.shape[1:]), amounts)
    return (ends[0] - (ends[1] if len(signs_of(control)) == 2 else start[0])).flatten() / (2 * alpha)
