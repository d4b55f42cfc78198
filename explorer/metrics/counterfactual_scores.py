"""How true the counterfactuals of a generator are, as scores of a report: :mod:`explorer.metrics.counterfactuals`."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from explorer.checkpoint import read_card
from explorer.errors import ExplorerError
from explorer.generators.base import Generator, Progress
from explorer.metrics.counterfactuals import CYCLES, Errors, Faithfulness, Trial, faithfulness
from explorer.metrics.imagination import GeneratorImagination
from explorer.scene.measures import Score
from explorer.worlds.base import World

FEWEST, MOST = 100, 1000
PEARL = "Pearl 2009"
MONTEIRO = "Monteiro et al. 2023"
NOISE_0 = "propagate with noise 0"


def counterfactual_scores(
    generator: Generator, world: World, n: int, seed: int = 0, progress: Progress | None = None
) -> dict[str, Score]:
    """Name → score of ``n`` identified rows of ``world`` (at most 1,000). In place of chance stands what the best
    baseline gets, the world's own mechanisms with the noise set to 0; where there is none, nothing.

    Raises :class:`ExplorerError` for a generator without a causal latent, a world in which no number causes anything,
    and fewer than 100 rows.
    """
    if n < FEWEST:
        raise ExplorerError(f"Counterfactuals need at least {FEWEST} pictures, not {n}; raise n.")
    model = GeneratorImagination(generator)
    trial = Trial(world, generator.card.size[0], min(n, MOST), seed, _gains(generator))
    return _scores(faithfulness(model, trial, progress), trial)


def _gains(generator: Generator) -> float:
    """The colour gains that the model was trained with, as its card says."""
    recipe = read_card(Path(generator.card.path)).get("recipe")
    settings = recipe.get("settings") if isinstance(recipe, dict) else None
    found = settings.get("colour_gains", 0.0) if isinstance(settings, dict) else 0.0
    return float(found) if isinstance(found, int | float) and 0 <= found < 1 else 0.0


def _scores(found: Faithfulness, trial: Trial) -> dict[str, Score]:
    read = "read from pixels; in standard deviations of the world's rows; " if trial.world.measured else ""
    estimator = (
        f"{found.rows} rows of '{trial.world.name}' that tell the noise of every effect; {read}in place of chance: "
        f"{NOISE_0}, rendered by the world"
    )
    scores: dict[str, Score] = {}
    for root, errors in found.do.items():
        baselines = found.baselines[root]
        for factor, value in errors.factors.items():
            scores[f"counterfactual_error_{root}_{factor}"] = Score(
                value=_number(value),
                null=_number(baselines[NOISE_0].factors[factor]),
                title=f"do({root}): error of {factor}",
                paper=PEARL,
                better="lower",
                estimator=estimator,
                parts={name: _number(other.factors[factor]) for name, other in baselines.items()},
                note=_interval(errors, factor) if np.isfinite(value) else "no picture shows it",
            )
        scores[f"counterfactual_psnr_{root}"] = Score(
            value=errors.psnr,
            null=baselines[NOISE_0].psnr,
            title=f"do({root}): picture, dB",
            paper=PEARL,
            estimator=estimator,
            parts={name: other.psnr for name, other in baselines.items() if name != "truth"},
            note=f"{found.own_noise[root][1]:.1f} dB with the picture's own noise set to 0",
        )
        scores[f"reversal_psnr_{root}"] = Score(
            value=found.reversal[root], title=f"do({root}) and back: picture, dB", paper=MONTEIRO, estimator=estimator
        )
    for leaf, errors in found.leaves.items():
        scores[f"leaf_error_{leaf}"] = Score(
            value=_number(errors.factors[leaf]),
            title=f"do({leaf}) by ± 2 deviations of its noise: its error",
            paper=PEARL,
            better="lower",
            estimator=estimator,
            parts={name: _number(value) for name, value in errors.factors.items()},
        )
    for cycles, psnr in found.composition.items():
        scores[f"composition_psnr_{cycles}"] = Score(
            value=psnr,
            title=f"Encoded and drawn {'once' if cycles == 1 else f'{CYCLES} times'}: picture, dB",
            paper=MONTEIRO,
            estimator=estimator,
        )
    for leaf, share in found.coverage.items():
        scores[f"interval_coverage_{leaf}"] = Score(
            value=share,
            title=f"Rows that hide the noise of {leaf}: how often the 90 % interval holds the truth",
            paper=PEARL,
            better="",
            estimator="200 draws a row; equal outcomes are ranked at random",
        )
    return {name: _in_group(score, found.rows) for name, score in scores.items()}


def _interval(errors: Errors, factor: str) -> str:
    low, high = errors.intervals[factor]
    return f"95 % interval {low:.3f} to {high:.3f}"


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _in_group(score: Score, rows: int) -> Score:
    return msgspec.structs.replace(score, group="quality", n=rows)
