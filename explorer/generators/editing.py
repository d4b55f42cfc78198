"""Controls applied to latents, space by space, and latents put together into one batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from explorer.controls.base import Control
from explorer.errors import ExplorerError
from explorer.generators.base import Generator, Latent


def edited(generator: Generator, latent: Latent, moves: Sequence[tuple[Control, Tensor]]) -> Latent:
    """``latent`` with every control of ``moves`` moved by its amount (B,), in the order of the generator's spaces and,
    within one space, in the order of ``moves``. Spaces behind an edited one are dropped: they came from the unedited
    point, and the generator computes them anew.

    Raises :class:`ExplorerError` where a control's space comes before all that ``latent`` holds.
    """
    names = list(generator.card.spaces)
    for depth, space in enumerate(names):
        here = [(control, amount) for control, amount in moves if control.card.space == space]
        if not here:
            continue
        if space not in latent.tensors and depth < max(names.index(name) for name in latent.tensors):
            raise ExplorerError(
                f"The picture starts from a stored point of a later space than '{space}', "
                f"so '{here[0][0].card.name}' cannot move it; choose a control of that space, or a seed."
            )
        latent = generator.advance(latent, space)
        tensor = latent.tensors[space]
        for control, amount in here:
            tensor = control.move(tensor, amount.to(tensor.device))
        kept = {name: value for name, value in latent.tensors.items() if names.index(name) < depth}
        latent = Latent({**kept, space: tensor}, latent.truncation_psi)
    return latent


def stacked(generator: Generator, latents: Sequence[Latent]) -> Latent:
    """``latents`` as one batch, all advanced to the deepest space that any of them holds; at least one latent.

    Spaces that not all of them hold are left out, and the truncation where one of them has none.
    """
    names = list(generator.card.spaces)
    deepest = max((name for latent in latents for name in latent.tensors), key=names.index)
    rows = [generator.advance(latent, deepest) for latent in latents]
    shared = [name for name in names if all(name in row.tensors for row in rows)]
    psi = [row.truncation_psi for row in rows if row.truncation_psi is not None]
    tensors = {name: torch.cat([row.tensors[name] for row in rows]) for name in shared}
    return Latent(tensors, torch.cat(psi) if len(psi) == len(rows) else None)


def rows_of(latent: Latent, rows: Sequence[int] | slice | Tensor) -> Latent:
    """The points of ``latent`` that ``rows`` picks (indices, a slice or a tensor of indices), in that order."""
    psi = latent.truncation_psi
    tensors = {name: tensor[rows] for name, tensor in latent.tensors.items()}
    return Latent(tensors, None if psi is None else psi[rows])
