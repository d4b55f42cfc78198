"""The card of a trained StyleGAN2: how it was made, and how far it is from data that its training did not see."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from explorer.numerics.distances import pyramid_sliced_wasserstein
from explorer.training.base import Recipe
from explorer.training.batch import Source
from explorer.training.card import write_card
from explorer.training.hardware import hardware
from explorer.training.stylegan2_settings import Settings

SAMPLE_SEED = 20_000_000  # of the samples in the figures
PART = 256  # pictures drawn at a time


class Finished(Protocol):
    """What the card needs of a trainer."""

    recipe: Recipe
    source: Source
    settings: Settings
    device: torch.device
    seconds: float

    def samples(self, count: int, seed: int) -> Tensor: ...

    def reconstructions(self, images: Tensor) -> Tensor: ...


def write_card_of(trainer: Finished, folder: Path) -> None:
    """Write the card of what ``trainer`` has made into ``folder``."""
    notes = _how(trainer.recipe, trainer.settings)
    write_card(folder, trainer.recipe, trainer.source, notes, _figures(trainer))


def _how(recipe: Recipe, settings: Settings) -> str:
    s = settings
    refined = recipe.steps - s.autoencoder_steps - s.flow_steps - s.distillation_steps - s.discriminator_warm_up
    ending = f"both then refined adversarially for {refined} steps" if refined > 0 else "without adversarial steps"
    if not s.autoencoder_steps:
        return f"StyleGAN2, trained adversarially in batches of {recipe.batch} pictures of '{recipe.data}'."
    return (
        "StyleGAN2 with a warm start: the synthesis network was first the decoder of an autoencoder "
        f"({s.autoencoder_steps} steps), the mapping network distilled from a flow fitted to its codes "
        f"({s.flow_steps} + {s.distillation_steps} steps), {ending}; batches of {recipe.batch} pictures of "
        f"'{recipe.data}'."
    )


@torch.no_grad()
def _figures(trainer: Finished) -> dict[str, float | int | str]:
    """Distances in grey levels (0..255). Where samples are compared with data, so is other data: the value of
    perfection."""
    count = trainer.settings.evaluation
    parts = [trainer.source.held_out(PART, index).images for index in range(-(-2 * count // PART))]
    data, other = torch.split(torch.cat(parts)[: 2 * count], count)
    found: dict[str, float | int | str] = {}
    if trainer.settings.autoencoder_steps:
        again = torch.cat([trainer.reconstructions(part.to(trainer.device)).cpu() for part in torch.split(data, 64)])
        found["reconstruction_l1"] = _levels((again - data).abs().mean().item())
    reached = pyramid_sliced_wasserstein(trainer.samples(count, SAMPLE_SEED).cpu(), data)
    chance = pyramid_sliced_wasserstein(other, data)
    for side in reached:
        found[f"sliced_wasserstein_{side}px"] = _levels(reached[side])
        found[f"sliced_wasserstein_{side}px_data_to_data"] = _levels(chance[side])
    return {
        **found,
        "evaluation_pictures": count,
        "training_pictures": trainer.recipe.steps * trainer.recipe.batch,
        "training_seconds": round(trainer.seconds, 1),
        "hardware": hardware(trainer.device),
    }


def _levels(distance: float) -> float:
    return round(distance * 127.5, 4)
