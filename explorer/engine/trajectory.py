"""The way of a picture through its sampler: small pictures of what is predicted at each step."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch

from explorer.controls.base import Moves
from explorer.engine.painting import thumbnails
from explorer.engine.points import Point, check_finite
from explorer.engine.starts import Starts, moved
from explorer.errors import SceneError
from explorer.generators.base import Foreseeing, Generator
from explorer.generators.flow_steering import SPACE as STEERING
from explorer.scene.trajectory import Trajectory


def trajectory(
    generator: Generator,
    starts: Starts,
    point: Point,
    moves: Moves,
    most: int,
    side: int,
    check: Callable[[], None] = lambda: None,
) -> Trajectory:
    """What is predicted at each step of the picture of ``point``, moved by ``moves``; at most ``most`` steps (0: all)
    with a picture, whose longer side has at most ``side`` pixels. ``check`` is called after every step; it may raise to
    stop. Raises :class:`SceneError` for a model that makes pictures in one go, and where a prediction is not finite."""
    if "steps" not in generator.card.capabilities:
        raise SceneError(f"'{generator.card.name}' draws a picture in one go, so there is nothing to see on its way.")
    drawing, latent = moved(generator, starts, point, moves)
    noises, shown, pictures = list[float](), list[int](), list[torch.Tensor]()
    for one in cast(Foreseeing, drawing).trajectory(latent, point.quality, most):
        check()
        noises.append(min(max(one.noise, 0.0), 1.0))
        if one.picture is not None:
            check_finite(one.picture, [point])
            shown.append(one.step)
            pictures.append(one.picture)
    small = thumbnails(generator.card, torch.cat(pictures), side)
    steering = [one.tensors.get(STEERING) for one in (latent, *(phase for _, phase in latent.phases))]
    return Trajectory(
        noises=tuple(noises),
        shown=tuple(shown),
        width=small.shape[2],
        height=small.shape[1],
        pictures=tuple(one.tobytes() for one in small),
        steered=any(one is not None and bool(one.any()) for one in steering),
    )
