"""The classes of a conditional model: one slider each, to choose one and to blend several."""

from __future__ import annotations

from collections.abc import Mapping

from explorer.controls.class_blend import ClassControl
from explorer.controls.control_set import ControlSet
from explorer.discovery.request import CheckedMethod, Request
from explorer.generators.base import Generator
from explorer.scene.cards import ControlCard, MethodCard, ModelCard
from explorer.scene.model import Scalar

SPACE = "label"


class Classes(CheckedMethod):
    """The first k classes in their order. At 1 a slider has the picture be of its class, whatever its own was."""

    card = MethodCard(
        name="classes",
        title="Classes",
        spaces=(SPACE,),
        trained=False,
        paper="",
        description="One slider a class of a conditional model: at 1 the picture is of it, several are blended.",
        grows=True,
    )

    def refusal(self, model: ModelCard) -> str:
        if model.classes and SPACE in model.spaces:
            return ""
        return f"'{model.name}' was trained without classes, so there are none to choose from."

    def place(self, model: ModelCard) -> int:
        """After all that look for directions: it is no finding."""
        return 93

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        return SPACE

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        controls = tuple(
            ClassControl(
                ControlCard(name=f"class {number}", space=SPACE, unit="", low=0.0, high=1.0, detents=(0.0, 1.0)),
                number,
                asked.model.classes,
            )
            for number in range(asked.k)
        )
        asked.watch(1.0)
        return asked.found(controls, note="Numbers are those of the training, from 0.")


METHOD = Classes()
