"""What a change of one variable does to another in a structural causal model: in all, directly, and by way of what lies
between (Pearl, Direct and indirect effects, UAI 2001).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from explorer.causal.base import Noises, Values
from explorer.causal.interventions import Hard, Intervention
from explorer.causal.model import StructuralModel
from explorer.errors import CausalError

DRAWS = 4000


@dataclass(frozen=True)
class Effect:
    """A mean difference over rows, its standard error from drawing, and the difference of each row (B,)."""

    mean: float
    error: float
    rows: Tensor


@dataclass(frozen=True)
class Effects:
    """Of setting a cause to one value instead of another. ``total``: all follows; ``direct``: what lies between stays
    as it was before; ``indirect``: the cause stays, and only what lies between goes as if it had not. In linear models
    total = direct + indirect; elsewhere total = direct − the indirect effect of the way back."""

    total: Effect
    direct: Effect
    indirect: Effect
    between: tuple[str, ...]


def effects(
    model: StructuralModel,
    cause: str,
    values: tuple[float, float],
    effect: str,
    draws: int = DRAWS,
    seed: int = 0,
    noises: Noises | None = None,
) -> Effects:
    """The natural effects on ``effect`` of setting ``cause`` to the second of ``values`` instead of the first, with the
    same noises in both: ``draws`` of the model's own, repeatable for a seed, or ``noises`` (B, N) that were abducted.

    Raises :class:`CausalError` for variables that there are not, or that are one.
    """
    _check(model, cause, effect)
    noises = model.noises(draws, seed) if noises is None else noises
    before, after = (model.predict(noises, {cause: Hard(value)}) for value in values)
    between = mediators(model, cause, effect)

    def reached(value: float, held: Values) -> Tensor:
        acts: dict[str, Intervention] = {name: Hard(held[name]) for name in between}
        return model.predict(noises, {**acts, cause: Hard(value)})[effect]

    return Effects(
        total=_effect(after[effect] - before[effect]),
        direct=_effect(reached(values[1], before) - before[effect]),
        indirect=_effect(reached(values[0], after) - before[effect]),
        between=between,
    )


def controlled_direct_effect(
    model: StructuralModel,
    cause: str,
    values: tuple[float, float],
    effect: str,
    held: Mapping[str, float],
    draws: int = DRAWS,
    seed: int = 0,
) -> Effect:
    """The effect where the variables ``held`` are set to these values in both. Raises as :func:`effects` does, and
    where the cause or the effect itself is held."""
    _check(model, cause, effect)
    if inside := {cause, effect} & set(held):
        raise CausalError(f"'{inside.pop()}' cannot be held while its part in an effect is asked for.")
    noises = model.noises(draws, seed)
    acts: dict[str, Intervention] = {name: Hard(value) for name, value in held.items()}
    before, after = (model.predict(noises, {**acts, cause: Hard(value)})[effect] for value in values)
    return _effect(after - before)


def mediators(model: StructuralModel, cause: str, effect: str) -> tuple[str, ...]:
    """What lies on a way of arrows from ``cause`` to ``effect``, in the order of the graph."""
    return model.graph.between(cause, effect)


def _effect(rows: Tensor) -> Effect:
    error = float(rows.double().std() / math.sqrt(len(rows))) if len(rows) > 1 else math.nan
    return Effect(float(rows.mean()), error, rows)


def _check(model: StructuralModel, cause: str, effect: str) -> None:
    for name in (cause, effect):
        model.graph.variable(name)
    if cause == effect:
        raise CausalError(f"'{cause}' has no effect on itself; choose two variables.")
