"""Classes of conditional models: how much of each a picture is, drawn for a seed or chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from explorer.errors import SceneError
from explorer.scene.cards import ModelCard

LABEL = "label"
"""The space of a conditional model: how much of each class a point is."""
CLASS_STREAM = 0x636C6173  # so that a class is drawn from other numbers than the noise


def drawn_labels(seeds: Sequence[int], classes: int) -> Tensor:
    """(B, K) one-hot: a class for each of ``seeds``, the same on every device."""
    drawn = [int(np.random.default_rng([CLASS_STREAM, seed]).integers(classes)) for seed in seeds]
    return functional.one_hot(torch.tensor(drawn), classes).float()


def first_class(count: int, classes: int) -> Tensor:
    """(count, K): the class of points that have none, as those that a method makes of the first space alone."""
    return torch.eye(1, classes).repeat(count, 1)


def label_of(card: ModelCard, classes: Sequence[tuple[int, float]]) -> Tensor:
    """(1, K): the weight of each of the chosen ``classes``, (number, weight), and 0 of all others.

    Raises :class:`SceneError` for a number that is no class of the model.
    """
    label = torch.zeros(1, card.classes)
    for number, weight in classes:
        if not 0 <= number < card.classes:
            raise SceneError(
                f"'{card.name}' has the classes 0 to {card.classes - 1}, and not {number}; choose one of these."
            )
        label[0, number] += weight
    return label
