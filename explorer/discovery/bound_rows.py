"""Rows of variables that are bound to a generator: what is read from pictures, and where their points stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from explorer.attributes.base import Attribute, AttributeReader, Values
from explorer.attributes.registry import open_reader
from explorer.controls.base import Control
from explorer.controls.bound_controls import BoundControls, alike
from explorer.controls.intervening import digest_of
from explorer.discovery.attribute_data import DRAWN, FEWEST, check_varying, sample_count, sampled, varying
from explorer.discovery.request import Request, names_in
from explorer.discovery.sampling import drawn_latents
from explorer.errors import CausalError, ControlError, ExplorerError
from explorer.generators.base import Generator, Latent
from explorer.scene.causal_graph import CausalGraph, Variable, VariableKind

_CHUNK = 256
_STILL = 1e-9  # a spread below this is rounding


@dataclass(frozen=True)
class Sampled:
    """What was drawn. ``points`` (n, d): of the space, flattened; ``attributes``, read by ``reader`` into ``values``
    (n, A), none where there is no reader; ``why``: attribute → why it is left out, as the end of a sentence;
    ``controls``: those that variables may be bound to; ``amounts`` (n, variables): where points stand along them."""

    points: Values
    attributes: tuple[Attribute, ...]
    values: Values
    reader: AttributeReader | None
    why: dict[str, str]
    controls: BoundControls
    amounts: Values

    @property
    def names(self) -> list[str]:
        """Of the attributes that vary."""
        return [attribute.name for attribute in self.attributes if attribute.name not in self.why]


@dataclass(frozen=True)
class Table:
    """``rows``: variable → (n,) its values, complete, of levels their numbers; ``points`` (n, d) of the same pictures,
    whose numbers among the ``count`` that were drawn are ``whole``; ``left_out``: name → why, as the end of a sentence;
    ``dropped`` pictures did not show all."""

    variables: tuple[Variable, ...]
    rows: dict[str, NDArray[np.float64]]
    points: Values
    whole: NDArray[np.intp]
    count: int
    levels: dict[str, tuple[float, ...]]
    left_out: dict[str, str]
    dropped: int


def drawn(request: Request, generator: Generator, controls: Mapping[str, Control]) -> Sampled:
    """Draw points of the request's space, move them at random along those of ``controls`` along which pictures stand
    nowhere, render them, and read what the settings name. Raises :class:`ControlError` for what cannot be read or does
    not vary, and for controls that lead the same way."""
    shape = tuple(request.model.spaces[request.space].shape)
    bound = _bound(controls, shape)
    count = sample_count(request, generator)
    amounts = _drawn_amounts(bound, count, request.seed)

    def moved(latent: Latent, first: int) -> Latent:
        latent = generator.advance(latent, request.space)
        points = latent.tensors[request.space]
        by = {name: column[first : first + len(points)].to(points) for name, column in amounts.items()}
        still = {name: torch.zeros_like(points.flatten(1)[:, 0]) for name in bound.controls}
        return latent.holding({request.space: bound.moved(points, {**still, **by})})

    reader = reader_of(request, generator, bool(controls))
    if reader is None:
        points = _points(request, generator, count)
        attributes: tuple[Attribute, ...] = ()
        values, why = np.zeros((count, 0)), dict[str, str]()
    else:
        sample = sampled(request, generator, (), moved, _content(bound)) if amounts else sampled(request, generator)
        points, attributes, values = sample.latents, sample.attributes, sample.values
        _, why = varying(attributes, values, points)
        names = [attribute.name for attribute in attributes if attribute.name not in why]
        if not controls or names_in(request.text("attribute")):
            named = names_in(request.text("attribute"))
            check_varying(named, names, why, f"{count} samples of '{generator.card.name}'")
    bound = _centred(bound, points, request.model.spaces[request.space].prior == "normal")
    stands = bound.values(torch.from_numpy(points).reshape(-1, *shape))
    columns = [amounts.get(name, stands[name]).numpy() for name in bound.controls]
    stood = np.stack(columns, axis=1) if columns else np.zeros((count, 0))
    scales = torch.from_numpy(np.where(stood.std(0) > _STILL, stood.std(0), 1.0)).float().double()
    return Sampled(points, attributes, values, reader, why, replace(bound, scales=scales), stood)


def graph_of_all(controls: Mapping[str, Control], attributes: CausalGraph) -> CausalGraph:
    """``attributes`` and the variables that are ``controls``, which no arrow leads to. Raises :class:`ControlError`
    where both have a variable of one name."""
    if twice := next((name for name in controls if name in attributes.names), ""):
        raise ControlError(
            f"An attribute and a control are both called '{twice}'; call the control's variable otherwise, such as "
            f"'other={twice}'."
        )
    own = tuple(control_variable(name, control) for name, control in controls.items())
    return replace_variables(attributes, (*attributes.variables, *own))


def replace_variables(graph: CausalGraph, variables: tuple[Variable, ...]) -> CausalGraph:
    """The same arrows between other ``variables`` of the same names."""
    return CausalGraph(variables=variables, edges=graph.edges, confounded=graph.confounded, suggested=graph.suggested)


def control_variable(name: str, control: Control) -> Variable:
    """The variable ``name`` that ``control`` is."""
    stops = control.place.stops() if control.offset is None and control.place is not None else ()
    if not stops:
        return Variable(name=name, unit=control.card.unit)
    return Variable(name=name, low=stops[0], high=stops[-1], unit="" if control.card.unit == "σ" else control.card.unit)


def table_of(sample: Sampled, graph: CausalGraph) -> Table:
    """The rows of the variables of ``graph``. Levels that hardly any picture shows are none: nothing could be learned
    of them. Raises :class:`CausalError` where too few pictures show all, and where what is drawn at random has
    causes."""
    attributes = {
        attribute.name: (attribute, sample.values[:, place]) for place, attribute in enumerate(sample.attributes)
    }
    amounts = dict(zip(sample.controls.controls, sample.amounts.T, strict=True))
    rows, levels, variables, left_out = {}, {}, [], {}
    for name in graph.names:
        if name in amounts:
            _check_free(sample, graph, name)
            variables.append(graph.variable(name))
            rows[name] = amounts[name]
            continue
        attribute, column = attributes[name]
        variable = variable_of(attribute)
        if variable.levels:
            shown = [place for place, level in enumerate(attribute.levels) if (column == level).sum() >= FEWEST]
            if rare := [variable.labels[place] for place in range(variable.levels) if place not in shown]:
                left_out[name] = f"is hardly ever {' or '.join(rare)}"
            variable = _with_levels(attribute, tuple(variable.labels[place] for place in shown))
            levels[name] = tuple(attribute.levels[place] for place in shown)
            numbers = np.full(len(column), np.nan)
            for number, level in enumerate(levels[name]):
                numbers[column == level] = number
            column = numbers
        variables.append(variable)
        rows[name] = column
    whole = np.isfinite(np.stack(list(rows.values()), axis=1)).all(axis=1)
    if whole.sum() < 2 * FEWEST:
        raise CausalError(
            f"Only {int(whole.sum())} of {len(whole)} pictures show all of {', '.join(graph.names)}; leave out what "
            "is hardly ever shown, or raise 'samples'."
        )
    rows = {name: column[whole] for name, column in rows.items()}
    dropped = int((~whole).sum())
    return Table(
        tuple(variables), rows, sample.points[whole], whole.nonzero()[0], len(whole), levels, left_out, dropped
    )


def variable_of(attribute: Attribute) -> Variable:
    """The variable that ``attribute`` is."""
    if attribute.period:
        return Variable(name=attribute.name, kind="cyclic", low=0.0, high=attribute.period, unit=attribute.unit)
    if attribute.kind == "category" and len(attribute.levels) > 1:
        labels = attribute.labels or tuple(f"{level:g}" for level in attribute.levels)
        return _with_levels(attribute, labels)
    if attribute.kind == "share":
        return Variable(name=attribute.name, low=0.0, high=1.0, unit=attribute.unit)
    return Variable(name=attribute.name, unit=attribute.unit)


def _with_levels(attribute: Attribute, labels: tuple[str, ...]) -> Variable:
    kind: VariableKind = "binary" if len(labels) == 2 else "category"
    return Variable(name=attribute.name, kind=kind, labels=labels, unit=attribute.unit)


def _check_free(sample: Sampled, graph: CausalGraph, name: str) -> None:
    if name in sample.controls.relative and graph.parents(name):
        causes = ", ".join(graph.parents(name))
        raise CausalError(
            f"'{name}' is an amount that is drawn at random, so nothing causes it; take away its arrows from {causes}."
        )


def _bound(controls: Mapping[str, Control], shape: tuple[int, ...]) -> BoundControls:
    """Of ``controls``, whose centre and scales are not known yet. Raises :class:`ControlError` where some lead the same
    way."""
    for name, control in controls.items():
        others = [each for each in controls if each != name and controls[each].offset is not None]
        if control.offset is None:
            continue
        for other in others:
            start = torch.zeros(1, *shape, dtype=torch.float64)
            both = [each.velocity(start).detach().cpu().flatten(1) for each in (control, controls[other])]
            if alike(torch.cat(both)):
                raise ControlError(f"'{name}' and '{other}' lead the same way; bind a variable to one of them only.")
    centre, scales = torch.zeros(int(np.prod(shape))).double(), torch.ones(len(controls)).double()
    try:
        return BoundControls(controls, shape, centre, scales) if controls else BoundControls.none(shape)
    except ValueError as error:
        raise ControlError(f"Variables cannot be bound to {error}; bind them to fewer controls.") from error


def _centred(bound: BoundControls, points: Values, is_normal: bool) -> BoundControls:
    if not bound.controls or is_normal:
        return bound
    return replace(bound, centre=torch.from_numpy(points.mean(0)).float().double())


def _drawn_amounts(bound: BoundControls, count: int, seed: int) -> dict[str, torch.Tensor]:
    """Variable → (count,) amounts of those along which pictures stand nowhere, evenly over the range of the slider."""
    source = np.random.default_rng([seed, 83])
    ranges = {name: bound.controls[name].card for name in bound.relative}
    return {name: torch.from_numpy(source.uniform(card.low, card.high, count)) for name, card in ranges.items()}


def reader_of(request: Request, generator: Generator, has_controls: bool) -> AttributeReader | None:
    """What reads attributes; None where none are named, there are controls, and the model says no world. Raises
    :class:`ExplorerError` where what is named cannot be opened."""
    try:
        return open_reader(request.text("attributes"), generator.card, generator)
    except ExplorerError:
        if not has_controls or request.text("attributes").strip() or request.text("attribute").strip():
            raise
        return None


def _points(request: Request, generator: Generator, count: int) -> Values:
    """(n, d) points of the space alone, which nothing is read from."""
    parts: list[Values] = []
    with torch.no_grad():
        for latent in drawn_latents(generator, count, request.seed, _CHUNK, lambda share: request.watch(DRAWN * share)):
            tensor = generator.advance(latent, request.space).tensors[request.space]
            parts.append(np.asarray(tensor.flatten(1).cpu().double().numpy()))
    return np.concatenate(parts)


def _content(bound: BoundControls) -> str:
    """What tells these controls from others."""
    return bound.described() + digest_of(bound.tensors())
