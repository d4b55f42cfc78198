"""do(x = v) on a generator whose latent holds the variables of a causal model: one slider a variable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from explorer.causal.coding import Coding
from explorer.causal.model import StructuralModel
from explorer.controls.control_set import ControlSet
from explorer.controls.intervention import InterventionControl
from explorer.discovery.request import CheckedMethod, Request
from explorer.generators.base import CausalLatent, Generator
from explorer.scene.cards import ControlCard, MethodCard, ModelCard
from explorer.scene.causal_graph import Variable
from explorer.scene.model import Scalar

CAPABILITY = "causes"
BEYOND = 3.0
"""Standard deviations from its mean that the slider of a variable without a known range reaches."""


class Causes(CheckedMethod):
    """One control a variable: it sets its value, and what the variable causes follows by the model's mechanisms."""

    card = MethodCard(
        name="causes",
        title="Causes",
        spaces=("z",),
        trained=False,
        paper="Pearl, Causality, 2009; Pawlowski, Castro & Glocker, Deep Structural Causal Models for Tractable "
        "Counterfactual Inference, NeurIPS 2020",
        description="do(x = v): each slider sets a variable of the model's causal graph, and what it causes follows.",
        aliases=("do", "interventions"),
        first_count=64,
        grows=True,
    )

    def refusal(self, model: ModelCard) -> str:
        """A sentence unless ``model`` brings a causal model of its own."""
        if CAPABILITY in model.capabilities:
            return ""
        return f"'{model.name}' holds no causal model; do(x = v) needs one whose latent has variables."

    def place(self, model: ModelCard) -> int:
        """The first thing to look at: it is what such a model was made for."""
        return -1

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        return next(iter(model.spaces))

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """The first ``k`` variables of the graph (1 ≤ k), all there are at most."""
        causal = cast("CausalLatent", generator)
        model, coding = causal.structural_model(), causal.coding()
        names = model.graph.names[: asked.k]
        asked.watch(1.0)
        return asked.found([do(name, model, coding, asked.space) for name in names])


def do(name: str, model: StructuralModel, coding: Coding, space: str) -> InterventionControl:
    """The slider of the variable ``name`` of ``model``, whose values lie in ``space`` as ``coding`` says."""
    variable, axis = model.graph.variable(name), coding.axes[name]
    low = axis.mean - BEYOND * axis.deviation if variable.low is None else variable.low
    high = axis.mean + BEYOND * axis.deviation if variable.high is None else variable.high
    if variable.levels:
        low, high = 0.0, variable.levels - 1.0
    card = ControlCard(
        name=name,
        space=space,
        unit=variable.unit,
        low=low,
        high=high,
        details=tuple(filter(None, _details(variable, model))),
        detents=tuple(map(float, range(variable.levels))),
        shows="value",
    )
    return InterventionControl(card, name, model, coding)


def _details(variable: Variable, model: StructuralModel) -> tuple[str, ...]:
    graph, name = model.graph, variable.name
    effects = [other for other in graph.order if other in graph.descendants([name]) and other != name]
    choice = ""
    if any(graph.variable(other).levels and graph.parents(other) for other in effects):
        choice = "Which category would have been is not told by data: Gumbel-max is one choice of several"
    return (
        f"Sets {name}; its causes count no longer" if graph.parents(name) else f"Sets {name}, which nothing causes",
        f"Causes: {', '.join(graph.parents(name))}" if graph.parents(name) else "",
        f"Moves with it: {', '.join(effects)}" if effects else "Nothing else moves with it",
        " · ".join(f"{index} {label}" for index, label in enumerate(variable.labels)),
        choice,
    )


METHOD = Causes()
