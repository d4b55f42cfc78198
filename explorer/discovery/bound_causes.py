"""do(x = v) on any generator: the variables are attributes, read from its pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from explorer.attributes.base import Attribute, AttributeReader, Values
from explorer.attributes.pictures import without_pictures
from explorer.causal.fit_card import FitCard
from explorer.causal.fitting import fit
from explorer.causal.formats.registry import graph_of
from explorer.causal.kinds_text import kinds_of
from explorer.causal.model import StructuralModel
from explorer.causal.separation import projected
from explorer.controls.attribute_map import AttributeMap
from explorer.controls.base import Control
from explorer.controls.bound_intervention import BoundInterventionControl
from explorer.controls.control_set import ControlSet
from explorer.controls.picture_values import Source
from explorer.discovery.attribute_data import (
    ATTRIBUTE_SETTINGS,
    DRAWN,
    FEWEST,
    AttributeSample,
    check_varying,
    names_in,
    sampled,
    varying,
    whitened,
)
from explorer.discovery.attribute_regression import ridge_weights
from explorer.discovery.causes import do_card, fit_note, fit_text, graph_settings
from explorer.discovery.request import CheckedMethod, Request, mapped_space
from explorer.errors import CausalError, ControlError
from explorer.generators.base import Generator
from explorer.scene.cards import MethodCard, ModelCard
from explorer.scene.causal_graph import CausalGraph, Variable, VariableKind
from explorer.scene.model import Scalar
from explorer.worlds.registry import all_worlds, world

RIDGE = 0.01
TAILS = 0.005
"""Of the rows at each end lie outside a slider."""
OUTSIDE = 0.001
"""Of points lie beyond the radius at which a search turns back."""


@dataclass(frozen=True)
class _Table:
    """``rows``: variable → (n,) its values, complete, of levels their numbers; ``latents`` (n, d) of the same
    pictures; ``left_out``: name → why, as the end of a sentence; ``dropped`` pictures did not show all."""

    variables: tuple[Variable, ...]
    rows: dict[str, NDArray[np.float64]]
    latents: Values
    levels: dict[str, tuple[float, ...]]
    left_out: dict[str, str]
    dropped: int


class BoundCauses(CheckedMethod):
    """One control a variable: it sets the attribute that the variable is, and what that causes follows."""

    card = MethodCard(
        name="bound_causes",
        title="Attributes as causes",
        spaces=("z", "w", "x_T"),
        trained=False,
        paper="Pearl, Causality, 2009",
        description="do(x = v) on attributes of the picture: the point is moved until its picture reads what a causal "
        "graph of the attributes says.",
        aliases=("bound", "do_attributes"),
        first_count=64,
        grows=True,
        supervised=True,
        settings=(
            *ATTRIBUTE_SETTINGS,
            *graph_settings("that of the world whose attributes are read, else no arrows", "the pictures of 'samples'"),
        ),
    )

    def refusal(self, model: ModelCard) -> str:
        return without_pictures(model)

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        space = mapped_space(model)
        return next(iter(model.spaces)) if space == "h" else space

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """The first ``k`` variables of the graph (1 ≤ k), all there are at most. Raises :class:`ControlError` for
        attributes that are not read or do not vary, and for a graph or kinds that cannot be read, are not about them,
        or cannot be fitted."""
        sample = sampled(asked, generator)
        named = names_in(asked.text("attribute"))
        _, why = varying(sample.attributes, sample.values, sample.latents)
        names = [one.name for one in sample.attributes if one.name not in why]
        check_varying(named, names, why, f"{len(sample.values)} samples of '{generator.card.name}'")
        try:
            own = attribute_graph(sample.reader, names)
            graph = graph_of(own, asked.text("graph"))
            table = _table(sample, graph.names)
            graph = CausalGraph(
                variables=table.variables, edges=graph.edges, confounded=graph.confounded, suggested=graph.suggested
            )
            kinds = kinds_of(asked.text("mechanisms"))
            fitted = fit(graph, table.rows, kinds, asked.seed, asked.watch.part(DRAWN, 1.0))
        except CausalError as error:
            raise ControlError(str(error)) from error
        source = Source(
            text=asked.text("attributes").strip(),
            name=sample.reader.name,
            digest=sample.reader.digest,
            attributes={name: name for name in graph.names},
            levels=table.levels,
        )
        attributes = attribute_map(table.variables, table.rows, table.latents)
        told = {card.variable: fit_text(card) if graph.parents(card.variable) else "" for card in fitted.cards}
        controls: list[Control] = []
        for name in graph.names[: asked.k]:
            ends = np.quantile(table.rows[name], (TAILS, 1 - TAILS))
            details = (told[name], f"Read from the picture by {source.name}")
            card = do_card(name, fitted.model, asked.space, (float(ends[0]), float(ends[1])), *details)
            shape = asked.model.spaces[asked.space].shape
            controls.append(
                cast(Control, BoundInterventionControl(card, name, fitted.model, attributes, source, tuple(shape)))
            )
        labels = int((~np.isnan(sample.values)).sum())
        note = _note(fitted.model, fitted.cards, {**why, **table.left_out}, table.dropped)
        return asked.found(controls, len(sample.values), note, labels)


def attribute_graph(reader: AttributeReader, names: Sequence[str] | None = None) -> CausalGraph:
    """What the world whose attributes ``reader`` reads says of those that are ``names``, of all by default; no arrows
    where they are of no world."""
    variables = tuple(_variable(one) for one in reader.attributes if names is None or one.name in names)
    if reader.name not in all_worlds():
        return CausalGraph(variables=variables)
    known = {variable.name for variable in variables}
    graph = world(reader.name).model.graph
    graph = projected(graph, [name for name in graph.names if name not in known])
    return CausalGraph(
        variables=variables,
        edges=tuple(pair for pair in graph.edges if set(pair) <= known),
        confounded=tuple(pair for pair in graph.confounded if set(pair) <= known),
    )


def _variable(attribute: Attribute) -> Variable:
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


def _table(sample: AttributeSample, names: Sequence[str]) -> _Table:
    """The rows of the variables ``names``. Levels that hardly any picture shows are none: nothing could be learned of
    them. Raises :class:`CausalError` where too few pictures show all."""
    columns = {one.name: (one, sample.values[:, place]) for place, one in enumerate(sample.attributes)}
    rows, levels, variables, left_out = {}, {}, [], {}
    for name in names:
        attribute, column = columns[name]
        variable = _variable(attribute)
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
            f"Only {int(whole.sum())} of {len(sample.values)} pictures show all of {', '.join(names)}; leave out what "
            "is hardly ever shown, or raise 'samples'."
        )
    rows = {name: column[whole] for name, column in rows.items()}
    return _Table(tuple(variables), rows, sample.latents[whole], levels, left_out, int((~whole).sum()))


def attribute_map(
    variables: tuple[Variable, ...], rows: Mapping[str, NDArray[np.float64]], latents: Values
) -> AttributeMap:
    """The linear map that tells best of ``latents`` (n, d) what ``rows`` (n,) say of each of ``variables``."""
    white = whitened(latents)
    targets, scales = [], []
    for variable in variables:
        values = rows[variable.name]
        if variable.levels:
            targets += [(values == level).astype(np.float64) for level in range(variable.levels)]
            scales.append(1.0)
        elif variable.period:
            angle = (values - (variable.low or 0.0)) / variable.period * math.tau
            targets += [np.cos(angle), np.sin(angle)]
            scales.append(variable.period / math.tau)
        else:
            targets.append(values)
            scales.append(float(values.std()))
    learned = [ridge_weights(white.rows, target, RIDGE) for target in targets]
    tensors = {
        "mean": latents.mean(0),
        "axes": white.axes,
        "slopes": np.stack([weights for weights, _ in learned]),
        "constants": np.array([constant for _, constant in learned]),
        "scales": np.array(scales),
        "radius": np.quantile(np.linalg.norm(white.rows, axis=1), [1 - OUTSIDE]),
    }
    return AttributeMap.restore(variables, {name: torch.from_numpy(array) for name, array in tensors.items()})


def _note(model: StructuralModel, cards: tuple[FitCard, ...], left_out: Mapping[str, str], dropped: int) -> str:
    parts = [fit_note(model, tuple(card for card in cards if model.graph.parents(card.variable)))]
    if left_out:
        parts.append(f"Left out: {'; '.join(f'{name} {reason}' for name, reason in left_out.items())}.")
    if dropped:
        parts.append(f"{dropped} pictures that do not show all were left out.")
    return " ".join(filter(None, parts))


METHOD = BoundCauses()
