"""The table: how well the probe, and the variance of the last steps, tell samples that lie off the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from statistics import fmean
from typing import Any

from sklearn.metrics import roc_auc_score
from torch import Tensor

from explorer.bench.off_data.network import network_of
from explorer.bench.off_data.scores import Scores, scored
from explorer.bench.off_data.toys import Toy, gaussians, shapes
from explorer.ending import Progress
from explorer.generators.diffusion_scheduler import DDIM, DDPM
from explorer.numerics.renoise import NOISE

SEEDS = (0, 1, 2)
SAMPLERS = ((DDPM, 1000), (DDIM, 100), (DDIM, 50))
"""By name and steps; DDPM takes all that the schedule has."""
Row = dict[str, Any]
Shown = Callable[[str], AbstractContextManager[Progress]]
"""Title of a piece of work → what takes its finished share."""


def table(shown: Shown, seeds: Sequence[int] = SEEDS, toys: Sequence[Toy] | None = None) -> list[Row]:
    """One row for each of ``toys`` (the two there are) and :data:`SAMPLERS`, over the networks of ``seeds``.

    ``off``: the share of samples that lie off the data; ``probe`` and ``window``: the area under the curve by which
    they are told from the others, ``mean``, ``low`` and ``high`` of the seeds; None where there was none to tell.
    ``forbidden``: the same of those samples alone that are what never is, and ``between`` of those alone that are not,
    by the probe, each with their ``share``.
    """
    rows = []
    for toy in toys if toys is not None else (gaussians(), shapes()):
        networks = []
        for seed in seeds:
            with shown(f"{toy.name}, seed {seed}: training") as progress:
                networks.append(network_of(toy, seed, progress))
        for sampler, steps in SAMPLERS:
            count = min(steps, len(toy.betas))
            of_seeds = []
            for seed, network in zip(seeds, networks, strict=True):
                with shown(f"{toy.name}, seed {seed}: {sampler} in {count} steps") as progress:
                    of_seeds.append(_shares_and_areas(toy, scored(toy, network, sampler, count, seed, progress)))
            rows.append({"data": toy.name, "sampler": sampler, "steps": count, "noise": NOISE, **_over_seeds(of_seeds)})
    return rows


def _shares_and_areas(toy: Toy, scores: Scores) -> Row:
    is_off, is_forbidden = toy.is_off(scores.samples), toy.is_forbidden(scores.samples)
    is_on, is_between = ~is_off, is_off & ~is_forbidden
    return {
        "off": float(is_off.float().mean()),
        "probe": area(scores.probe[is_off], scores.probe[is_on]),
        "window": area(scores.window[is_off], scores.window[is_on]),
        "forbidden_share": float(is_forbidden.float().mean()),
        "forbidden": area(scores.probe[is_forbidden], scores.probe[is_on]),
        "between_share": float(is_between.float().mean()),
        "between": area(scores.probe[is_between], scores.probe[is_on]),
    }


def area(above: Tensor, below: Tensor) -> float | None:
    """The share of pairs of one score of each, (N,) and (M,), in which that of ``above`` is larger, ties half: the area
    under the receiver operating characteristic. None where one has none."""
    if not len(above) or not len(below):
        return None
    truth = [1] * len(above) + [0] * len(below)
    return float(roc_auc_score(truth, [*above.tolist(), *below.tolist()]))


def _over_seeds(rows: Sequence[Row]) -> Row:
    """Means of shares, and of areas their range as well."""
    joined: Row = {}
    for name in rows[0]:
        values = [row[name] for row in rows if row[name] is not None]
        if name == "off" or name.endswith("_share"):
            joined[name] = fmean(values)
        else:
            joined[name] = {"mean": fmean(values), "low": min(values), "high": max(values)} if values else None
    return joined
