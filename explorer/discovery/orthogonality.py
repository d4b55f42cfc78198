"""The objective of the methods whose fields have orthogonal effects at every point, and where they begin."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from explorer.discovery.local_effects import Sampled
from explorer.fields.ridges import Ridges

EPSILON = 0.01
"""Of the typical squared effect: what is added before logarithms. From .003 to .1 it changes nothing."""
TINY = 1e-12
"""Added to squared speeds, which are about 1, so that a point that stands still has a direction of length 0."""
PLANE_OF = 6
"""The leading directions among which a start looks for the plane of a rotation."""
START_EFFECT = 2.0
"""The weight of the effect by which starts are compared. With less, a direction that changes nothing looks good,
because it is orthogonal to all others."""
MARGIN = 0.25
"""By how much a rotation has to be better than straight lines. Where a factor goes round, it is by more than 2."""


@dataclass(frozen=True)
class Orthogonality:
    """For fields v_k, unit velocities u_k = v_k / |v_k|, inner products of effects E_kl = u_kᵀ G u_l and squared
    effects d_k = E_kk, in units of ``typical``:

    L = E[Σ log(d_k + ε) - log det(E + ε I)] - ``effect`` E[mean log(d_k + ε)] + ``evenness`` mean Var log(d_k |v_k|²).

    The first bracket is 0 exactly where all effects are orthogonal (Hadamard), and rises without end where two
    coincide: Wei et al.'s orthogonal Jacobian (ICCV 2021) at every point of its own, as a ratio of logarithms.
    """

    typical: float
    effect: float
    evenness: float = 0.0

    def __call__(self, velocities: Tensor, sampled: Sampled) -> Tensor:
        """() L of ``velocities`` (k, B, d) at the points of ``sampled``."""
        squares = velocities.square().sum(2) + TINY
        inner = sampled.inner(velocities / squares.sqrt()[:, :, None]).double() / self.typical
        effects = inner.diagonal(dim1=1, dim2=2).clamp_min(0)
        logs = (effects + EPSILON).log()
        eye = torch.eye(inner.shape[1], dtype=inner.dtype, device=inner.device)
        value = logs.sum(1).mean() - torch.logdet(inner + EPSILON * eye).mean() - self.effect * logs.mean()
        if self.evenness:
            moving = effects * squares.T
            value = value + self.evenness * (moving / moving.mean(0).clamp_min(TINY) + EPSILON).log().var(0).mean()
        return value


@dataclass(frozen=True)
class SearchStart:
    """How fields begin: ``ridges`` without waves; the directions, from 0, in whose ``plane`` the first one turns."""

    ridges: Ridges
    plane: tuple[int, int] | None = None

    def __str__(self) -> str:
        if self.plane is None:
            return "straight lines"
        first, second = self.plane
        return f"a rotation in the plane of the leading directions {first + 1} and {second + 1} and straight lines"


def starts(leading: Tensor, k: int, centre: Tensor) -> list[SearchStart]:
    """The ``k`` leading ones of the unit directions ``leading`` (m, d); and each plane of two of the first
    :data:`PLANE_OF`, round ``centre`` (d,), with the k - 1 leading ones of the other directions, if there are so many.
    """
    width = leading.shape[1]
    none = torch.zeros(k, 0, width).to(leading)
    waves = Ridges(centre, leading[:k], none, none, none[0], none[0, :, 0], none)
    made = [SearchStart(waves)] if len(leading) >= k else []
    if len(leading) > k:
        for plane in combinations(range(min(PLANE_OF, len(leading), k + 1)), 2):
            others = [index for index in range(k + 1) if index not in plane]
            constant = torch.cat([torch.zeros_like(leading[:1]), leading[others]])
            left, right = torch.zeros(2, k, 2, width).to(leading)
            left[0], right[0] = (
                leading[list(plane)],
                leading[list(plane)[::-1]] * torch.tensor([[-1.0], [1.0]]).to(left),
            )
            made.append(SearchStart(waves._replace(constant=constant, left=left, right=right), plane))
    return made


@torch.no_grad()
def best_start(candidates: list[SearchStart], typical: float, sampled: Sampled) -> SearchStart:
    """The one of the least objective at the points of ``sampled``; a rotation has to be better by :data:`MARGIN`."""
    objective = Orthogonality(typical, START_EFFECT)

    def value(start: SearchStart) -> float:
        found = float(objective(start.ridges.velocity(sampled.points), sampled))
        return found if start.plane is None else found + MARGIN

    return min(candidates, key=value)
