"""Shifting and turning the picture of a network that begins with Fourier features: no search, its style says how."""

from __future__ import annotations

import math
from collections.abc import Mapping

from explorer.controls.control_set import ControlSet
from explorer.controls.motion import MotionControl
from explorer.discovery.request import CheckedMethod, Request
from explorer.generators.base import Generator
from explorer.scene.cards import ControlCard, MethodCard, ModelCard
from explorer.scene.model import Scalar

CAPABILITY = "motion"
_STEPS = (("right", "%", 0.01, 25.0), ("down", "%", 0.01, 25.0), ("clockwise", "°", math.pi / 180, 30.0))
"""Way, unit, what an amount of 1 is of the way's own unit, and how far the slider goes."""


class PictureMotion(CheckedMethod):
    """Right, down, clockwise, in that order: hundredths of the picture's side, and degrees about its middle."""

    card = MethodCard(
        name="picture_motion",
        title="Translation and rotation",
        spaces=("style",),
        trained=False,
        paper="Karras et al., NeurIPS 2021",
        description="Shifts and turns the whole picture, which StyleGAN3 draws anew wherever it lies.",
        first_count=3,
        grows=True,
    )

    def refusal(self, model: ModelCard) -> str:
        if CAPABILITY in model.capabilities:
            return ""
        return (
            f"The pictures of '{model.name}' have a place of their own in the network; only StyleGAN3's can be shifted "
            "and turned."
        )

    def place(self, model: ModelCard) -> int:
        """After all that look for directions: it is no finding."""
        return 94

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        return "style"

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """The first ``k`` of three; there are no more."""
        width = asked.model.spaces["style"].shape[0]
        controls = tuple(
            MotionControl(ControlCard(name=way, space="style", unit=unit, low=-reach, high=reach), way, step, 0, width)
            for way, unit, step, reach in _STEPS[: asked.k]
        )
        asked.watch(1.0)
        note = f"There are {len(_STEPS)} motions." if asked.k > len(_STEPS) else ""
        return asked.found(controls, note=note)


METHOD = PictureMotion()
