"""How measures are written, the same in the window, on the command line and in files. No torch."""

from __future__ import annotations

from collections.abc import Sequence

from explorer.scene.measures import MeasureReport, Rotation, Score
from explorer.scene.number_text import number_text

GROUPS = {
    "disentanglement": "Disentanglement",
    "latents": "Dependence of latents (less is better)",
    "quality": "Quality of samples (beside it: of data)",
}
"""The groups of measures in the order of a table → their headings."""

OF_CODES = "of codes scaled to unit variance"
OF_AXES = "in units of the prior"
"""In which units a pair is turned: before measuring, and as sliders."""

DASH = "–"
"""What stands where there is no number."""


def against_chance(score: Score) -> str:
    """How the number stands to its chance level, where that needs saying: ``below chance``, ``at chance`` (no further
    from it than 95 of 100 draws), else empty. Of measures where less is better, no more than chance is the best.
    Nothing is said of the quality of samples, whose ``null`` is what data get, not chance."""
    if score.value is None or score.null is None or not score.better or score.group == "quality":
        return ""
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
    parts = [f"world {report.world}{drawn}", f"{report.n} pictures", f"seed {report.seed}"]
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
