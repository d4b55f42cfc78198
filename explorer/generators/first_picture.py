"""The first picture of a model, drawn when it is opened, and the first moves of controls when their file is: parts that
do not fit together, and settings that mean nothing, say so then and not under a slider."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from explorer.controls.base import WEIGHTS, Control, Move, StartBound
from explorer.errors import Cancelled, ControlError, ExplorerError, ModelError
from explorer.generators.base import Generator, Latent, Stepwise
from explorer.generators.diffusion_component import one_line
from explorer.generators.editing import by_weights, placed, rendered
from explorer.generators.weights import summed
from explorer.scene.model import Decoder, Quality

DECODERS: tuple[Decoder, ...] = ("", "tiny")
SEEDS, SMALL = 4, 3 << 16
"""Pictures of up to so many numbers (colours, 256 pixels a side) that are drawn when a model is opened."""
MOVED, DRAWN, DRAWN_IN_STEPS = 12, 4, 1
"""Controls of a file that are tried: so many are moved, the first of them drawn, of a model that takes steps fewer."""
FARTHEST = 1e9
"""Where no network computes any more: squares of numbers that are ten times as far away fill half of float32."""


@torch.no_grad()
def check_first_picture(generator: Generator) -> None:
    """Draw the picture that the window begins with, in as few steps as there may be, by every decoder; and of small
    pictures that take no steps a few more, for not all that a network holds is in each. Raises
    :class:`ModelError` where it cannot be drawn, has another shape than the card says, or has no colours."""
    card = generator.card
    try:
        few = SEEDS if math.prod(card.shape) <= SMALL and not isinstance(generator, Stepwise) else 1
        latent = generator.sample([(card.example_seed + index) % 2**32 for index in range(few)])
        # Where all that may be added to it is added: there, layers meet that do not meet without.
        latent = generator.advance(latent, "h") if "h" in card.spaces else latent
        steps = _least_steps(generator)
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


@torch.no_grad()
def check_first_moves(generator: Generator, controls: Sequence[Control], name: str) -> None:
    """Move the model's first picture by some of ``controls``, which are those of a file ``name``, to both ends of their
    sliders, and draw some of what comes of it. Raises :class:`ControlError` where one leads to numbers that are not
    finite, or so far away that no network computes with them.

    Controls that have to be prepared for where they start say themselves what cannot be done from there.
    """
    moving = [control for control in controls if not isinstance(control, StartBound)]
    drawn = DRAWN_IN_STEPS if isinstance(generator, Stepwise) else DRAWN
    latent = generator.sample([generator.card.example_seed])
    following = [control for control in moving[drawn:] if control.offset is None]
    straight = [control for control in moving[drawn:] if control.offset is not None]
    # The first, which people look at, all that take no time, and some of the others.
    for index, control in enumerate([*moving[:drawn], *straight, *following[:: max(1, len(following) // MOVED)]]):
        moves = [_to_end(control, end) for end in (control.card.low, control.card.high)]
        if not all(_is_near(generator, latent, move) for move in moves):
            raise _astray(control, name)
        if index < drawn:
            made = rendered(generator, [(latent, [move]) for move in moves], Quality(steps=_least_steps(generator)))
            if not bool(made.isfinite().all()):
                raise _astray(control, name)


def _least_steps(generator: Generator) -> int:
    return int(getattr(generator, "least_steps", 1))


def _is_near(generator: Generator, latent: Latent, move: Move) -> bool:
    """Whether ``move`` leads to a point, or to changes of weights, that a network may compute with."""
    space, offset = move.control.card.space, move.control.offset
    if space == WEIGHTS:
        (edits,) = by_weights([move], 1)
        moved = list(summed(edits).values())
    elif offset is not None:
        moved = [offset * move.number.to(offset)]
    else:
        moved = [placed(generator, latent, [move]).tensors[space]]
    return all(bool((tensor.abs() < FARTHEST).all()) for tensor in moved)


def _to_end(control: Control, end: float) -> Move:
    is_value = control.card.shows == "value"
    return Move(control, torch.tensor([end], dtype=torch.float64 if is_value else torch.float32), is_value)


def _astray(control: Control, name: str) -> ControlError:
    low, high = control.card.low, control.card.high
    return ControlError(
        f"The control '{control.card.name}' in '{name}' moves pictures to numbers that are not finite, or too large to "
        f"compute with, between {low:.3g} and {high:.3g}; the file is damaged, so discover or export it again."
    )
