"""The axes of a model's first space as controls, with how a posterior uses each of them: what several methods share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from explorer.controls.base import Control
from explorer.controls.linear import LinearControl
from explorer.generators.base import Generator, OwnAxes, Progress
from explorer.metrics import latent_activity
from explorer.metrics.latent_activity import LatentActivity
from explorer.scene.cards import ControlCard, ModelCard, SettingCard

PASSIVE_NOTE = "A passive axis holds nothing of the picture: moving it changes nothing."
SHOWN = 64  # axes are looked up rather than ranked, so nearly all of them are listed
PICTURES = SettingCard(
    name="pictures",
    title="Pictures",
    default=0,
    low=0,
    high=100_000,
    empty="by itself",
    help="What a VAE encodes to measure its axes, where no figures came with it: pictures of the world that it was "
    f"trained on, where that is known, else its own; 0: {latent_activity.OF_WORLD}, or {latent_activity.OWN} of its "
    "own.",
)


@dataclass(frozen=True)
class Axis:
    """One direction of the space; ``kl`` in nats, 0 where the model has no posterior."""

    control: Control
    kl: float = 0.0


def refusal(model: ModelCard) -> str:
    """Why the axes of ``model`` are no controls, or an empty string."""
    name, space = next(iter(model.spaces.items()))
    if len(space.shape) == 1:
        if space.prior or {"axes", "posterior"} & set(model.capabilities):
            return ""
        return f"The numbers of space '{name}' of '{model.name}' spread together and not one by one; choose PCA."
    return (
        f"An axis of space '{name}' of '{model.name}' is one number of {' × '.join(map(str, space.shape))}, "
        "too small a thing to see; choose another method."
    )


def deviation(model: ModelCard) -> float:
    """One standard deviation of the prior along an axis: what one unit of an amount moves."""
    return 1 / math.sqrt(3) if next(iter(model.spaces.values())).prior == "uniform" else 1.0


def axes(
    generator: Generator, pictures: int, seed: int, progress: Progress | None = None
) -> tuple[dict[int, Axis], int]:
    """Number of the axis → the axis, and how many pictures were rendered for it.

    With an encoder, ``pictures`` are encoded where no figures came with the model
    (:func:`explorer.metrics.latent_activity.posteriors`). A family that knows its axes itself (capability ``axes``) has
    the first word.
    """
    model = generator.card
    if "axes" in model.capabilities:
        controls = cast("OwnAxes", generator).axis_controls()
        return {number: Axis(control) for number, control in enumerate(controls)}, 0
    name, space = next(iter(model.spaces.items()))
    directions = torch.eye(space.shape[0]) * deviation(model)
    if "posterior" not in model.capabilities:
        cards = [ControlCard(name=f"{name}{number}", space=name) for number in range(space.shape[0])]
        return {number: Axis(LinearControl(card, directions[number])) for number, card in enumerate(cards)}, 0
    activity = latent_activity.from_generator(generator, pictures, seed, progress)
    found = {
        number: axis(f"{name}{number}", name, directions[number], activity, number) for number in range(len(directions))
    }
    return found, activity.n if activity.data == latent_activity.SELF_ENCODED else 0


def axis(
    name: str, space: str, direction: Tensor, activity: LatentActivity, column: int, about: tuple[str, ...] = ()
) -> Axis:
    """The axis whose posterior is ``column`` of ``activity``; ``about`` are further lines of its tool tip."""
    card = ControlCard(
        name=name,
        space=space,
        badge=activity.badge(column),
        figure=f"{activity.kl[column]:.2f} nat",
        details=(*about, *activity.details(column).split(" · ")),
    )
    return Axis(LinearControl(card, direction), activity.kl[column])


def by_information(found: dict[int, Axis]) -> list[int]:
    """The axes' numbers in falling order of their KL, passive ones last; equal ones in their own order."""
    return sorted(found, key=lambda number: (found[number].control.card.badge == "passive", -found[number].kl))


def note(controls: tuple[Control, ...]) -> str:
    """What is said under the list."""
    return PASSIVE_NOTE if any(control.card.badge == "passive" for control in controls) else ""
