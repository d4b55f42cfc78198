"""What a conditional model is told to draw, by the options of commands that draw."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from explorer.cli.numbers import integer, number, real
from explorer.errors import ExplorerError
from explorer.scene.cards import ModelCard
from explorer.scene.model import Condition, ModelRef
from explorer.scene.validate import GREATEST_GUIDANCE

if TYPE_CHECKING:
    from explorer.engine.engine import Engine

Classes = Annotated[
    list[str] | None,
    typer.Option(
        "--class", metavar="N[=WEIGHT]", help="The class to draw, of a model that has some; may repeat, for a blend."
    ),
]
Prompt = Annotated[str, typer.Option("--prompt", metavar="TEXT", help="What to draw, of a model that reads text.")]
NegativePrompt = Annotated[
    str, typer.Option("--negative-prompt", metavar="TEXT", help="What the picture is led away from.")
]
Guidance = Annotated[
    float | None,
    real("--guidance", 0, GREATEST_GUIDANCE, help="How strongly that is followed; 1: not at all.", show_default="own"),
]


def condition(
    used: Engine,
    model: ModelRef,
    classes: list[str] | None,
    prompt: str = "",
    negative_prompt: str = "",
    guidance: float | None = None,
) -> Condition:
    """What the options say that ``model`` shall draw; weights are shares of their sum. Raises :class:`ExplorerError`
    for a model that has no classes, or not these, reads no text, or is not led."""
    card = used.card(model)
    if (prompt or negative_prompt) and "prompt" not in card.capabilities:
        raise ExplorerError(f"'{card.name}' reads no text; leave {'--prompt' if prompt else '--negative-prompt'} out.")
    if guidance is not None and not card.guidance:
        raise ExplorerError(f"'{card.name}' is not led by what it is told; leave --guidance out.")
    texts = Condition(prompt=prompt, negative_prompt=negative_prompt, guidance=guidance)
    return msgspec.structs.replace(texts, classes=_shares(card, classes)) if classes else texts


def _shares(card: ModelCard, classes: list[str]) -> tuple[tuple[int, float], ...]:
    if not card.classes:
        raise ExplorerError(f"'{card.name}' was trained without classes; leave --class out.")
    weights: dict[int, float] = {}
    for text in classes:
        name, _, weight = text.partition("=")
        index = integer(name, "--class", 0, card.classes - 1)
        if index in weights:
            raise ExplorerError(f"'--class' names class {index} twice.")
        weights[index] = number(weight, f"--class {name}") if weight else 1.0
    total = math.fsum(weights.values())
    if min(weights.values()) < 0 or total <= 0:
        raise ExplorerError("The weights of classes are shares: none below 0, and not all of them 0.")
    return tuple((index, weight / total) for index, weight in weights.items())
