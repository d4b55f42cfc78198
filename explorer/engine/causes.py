"""What do(x = v) makes of a picture: the values of all variables, and what is read from what was drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.attributes.registry import default_reader
from explorer.causal.base import Values
from explorer.causal.evidence import Estimate
from explorer.causal.model import StructuralModel
from explorer.causal.population import Population
from explorer.causal.posterior import Counterfactual
from explorer.controls.base import Move, Moves
from explorer.controls.bound import MISSED, Bound
from explorer.controls.causal_group import causal
from explorer.controls.control_set import ControlSet, setting
from explorer.controls.control_set import causal as causal_of
from explorer.controls.intervening import Intervening
from explorer.controls.noise import Noise
from explorer.controls.picture_values import PictureValues
from explorer.controls.rung import Rung
from explorer.controls.scaled import unscaled
from explorer.errors import CausalError, ExplorerError
from explorer.generators.base import Generator, Latent
from explorer.generators.editing import advanced_for, edited, ready, rendered
from explorer.scene.causal_graph import CausalGraph
from explorer.scene.causes import Outcome, Spread, VariableOutcome, rung_of
from explorer.scene.choices import case_of
from explorer.scene.model import Edit
from explorer.scene.single import shortest
from explorer.training.batch import as_images


def outcome(
    generator: Generator, controls: ControlSet, start: Latent, edits: Sequence[Edit], spreads: bool = False
) -> Outcome:
    """The variables of the picture that starts from ``start`` (batch 1), without and with ``edits``. ``spreads``: and
    how they are distributed where what is set is set, or seen. Raises :class:`CausalError` where ``controls`` sets no
    variables."""
    first = _first(controls)
    space = first.card.space
    moves = controls.moves(edits)
    names = list(generator.card.spaces)
    earlier = [move for move in moves if move.control.card.space in names[: names.index(space)]]
    latent = advanced_for(first, generator, edited(generator, start, earlier))
    acts = [ready(unscaled(move), generator, latent) for move in moves if causal_of(move.control) is not None]
    first = cast(Intervening, ready(Move(first, torch.zeros(1)), generator, latent).control)
    point = latent.tensors[space]
    try:
        (factual, after), problem = first.outcome(point, acts), ""
    except CausalError as error:  # too few rows have what is seen: all else is known
        (factual, after), problem = first.outcome(point, ()), str(error)
    targets = {
        move.control.variable: float(move.control.target(point, factual[move.control.variable], move))
        for move in acts
        if isinstance(move.control, Intervening)
    }
    told = _told(controls, first, acts, targets, factual, after, problem)
    if not problem and isinstance(first, Bound) and first.pictures is not None and first.bindings.attributes.variables:
        told = _with_reached(told, first.pictures, rendered(generator, [(start, moves)], first.pictures.quality))
    return with_spreads(told, controls, targets) if spreads and targets else told


def _told(
    controls: ControlSet,
    first: Intervening,
    acts: Moves,
    targets: Mapping[str, float],
    factual: Values,
    after: Counterfactual,
    problem: str,
) -> Outcome:
    """The answer in plain values. ``targets``: variable → what it is set to."""
    chosen = {move.control.card.name: case_of(float(move.number)) for move in acts if causal(move).chooses}
    rung, noises = choosing_controls(controls)
    case = chosen.get(rung, 0)
    return Outcome(
        graph=first.model.graph,
        variables=tuple(
            VariableOutcome(
                name=name,
                factual=shortest(float(factual[name])),
                value=shortest(targets.get(name, float(after.values[name]))),
                low=shortest(targets.get(name, float(after.low[name]))),
                high=shortest(targets.get(name, float(after.high[name]))),
                is_open=bool(after.open[name]),
                is_set=name in targets,
                noise_control=noises.get(name, ""),
                noise=chosen.get(noises.get(name, ""), 0),
            )
            for name in first.model.graph.names
        ),
        rung="do" if case > 0 else "see" if case < 0 else "imagine",
        draw=abs(case),
        rung_control=rung,
        own_control=noises.get("", ""),
        own_noise=chosen.get(noises.get("", ""), 0),
        problem=problem,
    )


def model_of_set(controls: ControlSet) -> StructuralModel:
    """The causal model whose variables ``controls`` sets. Raises :class:`CausalError` where it sets none."""
    return _first(controls).model


def is_bound(controls: ControlSet) -> bool:
    """Whether the variables that ``controls`` sets are bound to attributes or controls, and lie in no latent."""
    return isinstance(_first(controls), Bound)


def _with_reached(told: Outcome, pictures: PictureValues, picture: Tensor) -> Outcome:
    """``told``, and what ``pictures`` read from ``picture`` (1, C, H, W)."""
    (values,) = pictures.shown(picture)
    attributes = pictures.bindings.attributes
    aims = torch.tensor([told.variable(name).value for name in attributes.names], dtype=torch.float64)
    near = dict(zip(attributes.names, attributes.differences(values, aims).abs() <= MISSED, strict=True))
    reached = dict(zip(attributes.names, values.tolist(), strict=True))

    def with_reading(outcome: VariableOutcome) -> VariableOutcome:
        value = reached.get(outcome.name)
        if value is None:  # it is no attribute
            return outcome
        is_missed = not bool(near[outcome.name])
        return msgspec.structs.replace(
            outcome, reached=shortest(value) if value == value else None, is_missed=is_missed
        )

    variables = tuple(map(with_reading, told.variables))
    return msgspec.structs.replace(told, variables=variables)


def with_spreads(told: Outcome, controls: ControlSet, targets: Mapping[str, float]) -> Outcome:
    """``told``, and how its variables are distributed where those of ``targets`` are set to these values, or seen."""
    every = (causal_of(control) for control in controls.controls)
    rung = next((control for control in every if isinstance(control, Rung)), None)
    population = rung.population if rung is not None else Population(_first(controls).model)
    done, seen = (_spreads(each, targets) for each in (population.done, population.seen))
    variables = tuple(
        msgspec.structs.replace(one, done=done.get(one.name), seen=seen.get(one.name)) for one in told.variables
    )
    return msgspec.structs.replace(told, variables=variables)


def _spreads(
    tell: Callable[[Mapping[str, float]], dict[str, Estimate]], values: Mapping[str, float]
) -> dict[str, Spread]:
    """What ``tell`` says where variables have ``values``; nothing where there are none, or where it cannot say."""
    try:
        told = tell(values) if values else {}
    except CausalError:  # the dock says that it is not told
        return {}
    return {name: Spread(*map(shortest, (one.mean, one.low, one.high))) for name, one in told.items()}


def choosing_controls(controls: ControlSet) -> tuple[str, dict[str, str]]:
    """The name of the control of ``controls`` that chooses the question, empty where there is none; variable (empty:
    the picture's own) → the name of the control that chooses its noise."""
    every = [inner for control in controls.controls if (inner := causal_of(control)) is not None]
    rung = next((control.card.name for control in every if isinstance(control, Rung)), "")
    return rung, {control.variable: control.card.name for control in every if isinstance(control, Noise)}


def graph_of_set(controls: ControlSet) -> CausalGraph:
    """The graph of that model. Raises as :func:`model_of_set`."""
    return model_of_set(controls).graph


def without_do(controls: ControlSet, edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """``edits`` of ``controls`` without those that set variables: what an effect is held against. Raises
    :class:`CausalError` where ``controls`` sets none, and where values are seen, which has no effect."""
    _first(controls)
    if rung_of([control.card for control in controls.controls], edits) == "see":
        raise CausalError("What is seen is not set, so it has no effects; imagine, or do.")
    doing = {control.card.name for control in controls.controls if setting(control) is not None}
    return tuple(edit for edit in edits if edit.control not in doing)


def achieved(generator: Generator, bgrx: NDArray[np.uint8], names: Sequence[str]) -> dict[str, float]:
    """What the reader of the model's world reads of ``names`` from a picture (H, W, 4) as it was drawn; what it does
    not read, or all where there is no reader, is left out."""
    try:
        reader = default_reader(generator)
    except ExplorerError:  # the model says no world, or its world has no predictor: nothing is read
        return {}
    channels = generator.card.shape[0]
    values = reader.read(as_images(np.ascontiguousarray(bgrx[None, ..., 2::-1][..., :channels])))[0]
    columns = {one.name: shortest(float(value)) for one, value in zip(reader.attributes, values, strict=True)}
    return {name: columns[name] for name in names if name in columns and columns[name] == columns[name]}


def _first(controls: ControlSet) -> Intervening:
    first = next((inner for control in controls.controls if (inner := setting(control)) is not None), None)
    if first is None:
        raise CausalError(f"{controls.title} sets no variables; choose the method Causes, or Attributes as causes.")
    return first
