"""Orthogonal effects: the straight directions of the objective whose curved ones are volume-preserving fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet
from explorer.discovery.effect_search import Ranked, searched, settings
from explorer.discovery.orthogonality import SearchStart
from explorer.discovery.pictures import spread_of
from explorer.discovery.request import CheckedMethod, Request
from explorer.discovery.sampling import Place
from explorer.discovery.shifts import without_shifts
from explorer.generators.base import Generator
from explorer.numerics.linalg import fix_signs
from explorer.scene.cards import MethodCard, ModelCard


class Constants(nn.Module):
    """k velocities that are the same everywhere."""

    def __init__(self, start: SearchStart) -> None:
        super().__init__()
        self.rows = nn.Parameter(start.ridges.constant.clone())

    def forward(self, z: Tensor) -> Tensor:
        """(k, B, d) at the points ``z`` (B, d)."""
        return self.rows[:, None].expand(-1, len(z), -1)

    @torch.no_grad()
    def directions(self) -> Tensor:
        """(k, d) unit vectors on the CPU, float64, with signs that repeat."""
        rows = self.rows.detach().cpu().double()
        return fix_signs(rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-30))


class OrthogonalEffects(CheckedMethod):
    """Directions whose effects on the picture are orthogonal at every point, and not on the mean alone as those of the
    Jacobian SVD; they need not be orthogonal themselves.
    """

    card = MethodCard(
        name="orthogonal_effects",
        title="Orthogonal effects",
        spaces=("z", "w"),
        trained=True,
        expensive=True,
        paper="The objective after Wei et al., Orthogonal Jacobian Regularization for Unsupervised Disentanglement in "
        "Image Generation, ICCV 2021",
        description="Straight directions, no two of which change the picture alike at any point: what curved paths of "
        "the same objective have to beat.",
        settings=settings(600, 0.01, 2.0),
    )

    def refusal(self, model: ModelCard) -> str:
        return without_shifts(self.card.title, model)

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """``k`` directions; one unit is one standard deviation of the space along each."""
        spread, _ = spread_of(generator, asked.space, asked.seed)

        def controls(fields: nn.Module, found: Ranked, place: Place) -> Sequence[Control]:
            directions = cast("Constants", fields).directions()
            deviations = spread.along(directions)
            return [
                asked.linear(f"Effect {number}", directions[index], float(deviations[index]), figure, told)
                for number, (index, figure, told) in enumerate(found.rows(), 1)
            ]

        return searched(asked, generator, lambda start, place: Constants(start), 0.0, False, controls)


METHOD = OrthogonalEffects()
