"""The first picture of a model, drawn when it is opened: parts that do not fit together, and settings that mean
nothing, say so then and not under a slider."""

from __future__ import annotations

import torch
from torch import Tensor

from explorer.errors import Cancelled, ExplorerError, ModelError
from explorer.generators.base import Generator
from explorer.generators.diffusion_component import one_line
from explorer.scene.model import Decoder, Quality

DECODERS: tuple[Decoder, ...] = ("", "tiny")


@torch.no_grad()
def check_first_picture(generator: Generator) -> None:
    """Draw the picture that the window begins with, in as few steps as there may be, by every decoder. Raises
    :class:`ModelError` where it cannot be drawn, has another shape than the card says, or has no colours."""
    card = generator.card
    try:
        latent = generator.sample([card.example_seed])
        # Where all that may be added to it is added: there, layers meet that do not meet without.
        latent = generator.advance(latent, "h") if "h" in card.spaces else latent
        steps = int(getattr(generator, "least_steps", 1))
        for decoder in DECODERS if card.tiny_decoder else DECODERS[:1]:
            _check(generator, generator.render(latent, Quality(steps=steps, decoder=decoder)))
    except (ExplorerError, Cancelled, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # libraries raise whatever they stumble over, and no list of that is complete
        raise ModelError(f"The parts of '{card.name}' do not fit together ({one_line(error)}).") from error


def _check(generator: Generator, made: Tensor) -> None:
    card = generator.card
    if tuple(made.shape[1:]) != card.shape:
        raise ModelError(
            f"'{card.name}' makes pictures of shape {tuple(made.shape[1:])} where {card.shape} was expected."
        )
    if not bool(made.isfinite().all()):
        raise ModelError(
            f"The first picture of '{card.name}' has numbers that are not finite, so there is nothing to see: one of "
            "its settings means nothing, its training diverged, or the file is damaged; ask its author for another."
        )
