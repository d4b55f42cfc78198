"""The tokens of a prompt: one slider each, for how much it counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from explorer.controls.control_set import ControlSet
from explorer.controls.towards import TowardsControl
from explorer.discovery.prompts import SPACE, reads_no_text
from explorer.discovery.request import CheckedMethod, Request
from explorer.generators.base import Generator, ReadsText
from explorer.scene.cards import ControlCard, MethodCard, ModelCard, SettingCard
from explorer.scene.model import Scalar


class PromptWeights(CheckedMethod):
    """The weight of token i less 1: its row of the embedding goes away from that of the empty prompt."""

    card = MethodCard(
        name="prompt_weights",
        title="Token weights",
        spaces=(SPACE,),
        trained=False,
        paper="",
        description="One slider a token of the prompt: 1 doubles what it says, -1 leaves it out.",
        settings=(
            SettingCard(
                name="text",
                title="Prompt",
                default="",
                help="The prompt whose tokens the sliders are named after.",
                empty="sliders have numbers",
            ),
        ),
        grows=True,
    )

    def refusal(self, model: ModelCard) -> str:
        return reads_no_text(model)

    def place(self, model: ModelCard) -> int:
        """After all that look for directions: it is no finding."""
        return 92

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        return SPACE

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        reader = cast(ReadsText, generator)
        (empty,) = reader.embeddings([""]).cpu()
        words = reader.words(asked.text("text")) if asked.text("text") else []
        controls = []
        for row in range(1, min(asked.k, reader.tokens) + 1):  # row 0 is the sign of the beginning
            word = f": {words[row - 1]}" if row <= len(words) else ""
            card = ControlCard(name=f"token {row}{word}", space=SPACE, unit="", low=-1.0, high=1.0)
            controls.append(TowardsControl(card, empty, row, row, away=True))
        asked.watch(1.0)
        return asked.found(controls, note="A token also speaks through those behind it, which have read it.")


METHOD = PromptWeights()
