"""How measures are written, the same in the window, on the command line and in files. No torch."""

from __future__ import annotations

from collections.abc import Sequence

from explorer.scene.measures import SAFE, MeasureReport, Rotation, Score
from explorer.scene.number_text import number_text

GROUPS = {
    "disentanglement": "Disentanglement",
    "latents": "Dependence of latents (less is better)",
    "quality": "Quality of samples",
    "counterfactuals": "Counterfactuals",
    "controls": "What controls change",
}
"""The groups of measures in the order of a table → their headings."""

OF_CODES = "of codes scaled to unit variance"
OF_AXES = "in units of the prior"
"""In which units a pair is turned: before measuring, and as sliders."""

DASH = "–"
"""What stands where there is no number."""


CHANCE = "chance"
_OF_GROUPS = {"quality": "data"}
"""What ``null`` is of where a score does not name it, by group; of the others it is chance."""


def null_name(score: Score) -> str:
    """What the number that stands beside the score is of: ``chance``, ``data``."""
    return score.null_name or _OF_GROUPS.get(score.group, CHANCE)


def null_text(score: Score) -> str:
    """That number as a column of chance levels shows it: ``0.020``, and where it is not chance ``data 0.020``; empty
    where there is none."""
    if score.null is None:
        return ""
    name = null_name(score)
    return figure(score.null) if name == CHANCE else f"{name} {figure(score.null)}"


def baselines_text(score: Score) -> str:
    """``see 1.430 · truth 0.014``: what else the number is held against; empty where there is nothing."""
    return " · ".join(f"{name} {figure(value)}" for name, value in score.baselines.items())


def safe_text(score: Score) -> str:
    """``usual from −3.000 to 1.250``: how far a control may be moved; empty where that was not measured."""
    ends = [score.parts.get(name) for name in SAFE]
    return "" if None in ends else f"usual from {figure(ends[0])} to {figure(ends[1])}"


def baseline_names(reports: Sequence[MeasureReport], measure: str) -> tuple[str, ...]:
    """What any of ``reports`` holds ``measure`` against, in the order of the first that does."""
    scores = [report.metrics[measure] for report in reports if measure in report.metrics]
    return tuple(dict.fromkeys(name for score in scores for name in score.baselines))


def against_chance(score: Score) -> str:
    """How the number stands to its chance level, where that needs saying: ``below chance``, ``at chance`` (no further
    from it than 95 of 100 draws), else empty. Where less is better, chance is the worst that there is, but among
    latents, which depend on one another no less than by chance, the best. Nothing is said where ``null`` is not
    chance."""
    if score.value is None or score.null is None or not score.better or null_name(score) != CHANCE:
        return ""
    if score.better == "lower" and score.group != "latents":
        return "at chance" if score.value >= score.null else ""
    if score.better == "higher" and score.value < score.null:
        return "below chance"
    return "at chance" if score.value <= (score.null if score.null_high is None else score.null_high) else ""


def figure(value: float | None) -> str:
    """A number as tables show it: three decimals, fewer for large ones; a dash where there is none."""
    if value is None:
        return DASH
    text = f"{value:.3f}" if abs(value) < 100 else f"{value:.1f}"
    return "0.000" if text == "-0.000" else text.replace("-", "−")


def rotation_text(rotation: Rotation | None) -> str:
    """``z4, z8 by 45°``, or nothing."""
    return f"{rotation.first}, {rotation.second} by {number_text(rotation.degrees)}°" if rotation else ""


def turned_formulas(rotation: Rotation) -> tuple[str, str]:
    """``z4' = 0.71 · z4 + 0.71 · z8`` and ``z8' = −0.71 · z4 + 0.71 · z8``."""
    found = []
    for name, (first, second) in zip(rotation.names, rotation.matrix, strict=True):
        sign = "−" if round(second, 2) < 0 else "+"
        start = f"{first:.2f}".replace("-", "−") if round(first, 2) else "0.00"
        found.append(f"{name} = {start} · {rotation.first} {sign} {abs(second):.2f} · {rotation.second}")
    return found[0], found[1]


def labels(reports: Sequence[MeasureReport]) -> list[str]:
    """The models' names as headings; where one stands there twice, with what sets its reports apart."""
    names = [report.model for report in reports]
    found = []
    for report in reports:
        chosen = "" if report.selection == "all" else f"{report.selection} latents"
        drawn = "" if report.sampling == "independent" else f"{report.sampling} factors"
        differing = (drawn, chosen, rotation_text(report.rotation)) if names.count(report.model) > 1 else ()
        found.append(", ".join(part for part in (report.model, *differing) if part))
    return found


def conditions(report: MeasureReport) -> str:
    """On what the numbers were taken, in one line."""
    drawn = ", factors drawn from its causal model" if report.sampling == "causal" else ""
    world = [f"world {report.world}{drawn}"] if report.world else []  # controls are tested on the model's own pictures
    parts = [*world, f"{report.n} pictures", f"seed {report.seed}"]
    if report.latents:
        chosen = "" if report.selection == "all" else f"{report.selection} "
        parts.append(f"{len(report.latents)} {chosen}{'latent' if len(report.latents) == 1 else 'latents'}")
    if report.rotation:
        parts.append(f"{rotation_text(report.rotation).replace(' by ', ' turned by ')}, of unit variance")
    return " · ".join(parts)


def rows(reports: Sequence[MeasureReport]) -> dict[str, str]:
    """Name → title of every measure that any report has, group by group, in the order of the first that has it."""
    found: dict[str, Score] = {}
    for report in reports:
        for name, score in report.metrics.items():
            found.setdefault(name, score)
    order = list(GROUPS)
    chosen = sorted(found, key=lambda name: order.index(found[name].group))
    return {name: found[name].title or name for name in chosen}
