"""do(x = v) on any generator: the variables are attributes, read from its pictures, or controls of its points."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from explorer.attributes.base import AttributeReader, Values
from explorer.attributes.pictures import without_pictures
from explorer.causal.fit_card import FitCard
from explorer.causal.fitting import fit
from explorer.causal.formats.registry import graph_of
from explorer.causal.kinds_text import kinds_of
from explorer.causal.model import StructuralModel
from explorer.causal.separation import projected
from explorer.controls.attribute_map import AttributeMap
from explorer.controls.base import Control
from explorer.controls.bindings import Bindings, Source
from explorer.controls.bound_controls import BoundControls
from explorer.controls.bound_intervention import BoundInterventionControl
from explorer.controls.bound_noise import BoundNoiseControl
from explorer.controls.bound_rung import BoundRungControl
from explorer.controls.control_set import ControlSet
from explorer.discovery.attribute_data import ATTRIBUTE_SETTINGS, DRAWN, whitened
from explorer.discovery.attribute_regression import ridge_weights
from explorer.discovery.bound_rows import (
    Sampled,
    Table,
    drawn,
    graph_of_all,
    reader_of,
    replace_variables,
    table_of,
    variable_of,
)
from explorer.discovery.causes import choice_cards, do_card, fit_note, fit_text, graph_settings
from explorer.discovery.named_controls import CONTROL_SETTINGS, named_controls
from explorer.discovery.request import CheckedMethod, Request, mapped_space, names_in
from explorer.discovery.sampling import drawn_seeds
from explorer.errors import CausalError, ControlError
from explorer.generators.base import Generator
from explorer.scene.cards import MethodCard, ModelCard
from explorer.scene.causal_graph import CausalGraph, Variable
from explorer.scene.model import Scalar
from explorer.worlds.registry import all_worlds, world

RIDGE = 0.01
CHOSEN = 0.3
"""Share of a search that finding the controls takes that variables are bound to."""
TAILS = 0.005
"""Of the rows at each end lie outside a slider."""
OUTSIDE = 0.001
"""Of points lie beyond the radius at which a search turns back."""


class BoundCauses(CheckedMethod):
    """One control a variable: it sets the attribute, or the control, that the variable is, and what that causes
    follows."""

    card = MethodCard(
        name="bound_causes",
        title="Attributes as causes",
        spaces=("z", "w", "x_T"),
        trained=False,
        paper="Pearl, Causality, 2009",
        description="do(x = v) on attributes of the picture, and on controls: these are moved, and the point until its "
        "picture reads what a causal graph says.",
        aliases=("bound", "do_attributes"),
        first_count=64,
        grows=True,
        supervised=True,
        settings=(
            *ATTRIBUTE_SETTINGS,
            *CONTROL_SETTINGS,
            *graph_settings("that of the world whose attributes are read, else no arrows", "the pictures of 'samples'"),
        ),
    )

    def refusal(self, model: ModelCard) -> str:
        return without_pictures(model)

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        space = mapped_space(model)
        return next(iter(model.spaces)) if space == "h" else space

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """The first ``k`` variables of the graph (1 ≤ k), all there are at most, and what chooses the question and the
        noises of these. Raises :class:`ControlError` for
        attributes that are not read or do not vary, for controls that no variable can be bound to, and for a graph or
        kinds that cannot be read, are not about these, or cannot be fitted."""
        bound = named_controls(asked, generator, asked.watch.part(0.0, CHOSEN))
        if bound:
            space = next(iter(bound.values())).card.space
            asked = replace(asked, space=space, watch=asked.watch.part(CHOSEN, 1.0))
        sample = drawn(asked, generator, bound)
        try:
            own = graph_of_all(bound, attribute_graph(sample.reader, sample.names))
            graph = graph_of(own, asked.text("graph"))
            table = table_of(sample, graph)
            graph = replace_variables(graph, table.variables)
            kinds = kinds_of(asked.text("mechanisms"))
            fitted = fit(graph, table.rows, kinds, asked.seed, asked.watch.part(DRAWN, 1.0))
        except CausalError as error:
            raise ControlError(str(error)) from error
        bindings = _bindings(asked, sample, table)
        told = {card.variable: fit_text(card) if graph.parents(card.variable) else "" for card in fitted.cards}
        controls: list[Control] = []
        for name in graph.names[: asked.k]:
            ends, about = _ends(name, bindings, table)
            card = do_card(name, fitted.model, asked.space, ends, told[name], about)
            controls.append(cast(Control, BoundInterventionControl(card, name, fitted.model, bindings)))
        controls += _choices(asked, fitted.model, bindings, table)
        labels = int((~np.isnan(sample.values)).sum())
        note = _note(fitted.model, fitted.cards, {**sample.why, **table.left_out}, table.dropped)
        return asked.found(controls, len(sample.points), note, labels)

    def own_graph(self, generator: Generator, settings: Mapping[str, Scalar]) -> CausalGraph:
        """All variables that these ``settings`` bind, and the arrows that a world says. Raises as :meth:`search`."""
        asked = self.begin(generator, 1, 0, settings, None)
        bound = named_controls(asked, generator, asked.watch)
        reader = reader_of(asked, generator, bool(bound))
        return graph_of_all(bound, attribute_graph(reader, names_in(asked.text("attribute")) or None))


def _choices(asked: Request, model: StructuralModel, bindings: Bindings, table: Table) -> list[Control]:
    """The noise of each of the first ``k`` variables, and the picture's own; first the rungs, but where a variable is a
    control along which no picture stands: other pictures do not have it."""
    rung, noises = choice_cards(model.graph.names, asked.space, True)
    controls: list[Control] = []
    if not bindings.controls.relative:
        seeds = torch.tensor(drawn_seeds(table.count, asked.seed))[torch.from_numpy(table.whole)]
        rows = {name: torch.from_numpy(column.copy()) for name, column in table.rows.items()}
        controls.append(cast(Control, BoundRungControl(rung, model, bindings, rows, seeds)))
    for name in (*model.graph.names[: asked.k], ""):
        controls.append(cast(Control, BoundNoiseControl(noises[name], name, model, bindings)))
    return controls


def _bindings(asked: Request, sample: Sampled, table: Table) -> Bindings:
    """What the variables of ``table`` are bound to."""
    chosen = {one.name: sample.controls.controls.get(one.name) for one in table.variables}
    bound = {name: control for name, control in chosen.items() if control is not None}
    controls = BoundControls.none(sample.controls.shape)
    if bound:
        places = [list(sample.controls.controls).index(name) for name in bound]
        controls = replace(sample.controls, controls=bound, scales=sample.controls.scales[places])
    read = tuple(one for one in table.variables if one.name not in bound)
    source = Source(
        text=asked.text("attributes").strip(),
        name=sample.reader.name if sample.reader is not None else "",
        digest=sample.reader.digest if sample.reader is not None else "",
        attributes={one.name: one.name for one in read},
        levels=table.levels,
    )
    return Bindings(table.variables, attribute_map(read, table.rows, table.points), source, controls)


def _ends(name: str, bindings: Bindings, table: Table) -> tuple[tuple[float, float], str]:
    """How far the slider of a variable reaches, and what it is bound to."""
    control = bindings.controls.controls.get(name)
    if control is None:
        low, high = np.quantile(table.rows[name], (TAILS, 1 - TAILS))
        return (float(low), float(high)), f"Read from the picture by {bindings.source.name}"
    zero = "the picture itself" if name in bindings.controls.relative else "the middle of the model's pictures"
    stands = "" if control.offset is None and control.place is not None else f", of which 0 is {zero}"
    return (control.card.low, control.card.high), f"The control {control.card.name}{stands}"


def attribute_graph(reader: AttributeReader | None, names: Sequence[str] | None = None) -> CausalGraph:
    """What the world whose attributes ``reader`` reads says of those that are ``names``, of all by default; no arrows
    where they are of no world, and nothing where nothing is read."""
    if reader is None:
        return CausalGraph()
    variables = tuple(variable_of(one) for one in reader.attributes if names is None or one.name in names)
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
        "slopes": np.array([weights for weights, _ in learned]).reshape(-1, white.rows.shape[1]),
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
