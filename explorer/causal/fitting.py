"""Mechanisms fitted to a table: which kind for each variable and why, and how well rows are told that it never saw."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from explorer.causal.diagnostics import dependence_on, depends_on
from explorer.causal.encoding import Encoding
from explorer.causal.fit_card import FitCard
from explorer.causal.judging import judged
from explorer.causal.learning import Learned, Lesson, Rows, Widths, is_clear
from explorer.causal.mechanisms.additive import AdditiveNoise
from explorer.causal.mechanisms.categorical import Categorical
from explorer.causal.mechanisms.floored import Floored, ends_of
from explorer.causal.mechanisms.linear import LinearGaussian
from explorer.causal.mechanisms.monotone import MonotoneFlow
from explorer.causal.mechanisms.wrapped import WrappedNoise
from explorer.causal.model import StructuralModel
from explorer.causal.registry import learned_kinds
from explorer.causal.table import Table, values_of
from explorer.ending import Progress
from explorer.errors import CausalError
from explorer.numerics.randomness import seeded, step_seed
from explorer.scene.causal_graph import CausalGraph, Variable

CHECKED, HELD_OUT = 0.15, 0.15
"""The shares of the rows by which a fit is stopped and its kind chosen, and by which it is judged afterwards."""
WIDTHS: tuple[Widths, ...] = ((32, 32), (16, 16), (8, 8), ())
"""Of networks, the first for which there are :data:`ROWS_EACH` rows to learn of for every number in it."""
ROWS_EACH = 2
LEAST_ROWS = 8

Kinds = Mapping[str, str]
"""Variable → the name of its kind of mechanism; those that are left out are chosen."""


@dataclass(frozen=True)
class Fit:
    """``model``, and of each of its variables how it was fitted, in their order."""

    model: StructuralModel
    cards: tuple[FitCard, ...]


@dataclass(frozen=True)
class _Task:
    """One variable of the fit. ``held_out``: rows that nothing is learned or chosen by; ``widths`` None: see
    :data:`WIDTHS`."""

    variable: Variable
    causes: tuple[Variable, ...]
    rows: Rows
    checked: Rows
    held_out: Rows
    widths: Widths | None
    seed: int
    progress: Progress

    @property
    def count(self) -> int:
        """How many rows are learned of."""
        return len(self.rows) + len(self.checked)

    def widths_for(self, kind: type[Learned]) -> Widths:
        if self.widths is not None:
            return self.widths
        return next((w for w in WIDTHS if ROWS_EACH * self.size(kind, w) <= self.count), WIDTHS[-1])

    def size(self, kind: type[Learned], widths: Widths) -> int:
        return kind.size(self.variable, Encoding.plain(self.causes).width, widths)

    def fits(self, kind: type[Learned]) -> bool:
        """Whether there is a row for every parameter."""
        return self.size(kind, self.widths_for(kind)) < self.count

    def learn(self, kind: type[Learned], begin: float = 0.0, end: float = 1.0) -> Learned:
        """A mechanism of ``kind``; its progress is the part from ``begin`` to ``end``."""
        widths = self.widths_for(kind)
        if not self.fits(kind):
            raise CausalError(
                f"There are {self.count} rows to learn '{self.variable.name}' of, and {kind.title} has "
                f"{self.size(kind, widths)} parameters; add rows, take causes away, or choose a simpler kind."
            )

        def progress(share: float) -> None:
            self.progress(begin + (end - begin) * share)

        return kind.learn(Lesson(self.variable, self.causes, self.rows, self.checked, widths, self.seed, progress))

    def alone(self) -> _Task:
        """The same rows without causes."""
        rows, checked, held_out = (
            Rows(rows.parents[:, :0], rows.values) for rows in (self.rows, self.checked, self.held_out)
        )
        return replace(self, causes=(), rows=rows, checked=checked, held_out=held_out)


def fit(
    graph: CausalGraph,
    table: Table,
    kinds: Kinds | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    widths: Widths | None = None,
) -> Fit:
    """The structural model of ``graph`` that the rows of ``table`` teach; the same for a seed.

    ``kinds`` says which mechanism a variable has; others get one by their type and by how well it tells rows that it
    did not learn of. ``widths``: of the hidden layers of networks, all alike. Of the rows, 70 % are learned of, 15 %
    say when to stop and which kind to take, and 15 % give the figures of the cards. Hidden common causes of the graph
    are not learned: noises are fitted as if they were independent.

    Raises :class:`CausalError` for what is wrong with the table (:func:`explorer.causal.table.values_of`), for kinds
    that there are not or that cannot describe their variable, and for fewer rows than parameters;
    :class:`explorer.errors.Cancelled` when ``progress`` does.
    """
    values = values_of(graph, table)
    chosen = dict(kinds or {})
    _check_kinds(graph, values, chosen)
    count = len(next(iter(values.values())))
    if count < LEAST_ROWS:
        raise CausalError(f"{count} rows are too few to learn of; give at least {LEAST_ROWS}.")
    parts = split(count, seed)
    mechanisms: dict[str, Learned] = {}
    cards = []
    for index, name in enumerate(graph.names):
        report = partial(_reported, progress, index, len(graph.names))
        task = _task(graph, values, parts, name, widths, step_seed(seed, index), report)
        begun = time.perf_counter()
        mechanism, reason = _learned(task, chosen.get(name))
        mechanisms[name] = mechanism
        cards.append(_card(task, mechanism, reason, begun))
    if progress is not None:
        progress(1.0)
    return Fit(StructuralModel(graph, mechanisms), tuple(cards))


def split(count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Which of ``count`` rows are learned of, checked by, and held out; at random, the same for a seed."""
    order = torch.randperm(count, generator=seeded(seed, 0, stream=2))
    held_out, checked = (max(round(count * share), 1) for share in (HELD_OUT, CHECKED))
    return order[held_out + checked :], order[held_out : held_out + checked], order[:held_out]


def _reported(progress: Progress | None, index: int, count: int, share: float) -> None:
    if progress is not None:
        progress((index + share) / count)


def _check_kinds(graph: CausalGraph, values: Mapping[str, Tensor], kinds: Kinds) -> None:
    for name, kind in kinds.items():
        variable = graph.variable(name)
        if kind not in learned_kinds():
            raise CausalError(
                f"There is no kind of mechanism '{kind}' to fit to '{name}'; there are {', '.join(learned_kinds())}."
            )
        if refusal := learned_kinds()[kind].refusal(variable, values[name]):
            raise CausalError(refusal)


def _task(
    graph: CausalGraph,
    values: Mapping[str, Tensor],
    parts: tuple[Tensor, Tensor, Tensor],
    name: str,
    widths: Widths | None,
    seed: int,
    progress: Progress,
) -> _Task:
    causes = graph.parents(name)
    columns = [values[cause] for cause in causes]
    parents = torch.stack(columns, dim=1) if columns else values[name].new_empty(len(values[name]), 0)
    rows, checked, held_out = (Rows(parents[part], values[name][part]) for part in parts)
    return _Task(
        graph.variable(name), tuple(map(graph.variable, causes)), rows, checked, held_out, widths, seed, progress
    )


def _learned(task: _Task, kind: str | None) -> tuple[Learned, str]:
    """The mechanism, and why it is of its kind."""
    if kind is not None:
        return task.learn(learned_kinds()[kind], 0.0, 0.9), "You chose it."
    variable = task.variable
    if variable.levels:
        reason = "It has levels; that noise picks one by Gumbel-max is one choice among many that fit alike."
        return task.learn(Categorical, 0.0, 0.9), reason
    if variable.kind == "cyclic":
        return task.learn(WrappedNoise, 0.0, 0.9), "It is cyclic."
    values = torch.cat([task.rows.values, task.checked.values])
    ends = ends_of(values)
    if ends != (None, None) and task.fits(Floored):
        shares = [
            f"{100 * float((values == end).double().mean()):.0f} % of its rows stand at its {side} value, {end:g}"
            for side, end in zip(("least", "greatest"), ends, strict=True)
            if end is not None
        ]
        return task.learn(Floored, 0.0, 0.9), f"{' and '.join(shares)}."
    return _likeliest(task)


def _likeliest(task: _Task) -> tuple[Learned, str]:
    """The simplest kind for numbers that none tells the checked rows clearly better than. Noise that does more than add
    up is tried where added noise would depend on the causes."""
    best: Learned = task.learn(LinearGaussian)
    reason = f"No other kind tells rows that it has not learned of clearly better than {LinearGaussian.title}."
    if not task.fits(AdditiveNoise):
        return best, f"There are too few rows for more than {LinearGaussian.title}."
    for kind, begin, end in ((AdditiveNoise, 0.0, 0.4), (MonotoneFlow, 0.4, 0.9)):
        if kind is MonotoneFlow and not (task.fits(kind) and _depends(task, best)):
            break
        other = task.learn(kind, begin, end)
        gain = _log_prob(other, task.checked) - _log_prob(best, task.checked)
        if is_clear(gain):
            reason = (
                f"It tells rows that it has not learned of better than {type(best).title}, by "
                f"{float(gain.mean()):.2g} in the logarithm of the likelihood of a row."
            )
            best = other
    return best, reason


def _depends(task: _Task, mechanism: Learned) -> bool:
    """Whether the noise of the checked rows depends on a cause."""
    noise = mechanism.abduct(task.checked.parents, task.checked.values)
    return bool(depends_on(dependence_on(task.causes, task.checked.parents, noise, task.seed)))


def _log_prob(mechanism: Learned, rows: Rows) -> Tensor:
    return mechanism.log_prob(rows.parents, rows.values)


def _card(task: _Task, mechanism: Learned, reason: str, begun: float) -> FitCard:
    """How the ``mechanism`` does on the rows that were held out."""
    judgement = judged(mechanism, task.variable, task.causes, task.held_out, task.seed)
    alone = judgement.log_likelihood
    if task.causes:
        kind = AdditiveNoise if isinstance(mechanism, (LinearGaussian, MonotoneFlow)) else type(mechanism)
        without = task.alone()
        alone = float(_log_prob(without.learn(kind, 0.9, 1.0), without.held_out).mean())
    return FitCard(
        variable=task.variable.name,
        kind=mechanism.kind,
        reason=reason,
        rows=task.count,
        held_out_rows=len(task.held_out),
        parameters=task.size(type(mechanism), task.widths_for(type(mechanism))),
        held_out=judgement.log_likelihood,
        error=judgement.error,
        alone=alone,
        explained=judgement.explained,
        dependence=judgement.dependence,
        normality=judgement.normality,
        seconds=time.perf_counter() - begun,
    )
