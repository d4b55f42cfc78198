"""How effects are written, the same in the window, on the command line and in files. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import quantiles

from explorer.scene.effects import (
    BEYOND,
    LEVEL,
    STRANGE,
    Cause,
    Effect,
    EffectOptions,
    EffectOutcome,
    EffectReport,
    Multiplicity,
)
from explorer.scene.measure_text import DASH
from explorer.scene.number_text import number_text

RULES: dict[Multiplicity, str] = {
    "bh": "Benjamini and Hochberg",
    "holm": "Holm",
}

QUARTERED = 8  # so many base codes have a middle half

_PROMISES: dict[Multiplicity, str] = {
    "bh": "of the effects with q below 0.05, at most one in twenty is expected to be none, if the tests are "
    "independent or positively dependent",
    "holm": "with q below 0.05, the chance that even a single one is none is at most 5 %, however the tests depend",
}


def multiplicity_text(rule: Multiplicity, tests: int) -> str:
    """Which p values were adjusted, how, and what that promises."""
    count = f"{tests} effect{'' if tests == 1 else 's'}"
    return f"q: p adjusted by {RULES[rule]} for the {count} tested; {_PROMISES[rule]}"


def rules_of(
    options: EffectOptions, causes: Sequence[Cause], outcomes: Sequence[EffectOutcome], tests: int
) -> tuple[str, ...]:
    """The sentences that say how the numbers were taken."""
    told = [
        f"Paired: the same {options.bases} base codes, drawn without truncation, at every level of every cause; "
        + _beside(options),
        "Effect: the mean change of the outcome from the start to the end of the cause's own range. Curves: the mean "
        "change from the reference at every level, also beyond that range.",
        f"Intervals: {LEVEL:.0%}, each for itself, over base codes: Student's t corrected for skewness (Hall 1992)"
        + ("; of probabilities, adjusted Wald (Bonett and Price 2012)" if _has(outcomes, "category") else "")
        + "; p is of the same statistic.",
        f"{multiplicity_text(options.multiplicity, tests)}.",
    ]
    if _has(outcomes, "category"):
        told.append("Categories: the change of the probability of each level.")
    if _has(outcomes, "cyclic"):
        told.append(
            "Cyclic outcomes are followed from level to level, the shorter way round, so that whole turns count."
        )
    strange = f"more than {STRANGE:.0%} of base codes show what none of {options.observed} pictures of the model's does"
    if any(cause.farther for cause in causes):
        strange = f"fewer than {BEYOND:.0%} of the model's own codes lie as far from their middle, or {strange}"
    told.append(f"Outside the data, shaded: {strange}.")
    return tuple(told)


def conditions(report: EffectReport) -> str:
    """On what the numbers were taken, in one line."""
    options = report.options
    parts = [
        report.title,
        f"{report.n} base codes",
        f"{len(report.causes[0].levels)} levels" if report.causes else "",
        f"others randomised, {options.draws} draw{'' if options.draws == 1 else 's'}"
        if options.others != "held"
        else "",
        f"seed {options.seed}",
        f"{report.pictures} pictures",
    ]
    return " · ".join(part for part in parts if part)


def figure(value: float | None, signed: bool = False) -> str:
    """Three digits, ``−0.0312``, with a plus where ``signed``; a dash where there is none."""
    if value is None:
        return DASH
    text = f"{value:+.3g}" if signed and value else f"{value:.3g}"
    return text.replace("-", "−")


def interval(effect: Effect) -> str:
    """``[0.28, 0.344]``, or nothing."""
    if effect.low is None or effect.high is None:
        return ""
    return f"[{figure(effect.low)}, {figure(effect.high)}]"


def chance_text(value: float | None, name: str = "q") -> str:
    """``q = 0.012``, ``q < 0.001``, or nothing."""
    if value is None:
        return ""
    return f"{name} < 0.001" if value < 0.001 else f"{name} = {value:.3f}"


def heading(outcome: EffectOutcome) -> str:
    """``hue (turns)``."""
    return f"{outcome.name} ({outcome.unit})" if outcome.unit else outcome.name


def read_as(outcome: EffectOutcome) -> str:
    """What it is a change of: ``hue``, ``the probability of shape: cube``."""
    return f"the probability of {outcome.name}" if outcome.kind == "category" else outcome.name


def quartiles(ascending: Sequence[float]) -> tuple[float, float]:
    """Between which of these numbers, in ascending order, the middle half of them lies."""
    low, _, high = quantiles(ascending, n=4, method="inclusive")
    return low, high


def range_text(cause: Cause) -> str:
    """From where to where its effects are: ``−3 to 3 σ``."""
    # Six digits: ends are often those of rows in single precision, whose seventh digit and on say nothing.
    ends = " to ".join(number_text(float(f"{end:.6g}")) for end in (cause.start, cause.end))
    return f"{ends} {cause.unit}".strip().replace("-", "−")


def sentence(effect: Effect, cause: Cause, outcome: EffectOutcome) -> str:
    """What one effect is, in words."""
    moved = f"{cause.name} from {range_text(cause)}"
    if effect.effect is None:
        return f"Too few base codes were read to say what moving {moved} does to {read_as(outcome)}."
    unit = f" {outcome.unit}" if outcome.unit else ""
    own = sorted(value for value in effect.individual if value is not None)
    clear = "" if effect.is_clear else "; not told from none"
    parts = [
        f"Moving {moved} changes {read_as(outcome)} by {figure(effect.effect, signed=True)}{unit} {interval(effect)}",
        f" ({chance_text(effect.q)}, {effect.n} base codes{clear})",
    ]
    if effect.same_way is not None and outcome.kind != "category" and len(own) >= QUARTERED:
        low, high = (figure(quantile, signed=True) for quantile in quartiles(own))
        parts.append(f"; {effect.same_way:.0%} of them change this way, the middle half by {low} to {high}")
    if effect.monotonicity is not None:
        parts.append(f"; monotonicity {figure(effect.monotonicity)}")
    return "".join(parts) + "." + (f" Note: {effect.note}." if effect.note else "")


def shaded(cause: Cause, effect: Effect) -> tuple[tuple[float, float], ...]:
    """Where a curve lies outside the data, from level to level; between one that does and one that does not, half of
    the way."""
    outside = list(cause.outside)
    if effect.beyond:
        outside = [far or strange > STRANGE for far, strange in zip(outside, effect.beyond, strict=True)]
    levels = cause.levels
    edges = [levels[0], *((one + other) / 2 for one, other in pairwise(levels)), levels[-1]]
    spans: list[tuple[float, float]] = []
    for index, is_outside in enumerate(outside):
        if is_outside and spans and spans[-1][1] == edges[index]:
            spans[-1] = (spans[-1][0], edges[index + 1])
        elif is_outside:
            spans.append((edges[index], edges[index + 1]))
    return tuple(spans)


def strongest(report: EffectReport) -> float:
    """The largest effect in deviations that is told from none: the full colour of a matrix. 1 where there is none."""
    return max((abs(one.standardised or 0.0) for one in report.effects if one.is_clear), default=0.0) or 1.0


def _beside(options: EffectOptions) -> str:
    if options.others == "held":
        return "all else stays what each base code has."
    times = "" if options.draws == 1 else f", {options.draws} times for every base code, which counts once"
    return f"the other controls are moved at random within their ranges, alike at all levels{times}."


def _has(outcomes: Sequence[EffectOutcome], kind: str) -> bool:
    return any(outcome.kind == kind for outcome in outcomes)
