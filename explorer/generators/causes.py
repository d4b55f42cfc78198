"""The structural causal model in the folder of a generator whose factors are variables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from explorer.causal import model_file
from explorer.causal.base import Mechanism
from explorer.causal.coding import Coding
from explorer.causal.mechanisms.floored import Floored
from explorer.causal.model import StructuralModel
from explorer.errors import CausalError, ModelError
from explorer.worlds.base import Factor

CAUSES = "causes.safetensors"


def read_causes(folder: Path, factors: Sequence[Factor]) -> StructuralModel:
    """The model in ``folder``, of these ``factors``. Raises :class:`ModelError` with one sentence."""
    try:
        model = model_file.load(folder / CAUSES)
    except CausalError as error:
        raise ModelError(f"What causes what in '{folder.name}' cannot be read: {error}") from error
    kinds = {variable.name: variable.kind for variable in model.graph.variables}
    if kinds != {factor.name: factor.variable.kind for factor in factors}:
        raise ModelError(
            f"'{CAUSES}' in '{folder.name}' is about {', '.join(kinds)}, but the model draws "
            f"{', '.join(factor.name for factor in factors)}, or some are of another kind; the folder mixes two models."
        )
    return model


def ends_of(mechanism: Mechanism) -> tuple[float, ...]:
    """The values beyond which it gives none, and at which many rows lie."""
    if not isinstance(mechanism, Floored):
        return ()
    return tuple(end for end in (mechanism.floor, mechanism.ceiling) if end is not None)


def at_ends(point: Tensor, coding: Coding, causes: StructuralModel, errors: Mapping[str, float]) -> Tensor:
    """``point`` (B, width), read from pictures, whose factors are at an end of their mechanisms where that is likelier
    than that they nearly are, given how far the reader is wrong (``errors``, root mean squares, in the factors' units):
    else the little that is missing would be put down to a noise that hardly ever is."""
    for name in causes.order:
        axis, error, mechanism = coding.axes[name], errors[name], causes.mechanisms[name]
        for end in axis.ends if error > 0 else ():
            values = coding.values(point)
            parents, value = causes.causes_of(name, values), values[name]
            misread = -(((value - end) / error) ** 2) / 2 - math.log(error * math.sqrt(2 * math.pi))
            at_end = mechanism.log_prob(parents, torch.full_like(value, end)) + misread
            beside = mechanism.log_prob(parents, value)  # nothing is beyond an end
            column = torch.where(
                beside.isneginf() | (at_end > beside), (end - axis.mean) / axis.deviation, point[:, axis.index].double()
            )
            point = torch.cat([point[:, : axis.index], column[:, None].to(point), point[:, axis.index + 1 :]], dim=1)
    return point
