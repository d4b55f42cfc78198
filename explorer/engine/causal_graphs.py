"""What the observed rows of a model say: about its variables, its mechanisms, a graph, an effect; and what arrows they
suggest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import msgspec
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
from explorer.controls.bound_rung import BoundRungControl
from explorer.controls.control_set import ControlSet
from explorer.discovery.bound_causes import METHOD as BOUND
from explorer.ending import Progress
from explorer.engine.causes import is_bound, model_of_set
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
        """Of the model behind the sliders of a set: how its variables are distributed, and how well its mechanisms
        describe that; by rows that they did not learn of where they were fitted to some. Raises :class:`CausalError`
        where the set sets no variables."""
        behind = self._engine.control_set(model, controls)
        settings = dict(controls.settings)
        is_fitted = bool(settings.get("graph") or settings.get("mechanisms")) or _rung(behind) is not None
        with torch.inference_mode():
            own = self._own(model, controls, behind)
            return _report(self._engine.shared(model), behind, own, is_fitted, controls.seed)

    def _own(self, model: ModelRef, controls: ControlSetRef, behind: ControlSet) -> CausalGraph:
        """The graph of all variables that sliders of ``controls``, which hold ``behind``, may be about."""
        generator, drawn = self._engine.shared(model), model_of_set(behind).graph
        if not is_bound(behind):
            return _own_graph(generator) if CAPABILITY in generator.card.capabilities else drawn
        if controls.method != BOUND.card.name:  # a file holds no more than its graph
            return drawn
        own = BOUND.own_graph(generator, dict(controls.settings))
        variables = tuple(drawn.variable(name) if name in drawn.names else own.variable(name) for name in own.names)
        return msgspec.structs.replace(own, variables=variables)

    @torch.inference_mode()
    def own_graph(self, model: ModelRef) -> CausalGraph:
        """The graph that comes with ``model``. Raises :class:`CausalError` where none does."""
        return _own_graph(self._engine.shared(model))

    @torch.inference_mode()
    def check(self, model: ModelRef, graph: CausalGraph, controls: ControlSetRef | None = None) -> GraphCheck:
        """What the rows of ``model`` say about the independences that ``graph`` implies; those of ``controls``, where
        their variables are read from pictures. Raises :class:`CausalError`."""
        rows = self._rows_of(model, graph, controls)
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
        controls: ControlSetRef | None = None,
    ) -> EffectAnswer:
        """What ``graph`` and the rows of ``model`` say about setting ``cause`` to the second of ``values`` instead of
        the first; None: from one end of what is usual to the other. ``controls``: as of :meth:`check`. Raises
        :class:`CausalError`."""
        rows = self._rows_of(model, graph, controls)
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
        controls: ControlSetRef | None = None,
    ) -> Suggestion:
        """The arrows that the rows of ``model`` suggest beside those of ``graph``. ``controls``: as of :meth:`check`.
        Raises as :func:`explorer.causal.suggestion.suggested` does."""
        rows = self._rows_of(model, graph, controls)
        return suggested(widened(graph, rows), rows, method, forbidden, progress=progress)

    def _rows_of(self, model: ModelRef, graph: CausalGraph, controls: ControlSetRef | None) -> Observed:
        """The rows of the variables of ``graph``. Raises :class:`CausalError` where one was not observed."""
        behind = self._engine.control_set(model, controls) if controls is not None else None
        rows = _observed(self._engine.shared(model), behind)
        title = self._engine.card(model).name if behind is None or not is_bound(behind) else behind.title
        for name in graph.names:
            if name not in rows:
                raise CausalError(
                    f"'{title}' has no variable '{name}'; its variables are {', '.join(rows)}. Rename it in the graph, "
                    "or take it out."
                )
        return {name: rows[name] for name in graph.names}


def _rung(controls: ControlSet) -> BoundRungControl | None:
    """What holds the rows that were read for ``controls``."""
    return next((control for control in controls.controls if isinstance(control, BoundRungControl)), None)


def _observed(generator: Generator, controls: ControlSet | None = None) -> Observed:
    """The rows that were read for ``controls``, else those that come with the model of ``generator``. Raises
    :class:`CausalError` where there are none."""
    if controls is not None and is_bound(controls):
        rung = _rung(controls)
        if rung is None:
            raise CausalError(
                "Pictures stand nowhere along a control that a variable is bound to, so there are no rows of them."
            )
        return {name: values.double().cpu().numpy() for name, values in rung.rows.items()}
    if CAPABILITY not in generator.card.capabilities:
        raise CausalError(f"'{generator.card.name}' brings no rows of its variables, so nothing can be said by them.")
    causal = cast("CausalLatent", generator)
    return {name: values.double().cpu().numpy() for name, values in causal.observed().items()}


def _own_graph(generator: Generator) -> CausalGraph:
    """The graph that comes with the model of ``generator``. Raises :class:`CausalError` where none does."""
    if CAPABILITY not in generator.card.capabilities:
        raise CausalError(f"'{generator.card.name}' holds no causal model; choose one that does.")
    return cast("CausalLatent", generator).structural_model().graph


def _report(generator: Generator, controls: ControlSet, own: CausalGraph, is_fitted: bool, seed: int) -> CausesReport:
    """Of the model that sliders ``controls`` on ``generator`` set; ``is_fitted``: to the rows, with ``seed``, so that
    those which it did not learn of are known."""
    model = model_of_set(controls)
    try:
        rows = _observed(generator, controls)
    except CausalError as error:
        mechanisms = tuple(_described(model, name) for name in model.graph.names)
        return CausesReport(own=own, rows=0, distributions={}, mechanisms=mechanisms, note=str(error))
    distributions = {
        name: distribution_of(own.variable(name), column) for name, column in rows.items() if name in own.names
    }
    count = len(next(iter(rows.values())))
    part = split(count, seed)[2] if is_fitted else torch.arange(count)
    mechanisms = tuple(_judged(model, name, rows, part, seed) for name in model.graph.names)
    return CausesReport(own=own, rows=count, distributions=distributions, mechanisms=mechanisms, is_held_out=is_fitted)


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
