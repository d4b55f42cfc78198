"""Arrows that a table suggests, by the methods of causal-learn (an optional extra). They are suggestions: they count
for nothing until somebody agrees to them, for on real factors these methods are often wrong.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable
from typing import get_args

import msgspec
import numpy as np
import torch

from explorer.causal.suggested import INSTALL, TITLES, Method, Suggestion, is_installed
from explorer.causal.table import Table, values_of
from explorer.ending import Progress
from explorer.errors import CausalError
from explorer.files import scratch_folder
from explorer.numerics.randomness import seeded
from explorer.scene.causal_graph import CausalGraph, Edge

MOST_ROWS: dict[Method, int] = {"pc": 10_000, "pc-kci": 400, "ges": 5_000}
MOST_VARIABLES = 60
MOST_SECONDS = 120.0
ALPHA = 0.05
POLL = 0.1


def suggested(
    graph: CausalGraph,
    table: Table,
    method: Method = "pc",
    forbidden: Iterable[Edge] = (),
    alpha: float = ALPHA,
    seed: int = 0,
    progress: Progress | None = None,
    seconds: float = MOST_SECONDS,
) -> Suggestion:
    """The arrows that ``table`` suggests between the variables of ``graph``. Its own arrows are agreed on: they are
    required, nothing is suggested beside or against them, and ``forbidden`` arrows are not suggested either.

    Of more rows than :data:`MOST_ROWS` some are drawn by ``seed``. Raises :class:`CausalError` where causal-learn is
    missing, for what is wrong with the table, where the method cannot take its variables, and after ``seconds``;
    :class:`explorer.errors.Cancelled` when ``progress`` does.
    """
    forbidden = tuple(forbidden)
    _check(graph, method, forbidden, alpha)
    values = torch.stack(list(values_of(graph, table).values()), dim=1)
    most = MOST_ROWS[method]
    if len(values) <= len(graph.names):
        raise CausalError(f"{len(values)} rows are too few for {len(graph.names)} variables; give more.")
    rows = values[torch.randperm(len(values), generator=seeded(seed, 0))[:most]] if len(values) > most else values
    found = _searched(graph, rows.numpy(), method, forbidden, alpha, progress, seconds)
    arrows = _agreeable(graph, found, forbidden)
    return Suggestion(
        graph=msgspec.structs.replace(graph, suggested=tuple(arrows)),
        note=_note(graph, method, len(rows), alpha, arrows),
    )


def _check(graph: CausalGraph, method: Method, forbidden: tuple[Edge, ...], alpha: float) -> None:
    if method not in get_args(Method):
        raise CausalError(f"There is no method '{method}' for suggestions; there are {', '.join(get_args(Method))}.")
    if not 0 < alpha < 1:
        raise CausalError(f"The level of the tests is between 0 and 1, not {alpha:g}.")
    if not 2 <= len(graph.names) <= MOST_VARIABLES:
        raise CausalError(f"Arrows are suggested between 2 to {MOST_VARIABLES} variables, not {len(graph.names)}.")
    for name in (name for pair in forbidden for name in pair):
        graph.variable(name)
    if lost := set(forbidden) & set(graph.edges):
        raise CausalError(f"'{' → '.join(min(lost))}' is in the graph and forbidden; take it out of one of them.")
    categories = [variable.name for variable in graph.variables if variable.kind == "category"]
    if categories and not _all_levels(graph):
        raise CausalError(
            f"'{categories[0]}' is a category beside numbers, which these methods cannot take; leave it out, or cut "
            "the numbers into levels."
        )
    if not is_installed():
        raise CausalError(INSTALL)


def _all_levels(graph: CausalGraph) -> bool:
    return all(variable.levels for variable in graph.variables)


def _searched(
    graph: CausalGraph,
    rows: np.ndarray,
    method: Method,
    forbidden: tuple[Edge, ...],
    alpha: float,
    progress: Progress | None,
    seconds: float,
) -> list[Edge]:
    """What the other process says; it is ended whatever happens here."""
    places = {name: place for place, name in enumerate(graph.names)}
    levels = _all_levels(graph)
    settings = {
        "method": method,
        "test": "kci" if method == "pc-kci" else "chisq" if levels else "fisherz",
        "alpha": alpha,
        "levels": levels,
        "forbidden": [(places[a], places[b]) for a, b in forbidden],
        "required": [(places[a], places[b]) for a, b in graph.edges],
    }
    command = [sys.executable, "-m", "explorer.causal.structure_search"]
    # A file, of any size, unlike what a pipe takes before somebody reads it.
    with scratch_folder() as place, (place / "table.npz").open("w+b") as request:
        np.savez(request, data=rows, settings=np.array(json.dumps(settings)))
        request.seek(0)
        with subprocess.Popen(command, stdin=request, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            try:
                answer, complaint = _answer(process, progress, seconds)
            finally:
                process.kill()
    if process.returncode:
        last = complaint.decode(errors="replace").strip().splitlines()[-1:] or ["no reason was given"]
        raise CausalError(f"causal-learn could not work with this table ({last[0][:200]}); try another method.")
    return [(graph.names[a], graph.names[b]) for a, b in msgspec.json.decode(answer, type=list[tuple[int, int]])]


def _answer(process: subprocess.Popen[bytes], progress: Progress | None, seconds: float) -> tuple[bytes, bytes]:
    begun = time.monotonic()
    while True:
        try:
            return process.communicate(timeout=POLL)
        except subprocess.TimeoutExpired as error:
            share = (time.monotonic() - begun) / seconds
            if share >= 1:
                raise CausalError(
                    f"The search did not end within {seconds:g} seconds; take fewer variables or rows, or a method "
                    "that is faster."
                ) from error
            if progress is not None:
                progress(share)


def _agreeable(graph: CausalGraph, arrows: list[Edge], forbidden: tuple[Edge, ...]) -> list[Edge]:
    """Those that the graph can still take: not where it has an arrow, not forbidden, not closing a circle with it."""
    taken = {frozenset(pair) for pair in graph.edges}
    return [
        (cause, effect)
        for cause, effect in arrows
        if frozenset((cause, effect)) not in taken
        and (cause, effect) not in forbidden
        and cause not in graph.descendants([effect])
    ]


def _note(graph: CausalGraph, method: Method, rows: int, alpha: float, arrows: list[Edge]) -> str:
    level = "" if method == "ges" else f", level {alpha:g}"
    both = sum((effect, cause) in arrows for cause, effect in arrows) // 2
    text = f"{TITLES[method]} on {rows} rows{level}: {len(arrows) - both} suggested"
    text += f", {both} of them without a direction. " if both else ". "
    cyclic = [f"'{variable.name}'" for variable in graph.variables if variable.kind == "cyclic"]
    if cyclic:
        text += f"{', '.join(cyclic)} {'is' if len(cyclic) == 1 else 'are'} cyclic and taken as a plain number. "
    return text + "Such methods are often wrong; agree only to what you believe."
