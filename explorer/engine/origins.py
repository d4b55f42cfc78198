"""From an origin (seed, stored latent, mixture) to a point in the generator's spaces."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from torch import Tensor

from explorer.errors import SceneError
from explorer.generators.base import Conditional, Generator, Latent
from explorer.generators.class_labels import first_class
from explorer.numerics.interpolation import lerp, slerp, smooth
from explorer.scene.model import (
    Blend,
    Condition,
    Origin,
    OwnPicture,
    Seed,
    Start,
    StoredLatent,
    own_picture,
)


def latent_of(generator: Generator, start: Start) -> Latent:
    """The point (batch 1) where a picture starts. Mixtures are made in the space that their parts share. A model that
    is told nothing pays no heed to the condition.

    Raises :class:`SceneError` where a stored latent or the condition does not fit the generator.
    """
    latent = _point(generator, start.origin, start.truncation_psi)
    if start.condition == Condition() or not generator.card.is_conditional:
        return latent
    return cast(Conditional, generator).conditioned(latent, start.condition)


def _point(generator: Generator, origin: Origin, truncation_psi: float) -> Latent:
    if isinstance(origin, Seed):
        return generator.sample([origin.seed], truncation_psi)
    if isinstance(origin, StoredLatent):
        return _stored(generator, origin, truncation_psi)
    parts = [_point(generator, part, truncation_psi) for part in origin.origins]
    names = list(generator.card.spaces)
    # The deepest space that some part starts from: a stored w and a seed mix in w.
    space = max((name for part in parts for name in part.tensors), key=names.index)
    points = [generator.advance(part, space).tensors[space] for part in parts]
    # What else travels along is the first one's: the noise of a sampler, the strength of guidance.
    return replace(parts[0], tensors={space: _mix(origin, points)}, label=_mixed_label(origin, parts))


def own_picture_of(origin: Origin) -> OwnPicture:
    """The picture of the user's own that ``origin`` was found for. Raises :class:`SceneError` where it was for none."""
    own = own_picture(origin)
    if own is None:
        raise SceneError("This picture does not start from one of your own; open one with File > Open picture.")
    return own


def _mixed_label(blend: Blend, parts: list[Latent]) -> Tensor | None:
    """The classes of ``parts``, each by its weight: classes have no sphere to go along."""
    labels = [part.label * weight for part, weight in zip(parts, blend.weights, strict=True) if part.label is not None]
    return torch.stack(labels).sum(0) if len(labels) == len(parts) else None


def _mix(blend: Blend, points: list[Tensor]) -> Tensor:
    if blend.interpolation == "slerp":
        if len(points) != 2:
            raise SceneError(f"A spherical mixture has two origins, this one has {len(points)}; repair the scene file.")
        return slerp(points[0], points[1], blend.weights[1])
    if blend.interpolation == "lerp" and len(points) == 2:
        return lerp(points[0], points[1], blend.weights[1])
    return smooth(torch.stack(points), torch.tensor(blend.weights))


def _stored(generator: Generator, stored: StoredLatent, truncation_psi: float) -> Latent:
    card = generator.card
    space = card.spaces.get(stored.space)
    if space is None or tuple(space.shape) != tuple(stored.shape) or len(stored.data) != 4 * math.prod(stored.shape):
        wanted = ", ".join(f"{name} {tuple(one.shape)}" for name, one in card.spaces.items())
        raise SceneError(
            f"A stored latent of space '{stored.space}' and shape {tuple(stored.shape)} does not fit '{card.name}', "
            f"which has {wanted}; open the model it was stored with."
        )
    numbers = np.frombuffer(stored.data, dtype="<f4").reshape(1, *stored.shape)
    if not np.isfinite(numbers).all():
        raise SceneError("A stored latent holds numbers that are not finite; choose another bookmark or keyframe.")
    # What travels along is that of a drawn point, so that both can be in one batch; the class is the first.
    drawn = generator.sample([0], truncation_psi)
    label = None if drawn.label is None else first_class(1, drawn.label.shape[1]).to(generator.device)
    return replace(drawn, tensors={stored.space: torch.from_numpy(numbers.copy()).to(generator.device)}, label=label)
