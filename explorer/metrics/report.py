"""All measures of one model on one world, or of several models on the same pictures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from explorer.errors import ExplorerError, instead
from explorer.generators.base import Generator, Progress
from explorer.metrics.base import Codes, Measure, check_count, scored, shared
from explorer.metrics.counterfactual_scores import counterfactual_scores
from explorer.metrics.encoding import encoded
from explorer.metrics.infomec import unpruned
from explorer.metrics.information import nmi_estimator, nmi_matrix, nmi_null
from explorer.metrics.quality import sample_quality
from explorer.metrics.registry import all_measures
from explorer.metrics.rotation import best_rotation, rotate
from explorer.metrics.udr import udr
from explorer.metrics.world_pictures import has_encoder, world_for
from explorer.scene.cards import Badge
from explorer.scene.measures import (
    COUNTERFACTUALS,
    Group,
    MeasureOptions,
    MeasureReport,
    Rotation,
    Score,
    Selection,
    Violin,
)
from explorer.worlds.attributes import has_predictor
from explorer.worlds.base import World

QUALITY, UDR = "quality", "udr"
"""What may be named besides the measures of codes and :data:`COUNTERFACTUALS`: the quality of samples, and the
comparison of several models."""

_TITLES = {QUALITY: "Quality of samples", UDR: "UDR"}
QUALITY_PICTURES = 2000
_MATRIX_COST, _QUALITY_COST, _COUNTERFACTUALS_COST = 2.0, 20.0, 60.0  # seconds, as the cost of a measure
DEAR = 5.0
"""Seconds at 5,000 pictures from which on a measure is left out where the options are quick."""

VIOLIN_BINS = 40
"""Equal bins of a latent's distribution, from its smallest code to its largest."""

_SELECTED: dict[Selection, tuple[Badge, ...]] = {"non-passive": ("active", "mixed"), "active": ("active",)}


@dataclass(frozen=True, eq=False)
class _Subject:
    """A model with what is measured: its codes (None: no encoder), the badges of their columns, how a pair of them was
    turned."""

    generator: Generator
    world: World
    codes: Codes | None = None
    badges: tuple[Badge, ...] = ()
    rotation: Rotation | None = None
    seconds: float = 0.0


def measure_model(generator: Generator, options: MeasureOptions, progress: Progress | None = None) -> MeasureReport:
    """The report of one model: :func:`measure_models`."""
    return measure_models([generator], options, progress)[0]


def measure_models(
    generators: Sequence[Generator], options: MeasureOptions, progress: Progress | None = None
) -> list[MeasureReport]:
    """A report for each model; the same for the same options. Several models with a posterior on one world are also
    compared with one another (UDR). ``progress`` hears the finished share, and may raise
    :class:`explorer.errors.Cancelled`.

    What these data do not allow (too few pictures, no posterior variance) is in the report without a value, with the
    reason, unless ``options`` name it: then, as for unknown names, a model that cannot be measured, and a selection
    that leaves nothing, :class:`ExplorerError` is raised.
    """
    _check(options, len(generators))
    # Every model is encoded before any is measured: what is wrong with a later one is said before the long wait.
    first, second = shared(progress, (1.0, 4.0))
    subjects = [
        _subject(generator, options, share)
        for generator, share in zip(generators, shared(first, (1.0,) * len(generators)), strict=True)
    ]
    wanted = len(subjects) > 1 and UDR in (options.measures or (UDR,))
    compared = _compared(subjects, options) if wanted else [{} for _ in subjects]
    shares = shared(second, (1.0,) * len(subjects))
    return [_report(*each, options) for each in zip(subjects, compared, shares, strict=True)]


def _check(options: MeasureOptions, models: int) -> None:
    """What can be refused before anything is encoded."""
    measures = all_measures()
    known = [*measures, QUALITY, UDR, COUNTERFACTUALS]
    for name in options.measures:
        if name not in known:
            raise ExplorerError(f"There is no measure '{name}'; {instead(name, known)}")
        if name in measures:
            check_count(measures[name], options.n)
    if UDR in options.measures and models < 2:
        raise ExplorerError(f"'{UDR}' compares models; give at least two VAEs of one world.")
    fewest = min(measure.minimum for measure in measures.values())
    if options.n < fewest:
        raise ExplorerError(
            f"{options.n} pictures are so few that chance would swamp every measure; n must be at least {fewest}."
        )


# --- codes -----------------------------------------------------------------------------------------------------------


def _subject(generator: Generator, options: MeasureOptions, progress: Progress) -> _Subject:
    """The model's codes as the options want them: encoded, selected by badge, turned."""
    started = time.perf_counter()
    world = world_for(generator, options.world)
    name = generator.card.name
    if options.measures == (COUNTERFACTUALS,):
        return _Subject(generator, world)
    if not has_encoder(generator):
        wanted = [measure for measure in options.measures if measure not in (QUALITY, UDR)]
        chosen = options.selection != "all" or options.rotation
        if wanted or chosen or options.sampling != "independent":
            what = "it has no latents to choose or to turn" if chosen else "no pictures of a world are drawn for it"
            what = f"'{wanted[0]}' cannot be taken" if wanted else what
            raise ExplorerError(f"'{name}' has no encoder, so {what}; what can be measured is '{QUALITY}'.")
        if not has_predictor(world.name):
            raise ExplorerError(
                f"'{name}' has no encoder, and there is no attribute predictor of the world '{world.name}' that could "
                "measure its samples."
            )
        return _Subject(generator, world)
    found = encoded(generator, world, options.n, options.seed, progress, options.sampling)
    unknown: Badge = ""
    badges: tuple[Badge, ...] = (unknown,) * len(found.codes.latents)
    if found.activity is not None:
        badges = found.activity.badges
    codes = found.codes
    if options.selection != "all":
        if found.activity is None:
            raise ExplorerError(
                f"'{name}' has no posterior variance, so none of its latents is active or passive; choose all."
            )
        columns = [j for j, badge in enumerate(badges) if badge in _SELECTED[options.selection]]
        if not columns:
            raise ExplorerError(
                f"None of the {len(badges)} latents of '{name}' is {options.selection} on the world '{world.name}'; "
                "choose all."
            )
        codes, badges = codes.only(columns), tuple(badges[j] for j in columns)
    rotation = options.rotation
    if rotation is not None:
        if options.best_rotation:
            angle = best_rotation(codes, rotation.first, rotation.second, options.seed)
            rotation = msgspec.structs.replace(rotation, degrees=angle)
        codes, badges = rotate(codes, rotation), _turned(codes, badges, rotation)
    return _Subject(generator, world, codes, badges, rotation, time.perf_counter() - started)


def _turned(codes: Codes, badges: tuple[Badge, ...], rotation: Rotation) -> tuple[Badge, ...]:
    """Badges after a rotation: two latents of one badge keep it; of a mixture of two nothing is said."""
    pair = (codes.latents.index(rotation.first), codes.latents.index(rotation.second))
    same = badges[pair[0]] if badges[pair[0]] == badges[pair[1]] else ""
    return tuple(same if j in pair else badge for j, badge in enumerate(badges))


def violins(codes: Codes) -> tuple[Violin, ...]:
    """The distribution of every latent's codes."""
    found = []
    for column in codes.codes.T:
        density, edges = np.histogram(column, VIOLIN_BINS, density=True)
        low, middle, high = (float(value) for value in np.quantile(column, (0.25, 0.5, 0.75)))
        found.append(
            Violin(
                low=float(edges[0]),
                high=float(edges[-1]),
                density=tuple(float(value) for value in density),
                quartiles=(low, middle, high),
            )
        )
    return tuple(found)


# --- the report ------------------------------------------------------------------------------------------------------


def _report(
    subject: _Subject, compared: dict[str, Score], progress: Progress, options: MeasureOptions
) -> MeasureReport:
    started = time.perf_counter()
    card, codes = subject.generator.card, subject.codes
    named = options.measures
    measures = [measure for name, measure in all_measures().items() if codes is not None and name in (named or (name,))]
    if options.quick and not named:
        measures = [measure for measure in measures if measure.cost < DEAR]
    costs = [measure.cost * (measure.permutations + 1) for measure in measures]
    wants_quality = QUALITY in (named or (QUALITY,))
    wants_counterfactuals = COUNTERFACTUALS in named
    last = [_QUALITY_COST * wants_quality, _COUNTERFACTUALS_COST * wants_counterfactuals]
    parts = shared(progress, [_MATRIX_COST, *costs, *last])
    report = MeasureReport(
        model=card.name,
        fingerprint=card.fingerprint,
        world=subject.world.name,
        n=options.n,
        seed=options.seed,
        sampling=options.sampling,
        selection=options.selection,
        rotation=subject.rotation,
    )
    if codes is not None:
        kept = unpruned(codes)
        report = msgspec.structs.replace(
            report,
            latents=codes.latents,
            pruned=tuple(latent for latent, keep in zip(codes.latents, kept, strict=True) if not keep),
            badges=subject.badges,
            violins=violins(codes),
            factors=codes.factors,
            nmi=_rows(nmi_matrix(codes, options.seed)),
            nmi_null=_rows(nmi_null(codes, options.seed)),
            estimator=nmi_estimator(codes),
        )
    parts[0](1.0)
    metrics: dict[str, Score] = {}
    for measure, part in zip(measures, parts[1:-2], strict=True):
        assert codes is not None  # there are measures only where there are codes
        metrics |= _scores(measure, codes, options, part)
    metrics |= compared
    if wants_quality:
        metrics |= _quality(subject, options, parts[-2])
    if wants_counterfactuals:
        metrics |= counterfactual_scores(subject.generator, subject.world, options.n, options.seed, parts[-1])
    if metrics and all(score.value is None for score in metrics.values()):
        raise ExplorerError(f"Nothing can be measured on '{card.name}': {next(iter(metrics.values())).note}")
    seconds = subject.seconds + time.perf_counter() - started
    return msgspec.structs.replace(report, metrics=metrics, seconds=seconds)


def _compared(subjects: Sequence[_Subject], options: MeasureOptions) -> list[dict[str, Score]]:
    """UDR of each model among those on its world whose latents have a divergence; without another one, the reason."""
    found: list[dict[str, Score]] = [{} for _ in subjects]
    for world in {subject.world.name: None for subject in subjects}:
        here = [index for index, subject in enumerate(subjects) if subject.world.name == world]
        peers = [
            (index, codes.codes, codes.kl)
            for index in here
            if (codes := subjects[index].codes) is not None and codes.kl is not None
        ]
        try:
            if len(peers) < 2:
                raise ExplorerError(f"UDR needs two VAEs on the world '{world}' whose latents are not turned.")
            scores = udr([codes for _, codes, _ in peers], [kl for _, _, kl in peers], seed=options.seed)
        except ExplorerError as error:
            if options.measures:
                raise
            scores, peers = (), []
            for index in here:
                found[index] = _missing(UDR, str(error), "disentanglement")
        for (index, _, _), score in zip(peers, scores, strict=True):
            found[index] = {UDR: score}
    return found


def _scores(measure: Measure, codes: Codes, options: MeasureOptions, progress: Progress) -> dict[str, Score]:
    try:
        return scored(measure, codes, options.seed, progress=progress)
    except ExplorerError as error:
        if options.measures:
            raise
        return {
            name: Score(
                value=None,
                title=title,
                paper=measure.paper,
                better=measure.better,
                group=measure.group,
                n=codes.n,
                note=str(error),
            )
            for name, title in measure.titles.items()
        }


def _quality(subject: _Subject, options: MeasureOptions, progress: Progress) -> dict[str, Score]:
    if not has_predictor(subject.world.name) and not options.measures:
        return _missing(QUALITY, f"there is no attribute predictor of the world '{subject.world.name}'", "quality")
    n = min(options.n, QUALITY_PICTURES)
    try:
        return sample_quality(subject.generator, subject.world.name, n, options.seed, progress)
    except ExplorerError as error:
        if options.measures:
            raise
        return _missing(QUALITY, str(error), "quality")


def _missing(name: str, note: str, group: Group) -> dict[str, Score]:
    return {name: Score(value=None, title=_TITLES[name], group=group, note=note)}


def _rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(value) for value in row) for row in matrix)
