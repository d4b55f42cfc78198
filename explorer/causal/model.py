"""The structural causal model: a graph and a mechanism for each variable. Abduct, act, predict (Pearl 2009, theorem
7.1.7), the one place where it is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from explorer.causal.base import Mechanism, Noises, Values
from explorer.causal.interventions import Hard, Interventions, Renewed, Shift, Soft
from explorer.errors import CausalError, instead
from explorer.scene.causal_graph import CausalGraph

Correlations = Mapping[tuple[str, str], float]
"""(variable, variable) → correlation in [-1, 1] of the normal scores of their noises: hidden common causes."""


@dataclass(frozen=True)
class _Plan:
    """``order``: the variables that an intervention reaches, causes first; ``causes`` (R, R) is 1 where the variable of
    the column causes that of the row."""

    order: tuple[str, ...]
    causes: Tensor


@dataclass(frozen=True)
class StructuralModel:
    """``graph``, and of each of its variables the mechanism, whose parents are those of the graph. Compared by identity
    of the mechanisms. Raises :class:`CausalError` where one is missing, or has other parents."""

    graph: CausalGraph
    mechanisms: Mapping[str, Mechanism]

    def __post_init__(self) -> None:
        for name in self.graph.names:
            if name not in self.mechanisms:
                raise CausalError(f"'{name}' has no mechanism; fit one.")
            if set(self.mechanisms[name].parents) != set(self.graph.parents(name)):
                causes = ", ".join(self.mechanisms[name].parents) or "nothing"
                raise CausalError(
                    f"The mechanism of '{name}' computes it of {causes}, but the graph says "
                    f"{', '.join(self.graph.parents(name)) or 'nothing'}; fit it again."
                )

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The variables, causes before effects."""
        return self.graph.order

    def uniforms(self, count: int, seed: int, correlations: Correlations | None = None) -> Noises:
        """Variable → (count, N) uniform numbers in (0, 1), float64, repeatable for a seed: what noises are made of.
        ``correlations`` ties the first numbers of pairs by a Gaussian copula. Raises :class:`CausalError` for unknown
        names, or for correlations that no joint distribution has."""
        widths = [self.mechanisms[name].noise_width for name in self.graph.names]
        normal = torch.from_numpy(np.random.default_rng(seed).standard_normal((count, sum(widths))))
        firsts = torch.tensor([0, *widths[:-1]]).cumsum(0)
        if correlations:
            normal[:, firsts] = normal[:, firsts] @ _mixing(self.graph.names, correlations).T
        uniform = torch.special.ndtr(normal).clamp(1e-12, 1 - 1e-12)
        return dict(zip(self.graph.names, uniform.split(widths, dim=1), strict=True))

    def noises(self, count: int, seed: int, correlations: Correlations | None = None) -> Noises:
        """Variable → (count, N) exogenous noise, float64, repeatable for a seed; see :meth:`uniforms`."""
        uniforms = self.uniforms(count, seed, correlations)
        return {name: self.mechanisms[name].noise(uniform) for name, uniform in uniforms.items()}

    def sample(self, count: int, seed: int, correlations: Correlations | None = None) -> Values:
        """``count`` rows as the model brings them about; repeatable for a seed."""
        return self.predict(self.noises(count, seed, correlations))

    def abduct(self, values: Values) -> Noises:
        """Variable → (B, N) the noise that gave the complete rows ``values``; NaN where it is not unique."""
        return {
            name: self.mechanisms[name].abduct(self.causes_of(name, values), values[name]) for name in self.graph.names
        }

    def posterior(self, values: Values, uniforms: Noises) -> Noises:
        """Noises as they are distributed given the complete rows ``values``, of ``uniforms`` (B, N) of each variable:
        those of :meth:`abduct` where these are unique."""
        return {
            name: self.mechanisms[name].posterior(self.causes_of(name, values), values[name], uniforms[name])
            for name in self.graph.names
        }

    def predict(
        self, noises: Noises, interventions: Interventions | None = None, factual: Values | None = None
    ) -> Values:
        """Values of ``noises``, causes first, under ``interventions``.

        With the ``factual`` rows that the noises were abducted from, what no intervention reaches stays as it was, bit
        for bit, and so does a variable whose causes all have their factual values: its noise, unique or not, did give
        it. NaN where a noise is not unique and matters. Raises :class:`CausalError` for a variable that there is not.
        """
        acts = self._checked(interventions or {})
        plan = self._plan(acts, factual is not None)
        values: Values = {} if factual is None else {name: factual[name] for name in self._names}
        for name in plan.order:
            act, noise = acts.get(name), noises[name]
            values[name] = _a_row(act.value, noise) if isinstance(act, Hard) else self._come(name, act, noise, values)
        if factual is not None:
            self._return_unmoved(plan, acts, noises, values, factual)
        return {name: values[name] for name in self._names}

    def counterfactual(self, values: Values, interventions: Interventions) -> Values:
        """The complete rows ``values`` (B,) as they would have been: abduction, action, prediction. NaN in what depends
        on a noise that is not unique; :func:`explorer.causal.posterior.counterfactual` gives its distribution."""
        return self.predict(self.abduct(values), interventions, values)

    def log_prob(self, values: Values) -> Tensor:
        """(B,) the logarithm of the density of the complete rows ``values``, the noises being independent."""
        parts = [
            self.mechanisms[name].log_prob(self.causes_of(name, values), values[name]) for name in self.graph.names
        ]
        return torch.stack(parts).sum(dim=0)

    def causes_of(self, name: str, values: Values, mechanism: Mechanism | None = None) -> Tensor:
        """(B, P) the values of the causes of ``name``, in the order of its mechanism, or of another ``mechanism``."""
        parents = (mechanism or self.mechanisms[name]).parents
        if not parents:
            like = next(iter(values.values()))
            return like.new_empty(len(like), 0)
        if len(parents) == 1:
            return values[parents[0]][:, None]
        return torch.stack([values[parent] for parent in parents], dim=1)

    def _come(self, name: str, act: Shift | Soft | Renewed | None, noise: Tensor, values: Values) -> Tensor:
        """What comes about of ``noise`` and the causes that ``values`` has."""
        mechanism = act.mechanism if isinstance(act, Soft) else self.mechanisms[name]
        if isinstance(act, Renewed):
            noise = act.noise.to(noise)
        causes = self.causes_of(name, values, mechanism) if mechanism.parents else noise.new_empty(len(noise), 0)
        value = mechanism.assign(causes, noise)
        if act is None:
            return value
        return value + _a_row(act.by, noise) if isinstance(act, Shift) else value

    def _return_unmoved(
        self, plan: _Plan, acts: Interventions, noises: Noises, values: Values, factual: Values
    ) -> None:
        """Give variables of ``plan`` back their ``factual`` values in the rows in which all their causes have theirs.

        Such rows are sought once in all variables together, which costs next to nothing where there are none; what
        they bring back may be the cause of more, so what follows from one is computed again.
        """
        unmoved_in = self._unmoved(plan, acts, values, factual)
        returned = set[str]()
        for name in plan.order if any(self._follows(name, acts) for name in unmoved_in) else ():
            if not self._follows(name, acts):
                continue
            parents = self.mechanisms[name].parents
            unmoved, act = unmoved_in.get(name), acts.get(name)
            assert not isinstance(act, Hard)
            if not returned.isdisjoint(parents):
                values[name] = self._come(name, act, noises[name], values)
                unmoved = (self.causes_of(name, values) == self.causes_of(name, factual)).all(dim=1)
            if unmoved is not None:
                by = _a_row(act.by, noises[name]) if isinstance(act, Shift) else 0.0
                observed = _with_slope_of(factual[name], values[name] - by) + by
                values[name] = torch.where(unmoved, observed, values[name])
                returned.add(name)

    def _follows(self, name: str, acts: Interventions) -> bool:
        """Whether ``name`` comes about by its own mechanism and noise, of causes."""
        return not isinstance(acts.get(name), (Hard, Soft, Renewed)) and bool(self.mechanisms[name].parents)

    def _unmoved(self, plan: _Plan, acts: Interventions, values: Values, factual: Values) -> dict[str, Tensor]:
        """Variable of ``plan`` → (B,) the rows in which all its causes have their factual values, where there are
        such."""
        if not plan.order:
            return {}
        after, before = (torch.stack([rows[name] for name in plan.order]) for rows in (values, factual))
        moved = after != before
        if all(isinstance(act, (Hard, Renewed)) for act in acts.values()) and bool(moved.all()):
            return {}  # what follows has a cause in the plan
        unmoved = plan.causes.to(after.device) @ moved.float() == 0
        return {plan.order[place]: unmoved[place] for place, some in enumerate(unmoved.any(dim=1).tolist()) if some}

    def _plan(self, acts: Interventions, keeps: bool) -> _Plan:
        """``keeps``: what no intervention reaches stays."""
        key = frozenset(acts) if keeps else None
        if any(isinstance(act, Soft) for act in acts.values()):
            return self._planned(self._order_under(acts), key)
        if key not in self._plans:
            self._plans[key] = self._planned(self.order, key)
        return self._plans[key]

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return self.graph.names

    @cached_property
    def _plans(self) -> dict[frozenset[str] | None, _Plan]:
        return {}

    def _planned(self, order: tuple[str, ...], names: frozenset[str] | None) -> _Plan:
        reached = frozenset(order) if names is None else self.graph.descendants(names)
        some = tuple(name for name in order if name in reached)
        return _Plan(some, torch.tensor([[float((a, b) in self._edges) for a in some] for b in some]))

    @cached_property
    def _edges(self) -> frozenset[tuple[str, str]]:
        return frozenset(self.graph.edges)

    def _checked(self, interventions: Interventions) -> Interventions:
        for name, act in interventions.items():
            self.graph.variable(name)
            if isinstance(act, Soft):
                late = self.graph.descendants([name]) & set(act.mechanism.parents)
                if late:
                    raise CausalError(
                        f"'{name}' cannot come about from {', '.join(sorted(late))}, which it causes itself."
                    )
                for parent in act.mechanism.parents:
                    self.graph.variable(parent)
        return interventions

    def _order_under(self, acts: Interventions) -> tuple[str, ...]:
        soft = {name: act.mechanism.parents for name, act in acts.items() if isinstance(act, Soft)}
        if not soft:
            return self.order
        edges = tuple(pair for pair in self.graph.edges if pair[1] not in soft)
        new = tuple((parent, name) for name, parents in soft.items() for parent in parents)
        return CausalGraph(variables=self.graph.variables, edges=edges + new).order


def _with_slope_of(factual: Tensor, predicted: Tensor) -> Tensor:
    """``factual``, bit for bit, whose derivative is that of ``predicted`` where there is one."""
    observed = factual.to(predicted)
    if not predicted.requires_grad:
        return observed
    return torch.where(predicted.isnan(), observed, observed.detach() + (predicted - predicted.detach()))


def _a_row(number: float | Tensor, noise: Tensor) -> Tensor:
    """``number`` for every row of ``noise`` (B, N)."""
    if isinstance(number, Tensor):
        return number.to(noise).expand(len(noise))
    return noise.new_full((len(noise),), number)


def _mixing(names: tuple[str, ...], correlations: Correlations) -> Tensor:
    """(V, V) what independent normal numbers are multiplied by to have ``correlations``."""
    matrix = torch.eye(len(names), dtype=torch.float64)
    for (first, second), value in correlations.items():
        for name in (first, second):
            if name not in names:
                raise CausalError(f"There is no variable '{name}'; {instead(name, names)}")
        if first == second or not -1.0 <= value <= 1.0:
            raise CausalError(f"A correlation is between two variables and in -1..1, not {first}~{second}={value}.")
        i, j = names.index(first), names.index(second)
        matrix[i, j] = matrix[j, i] = value
    values, vectors = torch.linalg.eigh(matrix)
    if values.min() < -1e-9:
        raise CausalError("No joint distribution has these correlations together; make them weaker.")
    mixing: Tensor = vectors * values.clamp(min=0.0).sqrt()
    return mixing
