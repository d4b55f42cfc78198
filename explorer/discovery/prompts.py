"""Other prompts of a model that reads text: one slider each, to blend the picture's prompt with, or to add."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from torch import Tensor

from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.controls.towards import TowardsControl
from explorer.discovery.request import CheckedMethod, Request
from explorer.errors import ControlError
from explorer.generators.base import Generator, ReadsText
from explorer.scene.cards import ControlCard, MethodCard, ModelCard, SettingCard
from explorer.scene.model import Scalar

SPACE = "prompt"
BLEND, ADD = "blend", "add"
SEPARATOR = "|"
SHOWN = 40  # characters of a text in the name of its slider


def reads_no_text(model: ModelCard) -> str:
    """Why a method that moves prompts does not fit ``model``, or an empty string."""
    if SPACE in model.capabilities and SPACE in model.spaces:
        return ""
    return f"'{model.name}' reads no text, so it has no prompt to move."


class Prompts(CheckedMethod):
    """One slider a text. ``blend``: at 1 the picture is of that text, whatever its own prompt was. ``add``: what the
    text adds to the empty prompt is added to the picture's own."""

    card = MethodCard(
        name="prompts",
        title="Prompts",
        spaces=(SPACE,),
        trained=False,
        paper="",
        description="One slider a text of your own: the picture's prompt is blended with it, or it is added to that.",
        settings=(
            SettingCard(
                name="texts",
                title="Texts",
                default="a photograph | an oil painting | a pencil drawing",
                help=f"One slider each; a {SEPARATOR} stands between two.",
            ),
            SettingCard(
                name="way",
                title="Way",
                default=BLEND,
                choices=(BLEND, ADD),
                help="blend: at 1 the picture is of the text; add: what the text says is added to the prompt.",
            ),
        ),
        grows=True,
    )

    def refusal(self, model: ModelCard) -> str:
        return reads_no_text(model)

    def place(self, model: ModelCard) -> int:
        """After all that look for directions: it is no finding."""
        return 91

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        return SPACE

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        texts = list(dict.fromkeys(text.strip() for text in asked.text("texts").split(SEPARATOR) if text.strip()))
        if not texts:
            raise ControlError(f"{self.card.title} has a slider a text; give it texts, with {SEPARATOR} between two.")
        reader = cast(ReadsText, generator)
        empty, *embeddings = reader.embeddings(["", *texts[: asked.k]]).cpu()
        controls: list[Control] = []
        for number, (text, embedding) in enumerate(zip(texts, embeddings, strict=False), 1):
            controls.append(_control(number, text, embedding, empty, asked.text("way")))
        asked.watch(1.0)
        return asked.found(controls)


def _control(number: int, text: str, embedding: Tensor, empty: Tensor, way: str) -> Control:
    name = text if len(text) <= SHOWN else f"{number}: {text[:SHOWN]}…"
    if way == ADD:
        card = ControlCard(name=name, space=SPACE, unit="", low=-2.0, high=2.0, details=(text,))
        return LinearControl(card, embedding - empty)
    card = ControlCard(name=name, space=SPACE, unit="", low=0.0, high=1.0, details=(text,), detents=(0.0, 1.0))
    return TowardsControl(card, embedding, 0, len(embedding) - 1)


METHOD = Prompts()
