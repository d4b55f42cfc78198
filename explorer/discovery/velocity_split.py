"""Steering along a flow: towards each class of a conditional flow, by the part of the velocities' difference that
steers."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery.request import CheckedMethod, Request
from explorer.generators.base import Generator
from explorer.generators.flow_steering import SPACE
from explorer.scene.cards import ControlCard, MethodCard, ModelCard, SettingCard
from explorer.scene.model import Scalar


class VelocitySplit(CheckedMethod):
    """The first k classes in their order. The difference of the velocities towards a class and towards the picture's
    own, along which the finished picture is carried, is split: one part keeps the picture, and the slider scales the
    other, which steers it."""

    card = MethodCard(
        name="velocity_split",
        title="Velocity split",
        spaces=(SPACE,),
        trained=False,
        paper="Kulikov et al., FlowEdit: Inversion-Free Text-Based Editing Using Pre-Trained Flow Models, ICCV 2025; "
        "the split: Endo et al., FlowSlider, 2026",
        description="Steers a finished picture towards each class of a flow, by the part of the velocity that does not "
        "keep it.",
        settings=(
            SettingCard(
                name="quarters",
                title="Quarters of noise",
                default=4,
                low=1,
                high=4,
                help="How many of the four quarters of noise levels are steered, the last ones first: with fewer the "
                "picture's structure stays, and only finer things are steered.",
            ),
        ),
        grows=True,
    )

    def refusal(self, model: ModelCard) -> str:
        if SPACE in model.spaces:
            return ""
        return f"'{model.name}' is no rectified flow that was trained with classes, so nothing can be steered to one."

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        return SPACE

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        space = asked.model.spaces[SPACE]
        layers = None
        if (quarters := asked.number("quarters")) < space.layers:
            layers = space.layers - quarters, space.layers - 1
        controls = []
        for number in range(asked.k):
            card = ControlCard(
                name=f"to class {number}", space=SPACE, unit="", low=-1.0, high=2.0, detents=(0.0, 1.0), layers=layers
            )
            controls.append(LinearControl(card, torch.eye(space.shape[1])[number]))
        asked.watch(1.0)
        return asked.found(tuple(controls), note="A picture of the class stays as it is: there is no difference.")


METHOD = VelocitySplit()
