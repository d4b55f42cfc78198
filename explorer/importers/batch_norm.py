"""Batch normalisation that has been trained: what is left of it is a scale and a shift of every channel."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from explorer.errors import ControlError
from explorer.importers.base import numbers
from explorer.importers.files import ForeignFile

EPSILON = 1e-5
"""What torch adds to a variance unless told otherwise; a state dict does not hold it."""


def scale_and_shift(file: ForeignFile, state: Mapping[str, Tensor], prefix: str) -> tuple[Tensor, Tensor]:
    """(C,) and (C,), float64, with which the layer called ``prefix`` does x · scale + shift in evaluation.

    Raises :class:`ControlError` when a part is missing, or a variance negative.
    """
    parts = []
    for part in ("weight", "bias", "running_mean", "running_var"):
        key = f"{prefix}.{part}"
        if key not in state:
            raise ControlError(f"'{file.name}' is damaged: it lacks {key}.")
        parts.append(numbers(file, key, state[key], (1,)))
    weight, bias, mean, variance = parts
    if len({len(part) for part in parts}) > 1 or bool((variance < 0).any()):
        raise ControlError(f"'{file.name}' is damaged: {prefix} has statistics that fit no layer.")
    scale = weight / (variance + EPSILON).sqrt()
    return scale, bias - mean * scale
