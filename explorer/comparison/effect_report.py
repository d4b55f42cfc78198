"""The report of an effect scan: from what was read to effects with intervals, and the sentences that say how."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np

from explorer.attributes.base import Attribute
from explorer.comparison.effect_levels import Levels
from explorer.comparison.effect_scan import Scanned, scan
from explorer.controls.control_set import ControlSet
from explorer.generators.base import Generator, Progress
from explorer.metrics.direction_evidence import ROUNDING, deviation, mean, varies
from explorer.metrics.effect_scan import (
    Estimates,
    Floats,
    adjusted,
    changes,
    guessed,
    indicators,
    mean_effects,
    monotonicity,
    secants,
    share_effects,
)
from explorer.metrics.guards import joined
from explorer.scene.effect_text import multiplicity_text, rules_of
from explorer.scene.effects import LEVEL, Cause, Effect, EffectOptions, EffectOutcome, EffectReport
from explorer.scene.model import ControlSetRef, ModelRef

NOTED = 0.05
"""From this share on, readings that are missing or guessed are said."""

ONE_LEVEL = 2  # a category of so many levels has one probability; the other is the rest


def effects(
    model: ModelRef,
    chosen: ControlSetRef,
    generator: Generator,
    controls: ControlSet,
    options: EffectOptions,
    progress: Progress | None = None,
) -> EffectReport:
    """What the controls of ``controls``, which ``chosen`` names, cause on ``generator``, which ``model`` names: see
    :func:`explorer.comparison.effect_scan.scan`, which raises what this raises."""
    return reported(model, chosen, generator, controls, options, scan(generator, controls, options, progress))


def reported(
    model: ModelRef,
    chosen: ControlSetRef,
    generator: Generator,
    controls: ControlSet,
    options: EffectOptions,
    scanned: Scanned,
) -> EffectReport:
    """The report of what was ``scanned``."""
    card = generator.card
    cards_by_name = {control.card.name: control.card for control in controls.controls}
    causes = tuple(
        Cause(
            name=name,
            space=cards_by_name[name].space,
            unit=cards_by_name[name].unit if levels.holds == cards_by_name[name].shows else "",
            holds=levels.holds,
            levels=tuple(levels.numbers.tolist()),
            reference=float(levels.numbers[levels.reference]),
            start=float(levels.numbers[levels.start]),
            end=float(levels.numbers[levels.end]),
            farther=() if farther is None else tuple(farther.tolist()),
        )
        for name, levels, farther in zip(scanned.causes, scanned.levels, scanned.farther, strict=True)
    )
    outcomes = _outcomes(scanned)
    raw = [_effect(scanned, cause, outcome) for cause in range(len(causes)) for outcome in outcomes]
    q = adjusted(np.array([np.nan if one.p is None else one.p for one in raw], float), options.multiplicity)
    tested = int(np.isfinite(q).sum())
    cards = tuple(outcome.card for outcome in outcomes)
    return EffectReport(
        model=msgspec.structs.replace(model, fingerprint=card.fingerprint),
        name=card.name,
        controls=chosen,
        title=controls.title,
        options=options,
        causes=causes,
        outcomes=cards,
        effects=tuple(msgspec.structs.replace(effect, q=_number(share)) for effect, share in zip(raw, q, strict=True)),
        n=options.bases,
        level=LEVEL,
        multiplicity=multiplicity_text(options.multiplicity, tested),
        contract=rules_of(options, causes, cards, tested),
        pictures=scanned.pictures,
        seconds=scanned.seconds,
    )


@dataclass(frozen=True)
class _Outcome:
    """``card`` reads column ``column``; of a category, whether it has ``level``."""

    card: EffectOutcome
    column: int
    attribute: Attribute
    level: float | None = None

    @property
    def is_probability(self) -> bool:
        return self.level is not None

    def read(self, values: Floats) -> Floats:
        """``values`` (…) of the attribute as this outcome."""
        return values if self.level is None else indicators(values, self.level)

    def changed(self, values: Floats, reference: int) -> Floats:
        """(R, T) by how much readings (R, T) differ from those at the reference."""
        if self.is_probability:
            return changes(self.read(values), reference, Attribute(""))
        differences = changes(values, reference, self.attribute)
        read = np.abs(values[np.isfinite(values)])
        size = self.attribute.period or float(read.max(initial=0.0))
        # The last bits of a reading depend on the batch that it was read in: they are no effect.
        return np.where(np.abs(differences) < ROUNDING * size, 0.0, differences)

    def estimated(self, differences: Floats, scanned: Scanned) -> Estimates:
        estimate = share_effects if self.is_probability else mean_effects
        return estimate(differences, LEVEL, scanned.clusters)


def _outcomes(scanned: Scanned) -> list[_Outcome]:
    """One an attribute; of a category one for each level that was seen, or for the second of two."""
    outcomes = []
    for column, attribute in enumerate(scanned.attributes):
        observed = scanned.observed[:, column]
        if attribute.kind != "category":
            outcomes.append(_Outcome(_card(attribute, observed), column, attribute))
            continue
        seen = np.concatenate([observed, *(values[:, :, column].ravel() for values in scanned.values)])
        present = np.unique(seen[np.isfinite(seen)])
        for level in present[1:] if len(present) <= ONE_LEVEL else present:
            label = _label(attribute, float(level))
            spread = deviation(indicators(observed, level), Attribute(""))
            card = EffectOutcome(
                name=f"{attribute.name}: {label}",
                attribute=attribute.name,
                kind="category",
                label=label,
                deviation=spread if np.isfinite(spread) and spread > 0 else None,
            )
            outcomes.append(_Outcome(card, column, attribute, float(level)))
    return outcomes


def _card(attribute: Attribute, observed: Floats) -> EffectOutcome:
    read = observed[np.isfinite(observed)]
    is_cyclic = attribute.period > 0
    has_ends = len(read) > 0 and not is_cyclic
    return EffectOutcome(
        name=attribute.name,
        attribute=attribute.name,
        kind="cyclic" if is_cyclic else "share" if attribute.kind == "share" else "number",
        unit=attribute.unit,
        period=attribute.period,
        deviation=deviation(observed, attribute) if varies(observed, attribute) else None,
        low=float(read.min()) if has_ends else None,
        high=float(read.max()) if has_ends else None,
    )


def _label(attribute: Attribute, level: float) -> str:
    if attribute.labels and level in attribute.levels:
        return attribute.labels[attribute.levels.index(level)]
    return f"{level:g}"


def _effect(scanned: Scanned, cause: int, outcome: _Outcome) -> Effect:
    levels, readings = scanned.levels[cause], scanned.values[cause][:, :, outcome.column]
    differences = outcome.changed(readings, levels.reference)
    contrast = differences[:, levels.end] - differences[:, levels.start]
    whole, curve = outcome.estimated(contrast, scanned), outcome.estimated(differences, scanned)
    effect = _number(whole.effect)
    own = _by_base(contrast, scanned)
    read = own[np.isfinite(own)]
    way = levels.numbers[levels.start : levels.end + 1]
    slopes = secants(differences[:, levels.start : levels.end + 1], way)
    ends = [_at_reference(part, levels, curve) for part in (curve.effect, curve.low, curve.high)]
    spread = outcome.card.deviation
    return Effect(
        cause=scanned.causes[cause],
        outcome=outcome.card.name,
        effect=effect,
        low=_number(whole.low),
        high=_number(whole.high),
        p=_number(whole.p),
        n=len(read),
        standardised=effect / spread if effect is not None and spread else None,
        secant=_number(mean(slopes, 0)),
        monotonicity=monotonicity(differences),
        same_way=float((np.sign(read) == np.sign(effect)).mean()) if effect and len(read) else None,
        individual=_numbers(own),
        level_at_reference=_level(readings[:, levels.reference], outcome),
        curve=_numbers(ends[0]),
        curve_low=_numbers(ends[1]),
        curve_high=_numbers(ends[2]),
        beyond=_beyond(readings, outcome.card),
        note=_note(readings, outcome),
    )


def _at_reference(part: Floats, levels: Levels, curve: Estimates) -> Floats:
    """Nothing differs from itself, whatever is assumed of probabilities that have not been seen to change."""
    part = part.copy()
    if np.isfinite(curve.effect[levels.reference]):
        part[levels.reference] = 0.0
    return part


def _by_base(contrast: Floats, scanned: Scanned) -> Floats:
    """(N,) the mean of the draws at each base code."""
    if scanned.clusters is None:
        return contrast
    return np.array([mean(contrast[scanned.clusters == base], 0) for base in np.unique(scanned.clusters)])


def _level(readings: Floats, outcome: _Outcome) -> float | None:
    """The mean of ``readings``; of a cyclic outcome the mean direction."""
    values = outcome.read(readings)
    period = 0.0 if outcome.is_probability else outcome.attribute.period
    if not period:
        return _number(mean(values, 0))
    turns = np.exp(2j * np.pi * values[np.isfinite(values)] / period)
    if not len(turns) or abs(turns.mean()) < 1e-9:
        return None
    return float(np.mod(np.angle(turns.mean()) / (2 * np.pi), 1.0) * period)


def _beyond(readings: Floats, card: EffectOutcome) -> tuple[float, ...]:
    """At each level the share of rows that show what none of the model's own pictures does; unreadable ones do."""
    if card.low is None or card.high is None:
        return ()
    outside = ~((readings >= card.low) & (readings <= card.high))
    return tuple(outside.mean(0).tolist())


def _note(readings: Floats, outcome: _Outcome) -> str:
    missing = float((~np.isfinite(readings)).mean())
    wide = 0.0 if outcome.is_probability else guessed(readings, outcome.attribute)
    return joined(
        f"{missing:.0%} of its readings are missing" if missing >= NOTED else "",
        f"{wide:.0%} of its steps are wider than a quarter of a turn, so the way round is a guess: scan more levels"
        if wide >= NOTED
        else "",
        "it is the same in all of the model's own pictures" if outcome.card.deviation is None else "",
    )


def _number(value: Floats | np.floating | float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _numbers(values: Floats) -> tuple[float | None, ...]:
    return tuple(_number(value) for value in values)
