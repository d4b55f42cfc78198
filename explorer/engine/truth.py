"""What a world draws of a true counterfactual: the picture beside which that of a model stands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from explorer.causal.interventions import Hard
from explorer.causal.posterior import counterfactual
from explorer.controls.control_set import ControlSet
from explorer.engine.causes import outcome
from explorer.errors import CausalError, ExplorerError
from explorer.generators.base import Generator, Latent
from explorer.scene.model import Edit
from explorer.training.batch import as_images
from explorer.worlds import registry
from explorer.worlds.base import World
from explorer.worlds.trained_on import trained_on


def true_picture(generator: Generator, controls: ControlSet, start: Latent, edits: Sequence[Edit]) -> Tensor:
    """(1, C, H, W) in [-1, 1]: the values that the picture from ``start`` (batch 1) has without ``edits``, as the
    model's world says that they would have been with them, drawn by that world. Where the values do not tell a noise,
    the middle of what is possible.

    Raises :class:`CausalError` where the set sets no variables, the model's world is not known, or it has other
    variables or sizes.
    """
    told = outcome(generator, controls, start, edits)
    if told.rung != "imagine" or told.own_noise or any(one.noise for one in told.variables):
        raise CausalError("The truth is of what this very picture would have been: imagine, and lock all noises.")
    world = _world(generator)
    missing = [name for name in told.graph.names if name not in world.names]
    missing += [name for name in world.names if name not in told.graph.names]
    if missing:
        raise CausalError(
            f"The truth is not known: {', '.join(missing)} is not both of the model and of '{world.name}'."
        )
    height, width = generator.card.size
    if height != width or height not in world.sizes:
        raise CausalError(f"The world '{world.name}' does not draw {width} × {height} pixels, so there is no truth.")
    values = {one.name: torch.tensor([one.factual], dtype=torch.float64) for one in told.variables}
    acts = {one.name: Hard(one.value) for one in told.variables if one.is_set}
    rows = world.rows_of(counterfactual(world.model, values, acts).values)
    try:
        return as_images(np.asarray(world.render(rows, height))).to(generator.device)
    except ValueError as error:
        raise CausalError(f"The world '{world.name}' cannot draw these values: {error}.") from error


def _world(generator: Generator) -> World:
    try:
        return registry.world(trained_on(generator.card, "open a model that was trained on one of"))
    except ExplorerError as error:
        raise CausalError(f"The truth is not known: {error}") from error
