"""do(x = v) on a generator whose latent holds the variables of a causal model: one slider a variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import msgspec

from explorer.causal.base import Values
from explorer.causal.coding import Coding
from explorer.causal.diagnostics import depends_on
from explorer.causal.fit_card import FitCard
from explorer.causal.fitting import fit
from explorer.causal.formats.registry import graph_of
from explorer.causal.kinds_text import kinds_of
from explorer.causal.model import StructuralModel
from explorer.causal.table import widened
from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet
from explorer.controls.intervention import InterventionControl
from explorer.controls.noise import NoiseControl
from explorer.controls.rung import RungControl
from explorer.discovery.request import CheckedMethod, Request
from explorer.errors import CausalError, ControlError
from explorer.generators.base import CausalLatent, Generator
from explorer.scene.cards import ControlCard, MethodCard, ModelCard, SettingCard
from explorer.scene.causal_graph import Variable
from explorer.scene.causes import RUNG_CASES
from explorer.scene.model import Scalar

CAPABILITY = "causes"
BEYOND = 3.0
"""Standard deviations from its mean that the slider of a variable without a known range reaches."""

CASES = 9
"""Draws, and seeds, that a slider of cases reaches; others are typed."""
RUNG, NOISE = "rung", "noise:"
NOISES = ("as in seed @", "its own", "draw #")
RUNG_DETAILS = (
    "0, imagine: this very picture, of its own noises",
    "Above 0, do: what is set stays set, all other noise is drawn anew; the number is the draw",
    "Below 0, see: another picture, in which what is set elsewhere happens to have these values",
)
OWN_DETAIL = "The picture's own noise: all that no variable tells. That of another picture comes without truncation"


def graph_settings(own: str, rows: str) -> tuple[SettingCard, ...]:
    """The graph, its mechanisms and its layout. ``own``: what no graph stands for; ``rows``: what a graph is fitted
    to."""
    return (
        SettingCard(
            name="graph",
            title="Graph",
            default="",
            empty=own,
            help="What causes what, as JSON ({variable: [causes]}), DOT or DAGitty text, of the model's variables: "
            f"its mechanisms are fitted to {rows}, in seconds. Variables that are left out are held.",
        ),
        SettingCard(
            name="mechanisms",
            title="Mechanisms",
            default="",
            empty="chosen by how well they tell rows that they did not learn of",
            help="Kinds of mechanisms, such as 'height=linear_gaussian, flow=additive_noise'; others are chosen.",
        ),
        SettingCard(
            name="layout",
            title="Layout",
            default="",
            empty="automatic",
            help="Where the nodes of the graph stand, as JSON ({variable: [across, down]}); no part of the search.",
            afterwards=True,
        ),
    )


class Causes(CheckedMethod):
    """One control a variable: it sets its value, and what the variable causes follows by the model's mechanisms. Behind
    these, what the question is (imagine, do, see), and of whose noise the picture is."""

    card = MethodCard(
        name="causes",
        title="Causes",
        spaces=("z", "x_T"),
        trained=False,
        paper="Pearl, Causality, 2009; Pawlowski, Castro & Glocker, Deep Structural Causal Models for Tractable "
        "Counterfactual Inference, NeurIPS 2020",
        description="do(x = v): each slider sets a variable of the model's causal graph, and what it causes follows.",
        aliases=("do", "interventions"),
        first_count=64,
        grows=True,
        version=3,
        settings=graph_settings("the model's own", "rows that come with the model"),
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
        """The first ``k`` of the variables of the graph, the rungs, and the noises (1 ≤ k), all there are at most.
        Raises :class:`ControlError` for a
        graph or kinds that cannot be read, are not about the model's variables, or cannot be fitted."""
        causal = cast("CausalLatent", generator)
        try:
            model, cards = _model(asked, causal)
        except CausalError as error:
            raise ControlError(str(error)) from error
        coding = causal.coding()
        coding = Coding({name: coding.axes[name] for name in model.graph.names}, coding.width, coding.own)
        asked.watch(1.0)
        told = {card.variable: fit_text(card) for card in cards}
        controls: list[Control] = [
            do(name, model, coding, asked.space, told.get(name, "")) for name in model.graph.names
        ]
        controls += choices(model, coding, asked.space, _tied_rows(model, causal))
        return asked.found(controls[: asked.k], note=fit_note(model, cards))


def _model(asked: Request, causal: CausalLatent) -> tuple[StructuralModel, tuple[FitCard, ...]]:
    """The generator's own model, or the one that its rows teach of the graph and the kinds that were asked for."""
    own = causal.structural_model()
    graph = graph_of(own.graph, asked.text("graph"))
    kinds = kinds_of(asked.text("mechanisms"))
    if not kinds and (graph.names, graph.edges) == (own.graph.names, own.graph.edges):
        tied = msgspec.structs.replace(own.graph, confounded=graph.confounded)  # mechanisms know nothing of it
        return (own if tied == own.graph else StructuralModel(tied, own.mechanisms)), ()
    observed = {name: values.numpy() for name, values in causal.observed().items() if name in graph.names}
    fitted = fit(widened(graph, observed), observed, kinds, asked.seed, asked.watch)
    return fitted.model, fitted.cards


def _tied_rows(model: StructuralModel, causal: CausalLatent) -> Values | None:
    """The observed rows of the variables of ``model``, where hidden causes tie some."""
    if not model.graph.confounded:
        return None
    return {name: values for name, values in causal.observed().items() if name in model.graph.names}


def do(name: str, model: StructuralModel, coding: Coding, space: str, fitted: str = "") -> InterventionControl:
    """The slider of the variable ``name`` of ``model``, whose values lie in ``space`` as ``coding`` says; ``fitted``:
    how well its mechanism was."""
    axis = coding.axes[name]
    ends = axis.mean - BEYOND * axis.deviation, axis.mean + BEYOND * axis.deviation
    return InterventionControl(do_card(name, model, space, ends, fitted), name, model, coding)


def do_card(
    name: str, model: StructuralModel, space: str, ends: tuple[float, float], *details: str, figure: str = ""
) -> ControlCard:
    """Of the slider of the variable ``name`` of ``model`` in ``space``, which reaches from one of ``ends`` to the other
    where the variable has no range of its own."""
    variable = model.graph.variable(name)
    low = ends[0] if variable.low is None else variable.low
    high = ends[1] if variable.high is None else variable.high
    if variable.levels:
        low, high = 0.0, variable.levels - 1.0
    return ControlCard(
        name=name,
        space=space,
        unit=variable.unit,
        low=low,
        high=high,
        figure=figure,
        details=tuple(filter(None, (*_details(variable, model), *details))),
        detents=tuple(map(float, range(variable.levels))),
        shows="value",
        labels=variable.labels,
    )


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


def choices(model: StructuralModel, coding: Coding, space: str, rows: Values | None = None) -> list[Control]:
    """The rungs, the noise of every variable, and the picture's own noise where there is some. ``rows``: observed ones,
    where hidden causes tie variables."""
    rung, noises = choice_cards(model.graph.names, space, bool(coding.own))
    controls: list[Control] = [RungControl(rung, model, coding, rows)]
    return controls + [NoiseControl(card, name, model, coding) for name, card in noises.items()]


def choice_cards(names: Sequence[str], space: str, has_own: bool) -> tuple[ControlCard, dict[str, ControlCard]]:
    """Of the control of the rungs, and of those of the noises: variable (empty: the picture's own, where it has one) →
    card."""
    taken = set(names)
    law = "Drawn anew: from its law, not from what the picture leaves open"
    rung, noises = _choice(RUNG, taken, space, RUNG_CASES, RUNG_DETAILS), {}
    for name in (*names, *([""] if has_own else [])):
        whose = f"The noise of {name}: all that its causes do not tell" if name else OWN_DETAIL
        noises[name] = _choice(f"{NOISE} {name or 'picture'}", taken, space, NOISES, (whose, law))
    return rung, noises


def _choice(
    name: str, taken: set[str], space: str, cases: tuple[str, str, str], details: tuple[str, ...]
) -> ControlCard:
    while name in taken:  # a variable, or the noise of one, may be called so
        name += "'"
    taken.add(name)
    return ControlCard(
        name=name,
        space=space,
        unit="",
        low=-CASES,
        high=CASES,
        details=details,
        detents=tuple(map(float, range(-CASES, CASES + 1))),
        cases=cases,
    )


def fit_text(card: FitCard) -> str:
    gain = card.held_out - card.alone
    return (
        f"Fitted by {card.kind.replace('_', ' ')}: its causes tell {gain:.2f} nats of held-out rows ({card.rows} rows)"
    )


def fit_note(model: StructuralModel, cards: tuple[FitCard, ...]) -> str:
    """What the fit leaves to be said: noise that still depends on a cause, and hidden causes that were not learned."""
    notes = []
    for card in cards:
        if leaks := depends_on(card.dependence):
            notes.append(f"the noise of {card.variable} still depends on {', '.join(leaks)}")
    if cards and model.graph.confounded:
        pairs = ", ".join(f"{first} and {second}" for first, second in model.graph.confounded)
        notes.append(f"hidden causes of {pairs} were not learned: their noises count as independent")
    return f"Of the fit: {'; '.join(notes)}." if notes else ""


METHOD = Causes()
