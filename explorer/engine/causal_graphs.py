"""What the observed rows of a model say: about its variables, its mechanisms, a graph, an effect; and what arrows they
suggest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from explorer.causal.answering import answered
from explorer.causal.distribution import distribution_of
from explorer.causal.effect_answer import EffectAnswer
from explorer.causal.fitting import split
from explorer.causal.independences import summary
from explorer.causal.judging import judged, warnings_of
from explorer.causal.learning import Rows
from explorer.causal.model import StructuralModel
from explorer.causal.model_report import CausesReport, GraphCheck, MechanismReport
from explorer.causal.partial_correlations import partial_correlations
from explorer.causal.registry import kinds, learned_kinds
from explorer.causal.suggested import Method, Suggestion
from explorer.causal.suggestion import suggested
from explorer.causal.table import widened
from explorer.ending import Progress
from explorer.engine.causes import model_of_set
from explorer.engine.engine import Engine
from explorer.errors import CausalError
from explorer.generators.base import CausalLatent, Generator
from explorer.scene.causal_graph import CausalGraph, Edge
from explorer.scene.model import ControlSetRef, ModelRef

Observed = dict[str, NDArray[np.float64]]
"""Variable → (n,) values, as they occur together."""

CAPABILITY = "causes"


class CausalQuestions:
    """Asked of the models of ``engine``, whose calls take turns with the live view."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def report(self, model: ModelRef, controls: ControlSetRef) -> CausesReport:
        """:func:`report` of the model behind the sliders of a set, fitted to rows where it has another graph or other
        mechanisms than the generator's own. Raises :class:`CausalError` where the set sets no variables."""
        behind = model_of_set(self._engine.control_set(model, controls))
        settings = dict(controls.settings)
        is_fitted = bool(settings.get("graph") or settings.get("mechanisms"))
        with torch.inference_mode():
            return _report(self._engine.shared(model), behind, is_fitted, controls.seed)

    @torch.inference_mode()
    def own_graph(self, model: ModelRef) -> CausalGraph:
        """The graph that comes with ``model``. Raises :class:`CausalError` where none does."""
        return _own_graph(self._engine.shared(model))

    @torch.inference_mode()
    def check(self, model: ModelRef, graph: CausalGraph) -> GraphCheck:
        """What the rows of ``model`` say about the independences that ``graph`` implies. Raises
        :class:`CausalError`."""
        rows = _rows_of(self._engine.shared(model), graph)
        tests = partial_correlations(widened(graph, rows), rows)
        return GraphCheck(graph=graph, tests=tests, summary=summary(tests))

    @torch.inference_mode()
    def effect(
        self,
        model: ModelRef,
        graph: CausalGraph,
        cause: str,
        effect_on: str,
        values: tuple[float, float] | None = None,
        progress: Progress | None = None,
    ) -> EffectAnswer:
        """What ``graph`` and the rows of ``model`` say about setting ``cause`` to the second of ``values`` instead of
        the first; None: from one end of what is usual to the other. Raises :class:`CausalError`."""
        rows = _rows_of(self._engine.shared(model), graph)
        values = values or distribution_of(graph.variable(cause), rows[cause]).usual
        return answered(widened(graph, rows), rows, cause, effect_on, values, progress=progress)

    @torch.inference_mode()
    def suggestion(
        self,
        model: ModelRef,
        graph: CausalGraph,
        method: Method,
        forbidden: Iterable[Edge] = (),
        progress: Progress | None = None,
    ) -> Suggestion:
        """The arrows that the rows of ``model`` suggest beside those of ``graph``. Raises as
        :func:`explorer.causal.suggestion.suggested` does."""
        rows = _rows_of(self._engine.shared(model), graph)
        return suggested(widened(graph, rows), rows, method, forbidden, progress=progress)


def _observed(generator: Generator) -> Observed:
    """The rows that come with the model of ``generator``. Raises :class:`CausalError` where none do."""
    if CAPABILITY not in generator.card.capabilities:
        raise CausalError(f"'{generator.card.name}' brings no rows of its variables, so nothing can be said by them.")
    causal = cast("CausalLatent", generator)
    return {name: values.double().cpu().numpy() for name, values in causal.observed().items()}


def _own_graph(generator: Generator) -> CausalGraph:
    """The graph that comes with the model of ``generator``. Raises :class:`CausalError` where none does."""
    if CAPABILITY not in generator.card.capabilities:
        raise CausalError(f"'{generator.card.name}' holds no causal model; choose one that does.")
    return cast("CausalLatent", generator).structural_model().graph


def _report(generator: Generator, model: StructuralModel, is_fitted: bool, seed: int) -> CausesReport:
    """Of ``model``, which sliders on ``generator`` set; ``is_fitted``: to the generator's rows, with ``seed``, so that
    those which it did not learn of are known."""
    if CAPABILITY not in generator.card.capabilities:
        mechanisms = tuple(_described(model, name) for name in model.graph.names)
        note = f"'{generator.card.name}' brings no rows of these variables."
        return CausesReport(own=model.graph, rows=0, distributions={}, mechanisms=mechanisms, note=note)
    own, rows = _own_graph(generator), _observed(generator)
    distributions = {
        name: distribution_of(own.variable(name), column) for name, column in rows.items() if name in own.names
    }
    count = len(next(iter(rows.values())))
    part = split(count, seed)[2] if is_fitted else torch.arange(count)
    mechanisms = tuple(_judged(model, name, rows, part, seed) for name in model.graph.names)
    return CausesReport(own=own, rows=count, distributions=distributions, mechanisms=mechanisms, is_held_out=is_fitted)


def _rows_of(generator: Generator, graph: CausalGraph) -> Observed:
    """The rows of the variables of ``graph``. Raises :class:`CausalError` where one was not observed."""
    rows = _observed(generator)
    for name in graph.names:
        if name not in rows:
            raise CausalError(
                f"'{generator.card.name}' has no variable '{name}'; its variables are {', '.join(rows)}. Rename it in "
                "the graph, or take it out."
            )
    return {name: rows[name] for name in graph.names}


def _described(model: StructuralModel, name: str) -> MechanismReport:
    kind = model.mechanisms[name].kind
    title = getattr(kinds().get(kind), "title", "a function of its own")
    return MechanismReport(variable=name, kind=kind, title=title)


def _judged(model: StructuralModel, name: str, rows: Observed, part: torch.Tensor, seed: int) -> MechanismReport:
    graph, mechanism = model.graph, model.mechanisms[name]
    variable, plain = graph.variable(name), _described(model, name)
    columns = {each: torch.from_numpy(rows[each])[part] for each in (name, *mechanism.parents)}
    parents = (
        torch.stack([columns[each] for each in mechanism.parents], dim=1)
        if mechanism.parents
        else (columns[name].new_empty(len(part), 0))
    )
    judgement = judged(
        mechanism, variable, tuple(map(graph.variable, mechanism.parents)), Rows(parents, columns[name]), seed
    )
    possible = tuple(
        (kind, each.title)
        for kind, each in learned_kinds().items()
        if not each.refusal(variable, torch.from_numpy(rows[name]))
    )
    return MechanismReport(
        variable=name,
        kind=plain.kind,
        title=plain.title,
        kinds=possible,
        judgement=judgement,
        warnings=warnings_of(judgement),
    )
