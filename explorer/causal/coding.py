"""How the values of variables lie in a latent vector: each is one coordinate, standardised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.causal.base import Values

RESOLUTION = 2.0**-22
"""Of a coordinate of 32 bits about 1, with what goes on in between."""


@dataclass(frozen=True)
class Axis:
    """Where a variable lies: its value is ``coordinate · deviation + mean``. Categories: mean 0, deviation 1.

    ``ends``: values at which many rows lie (a floor), and where mechanisms ask whether a value is just that. What is
    nearer to one than coordinates of 32 bits can tell is it.
    """

    index: int
    mean: float = 0.0
    deviation: float = 1.0
    ends: tuple[float, ...] = ()

    def value(self, coordinate: Tensor) -> Tensor:
        """(B,), float64, of coordinates (B,)."""
        value = coordinate.double() * self.deviation + self.mean
        for end in self.ends:
            finest = RESOLUTION * (abs(end - self.mean) + self.deviation)
            value = torch.where((value - end).abs() <= finest, end, value)
        return value


@dataclass(frozen=True)
class Coding:
    """``axes``: variable → its axis; ``width``: of the vector, which may hold other numbers as well, of which the first
    ``own`` are the picture's own noise, standard normal. Raises ValueError where two variables lie on one axis or on
    that noise, an axis is outside, or has no extent."""

    axes: Mapping[str, Axis]
    width: int
    own: int = 0

    def __post_init__(self) -> None:
        places = [axis.index for axis in self.axes.values()]
        if len(set(places)) < len(places) or not all(self.own <= place < self.width for place in places):
            raise ValueError(f"axes {places} of {self.width}, after {self.own}")
        if not 0 <= self.own <= self.width:
            raise ValueError(f"{self.own} numbers of noise of {self.width}")
        for axis in self.axes.values():
            if not (0 < axis.deviation < float("inf") and abs(axis.mean) < float("inf")):
                raise ValueError(f"an axis of deviation {axis.deviation} and mean {axis.mean}")

    def values(self, latent: Tensor) -> Values:
        """The values (B,), float64, of every variable at the points ``latent`` (B, width)."""
        return {name: axis.value(latent[:, axis.index]) for name, axis in self.axes.items()}

    def written(self, latent: Tensor, factual: Values, values: Values) -> Tensor:
        """``latent`` (B, width) with ``values`` in place of the ``factual`` ones that it holds; coordinates of what has
        not changed keep their bits."""
        columns = list(latent.unbind(dim=1))
        for name, axis in self.axes.items():
            if values[name] is factual[name]:
                continue
            changed = values[name] != factual[name]
            coordinate = ((values[name] - axis.mean) / axis.deviation).to(latent)
            same = columns[axis.index]
            if coordinate.requires_grad:  # in value what stood there, with the derivative of what would be written
                same = same.detach() + (coordinate - coordinate.detach())
            columns[axis.index] = torch.where(changed, coordinate, same)
        return torch.stack(columns, dim=1)
