"""The table: several methods, each with several seeds, side by side on one model or on several."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from explorer.comparison.contract import contract
from explorer.comparison.jobs import Conditions, Find, Job, Outcome, Workbench
from explorer.comparison.matching import Match, match
from explorer.comparison.request import Row, checked, null_seeds, rows
from explorer.comparison.scheduler import run
from explorer.discovery import registry
from explorer.errors import ExplorerError
from explorer.generators.base import Generator, Progress
from explorer.metrics.base import shared
from explorer.metrics.direction_evidence import Evidence
from explorer.metrics.directions import COLUMNS, described, figures, signatures
from explorer.scene.comparison import CompareOptions, CompareReport, Direction, MethodResult
from explorer.scene.model import ControlSetRef, ModelRef

BOOTSTRAP = 1000
WORKING, COUNTING = 20.0, 1.0
"""How long the jobs take on the whole, and how long the numbers are computed from what they gave."""


@dataclass(frozen=True)
class Subject:
    """A model that methods are compared on, and what finds their control sets there."""

    model: ModelRef
    generator: Generator
    find: Find


def compare(
    subjects: Sequence[Subject], options: CompareOptions, progress: Progress | None = None, scheduler: str = ""
) -> list[CompareReport]:
    """A report for each of ``subjects``; the same for the same options, but for the seconds.

    ``progress`` hears the finished share, and may raise :class:`explorer.errors.Cancelled`. ``scheduler``: the address
    of a dask scheduler whose workers do the jobs (:mod:`explorer.comparison.scheduler`); they load the models
    themselves.

    Raises :class:`ExplorerError` with one sentence for what cannot be compared at all. A method that refuses, or fails
    with any seed, is a row with that sentence and no numbers.
    """
    started = time.perf_counter()
    asked = checked(options)
    working, counting = shared(progress, (WORKING, COUNTING))
    plans = [_Plan(one, asked) for one in subjects]
    jobs = [job for plan in plans for job in plan.jobs]
    benches = {one.model: Workbench(one.generator, one.find) for one in subjects}
    outcomes = iter(run(jobs, benches.__getitem__, working, scheduler))
    reports = []
    for plan, share in zip(plans, shared(counting, (1.0,) * len(plans)), strict=True):
        found = {job: next(outcomes) for job in plan.jobs}
        reports.append(_report(plan, found, share))
    return [msgspec.structs.replace(one, seconds=time.perf_counter() - started) for one in reports]


class _Plan:
    """The rows of one model's table and the jobs that they need, each job once."""

    def __init__(self, subject: Subject, options: CompareOptions) -> None:
        self.subject = subject
        self.options = options
        self.rows = rows(options, subject.generator.card)
        self._conditions = Conditions(
            attributes=options.attributes,
            bases=options.bases,
            observed=options.observed,
            tau=options.tau,
            calibration=options.calibration,
        )
        chance = next(row for row in self.rows if row.role == "chance")
        self.nulls = [self._job(chance.controls(options.k, seed)) for seed in null_seeds(options.nulls)]
        self.of = {row: [self._job(row.controls(options.k, seed)) for seed in options.seeds] for row in self.rows}
        self.jobs = list(dict.fromkeys((*self.nulls, *(job for jobs in self.of.values() for job in jobs))))

    def _job(self, controls: ControlSetRef) -> Job:
        return Job(model=self.subject.model, controls=controls, conditions=self._conditions)


def _report(plan: _Plan, found: dict[Job, Outcome], progress: Progress) -> CompareReport:
    nulls = [seen for job in plan.nulls if (seen := found[job].evidence) is not None]
    if not nulls:
        raise ExplorerError(f"No null can be had: {found[plan.nulls[0]].problem}")
    results: list[MethodResult] = []
    first: dict[str, Evidence] = {}
    for row, share in zip(plan.rows, shared(progress, (1.0,) * len(plan.rows)), strict=True):
        outcomes = [found[job] for job in plan.of[row]]
        results.append(_result(plan, row, outcomes, nulls))
        if not results[-1].problem and outcomes[0].evidence is not None:
            first[row.method] = outcomes[0].evidence
        share(1.0)
    card, one = plan.subject.generator.card, nulls[0]
    return CompareReport(
        model=msgspec.structs.replace(plan.subject.model, fingerprint=card.fingerprint),
        name=card.name,
        options=plan.options,
        space=found[plan.nulls[0]].space,
        attributes=tuple(attribute.name for attribute in one.attributes),
        varying=tuple(bool(varies) for varies in one.varying),
        columns=tuple(column for column in COLUMNS if any(column.name in result.columns for result in results)),
        methods=tuple(_matched(results, first)),
        contract=contract(card, plan.options, plan.rows, {row: found[plan.of[row][0]] for row in plan.rows}),
    )


def _result(plan: _Plan, row: Row, outcomes: Sequence[Outcome], nulls: Sequence[Evidence]) -> MethodResult:
    card = registry.method(row.method).card
    own = {setting.name: setting.default for setting in card.settings}
    settings = {**outcomes[0].settings, **dict(row.settings)}
    result = MethodResult(
        method=row.method,
        asked=row.asked,
        title=card.title,
        role=row.role,
        controls=row.controls(plan.options.k, plan.options.seeds[0]),
        settings={name: value for name, value in settings.items() if value != own.get(name)},
    )
    if problem := next((one.problem for one in outcomes if one.problem), ""):
        return msgspec.structs.replace(result, problem=problem)
    evidences = [one.evidence for one in outcomes if one.evidence is not None]
    return msgspec.structs.replace(
        result,
        columns=figures(evidences, nulls, BOOTSTRAP),
        directions=described(evidences[0]),
        labels=round(sum(one.labels for one in outcomes) / len(outcomes)),
        evaluations=round(sum(one.evaluations for one in outcomes) / len(outcomes)),
        seconds=sum(one.seconds for one in outcomes) / len(outcomes),
    )


def _matched(results: Sequence[MethodResult], first: dict[str, Evidence]) -> list[MethodResult]:
    """``results`` with their directions in common rows. The ceiling names the rows where it has numbers, because its
    directions are those that mean something; else the first method does."""
    order = sorted(first, key=lambda name: [one.role for one in results if one.method == name] != ["ceiling"])
    matches = dict(zip(order, match([signatures(first[name]) for name in order]), strict=True))
    return [
        msgspec.structs.replace(result, directions=_in_rows(result.directions, matches[result.method]))
        if result.method in matches
        else result
        for result in results
    ]


def _in_rows(directions: Sequence[Direction], found: Match) -> tuple[Direction, ...]:
    return tuple(
        msgspec.structs.replace(one, match=int(row), sign=int(sign))
        for one, row, sign in zip(directions, found.rows, found.signs, strict=True)
    )
