"""Effect scans: a control moved to its levels at common base codes, everything else as it was, and what is read there.

After the causal disentanglement with extreme values of Beguš, Leban and Gero (2023), made general: any control of any
set, any attribute, and of every number how sure it is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.attributes.base import Attribute, AttributeReader
from explorer.attributes.registry import open_reader
from explorer.comparison.drawing import BATCH, Job, draw, measured_quality
from explorer.comparison.effect_levels import Levels, levels_of
from explorer.comparison.observing import Observed, held, observe, percentiles
from explorer.controls.base import WEIGHTS, Control, Move
from explorer.controls.control_set import ControlSet, quantities
from explorer.discovery.sampling import drawn_latents
from explorer.errors import ExplorerError
from explorer.generators.base import Generator, Latent, Progress
from explorer.generators.editing import placed, rows_of
from explorer.metrics.base import shared
from explorer.metrics.effect_scan import FEWEST, Floats, Integers
from explorer.scene.effects import EffectOptions

SEED = 3_000_000
"""What is added to the seed of a scan: from different seeds different points are drawn, and no search has these."""

MOST_BASES, MOST_LEVELS, MOST_DRAWS = 4096, 201, 64
LEAST_REACH, MOST_REACH = 0.1, 100.0
LEAST_OBSERVED, MOST_OBSERVED = 100, 1_000_000


@dataclass(frozen=True)
class Scanned:
    """What was read: of each cause its ``levels`` and ``values`` (R, T, A) of the attributes, ``farther`` (T,) the mean
    share of the model's own codes that lie farther from their middle, or None; ``observed`` (n, A) of the model's own
    pictures; ``clusters`` (R,) the base code of each row, where there are several rows of one; ``pictures`` drawn."""

    causes: tuple[str, ...]
    attributes: tuple[Attribute, ...]
    levels: tuple[Levels, ...]
    values: tuple[Floats, ...]
    farther: tuple[Floats | None, ...]
    observed: Floats
    clusters: Integers | None
    pictures: int
    seconds: float


def check(options: EffectOptions) -> None:
    """Raise :class:`ExplorerError` with one sentence for what no scan can be made with, before anything is drawn."""
    _within("The number of base codes", options.bases, FEWEST, MOST_BASES)
    _within("The number of levels", options.levels, 2, MOST_LEVELS)
    _within("The reach of a scan, in ranges of a control,", options.reach, LEAST_REACH, MOST_REACH)
    _within("The number of draws", options.draws, 1, MOST_DRAWS)
    _within("The number of observed pictures", options.observed, LEAST_OBSERVED, MOST_OBSERVED)
    if options.others == "held" and options.draws > 1:
        raise ExplorerError(
            "Several draws at a base code differ only where the other controls are moved at random; randomise them, or "
            "ask for one draw."
        )
    if options.low is not None and options.high is not None and not options.low < options.high:
        raise ExplorerError(
            f"A range from {options.low:g} to {options.high:g} is empty; its end must be above its start."
        )


def scan(
    generator: Generator, controls: ControlSet, options: EffectOptions, progress: Progress | None = None
) -> Scanned:
    """Move every cause to its levels and read the outcomes; the same for the same model, set and options.

    ``progress`` hears the finished share, and may raise :class:`explorer.errors.Cancelled`. Raises
    :class:`ExplorerError` with one sentence for names that are not there, attributes that cannot be read, and values
    that a control does not know.
    """
    started = time.perf_counter()
    check(options)
    reader = open_reader(options.attributes, generator.card, generator)
    columns = _columns(reader, options.outcomes)
    causes = _causes(controls, options.causes)
    points = next(drawn_latents(generator, options.bases, SEED + options.seed, options.bases))
    levels = tuple(levels_of(generator, controls.controls[index], points, options) for index in causes)
    rows, others = _setting(controls.controls, options)
    count = len(rows) * sum(len(one.numbers) for one in levels)
    observing, drawing, placing = shared(progress, (options.observed, count, 0.02 * count))
    observed = observe(generator, reader, options.observed, SEED + options.seed + 1_000_000, observing)
    values = _read(generator, controls.controls, reader, points, _jobs(causes, levels, rows, others), drawing)
    split = np.split(values[:, columns], np.cumsum([len(rows) * len(one.numbers) for one in levels])[:-1])
    farther = []
    for place, (index, one) in enumerate(zip(causes, levels, strict=True)):
        placing(place / len(causes))
        farther.append(_farther(generator, controls.controls[index], one, points, observed))
    placing(1.0)
    return Scanned(
        causes=tuple(controls.controls[index].card.name for index in causes),
        attributes=tuple(reader.attributes[column] for column in columns),
        levels=levels,
        values=tuple(part.reshape(len(rows), -1, len(columns)) for part in split),
        farther=tuple(farther),
        observed=observed.values[:, columns],
        clusters=rows if options.draws > 1 else None,
        pictures=count + options.observed,
        seconds=time.perf_counter() - started,
    )


Setting = tuple[tuple[int, float, bool], ...]
"""Of one row: which other controls are moved, by which amounts, or to which values (True)."""


def _setting(controls: Sequence[Control], options: EffectOptions) -> tuple[Integers, tuple[Setting, ...]]:
    """(R,) the base code of each row, and for each what else is moved there, the same at every level and for every
    cause. Changes of weights stay: each would be a network of its own."""
    rows = np.repeat(np.arange(options.bases), options.draws)
    if options.others == "held":
        return rows, ((),) * len(rows)
    source = np.random.default_rng([options.seed, 0x07E5])
    settings = []
    for _ in rows:
        setting = []
        for index, control in enumerate(controls):
            card, share = control.card, source.random()
            if card.space == WEIGHTS or card.cases is not None:
                continue
            number = card.low + (card.high - card.low) * share
            if card.detents:
                number = card.detents[int(share * len(card.detents))]
            setting.append((index, float(number), card.shows == "value"))
        settings.append(tuple(setting))
    return rows, tuple(settings)


def _jobs(causes: Sequence[int], levels: Sequence[Levels], rows: Integers, others: Sequence[Setting]) -> list[Job]:
    """One a picture: cause by cause, row by row, level by level; moves in the order of the set."""
    jobs = []
    for cause, one in zip(causes, levels, strict=True):
        is_value = one.holds == "value"
        for row, setting in zip(rows, others, strict=True):
            beside = [move for move in setting if move[0] != cause]
            for number in one.numbers:
                moves = sorted([*beside, (cause, float(number), is_value)])
                numbers = tuple(index for index, _, _ in moves)
                absolute = tuple(index for index, _, sent in moves if sent)
                jobs.append(Job(int(row), numbers, tuple(amount for _, amount, _ in moves), absolute))
    return jobs


def _read(
    generator: Generator,
    controls: Sequence[Control],
    reader: AttributeReader,
    points: Latent,
    jobs: Sequence[Job],
    progress: Progress,
) -> Floats:
    """(jobs, A) the attributes of the pictures of ``jobs``; no more of these than a batch is held."""
    parts = []
    for number, outputs in enumerate(draw(generator, controls, points, jobs, measured_quality(generator.card))):
        parts.append(reader.read(outputs))
        progress(min(1.0, (number + 1) * BATCH / len(jobs)))
    return np.concatenate(parts)


def _farther(
    generator: Generator, control: Control, levels: Levels, points: Latent, observed: Observed
) -> Floats | None:
    """(T,) the share of the model's own codes that lie farther from their middle than base codes at each level, the
    mean over these; None of weights, on a sphere, where lengths do not count, and in ``h``, of which to read what the
    bottleneck holds takes as long as to draw the picture."""
    space = control.card.space
    if space in (WEIGHTS, "h") or generator.card.spaces[space].sphere:
        return None
    return np.array(
        [1 - np.mean(_ranks(generator, control, levels, number, points, observed)) for number in levels.numbers]
    )


def _ranks(
    generator: Generator, control: Control, levels: Levels, number: float, points: Latent, observed: Observed
) -> Floats:
    """(N,) the percentile of the distance from the middle of each base code, moved to the level ``number``."""
    ranks = []
    for start in range(0, points.batch, BATCH):
        part = rows_of(points, slice(start, start + BATCH))
        moved = placed(generator, part, [_move(control, levels, number, part.batch, generator.device)])
        ranks.append(percentiles(held(generator, moved, control.card.space), observed, control.card.space))
    return np.concatenate(ranks)


def _move(control: Control, levels: Levels, number: float, count: int, device: torch.device) -> Move:
    if levels.holds == "value":
        return Move(control, torch.full((count,), number, dtype=torch.float64), True)
    amounts: Tensor = torch.full((count,), number, device=device)
    return Move(control, amounts)


def _causes(controls: ControlSet, names: Sequence[str]) -> list[int]:
    """The numbers of the controls ``names``, in the order of the set; where none is named, all along which there is
    something to measure."""
    wanted = [controls.control(name) for name in dict.fromkeys(names)] or quantities(controls.controls)
    return [index for index, control in enumerate(controls.controls) if control in wanted]


def _columns(reader: AttributeReader, names: Sequence[str]) -> list[int]:
    """The columns of the attributes ``names``; all where none is named. Raises :class:`ExplorerError` for others."""
    known = [one.name for one in reader.attributes]
    for name in names:
        if name not in known:
            raise ExplorerError(f"'{reader.name}' reads no attribute '{name}'; it reads {', '.join(known)}.")
    return [column for column, name in enumerate(known) if not names or name in names]


def _within(what: str, number: float, low: float, high: float) -> None:
    if not low <= number <= high:
        raise ExplorerError(f"{what} is {number:g}; it must be between {low:g} and {high:g}.")
