"""How true the counterfactuals of a generator are, as scores of a report: :mod:`explorer.metrics.counterfactuals`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import numpy as np
import torch

from explorer.checkpoint import read_card
from explorer.errors import ExplorerError
from explorer.generators.base import Generator, Progress
from explorer.metrics.counterfactual_distances import TRUTH, Distance, Features
from explorer.metrics.counterfactual_trial import Errors, Trial
from explorer.metrics.counterfactuals import CYCLES, LEVEL, Faithfulness, faithfulness
from explorer.metrics.imagination import GeneratorImagination
from explorer.metrics.quality import HEUSEL, MINIMUM
from explorer.numerics.distances import decibels
from explorer.scene.measures import Score
from explorer.training.batch import as_images
from explorer.worlds.attributes import attributes_of, has_predictor
from explorer.worlds.base import World

FEWEST, MOST = 100, 1000
PEARL = "Pearl 2009"
MONTEIRO = "Monteiro et al. 2023"
MELISTAS = "Melistas et al. 2024"
SZEKELY = "Székely & Rizzo 2013"
BASELINES = ("see", "do without propagation", "reconstruct", "propagate with noise 0", TRUTH)
"""In the order in which they are beaten; the last is the ceiling."""
TOO_LITTLE = 0.02
"""Of minimality: below the truth by this, and a model is said to change too little."""

PERMUTED = "chance: pictures permuted among rows"

Made = Iterator[tuple[str, Score]]


def counterfactual_scores(
    generator: Generator, world: World, n: int, seed: int = 0, progress: Progress | None = None
) -> dict[str, Score]:
    """Name → score of ``n`` identified rows of ``world`` (at most 1,000), each beside its chance level, its baselines
    and the ceiling.

    Raises :class:`ExplorerError` for a generator without a causal latent, a world in which no number causes anything,
    and fewer than 100 rows.
    """
    if n < FEWEST:
        raise ExplorerError(f"Counterfactuals need at least {FEWEST} pictures, not {n}; raise n.")
    model = GeneratorImagination(generator)
    trial = Trial(world, generator.card.size[0], min(n, MOST), seed, _gains(generator))
    found = faithfulness(model, trial, progress, _features(world, generator.device))
    scores = (*_of_roots(found, trial), *_of_leaves(found), *_of_pictures(found), *_of_distributions(found, trial))
    return {name: msgspec.structs.replace(score, group="counterfactuals", n=found.rows) for name, score in scores}


def _gains(generator: Generator) -> float:
    """The colour gains that the model was trained with, as its card says."""
    recipe = read_card(Path(generator.card.path)).get("recipe")
    settings = recipe.get("settings") if isinstance(recipe, dict) else None
    found = settings.get("colour_gains", 0.0) if isinstance(settings, dict) else 0.0
    return float(found) if isinstance(found, int | float) and 0 <= found < 1 else 0.0


def _features(world: World, device: torch.device) -> Features | None:
    """Of the world's attribute predictor, where there is one."""
    if not has_predictor(world.name):
        return None
    attributes = attributes_of(world.name, device)
    return lambda pictures: attributes.features(as_images(pictures))


def _of_roots(found: Faithfulness, trial: Trial) -> Made:
    """Effectiveness for every factor, and the picture."""
    estimator = (
        f"{found.rows} rows of '{trial.world.name}' that tell the noise of every effect, read from pixels; in standard "
        f"deviations of the world's rows; {PERMUTED}"
    )
    for root, errors in found.do.items():
        baselines = {name: found.baselines[root][name] for name in BASELINES}
        for factor, value in errors.factors.items():
            score = Score(
                value=_number(value),
                null=_number(errors.chance[factor]),
                baselines={name: _number(other.factors[factor]) for name, other in baselines.items()},
                title=f"do({root}): error of {factor}",
                paper=MONTEIRO,
                better="lower",
                estimator=estimator,
                note=_interval(errors, factor) if np.isfinite(value) else "no picture shows it",
            )
            yield f"counterfactual_error_{root}_{factor}", score
        score = Score(
            value=_number(errors.psnr),
            null=_number(decibels(errors.chance_mse)),
            baselines={name: _number(other.psnr) for name, other in baselines.items() if name != TRUTH},
            title=f"do({root}): picture, dB",
            paper=PEARL,
            estimator=f"against the world's own counterfactual of {found.rows} rows of '{trial.world.name}' that tell "
            f"the noise of every effect; {PERMUTED}",
        )
        yield f"counterfactual_psnr_{root}", score
        kept, lost = found.own_noise[root]
        score = Score(
            value=_number(kept - lost),
            null=0.0,
            baselines={"its own noise kept": _number(kept), "set to 0": _number(lost)},
            title=f"do({root}): what the picture's own noise is worth, dB",
            paper=PEARL,
            estimator="decibels of the counterfactual with the noise that no factor tells, less with it set to 0; "
            "chance: the noise carries nothing",
        )
        yield f"own_noise_gain_{root}", score


def _of_leaves(found: Faithfulness) -> Made:
    for leaf, errors in found.leaves.items():
        score = Score(
            value=_number(errors.factors[leaf]),
            null=_number(errors.chance[leaf]),
            baselines={"reconstruct": _number(found.unset[leaf].factors[leaf])},
            title=f"do({leaf}) by ± 2 deviations of its noise: its error",
            paper=PEARL,
            better="lower",
            estimator=f"in standard deviations of the world's rows; {PERMUTED}",
            parts={name: _number(value) for name, value in errors.factors.items()},
        )
        yield f"leaf_error_{leaf}", score


def _of_pictures(found: Faithfulness) -> Made:
    """Composition and reversibility, and the intervals of what is not unique."""
    for cycles, psnr in found.composition.items():
        title = f"Composition: encoded and drawn {'once' if cycles == 1 else f'{CYCLES} times'}, dB"
        yield f"composition_psnr_{cycles}", _decibels(title, psnr, found.composition_chance[cycles])
    for root, psnr in found.reversal.items():
        title = f"Reversibility: do({root}) and back, dB"
        yield f"reversal_psnr_{root}", _decibels(title, psnr, found.reversal_chance[root])
    for leaf, share in found.coverage.items():
        score = Score(
            value=share,
            null=LEVEL,
            null_name="nominal",
            title=f"Rows that hide the noise of {leaf}: how often the 90 % interval holds the truth",
            paper=PEARL,
            better="",
            estimator="200 draws a row; equal outcomes are ranked at random",
        )
        yield f"interval_coverage_{leaf}", score


def _decibels(title: str, psnr: float, chance: float) -> Score:
    return Score(value=_number(psnr), null=_number(chance), title=title, paper=MONTEIRO, estimator=PERMUTED)


def _of_distributions(found: Faithfulness, trial: Trial) -> Made:
    """Realism, interventional distance and minimality."""
    features = f"features of the attribute predictor of '{trial.world.name}', of unit variance"
    titles = {
        "interventional": (
            "distance from the world's do()",
            SZEKELY,
            f"energy distance (0 to 1) of the value set and {'the factors read' if trial.world.measured else features} "
            "from the model's own pictures to the world's; chance: values permuted against pictures",
            "interventional_distance",
        ),
        "realism": (
            "realism, Fréchet distance",
            HEUSEL,
            f"{features}, from true counterfactuals of other rows; chance: every pixel from another picture",
            "realism",
        ),
        "minimality": (
            "minimality",
            MELISTAS,
            f"counterfactual latent distance (0 to 1), {features}; chance: the counterfactual of another row",
            "minimality",
        ),
    }
    for measure, (title, paper, estimator, name) in titles.items():
        for root, distances in found.distances.items():
            distance = distances.get(measure)
            note = _note(measure, distance) if distance else _why_missing(measure, trial)
            score = Score(
                value=_number(distance.value) if distance else None,
                null=_number(distance.chance) if distance else None,
                baselines=_in_order(distance.baselines) if distance else {},
                title=f"do({root}): {title}",
                paper=paper,
                better="lower",
                estimator=estimator,
                note=note,
            )
            yield f"{name}_{root}", score


def _note(measure: str, distance: Distance) -> str:
    if measure == "minimality" and distance.value < distance.baselines[TRUTH] - TOO_LITTLE:
        return "less than the truth has: too little changes, or too little follows"
    return ""


def _why_missing(measure: str, trial: Trial) -> str:
    if not has_predictor(trial.world.name):
        return f"there is no attribute predictor of the world '{trial.world.name}'"
    return f"'{measure}' needs at least {MINIMUM} pictures; raise n"


def _in_order(baselines: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _number(baselines[name]) for name in BASELINES if name in baselines}


def _interval(errors: Errors, factor: str) -> str:
    low, high = errors.intervals[factor]
    return f"95 % interval {low:.3f} to {high:.3f}"


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
