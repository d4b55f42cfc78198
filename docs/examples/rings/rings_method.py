"""A method in a package of one's own: the code's axes, those that change the outer edge of pictures least first."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery.request import CheckedMethod, Request
from explorer.generators.base import Generator
from explorer.scene.cards import ControlCard, MethodCard, ModelCard, SettingCard
from explorer.scene.model import Quality, Scalar

SAMPLES = 16


class QuietEdges(CheckedMethod):
    """The class has checked settings, space and number of controls when :meth:`search` is called."""

    card = MethodCard(
        name="quiet_edges",
        title="Quiet edges",
        spaces=("z",),
        trained=False,
        paper="",
        description="Axes of the code, those first that leave the edge of the picture alone.",
        settings=(SettingCard(name="border", title="Border", default=4, low=1, high=32, help="Width in pixels."),),
    )

    def refusal(self, model: ModelCard) -> str:
        """Why it does not fit a model, in one sentence; empty where it does."""
        if "z" in model.spaces and len(model.spaces["z"].shape) == 1 and model.makes_pictures:
            return ""
        return f"'{model.name}' has no code of numbers that pictures are made of."

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        return "z"

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """``k`` axes; every draw is from the request's own seed."""
        border, width = asked.number("border"), asked.model.spaces["z"].shape[0]
        start = generator.sample(range(asked.seed, asked.seed + SAMPLES))
        before = generator.render(start, Quality())
        changes = []
        for axis in torch.eye(width, device=generator.device):
            moved = generator.render(start.with_space("z", start.tensors["z"] + axis), Quality())
            change = (moved - before).square()
            change[..., border:-border, border:-border] = 0
            changes.append(float(change.sum()))
            asked.watch(len(changes) / width)
        order = sorted(range(width), key=changes.__getitem__)[: asked.k]
        controls = tuple(
            LinearControl(ControlCard(name=f"quiet {number}", space="z"), torch.eye(width)[axis])
            for number, axis in enumerate(order, 1)
        )
        return asked.found(controls, evaluations=SAMPLES * (1 + width))


METHOD = QuietEdges()
