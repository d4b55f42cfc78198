"""The sentences under which a table of methods is fair, written from what was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from explorer.comparison.calibration import ARC_STEPS, POINTS
from explorer.comparison.jobs import Outcome
from explorer.comparison.request import Row
from explorer.discovery import registry
from explorer.metrics.directions import SEEDS_TO_COMPARE
from explorer.scene.cards import ModelCard
from explorer.scene.comparison import CompareOptions


def contract(
    model: ModelCard, options: CompareOptions, rows: Sequence[Row], found: Mapping[Row, Outcome]
) -> tuple[str, ...]:
    """What is the same for all rows, and what is not. ``found``: what the first seed of each row gave."""
    seeds = ", ".join(map(str, options.seeds))
    several = len(options.seeds) > 1
    spaces: dict[str, list[str]] = {}
    for row in rows:
        if space := found[row].space:
            spaces.setdefault(space, []).append(registry.method(row.method).card.title)
    alone = next(iter(spaces), "")
    where = f"in space {alone}" if len(spaces) == 1 else "where it looks by itself"
    said = [
        f"Same model ('{model.name}') and {options.k} directions of every method, {where}, found with "
        f"{f'each of the seeds {seeds}' if several else f'seed {seeds}'}.",
        f"Same {options.bases} base codes for all, without truncation, drawn with seeds that no search uses.",
        f"Calibrated step: one unit of each direction is the amount α {_unit(options)} {options.tau:g} of the range of "
        f"its pixels (root mean square, the mean over {POINTS} other points and both signs). A direction that never "
        "does so has no effect.",
        "Every control moves all layers it can, unless the settings of its row say otherwise.",
        f"Chance: the null of each number is {_mean_over(options.nulls)}, and the row of random directions has seeds "
        "of its own.",
        "Intervals: the middle 95 % of bootstrap draws of base codes (of observed pictures for the observed columns), "
        + (
            "widened by how much the seeds differ (Student's t, in quadrature)."
            if len(options.seeds) >= SEEDS_TO_COMPARE
            else f"without how much seeds differ: that takes {SEEDS_TO_COMPARE}."
        ),
        "Labels: values of attributes that a search read. Pictures: those that the generator drew during a search, "
        "whole or in part. Seconds: of one search on this machine. All are means over the seeds.",
    ]
    if len(spaces) > 1:
        places = "; ".join(f"{space}: {', '.join(names)}" for space, names in spaces.items())
        said.insert(1, f"Spaces differ, because a method is at home where it is: {places}.")
    ceiling = next(row for row in rows if row.role == "ceiling")
    if problem := found[ceiling].problem:
        said.append(f"Ceiling: there is none here. {problem}")
    elif registry.method(ceiling.method).card.role == "truth":
        said.append("Ceiling: the true directions of the generator, which nobody had to search for.")
    else:
        said.append(
            "Ceiling: a regression that was given the attributes themselves; it discovers nothing, and shows what can "
            "be reached with labels."
        )
    if fits := [registry.method(row.method).card.title for row in rows if row.role == "capacity"]:
        said.append(
            f"Capacity ({', '.join(fits)}): paths of one class each, fitted to the true directions. They discover "
            "nothing, and tell what a class cannot express from what a method did not find."
        )
    if "steps" in model.capabilities:
        said.append(f"Every picture is drawn with {model.interactive_steps} sampler steps.")
    if options.quick:
        said.append("Quick: few base codes, and a tenth of the steps of every trained method; not for a paper.")
    return tuple(said)


def _unit(options: CompareOptions) -> str:
    if options.calibration == "chord":
        return "that changes a picture by"
    return f"on the way to which the changes of a picture, from each of {ARC_STEPS} parts to the next, add up to"


def _mean_over(frames: int) -> str:
    return f"the mean over {frames} further random orthogonal frames" if frames > 1 else "that of one more random frame"
