"""The numbers of a method's row: every measure of its directions over all seeds, with its interval and its null."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student

from explorer.metrics.direction_columns import MEASURES, DirectionMeasure
from explorer.metrics.direction_evidence import Evidence, Floats, mean
from explorer.metrics.direction_measures import Sample
from explorer.metrics.guards import joined
from explorer.scene.comparison import Column, Direction, Figure

DRAWS_OBSERVED = 200
"""Bootstrap draws of the measures on observed pictures, each of which reads thousands."""

SEEDS_TO_COMPARE = 3

_NO_WORLD = "the attributes are not those of a world in which something causes something"
_NEEDED = {
    "counterfactual": ("expected", _NO_WORLD),
    "unpropagated": ("expected", _NO_WORLD),
    "typicality": ("typicality", "no direction moves a point of a space whose codes have a middle"),
    "nonlinearity": ("bends", "no direction moves a point"),
    "round_trip": ("returns", "no direction moves a point"),
    "order_dependence": ("orders", "no two directions move points of one space"),
}
"""By column: the array of the evidence without a number of which there is none, and what is said then."""

COLUMNS: tuple[Column, ...] = tuple(one.column for one in MEASURES)


def figures(
    evidences: Sequence[Evidence], nulls: Sequence[Evidence] = (), bootstrap: int = 1000, seed: int = 0
) -> dict[str, Figure]:
    """By column the figure of a method: the mean over ``evidences``, one a seed, of the measure on all rows.

    The interval is the middle 95 % of ``bootstrap`` draws of base codes (of observed pictures, where the measure is
    taken on these: at most :data:`DRAWS_OBSERVED`), the same rows for all seeds. From three seeds on, how much they
    differ is added in quadrature, by Student's t: a bootstrap of three values would be far too narrow. The interval
    always holds the value (where redrawing biases a measure it is widened), and ends where the measure does. The
    null is the mean over ``nulls``, evidence of random directions. A measure that is not defined for any seed has the
    value None, and its note says why.
    """
    found = {}
    for measure in MEASURES:
        if reason := _undefined(measure, evidences):
            found[measure.column.name] = Figure(value=None, note=reason)
    defined = [measure for measure in MEASURES if measure.column.name not in found]
    values = np.array([_values(defined, _whole(one)) for one in evidences]).reshape(len(evidences), len(defined))
    chance = np.array([_values(defined, _whole(one)) for one in nulls]).reshape(len(nulls), len(defined))
    draws = _draws(defined, evidences, bootstrap, seed)
    for index, measure in enumerate(defined):
        value = float(mean(values[:, index], 0))
        null = float(mean(chance[:, index], 0))
        low, high = _interval(draws[:, index], values[:, index], measure)
        found[measure.column.name] = Figure(
            value=value if np.isfinite(value) else None,
            low=low,
            high=high,
            null=null if np.isfinite(null) else None,
            note=_note(measure, evidences, bool(np.isfinite(value))),
        )
    return {measure.column.name: found[measure.column.name] for measure in MEASURES}


def described(evidence: Evidence) -> tuple[Direction, ...]:
    """The directions of ``evidence``: their steps and what they do to each attribute, rows still unmatched."""
    sample = _whole(evidence)
    signed = signed_effects(evidence)
    information = None if evidence.coordinates is None else sample.information.T
    return tuple(
        Direction(
            name=name,
            alpha=float(evidence.alphas[k]) if evidence.alive[k] else None,
            effects=_or_none(sample.effects[k]),
            signed=_or_none(signed[k]),
            information=() if information is None else _or_none(information[k]),
        )
        for k, name in enumerate(evidence.controls)
    )


def signed_effects(evidence: Evidence) -> Floats:
    """(K, A) mean signed change of each attribute between -1 and +1 calibrated step, in deviations; NaN for categories,
    which have no sign, as for what never varies or has no effect."""
    found = mean(evidence.changes[:, :, -1], 0)
    found[:, [one.kind == "category" for one in evidence.attributes]] = np.nan
    return found


def signatures(evidence: Evidence) -> Floats:
    """(K, S) what tells directions apart by their effect, the same S for all methods on a model: signed effects, and of
    a category the change of each level's share; without an attribute that varies, the mean change of the features. 0
    where there is no effect.

    All evidence that is matched must come from the same observed pictures.
    """
    if not evidence.varying.any():
        return np.nan_to_num(mean(evidence.features, 0))
    signed, columns = signed_effects(evidence), []
    for index in np.flatnonzero(evidence.varying):
        attribute = evidence.attributes[index]
        if attribute.kind != "category":
            columns.append(signed[:, index])
            continue
        levels = np.unique(evidence.observed[np.isfinite(evidence.observed[:, index]), index])
        before, after = evidence.values[:, :, 0, index], evidence.values[:, :, -1, index]
        for level in levels:
            gap = np.where(np.isfinite(after - before), (after == level) * 1.0 - (before == level), np.nan)
            columns.append(mean(gap, 0) / evidence.deviations[index])
    return np.nan_to_num(np.stack(columns, 1))


def _whole(evidence: Evidence) -> Sample:
    return Sample(evidence, np.arange(evidence.bases), np.arange(len(evidence.observed)))


def _values(measures: Sequence[DirectionMeasure], sample: Sample) -> list[float]:
    """Each measure of ``sample``, NaN where it is not defined."""
    return [
        np.nan if _lacks(measure, sample.evidence) or (value := measure.value(sample)) is None else value
        for measure in measures
    ]


def _draws(measures: Sequence[DirectionMeasure], evidences: Sequence[Evidence], bootstrap: int, seed: int) -> Floats:
    """(bootstrap, measures) the mean over the seeds of each measure on redrawn rows; NaN where there is none."""
    source = np.random.default_rng([seed, 0xB007])
    found = np.full((bootstrap, len(measures)), np.nan)
    for draw in range(bootstrap):
        start = source.integers(2**63)
        used = [one for one in measures if one.on != "observed" or draw < DRAWS_OBSERVED]
        values = []
        for evidence in evidences:
            rows = np.random.default_rng(start)  # the same rows for every seed: these share their base codes
            bases = rows.integers(evidence.bases, size=evidence.bases)
            pictures = rows.integers(max(1, len(evidence.observed)), size=len(evidence.observed))
            values.append(_values(used, Sample(evidence, bases, pictures, redrawn=True)))
        found[draw, [measures.index(one) for one in used]] = mean(np.array(values), 0)
    return found


def _interval(draws: Floats, values: Floats, measure: DirectionMeasure) -> tuple[float | None, float | None]:
    """Of the ``draws`` and of the ``values`` (S,) of the seeds; None where there is nothing to draw from."""
    drawn, seeds = draws[np.isfinite(draws)], values[np.isfinite(values)]
    if len(drawn) < 2 or not len(seeds):
        return None, None
    value, between = float(seeds.mean()), 0.0
    if len(seeds) >= SEEDS_TO_COMPARE:
        between = float(student.ppf(0.975, len(seeds) - 1) * seeds.std(ddof=1) / np.sqrt(len(seeds)))
    low, high = (float(one) for one in np.quantile(drawn, [0.025, 0.975]))
    least, most = measure.bounds
    below, above = np.hypot(max(value - low, 0.0), between), np.hypot(max(high - value, 0.0), between)
    return max(value - float(below), min(least, value)), min(value + float(above), max(most, value))


def _lacks(measure: DirectionMeasure, evidence: Evidence) -> str:
    """What ``evidence`` lacks for ``measure``, or ''."""
    if not evidence.alive.any():
        return "no direction has an effect"
    if measure.on == "truth":
        return "" if evidence.truth is not None else "the true directions are not known"
    array, reason = _NEEDED.get(measure.column.name, ("", ""))
    if reason and (getattr(evidence, array) is None or not np.isfinite(getattr(evidence, array)).any()):
        return reason
    if measure.on in ("attributes", "observed") and not evidence.varying.any():
        return "no attribute varies" if evidence.attributes else "there are no attributes"
    if measure.on == "observed" and evidence.coordinates is None:
        return evidence.unobserved or "there are no coordinates"
    return ""


def _undefined(measure: DirectionMeasure, evidences: Sequence[Evidence]) -> str:
    """Why ``measure`` is not defined for any of ``evidences``, or ''."""
    reasons = [_lacks(measure, one) for one in evidences]
    return reasons[0] if all(reasons) else ""


def _note(measure: DirectionMeasure, evidences: Sequence[Evidence], defined: bool) -> str:
    dead = sum(int((~one.alive).sum()) for one in evidences)
    total = sum(len(one.alphas) for one in evidences)
    still = ""
    if measure.on in ("attributes", "observed"):
        one = evidences[0]
        names = [name.name for name, varies in zip(one.attributes, one.varying, strict=True) if not varies]
        still = f"without {', '.join(names)}: never varies" if names else ""
    return joined(
        "" if defined else "too few directions with an effect, or attributes that vary",
        f"{dead} of {total} without effect" if dead else "",
        still,
        evidences[0].notes.get(measure.column.name, ""),
    )


def _or_none(values: Floats) -> tuple[float | None, ...]:
    return tuple(float(one) if np.isfinite(one) else None for one in values)
