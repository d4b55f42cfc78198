"""Helmholtz flow: curved controls that are a gradient and a rotation, each of which can be followed alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch

from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet
from explorer.controls.field import FieldControl
from explorer.discovery.effect_search import Ranked
from explorer.discovery.request import CheckedMethod, Request
from explorer.discovery.ridge_fields import field_settings, searched_fields
from explorer.discovery.shifts import without_shifts
from explorer.fields.helmholtz import PARTS, HelmholtzField, Part
from explorer.generators.base import Generator
from explorer.scene.cards import MethodCard, ModelCard, SettingCard
from explorer.scene.model import Scalar


class HelmholtzFlow(CheckedMethod):
    """v = ∇u + r, r without divergence exactly, learned as volume-preserving fields are.

    The publication pushes a second network towards no divergence by a penalty and learns from labels or sequences; here
    the split is in closed form, and what is learned is that no two fields change the picture alike.
    """

    card = MethodCard(
        name="helmholtz_flow",
        title="Helmholtz flow",
        spaces=("z", "w"),
        trained=True,
        expensive=True,
        paper="Song et al., Unsupervised Representation Learning from Sparse Transformation Analysis, 2410.05564; the "
        "objective after Wei et al., Orthogonal Jacobian Regularization for Unsupervised Disentanglement in Image "
        "Generation, ICCV 2021",
        description="Curved paths along the sum of a gradient and a rotation; either can be followed alone.",
        settings=(
            SettingCard(
                name="part",
                title="Part",
                default="both",
                choices=PARTS,
                help="both: the field as it was learned; gradient: its potential alone is followed; rotation: what has "
                "no divergence. Nothing is learned anew for another part, and a unit stays what it is.",
                afterwards=True,
            ),
            *field_settings(),
        ),
    )

    def refusal(self, model: ModelCard) -> str:
        return without_shifts(self.card.title, model)

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """``k`` fields; see :func:`searched_fields`."""
        found = searched_fields(asked, generator, "Flow", True, HelmholtzField, _shares)
        return self.afterwards(found, asked.settings)

    def afterwards(self, found: ControlSet, settings: Mapping[str, Scalar]) -> ControlSet:
        """``found`` with controls that follow the part that ``settings`` name, in the same unit."""
        part = settings["part"]
        return replace(found, controls=tuple(_following(one, part) for one in found.controls))  # type: ignore[arg-type]


def _following(control: Control, part: Part) -> Control:
    if isinstance(control, FieldControl) and isinstance(control.field, HelmholtzField):
        return replace(control, field=control.field.of(part))
    return control


@torch.no_grad()
def _shares(field: HelmholtzField, found: Ranked) -> tuple[str, ...]:
    """How much of the field is a gradient, and how much a rotation, for its tip."""
    points, time = found.points.cpu(), torch.zeros(len(found.points))
    gradient, rotation = (
        float(field.of(part).velocity(points, time).square().sum(1).mean().sqrt()) for part in ("gradient", "rotation")
    )
    whole = float(field.velocity(points, time).square().sum(1).mean().sqrt())
    return (
        f"root mean square speed, of that of both: gradient {gradient / whole:.0%}, rotation {rotation / whole:.0%}",
    )


METHOD = HelmholtzFlow()
