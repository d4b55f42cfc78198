"""What the Measures dock says: tool tips, chance levels, invitations. Plain values, no Qt."""

from __future__ import annotations

from explorer.scene.cards import ModelCard
from explorer.scene.measure_text import CHANCE, against_chance, conditions, figure, null_name, null_text
from explorer.scene.measures import MeasureOptions, MeasureReport, Score

ARROWS = {"higher": "↑", "lower": "↓", "": ""}
_BETTER = {"higher": "higher is better", "lower": "lower is better", "": ""}
MOST_PARTS = 12  # of a score, in its tool tip


def chance(score: Score) -> str:
    """``0.020, 95 % 0.031``: the null's mean and its 95th percentile; empty where there is no null."""
    if score.null is None:
        return ""
    high = "" if score.null_high is None else f", 95 % {figure(score.null_high)}"
    return f"{figure(score.null)}{high}"


def chance_figures(score: Score) -> str:
    """``0.002, 0.004``, and where that is not chance ``data 0.002, 0.004``: the same for a narrow column, in the
    decimals of the values."""
    high = "" if score.null_high is None else f", {figure(score.null_high)}"
    return f"{null_text(score)}{high}"


def is_bounded(score: Score) -> bool:
    """Whether the score lies in 0..1, so that a bar says something."""
    return score.group == "disentanglement"


def is_weak(score: Score) -> bool:
    """Whether the number says nothing for the model: it is not defined, or permuted data give as much. Of what should
    be low in latents, such as a total correlation, chance is the best there is."""
    return score.value is None or (score.group != "latents" and bool(against_chance(score)))


def tool_tip(name: str, score: Score) -> str:
    """Everything that is known of one score, a line each."""
    lines = [f"{score.title or name}: {figure(score.value)}"]
    if score.value is None:
        lines.append(score.note or "Not defined for these data.")
    elif is_weak(score):
        lines.append(f"{against_chance(score).capitalize()}: permuted data give this much.")
    better = _BETTER[score.better]
    name_of_null = null_name(score)
    beside = "By chance" if name_of_null == CHANCE else f"Of {name_of_null}"
    by_chance = f"{beside}: {chance(score)}" if score.null is not None else ""
    baselines = [f"{baseline}: {figure(value)}" for baseline, value in score.baselines.items()]
    lines += [text for text in (by_chance, *baselines, better, score.estimator, score.paper) if text]
    if score.n:
        lines.append(f"n = {score.n}")
    if score.value is not None and score.note:
        lines.append(score.note)
    parts = list(score.parts.items())
    lines += [f"{part}: {figure(value)}" for part, value in parts[:MOST_PARTS]]
    if len(parts) > MOST_PARTS:
        lines.append(f"… and {len(parts) - MOST_PARTS} more")
    return "\n".join(lines)


def taken(report: MeasureReport) -> str:
    """How the report was made, and how long it took."""
    seconds = f"{report.seconds:.0f} s" if report.seconds >= 1 else "under 1 s"
    return f"{conditions(report)} · {seconds}"


def is_stale(shown: MeasureOptions, wanted: MeasureOptions) -> bool:
    """Whether the report that is shown answers another question than the one in the header."""
    return shown != wanted


def invitation(card: ModelCard | None) -> tuple[str, str]:
    """Title and sentence of the panel before anything was measured."""
    if card is None:
        return "Measures", "Open a model to measure it."
    if not card.worlds:
        return (
            "No world fits this model",
            "Measures compare a model with a world whose factors are known. None of the worlds draws "
            f"{card.output.description}, as '{card.name}' does.",
        )
    if not card.has_codes:
        return (
            "Quality of samples",
            f"'{card.name}' has no encoder, so there are no codes to compare with factors. What can be measured is how "
            f"close its samples come to the pictures of '{card.worlds[0]}', and how many of its factors they cover. "
            "Press Measure.",
        )
    return (
        "How well do the latents separate the factors?",
        f"Pictures of '{card.worlds[0]}', whose factors are known, are encoded by '{card.name}'; every measure of "
        "disentanglement is taken on the codes, each with its chance level beside it. Press Measure.",
    )
