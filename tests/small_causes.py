"""Small structural causal models in closed form."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from explorer.causal.mechanisms.closed_form import ClosedForm
from explorer.causal.mechanisms.linear import LinearGaussian
from explorer.causal.model import StructuralModel
from explorer.causal.noise_laws import STANDARD_NORMAL, uniform_between
from explorer.scene.causal_graph import CausalGraph, Variable

FLOOR = 3.0


def chain() -> StructuralModel:
    """a → b → c and a → c: b = 2a + u, c = b − 3a + 0.5 u, all noises standard normal."""
    return StructuralModel(
        CausalGraph(variables=tuple(Variable(name=name) for name in "cab"), edges=(("a", "b"), ("b", "c"), ("a", "c"))),
        {
            "a": ClosedForm((), STANDARD_NORMAL),
            "b": ClosedForm(("a",), STANDARD_NORMAL, lambda p, u: 2 * p[:, 0] + u, lambda p, x: x - 2 * p[:, 0]),
            "c": ClosedForm(
                ("b", "a"),
                STANDARD_NORMAL,
                lambda p, u: p[:, 0] - 3 * p[:, 1] + 0.5 * u,
                lambda p, x: 2 * (x - p[:, 0] + 3 * p[:, 1]),
            ),
        },
    )


def clipped() -> StructuralModel:
    """x → y = max(3, x + u) → z = y + u."""

    def span(parents: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
        most = FLOOR - parents[:, 0]
        return torch.full_like(most, -math.inf), most

    return StructuralModel(
        CausalGraph(variables=tuple(Variable(name=name) for name in "xyz"), edges=(("x", "y"), ("y", "z"))),
        {
            "x": ClosedForm((), uniform_between(0.0, 6.0)),
            "y": ClosedForm(
                ("x",),
                STANDARD_NORMAL,
                lambda p, u: torch.clamp(p[:, 0] + u, min=FLOOR),
                lambda p, y: torch.where(y > FLOOR, y - p[:, 0], torch.nan),
                span,
            ),
            "z": ClosedForm(("y",), STANDARD_NORMAL, lambda p, u: p[:, 0] + u, lambda p, z: z - p[:, 0]),
        },
    )


def linear_chain() -> StructuralModel:
    """a → b → c: b = 2a + u, c = 3b + u."""
    edges = (("a", "b"), ("b", "c"))
    return StructuralModel(
        CausalGraph(variables=tuple(Variable(name=name) for name in "abc"), edges=edges),
        {
            "a": LinearGaussian.of((), (), 0.0, 1.0),
            "b": LinearGaussian.of(("a",), (2.0,), 0.0, 1.0),
            "c": LinearGaussian.of(("b",), (3.0,), 0.0, 1.0),
        },
    )
